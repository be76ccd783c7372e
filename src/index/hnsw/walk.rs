//! Walking the graph towards a query: the greedy descent and the beam (Algorithms 2 and 5 of the paper).

use super::graph::{Entry, Graph, Probe, ROOT, State};
use crate::index::scratch::{Ranked, Scratch};

/// Nodes that a walk expands at most, for each place in its beam. A walk ends by itself after about 1.5 times the beam;
/// only a region of dead nodes makes it go on, and this ends it there.
const EXPANSIONS_PER_PLACE_MAX: usize = 24;

/// Expansions that are allowed to a walk of any beam, so that a narrow beam still crosses dead nodes.
const EXPANSIONS_MIN: usize = 2_048;

/// Which nodes a beam keeps. It passes through all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// All, to link with: a dead node still leads somewhere.
    All,
    /// Those that a search may return.
    Live,
}

/// Goes from the entry down to `floor`, on each layer to the node nearest to the probe.
pub(super) fn descend(graph: &Graph, probe: Probe<'_>, entry: Entry, floor: usize) -> Ranked {
    let mut nearest = Ranked::new(graph.similarity(probe, entry.slot), entry.slot);
    for layer in ((floor + 1)..=entry.level).rev() {
        loop {
            let here = nearest;
            for slot in graph.neighbours(here.slot(), layer) {
                nearest = nearest.max(Ranked::new(graph.similarity(probe, slot), slot));
            }
            if nearest == here {
                break;
            }
        }
    }
    nearest
}

/// Searches one layer from the slots in `scratch.found`, and leaves there the `ef` nearest, best first.
pub(super) fn beam(graph: &Graph, probe: Probe<'_>, layer: usize, ef: usize, keep: Keep, scratch: &mut Scratch) {
    scratch.visited.reset(graph.slots());
    scratch.frontier.clear();
    scratch.best.reset(ef);
    if layer == 0 {
        // From the root everything can be reached. It is expanded only where too little was found from elsewhere.
        scratch.found.push(Ranked::new(graph.similarity(probe, ROOT), ROOT));
    }
    for at in 0..scratch.found.len() {
        let start = scratch.found[at];
        if scratch.visited.insert(start.slot()) {
            scratch.frontier.push(start);
            offer(graph, probe, start, keep, scratch);
        }
    }
    let mut expansions_left = EXPANSIONS_MIN.max(ef * EXPANSIONS_PER_PLACE_MAX);
    while let Some(nearest) = scratch.frontier.pop() {
        if !scratch.best.accepts(nearest.similarity()) || expansions_left == 0 {
            break;
        }
        expansions_left -= 1;
        scratch.batch.clear();
        for slot in graph.neighbours(nearest.slot(), layer) {
            if scratch.visited.insert(slot) {
                graph.prefetch(slot);
                scratch.batch.push(slot);
            }
        }
        for at in 0..scratch.batch.len() {
            let slot = scratch.batch[at];
            let similarity = graph.similarity(probe, slot);
            if scratch.best.accepts(similarity) {
                let ranked = Ranked::new(similarity, slot);
                graph.prefetch_links(slot, layer);
                scratch.frontier.push(ranked);
                offer(graph, probe, ranked, keep, scratch);
            }
        }
    }
    let Scratch { best, found, .. } = scratch;
    best.drain_into(found);
}

/// Keeps a slot that the beam has met, if it is one to keep.
#[inline]
fn offer(graph: &Graph, probe: Probe<'_>, ranked: Ranked, keep: Keep, scratch: &mut Scratch) {
    if keep == Keep::All {
        scratch.best.push(ranked);
        return;
    }
    match graph.state(ranked.slot()) {
        State::Live => scratch.best.push(ranked),
        State::Hidden | State::Dead => {}
        // There is one writer, so of the slots that were there when the walk began only the last can have been hidden.
        State::Replaced(next) if next as usize + 1 >= scratch.visited.slots() => offer_replacement(graph, probe, next, scratch),
        State::Replaced(_) => {}
    }
}

/// The label of a slot that the beam met has moved to `next` since the walk began, perhaps after the beam had passed
/// that by while it was still hidden. So it is offered here, and a label that is being replaced is missing at no moment.
#[cold]
fn offer_replacement(graph: &Graph, probe: Probe<'_>, next: u32, scratch: &mut Scratch) {
    let Some(next) = graph.newest(next) else { return };
    let ranked = Ranked::new(graph.similarity(probe, next), next);
    if scratch.best.accepts(ranked.similarity()) && !scratch.best.holds(ranked) {
        scratch.best.push(ranked);
    }
}
