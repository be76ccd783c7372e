//! How much of a server is used, and what becomes of a role that may write.

use super::OpenError;
use super::error::within;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The connections to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolConfig {
    /// Connections, and so queries at once, 1 to 256.
    pub connections_max: usize,
    /// Queries that may wait for a connection before more are turned away, 0 to 10,000.
    pub waiting_max: usize,
    /// Milliseconds to connect, with encryption and password, 10 to 60,000.
    pub connect_timeout_ms: u64,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self { connections_max: 8, waiting_max: 64, connect_timeout_ms: 2_000 }
    }
}

impl PoolConfig {
    pub(in crate::warehouse) fn check(&self, section: &str) -> Result<(), OpenError> {
        within(section, "pool.connections_max", self.connections_max as u64, 1, 256)?;
        within(section, "pool.waiting_max", self.waiting_max as u64, 0, 10_000)?;
        within(section, "pool.connect_timeout_ms", self.connect_timeout_ms, 10, 60_000)
    }

    pub(in crate::warehouse) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }
}

/// What becomes of a role whose rights would let it write. The session forbids it to write in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Writable {
    /// Nothing is asked with it.
    #[default]
    Refuse,
    /// It is used, and the log says so once for each connection.
    Warn,
}
