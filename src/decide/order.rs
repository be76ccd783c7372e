//! One order of writes for disk and memory.
//!
//! A write is two steps: the store commits it, then memory follows. Two writes of one id must take both steps in the same order, and a
//! caller that goes away between the steps must not leave memory behind the disk. So a write holds the places of its ids for both steps,
//! and runs in a task of its own, which nobody's leaving ends.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinError;

/// Places that ids share; enough that two writes seldom wait for one another without cause.
const PLACES: u64 = 256;

/// Who writes which id now.
#[derive(Debug)]
pub struct Order {
    hasher: RandomState,
    places: Vec<Arc<Mutex<()>>>,
}

impl Default for Order {
    fn default() -> Self {
        Self { hasher: RandomState::new(), places: (0..PLACES).map(|_| Arc::default()).collect() }
    }
}

impl Order {
    /// Waits until nobody else writes one of these ids. The places are taken in one order by all, so that no two writes wait for each
    /// other; each is held for one commit at most.
    pub(super) async fn hold<I: std::hash::Hash>(&self, ids: impl Iterator<Item = I>) -> Vec<OwnedMutexGuard<()>> {
        let wanted: BTreeSet<u64> = ids.map(|id| self.hasher.hash_one(id) % PLACES).collect();
        let mut held = Vec::with_capacity(wanted.len());
        for place in wanted {
            if let Some(mutex) = usize::try_from(place).ok().and_then(|at| self.places.get(at)) {
                held.push(Arc::clone(mutex).lock_owned().await);
            }
        }
        held
    }
}

/// Runs a write to its end, whether or not the caller stays.
pub(super) async fn to_its_end<T: Send + 'static>(write: impl Future<Output = T> + Send + 'static) -> Result<T, JoinError> {
    tokio::spawn(write).await
}
