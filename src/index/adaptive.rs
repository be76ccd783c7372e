//! Flat while small, a graph when large, and no pause in between.
//!
//! # The life of a build
//!
//! 1. A write finds that the index is due: too many live entries for a scan, or too large a share of dead slots. It
//!    queues a build and returns. Searches and writes go on in the current index.
//! 2. A builder thread copies the live slots of the current index, in order, into a successor. Slots are append-only, so
//!    what is written meanwhile is simply further slots; only removals are noted in a list, and repeated at the end.
//! 3. When the successor is a few slots behind, the builder holds writers up, copies those few and swaps. Searches
//!    notice nothing: they hold whichever index they loaded, and the builder waits for them before it frees the old one,
//!    so that freeing a gigabyte is nobody's latency.
//!
//! # Bounds
//!
//! Writes into a flat index are a hundred times as fast as the build, so one that is flooded could fall behind for
//! ever. Therefore a build may be behind by [`Config::lag_max`] entries, apart from those that were there when it began;
//! past that a write copies two entries for the one that it adds. So the lag stays below that bound plus half of what was
//! there at the beginning. After a few passes the bound halves with every pass, and a build ends under any load.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::builder::Builder;
use super::codes::Codes;
use super::{Config, Flat, Hnsw, Index, IndexError, IndexStats, Neighbour, Restored, Search, SnapshotError, check_dim};
use crate::domain::vector::UnitVector;

/// Slots that a builder copies between looks at whether anybody still wants the index.
const BATCH_SLOTS: usize = 16;

/// Slots, and removals, that may be left when writers are held up for the swap. About five milliseconds of work.
const SWAP_SLOTS_MAX: usize = 16;

/// Dead slots that are never worth a rebuild.
const DEAD_FLOOR: usize = 64;

/// Passes of a build before the bound on its lag begins to halve. A bulk load that ends is caught up with by then.
const FREE_PASSES: u32 = 4;

/// How long the builder waits between looks at whether a search still holds the old index.
const RETIRE_POLL: Duration = Duration::from_millis(1);

/// An index that changes its kind as it grows.
#[derive(Debug)]
pub struct Adaptive {
    shared: Arc<Shared>,
    builder: Builder,
}

/// One index of those that follow each other.
#[derive(Debug)]
enum Generation {
    Flat(Box<Flat>),
    Hnsw(Box<Hnsw>),
}

#[derive(Debug)]
struct Shared {
    dim: usize,
    config: Config,
    current: ArcSwap<Generation>,
    /// Taken by every writer, before any lock of a generation.
    ledger: Mutex<Ledger>,
    /// The build at hand. Taken after `ledger` or without it, never before.
    build: Mutex<Option<Build>>,
    /// Slots of the current generation that the build has copied.
    copied: AtomicUsize,
    /// Slots that were there when the build began: being behind by these is nobody's fault.
    backlog: AtomicUsize,
    /// Entries by which the build may be behind now.
    lag_allowed: AtomicUsize,
    /// Whether a build is queued or at hand. Changed only under the ledger's lock.
    building: AtomicBool,
    builds: AtomicU64,
}

/// What writers agree on.
#[derive(Debug, Default)]
struct Ledger {
    /// Labels removed since the build began. They may have come back since.
    removed: Vec<u64>,
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

impl Adaptive {
    /// An empty index.
    pub(super) fn open(dim: usize, config: Config, builder: Builder) -> Result<Self, IndexError> {
        check_dim(dim)?;
        config.validate()?;
        Ok(Self::over(dim, config, builder, Generation::flat(Flat::new(dim)?)))
    }

    fn over(dim: usize, config: Config, builder: Builder, first: Generation) -> Self {
        let shared = Shared {
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
        };
        Self { shared: Arc::new(shared), builder }
    }

    /// Writes the graph to a file, for [`Self::restore`]. How many nodes it wrote, dead ones included; `None` where the index
    /// is flat, and sooner filled again than read. Holds nobody up.
    pub fn save(&self, path: &Path) -> Result<Option<usize>, SnapshotError> {
        match &*self.shared.current.load_full() {
            Generation::Flat(_) => Ok(None),
            Generation::Hnsw(hnsw) => hnsw.save(path).map(Some),
        }
    }

    /// Opens an index from a file that [`Self::save`] wrote. `vector_of` gives the vector that the store has for a label;
    /// a node whose vector is gone or changed is dropped. The caller then inserts what [`Index::contains`] denies. On an
    /// error, open an empty index and fill it.
    pub fn restore(
        path: &Path,
        dim: usize,
        config: Config,
        builder: &Builder,
        vector_of: &dyn Fn(u64) -> Option<UnitVector>,
    ) -> Result<(Self, Restored), SnapshotError> {
        let (hnsw, restored) = Hnsw::restore(path, dim, &config, vector_of)?;
        Ok((Self::over(dim, config, builder.clone(), Generation::hnsw(hnsw)), restored))
    }

    /// Queues a build where one is due and none is under way.
    fn build_if_due(&self, ledger: &mut Ledger) {
        if !self.shared.is_building() && self.shared.begin(ledger) {
            let shared = Arc::downgrade(&self.shared);
            if !self.builder.submit(Box::new(move || run(&shared))) {
                *self.shared.build.lock() = None;
                self.shared.building.store(false, Ordering::Release);
            }
        }
    }
}

/// Builds until the successor is in place, or until nobody wants the index any more.
fn run(shared: &Weak<Shared>) {
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
    /// Prepares a build where one is due.
    fn begin(&self, ledger: &mut Ledger) -> bool {
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

    fn is_building(&self) -> bool {
        self.building.load(Ordering::Acquire)
    }

    /// Entries that were written since the build began and are not copied.
    fn lag(&self, slots: usize) -> usize {
        slots.saturating_sub(self.backlog.load(Ordering::Relaxed).max(self.copied.load(Ordering::Relaxed)))
    }

    /// Copies up to `most` slots into the successor. How many are left; 0 where there is no build.
    fn step(&self, most: usize) -> usize {
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

impl Generation {
    fn flat(flat: Flat) -> Self {
        Self::Flat(Box::new(flat))
    }

    fn hnsw(hnsw: Hnsw) -> Self {
        Self::Hnsw(Box::new(hnsw))
    }

    fn as_index(&self) -> &dyn Index {
        match self {
            Self::Flat(flat) => flat.as_ref(),
            Self::Hnsw(hnsw) => hnsw.as_ref(),
        }
    }

    /// Slots in use, dead ones included.
    fn slots(&self) -> usize {
        match self {
            Self::Flat(flat) => flat.slots(),
            Self::Hnsw(hnsw) => hnsw.slots(),
        }
    }

    fn dead(&self) -> usize {
        self.slots().saturating_sub(self.as_index().len())
    }
}

impl Search for Adaptive {
    fn dim(&self) -> usize {
        self.shared.dim
    }

    fn len(&self) -> usize {
        self.shared.current.load().as_index().len()
    }

    fn search(&self, query: &UnitVector, k: usize, out: &mut Vec<Neighbour>) -> Result<(), IndexError> {
        self.shared.current.load().as_index().search(query, k, out)
    }

    fn stats(&self) -> IndexStats {
        let stats = self.shared.current.load().as_index().stats();
        let building = self.shared.is_building();
        IndexStats { building, builds: self.shared.builds.load(Ordering::Relaxed), ..stats }
    }
}

impl Index for Adaptive {
    fn insert(&self, label: u64, vector: &UnitVector) -> Result<(), IndexError> {
        let shared = &self.shared;
        let (building, slots) = {
            let mut ledger = shared.ledger.lock();
            let current = shared.current.load();
            current.as_index().insert(label, vector)?;
            self.build_if_due(&mut ledger);
            (shared.is_building(), current.slots())
        };
        // With no lock held: the builder, and other writers, share the work of the build through its own lock.
        if building && shared.lag(slots) > shared.lag_allowed.load(Ordering::Relaxed) {
            shared.step(2);
        }
        Ok(())
    }

    fn remove(&self, label: u64) -> bool {
        let mut ledger = self.shared.ledger.lock();
        let removed = self.shared.current.load().as_index().remove(label);
        if removed && self.shared.is_building() {
            ledger.removed.push(label);
        }
        self.build_if_due(&mut ledger);
        removed
    }

    fn contains(&self, label: u64) -> bool {
        let _no_swap = self.shared.ledger.lock();
        self.shared.current.load().as_index().contains(label)
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract::{adaptive, config, nearest, settled, vector};
    use super::super::{Kind, open};
    use super::*;

    const DIM: usize = 16;

    fn fill(index: &Adaptive, labels: std::ops::Range<u64>) {
        labels.for_each(|label| index.insert(label, &vector(DIM, label)).unwrap());
    }

    #[test]
    fn it_is_flat_while_small_and_a_graph_when_large() {
        let index = adaptive(DIM);
        fill(&index, 0..40);
        assert_eq!(index.stats().kind, Kind::Flat);
        fill(&index, 40..60);
        settled(&index);
        let stats = index.stats();
        assert_eq!((stats.kind, stats.live, stats.dead, stats.builds), (Kind::Hnsw, 60, 0, 1));
    }

    #[test]
    fn dead_slots_stay_under_the_bound_in_either_kind() {
        for live in [30_u64, 300] {
            let index = adaptive(DIM);
            fill(&index, 0..live);
            for round in 1..20 {
                for label in 0..live {
                    index.insert(label, &vector(DIM, label + round * 1000)).unwrap();
                }
            }
            settled(&index);
            let stats = index.stats();
            assert_eq!(stats.live, live as usize);
            let share_max = (config().dead_share_max * (stats.live + stats.dead) as f32) as usize;
            assert!(stats.dead <= share_max.max(DEAD_FLOOR), "{live} {stats:?}");
            assert!(stats.builds > 0);
        }
    }

    #[test]
    fn an_emptied_index_is_cleared_and_fills_again() {
        let index = adaptive(DIM);
        fill(&index, 0..200);
        (0..200).for_each(|label| assert!(index.remove(label)));
        settled(&index);
        assert!(index.is_empty());
        assert!(index.stats().dead <= DEAD_FLOOR);
        fill(&index, 0..200);
        settled(&index);
        assert_eq!(nearest(&index, &vector(DIM, 77), 1)[0].label, 77);
    }

    #[test]
    fn what_is_written_during_a_build_is_in_the_successor() {
        // A builder that does not start until it is let go: everything below is written during the build.
        let builder = Builder::start(1).unwrap();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        assert!(builder.submit(Box::new(move || _ = wait.recv())));
        let index = open(DIM, Config { lag_max: 10_000, ..config() }, &builder).unwrap();
        fill(&index, 0..300);
        assert!(index.stats().building);
        (0..100).for_each(|label| assert!(index.remove(label)));
        fill(&index, 50..60);
        (200..210).for_each(|label| index.insert(label, &vector(DIM, label + 5000)).unwrap());
        drop(go);
        settled(&index);
        assert_eq!((index.stats().kind, index.len()), (Kind::Hnsw, 210));
        for label in 0..300 {
            let seed = if (200..210).contains(&label) { label + 5000 } else { label };
            let found = nearest(&index, &vector(DIM, seed), 1)[0];
            let expected = (50..60).contains(&label) || label >= 100;
            assert_eq!(found.label == label && found.similarity > 0.999, expected, "{label}");
            assert_eq!(index.contains(label), expected);
        }
    }

    #[test]
    fn a_build_that_is_behind_by_more_than_its_bound_is_helped_by_writers() {
        // The builder never comes: only writers work on the build.
        let builder = Builder::start(1).unwrap();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        assert!(builder.submit(Box::new(move || _ = wait.recv())));
        let index = open(DIM, Config { lag_max: 50, ..config() }, &builder).unwrap();
        for label in 0..1000 {
            index.insert(label, &vector(DIM, label)).unwrap();
            // Half of the 41 entries that were there are copied by the time that the lag is no more.
            assert!(index.shared.lag(label as usize + 1) <= 50 + 21);
        }
        assert_eq!(index.stats().kind, Kind::Flat);
        drop(go);
        settled(&index);
        assert_eq!(index.stats().kind, Kind::Hnsw);
    }

    #[test]
    fn a_build_ends_while_writers_go_on_without_a_pause() {
        let index = adaptive(DIM);
        fill(&index, 0..60);
        let mut label = 60;
        while index.stats().builds == 0 {
            index.insert(label, &vector(DIM, label)).unwrap();
            label += 1;
        }
        assert_eq!(index.stats().kind, Kind::Hnsw);
    }

    #[test]
    fn a_saved_index_is_restored_and_a_flat_one_is_not_saved() {
        let folder = tempfile::tempdir().unwrap();
        let (path, builder) = (folder.path().join("graph"), Builder::start(1).unwrap());
        let index = adaptive(DIM);
        fill(&index, 0..20);
        assert_eq!(index.save(&path).unwrap(), None);
        fill(&index, 20..100);
        settled(&index);
        assert_eq!(index.save(&path).unwrap(), Some(100));
        let store = |label: u64| (label != 5).then(|| vector(DIM, label));
        let (again, restored) = Adaptive::restore(&path, DIM, config(), &builder, &store).unwrap();
        assert_eq!((restored, again.len()), (Restored { restored: 99, dropped: 1 }, 99));
        fill(&again, 0..150);
        settled(&again);
        assert_eq!((again.len(), nearest(&again, &vector(DIM, 5), 1)[0].label), (150, 5));
    }

    #[test]
    fn an_index_that_is_dropped_during_a_build_leaves_the_builder_free() {
        let builder = Builder::start(1).unwrap();
        let index = open(DIM, config(), &builder).unwrap();
        fill(&index, 0..500);
        drop(index);
        let (done, finished) = std::sync::mpsc::channel();
        assert!(builder.submit(Box::new(move || _ = done.send(()))));
        finished.recv().unwrap();
    }
}
