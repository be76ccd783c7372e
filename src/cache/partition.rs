//! One partition of the semantic cache: entries that may answer for one another.

use super::generations::Generations;
use super::prompts::Prompts;
use crate::domain::entry::{Entry, StoredEntry};
use crate::domain::ids::EntryId;
use crate::domain::partition::PartitionKey;
use crate::domain::text::TextHash;
use crate::domain::vector::UnitVector;
use crate::index::{self, Adaptive, Builder, Index, IndexError, IndexStats, Neighbour, Search, SnapshotError};
use crate::limits::EXACT_VERSIONS_MAX;
use half::f16;
use half::slice::HalfFloatSliceExt;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// An entry that a search can find.
#[derive(Debug)]
pub struct LiveEntry {
    /// All but its vectors.
    pub entry: Arc<Entry>,
    // Half precision: a cosine that is off by less than 5e-4 for half of the memory. The record keeps full precision.
    fresh: Box<[f16]>,
    removed: AtomicBool,
    // When it was of use last, by the count of the working set; 0 where memory has all entries.
    pub(super) recalled: AtomicU64,
    generations: Arc<Generations>,
}

/// The label of an entry in the index: the first eight bytes of its hash. Two entries that share them, one pair in thirty million partitions of
/// a million entries, share a place there; then the later is found by meaning and the earlier by its exact text only.
fn label(id: &EntryId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *id.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// Bytes of memory that an entry takes whose fresh vector has so many dimensions.
pub(super) fn bytes(entry: &Entry, dim: usize) -> u64 {
    const PLACES: usize = 1_024;
    let tags: usize = entry.tags.iter().map(|tag| tag.len() + 24).sum();
    (entry.text.len() + entry.decision.as_json().len() + tags + entry.parts.len() * 96 + dim * 6 + PLACES) as u64
}

impl LiveEntry {
    fn new(stored: &StoredEntry, generations: &Arc<Generations>) -> Self {
        let fresh = stored.fresh.as_slice().iter().map(|v| f16::from_f32(*v)).collect();
        let generations = Arc::clone(generations);
        Self {
            entry: Arc::clone(&stored.entry),
            fresh,
            removed: AtomicBool::new(false),
            recalled: AtomicU64::new(0),
            generations,
        }
    }

    /// Bytes of memory that it takes, about: its text, its payload, and for each dimension four in the index and two of its own, with as many
    /// again for its places in maps and graphs.
    pub(super) fn bytes(&self) -> u64 {
        bytes(&self.entry, self.fresh.len())
    }

    /// Whether it was deleted or overwritten since it was found, or ended by a deletion of one of its tags.
    pub fn removed(&self) -> bool {
        self.removed.load(Ordering::Acquire) || self.generations.has_ended(&self.entry)
    }

    /// Cosine of its fresh vector with `fresh`; 0 where the dimensions differ.
    pub fn fresh_similarity(&self, fresh: &UnitVector) -> f32 {
        thread_local! {
            static WIDENED: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
        }
        if self.fresh.len() != fresh.dim() {
            return 0.0;
        }
        WIDENED.with_borrow_mut(|wide| {
            wide.resize(self.fresh.len(), 0.0);
            self.fresh.convert_to_f32_slice(wide);
            // Half precision may carry the cosine of a text with itself past one.
            crate::domain::vector::dot(wide, fresh.as_slice()).clamp(-1.0, 1.0)
        })
    }
}

/// A candidate that a search found.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The entry.
    pub live: Arc<LiveEntry>,
    /// Cosine of the vectors that were searched.
    pub similarity: f32,
}

/// The entries of one partition, by text, by vector and by prompt.
#[derive(Debug)]
pub struct Partition {
    key: PartitionKey,
    generations: Arc<Generations>,
    index: Adaptive,
    prompts: Prompts,
    by_label: papaya::HashMap<u64, Arc<LiveEntry>>,
    by_id: papaya::HashMap<EntryId, Arc<LiveEntry>>,
    by_text: papaya::HashMap<TextHash, Arc<[Arc<LiveEntry>]>>,
    // Writes since the graph was last saved.
    unsaved: AtomicU64,
    // Held by writers only.
    writing: parking_lot::Mutex<()>,
}

impl Partition {
    /// An empty partition whose composed vectors have `dim` dimensions.
    ///
    /// # Errors
    /// [`IndexError`] where no index of that dimension can be made.
    pub fn new(
        key: PartitionKey,
        dim: usize,
        (config, builder): (index::Config, &Builder),
        generations: Arc<Generations>,
    ) -> Result<Self, IndexError> {
        Ok(Self::over(key, index::open(dim, config, builder)?, Prompts::new(config, builder), generations))
    }

    fn over(key: PartitionKey, index: Adaptive, prompts: Prompts, generations: Arc<Generations>) -> Self {
        Self {
            key,
            generations,
            index,
            prompts,
            by_label: papaya::HashMap::new(),
            by_id: papaya::HashMap::new(),
            by_text: papaya::HashMap::new(),
            unsaved: AtomicU64::new(0),
            writing: parking_lot::Mutex::new(()),
        }
    }

    /// The partition of `entries`, with the graph that [`Self::save`] wrote to `graph`. Entries that the graph lacks, or has with another
    /// vector, are inserted as if they came now. Returns how many the graph had.
    ///
    /// # Errors
    /// [`SnapshotError`] where the graph can't be used; then the partition is filled from nothing.
    pub fn restore(
        key: PartitionKey,
        entries: &[StoredEntry],
        graph: &Path,
        (config, builder): (index::Config, &Builder),
        generations: Arc<Generations>,
    ) -> Result<(Self, usize), SnapshotError> {
        let dim = entries.first().map_or(0, |e| e.vector.dim());
        let by_label: HashMap<u64, &StoredEntry> = entries.iter().map(|e| (label(&e.entry.id), e)).collect();
        let vector_of = |label| by_label.get(&label).map(|e| e.vector.clone());
        let (index, restored) = Adaptive::restore(graph, dim, config, builder, &vector_of)?;
        let partition = Self::over(key, index, Prompts::new(config, builder), generations);
        if let Some(prompt) = entries.iter().find_map(|e| e.prompt.as_ref()) {
            let prompt_of = |label| by_label.get(&label).and_then(|e| e.prompt.clone());
            partition.prompts.restore(graph, prompt.dim(), &prompt_of);
        }
        for stored in entries {
            let label = label(&stored.entry.id);
            if partition.index.contains(label) {
                partition.prompts.put(label, stored.prompt.as_ref())?;
                partition.enter(LiveEntry::new(stored, &partition.generations));
            } else {
                partition.insert(stored)?;
            }
        }
        partition.unsaved.store(restored.dropped as u64, Ordering::Relaxed);
        Ok((partition, restored.restored))
    }

    /// Writes the graphs to files, unless nothing was written since the last time. `false` where there was nothing to do. Blocks, and
    /// holds nobody up.
    ///
    /// # Errors
    /// [`SnapshotError`] where the file can't be written.
    pub fn save(&self, graph: &Path) -> Result<bool, SnapshotError> {
        let unsaved = self.unsaved.load(Ordering::Relaxed);
        if unsaved == 0 || self.index.save(graph)?.is_none() {
            return Ok(false);
        }
        self.prompts.save(graph)?;
        self.unsaved.fetch_sub(unsaved, Ordering::Relaxed);
        Ok(true)
    }

    /// Its key.
    pub fn key(&self) -> PartitionKey {
        self.key
    }

    /// The entries for this very text, the latest `as_of` first.
    pub fn exact(&self, text: TextHash) -> Arc<[Arc<LiveEntry>]> {
        self.by_text.pin().get(&text).cloned().unwrap_or_else(|| Arc::from([]))
    }

    /// The `k` nearest entries, the nearest first.
    pub fn nearest(&self, vector: &UnitVector, k: usize) -> Vec<Candidate> {
        self.search(&self.index, vector, k)
    }

    /// The `k` entries whose prompts are nearest, the nearest first; entries without the vector of their prompt are not among them.
    pub fn nearest_prompts(&self, prompt: &UnitVector, k: usize) -> Vec<Candidate> {
        self.prompts.index().map(|index| self.search(index, prompt, k)).unwrap_or_default()
    }

    fn search(&self, index: &Adaptive, vector: &UnitVector, k: usize) -> Vec<Candidate> {
        thread_local! {
            static FOUND: RefCell<Vec<Neighbour>> = const { RefCell::new(Vec::new()) };
        }
        FOUND.with_borrow_mut(|found| {
            if let Err(error) = index.search(vector, k, found) {
                // A partition holds vectors of one composition, so this tells of a fault of ours; nothing found is the safe answer.
                tracing::error!(%error, partition = %self.key, "a search was refused");
                return Vec::new();
            }
            let by_label = self.by_label.pin();
            let live = |n: &Neighbour| Some(Candidate { live: by_label.get(&n.label).cloned()?, similarity: n.similarity });
            found.iter().filter_map(live).filter(|c| !c.live.removed()).collect()
        })
    }

    /// Takes an entry in, in place of an earlier one of its id, which is returned.
    ///
    /// # Errors
    /// [`IndexError`] where a vector doesn't fit its index; then searches find what they found before, an earlier prompt perhaps excepted.
    pub fn insert(&self, stored: &StoredEntry) -> Result<Option<Arc<LiveEntry>>, IndexError> {
        let _one_writer = self.writing.lock();
        let label = label(&stored.entry.id);
        self.prompts.put(label, stored.prompt.as_ref())?;
        self.index.insert(label, &stored.vector).inspect_err(|_| self.prompts.remove(label))?;
        let old = self.enter(LiveEntry::new(stored, &self.generations));
        self.unsaved.fetch_add(1, Ordering::Relaxed);
        Ok(old)
    }

    /// Lets an entry be found whose vector is in the index, and returns the one that it takes the place of.
    fn enter(&self, live: LiveEntry) -> Option<Arc<LiveEntry>> {
        let live = Arc::new(live);
        let old = self.by_id.pin().insert(live.entry.id, Arc::clone(&live)).cloned();
        self.by_label.pin().insert(label(&live.entry.id), Arc::clone(&live));
        self.change_text(live.entry.text_hash, |versions| {
            versions.retain(|v| v.entry.id != live.entry.id);
            versions.push(Arc::clone(&live));
            versions.sort_by_key(|v| std::cmp::Reverse(v.entry.as_of));
            versions.truncate(EXACT_VERSIONS_MAX);
        });
        if let Some(old) = &old {
            old.removed.store(true, Ordering::Release);
        }
        old
    }

    /// Forgets an entry; no search that starts after this returns it. `false` where there is none of this id.
    pub fn remove(&self, id: &EntryId) -> bool {
        self.remove_if(id, |_| true).is_some()
    }

    /// Forgets an entry for which `wanted` still holds once no other writer can change it, and returns it.
    pub fn remove_if(&self, id: &EntryId, wanted: impl FnOnce(&LiveEntry) -> bool) -> Option<Arc<LiveEntry>> {
        let _one_writer = self.writing.lock();
        let by_id = self.by_id.pin();
        let old = by_id.get(id).filter(|live| wanted(live)).cloned()?;
        by_id.remove(id);
        old.removed.store(true, Ordering::Release);
        self.index.remove(label(id));
        self.prompts.remove(label(id));
        self.by_label.pin().remove(&label(id));
        self.change_text(old.entry.text_hash, |versions| versions.retain(|v| v.entry.id != *id));
        self.unsaved.fetch_add(1, Ordering::Relaxed);
        Some(old)
    }

    /// The entry of this id.
    pub fn entry(&self, id: &EntryId) -> Option<Arc<LiveEntry>> {
        self.by_id.pin().get(id).cloned()
    }

    /// Calls `visit` with every entry, in no order.
    pub fn each(&self, visit: impl FnMut(&Arc<LiveEntry>)) {
        self.by_id.pin().values().for_each(visit);
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// What its indexes hold, that of the prompts counted in.
    pub fn index_stats(&self) -> IndexStats {
        self.prompts.counted_in(self.index.stats())
    }

    fn change_text(&self, text: TextHash, change: impl FnOnce(&mut Vec<Arc<LiveEntry>>)) {
        let by_text = self.by_text.pin();
        let mut versions = by_text.get(&text).map(|list| list.to_vec()).unwrap_or_default();
        change(&mut versions);
        if versions.is_empty() {
            by_text.remove(&text);
        } else {
            by_text.insert(text, versions.into());
        }
    }
}
