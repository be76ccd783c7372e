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
//! Writes into a flat index are at least a hundred times as fast as the build, so one that is flooded could fall behind for
//! ever. Therefore a build may be behind by [`Config::lag_max`] entries, apart from those that were there when it began;
//! past that a write copies two entries for the one that it adds. So the lag stays below that bound plus half of what was
//! there at the beginning. After a few passes the bound halves with every pass, and a build ends under any load.
//!
//! A bulk load is searched flat until its graph is there. `index_scale --bulk`, 100,000 clustered vectors: loaded in 0.3 s
//! (longest write 13 ms), graph in place after 14 s, until then searches of 15 ms (median), longest 33 ms: they wait for
//! nobody, but they scan. So restore a snapshot, or load before serving, where that matters.

mod build;
mod generation;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use self::build::{Ledger, Shared};
use self::generation::Generation;
use super::builder::Builder;
use super::{Config, Flat, Hnsw, Index, IndexError, IndexStats, Neighbour, Restored, Search, SnapshotError, check_dim};
use crate::domain::vector::UnitVector;

/// An index that changes its kind as it grows.
#[derive(Debug)]
pub struct Adaptive {
    shared: Arc<Shared>,
    builder: Builder,
}

impl Adaptive {
    /// An empty index.
    pub(super) fn open(dim: usize, config: Config, builder: Builder) -> Result<Self, IndexError> {
        check_dim(dim)?;
        config.validate()?;
        Ok(Self::over(dim, config, builder, Generation::flat(Flat::new(dim)?)))
    }

    fn over(dim: usize, config: Config, builder: Builder, first: Generation) -> Self {
        let shared = Shared::new(dim, config, first);
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
            if !self.builder.submit(Box::new(move || build::run(&shared))) {
                self.shared.give_up();
            }
        }
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
mod tests;
