//! Counting what was served and what was refused.

use super::interval::Rate;
use crate::domain::answer::{Gate, Path};
use serde::Serialize;

/// What became of one request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// What was served; `None` for an abstention.
    pub served: Option<Served>,
    /// The candidates that a gate turned away, nearest first, with whether each would have been right.
    pub refused: Vec<(Gate, bool)>,
}

/// An answer that was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// By which step.
    pub path: Path,
    /// Whether it is the decision that the row is labelled with.
    pub right: bool,
}

/// The figures of one replay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tally {
    /// Requests that were asked.
    pub requests: u64,
    /// Requests that memory answered, of all requests.
    pub hit_rate: Rate,
    /// Requests that were answered wrongly, of all requests. The error budget is held against this.
    pub error: Rate,
    /// Answers from memory that are right, of all answers from memory.
    pub precision_per_hit: Rate,
    /// The same, of the hits on the very same text.
    pub precision_exact: Rate,
    /// The same, of the hits by meaning.
    pub precision_by_meaning: Rate,
    /// Requests that end with the decision of their row, of all requests: those that memory answers rightly, and those that it leaves to
    /// an engine, which decides as the row is labelled.
    pub agreement: Rate,
    /// Requests without an answer, of all requests.
    pub abstention: Rate,
}

impl Tally {
    /// Counts a replay.
    pub fn of<'a>(judged: impl IntoIterator<Item = &'a Option<Served>>) -> Self {
        let (mut requests, mut exact, mut meaning) = (0, [0, 0], [0, 0]);
        for served in judged {
            requests += 1;
            match served {
                Some(Served { path: Path::Exact, right }) => exact[usize::from(*right)] += 1,
                Some(Served { right, .. }) => meaning[usize::from(*right)] += 1,
                None => {}
            }
        }
        let [exact_wrong, exact_right] = exact;
        let [meaning_wrong, meaning_right] = meaning;
        let (right, wrong) = (exact_right + meaning_right, exact_wrong + meaning_wrong);
        let hits = right + wrong;
        Self {
            requests,
            hit_rate: Rate::new(hits, requests),
            error: Rate::new(wrong, requests),
            precision_per_hit: Rate::new(right, hits),
            precision_exact: Rate::new(exact_right, exact_right + exact_wrong),
            precision_by_meaning: Rate::new(meaning_right, meaning_right + meaning_wrong),
            agreement: Rate::new(requests - wrong, requests),
            abstention: Rate::new(requests - hits, requests),
        }
    }
}

/// The error after so many requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cumulative {
    /// Requests so far.
    pub requests: u64,
    /// Hits so far.
    pub hits: u64,
    /// Wrong answers so far, of the requests so far.
    pub error: Rate,
}

/// The running error at up to `points` places, evenly spaced, the last request among them.
pub fn cumulative<'a>(served: impl IntoIterator<Item = &'a Option<Served>>, requests: usize, points: usize) -> Vec<Cumulative> {
    let every = requests.div_ceil(points.max(1)).max(1);
    let (mut hits, mut wrong) = (0, 0);
    let mut curve = Vec::new();
    for (i, served) in served.into_iter().enumerate() {
        hits += u64::from(served.is_some());
        wrong += u64::from(served.is_some_and(|s| !s.right));
        let done = i + 1;
        if done % every == 0 || done == requests {
            curve.push(Cumulative { requests: done as u64, hits, error: Rate::new(wrong, done as u64) });
        }
    }
    curve
}

/// What one gate refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GateTally {
    /// Which gate.
    pub gate: Gate,
    /// Requests without an answer whose nearest candidate this gate refused, and whose decision would have been right.
    pub nearest_right: u64,
    /// The same, and it would have been wrong.
    pub nearest_wrong: u64,
    /// Candidates that it refused in any request, at most five named in each, and that would have been right.
    pub all_right: u64,
    /// The same, and they would have been wrong.
    pub all_wrong: u64,
}

/// What each gate refused.
pub fn gates<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> Vec<GateTally> {
    let mut tallies: Vec<GateTally> = Vec::new();
    for one in judged {
        for (place, (gate, right)) in one.refused.iter().enumerate() {
            let at = tallies.iter().position(|t| t.gate == *gate).unwrap_or_else(|| {
                tallies.push(GateTally { gate: *gate, nearest_right: 0, nearest_wrong: 0, all_right: 0, all_wrong: 0 });
                tallies.len() - 1
            });
            let Some(tally) = tallies.get_mut(at) else { continue };
            let decisive = u64::from(place == 0 && one.served.is_none());
            if *right {
                tally.all_right += 1;
                tally.nearest_right += decisive;
            } else {
                tally.all_wrong += 1;
                tally.nearest_wrong += decisive;
            }
        }
    }
    tallies.sort_by_key(|tally| crate::gates::PASSED.iter().position(|verdict| verdict.gate == tally.gate));
    tallies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(path: Path, right: bool) -> Option<Served> {
        Some(Served { path, right })
    }

    #[test]
    fn every_share_has_its_own_whole() {
        let run = [served(Path::Exact, true), served(Path::Fast, true), served(Path::Fast, false), None, None];
        let tally = Tally::of(&run);
        let share = |rate: Rate| (rate.count, rate.of);
        assert_eq!(share(tally.hit_rate), (3, 5));
        assert_eq!(share(tally.error), (1, 5));
        assert_eq!(share(tally.precision_per_hit), (2, 3));
        assert_eq!(share(tally.precision_exact), (1, 1));
        assert_eq!(share(tally.precision_by_meaning), (1, 2));
        assert_eq!(share(tally.agreement), (4, 5));
        assert_eq!(share(tally.abstention), (2, 5));
    }

    #[test]
    fn the_running_error_ends_at_the_error_of_the_whole() {
        let run: Vec<_> = (0..1_000).map(|i| if i % 4 == 0 { served(Path::Fast, i % 8 == 0) } else { None }).collect();
        let curve = cumulative(&run, run.len(), 64);
        assert!(curve.len() <= 64, "{}", curve.len());
        let last = curve.last().unwrap();
        assert_eq!((last.requests, last.hits, last.error.count), (1_000, 250, 125));
    }

    #[test]
    fn a_refusal_before_a_hit_is_counted_but_did_not_decide() {
        let run = [
            Judged { served: None, refused: vec![(Gate::Facts, false), (Gate::Floors, true)] },
            Judged { served: served(Path::Fast, true), refused: vec![(Gate::Facts, true)] },
        ];
        let counted: Vec<_> =
            gates(&run).into_iter().map(|g| (g.gate, g.nearest_right, g.nearest_wrong, g.all_right, g.all_wrong)).collect();
        assert_eq!(counted, [(Gate::Floors, 0, 0, 1, 0), (Gate::Facts, 0, 1, 1, 1)]);
    }
}
