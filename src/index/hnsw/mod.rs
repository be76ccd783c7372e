//! The approximate index: a hierarchical navigable small world graph.
//!
//! Yu. A. Malkov, D. A. Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
//! Navigable Small World graphs", IEEE TPAMI 42(4), 2020 (arXiv 1603.09320, 2018). Ours differs where a cache needs it to:
//! readers take no lock; a removed entry is marked and walked through; vectors are two 8-bit planes (`codes`); and
//! one link to each node is never pruned (that from its parent), so that every live entry can be reached at any moment.
//!
//! # Figures
//!
//! `benches/index_scale.rs`, 384 dimensions, m = 32, ef_construction = 128, two AVX-512 cores shared with other work, so
//! that times are upper bounds and differ by up to half between runs. The query is at cosine 0.9 to a stored vector;
//! recall@1 is that of finding it, over 2,000 queries of one seed. "Clustered" vectors lie in groups of 500 around centres,
//! "uniform" ones have no structure at all, the worst case for a graph. Beams are those of the defaults, or next to them.
//!
//! | entries | vectors | beam | search p50 | recall@1 | built in | resident, an entry |
//! |---|---|---|---|---|---|---|
//! | 10,000 | uniform | 48 | 75 µs | 1.000 | 3.9 s | 1,637 B |
//! | 10,000 | clustered | 48 | 33 µs | 1.000 | 1.3 s | |
//! | 100,000 | uniform | 84 | 420 µs | 1.000 | 47 s | 1,320 B |
//! | 100,000 | clustered | 84 | 89 µs | 0.9995 | 12 s | 1,320 B |
//! | 1,000,000 | uniform | 120 | 1.2 ms | 0.748 | 2,028 s | 1,126 B |
//! | 1,000,000 | clustered | 96 | 219 µs | 0.990 | 549 s | 1,126 B |
//! | 1,000,000 | clustered | 128 | 256 µs | 0.995 | | |
//!
//! The two at a million were built side by side, and share a graph that asked for huge pages. **At a million, structureless
//! vectors are not found well**: a beam of 384 finds 0.97 of them in 3.7 ms. With ef_construction = 100, m = 16 needs a beam
//! of 256 for the recall at 100,000 uniform ones, 0.99, that m = 32 has with 64 in about half the time. A snapshot of
//! 100,000 is read in 0.45 s. By `IndexStats::bytes` an entry takes 1,076 to 1,090 B; the rest is scratch and the
//! allocator's, and weighs less as the index grows.
//!
//! # Why not `hnsw_rs`
//!
//! The same bench has it beside ours with the same m, ef_construction and its SIMD feature on. At 100,000 clustered vectors it
//! took 2,622 B an entry to our 1,323, was built in 157 s to our 16, and at a beam of 64 searched in 593 µs to our 100, with
//! recall 0.9995 to our 0.9990; the two ran one after the other while another build ran. Each step of its search takes a read
//! lock that an insertion write-locks. It can't delete: a removed decision would have to be filtered out until a rebuild.

mod graph;
mod link;
pub(super) mod snapshot;
mod walk;

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use self::graph::{Graph, LEVEL_MAX, Probe, State};
use self::link::Linker;
use self::walk::Keep;
use super::codes::Codes;
use super::scratch::{self, Scratch};
use super::{Config, Index, IndexError, IndexStats, Kind, Neighbour, Search, check_dim, check_vector};
use crate::domain::vector::UnitVector;
use crate::limits::{INDEX_BEAM_MAX, INDEX_NEIGHBOURS_MAX};

/// Candidates that are compared in full precision beyond twice `k`. The coarse plane misorders neighbours that are
/// within about 1e-3 of one another.
const RESCORED_SPARE: usize = 8;

/// Slots up to which the beam is [`Config::ef_search`] wide.
const FULL_RECALL_SLOTS: usize = 8_192;

/// An approximate index of vectors of one dimension.
#[derive(Debug)]
pub struct Hnsw {
    graph: Graph,
    ef_search: usize,
    /// Only writers take it.
    writer: Mutex<Writer>,
}

/// What writers share among themselves.
#[derive(Debug)]
struct Writer {
    linker: Linker,
    /// The live slot of each label.
    slots: HashMap<u64, u32>,
    codes: Codes,
}

impl Hnsw {
    /// An empty index for vectors of `dim` dimensions.
    pub fn new(dim: usize, config: &Config) -> Result<Self, IndexError> {
        check_dim(dim)?;
        config.validate()?;
        let writer = Writer { linker: Linker::new(config.ef_construction), slots: HashMap::new(), codes: Codes::new(dim) };
        Ok(Self { graph: Graph::new(dim, config.m), ef_search: config.ef_search, writer: Mutex::new(writer) })
    }

    /// Slots in use, dead ones included.
    pub(super) fn slots(&self) -> usize {
        self.graph.slots()
    }

    /// Copies the codes of a slot and gives its label, where it is live.
    pub(super) fn read(&self, slot: u32, codes: &mut Codes) -> Option<u64> {
        if self.graph.state(slot) != State::Live {
            return None;
        }
        self.graph.read_codes(slot, codes)?;
        self.graph.label(slot)
    }

    /// As [`Index::insert`], of a vector that is quantised already.
    pub(super) fn insert_codes(&self, label: u64, codes: &Codes) -> Result<(), IndexError> {
        self.writer.lock().insert(&self.graph, label, codes)
    }

    /// As [`Search::search`] with a beam of its own width, to measure what a width is worth.
    pub fn search_with(&self, query: &UnitVector, k: usize, ef: usize, out: &mut Vec<Neighbour>) -> Result<(), IndexError> {
        out.clear();
        check_vector(self.graph.dim, query)?;
        let k = k.min(INDEX_NEIGHBOURS_MAX);
        let ef = ef.max(k).min(INDEX_BEAM_MAX);
        scratch::with(|scratch| {
            if self.walk(query, ef, scratch).is_some() {
                self.rescore(query, k, scratch, out);
            }
        });
        Ok(())
    }

    /// Leaves the `ef` nearest live slots in `scratch.found`. `None` where the graph is empty.
    fn walk(&self, query: &UnitVector, ef: usize, scratch: &mut Scratch) -> Option<()> {
        let entry = self.graph.entry()?;
        let mut codes = std::mem::replace(&mut scratch.query, Codes::new(0));
        codes.resize(self.graph.dim);
        codes.quantise(query.as_slice());
        let probe = Probe::from(&codes);
        let start = walk::descend(&self.graph, probe, entry, 0);
        scratch.found.clear();
        scratch.found.push(start);
        walk::beam(&self.graph, probe, 0, ef, Keep::Live, scratch);
        scratch.query = codes;
        Some(())
    }

    /// Orders the best of `scratch.found` by their full similarity and returns the first `k`.
    fn rescore(&self, query: &UnitVector, k: usize, scratch: &Scratch, out: &mut Vec<Neighbour>) {
        let considered = &scratch.found[..scratch.found.len().min(2 * k + RESCORED_SPARE)];
        for ranked in considered {
            self.graph.prefetch_residual(ranked.slot());
        }
        for ranked in considered {
            // The label may have moved to a newer slot while the walk ran, and then that one counts, or be gone.
            let slot = self.graph.newest(ranked.slot());
            let neighbour = slot.and_then(|slot| {
                let similarity = self.graph.full_similarity(query.as_slice(), slot)?;
                Some(Neighbour { label: self.graph.label(slot)?, similarity })
            });
            if let Some(neighbour) = neighbour {
                super::push_once(out, neighbour);
            }
        }
        super::best_of(out, k);
    }
}

impl Writer {
    fn insert(&mut self, graph: &Graph, label: u64, codes: &Codes) -> Result<(), IndexError> {
        if self.slots.get(&label).is_some_and(|slot| graph.holds(*slot, codes)) {
            return Ok(());
        }
        let level = level_of(graph.slots(), graph.m);
        let slot = graph.push(label, codes, level).ok_or(IndexError::Full { slots: graph.slots() })?;
        self.linker.link(graph, slot, codes);
        // Live before the old slot is replaced, so that the label is missing at no moment.
        graph.set_state(slot, State::Live);
        match self.slots.insert(label, slot) {
            Some(old) => graph.set_state(old, State::Replaced(slot)),
            None => {
                graph.live().fetch_add(1, Ordering::Release);
            }
        }
        Ok(())
    }
}

impl Search for Hnsw {
    fn dim(&self) -> usize {
        self.graph.dim
    }

    fn len(&self) -> usize {
        self.graph.live().load(Ordering::Acquire)
    }

    fn search(&self, query: &UnitVector, k: usize, out: &mut Vec<Neighbour>) -> Result<(), IndexError> {
        self.search_with(query, k, beam_width(self.ef_search, self.slots()), out)
    }

    fn stats(&self) -> IndexStats {
        let (slots, live) = (self.slots(), self.len());
        // Computed, not asked of the writer: statistics wait for nobody.
        let writer_bytes = super::map_bytes(live) + slots * Linker::SLOT_BYTES;
        let bytes = self.graph.bytes() + writer_bytes;
        IndexStats { kind: Kind::Hnsw, live, dead: slots.saturating_sub(live), bytes, building: false, builds: 0 }
    }
}

impl Index for Hnsw {
    fn insert(&self, label: u64, vector: &UnitVector) -> Result<(), IndexError> {
        check_vector(self.graph.dim, vector)?;
        let mut writer = self.writer.lock();
        let mut codes = std::mem::replace(&mut writer.codes, Codes::new(0));
        codes.quantise(vector.as_slice());
        let inserted = writer.insert(&self.graph, label, &codes);
        writer.codes = codes;
        inserted
    }

    fn remove(&self, label: u64) -> bool {
        let mut writer = self.writer.lock();
        let Some(slot) = writer.slots.remove(&label) else { return false };
        self.graph.set_state(slot, State::Dead);
        self.graph.live().fetch_sub(1, Ordering::Release);
        true
    }

    fn contains(&self, label: u64) -> bool {
        self.writer.lock().slots.contains_key(&label)
    }
}

/// The beam of a search in a graph of so many slots: a quarter of `ef_search` more for each doubling. The recall of one
/// width falls as a graph grows, and a small graph should not pay for what only a large one needs.
fn beam_width(ef_search: usize, slots: usize) -> usize {
    let doublings = (slots / FULL_RECALL_SLOTS).checked_ilog2().unwrap_or(0) as usize;
    ef_search + ef_search * doublings / 4
}

/// The highest layer of a slot: 0 with probability 1 − 1/m, and each further one m times as rare. Drawn from the slot's
/// number, so that the same insertions give the same graph.
fn level_of(slot: usize, m: usize) -> usize {
    // SplitMix64 (Steele, Lea and Flood 2014), whose outputs pass for random even on a counter.
    let mut z = (slot as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    // In (0, 1], of which the logarithm is finite.
    let uniform = ((z >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    ((-uniform.ln() / (m as f64).ln()) as usize).min(LEVEL_MAX)
}
