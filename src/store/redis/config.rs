//! The settings of the store in Redis.

use crate::limits::TTL_SEC_MAX;
use crate::store::StoreError;
use serde::{Deserialize, Serialize};

/// The settings of the store in Redis. How Redis is reached is said by [`crate::redis::Config`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Writes that may wait for Redis, 1 to 1,000,000: as many that nobody waits for, and as many commits. Each holds its record, about
    /// 1 to 3 kB.
    pub queue_records: usize,
    /// Seconds for which decision records are kept, from 60.
    pub decision_retention_sec: u64,
    /// Changes of one tenant that the stream keeps, 1,000 to 100,000,000, about. A process that falls further behind fills its memory anew.
    pub stream_length_max: u64,
    /// Replicas that must have a write before its caller is told that it is stored, 0 to 16.
    pub wait_replicas: u32,
    /// Whether a write must be on the disk of the primary, and of that many replicas, before its caller is told. Needs Redis 7.2 with
    /// `appendonly yes`. Without it, what was stored within the last second may be lost with the primary's machine.
    pub wait_fsync: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue_records: 16_384,
            decision_retention_sec: 7 * 24 * 3_600,
            stream_length_max: 100_000,
            wait_replicas: 0,
            wait_fsync: false,
        }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// [`StoreError::Setting`] for the first that is out of it.
    pub fn check(&self) -> Result<(), StoreError> {
        let within = |field, given: u64, min: u64, max: u64| {
            let fits = (min..=max).contains(&given);
            let refused = || StoreError::Setting { field, given: given.to_string(), rule: format!("it must be {min} to {max}") };
            if fits { Ok(()) } else { Err(refused()) }
        };
        within("redis.queue_records", self.queue_records as u64, 1, 1_000_000)?;
        within("redis.decision_retention_sec", self.decision_retention_sec, 60, TTL_SEC_MAX)?;
        within("redis.stream_length_max", self.stream_length_max, 1_000, 100_000_000)?;
        within("redis.wait_replicas", u64::from(self.wait_replicas), 0, 16)
    }
}
