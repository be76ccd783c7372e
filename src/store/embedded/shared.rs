//! What the writer and everyone else see together.

use crate::store::record::{Record, RecordKey, Write};
use crate::store::{StoreError, StoreHealth};
use parking_lot::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// State that the callers read and the writer keeps.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Writes behind that are not in the tree yet.
    pub(super) pending: Pending,
    failed: AtomicBool,
    failure: RwLock<Option<StoreError>>,
    lost: AtomicU64,
    disk_bytes: AtomicU64,
}

impl Shared {
    /// The failure that ended writing, if one did.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        // The flag comes first so that the hot path takes no lock.
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        self.failure.read().clone().map_or(Ok(()), Err)
    }

    /// Notes the failure that ends writing, and says whether it is the first. After a failed sync nobody knows what the
    /// disk holds, so no write is taken until a restart has read it again.
    pub(super) fn fail(&self, error: &StoreError) -> bool {
        let mut failure = self.failure.write();
        let first = failure.is_none();
        if first {
            *failure = Some(error.clone());
            self.failed.store(true, Ordering::Release);
        }
        first
    }

    pub(super) fn lose(&self, writes: usize) {
        self.lost.fetch_add(writes as u64, Ordering::Relaxed);
    }

    pub(super) fn set_disk_bytes(&self, bytes: u64) {
        self.disk_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn health(&self, queued: usize, queue_capacity: usize) -> StoreHealth {
        StoreHealth {
            failed: self.check().err().map(|e| e.to_string()),
            queued,
            queue_capacity,
            lost: self.lost.load(Ordering::Relaxed),
            disk_bytes: self.disk_bytes.load(Ordering::Relaxed),
            journal: None,
        }
    }
}

/// Writes that were taken and are not in the tree yet, by key; no more than the queue holds. A map without locks, for it is
/// written on the hot path and emptied by the writer.
#[derive(Debug, Default)]
pub(super) struct Pending {
    waiting: papaya::HashMap<RecordKey, Waiting>,
    sequence: AtomicU64,
}

#[derive(Debug)]
struct Waiting {
    sequence: u64,
    /// `None` for a delete.
    record: Option<Record>,
}

impl Pending {
    /// Shows `write` to readers until [`Self::remove`] is called with the number that this gives.
    pub(super) fn insert(&self, write: &Write) -> u64 {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let record = match write {
            Write::Put(record) => Some(record.clone()),
            Write::Delete(_) => None,
        };
        self.waiting.pin().insert(write.key(), Waiting { sequence, record });
        sequence
    }

    /// What waits under `key`: nothing, a delete, or a record.
    pub(super) fn get(&self, key: &RecordKey) -> Option<Option<Record>> {
        self.waiting.pin().get(key).map(|waiting| waiting.record.clone())
    }

    /// Takes the write with this number away; a later one under the same key stays.
    pub(super) fn remove(&self, key: &RecordKey, sequence: u64) {
        let _ = self.waiting.pin().remove_if(key, |_, waiting| waiting.sequence == sequence);
    }
}
