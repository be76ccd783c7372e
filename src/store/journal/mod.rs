//! A bounded journal on disk for what a store on a server is owed while it is away or slow.
//!
//! `Journaled` stands in front of such a store. What a caller was promised goes to the store alone, and fails where it is away. A backfill,
//! which nobody was promised, is kept in the journal then and replayed when the store answers again. After one failure the journal is taken
//! at once, until a probe shows that the store is back (Nygard, "Release It!", circuit breaker); each process probes and replays at moments
//! of its own, so that all of them together don't stampede.
//!
//! Audit records of hits are not journaled: they come by the thousand each second, and would take the room of what engines decided, of
//! which an entry and its audit record are one backfill.
//!
//! Invariants:
//! - a backfill that was kept is durable when [`Store::backfill`] returns, and survives a kill;
//! - what is owed is read by `get` and `get_many` and shown by `scan` as if it were stored, but where the store has something later;
//! - a replay puts nothing in the place of a record that is known to be later, and brings back nothing that this process has
//!   written anew or deleted since, or that was deleted by its tag;
//! - memory grows with the number of records that are owed, never with their bytes.
//!
//! What another process deleted by its id while this one held a later version of it in its journal comes back with the replay: the store
//! keeps no mark of a deletion.

#[cfg(fuzzing)]
pub mod fuzz;
mod group;
#[cfg(test)]
mod kill;
mod log;
mod place;
mod replay;
mod shared;
#[cfg(test)]
mod tests;
mod writer;

use super::{Record, RecordKey, RecordKind, Shared, Store, StoreError, StoreHealth, Visit, Write};
use crate::domain::time::{Clock, Timestamp};
use crate::telemetry::metrics;
use async_trait::async_trait;
use log::Log;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::task::AbortHandle;
use writer::Message;

/// Groups that wait for the thread that writes. Each was given room, so this bounds no more than how many callers wait in line.
const WAITING_MAX: usize = 1_024;

/// The settings of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Milliseconds that the store has for a backfill before it is kept in the journal, 10 to 60,000.
    pub commit_timeout_ms: u64,
    /// Milliseconds between two probes of a store that is away, 10 to 60,000; half as many to one and a half times as many.
    pub probe_interval_ms: u64,
    /// Bytes that the journal may take on disk, 1 MiB to 64 GiB.
    pub bytes_max: u64,
    /// Records that it may hold, 2 to 10,000,000. Each takes about 200 bytes of memory.
    pub records_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { commit_timeout_ms: 250, probe_interval_ms: 500, bytes_max: 256 << 20, records_max: 100_000 }
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
        within("journal.commit_timeout_ms", self.commit_timeout_ms, 10, 60_000)?;
        within("journal.probe_interval_ms", self.probe_interval_ms, 10, 60_000)?;
        within("journal.bytes_max", self.bytes_max, 1 << 20, 64 << 30)?;
        within("journal.records_max", self.records_max as u64, 2, 10_000_000)
    }
}

/// How the journal is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct JournalHealth {
    /// Whether backfills go to it rather than to the store.
    pub in_use: bool,
    /// Records that the store is owed.
    pub records: usize,
    /// Bytes on disk.
    pub bytes: u64,
    /// Records that the store got from it, since the start.
    pub replayed: u64,
    /// Records that neither the store nor the journal took, since the start.
    pub refused: u64,
}

/// A store with a journal before it.
#[derive(Debug)]
pub(super) struct Journaled {
    core: Arc<Core>,
    // Taken apart when it is dropped.
    queue: Option<mpsc::Sender<Message>>,
    thread: Option<JoinHandle<()>>,
    replaying: Option<AbortHandle>,
}

/// What the callers, the writing thread and the replay share.
#[derive(Debug)]
struct Core {
    inner: Arc<dyn Store>,
    log: Arc<Log>,
    config: Config,
    clock: Clock,
    away: AtomicBool,
    /// Told when there is something to replay or to probe.
    work: Notify,
    /// Held by a replay, and by a commit of something that is owed: neither sees the other's half.
    turn: Mutex<()>,
    replayed: AtomicU64,
    refused: AtomicU64,
}

impl Core {
    fn refuse(&self, records: usize) {
        self.refused.fetch_add(records as u64, Ordering::Relaxed);
        metrics::journal_refused(records);
    }

    fn set_away(&self, away: bool, why: Option<&StoreError>) {
        if self.away.swap(away, Ordering::AcqRel) != away {
            match why {
                Some(error) => tracing::warn!(%error, "the store is away: backfills go to the journal"),
                None => tracing::info!("the store is back"),
            }
        }
        if away {
            self.work.notify_one();
        }
    }
}

impl Journaled {
    /// Opens the journal in the directory `dir` before `inner`. Within a tokio runtime what is owed is replayed from now on. Blocks.
    pub(super) fn open(inner: Arc<dyn Store>, config: &Config, dir: &Path, clock: Clock) -> Result<Self, StoreError> {
        config.check()?;
        let log = Arc::new(Log::open(config, dir)?);
        let (queue, messages) = mpsc::channel(WAITING_MAX);
        let writing = Arc::clone(&log);
        let spawned = std::thread::Builder::new().name("store-journal".into()).spawn(move || writer::run(&writing, messages));
        let thread = spawned.map_err(|e| StoreError::Journal { detail: format!("its thread could not be started: {e}") })?;
        let core = Arc::new(Core {
            inner,
            log,
            config: config.clone(),
            clock,
            away: AtomicBool::new(false),
            work: Notify::new(),
            turn: Mutex::default(),
            replayed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        });
        let replaying = tokio::runtime::Handle::try_current()
            .map(|runtime| runtime.spawn(replay::run(Arc::clone(&core), queue.downgrade())).abort_handle());
        Ok(Self { core, queue: Some(queue), thread: Some(thread), replaying: replaying.ok() })
    }

    /// Appends a group and returns when it is durable. Whoever stops waiting takes no room with them.
    async fn append(&self, group: Vec<u8>, records: usize) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        let place = queue.reserve().await.map_err(|_| StoreError::Closed)?;
        self.core.log.take_room(records, group.len())?;
        place.send(Message::Append { group, records, answer });
        answered.await.map_err(|_| StoreError::Closed)?
    }

    async fn journal(&self, writes: &[Write]) -> Result<(), StoreError> {
        self.append(group::of_writes(self.core.clock.now(), writes)?, writes.len()).await?;
        self.core.work.notify_one();
        Ok(())
    }

    /// Commits to the store, and notes that what is owed under the same keys is out of date: before the caller is told, so that nothing that
    /// a caller was told to be gone comes back.
    async fn commit_over(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let keys: Vec<RecordKey> = writes.iter().map(Write::key).collect();
        if self.core.log.owed_among(keys.iter()).is_empty() {
            return self.core.inner.commit(writes).await;
        }
        let _turn = self.core.turn.lock().await;
        self.core.inner.commit(writes).await?;
        self.supersede(&keys).await
    }

    /// Notes that what is owed under `keys` is out of date. The turn is held.
    async fn supersede(&self, keys: &[RecordKey]) -> Result<(), StoreError> {
        let owed = self.core.log.owed_among(keys.iter());
        if owed.is_empty() {
            return Ok(());
        }
        self.append(group::of_superseded(self.core.clock.now(), owed.iter()), 0).await
    }

    /// What the store has under a key of which something is owed, where it says so in time.
    async fn stored(&self, key: &RecordKey) -> Option<Record> {
        if self.core.away.load(Ordering::Acquire) {
            return None;
        }
        let bound = Duration::from_millis(self.core.config.commit_timeout_ms);
        tokio::time::timeout(bound, self.core.inner.get(key)).await.ok()?.ok()?
    }

    fn shows(&self, owed: Option<Record>, now: Timestamp) -> Option<Record> {
        owed.filter(|record| !record.expired(now))
    }
}

#[async_trait]
impl Store for Journaled {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        self.commit_over(writes).await
    }

    fn record(&self, write: Write) -> Result<(), StoreError> {
        self.core.inner.record(write)
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        let Some(place) = self.core.log.owed(key) else { return self.core.inner.get(key).await };
        let (stored, wanted) = (self.stored(key).await, key.clone());
        let (at, read) = replay::blocking(move || Ok((place.at, place.read(&wanted)?))).await?;
        Ok(self.shows(later(stored, read, at), self.core.clock.now()))
    }

    fn scan(&self, kind: RecordKind, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let now = self.core.clock.now();
        let mut owed = self.core.log.owed_of(kind);
        let mut stopped = false;
        self.core.inner.scan(kind, &mut |found| {
            let place = found.as_ref().ok().and_then(|stored| owed.remove_entry(&stored.key()));
            let shown = match (found, place) {
                (Ok(stored), Some((key, place))) => match place.read(&key) {
                    Ok(owed) => later(Some(stored), owed, place.at).map(Ok),
                    Err(_) => Some(Ok(stored)),
                },
                (found, _) => Some(found),
            };
            let shown = shown.filter(|shown| shown.as_ref().map_or(true, |record| !record.expired(now)));
            let went_on = shown.map_or(ControlFlow::Continue(()), &mut *visit);
            stopped |= went_on.is_break();
            went_on
        })?;
        for (key, place) in owed {
            if stopped {
                break;
            }
            match place.read(&key) {
                Ok(read) => stopped = self.shows(read, now).is_some_and(|record| visit(Ok(record)).is_break()),
                Err(StoreError::Codec(error)) => stopped = visit(Err(error)).is_break(),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.core.inner.flush().await
    }

    async fn prune(&self, before: Timestamp) -> Result<(), StoreError> {
        self.core.inner.prune(before).await
    }

    async fn sweep(&self) -> Result<Vec<RecordKey>, StoreError> {
        self.core.inner.sweep().await
    }

    async fn backfill(&self, writes: Vec<Write>) -> Result<bool, StoreError> {
        let core = &self.core;
        if !core.away.load(Ordering::Acquire) {
            let bound = Duration::from_millis(core.config.commit_timeout_ms);
            match tokio::time::timeout(bound, self.commit_over(writes.clone())).await {
                Ok(Ok(())) => return Ok(true),
                Ok(Err(error @ StoreError::Codec(_))) => return Err(error),
                Ok(Err(error)) if error.passes() => core.set_away(true, Some(&error)),
                // It refuses this backfill and would refuse it again; other tenants' it may take.
                Ok(Err(error @ StoreError::Redis(_))) => {
                    core.refuse(writes.len());
                    return Err(error);
                }
                Ok(Err(error)) => tracing::warn!(%error, "a backfill goes to the journal"),
                Err(_) => {
                    let detail = format!("it did not answer within {} ms", bound.as_millis());
                    core.set_away(true, Some(&StoreError::Away { detail }));
                }
            }
        }
        self.journal(&writes).await.inspect_err(|_| core.refuse(writes.len()))?;
        Ok(false)
    }

    fn health(&self) -> StoreHealth {
        let (records, bytes) = self.core.log.size();
        let journal = JournalHealth {
            in_use: self.core.away.load(Ordering::Relaxed),
            records,
            bytes,
            replayed: self.core.replayed.load(Ordering::Relaxed),
            refused: self.core.refused.load(Ordering::Relaxed),
        };
        StoreHealth { journal: Some(journal), ..self.core.inner.health() }
    }

    fn shared(&self) -> Option<&dyn Shared> {
        self.core.inner.shared().map(|_| self as &dyn Shared)
    }
}

/// Which of the two is shown under a key: what is stored, or what was journaled `at` that moment, `None` for a delete.
fn later(stored: Option<Record>, owed: Option<Record>, at: Timestamp) -> Option<Record> {
    match (stored, owed) {
        (Some(stored), Some(owed)) if stored.outdates(&owed) => Some(stored),
        (Some(stored), None) if stored.made_at().is_some_and(|made| made > at) => Some(stored),
        (_, owed) => owed,
    }
}

impl Drop for Journaled {
    fn drop(&mut self) {
        if let Some(replaying) = self.replaying.take() {
            replaying.abort();
        }
        // The thread ends when its queue is empty and nobody holds the other end; joined, so that what was handed over is on the disk.
        self.queue = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the journal ended by a panic");
        }
    }
}
