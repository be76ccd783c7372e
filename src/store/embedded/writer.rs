//! The thread that writes.

use super::Answer;
use super::disk::{Batch, Disk};
use super::operation::Operation;
use super::shared::Shared;
use crate::domain::time::Timestamp;
use crate::store::record::{RecordKey, Write};
use crate::store::{CodecError, StoreError};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Messages that share one batch. With writes of 1 kB this is the size of the largest group that a sync of a
/// few milliseconds lets pile up at 100,000 writes a second.
const GROUP_MESSAGES_MAX: usize = 1_024;

/// Bytes after which a batch takes no further message, so that commits of large texts don't add up in memory.
const GROUP_BYTES_MAX: usize = 8 << 20;

/// How long the writer naps while writes that nobody waits for pile up. Napping spares the hot path the wake-up call
/// and makes larger batches; whoever waits wakes the writer.
const NAP: Duration = Duration::from_millis(5);

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Message {
    Commit { operations: Vec<Operation>, answer: Answer<()> },
    Behind { sequence: u64, write: Write },
    Flush { answer: Answer<()> },
    Prune { before: Timestamp, answer: Answer<()> },
    Sweep { answer: Answer<Vec<RecordKey>> },
}

/// The writer's own state.
pub(super) struct Writer {
    disk: Arc<Disk>,
    shared: Arc<Shared>,
    messages: mpsc::Receiver<Message>,
    sync_interval: Duration,
    /// Since when something is written and not synced.
    unsynced_since: Option<Instant>,
}

/// What shares one batch, and who is told of it.
struct Group {
    batch: Batch,
    messages: usize,
    waiting: Vec<Answer<()>>,
    behind: Vec<(RecordKey, u64)>,
}

impl Writer {
    pub(super) fn new(disk: Arc<Disk>, shared: Arc<Shared>, messages: mpsc::Receiver<Message>, sync_interval_ms: u64) -> Self {
        let sync_interval = Duration::from_millis(sync_interval_ms);
        Self { disk, shared, messages, sync_interval, unsynced_since: None }
    }

    pub(super) fn run(mut self) {
        self.shared.set_disk_bytes(self.disk.bytes());
        while let Some(message) = self.next() {
            self.group(message);
        }
        self.sync();
    }

    /// The next message; `None` when all senders are gone and the queue is empty.
    fn next(&mut self) -> Option<Message> {
        loop {
            match self.messages.try_recv() {
                Ok(message) => return Some(message),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => {}
            }
            match self.unsynced_since {
                None => return self.messages.blocking_recv(),
                Some(since) if since.elapsed() >= self.sync_interval => self.sync(),
                Some(_) => std::thread::park_timeout(NAP),
            }
        }
    }

    /// Writes what is queued as one batch, up to a message that must come after it.
    fn group(&mut self, first: Message) {
        let mut group = Group { batch: self.disk.batch(), messages: 0, waiting: Vec::new(), behind: Vec::new() };
        let mut next = Some(first);
        while let Some(message) = next.take() {
            match message {
                Message::Commit { operations, answer } => {
                    operations.into_iter().for_each(|operation| self.disk.add(&mut group.batch, operation));
                    group.waiting.push(answer);
                }
                Message::Behind { sequence, write } => self.add_behind(&mut group, sequence, &write),
                Message::Flush { answer } => group.waiting.push(answer),
                Message::Prune { before, answer } => {
                    self.finish(group);
                    let _ = answer.send(self.after(self.disk.prune(before)));
                    return;
                }
                Message::Sweep { answer } => {
                    self.finish(group);
                    let _ = answer.send(self.disk.sweep());
                    return;
                }
            }
            group.messages += 1;
            if group.messages < GROUP_MESSAGES_MAX && group.batch.bytes() < GROUP_BYTES_MAX {
                next = self.messages.try_recv().ok();
            }
        }
        self.finish(group);
    }

    fn add_behind(&self, group: &mut Group, sequence: u64, write: &Write) {
        match Operation::of(write) {
            Ok(operation) => self.disk.add(&mut group.batch, operation),
            Err(error) => self.refuse(&error),
        }
        group.behind.push((write.key(), sequence));
    }

    fn refuse(&self, error: &CodecError) {
        self.shared.lose(1);
        tracing::error!(%error, "a record that was written behind can't be stored and is lost");
    }

    /// Writes the group, synced where somebody waits for it, and tells everyone.
    fn finish(&mut self, group: Group) {
        let Group { batch, waiting, behind, .. } = group;
        let written = self.shared.check().and_then(|()| self.disk.write(batch));
        let synced = if waiting.is_empty() { Ok(()) } else { self.disk.sync() };
        let result = self.after(written.and(synced));
        if result.is_err() {
            self.shared.lose(behind.len());
        } else if !waiting.is_empty() {
            self.unsynced_since = None;
            self.shared.set_disk_bytes(self.disk.bytes());
        } else if !behind.is_empty() {
            self.unsynced_since.get_or_insert_with(Instant::now);
        }
        for (key, sequence) in behind {
            self.shared.pending.remove(&key, sequence);
        }
        for answer in waiting {
            // Whoever stopped waiting is not told.
            let _ = answer.send(result.clone());
        }
        let _ = self.after(self.disk.tidy());
    }

    fn sync(&mut self) {
        // Cleared even where the sync failed: no later one would make good what that one lost.
        self.unsynced_since = None;
        let _ = self.after(self.disk.sync());
        self.shared.set_disk_bytes(self.disk.bytes());
    }

    /// Notes a failure that ends writing, and logs the first.
    fn after<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result
            && self.shared.fail(error)
        {
            tracing::error!(%error, "the store takes no more writes");
        }
        result
    }
}
