//! What the writer and everyone else see together.

use crate::store::pending::Pending;
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
            server: None,
        }
    }
}
