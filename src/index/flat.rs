//! The exact index: compares the query with every live vector.
//!
//! It is the twin that the graph is tested against, and the faster of the two while a partition is small.
//! `benches/index.rs`, with a build beside it, has them cross at about 500 vectors of 384 dimensions (56 µs each); at 1,000 a scan takes 110 µs and
//! the graph 85 µs, at 10,000 550 µs and 87 µs. [`Config::flat_max`](super::Config::flat_max) is 1,000 all the same: 25 µs buy exact
//! answers and writes of 1 µs in place of 100 or more.
//!
//! Vectors are kept in full precision, 4 bytes a value, append-only. A removed vector is only marked, and its slot
//! stays until the [`Adaptive`](super::Adaptive) index around it copies what is live.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::codes::exact_dot;
use super::rows::Rows;
use super::scratch::{self, Ranked, Scratch};
use super::{Index, IndexError, IndexStats, Kind, Neighbour, Search, check_dim, check_vector};
use crate::domain::vector::UnitVector;
use crate::limits::{INDEX_NEIGHBOURS_MAX, INDEX_SLOTS_MAX};

/// State of a slot that is not yet, or no longer, to be returned.
const DEAD: u32 = 0;
/// State of a slot that a search may return.
const LIVE: u32 = 1;
/// State of a slot whose label has moved to another, less the number of that.
const MOVED: u32 = 2;

/// Results that a scan keeps beyond `k`, to stand in for those that a writer takes out before it ends.
const SPARE: usize = 4;

/// An exact index of vectors of one dimension.
#[derive(Debug)]
pub struct Flat {
    dim: usize,
    vectors: Rows<f32>,
    labels: Rows<u64>,
    states: Rows<AtomicU32>,
    live: AtomicUsize,
    /// The live slot of each label. Only writers take it.
    slots: Mutex<HashMap<u64, u32>>,
}

impl Flat {
    /// An empty index for vectors of `dim` dimensions.
    pub fn new(dim: usize) -> Result<Self, IndexError> {
        check_dim(dim)?;
        Ok(Self {
            dim,
            vectors: Rows::new(dim),
            labels: Rows::new(1),
            states: Rows::new(1),
            live: AtomicUsize::new(0),
            slots: Mutex::default(),
        })
    }

    /// Slots in use, dead ones included.
    pub(super) fn slots(&self) -> usize {
        self.states.len()
    }

    /// Label and values of a slot, where it is live.
    pub(super) fn read(&self, slot: u32) -> Option<(u64, &[f32])> {
        if self.state(slot)?.load(Ordering::Acquire) != LIVE {
            return None;
        }
        Some((self.labels.value(slot as usize)?, self.vectors.get(slot as usize)?))
    }

    /// As [`Index::insert`], of values that are of the right dimension.
    pub(super) fn insert_values(&self, label: u64, values: &[f32]) -> Result<(), IndexError> {
        let mut slots = self.slots.lock();
        if slots.get(&label).is_some_and(|slot| self.vectors.get(*slot as usize) == Some(values)) {
            return Ok(());
        }
        let slot = self.append(label, values).ok_or(IndexError::Full { slots: self.slots() })?;
        // The new slot is live before the old one has moved. A scan goes upwards and old slots come first, so one that
        // finds the old slot moved finds the new one live: at no moment is the label missing.
        self.set(slot, LIVE);
        match slots.insert(label, slot) {
            Some(old) => self.set(old, MOVED + slot),
            None => {
                self.live.fetch_add(1, Ordering::Release);
            }
        }
        Ok(())
    }

    /// Appends a slot that is not live yet.
    fn append(&self, label: u64, values: &[f32]) -> Option<u32> {
        if self.slots() >= INDEX_SLOTS_MAX {
            return None;
        }
        self.vectors.push(values)?;
        self.labels.push(&[label])?;
        self.states.push_zeroed().map(|slot| slot as u32)
    }

    fn state(&self, slot: u32) -> Option<&AtomicU32> {
        self.states.get(slot as usize)?.first()
    }

    fn set(&self, slot: u32, state: u32) {
        if let Some(cell) = self.state(slot) {
            cell.store(state, Ordering::Release);
        }
    }

    /// A slot that was live when it was scanned, as it is now: `None` where it was removed meanwhile, and the vector that
    /// took its place where it was replaced.
    fn read_again(&self, query: &[f32], ranked: Ranked) -> Option<Neighbour> {
        let mut slot = ranked.slot();
        let state = loop {
            match self.state(slot)?.load(Ordering::Acquire) {
                moved if moved >= MOVED => slot = moved - MOVED,
                state => break state,
            }
        };
        if state != LIVE {
            return None;
        }
        let label = self.labels.value(slot as usize)?;
        let similarity = match slot == ranked.slot() {
            true => ranked.similarity(),
            false => exact_dot(query, self.vectors.get(slot as usize)?),
        };
        Some(Neighbour { label, similarity })
    }

    /// Compares every live slot with the query.
    fn scan(&self, query: &[f32], keep: usize, scratch: &mut Scratch) {
        scratch.best.reset(keep);
        let mut slot = 0;
        // The length is read again at every step, for the sake of labels that move to a new slot meanwhile.
        while (slot as usize) < self.slots() {
            if let Some((_, values)) = self.read(slot) {
                let similarity = exact_dot(query, values);
                if scratch.best.accepts(similarity) {
                    scratch.best.push(Ranked::new(similarity, slot));
                }
            }
            slot += 1;
        }
        scratch.best.drain_into(&mut scratch.found);
    }
}

impl Search for Flat {
    fn dim(&self) -> usize {
        self.dim
    }

    fn len(&self) -> usize {
        self.live.load(Ordering::Acquire)
    }

    fn search(&self, query: &UnitVector, k: usize, out: &mut Vec<Neighbour>) -> Result<(), IndexError> {
        out.clear();
        check_vector(self.dim, query)?;
        let k = k.min(INDEX_NEIGHBOURS_MAX);
        scratch::with(|scratch| {
            self.scan(query.as_slice(), k + SPARE, scratch);
            for ranked in &scratch.found {
                if let Some(neighbour) = self.read_again(query.as_slice(), *ranked) {
                    super::push_once(out, neighbour);
                }
            }
            super::best_of(out, k);
        });
        Ok(())
    }

    fn stats(&self) -> IndexStats {
        let (slots, live) = (self.slots(), self.len());
        let map_bytes = super::map_bytes(live);
        let bytes = size_of::<Self>() + self.vectors.bytes() + self.labels.bytes() + self.states.bytes() + map_bytes;
        IndexStats { kind: Kind::Flat, live, dead: slots.saturating_sub(live), bytes, building: false, builds: 0 }
    }
}

impl Index for Flat {
    fn insert(&self, label: u64, vector: &UnitVector) -> Result<(), IndexError> {
        check_vector(self.dim, vector)?;
        self.insert_values(label, vector.as_slice())
    }

    fn remove(&self, label: u64) -> bool {
        let mut slots = self.slots.lock();
        let Some(slot) = slots.remove(&label) else { return false };
        self.set(slot, DEAD);
        self.live.fetch_sub(1, Ordering::Release);
        true
    }

    fn contains(&self, label: u64) -> bool {
        self.slots.lock().contains_key(&label)
    }
}
