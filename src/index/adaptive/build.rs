//! The build of a successor, and what writers and the builder thread share for it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::generation::Generation;
use crate::index::codes::Codes;
use crate::index::{Config, Flat, Hnsw};

/// Slots that a builder copies between looks at whether anybody still wants the index.
const BATCH_SLOTS: usize = 16;

/// Slots, and removals, that may be left when writers are held up for the swap. The swap itself copies up to four
/// times as many, for writers go on until it has the lock; each takes what an insertion does, 0.1 to 2 ms.
const SWAP_SLOTS_MAX: usize = 16;

/// Dead slots that are never worth a rebuild.
pub(super) const DEAD_FLOOR: usize = 64;

/// Passes of a build before the bound on its lag begins to halve. A bulk load that ends is caught up with by then.
const FREE_PASSES: u32 = 4;

/// How long the builder waits between looks at whether a search still holds the old index.
const RETIRE_POLL: Duration = Duration::from_millis(1);

/// What writers, searches and the builder thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) dim: usize,
    config: Config,
    pub(super) current: ArcSwap<Generation>,
    /// Taken by every writer, before any lock of a generation.
    pub(super) ledger: Mutex<Ledger>,
    /// The build at hand. Taken after `ledger` or without it, never before.
    build: Mutex<Option<Build>>,
    /// Slots of the current generation that the build has copied.
    copied: AtomicUsize,
    /// Slots that were there when the build began: being behind by these is nobody's fault.
    backlog: AtomicUsize,
    /// Entries by which the build may be behind now.
    pub(super) lag_allowed: AtomicUsize,
    /// Whether a build is queued or at hand. Changed only under the ledger's lock.
    building: AtomicBool,
    pub(super) builds: AtomicU64,
}

/// What writers agree on.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Labels removed since the build began. They may have come back since.
    pub(super) removed: Vec<u64>,
}

/// What a swap leaves to be done.
#[derive(Debug)]
struct Swapped {
    old: Arc<Generation>,
    due_again: bool,
}

/// A successor in the making.
#[derive(Debug)]
struct Build {
    old: Arc<Generation>,
    next: Generation,
    codes: Codes,
}

/// Builds until the successor is in place, or until nobody wants the index any more.
pub(super) fn run(shared: &Weak<Shared>) {
    let (mut pass_end, mut passes) = (0, 0);
    while let Some(shared) = shared.upgrade() {
        let left = shared.step(BATCH_SLOTS);
        if left <= SWAP_SLOTS_MAX
            && shared.repeat_removals()
            && let Some(swapped) = shared.swap()
        {
            retire(swapped.old);
            if !swapped.due_again {
                return;
            }
            (pass_end, passes) = (0, 0);
            continue;
        }
        let copied = shared.copied.load(Ordering::Relaxed);
        if copied >= pass_end {
            pass_end = copied + left;
            passes += 1;
            if passes > FREE_PASSES {
                let halved = shared.lag_allowed.load(Ordering::Relaxed) / 2;
                shared.lag_allowed.store(halved.max(SWAP_SLOTS_MAX), Ordering::Relaxed);
            }
        }
    }
}

/// Frees a generation here, on a thread whose latency is nobody's, once the last search has let go of it.
fn retire(old: Arc<Generation>) {
    while Arc::strong_count(&old) > 1 {
        std::thread::sleep(RETIRE_POLL);
    }
}

impl Shared {
    pub(super) fn new(dim: usize, config: Config, first: Generation) -> Self {
        Self {
            dim,
            config,
            current: ArcSwap::from_pointee(first),
            ledger: Mutex::default(),
            build: Mutex::default(),
            copied: AtomicUsize::new(0),
            backlog: AtomicUsize::new(0),
            lag_allowed: AtomicUsize::new(config.lag_max),
            building: AtomicBool::new(false),
            builds: AtomicU64::new(0),
        }
    }

    /// Forgets a build that no thread will take. With the ledger locked.
    pub(super) fn give_up(&self) {
        *self.build.lock() = None;
        self.building.store(false, Ordering::Release);
    }

    /// Prepares a build where one is due.
    pub(super) fn begin(&self, ledger: &mut Ledger) -> bool {
        let old = self.current.load_full();
        let (live, dead) = (old.as_index().len(), old.dead());
        let too_large = matches!(*old, Generation::Flat(_)) && live > self.config.flat_max;
        let too_dead = dead > DEAD_FLOOR && dead as f32 > self.config.dead_share_max * old.slots() as f32;
        if !too_large && !too_dead {
            return false;
        }
        let next = match &*old {
            Generation::Flat(_) if live <= self.config.flat_max => Flat::new(self.dim).map(Generation::flat),
            _ => Hnsw::new(self.dim, &self.config).map(Generation::hnsw),
        };
        // The dimension and the settings were good enough for the current generation, so this does not fail.
        let Ok(next) = next else { return false };
        self.copied.store(0, Ordering::Relaxed);
        self.backlog.store(old.slots(), Ordering::Relaxed);
        self.lag_allowed.store(self.config.lag_max, Ordering::Relaxed);
        ledger.removed.clear();
        self.building.store(true, Ordering::Release);
        *self.build.lock() = Some(Build { old, next, codes: Codes::new(self.dim) });
        true
    }

    pub(super) fn is_building(&self) -> bool {
        self.building.load(Ordering::Acquire)
    }

    /// Entries that were written since the build began and are not copied.
    pub(super) fn lag(&self, slots: usize) -> usize {
        slots.saturating_sub(self.backlog.load(Ordering::Relaxed).max(self.copied.load(Ordering::Relaxed)))
    }

    /// Copies up to `most` slots into the successor. How many are left; 0 where there is no build.
    pub(super) fn step(&self, most: usize) -> usize {
        let mut build = self.build.lock();
        let Some(build) = build.as_mut() else { return 0 };
        let copied = self.copied.load(Ordering::Relaxed);
        let end = build.old.slots().min(copied + most);
        for slot in copied..end {
            build.copy(slot as u32);
        }
        self.copied.store(end, Ordering::Relaxed);
        build.old.slots() - end
    }

    /// Repeats in the successor the removals that were noted. Whether so few are left that a swap can do the rest.
    fn repeat_removals(&self) -> bool {
        let removed = std::mem::take(&mut self.ledger.lock().removed);
        if let Some(build) = self.build.lock().as_ref() {
            build.remove(&removed);
        }
        removed.len() <= SWAP_SLOTS_MAX
    }

    /// Completes the successor while writers wait, and puts it in place. `None` where writers were faster than the look
    /// that said that little was left.
    fn swap(&self) -> Option<Swapped> {
        let mut ledger = self.ledger.lock();
        if self.step(SWAP_SLOTS_MAX * 4) > 0 {
            return None;
        }
        let build = self.build.lock().take()?;
        build.remove(&ledger.removed);
        drop(build.old);
        let old = self.current.swap(Arc::new(build.next));
        self.builds.fetch_add(1, Ordering::Relaxed);
        // What was written during the build may have made the next one due, and no write may come to notice it.
        let due_again = self.begin(&mut ledger);
        if !due_again {
            ledger.removed = Vec::new();
            self.building.store(false, Ordering::Release);
        }
        Some(Swapped { old, due_again })
    }
}

impl Build {
    /// Copies a slot, if it is live. A label that has moved to a later slot meanwhile is copied again when that comes.
    fn copy(&mut self, slot: u32) {
        // A successor has no more slots than the current generation has, so it is not full.
        let _full = match (&*self.old, &self.next) {
            (Generation::Flat(old), Generation::Flat(next)) => old.read(slot).map(|(label, v)| next.insert_values(label, v)),
            (Generation::Flat(old), Generation::Hnsw(next)) => old.read(slot).map(|(label, values)| {
                self.codes.quantise(values);
                next.insert_codes(label, &self.codes)
            }),
            (Generation::Hnsw(old), Generation::Hnsw(next)) => {
                old.read(slot, &mut self.codes).map(|label| next.insert_codes(label, &self.codes))
            }
            // A graph never becomes flat again: an emptied one is as fast, and its planes are not the exact values.
            (Generation::Hnsw(_), Generation::Flat(_)) => None,
        };
    }

    /// Removes those of `labels` that are not in the current generation. One that has come back has a later slot there.
    fn remove(&self, labels: &[u64]) {
        for label in labels {
            if !self.old.as_index().contains(*label) {
                self.next.as_index().remove(*label);
            }
        }
    }
}
