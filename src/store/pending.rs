//! Writes that were taken and are not stored yet.

use super::{Record, RecordKey, Write};
use std::sync::atomic::{AtomicU64, Ordering};

/// The latest such write of each key; no more than the queue holds. A map without locks, for it is written on the hot path and emptied by
/// the writer.
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
