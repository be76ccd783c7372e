//! Whether several groups have one survival curve.

use super::{Life, checked};
use crate::stats::StatsError;
use crate::stats::interval::chi_square_tail;
use nalgebra::{DMatrix, DVector};

/// What one group would have seen under one common curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// How many lives it has.
    pub lives: usize,
    /// Events that came.
    pub observed: f64,
    /// Events that a common curve would have given.
    pub expected: f64,
}

/// The outcome of the test.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRank {
    /// χ².
    pub statistic: f64,
    /// Its degrees of freedom.
    pub freedom: usize,
    /// How probable so large a statistic is under one common curve.
    pub p_value: f64,
    /// One entry for each group.
    pub groups: Vec<Expected>,
}

/// Mantel (1966) and Peto and Peto (1972), for k groups as in Klein and Moeschberger (2003), section 7.3: all weights 1, the
/// hypergeometric variance with its correction for ties.
///
/// # Errors
/// [`StatsError`] with fewer than two groups, an empty group, a time below 0, or no event while two groups were at risk.
pub fn log_rank(groups: &[Vec<Life>]) -> Result<LogRank, StatsError> {
    if groups.len() < 2 {
        return Err(StatsError::TooFew { needed: 2, got: groups.len() });
    }
    let mut all = Vec::new();
    for (group, lives) in groups.iter().enumerate() {
        checked(lives, 1)?;
        all.extend(lives.iter().map(|&life| (life, group)));
    }
    all.sort_by(|a, b| a.0.time.total_cmp(&b.0.time));
    let k = groups.len();
    let mut at_risk: Vec<f64> = groups.iter().map(|lives| lives.len() as f64).collect();
    let (mut observed, mut expected) = (vec![0.0; k], vec![0.0; k]);
    let mut variance = DMatrix::<f64>::zeros(k, k);
    let mut at = 0;
    while at < all.len() {
        let time = all[at].0.time;
        let (mut gone, mut events) = (vec![0.0; k], vec![0.0; k]);
        while let Some(&(life, group)) = all.get(at).filter(|(life, _)| life.time == time) {
            gone[group] += 1.0;
            events[group] += f64::from(u8::from(life.event));
            at += 1;
        }
        let (n, d): (f64, f64) = (at_risk.iter().sum(), events.iter().sum());
        if d > 0.0 {
            let ties = if n > 1.0 { d * (n - d) / (n - 1.0) } else { 0.0 };
            for i in 0..k {
                observed[i] += events[i];
                expected[i] += d * at_risk[i] / n;
                for j in 0..k {
                    let same = f64::from(u8::from(i == j));
                    variance[(i, j)] += ties * at_risk[i] / n * (same - at_risk[j] / n);
                }
            }
        }
        for (left, gone) in at_risk.iter_mut().zip(gone) {
            *left -= gone;
        }
    }
    let surplus = DVector::from_iterator(k, observed.iter().zip(&expected).map(|(o, e)| o - e));
    let (statistic, freedom) = quadratic(&surplus, variance)?;
    let groups = (0..k).map(|i| Expected { lives: groups[i].len(), observed: observed[i], expected: expected[i] }).collect();
    Ok(LogRank { statistic, freedom, p_value: chi_square_tail(statistic, freedom), groups })
}

/// uᵀ V⁺ u and the rank of V, from the spectrum of the symmetric V: its rows add up to 0, and a group that was never at risk
/// beside another leaves it with a smaller rank still.
fn quadratic(surplus: &DVector<f64>, variance: DMatrix<f64>) -> Result<(f64, usize), StatsError> {
    let spectrum = variance.symmetric_eigen();
    let largest = spectrum.eigenvalues.max();
    if largest.is_nan() || largest <= 0.0 {
        return Err(StatsError::Constant("the group of those at risk when an event comes"));
    }
    let (mut statistic, mut rank) = (0.0, 0);
    for (at, &value) in spectrum.eigenvalues.iter().enumerate() {
        if value > 1e-10 * largest {
            statistic += spectrum.eigenvectors.column(at).dot(surplus).powi(2) / value;
            rank += 1;
        }
    }
    Ok((statistic, rank))
}

#[cfg(test)]
mod tests {
    use super::super::known::{placebo, treated};
    use super::*;

    #[test]
    fn the_children_under_treatment_differ_as_printed() {
        // R 4, survival::survdiff on MASS::gehan: χ² 16.8 on 1 degree; observed 9 and 21, expected 19.25 and 10.75.
        let test = log_rank(&[treated(), placebo()]).unwrap();
        assert!((test.statistic - 16.793).abs() < 5e-4, "{test:?}");
        assert_eq!(test.freedom, 1);
        assert_eq!((test.groups[0].observed, test.groups[1].observed), (9.0, 21.0));
        assert!((test.groups[0].expected - 19.25).abs() < 0.005 && (test.groups[1].expected - 10.75).abs() < 0.005);
        assert!((test.p_value - 4.17e-5).abs() < 1e-6);
    }

    #[test]
    fn a_group_split_in_two_leaves_the_sum_and_adds_a_degree() {
        let (even, odd): (Vec<_>, Vec<_>) = placebo().into_iter().enumerate().partition(|(at, _)| at % 2 == 0);
        let strip = |lives: Vec<(usize, Life)>| lives.into_iter().map(|(_, life)| life).collect::<Vec<_>>();
        let test = log_rank(&[treated(), strip(even), strip(odd)]).unwrap();
        assert_eq!(test.freedom, 2);
        assert!(test.statistic >= 16.79);
        let surplus: f64 = test.groups.iter().map(|g| g.observed - g.expected).sum();
        assert!(surplus.abs() < 1e-10);
    }

    #[test]
    fn groups_that_never_meet_and_single_groups_are_refused() {
        let early = vec![Life { time: 1.0, event: false }];
        let late = vec![Life { time: 2.0, event: true }];
        assert!(matches!(log_rank(&[early, late.clone()]), Err(StatsError::Constant(_))));
        assert!(log_rank(std::slice::from_ref(&late)).is_err());
        assert!(log_rank(&[late, Vec::new()]).is_err());
    }

    #[test]
    fn under_one_common_curve_the_test_rejects_at_its_level() {
        let mut random = fastrand::Rng::with_seed(23);
        let (mut rejected, runs) = (0, 400);
        for _ in 0..runs {
            let mut group = |n: usize| -> Vec<Life> {
                (0..n)
                    .map(|_| {
                        let (t, c) = (-random.f64().ln(), 2.0 * random.f64());
                        Life { time: t.min(c), event: t <= c }
                    })
                    .collect()
            };
            let groups = [group(60), group(50), group(40)];
            rejected += u32::from(log_rank(&groups).unwrap().p_value < 0.05);
        }
        assert!((f64::from(rejected) / f64::from(runs) - 0.05).abs() < 0.035, "{rejected}");
    }
}
