//! The settings of processes that share a store.

use crate::domain::field::FieldError;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a process does where it can't know that it is in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PastBound {
    /// It says that it is not ready, and goes on to answer from memory.
    Serve,
    /// It answers 503 as well.
    Refuse,
}

/// The settings of processes that share a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replicas {
    /// Milliseconds that memory may be behind the store, 100 to 600,000.
    pub lag_bound_ms: u64,
    /// What comes past that.
    pub past_lag_bound: PastBound,
    /// Milliseconds after which the run of an engine whose process has died may be taken over, 300 to 60,000.
    pub lease_ms: u64,
}

impl Default for Replicas {
    fn default() -> Self {
        Self { lag_bound_ms: 2_000, past_lag_bound: PastBound::Serve, lease_ms: 3_000 }
    }
}

impl Replicas {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// [`FieldError`] for the first that is out of it.
    pub fn check(&self) -> Result<(), FieldError> {
        let within = |field: &str, given: u64, min: u64, max: u64| match given {
            given if (min..=max).contains(&given) => Ok(()),
            given => Err(FieldError::new(format!("/{field}"), format!("{given} is not {min} to {max}"))),
        };
        within("lag_bound_ms", self.lag_bound_ms, 100, 600_000)?;
        within("lease_ms", self.lease_ms, 300, 60_000)
    }

    pub(super) fn lag_bound(&self) -> Duration {
        Duration::from_millis(self.lag_bound_ms)
    }

    /// How long one look at the stream waits for a change: short beside the bound, so that silence is told from being cut off in time.
    pub(super) fn look(&self) -> Duration {
        (self.lag_bound() / 8).min(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_their_range_are_refused_by_name() {
        assert!(Replicas::default().check().is_ok());
        let short = Replicas { lag_bound_ms: 99, ..Replicas::default() };
        assert_eq!(short.check().unwrap_err().pointer, "/lag_bound_ms");
        let long = Replicas { lease_ms: 60_001, ..Replicas::default() };
        assert_eq!(long.check().unwrap_err().pointer, "/lease_ms");
    }
}
