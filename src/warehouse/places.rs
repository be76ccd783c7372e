//! How many queries run at a time, and how many wait for one of them to end.

use super::WarehouseError;
use crate::domain::deadline::Deadline;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of queries that run.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
}

/// A place, free again when it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

/// One of those that wait.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Places {
    /// So many at a time, and so many that wait.
    pub(super) fn new(at_once: usize, waiting_max: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(at_once)), waiting: AtomicUsize::new(0), waiting_max }
    }

    /// A place, once there is one.
    pub(super) async fn take(&self, deadline: Deadline) -> Result<Place, WarehouseError> {
        if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(place);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.waiting_max {
            return Err(WarehouseError::Busy);
        }
        let taken = tokio::time::timeout_at(deadline.at().into(), Arc::clone(&self.free).acquire_owned()).await;
        taken.ok().and_then(Result::ok).ok_or(WarehouseError::Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn who_finds_too_many_waiting_is_turned_away_at_once_and_a_freed_place_is_taken() {
        let (places, soon) = (Places::new(1, 1), || Deadline::after(Duration::from_millis(50)));
        let first = places.take(soon()).await.unwrap();
        let (waited, turned_away) = tokio::join!(places.take(soon()), places.take(Deadline::after(Duration::from_secs(60))));
        assert!(matches!(waited, Err(WarehouseError::Busy)) && matches!(turned_away, Err(WarehouseError::Busy)));
        let (waited, ()) = tokio::join!(places.take(soon()), async { drop(first) });
        drop(waited.unwrap());
        assert!(places.take(soon()).await.is_ok());
    }
}
