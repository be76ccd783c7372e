//! Vectors to their nearest neighbours, in process; [`server`] has the other seam, a search in the server that has the records.
//!
//! [`open`] gives an [`Adaptive`] index: exact while small, a graph (HNSW) when large, and the change between the two
//! is one atomic swap. [`Flat`] is the exact twin of [`Hnsw`]; the three pass one contract suite (`contract.rs`).
//!
//! # Invariants
//!
//! - A search takes no lock and waits for no writer: not for an insertion, not for a build, not for the swap.
//! - A search that starts after [`Index::insert`] returned sees the new vector and never the one it replaced.
//! - A search that starts after [`Index::remove`] returned never returns that label.
//! - One search never returns a label twice, and returns labels by similarity, the highest first.
//! - An index holds vectors of one dimension; another dimension is an error, never a wrong answer.
//! - Dead slots (removed or replaced) are at most [`Config::dead_share_max`] of an [`Adaptive`] index, apart from the
//!   first few dozen and what is written while the rebuild that clears them runs.
//!
//! "Sees" is exact for a flat index. A graph is approximate: it finds the neighbour that matters with the recall that
//! is given in [`hnsw`], which falls off at a million vectors without structure; and every live entry can be reached: where the beam is as wide as the index, a search finds all.

pub mod adaptive;
mod builder;
mod codes;
#[cfg(test)]
mod contract;
pub mod flat;
pub mod hnsw;
mod rows;
mod scratch;
pub mod server;

use serde::Deserialize;

pub use adaptive::Adaptive;
pub use builder::Builder;
pub use flat::Flat;
pub use hnsw::Hnsw;
#[cfg(fuzzing)]
pub use hnsw::snapshot::fuzz as fuzz_snapshot;
pub use hnsw::snapshot::{Restored, SnapshotError};

use crate::domain::vector::UnitVector;
use crate::limits::{INDEX_BEAM_MAX, INDEX_DIM_MAX};

/// The reading half of an index. Every method is wait-free with regard to writers.
pub trait Search: Send + Sync {
    /// Dimensions of the vectors it holds.
    fn dim(&self) -> usize;

    /// Live labels.
    fn len(&self) -> usize;

    /// Whether nothing live is in it.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Replaces the contents of `out` by up to `k` neighbours of `query`, the most similar first. `k` is cut at
    /// [`crate::limits::INDEX_NEIGHBOURS_MAX`]. Allocates nothing once the thread and `out` are warm.
    fn search(&self, query: &UnitVector, k: usize, out: &mut Vec<Neighbour>) -> Result<(), IndexError>;

    /// What it holds and what that costs.
    fn stats(&self) -> IndexStats;
}

/// The writing half. Writers queue among themselves; readers never notice.
pub trait Index: Search {
    /// Adds a vector under a label, in place of the one that the label had. The same vector again costs nothing.
    fn insert(&self, label: u64, vector: &UnitVector) -> Result<(), IndexError>;

    /// Takes a label out, at once. `false` where it was not in.
    fn remove(&self, label: u64) -> bool;

    /// Whether a label is in. For writers: it queues with them.
    fn contains(&self, label: u64) -> bool;
}

/// One result of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// The label that the vector was inserted under.
    pub label: u64,
    /// Cosine similarity, −1 to 1. Exact in a flat index, within 1e-4 in a graph.
    pub similarity: f32,
}

/// How an index answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By an exact scan.
    Flat,
    /// By walking a graph.
    Hnsw,
}

/// What an index holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexStats {
    /// How it answers now.
    pub kind: Kind,
    /// Labels that a search may return.
    pub live: usize,
    /// Slots of removed and replaced vectors, not yet cleared by a rebuild.
    pub dead: usize,
    /// Bytes of memory in use.
    pub bytes: usize,
    /// Whether a successor is being built in the background.
    pub building: bool,
    /// Builds that were swapped in since the index was opened.
    pub builds: u64,
}

/// Why an index refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IndexError {
    /// The vector belongs to another embedder or composition.
    #[error("a vector of {found} dimensions does not belong into an index of {expected}")]
    WrongDim { expected: usize, found: usize },
    /// The index has as many slots as it may; remove entries, or raise `INDEX_SLOTS_MAX` with a measurement.
    #[error("the index is full: {slots} slots")]
    Full { slots: usize },
    /// A setting is out of its range; the message says which.
    #[error("index setting {field} must be within {min} to {max}, and is {found}")]
    BadConfig { field: &'static str, min: usize, max: usize, found: usize },
}

/// Settings of every index. The defaults come from `benches/index_scale.rs`; the figures are in [`hnsw`].
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Links of a node on the upper layers; twice as many on the lowest. 4 to 64.
    pub m: usize,
    /// Candidates that an insertion weighs for its links.
    pub ef_construction: usize,
    /// Candidates that a search keeps in a graph of 8,192 slots, and a quarter more for each doubling: 84 at 100,000, 120
    /// at a million. More finds more, in proportionally more time.
    pub ef_search: usize,
    /// Live entries up to which the index is flat. See [`flat`] for the crossover.
    pub flat_max: usize,
    /// Share of dead slots, 0 to 1, above which the index is rebuilt.
    pub dead_share_max: f32,
    /// Entries by which a build may be behind before writers have to help it. See [`adaptive`].
    pub lag_max: usize,
    /// Whether this process searches, or the server that has the records.
    pub search: server::Where,
    /// Settings of a search in the server.
    pub server: server::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            m: 32,
            ef_construction: 128,
            ef_search: 48,
            flat_max: 1_000,
            dead_share_max: 0.2,
            lag_max: 262_144,
            search: server::Where::default(),
            server: server::Config::default(),
        }
    }
}

impl Config {
    /// Refuses settings that would not work.
    pub fn validate(&self) -> Result<(), IndexError> {
        let within = |field, found, min, max| {
            if (min..=max).contains(&found) { Ok(()) } else { Err(IndexError::BadConfig { field, min, max, found }) }
        };
        within("m", self.m, 4, 64)?;
        within("ef_construction", self.ef_construction, 8, INDEX_BEAM_MAX)?;
        within("ef_search", self.ef_search, 1, INDEX_BEAM_MAX)?;
        within("dead_share_max (percent)", (self.dead_share_max * 100.0) as usize, 1, 100)?;
        self.server.validate()
    }
}

/// Opens an empty index for vectors of `dim` dimensions, which builds its graphs on the threads of `builder`.
pub fn open(dim: usize, config: Config, builder: &Builder) -> Result<Adaptive, IndexError> {
    Adaptive::open(dim, config, builder.clone())
}

/// Refuses a dimension that no index takes.
fn check_dim(dim: usize) -> Result<(), IndexError> {
    if (1..=INDEX_DIM_MAX).contains(&dim) {
        Ok(())
    } else {
        Err(IndexError::BadConfig { field: "dim", min: 1, max: INDEX_DIM_MAX, found: dim })
    }
}

/// Refuses a vector of another dimension.
fn check_vector(expected: usize, vector: &UnitVector) -> Result<(), IndexError> {
    let found = vector.dim();
    if found == expected { Ok(()) } else { Err(IndexError::WrongDim { expected, found }) }
}

/// Adds a neighbour unless its label is there. While a label is being replaced a search may meet its old and its new
/// vector; either is right, both are not.
fn push_once(out: &mut Vec<Neighbour>, neighbour: Neighbour) {
    if out.iter().all(|n| n.label != neighbour.label) {
        out.push(neighbour);
    }
}

/// Sorts the neighbours, the most similar first, and keeps `k`.
fn best_of(out: &mut Vec<Neighbour>, k: usize) {
    out.sort_unstable_by(|a, b| b.similarity.total_cmp(&a.similarity));
    out.truncate(k);
}

/// Bytes of the standard library's map from labels to slots: 16 for a pair and one for its tag, in a table of a power
/// of two that is at most seven eighths full.
fn map_bytes(entries: usize) -> usize {
    if entries == 0 { 0 } else { (entries * 8 / 7).next_power_of_two() * 17 }
}
