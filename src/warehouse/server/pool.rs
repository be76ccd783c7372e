//! How much of a server is used, how long is waited for it, and what becomes of a role that may write.

use super::OpenError;
use super::error::within;
use crate::domain::deadline::Deadline;
use crate::warehouse::WarehouseError;
use deadpool::managed::{HookError, Manager, Object, Pool, PoolError, TimeoutType, Timeouts};
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
        Self { connections_max: 8, waiting_max: 256, connect_timeout_ms: 2_000 }
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

/// Waits for a connection, at most until the deadline; makes one where fewer are open than may be.
///
/// # Errors
/// [`WarehouseError::Busy`] where too many wait already or none came free, or what `of_connection` makes of the server's fault.
pub(in crate::warehouse) async fn take<M: Manager>(
    pool: &Pool<M>,
    bounds: PoolConfig,
    deadline: Deadline,
    of_connection: impl Fn(M::Error) -> WarehouseError,
) -> Result<Object<M>, WarehouseError> {
    let left = deadline.remaining();
    if left.is_zero() {
        return Err(WarehouseError::Late);
    }
    let all_taken = || {
        let status = pool.status();
        status.available == 0 && status.size >= status.max_size
    };
    if all_taken() && pool.status().waiting >= bounds.waiting_max {
        return Err(WarehouseError::Busy);
    }
    let connect = left.min(bounds.connect_timeout());
    let timeouts = Timeouts { wait: Some(left), create: Some(connect), recycle: Some(connect) };
    let away = |said: &str| WarehouseError::Away { said: said.to_owned() };
    let taken = tokio::time::timeout_at(deadline.at().into(), pool.timeout_get(&timeouts)).await;
    // The pool's own limit of waiting and the deadline end within the same millisecond, and either may be seen first.
    let too_late = |_| if all_taken() { WarehouseError::Busy } else { away("no connection was there in time") };
    taken.map_err(too_late)?.map_err(|error| match error {
        PoolError::Timeout(TimeoutType::Wait) => WarehouseError::Busy,
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => away("it did not take the connection in time"),
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => of_connection(error),
        PoolError::PostCreateHook(HookError::Message(said)) => {
            WarehouseError::Refused { code: "writable".to_owned(), said: said.into_owned() }
        }
        PoolError::Closed | PoolError::NoRuntimeSpecified => away("the pool is closed"),
    })
}

/// What is said of a role that could write: an error, or a line of the log.
pub(in crate::warehouse) fn judge(section: &str, writable: Writable, found: &str) -> Result<(), String> {
    if writable == Writable::Warn {
        tracing::warn!(
            warehouse = section,
            rights = found,
            "the role that reads the warehouse has rights to write; give it SELECT alone"
        );
        return Ok(());
    }
    Err(format!(
        "the role has rights to write: {found}. Give the service a role that has SELECT alone, or set warehouse.{section}.writable = \"warn\""
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use deadpool::Runtime;
    use deadpool::managed::{Metrics, RecycleResult};
    use std::convert::Infallible;

    /// Connects at once, or never.
    struct Connects(bool);

    impl Manager for Connects {
        type Type = ();
        type Error = Infallible;

        async fn create(&self) -> Result<(), Infallible> {
            if self.0 { Ok(()) } else { std::future::pending().await }
        }

        async fn recycle(&self, (): &mut (), _: &Metrics) -> RecycleResult<Infallible> {
            Ok(())
        }
    }

    fn pool(connects: bool) -> Pool<Connects> {
        Pool::builder(Connects(connects)).max_size(1).runtime(Runtime::Tokio1).build().unwrap()
    }

    async fn taken(pool: &Pool<Connects>, micros: u64) -> Result<Object<Connects>, WarehouseError> {
        take(pool, PoolConfig::default(), Deadline::after(Duration::from_micros(micros)), |never| match never {}).await
    }

    #[tokio::test]
    async fn who_waits_in_vain_is_told_that_all_are_busy_whichever_limit_is_seen_first() {
        let pool = pool(true);
        let held = taken(&pool, 1_000_000).await.unwrap();
        for n in 0..100 {
            let waited = taken(&pool, 2_000 + 37 * n).await;
            assert!(matches!(waited, Err(WarehouseError::Busy)), "after {n}: {:?}", waited.err());
        }
        drop(held);
        drop(taken(&pool, 1_000_000).await.unwrap());
    }

    #[tokio::test]
    async fn a_server_that_takes_no_connection_is_away_and_not_busy() {
        let pool = pool(false);
        for n in 0..20 {
            let waited = taken(&pool, 2_000 + 137 * n).await;
            assert!(matches!(waited, Err(WarehouseError::Away { .. })), "after {n}: {:?}", waited.err());
        }
    }
}
