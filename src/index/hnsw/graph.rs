//! The nodes and links of a graph, readable while one writer changes them.
//!
//! A node is a slot: its vector planes and label are written once, before any link leads to it. Links and states are
//! atomics. A list of links has a fixed number of places, each a slot number plus one, or zero where it is free. A link
//! never moves to another place, so a reader that meets a list half way through a change sees every link that stays,
//! and of the others some, each of them to a whole node.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::index::codes::{Codes, coarse_similarity, full_similarity};
use crate::index::rows::{Block, LANES, Rows};
use crate::index::scratch::Ranked;
use crate::limits::INDEX_SLOTS_MAX;

/// Highest layer. With m = 4 a node above it is one in 4¹² or 16 million.
pub(super) const LEVEL_MAX: usize = 12;

/// The slot from which every other can be reached on layer 0.
pub(super) const ROOT: u32 = 0;

/// What a search may do with a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Being linked: not to be returned yet.
    Hidden,
    Live,
    Dead,
    /// Its label has moved to this slot.
    Replaced(u32),
}

impl State {
    fn from_word(word: u32) -> Self {
        match word {
            0 => Self::Hidden,
            1 => Self::Live,
            2 => Self::Dead,
            slot => Self::Replaced(slot - 3),
        }
    }

    fn into_word(self) -> u32 {
        match self {
            Self::Hidden => 0,
            Self::Live => 1,
            Self::Dead => 2,
            Self::Replaced(slot) => slot + 3,
        }
    }
}

/// Where walks begin: a node of the highest layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) slot: u32,
    pub(super) level: usize,
}

/// A query, or a stored vector, as the walk compares it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe<'a> {
    pub(super) coarse: &'a [Block],
    pub(super) step: f32,
}

impl<'a> From<&'a Codes> for Probe<'a> {
    fn from(codes: &'a Codes) -> Self {
        Self { coarse: &codes.coarse, step: codes.step }
    }
}

/// Nodes and links.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) dim: usize,
    /// Links of a node on each upper layer. Twice as many on layer 0.
    pub(super) m: usize,
    coarse: Rows<Block>,
    residual: Rows<Block>,
    steps: Rows<f32>,
    labels: Rows<u64>,
    states: Rows<AtomicU32>,
    ground: Rows<AtomicU32>,
    /// For each node one more than its first row in `upper`, and its level in the low four bits. 0 on layer 0 alone.
    towers: Rows<u32>,
    upper: Rows<AtomicU32>,
    /// Slot of the entry plus one in the high half, its level in the low; 0 while there is none.
    entry: AtomicU64,
    live: AtomicUsize,
}

impl Graph {
    pub(super) fn new(dim: usize, m: usize) -> Self {
        let blocks = dim.div_ceil(LANES);
        Self {
            dim,
            m,
            coarse: Rows::new(blocks),
            residual: Rows::new(blocks),
            steps: Rows::new(1),
            labels: Rows::new(1),
            states: Rows::new(1),
            ground: Rows::new(2 * m),
            towers: Rows::new(1),
            upper: Rows::new(m),
            entry: AtomicU64::new(0),
            live: AtomicUsize::new(0),
        }
    }

    /// Nodes, hidden and dead ones included.
    pub(super) fn slots(&self) -> usize {
        self.states.len()
    }

    /// Nodes that a search may return.
    pub(super) fn live(&self) -> &AtomicUsize {
        &self.live
    }

    /// Bytes of everything that is published.
    pub(super) fn bytes(&self) -> usize {
        let vectors = self.coarse.bytes() + self.residual.bytes() + self.steps.bytes();
        let nodes = self.labels.bytes() + self.states.bytes() + self.towers.bytes();
        size_of::<Self>() + vectors + nodes + self.ground.bytes() + self.upper.bytes()
    }

    /// Appends a hidden node without links. `None` where the graph is full.
    pub(super) fn push(&self, label: u64, codes: &Codes, level: usize) -> Option<u32> {
        if self.slots() >= INDEX_SLOTS_MAX {
            return None;
        }
        let first = self.upper.len();
        for _ in 0..level {
            self.upper.push_zeroed()?;
        }
        let tower = if level == 0 { 0 } else { ((first as u32 + 1) << 4) | level as u32 };
        self.coarse.push(&codes.coarse)?;
        self.residual.push(&codes.residual)?;
        self.steps.push(&[codes.step])?;
        self.labels.push(&[label])?;
        self.towers.push(&[tower])?;
        self.ground.push_zeroed()?;
        self.states.push_zeroed().map(|slot| slot as u32)
    }

    pub(super) fn level(&self, slot: u32) -> usize {
        self.towers.value(slot as usize).map_or(0, |tower| (tower & 15) as usize)
    }

    /// The places for links of a node on a layer. Empty where the node is not on that layer.
    #[inline]
    pub(super) fn links(&self, slot: u32, layer: usize) -> &[AtomicU32] {
        let row = if layer == 0 {
            self.ground.get(slot as usize)
        } else {
            self.towers
                .value(slot as usize)
                .filter(|tower| (tower & 15) as usize >= layer)
                .and_then(|tower| self.upper.get((tower >> 4) as usize - 1 + layer - 1))
        };
        row.unwrap_or(&[])
    }

    /// The slots that a node links to.
    #[inline]
    pub(super) fn neighbours(&self, slot: u32, layer: usize) -> impl Iterator<Item = u32> {
        // Acquire, so that a slot that is read here is published in every table.
        self.links(slot, layer).iter().filter_map(|link| link.load(Ordering::Acquire).checked_sub(1))
    }

    /// Links a node that has no links yet. For the one writer.
    pub(super) fn fill_links(&self, slot: u32, layer: usize, targets: impl Iterator<Item = u32>) {
        for (link, target) in self.links(slot, layer).iter().zip(targets) {
            link.store(target + 1, Ordering::Release);
        }
    }

    /// Replaces the links of a node by links to `targets`, of which those that stay keep their places. For the one writer.
    pub(super) fn set_links(&self, slot: u32, layer: usize, targets: &[Ranked]) {
        let links = self.links(slot, layer);
        for link in links {
            let target = link.load(Ordering::Relaxed);
            if target != 0 && targets.iter().all(|t| t.slot() + 1 != target) {
                link.store(0, Ordering::Release);
            }
        }
        for target in targets {
            if links.iter().all(|link| link.load(Ordering::Relaxed) != target.slot() + 1) {
                self.add_link(slot, layer, target.slot());
            }
        }
    }

    /// Adds a link in a free place. `false` where there is none. For the one writer.
    pub(super) fn add_link(&self, slot: u32, layer: usize, target: u32) -> bool {
        let free = self.links(slot, layer).iter().find(|link| link.load(Ordering::Relaxed) == 0);
        if let Some(link) = free {
            link.store(target + 1, Ordering::Release);
        }
        free.is_some()
    }

    pub(super) fn entry(&self) -> Option<Entry> {
        let word = self.entry.load(Ordering::Acquire);
        let slot = (word >> 32).checked_sub(1)? as u32;
        Some(Entry { slot, level: (word & 15) as usize })
    }

    pub(super) fn set_entry(&self, entry: Entry) {
        self.entry.store((u64::from(entry.slot) + 1) << 32 | entry.level as u64, Ordering::Release);
    }

    pub(super) fn state(&self, slot: u32) -> State {
        let cell = self.states.get(slot as usize).and_then(<[_]>::first);
        cell.map_or(State::Hidden, |cell| State::from_word(cell.load(Ordering::Acquire)))
    }

    /// Follows a label from a slot to where it is now. `None` where it was removed.
    pub(super) fn newest(&self, mut slot: u32) -> Option<u32> {
        loop {
            match self.state(slot) {
                State::Live => return Some(slot),
                State::Replaced(newer) => slot = newer,
                State::Hidden | State::Dead => return None,
            }
        }
    }

    pub(super) fn set_state(&self, slot: u32, state: State) {
        if let Some(cell) = self.states.get(slot as usize).and_then(<[_]>::first) {
            cell.store(state.into_word(), Ordering::Release);
        }
    }

    pub(super) fn label(&self, slot: u32) -> Option<u64> {
        self.labels.value(slot as usize)
    }

    /// The vector of a node, as a walk compares it.
    #[inline]
    pub(super) fn probe(&self, slot: u32) -> Option<Probe<'_>> {
        Some(Probe { coarse: self.coarse.get(slot as usize)?, step: self.steps.value(slot as usize)? })
    }

    /// Cosine of a probe and a node, within about 1e-3.
    #[inline]
    pub(super) fn similarity(&self, probe: Probe<'_>, slot: u32) -> f32 {
        let node = self.probe(slot);
        node.map_or(f32::NEG_INFINITY, |node| coarse_similarity(probe.coarse, probe.step, node.coarse, node.step))
    }

    /// Cosine of full-precision values and a node, within 1e-4.
    pub(super) fn full_similarity(&self, values: &[f32], slot: u32) -> Option<f32> {
        let (node, residual) = (self.probe(slot)?, self.residual.get(slot as usize)?);
        Some(full_similarity(values, node.coarse, residual, node.step))
    }

    /// Whether these are the codes of a node.
    pub(super) fn holds(&self, slot: u32, codes: &Codes) -> bool {
        let planes = (self.coarse.get(slot as usize), self.residual.get(slot as usize), self.steps.value(slot as usize));
        planes == (Some(&codes.coarse), Some(&codes.residual), Some(codes.step))
    }

    /// Copies the codes of a node.
    pub(super) fn read_codes(&self, slot: u32, codes: &mut Codes) -> Option<()> {
        let (node, residual) = (self.probe(slot)?, self.residual.get(slot as usize)?);
        codes.coarse.clear();
        codes.coarse.extend_from_slice(node.coarse);
        codes.residual.clear();
        codes.residual.extend_from_slice(residual);
        codes.step = node.step;
        Some(())
    }

    #[inline]
    pub(super) fn prefetch(&self, slot: u32) {
        self.coarse.prefetch(slot as usize);
        self.steps.prefetch(slot as usize);
    }

    #[inline]
    pub(super) fn prefetch_links(&self, slot: u32, layer: usize) {
        if layer == 0 {
            self.ground.prefetch(slot as usize);
        }
    }

    #[inline]
    pub(super) fn prefetch_residual(&self, slot: u32) {
        self.residual.prefetch(slot as usize);
    }
}
