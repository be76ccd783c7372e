//! Adding a node to the graph (Algorithms 1, 3 and 4 of the paper). For the one writer.

use super::graph::{Entry, Graph, Probe, ROOT};
use super::walk::{self, Keep};
use crate::index::codes::Codes;
use crate::index::scratch::{Ranked, Scratch};

/// Cosine, on the coarse plane, from which two vectors count as the same.
const DUPLICATE: f32 = 0.9999;

/// The parent of a slot that has none yet.
const NONE: u32 = u32::MAX;

/// A full list is selected anew, each pair compared, when one in this many of its links was never compared. Otherwise
/// the newcomer alone is compared with the rest, which is linear in the length of the list and not quadratic.
const UNCHECKED_SHARE: usize = 4;

/// What the writer of a graph keeps to itself.
#[derive(Debug, Default)]
pub(super) struct Linker {
    pub(super) ef_construction: usize,
    /// The node whose link to this one on layer 0 is never taken away. Parents come before their children or are linked
    /// before them, so every node can be reached from the root, at any moment, however the other links change.
    parents: Vec<u32>,
    /// Children of each node: at most m, half of its places, so that there is room for links to what is near.
    children: Vec<u8>,
    /// Links of layer 0 that each node was given while it had room, and that were compared with no other of its links.
    unchecked: Vec<u8>,
    scratch: Scratch,
    selected: Vec<Ranked>,
    pool: Vec<Ranked>,
    kept: Vec<Ranked>,
}

impl Linker {
    pub(super) fn new(ef_construction: usize) -> Self {
        Self { ef_construction, ..Self::default() }
    }

    /// Bytes that it holds for each slot.
    pub(super) const SLOT_BYTES: usize = size_of::<u32>() + 2 * size_of::<u8>();

    /// Finds parents in a graph that was not linked by this: those on the shortest way from the root. What cannot be
    /// reached is given back, to be linked again.
    pub(super) fn find_parents(&mut self, graph: &Graph) -> Vec<u32> {
        let slots = graph.slots();
        self.parents.clear();
        self.parents.resize(slots, NONE);
        self.children.clear();
        self.children.resize(slots, 0);
        self.unchecked.clear();
        self.unchecked.resize(slots, 0);
        let mut queue = std::collections::VecDeque::from([ROOT]);
        while let Some(slot) = queue.pop_front() {
            for target in graph.neighbours(slot, 0) {
                if target != ROOT && self.parents[target as usize] == NONE {
                    self.adopt(slot, target);
                    queue.push_back(target);
                }
            }
        }
        (1..slots as u32).filter(|slot| self.parents[*slot as usize] == NONE).collect()
    }

    /// Makes room for what is kept of each slot.
    pub(super) fn grow(&mut self, slots: usize) {
        self.parents.resize(slots.max(self.parents.len()), NONE);
        self.children.resize(slots.max(self.children.len()), 0);
        self.unchecked.resize(slots.max(self.unchecked.len()), 0);
    }

    /// Links a slot that was just pushed, or found to be an orphan, on all of its layers.
    pub(super) fn link(&mut self, graph: &Graph, slot: u32, codes: &Codes) {
        self.grow(slot as usize + 1);
        let level = graph.level(slot);
        let Some(entry) = graph.entry() else {
            return graph.set_entry(Entry { slot, level });
        };
        let probe = Probe::from(codes);
        let start = walk::descend(graph, probe, entry, level);
        self.scratch.found.clear();
        self.scratch.found.push(start);
        for layer in (0..=level.min(entry.level)).rev() {
            walk::beam(graph, probe, layer, self.ef_construction, Keep::All, &mut self.scratch);
            self.link_on(graph, slot, layer);
        }
        if level > entry.level {
            graph.set_entry(Entry { slot, level });
        }
    }

    /// Links a slot both ways with the best of what the beam found on a layer.
    fn link_on(&mut self, graph: &Graph, slot: u32, layer: usize) {
        self.pool.clear();
        self.pool.extend(self.scratch.found.iter().filter(|ranked| ranked.slot() != slot));
        select(graph, &self.pool, graph.m, &mut self.selected);
        graph.set_links(slot, layer, &self.selected);
        if layer == 0 && slot != ROOT && self.parents[slot as usize] == NONE {
            self.choose_parent(graph, slot);
        }
        let targets = std::mem::take(&mut self.selected);
        for target in &targets {
            self.link_back(graph, *target, layer, slot);
        }
        self.selected = targets;
    }

    /// Gives a slot its parent: the nearest that has room for a child, and can be reached itself.
    fn choose_parent(&mut self, graph: &Graph, slot: u32) {
        let has_room = |candidate: u32| {
            let connected = candidate == ROOT || self.parents[candidate as usize] != NONE;
            connected && usize::from(self.children[candidate as usize]) < graph.m
        };
        let near = self.selected.iter().chain(&self.pool).find(|ranked| has_room(ranked.slot()));
        // What is connected is a tree, whose leaves have all their room; the newest slots are mostly leaves.
        let any = || (0..self.parents.len() as u32).rev().find(|candidate| *candidate != slot && has_room(*candidate));
        let parent = near.copied().or_else(|| any().map(|leaf| Ranked::new(f32::NEG_INFINITY, leaf)));
        if let Some(parent) = parent {
            self.adopt(parent.slot(), slot);
            self.link_back(graph, parent, 0, slot);
        }
    }

    fn adopt(&mut self, parent: u32, child: u32) {
        self.parents[child as usize] = parent;
        let children = &mut self.children[parent as usize];
        *children = children.saturating_add(1);
    }

    /// Adds to `target` a link to `slot`, where it deserves one. Their similarity is in `target`.
    fn link_back(&mut self, graph: &Graph, target: Ranked, layer: usize, slot: u32) {
        let owner = target.slot();
        if graph.neighbours(owner, layer).any(|known| known == slot) {
            return;
        }
        if graph.add_link(owner, layer, slot) {
            let unchecked = &mut self.unchecked[owner as usize];
            *unchecked = unchecked.saturating_add(u8::from(layer == 0));
            return;
        }
        let (Some(own), Some(new)) = (graph.probe(owner), graph.probe(slot)) else { return };
        graph.neighbours(owner, layer).for_each(|neighbour| graph.prefetch(neighbour));
        self.pool.clear();
        self.pool.extend(graph.neighbours(owner, layer).map(|n| Ranked::new(graph.similarity(own, n), n)));
        let newcomer = Ranked::new(target.similarity(), slot);
        let width = graph.links(owner, layer).len();
        if layer == 0 && usize::from(self.unchecked[owner as usize]) < width / UNCHECKED_SHARE {
            self.displace(graph, new, owner, newcomer);
        } else {
            self.pool.push(newcomer);
            self.pool.sort_unstable_by(|a, b| b.cmp(a));
            select(graph, &self.pool, width, &mut self.kept);
            if layer == 0 {
                self.unchecked[owner as usize] = 0;
                self.keep_children(owner, width);
            }
        }
        graph.set_links(owner, layer, &self.kept);
    }

    /// Algorithm 4 for a full list, `pool`, that keeps to it already: only pairs with the newcomer are compared. Leaves in
    /// `kept` the list with the newcomer in it and at least one other out of it, or the list as it was.
    fn displace(&mut self, graph: &Graph, new: Probe<'_>, owner: u32, newcomer: Ranked) {
        let Self { parents, pool, kept, .. } = self;
        let is_child = |ranked: &Ranked| parents[ranked.slot() as usize] == owner;
        let width = pool.len();
        kept.clear();
        for known in pool.iter() {
            let (nearer, farther) = if *known > newcomer { (*known, newcomer) } else { (newcomer, *known) };
            let hidden = graph.similarity(new, known.slot()) > farther.similarity().min(DUPLICATE);
            if hidden && nearer == *known && !is_child(&newcomer) {
                kept.clone_from(pool);
                return;
            }
            if !hidden || nearer == *known || is_child(known) {
                kept.push(*known);
            }
        }
        kept.push(newcomer);
        let spare = (0..kept.len()).filter(|at| !is_child(&kept[*at])).min_by_key(|at| kept[*at]);
        if kept.len() > width
            && let Some(spare) = spare
        {
            kept.swap_remove(spare);
        }
    }

    /// Puts the children of `owner` back into `kept`, in place of the worst others.
    fn keep_children(&mut self, owner: u32, width: usize) {
        let Self { parents, pool, kept, .. } = self;
        let is_child = |ranked: &Ranked| parents[ranked.slot() as usize] == owner;
        for child in pool.iter().filter(|ranked| is_child(ranked)) {
            if kept.contains(child) {
                continue;
            }
            if kept.len() == width {
                let Some(other) = kept.iter().rposition(|ranked| !is_child(ranked)) else { break };
                kept.remove(other);
            }
            kept.push(*child);
        }
    }
}

/// Chooses up to `most` of `candidates`, which are sorted best first: one is taken unless a taken one is nearer to it
/// than the node is (Algorithm 4), so that links go in different directions.
///
/// Of duplicates of the node one is taken. They are no nearer to each other than to it, so the rule alone would take
/// them all, and a crowd of duplicates would have links to itself only.
fn select(graph: &Graph, candidates: &[Ranked], most: usize, taken: &mut Vec<Ranked>) {
    taken.clear();
    for candidate in candidates {
        if taken.len() == most {
            break;
        }
        let Some(probe) = graph.probe(candidate.slot()) else { continue };
        let bound = candidate.similarity().min(DUPLICATE);
        if taken.iter().all(|t| graph.similarity(probe, t.slot()) <= bound) {
            taken.push(*candidate);
        }
    }
}
