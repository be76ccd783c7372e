//! What the writer and everyone else see together.

use crate::redis::RedisError;
use crate::store::pending::Pending;
use crate::store::{RecordKey, StoreError};
use crate::telemetry::metrics::redis as metrics;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// State that the callers read and the writer keeps.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Writes behind that Redis does not have yet.
    pub(super) pending: Pending,
    failure: Mutex<Option<String>>,
    failed_at: Mutex<Option<Instant>>,
    closing: AtomicBool,
    lost: AtomicU64,
}

impl State {
    /// Notes how the last command went, and logs where that is news.
    pub(super) fn note<T>(&self, result: &Result<T, RedisError>) {
        let failed = result.as_ref().err().filter(|error| error.passes());
        if result.is_err() && failed.is_none() {
            return;
        }
        if failed.is_some() {
            *self.failed_at.lock() = Some(Instant::now());
        }
        metrics::store_connected(failed.is_none_or(|error| !error.away()));
        let mut failure = self.failure.lock();
        match (failed, failure.is_some()) {
            (Some(error), false) => tracing::warn!(%error, "the store in Redis takes no writes; what memory has is served on"),
            (None, true) => tracing::info!("the store in Redis takes writes again"),
            _ => {}
        }
        *failure = failed.map(ToString::to_string);
    }

    /// When a command failed last. The server may be another since, or have lost what it had.
    pub(super) fn failed_at(&self) -> Option<Instant> {
        *self.failed_at.lock()
    }

    /// Why it takes no writes.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    /// Gives writes up that nobody waits for.
    pub(super) fn lose(&self, marks: &[(RecordKey, u64)], error: &StoreError) {
        self.lost.fetch_add(marks.len() as u64, Ordering::Relaxed);
        tracing::error!(%error, records = marks.len(), "records that were written behind can't be stored and are lost");
        self.settle(marks);
    }

    /// Redis has these writes, or never will.
    pub(super) fn settle(&self, marks: &[(RecordKey, u64)]) {
        for (key, sequence) in marks {
            self.pending.remove(key, *sequence);
        }
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// From now on nothing is tried twice.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    pub(super) fn closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }
}
