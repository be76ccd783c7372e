//! Proportions, their differences and rates, with intervals.

use super::StatsError;
use super::interval::{Interval, beta_quantile, gamma_quantile, normal_quantile};

/// A share of trials, and where the true one may lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proportion {
    /// The share that was seen.
    pub estimate: f64,
    /// Where the true one may lie.
    pub interval: Interval,
}

/// Wilson's score interval, without a continuity correction: Wilson (1927), "Probable inference, the law of succession, and
/// statistical inference", JASA 22:209–212; recommended by Brown, Cai and DasGupta (2001).
///
/// Counts need not be whole, so that an effective number of trials can stand for one that is clustered.
///
/// # Errors
/// [`StatsError`] without a trial, for a negative count, more successes than trials, or a level out of range.
pub fn wilson(successes: f64, trials: f64, level: f64) -> Result<Proportion, StatsError> {
    counted(successes, trials)?;
    let z2 = normal_quantile(level)?.powi(2);
    let estimate = successes / trials;
    let centre = (estimate + z2 / (2.0 * trials)) / (1.0 + z2 / trials);
    // The spread as a root of a sum of positive terms: nothing cancels at either end.
    let half = (z2 * (estimate * (1.0 - estimate) / trials + z2 / (4.0 * trials * trials))).sqrt() / (1.0 + z2 / trials);
    let low = if successes == 0.0 { 0.0 } else { centre - half };
    let high = if successes == trials { 1.0 } else { centre + half };
    Ok(Proportion { estimate, interval: Interval { low, high }.within(0.0, 1.0) })
}

/// The exact interval of Clopper and Pearson (1934), Biometrika 26:404–413, by quantiles of the beta distribution. It covers at
/// least at its level, often more.
///
/// # Errors
/// As [`wilson`].
pub fn clopper_pearson(successes: f64, trials: f64, level: f64) -> Result<Proportion, StatsError> {
    counted(successes, trials)?;
    normal_quantile(level)?;
    let tail = (1.0 - level) / 2.0;
    let low = if successes == 0.0 { 0.0 } else { beta_quantile(successes, trials - successes + 1.0, tail) };
    let high = if successes == trials { 1.0 } else { beta_quantile(successes + 1.0, trials - successes, 1.0 - tail) };
    Ok(Proportion { estimate: successes / trials, interval: Interval { low, high } })
}

/// The difference of two independent proportions, the first less the second: Newcombe (1998), "Interval estimation for the
/// difference between independent proportions", Statistics in Medicine 17:873–890, method 10.
///
/// # Errors
/// As [`wilson`].
pub fn difference(first: (f64, f64), second: (f64, f64), level: f64) -> Result<Proportion, StatsError> {
    let (a, b) = (wilson(first.0, first.1, level)?, wilson(second.0, second.1, level)?);
    let estimate = a.estimate - b.estimate;
    let down = (a.estimate - a.interval.low).hypot(b.interval.high - b.estimate);
    let up = (a.interval.high - a.estimate).hypot(b.estimate - b.interval.low);
    Ok(Proportion { estimate, interval: Interval { low: estimate - down, high: estimate + up }.within(-1.0, 1.0) })
}

/// The rate of a Poisson process, `events` in `exposure`, with the exact interval of Garwood (1936), Biometrika 28:437–442.
///
/// # Errors
/// [`StatsError`] for a negative count, an exposure that is not positive, or a level out of range.
pub fn poisson_rate(events: f64, exposure: f64, level: f64) -> Result<Proportion, StatsError> {
    normal_quantile(level)?;
    if !(events.is_finite() && events >= 0.0) {
        return Err(StatsError::Value { what: "events", row: 1, value: events, wanted: "a count" });
    }
    if !(exposure.is_finite() && exposure > 0.0) {
        return Err(StatsError::Value { what: "exposure", row: 1, value: exposure, wanted: "more than 0" });
    }
    let tail = (1.0 - level) / 2.0;
    let low = if events == 0.0 { 0.0 } else { gamma_quantile(events, tail) };
    let high = gamma_quantile(events + 1.0, 1.0 - tail);
    Ok(Proportion { estimate: events / exposure, interval: Interval { low: low / exposure, high: high / exposure } })
}

/// How many times the variance of a share is larger than that of as many independent trials: the trials come in clusters, each
/// `(successes, trials)`. The ratio estimator's linearised variance over the binomial one: Cochran (1977), "Sampling Techniques",
/// 3rd edition, section 9A.1 and Kish (1965); never less than 1, since an interval must not be narrower than without clusters.
///
/// # Errors
/// [`StatsError`] with fewer than two clusters, or for counts that are none.
pub fn design_effect(clusters: &[(f64, f64)]) -> Result<f64, StatsError> {
    if clusters.len() < 2 {
        return Err(StatsError::TooFew { needed: 2, got: clusters.len() });
    }
    let (mut successes, mut trials) = (0.0, 0.0);
    for (row, &(s, n)) in clusters.iter().enumerate() {
        if !(s.is_finite() && n.is_finite() && s >= 0.0 && s <= n) {
            return Err(StatsError::Value {
                what: "clusters",
                row: row + 1,
                value: s,
                wanted: "a count of successes within its trials",
            });
        }
        successes += s;
        trials += n;
    }
    counted(successes, trials)?;
    let share = successes / trials;
    let binomial = share * (1.0 - share) / trials;
    if binomial <= 0.0 {
        return Ok(1.0);
    }
    let k = clusters.len() as f64;
    let spread: f64 = clusters.iter().map(|&(s, n)| (s - share * n).powi(2)).sum();
    Ok((k / (k - 1.0) * spread / (trials * trials) / binomial).max(1.0))
}

fn counted(successes: f64, trials: f64) -> Result<(), StatsError> {
    if !(trials.is_finite() && trials > 0.0) {
        return Err(StatsError::TooFew { needed: 1, got: 0 });
    }
    if !(0.0..=trials).contains(&successes) {
        return Err(StatsError::Value { what: "successes", row: 1, value: successes, wanted: "between 0 and the trials" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(got: Interval, low: f64, high: f64, by: f64) {
        assert!((got.low - low).abs() < by && (got.high - high).abs() < by, "{got:?} is not [{low}, {high}]");
    }

    #[test]
    fn wilson_gives_the_four_digits_of_the_insurance_fund_at_a_hundred_thousand_trials() {
        for (breaches, low, high) in
            [(240.0, 0.0021, 0.0027), (1_580.0, 0.0150, 0.0166), (7_920.0, 0.0775, 0.0809), (18_340.0, 0.1810, 0.1858)]
        {
            close(wilson(breaches, 1e5, 0.95).unwrap().interval, low, high, 0.5e-4);
        }
    }

    #[test]
    fn the_intervals_are_those_that_newcombe_printed() {
        // Newcombe (1998), Statistics in Medicine 17:857–872, table I: 81/263, 15/148, 0/20 and 1/29.
        close(wilson(81.0, 263.0, 0.95).unwrap().interval, 0.2553, 0.3662, 5e-5);
        close(wilson(15.0, 148.0, 0.95).unwrap().interval, 0.0624, 0.1605, 5e-5);
        close(wilson(0.0, 20.0, 0.95).unwrap().interval, 0.0, 0.1611, 5e-5);
        close(wilson(1.0, 29.0, 0.95).unwrap().interval, 0.0061, 0.1718, 5e-5);
        close(clopper_pearson(81.0, 263.0, 0.95).unwrap().interval, 0.2527, 0.3676, 5e-5);
        close(clopper_pearson(15.0, 148.0, 0.95).unwrap().interval, 0.0578, 0.1617, 5e-5);
        close(clopper_pearson(0.0, 20.0, 0.95).unwrap().interval, 0.0, 0.1684, 5e-5);
        close(clopper_pearson(1.0, 29.0, 0.95).unwrap().interval, 0.0009, 0.1776, 5e-5);
        // Newcombe (1998), 17:873–890, table II: 56/70 less 48/80, and 9/10 less 3/10.
        close(difference((56.0, 70.0), (48.0, 80.0), 0.95).unwrap().interval, 0.0524, 0.3339, 5e-5);
        close(difference((9.0, 10.0), (3.0, 10.0), 0.95).unwrap().interval, 0.1705, 0.8090, 5e-5);
    }

    #[test]
    fn garwoods_interval_is_that_of_the_tables() {
        // Ulm (1990), American Journal of Epidemiology 131:373–375: 11 events, [5.49, 19.68]; none, [0, 3.69].
        close(poisson_rate(11.0, 1.0, 0.95).unwrap().interval, 5.491, 19.682, 1e-3);
        close(poisson_rate(0.0, 2.0, 0.95).unwrap().interval, 0.0, 3.6889 / 2.0, 1e-4);
    }

    #[test]
    fn clusters_that_agree_within_raise_the_design_effect_to_their_size() {
        let clusters: Vec<(f64, f64)> = (0..1000).map(|at| if at % 2 == 0 { (5.0, 5.0) } else { (0.0, 5.0) }).collect();
        assert!((design_effect(&clusters).unwrap() - 5.0).abs() < 0.01);
        let alone: Vec<(f64, f64)> = (0..1000).map(|at| (f64::from(at % 2), 1.0)).collect();
        assert!((design_effect(&alone).unwrap() - 1.0).abs() < 0.01);
    }

    #[test]
    fn nothing_counted_and_impossible_counts_are_refused() {
        assert!(matches!(wilson(0.0, 0.0, 0.95), Err(StatsError::TooFew { .. })));
        assert!(matches!(wilson(3.0, 2.0, 0.95), Err(StatsError::Value { .. })));
        assert!(matches!(wilson(f64::NAN, 2.0, 0.95), Err(StatsError::Value { .. })));
        assert!(poisson_rate(1.0, 0.0, 0.95).is_err());
        assert!(design_effect(&[(1.0, 1.0)]).is_err());
    }

    #[test]
    fn wilson_covers_at_its_level_and_the_exact_interval_at_least() {
        let mut random = fastrand::Rng::with_seed(5);
        let (mut score, mut exact) = (0, 0);
        let runs = 2_000;
        for _ in 0..runs {
            let seen = f64::from((0..80).map(|_| u32::from(random.f64() < 0.23)).sum::<u32>());
            score += u32::from(wilson(seen, 80.0, 0.95).unwrap().interval.contains(0.23));
            exact += u32::from(clopper_pearson(seen, 80.0, 0.95).unwrap().interval.contains(0.23));
        }
        // Three binomial errors of 0.95 at 2,000 runs are 0.0146; the coverage itself is discrete.
        assert!((f64::from(score) / f64::from(runs) - 0.95).abs() < 0.02, "{score}");
        assert!(f64::from(exact) / f64::from(runs) > 0.935, "{exact}");
    }

    #[test]
    fn with_the_design_effect_wilson_covers_although_trials_come_in_clusters() {
        let mut random = fastrand::Rng::with_seed(59);
        let (mut with, mut without, runs) = (0, 0, 400);
        for _ in 0..runs {
            // A tenth of 300 clusters of 1 to 7 have a share of 0.8, the others of 0.05: 0.125 in all.
            let clusters: Vec<(f64, f64)> = (0..300)
                .map(|at| {
                    let (size, share) = (1 + at % 7, if random.f64() < 0.1 { 0.8 } else { 0.05 });
                    (f64::from((0..size).map(|_| u32::from(random.f64() < share)).sum::<u32>()), f64::from(size))
                })
                .collect();
            let (s, n) = clusters.iter().fold((0.0, 0.0), |(s, n), cluster| (s + cluster.0, n + cluster.1));
            let effect = design_effect(&clusters).unwrap();
            with += u32::from(wilson(s / effect, n / effect, 0.95).unwrap().interval.contains(0.125));
            without += u32::from(wilson(s, n, 0.95).unwrap().interval.contains(0.125));
        }
        assert!((f64::from(with) / f64::from(runs) - 0.95).abs() < 0.035, "{with}");
        assert!(without < with - 40, "{without}");
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_estimate_and_mirrors(successes in 0u32..500, more in 0u32..500) {
            let (s, n) = (f64::from(successes), f64::from(successes + more + 1));
            for by in [wilson, clopper_pearson] {
                let here = by(s, n, 0.9).unwrap();
                let mirror = by(n - s, n, 0.9).unwrap();
                prop_assert!(here.interval.contains(here.estimate));
                prop_assert!((here.interval.low - (1.0 - mirror.interval.high)).abs() < 1e-9);
            }
        }
    }
}
