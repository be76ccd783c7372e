//! The embedded store: records on the local disk, in one directory, for one process.
//!
//! One thread writes. What it finds in its queue it writes as one group: one batch in the log, one sync when somebody in
//! the group waits for one, and then the answers to all. So a hundred commits at once cost one sync, and a write that
//! nobody waits for costs none. Reads go to the log-structured tree past that thread.

mod decisions;
mod disk;
#[cfg(test)]
mod kill;
mod operation;
mod shared;
#[cfg(test)]
mod tests;
mod writer;

use super::{Config, Record, RecordKey, RecordKind, Store, StoreError, StoreHealth, Visit, Write};
use crate::domain::time::{Clock, Timestamp};
use async_trait::async_trait;
use disk::Disk;
use operation::Operation;
use shared::Shared;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, mpsc, oneshot};
use writer::{Message, Writer};

/// Reads from disk at one time. More would only queue inside the disk, on threads of their own.
const READS_MAX: usize = 16;

/// The store on disk.
pub(super) struct Embedded {
    disk: Arc<Disk>,
    shared: Arc<Shared>,
    clock: Clock,
    reads: Semaphore,
    /// The way to the writer and its thread; taken apart when the store is dropped.
    queue: Option<mpsc::Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl Embedded {
    pub(super) fn open(config: &Config, dir: &Path, clock: Clock) -> Result<Self, StoreError> {
        let disk = Arc::new(Disk::open(config, dir, clock.clone())?);
        let shared = Arc::new(Shared::default());
        let (queue, messages) = mpsc::channel(config.queue_records);
        let writer = Writer::new(Arc::clone(&disk), Arc::clone(&shared), messages, config.sync_interval_ms);
        let spawned = std::thread::Builder::new().name("store-writer".into()).spawn(move || writer.run());
        let thread = spawned.map_err(|e| StoreError::Disk {
            action: "starting the writer thread",
            dir: dir.to_owned(),
            detail: e.to_string(),
        })?;
        Ok(Self { disk, shared, clock, reads: Semaphore::new(READS_MAX), queue: Some(queue), thread: Some(thread) })
    }

    fn queue(&self) -> Result<&mpsc::Sender<Message>, StoreError> {
        self.queue.as_ref().ok_or(StoreError::Closed)
    }

    /// Sends a message that is answered, and waits for the answer.
    async fn ask<T>(&self, message: impl FnOnce(Answer<T>) -> Message) -> Result<T, StoreError> {
        self.shared.check()?;
        let (answer, answered) = oneshot::channel();
        self.queue()?.send(message(answer)).await.map_err(|_| StoreError::Closed)?;
        // Between writes that nobody waits for the writer naps; whoever waits wakes it.
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

/// Where the answer to a message goes.
type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

#[async_trait]
impl Store for Embedded {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        // Encoded here and not by the writer, which is one thread for all.
        let operations = writes.iter().map(Operation::of).collect::<Result<Vec<_>, _>>()?;
        self.ask(|answer| Message::Commit { operations, answer }).await
    }

    fn record(&self, write: Write) -> Result<(), StoreError> {
        self.shared.check()?;
        let queue = self.queue()?;
        let room = queue.try_reserve().map_err(|e| match e {
            mpsc::error::TrySendError::Full(()) => StoreError::QueueFull { capacity: queue.max_capacity() },
            mpsc::error::TrySendError::Closed(()) => StoreError::Closed,
        })?;
        let sequence = self.shared.pending.insert(&write);
        room.send(Message::Behind { sequence, write });
        Ok(())
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        let now = self.clock.now();
        if let Some(waiting) = self.shared.pending.get(key) {
            return Ok(waiting.filter(|record| !record.expired(now)));
        }
        let _permit = self.reads.acquire().await.map_err(|_| StoreError::Closed)?;
        let (disk, key) = (Arc::clone(&self.disk), key.clone());
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(move || disk.get(&key, now)).await.map_err(|_| StoreError::Closed)?,
            Err(_) => disk.get(&key, now),
        }
    }

    fn scan(&self, kind: RecordKind, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.disk.scan(kind, self.clock.now(), visit)
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.ask(|answer| Message::Flush { answer }).await
    }

    async fn prune(&self, before: Timestamp) -> Result<(), StoreError> {
        self.ask(|answer| Message::Prune { before, answer }).await
    }

    async fn sweep(&self) -> Result<Vec<RecordKey>, StoreError> {
        self.ask(|answer| Message::Sweep { answer }).await
    }

    fn health(&self) -> StoreHealth {
        let capacity = self.queue.as_ref().map_or(0, mpsc::Sender::max_capacity);
        let room = self.queue.as_ref().map_or(0, mpsc::Sender::capacity);
        let mut health = self.shared.health(capacity.saturating_sub(room), capacity);
        if health.failed.is_none() && self.queue.as_ref().is_none_or(mpsc::Sender::is_closed) {
            health.failed = Some(StoreError::Closed.to_string());
        }
        health
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // The writer ends when its queue is empty and nobody holds the other end; joined, so that the directory is free
        // for the next process once the store is gone.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the writer of the store ended by a panic; what was written behind may be lost");
            }
        }
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("dir", &self.disk.dir()).finish_non_exhaustive()
    }
}
