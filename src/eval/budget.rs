//! A stream under an error budget: what came of it, early and late, beside calibration by entry.

use super::baseline::Run;
use super::statistics::{Rate, Served};
use crate::budget::books::State;
use crate::budget::ledger::BudgetState;
use crate::domain::budget::BudgetRules;
use serde::Serialize;

/// The part of a stream, from its end, that is called late: by then there was time to learn.
const LATE: f64 = 0.4;

/// Places at which the state is told.
const COURSE_POINTS: usize = 60;

/// What a part of a stream came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kept {
    /// Requests that were reused a decision for, of all requests.
    pub hits: Rate,
    /// Wrong ones of the hits: what the budget bounds.
    pub wrong_of_hits: Rate,
    /// Wrong ones of all requests.
    pub wrong_of_requests: Rate,
}

impl Kept {
    /// Counts a part.
    pub fn of(part: &[Option<Served>]) -> Self {
        let hits = part.iter().flatten().count() as u64;
        let wrong = part.iter().flatten().filter(|served| !served.right).count() as u64;
        let requests = part.len() as u64;
        Self {
            hits: Rate::new(hits, requests),
            wrong_of_hits: Rate::new(wrong, hits),
            wrong_of_requests: Rate::new(wrong, requests),
        }
    }
}

/// How it stood after so many requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CoursePoint {
    /// Requests so far.
    pub requests: u64,
    /// Whether near candidates were served.
    pub state: State,
    /// The least score that was served; absent where nothing near was.
    pub score_min: Option<f64>,
    /// Outcomes that were learnt from so far.
    pub samples: u64,
}

/// Calibration by entry on the same stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beside {
    /// Its name.
    pub name: String,
    /// The whole stream.
    pub whole: Kept,
    /// Its late part.
    pub late: Kept,
    /// How many times as many hits the strategy has on the whole stream; absent where there are none to compare with.
    pub times_whole: Option<f64>,
    /// The same of the late part.
    pub times_late: Option<f64>,
}

/// A stream under an error budget.
#[derive(Debug, Clone, Serialize)]
pub struct BudgetReport {
    /// The rules that were in force.
    pub rules: BudgetRules,
    /// The whole stream.
    pub whole: Kept,
    /// The part after learning, from the place on that [`Self::late_from`] tells.
    pub late: Kept,
    /// How many requests lie before the late part.
    pub late_from: u64,
    /// Whether at most the budget's share of the late hits was wrong.
    pub held_late: bool,
    /// The same of all hits.
    pub held_whole: bool,
    /// How it stood on the way.
    pub course: Vec<CoursePoint>,
    /// How it stands at the end.
    pub state: BudgetState,
    /// Calibration by entry.
    pub beside: Vec<Beside>,
}

/// What a replay under `rules` came to, beside calibration by entry: as its authors have it, and with every miss stored.
pub fn report(
    rules: &BudgetRules,
    (served, course): (&[Option<Served>], Vec<CoursePoint>),
    state: BudgetState,
    [authors, all]: &[Run; 2],
) -> BudgetReport {
    let (whole, late) = parts(served);
    let held = |kept: &Kept| kept.wrong_of_hits.rate.is_none_or(|rate| rate <= rules.error_budget);
    let beside = [("vCache, authors", authors), ("vCache, all", all)].map(|(name, run)| beside(name, run, (&whole, &late)));
    BudgetReport {
        rules: rules.clone(),
        late_from: late_from(served.len()) as u64,
        held_late: held(&late),
        held_whole: held(&whole),
        course,
        state,
        beside: beside.into(),
        whole,
        late,
    }
}

fn beside(name: &str, run: &Run, (own_whole, own_late): (&Kept, &Kept)) -> Beside {
    let (whole, late) = parts(run);
    let times = |own: &Kept, other: &Kept| (other.hits.count > 0).then(|| own.hits.count as f64 / other.hits.count as f64);
    let (times_whole, times_late) = (times(own_whole, &whole), times(own_late, &late));
    Beside { name: name.to_owned(), whole, late, times_whole, times_late }
}

fn late_from(requests: usize) -> usize {
    (requests as f64 * (1.0 - LATE)) as usize
}

fn parts(run: &[Option<Served>]) -> (Kept, Kept) {
    (Kept::of(run), Kept::of(run.get(late_from(run.len())..).unwrap_or_default()))
}

/// Notes how it stands on the way.
#[derive(Debug)]
pub(super) struct Course {
    every: usize,
    points: Vec<CoursePoint>,
}

impl Course {
    pub(super) fn of(requests: usize) -> Self {
        Self { every: requests.div_ceil(COURSE_POINTS).max(1), points: Vec::new() }
    }

    /// Before request `at` is asked.
    pub(super) fn note(&mut self, at: usize, state: impl FnOnce() -> Option<BudgetState>) {
        if at.is_multiple_of(self.every)
            && let Some(state) = state()
        {
            let samples = state.samples.shadow.n + state.samples.feedback.n + state.samples.engine.n;
            self.points.push(CoursePoint { requests: at as u64, state: state.state, score_min: state.score_min, samples });
        }
    }

    pub(super) fn into_points(self) -> Vec<CoursePoint> {
        self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::answer::Path;

    #[test]
    fn the_late_part_is_the_last_two_fifths_and_wrong_ones_are_held_against_hits() {
        let hit = |right| Some(Served { path: Path::Fast, right });
        let run = [hit(false), hit(true), None, None, None, None, hit(true), hit(true), hit(false), None];
        let (whole, late) = parts(&run);
        let counts = |kept: &Kept| [kept.hits, kept.wrong_of_hits, kept.wrong_of_requests].map(|rate| (rate.count, rate.of));
        assert_eq!(counts(&whole), [(5, 10), (2, 5), (2, 10)]);
        assert_eq!(counts(&late), [(3, 4), (1, 3), (1, 4)]);
        let half = vec![None, None, None, None, None, None, hit(true), None, None, None];
        let beside = beside("half", &half, (&whole, &late));
        assert_eq!((beside.times_whole, beside.times_late), (Some(5.0), Some(3.0)));
    }

    #[test]
    fn a_course_has_no_more_points_than_a_chart_shows() {
        let mut course = Course::of(10_003);
        let mut asked = 0;
        (0..10_003).for_each(|at| {
            course.note(at, || {
                asked += 1;
                None
            });
        });
        assert!(asked <= COURSE_POINTS && course.into_points().is_empty(), "{asked}");
    }
}
