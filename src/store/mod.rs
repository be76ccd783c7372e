//! Records that last: components, vectors of texts, remembered decisions and audit records.
//!
//! There are two ways to write. [`Store::commit`] is for what a caller is told was stored: when it returns, the records
//! survive a kill and a loss of power. [`Store::record`] is for what the hot path leaves behind, audit records and the
//! vectors of fresh texts: it never waits, and what was not yet synced is lost with the machine.
//!
//! Invariants:
//! - a commit is stored as a whole or not at all, and commits are shared: one sync serves all that wait for one;
//! - writes of one key take effect in the order in which they were handed over, whichever way they came;
//! - a record written behind is seen by `get` at once; `scan` sees what was written, so a reader that wants all flushes first;
//! - a record whose time to live has ended, or a decision record past retention, is never seen again;
//! - a read never fails because a write could not be done;
//! - damaged bytes are an error that names the record, never another record.
//!
//! A store that several processes share is a [`Shared`] as well.

mod backend;
pub mod buckets;
pub mod codec;
#[cfg(test)]
mod contract;
mod embedded;
mod error;
pub mod generations;
pub mod journal;
mod memory;
pub mod moving;
mod pending;
mod read_only;
mod record;
mod redis;
#[cfg(test)]
mod sample;
pub mod shared;
#[cfg(test)]
mod shared_contract;

pub use backend::{Backend, BadBackend};
pub use codec::CodecError;
pub use error::StoreError;
pub use journal::JournalHealth;
pub use memory::Common;
pub use record::{Family, Record, RecordKey, RecordKind, Write};
pub use redis::Config as RedisConfig;
#[cfg(fuzzing)]
pub use redis::fuzz as fuzz_redis;
pub use shared::Shared;

use crate::domain::time::{Clock, Timestamp};
use crate::redis::{Address, Redis};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// Where records last.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// Stores `writes` as a whole, in order, and returns when they are durable. A caller that stops waiting does not
    /// stop the commit. Waits while the queue is full.
    ///
    /// # Errors
    /// [`StoreError`]; then it is not known to be stored, and it may be handed over again.
    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError>;

    /// Queues one write and never waits. It is durable after [`Config::sync_interval_ms`], or after the next commit.
    ///
    /// # Errors
    /// [`StoreError::QueueFull`] where there is no room, [`StoreError::Closed`] on the way down.
    fn record(&self, write: Write) -> Result<(), StoreError>;

    /// The record under `key`.
    ///
    /// # Errors
    /// [`StoreError`] where the disk fails or the record is damaged.
    async fn get(&self, key: &RecordKey) -> Result<Option<Record>, StoreError>;

    /// Shows each record of a kind to `visit`, in no promised order, until it breaks off. A record that can't be read is
    /// shown as an error and does not stop the scan. Blocks; for the start of the service and for tools.
    ///
    /// # Errors
    /// [`StoreError`] where the disk fails.
    fn scan(&self, kind: RecordKind, visit: &mut Visit<'_>) -> Result<(), StoreError>;

    /// Returns when all that was handed over before is durable.
    ///
    /// # Errors
    /// [`StoreError`] where a sync failed.
    async fn flush(&self) -> Result<(), StoreError>;

    /// Drops the decision records whose ids were given out before `before`, for all tenants. They are hidden at once; their
    /// room on disk comes back in pieces.
    ///
    /// # Errors
    /// [`StoreError`] where the store can't be written.
    async fn prune(&self, before: Timestamp) -> Result<(), StoreError>;

    /// Removes records whose time to live has ended and gives their keys, at most [`SWEEP_RECORDS_MAX`] at a time: call it
    /// again until it gives none. Retention of decision records is applied as well.
    ///
    /// # Errors
    /// [`StoreError`] where the store can't be read or written.
    async fn sweep(&self) -> Result<Vec<RecordKey>, StoreError>;

    /// As [`Self::commit`], for what a caller was not promised: where the store is away it is kept elsewhere and stored when the store is
    /// back, if there is a place for that. `true` where it is stored now.
    ///
    /// # Errors
    /// [`StoreError`]; then it is lost with this process.
    async fn backfill(&self, writes: Vec<Write>) -> Result<bool, StoreError> {
        self.commit(writes).await.map(|()| true)
    }

    /// How it is. Never waits.
    fn health(&self) -> StoreHealth;

    /// What it has in common with other processes; `None` where this process has the store for itself.
    fn shared(&self) -> Option<&dyn Shared> {
        None
    }
}

/// Who is shown the records of a scan.
pub type Visit<'a> = dyn FnMut(Result<Record, CodecError>) -> ControlFlow<()> + 'a;

/// Records that one call of [`Store::sweep`] removes. Bounded because commits wait while it runs.
pub const SWEEP_RECORDS_MAX: usize = 1_024;

/// How a store is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreHealth {
    /// Why it takes no more writes; `None` while it does.
    pub failed: Option<String>,
    /// Writes that wait in the queue.
    pub queued: usize,
    /// How many may wait.
    pub queue_capacity: usize,
    /// Writes taken by [`Store::record`] that could not be stored, since the start.
    pub lost: u64,
    /// Bytes on disk, as of the last sync; 0 where there is no disk.
    pub disk_bytes: u64,
    /// How the journal before it is; `None` where there is none.
    pub journal: Option<JournalHealth>,
    /// The server that has the records, without passwords; `None` where this process has them.
    pub server: Option<String>,
}

/// The settings of the embedded store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Writes that may wait for the disk, 1 to 1,000,000. Each holds its record, about 1 to 3 kB.
    pub queue_records: usize,
    /// Milliseconds after which what was written behind is synced to the disk, 1 to 60,000. A commit never waits for it.
    pub sync_interval_ms: u64,
    /// Seconds for which decision records are kept, from 60.
    pub decision_retention_sec: u64,
    /// Bytes on disk that decision records may take, 16 MiB to 32 GiB; the oldest go first.
    pub decision_bytes_max: u64,
    /// Bytes of memory for blocks read from disk, 1 MiB to 64 GiB.
    pub cache_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue_records: 16_384,
            sync_interval_ms: 100,
            decision_retention_sec: 7 * 24 * 3_600,
            decision_bytes_max: 4 << 30,
            cache_bytes: 16 << 20,
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
            let rule = || format!("it must be {min} to {max}");
            let fits = (min..=max).contains(&given);
            if fits { Ok(()) } else { Err(StoreError::Setting { field, given: given.to_string(), rule: rule() }) }
        };
        within("queue_records", self.queue_records as u64, 1, 1_000_000)?;
        within("sync_interval_ms", self.sync_interval_ms, 1, 60_000)?;
        within("decision_retention_sec", self.decision_retention_sec, 60, crate::limits::TTL_SEC_MAX)?;
        within("decision_bytes_max", self.decision_bytes_max, 16 << 20, 32 << 30)?;
        within("cache_bytes", self.cache_bytes, 1 << 20, 64 << 30)
    }
}

/// Opens the embedded store in the directory `dir`, which it makes where it is missing and has for itself. What a killed
/// process left behind is recovered. Blocks.
///
/// # Errors
/// [`StoreError`], whose text says what to do.
pub fn open(config: &Config, dir: &Path, clock: Clock) -> Result<Arc<dyn Store>, StoreError> {
    config.check()?;
    Ok(Arc::new(embedded::Embedded::open(config, dir, clock)?))
}

/// The same store with a journal before it, in the directory `dir`, that keeps backfills while the store is away. For a store that several
/// processes share, within a tokio runtime, which replays what the journal kept. Blocks.
///
/// # Errors
/// [`StoreError`], whose text says what to do.
pub fn journaled(
    store: Arc<dyn Store>,
    config: &journal::Config,
    dir: &Path,
    clock: Clock,
) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(journal::Journaled::open(store, config, dir, clock)?))
}

/// The same store to look at: what is written to it is taken and not kept.
pub fn read_only(store: Arc<dyn Store>) -> Arc<dyn Store> {
    Arc::new(read_only::ReadOnly { inner: store })
}

/// The records under `keys` that are there. One that can't be read is none: whatever takes its place is better than it.
async fn read_many(store: &dyn Store, keys: &[RecordKey]) -> Result<HashMap<RecordKey, Record>, StoreError> {
    let mut found = HashMap::new();
    if let Some(shared) = store.shared() {
        let read = shared.get_many(keys).await?;
        found.extend(keys.iter().zip(read).filter_map(|(key, read)| Some((key.clone(), read.ok().flatten()?))));
        return Ok(found);
    }
    for key in keys {
        match store.get(key).await {
            Ok(record) => found.extend(record.map(|record| (key.clone(), record))),
            Err(StoreError::Codec(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Opens the store in the Redis at `address`, which other processes may use as well. Blocks until it has answered.
///
/// # Errors
/// [`StoreError`], whose text says what to do.
pub fn open_redis(
    address: &Address,
    connection: &crate::redis::Config,
    config: &RedisConfig,
    clock: Clock,
) -> Result<Arc<dyn Store>, StoreError> {
    let redis = Arc::new(Redis::start(address, connection)?);
    Ok(Arc::new(redis::InRedis::open(redis, connection.command_timeout(), config, clock)?))
}

/// A store in memory, which ends with the process: for tests and for trying things out.
pub fn in_memory(clock: Clock) -> Arc<dyn Store> {
    Arc::new(memory::Memory::new(clock))
}
