//! Settings of the solvers.

use super::Name;
use super::program::Class;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// How many solvers run at a time, how far each may go, and which one is for what.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Solves at a time, each a process of its own.
    pub workers_max: usize,
    /// Solves that may wait for one of them to end.
    pub waiting_max: usize,
    /// Milliseconds for which one waits at most.
    pub wait_ms: u64,
    /// Milliseconds that a solve may take; one that asks for more gets this much.
    pub time_ms_max: u64,
    /// Milliseconds past its limit after which a solver that has not stopped by itself is killed.
    pub grace_ms: u64,
    /// Bytes of memory that a solve may take; one that asks for more gets this much.
    pub memory_bytes_max: u64,
    /// Which solver is for linear programs.
    pub lp: Name,
    /// Which one is for programs with integer columns.
    pub mip: Name,
    /// Which one is for convex programs.
    pub convex: Name,
    /// The program that runs as a worker, for who is not `instinct` itself: a test, an example. It must call
    /// [`worker_main`](super::worker_main) where its first argument is `solve-worker`.
    #[serde(skip)]
    pub worker: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers_max: 2,
            waiting_max: 16,
            wait_ms: 5_000,
            time_ms_max: 60_000,
            grace_ms: 1_000,
            memory_bytes_max: 2 << 30,
            lp: Name::Highs,
            mip: Name::Highs,
            convex: Name::Clarabel,
            worker: None,
        }
    }
}

/// A rule that a setting breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {rule}")]
pub struct BadSetting {
    /// Which setting.
    pub setting: &'static str,
    /// What it must be.
    pub rule: &'static str,
}

/// Least memory that leaves room for the libraries themselves.
const MEMORY_BYTES_MIN: u64 = 64 << 20;

impl Config {
    /// Checks the settings against each other.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), BadSetting> {
        let rules = [
            ("workers_max", "from 1 to 256", (1..=256).contains(&self.workers_max)),
            ("waiting_max", "at most 100000", self.waiting_max <= 100_000),
            ("wait_ms", "at most 600000", self.wait_ms <= 600_000),
            ("time_ms_max", "from 1 to 3600000", (1..=3_600_000).contains(&self.time_ms_max)),
            ("grace_ms", "from 1 to 60000", (1..=60_000).contains(&self.grace_ms)),
            ("memory_bytes_max", "at least 67108864", self.memory_bytes_max >= MEMORY_BYTES_MIN),
            ("lp", "\"highs\" or \"clarabel\"", self.lp.takes(Class::Lp)),
            ("mip", "\"highs\"", self.mip.takes(Class::Mip)),
            ("convex", "\"clarabel\", or \"highs\" where every program is linear", self.convex.takes(Class::Convex)),
        ];
        match rules.into_iter().find(|(_, _, holds)| !holds) {
            Some((setting, rule, _)) => Err(BadSetting { setting, rule }),
            None => Ok(()),
        }
    }

    /// Which solver is for programs of this class.
    pub fn name_for(&self, class: Class) -> Name {
        match class {
            Class::Lp => self.lp,
            Class::Mip => self.mip,
            Class::Convex => self.convex,
            Class::Cp => Name::CpSat,
        }
    }

    /// How long a solve waits for a worker.
    pub(super) fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_every_rule() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn a_solver_that_does_not_take_a_class_is_refused_for_it() {
        let config = Config { mip: Name::Clarabel, ..Config::default() };
        assert_eq!(config.check().unwrap_err().setting, "mip");
    }

    #[test]
    fn no_worker_at_all_is_refused() {
        let config = Config { workers_max: 0, ..Config::default() };
        assert_eq!(config.check().unwrap_err().setting, "workers_max");
    }
}
