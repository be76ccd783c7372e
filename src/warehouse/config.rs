//! Settings of the warehouses.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// Settings of the warehouse in process, which is the ClickHouse engine. Its library lies beside ONNX Runtime, as `chdb/libchdb.so` in the
/// runtime folder; it is loaded where a table is first put or asked for, and takes some 200 MB of memory from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the tables, in the data folder. A process has one.
    pub folder: PathBuf,
    /// Threads of one query.
    pub threads: usize,
    /// Queries at a time.
    pub queries_max: usize,
    /// Queries that may wait for one of them to end.
    pub waiting_max: usize,
    /// Milliseconds that a query may take; one with a later deadline gets this much.
    pub time_ms_max: u64,
    /// Bytes of memory that one query may take.
    pub query_memory_bytes_max: u64,
    /// Bytes of memory that all queries may take together.
    pub memory_bytes_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            folder: "warehouse".into(),
            threads: 4,
            queries_max: 4,
            waiting_max: 256,
            time_ms_max: 60_000,
            query_memory_bytes_max: 1 << 30,
            memory_bytes_max: 3 << 30,
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

impl Config {
    /// Checks what a type can't.
    ///
    /// # Errors
    /// The first rule that a setting breaks.
    pub fn check(&self) -> Result<(), BadSetting> {
        const MEMORY_BYTES_MIN: u64 = 16 << 20;
        let rules = [
            ("folder", !self.folder.as_os_str().is_empty(), "must be a folder"),
            ("threads", (1..=256).contains(&self.threads), "must be 1 to 256"),
            ("queries_max", (1..=256).contains(&self.queries_max), "must be 1 to 256"),
            ("waiting_max", self.waiting_max <= 100_000, "must be 100000 at most"),
            ("time_ms_max", (1..=86_400_000).contains(&self.time_ms_max), "must be 1 to 86400000"),
            ("query_memory_bytes_max", self.query_memory_bytes_max >= MEMORY_BYTES_MIN, "must be 16777216 at least"),
            ("memory_bytes_max", self.memory_bytes_max >= self.query_memory_bytes_max, "must be query_memory_bytes_max at least"),
        ];
        rules.into_iter().find(|(_, holds, _)| !holds).map_or(Ok(()), |(setting, _, rule)| Err(BadSetting { setting, rule }))
    }

    pub(super) fn time_max(&self) -> Duration {
        Duration::from_millis(self.time_ms_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_and_a_setting_beyond_its_bounds_is_named() {
        assert_eq!(Config::default().check(), Ok(()));
        let broken = Config { memory_bytes_max: 1 << 29, ..Config::default() };
        assert_eq!(broken.check().unwrap_err().to_string(), "memory_bytes_max: must be query_memory_bytes_max at least");
        assert!(toml::from_str::<Config>("thread = 3").is_err());
        assert_eq!(toml::from_str::<Config>("threads = 3").unwrap().threads, 3);
    }
}
