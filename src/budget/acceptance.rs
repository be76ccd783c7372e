//! Where the line of acceptance lies.
//!
//! Learn then Test (Angelopoulos, Bates, Candès, Jordan and Lei 2021): each score bin stands for the hypothesis "the error among all that
//! score at least this is above the budget", and the exact binomial test gives its p-value. The hypotheses are tested from the
//! strictest down by the fallback procedure (Wiens 2003; Wiens and Dmitrienko 2005), which is fixed-sequence testing with more than
//! one start: a few wrong ones at the very top, where a bound has little to go by, don't end it all. The chance that the line that
//! comes out breaks the budget is at most `level`, whatever the data are like.

use super::bound::{at_most, least_samples, upper};
use crate::domain::calibration::ScoreBin;

/// At how many times the least possible sample size the sequence starts anew, and the share of the level that each start has. They
/// depend on how many there are and never on which are wrong, as the proof asks.
///
/// Most of the level stands where there are some three or four times as many samples as the least: one wrong sample more or less, which
/// decides everything at the least, changes little there.
const STARTS: [(f64, f64); 3] = [(1.0, 0.2), (3.0, 0.4), (4.5, 0.4)];

/// The share of the level that a start has which other data suggest, and the starts beside it. Early data promise too much: their memory was
/// thinner and the model has seen them, so most of the level stays with the starts that depend on nothing.
const HINTED: f64 = 0.2;
const STARTS_HINTED: [(f64, f64); 3] = [(1.0, 0.1), (3.0, 0.35), (4.5, 0.35)];

/// The line that was proven.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Its bin, counted from the least score.
    pub bin: usize,
    /// The least score that is served.
    pub score_min: f64,
    /// Samples at or above it.
    pub n: f64,
    /// The wrong ones among them.
    pub wrong: f64,
}

/// All samples from a bin on to the best score.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Region {
    bin: usize,
    from: f64,
    n: f64,
    wrong: f64,
}

/// The regions, the strictest first.
fn regions(bins: &[ScoreBin]) -> impl Iterator<Item = Region> {
    let (mut n, mut wrong) = (0.0, 0.0);
    bins.iter().enumerate().rev().map(move |(bin, b)| {
        n += b.n;
        wrong += b.wrong;
        Region { bin, from: b.from, n, wrong }
    })
}

/// The level that is added at each region, the strictest first.
fn starts(bins: &[ScoreBin], budget: f64, level: f64, hint: Option<f64>) -> Vec<f64> {
    let sizes: Vec<f64> = regions(bins).map(|region| region.n).collect();
    let mut added = vec![0.0; sizes.len()];
    let total = sizes.last().copied().unwrap_or(0.0);
    // With too little for two starts the one there is has the whole level, and needs the less. Other data say where it lies.
    let second = least_samples(budget, level * STARTS[1].1) * STARTS[1].0;
    // The loosest region that lies wholly above it: the bin that it falls into may hold all the rest.
    let hinted = hint.and_then(|score| regions(bins).take_while(|region| region.from >= score).count().checked_sub(1));
    let enough = |at: usize| sizes.get(at).is_some_and(|n| *n >= least_samples(budget, level));
    let shares: &[(f64, f64)] = match hinted {
        Some(at) if total < second && enough(at) => {
            added[at] = level;
            &[]
        }
        _ if total < second => &[(1.0, 1.0)],
        Some(at) => {
            added[at] = level * HINTED;
            &STARTS_HINTED
        }
        None => &STARTS,
    };
    for (times, share) in shares {
        let needed = least_samples(budget, level * share) * times;
        if let Some(at) = sizes.iter().position(|n| *n >= needed) {
            added[at] += level * share;
        }
    }
    added
}

/// The loosest line of which `bins` prove that the share of wrong ones above it is at most `budget`, but for a chance of `level`. `hint` is
/// a score from which the proof may well begin; it comes from other data than the bins, or there is none.
pub fn line(bins: &[ScoreBin], budget: f64, level: f64, hint: Option<f64>) -> Option<Line> {
    walk(bins, budget, &starts(bins, budget, level, hint))
}

/// The same, where the sequence starts anew at given shares of the samples, the best first; each start has its share of the level.
pub fn line_from_shares(bins: &[ScoreBin], budget: f64, level: f64, starts: &[(f64, f64)]) -> Option<Line> {
    let sizes: Vec<f64> = regions(bins).map(|region| region.n).collect();
    let total = sizes.last().copied().unwrap_or(0.0);
    let mut added = vec![0.0; sizes.len()];
    for (share, part) in starts {
        if let Some(at) = sizes.iter().position(|n| *n >= total * share) {
            added[at] += level * part;
        }
    }
    walk(bins, budget, &added)
}

fn walk(bins: &[ScoreBin], budget: f64, added: &[f64]) -> Option<Line> {
    let (mut carried, mut best) = (0.0, None);
    // A bin in which nothing was counted says nothing about those who will fall into it, so no line is drawn at it.
    let counted = |(region, _): &(Region, &f64)| bins[region.bin].n > 0.0;
    for (region, added) in regions(bins).zip(added).filter(counted) {
        let level = carried + added;
        let proven = level > 0.0 && at_most(region.wrong, region.n, budget) <= level;
        carried = if proven { level } else { 0.0 };
        if proven {
            best = Some(Line { bin: region.bin, score_min: region.from, n: region.n, wrong: region.wrong });
        }
    }
    best
}

/// For each bin the lower bound of P(right) that it shares in: that of the best region which it belongs to. It never falls as the score
/// rises.
pub fn right_at_least(bins: &[ScoreBin], level: f64) -> Vec<f64> {
    let mut bounds = vec![0.0; bins.len()];
    for region in regions(bins) {
        bounds[region.bin] = 1.0 - upper(region.wrong, region.n, level);
    }
    let mut best: f64 = 0.0;
    for bound in &mut bounds {
        best = best.max(*bound);
        *bound = best;
    }
    bounds
}

/// The bin of a score; `None` below the first.
pub fn bin_of(bins: &[ScoreBin], score: f64) -> Option<usize> {
    bins.partition_point(|bin| bin.from <= score).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bins with these counts, the strictest first.
    fn bins(strictest_first: &[(u32, u32)]) -> Vec<ScoreBin> {
        let len = strictest_first.len() as f64;
        let bin =
            |(i, (n, wrong)): (usize, &(u32, u32))| ScoreBin { from: i as f64 / len, n: (*n).into(), wrong: (*wrong).into() };
        let ascending: Vec<(u32, u32)> = strictest_first.iter().rev().copied().collect();
        ascending.iter().enumerate().map(bin).collect()
    }

    #[test]
    fn with_little_to_count_the_one_start_lies_where_other_data_suggest_it() {
        let few = bins(&[(30, 1), (40, 0), (80, 0)]);
        assert_eq!(line(&few, 0.05, 0.05, None), None, "a wrong one among the strictest sixty ends it");
        assert_eq!(line(&few, 0.05, 0.05, Some(0.0)).map(|line| line.n), Some(150.0));
        assert_eq!(line(&few, 0.05, 0.05, Some(0.9)), None, "a suggestion above which there is too little is passed over");
    }

    #[test]
    fn the_line_is_drawn_where_the_bound_still_keeps_to_the_budget() {
        let found = line(&bins(&[(400, 0), (400, 1), (400, 60), (400, 90)]), 0.01, 0.05, None).unwrap();
        assert_eq!((found.bin, found.n, found.wrong), (2, 800.0, 1.0));
    }

    #[test]
    fn too_few_samples_prove_nothing_and_just_enough_do() {
        assert_eq!(line(&bins(&[(298, 0)]), 0.01, 0.05, None), None);
        assert!(line(&bins(&[(299, 0)]), 0.01, 0.05, None).is_some());
        assert_eq!(line(&[], 0.01, 0.05, None), None);
    }

    #[test]
    fn a_few_wrong_ones_at_the_very_top_do_not_end_it_all() {
        let found = line(&bins(&[(400, 3), (3_600, 4), (4_000, 9), (4_000, 900)]), 0.01, 0.05, None).unwrap();
        assert_eq!(found.bin, 1);
    }

    #[test]
    fn a_population_that_is_too_bad_everywhere_has_no_line() {
        assert_eq!(line(&bins(&[(1_000, 30), (1_000, 30), (1_000, 30)]), 0.01, 0.05, None), None);
    }

    #[test]
    fn no_line_is_drawn_where_nothing_was_counted() {
        let found = line(&bins(&[(500, 0), (0, 0), (0, 0)]), 0.01, 0.05, None).unwrap();
        assert_eq!(found.bin, 2);
    }

    #[test]
    fn a_good_hint_proves_what_the_usual_starts_cannot() {
        // Too many are wrong among the best, and the next of the usual starts lies among those that are often wrong.
        let bins = bins(&[(500, 2), (300, 0), (1_200, 200)]);
        assert_eq!(line(&bins, 0.01, 0.15, None), None);
        assert_eq!(line(&bins, 0.01, 0.15, Some(0.3)).map(|found| found.bin), Some(1));
    }

    #[test]
    fn the_bound_of_a_bin_is_that_of_the_best_region_it_belongs_to() {
        let bounds = right_at_least(&bins(&[(100, 0), (1_000, 2), (1_000, 500)]), 0.05);
        assert!(bounds.is_sorted());
        assert!(bounds[1] > 0.99 && bounds[0] < 0.8);
    }

    #[test]
    fn a_score_falls_into_the_bin_that_begins_at_or_below_it() {
        let bins = bins(&[(1, 0), (1, 0)]);
        assert_eq!(bin_of(&bins, 0.5), Some(1));
        assert_eq!(bin_of(&bins, 0.49), Some(0));
        assert_eq!(bin_of(&bins, -0.1), None);
    }

    /// How often the line breaks the budget where the error falls from `base` at the worst score to `floor` at the best.
    fn violations((n, floor, base): (usize, f64, f64), hint: Option<f64>, rounds: u64) -> f64 {
        const BINS: usize = 30;
        let error = |score: f64| floor + (base - floor) * (1.0 - score).powi(3);
        let mut broken = 0;
        for round in 0..rounds {
            let mut rng = fastrand::Rng::with_seed(round * 7_919 + n as u64);
            let mut bins: Vec<ScoreBin> =
                (0..BINS).map(|i| ScoreBin { from: i as f64 / BINS as f64, n: 0.0, wrong: 0.0 }).collect();
            for _ in 0..n {
                let score = rng.f64();
                let bin = bin_of(&bins, score).unwrap();
                bins[bin].n += 1.0;
                bins[bin].wrong += f64::from(u8::from(rng.f64() < error(score)));
            }
            if let Some(found) = line(&bins, 0.02, 0.1, hint) {
                // The true error above the line, by the midpoint rule.
                let steps = 2_000;
                let at = |i: i32| found.score_min + (1.0 - found.score_min) * (f64::from(i) + 0.5) / f64::from(steps);
                let truth = (0..steps).map(|i| error(at(i))).sum::<f64>() / f64::from(steps);
                broken += u32::from(truth > 0.02);
            }
        }
        f64::from(broken) / rounds as f64
    }

    #[test]
    fn the_share_of_lines_that_break_the_budget_is_at_most_the_level() {
        // With 600 rounds a true share of 0.1 is measured to about ±0.025 at two standard deviations.
        for population in [(400, 0.0, 0.3), (2_000, 0.005, 0.3), (8_000, 0.01, 0.1), (2_000, 0.021, 0.021)] {
            for hint in [None, Some(0.6)] {
                let share = violations(population, hint, 600);
                assert!(share <= 0.125, "{share} of the lines broke the budget with {population:?} and {hint:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_line_keeps_to_the_budget_by_its_own_bound(counts in prop::collection::vec((0_u32..400, 0_u32..8), 1..30), budget in 0.005_f64..0.2) {
            let counts: Vec<_> = counts.into_iter().map(|(n, wrong)| (n, wrong.min(n))).collect();
            if let Some(found) = line(&bins(&counts), budget, 0.05, None) {
                prop_assert!(upper(found.wrong, found.n, 0.05) <= budget + 1e-9);
            }
        }

        #[test]
        fn a_larger_budget_never_draws_a_stricter_line(counts in prop::collection::vec((0_u32..400, 0_u32..8), 1..30), budget in 0.005_f64..0.2, more in 1.0_f64..3.0) {
            let counts: Vec<_> = counts.into_iter().map(|(n, wrong)| (n, wrong.min(n))).collect();
            let bins = bins(&counts);
            let added = starts(&bins, budget, 0.05, None);
            let (tight, loose) = (walk(&bins, budget, &added), walk(&bins, budget * more, &added));
            prop_assert!(loose.map_or(usize::MAX, |l| l.bin) <= tight.map_or(usize::MAX, |l| l.bin));
        }
    }
}
