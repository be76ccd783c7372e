//! Times until something happens, some of them seen only to have lasted longer (censored on the right).
//!
//! Conventions: a time is a duration of at least 0; an event and a censoring at the same time count as the event first, so that
//! the censored one was at risk (Kalbfleisch and Prentice 2002, section 1.4).

pub mod cox;
pub mod kaplan_meier;
pub mod log_rank;
pub mod weibull;

use super::StatsError;

/// One life.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Life {
    /// How long it was watched.
    pub time: f64,
    /// Whether the event came then; otherwise it was lost from sight.
    pub event: bool,
}

impl Life {
    /// Lives of two columns of one length.
    ///
    /// # Errors
    /// [`StatsError::Lengths`].
    pub fn of(times: &[f64], events: &[bool]) -> Result<Vec<Self>, StatsError> {
        if times.len() != events.len() {
            return Err(StatsError::Lengths(times.len(), events.len()));
        }
        Ok(times.iter().zip(events).map(|(&time, &event)| Self { time, event }).collect())
    }
}

/// Checks that all times are finite and not negative, and that there are enough of them.
fn checked(lives: &[Life], needed: usize) -> Result<(), StatsError> {
    if lives.len() < needed {
        return Err(StatsError::TooFew { needed, got: lives.len() });
    }
    match lives.iter().position(|life| !(life.time.is_finite() && life.time >= 0.0)) {
        Some(at) => {
            Err(StatsError::Value { what: "time", row: at + 1, value: lives[at].time, wanted: "a duration of at least 0" })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
pub(in crate::stats) mod known {
    //! The remission times of Freireich and others (1963), as printed in Gehan (1965) and in every textbook since: 42 children
    //! with leukaemia, in weeks.
    use super::Life;

    pub fn treated() -> Vec<Life> {
        let times = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35];
        let events = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0];
        times.iter().zip(events).map(|(&t, e)| Life { time: f64::from(t), event: e == 1 }).collect()
    }

    pub fn placebo() -> Vec<Life> {
        let times = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23];
        times.iter().map(|&t| Life { time: f64::from(t), event: true }).collect()
    }
}
