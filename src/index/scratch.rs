//! What one search needs to remember while it runs, kept for each thread so that a search allocates nothing once
//! its thread is warm.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::codes::Codes;

/// A slot and its similarity in one word, ordered by similarity and then by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ranked(u64);

impl Ranked {
    pub(super) fn new(similarity: f32, slot: u32) -> Self {
        // Flips an IEEE number so that unsigned order is numeric order: negative ones reversed, positive ones above.
        let bits = similarity.to_bits();
        let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
        Self(u64::from(ordered) << 32 | u64::from(slot))
    }

    pub(super) fn similarity(self) -> f32 {
        let ordered = (self.0 >> 32) as u32;
        f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
    }

    pub(super) fn slot(self) -> u32 {
        self.0 as u32
    }
}

/// The best `bound` slots seen, worst first.
#[derive(Debug, Default)]
pub(super) struct Best {
    heap: BinaryHeap<Reverse<Ranked>>,
    bound: usize,
}

impl Best {
    /// Forgets what was kept; from now on keeps `bound` slots.
    pub(super) fn reset(&mut self, bound: usize) {
        self.heap.clear();
        self.bound = bound;
    }

    /// Whether a slot of this similarity would be kept.
    #[inline]
    pub(super) fn accepts(&self, similarity: f32) -> bool {
        self.heap.len() < self.bound || self.heap.peek().is_some_and(|worst| similarity > worst.0.similarity())
    }

    /// Keeps the slot, and drops the worst where that is one too many.
    #[inline]
    pub(super) fn push(&mut self, ranked: Ranked) {
        self.heap.push(Reverse(ranked));
        if self.heap.len() > self.bound {
            self.heap.pop();
        }
    }

    /// Whether this very slot is kept.
    pub(super) fn holds(&self, ranked: Ranked) -> bool {
        self.heap.iter().any(|kept| kept.0 == ranked)
    }

    /// Moves what was kept to `sorted`, best first.
    pub(super) fn drain_into(&mut self, sorted: &mut Vec<Ranked>) {
        sorted.clear();
        sorted.extend(self.heap.drain().map(|kept| kept.0));
        sorted.sort_unstable_by(|a, b| b.cmp(a));
    }
}

/// Slots that a walk has met: a bit each, with the list of what to clear afterwards. A walk meets a few thousand
/// slots, so clearing those is cheaper than an epoch for each slot, and the bits of a million slots fit in the L2
/// cache where epochs would not.
#[derive(Debug, Default)]
pub(super) struct Visited {
    words: Vec<u64>,
    touched: Vec<u32>,
    slots: usize,
}

impl Visited {
    /// Forgets every slot and makes room for `slots`.
    pub(super) fn reset(&mut self, slots: usize) {
        for word in self.touched.drain(..) {
            if let Some(bits) = self.words.get_mut(word as usize) {
                *bits = 0;
            }
        }
        self.slots = slots;
        let words = slots.div_ceil(64);
        if self.words.len() < words {
            self.words.resize(words, 0);
        }
    }

    /// Slots that there were at the reset.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// Marks a slot. `false` where it was marked before.
    #[inline]
    pub(super) fn insert(&mut self, slot: u32) -> bool {
        let (word, bit) = (slot as usize / 64, 1_u64 << (slot % 64));
        if word >= self.words.len() {
            // Appended while the walk ran.
            self.words.resize((word + 1).next_power_of_two(), 0);
        }
        let bits = &mut self.words[word];
        if *bits & bit != 0 {
            return false;
        }
        if *bits == 0 {
            self.touched.push(word as u32);
        }
        *bits |= bit;
        true
    }
}

/// Working memory of one walk.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) visited: Visited,
    /// Slots to be expanded, best first.
    pub(super) frontier: BinaryHeap<Ranked>,
    pub(super) best: Best,
    /// Neighbours of the slot that is expanded, met for the first time.
    pub(super) batch: Vec<u32>,
    /// What the last walk found, best first.
    pub(super) found: Vec<Ranked>,
    pub(super) query: Codes,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            visited: Visited::default(),
            frontier: BinaryHeap::new(),
            best: Best::default(),
            batch: Vec::new(),
            found: Vec::new(),
            query: Codes::new(0),
        }
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Lends this thread's scratch to `search`. It is not lent twice at once: a search calls no other.
pub(super) fn with<R>(search: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with_borrow_mut(search)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranked_keeps_both_parts_and_sorts_by_similarity(a in -1.0_f32..1.0, b in -1.0_f32..1.0, slot: u32, other: u32) {
            let (first, second) = (Ranked::new(a, slot), Ranked::new(b, other));
            prop_assert_eq!(first.similarity(), a);
            prop_assert_eq!(first.slot(), slot);
            if a != b {
                prop_assert_eq!(first > second, a > b);
            }
        }

        #[test]
        fn best_keeps_the_largest(values in prop::collection::vec(-1.0_f32..1.0, 0..50), bound in 1_usize..20) {
            let mut best = Best::default();
            best.reset(bound);
            for (slot, value) in values.iter().enumerate() {
                if best.accepts(*value) {
                    best.push(Ranked::new(*value, slot as u32));
                }
            }
            let mut kept = Vec::new();
            best.drain_into(&mut kept);
            let mut sorted = values;
            sorted.sort_by(|a, b| b.total_cmp(a));
            sorted.truncate(bound);
            prop_assert_eq!(kept.iter().map(|r| r.similarity()).collect::<Vec<_>>(), sorted);
        }
    }

    #[test]
    fn a_slot_is_new_once_until_the_reset() {
        let mut visited = Visited::default();
        visited.reset(100);
        assert!(visited.insert(70));
        assert!(!visited.insert(70));
        assert!(visited.insert(100_000));
        assert!(!visited.insert(100_000));
        visited.reset(100);
        assert!(visited.insert(70));
    }
}
