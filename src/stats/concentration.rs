//! How unevenly amounts are spread over those who hold them.

use super::StatsError;
use super::interval::{Interval, normal_quantile};

/// An index with its error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Index {
    /// The index of what was seen.
    pub estimate: f64,
    /// Its standard error by the jackknife, the holders taken as a sample of those who might hold.
    pub standard_error: f64,
    /// Where it may lie.
    pub interval: Interval,
}

/// Gini's index, 0 where all hold the same and towards 1 where one holds all: Σ (2i − n − 1) xᵢ ⁄ (n Σ x) over rising xᵢ (Gini
/// 1914; Cowell 2011, "Measuring Inequality", 3rd edition, section 2.2), times n ⁄ (n − 1), which takes the bias of small samples
/// away (Deltas 2003). Standard error by the jackknife in one pass (Ogwang 2000, "A convenient method of computing the Gini index
/// and its standard error", Oxford Bulletin 62:123–129); the interval is symmetric in the logit.
///
/// # Errors
/// [`StatsError`] with fewer than three amounts, one below 0, or nothing held.
pub fn gini(amounts: &[f64], level: f64) -> Result<Index, StatsError> {
    let (sorted, total) = sorted(amounts, 3)?;
    let z = normal_quantile(level)?;
    let n = sorted.len() as f64;
    let weighted: f64 = sorted.iter().enumerate().map(|(at, x)| (at + 1) as f64 * x).sum();
    let index = |weighted: f64, total: f64, n: f64| {
        if total > 0.0 { (2.0 * weighted - (n + 1.0) * total) / ((n - 1.0) * total) } else { 0.0 }
    };
    let estimate = index(weighted, total, n).clamp(0.0, 1.0);
    // Without the amount of rank k, those above it move down by one rank.
    let mut above = 0.0;
    let mut without = Vec::with_capacity(sorted.len());
    for (at, x) in sorted.iter().enumerate().rev() {
        without.push(index(weighted - (at + 1) as f64 * x - above, total - x, n - 1.0));
        above += x;
    }
    let standard_error = jackknife(&without);
    let interval = logit_interval(estimate, standard_error, z);
    Ok(Index { estimate, standard_error, interval })
}

/// The index of Herfindahl and Hirschman, Σ shares², 1 ⁄ n where all hold the same and 1 where one holds all (Hirschman 1964,
/// "The paternity of an index", American Economic Review 54:761). Standard error by the jackknife of log HHI, in which the
/// interval is symmetric; it treats the holders as a sample, so a census of them has this index without error. With heavy tails
/// it covers less than its level: 0.86 instead of 0.95 was seen for 300 amounts of Weibull's distribution with shape 2 ⁄ 3.
///
/// # Errors
/// [`StatsError`] without an amount, with one below 0, or nothing held.
pub fn hhi(amounts: &[f64], level: f64) -> Result<Index, StatsError> {
    let (sorted, total) = sorted(amounts, 1)?;
    let z = normal_quantile(level)?;
    let shares: Vec<f64> = sorted.iter().map(|x| x / total).collect();
    let estimate: f64 = shares.iter().map(|s| s * s).sum();
    let n = shares.len() as f64;
    // n · HHI = 1 + CV² is what a sample of holders estimates; one without the k-th compares on that scale.
    let without: Vec<f64> = shares
        .iter()
        .filter(|&&s| s < 1.0)
        .map(|&s| ((estimate - s * s).max(0.0) / (1.0 - s).powi(2) * (n - 1.0)).max(1.0).ln())
        .collect();
    let of_log = if without.len() > 1 { jackknife(&without) } else { 0.0 };
    let interval = Interval::around_log(estimate, of_log, z).within(1.0 / n, 1.0);
    Ok(Index { estimate, standard_error: estimate * of_log, interval })
}

/// HHI moved so that an even spread has 0: (HHI − 1 ⁄ n) ⁄ (1 − 1 ⁄ n); 1 for a single holder.
pub fn normalised_hhi(hhi: f64, holders: usize) -> f64 {
    let even = 1.0 / holders as f64;
    if holders < 2 { 1.0 } else { ((hhi - even) / (1.0 - even)).clamp(0.0, 1.0) }
}

/// The share that the largest `count` hold.
///
/// # Errors
/// [`StatsError`] without an amount, with one below 0, or nothing held.
pub fn top_share(amounts: &[f64], count: usize) -> Result<f64, StatsError> {
    let (sorted, total) = sorted(amounts, 1)?;
    Ok((sorted.iter().rev().take(count).sum::<f64>() / total).min(1.0))
}

/// The curve of Lorenz (1905): which share of all is held by which share of holders, the poorest first, from (0, 0) to (1, 1),
/// thinned to at most `points` points.
///
/// # Errors
/// [`StatsError`] without an amount, with one below 0, or nothing held.
pub fn lorenz(amounts: &[f64], points: usize) -> Result<Vec<(f64, f64)>, StatsError> {
    let (sorted, total) = sorted(amounts, 1)?;
    let (n, points) = (sorted.len(), points.max(2));
    let mut curve = vec![(0.0, 0.0)];
    let mut held = 0.0;
    for (at, x) in sorted.iter().enumerate() {
        held += x;
        let keep = (at + 1) * (points - 1) / n > at * (points - 1) / n;
        if keep || at + 1 == n {
            curve.push(((at + 1) as f64 / n as f64, (held / total).min(1.0)));
        }
    }
    Ok(curve)
}

/// √((n − 1) ⁄ n · Σ (θᵢ − θ̄)²): Efron and Tibshirani (1993), "An Introduction to the Bootstrap", section 11.2.
fn jackknife(without: &[f64]) -> f64 {
    let n = without.len() as f64;
    let mean = without.iter().sum::<f64>() / n;
    ((n - 1.0) / n * without.iter().map(|t| (t - mean).powi(2)).sum::<f64>()).sqrt()
}

fn logit_interval(estimate: f64, error: f64, z: f64) -> Interval {
    let slope = estimate * (1.0 - estimate);
    if slope <= 1e-12 {
        return Interval::around(estimate, error, z).within(0.0, 1.0);
    }
    let (centre, half) = ((estimate / (1.0 - estimate)).ln(), z * error / slope);
    let back = |x: f64| 1.0 / (1.0 + (-x).exp());
    Interval { low: back(centre - half), high: back(centre + half) }
}

fn sorted(amounts: &[f64], needed: usize) -> Result<(Vec<f64>, f64), StatsError> {
    if amounts.len() < needed {
        return Err(StatsError::TooFew { needed, got: amounts.len() });
    }
    if let Some(at) = amounts.iter().position(|x| !(x.is_finite() && *x >= 0.0)) {
        return Err(StatsError::Value { what: "amount", row: at + 1, value: amounts[at], wanted: "an amount of at least 0" });
    }
    // Measured by the largest, so that no sum overflows: both indices know shares only.
    let largest = amounts.iter().copied().fold(0.0, f64::max);
    if largest <= 0.0 {
        return Err(StatsError::Constant("the amount, which is 0 throughout,"));
    }
    let mut sorted: Vec<f64> = amounts.iter().map(|x| x / largest).collect();
    sorted.sort_by(f64::total_cmp);
    let total = sorted.iter().sum();
    Ok((sorted, total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn even_and_single_holdings_are_the_ends() {
        assert_eq!(gini(&[5.0; 10], 0.95).unwrap().estimate, 0.0);
        assert!((gini(&[0.0, 0.0, 0.0, 7.0], 0.95).unwrap().estimate - 1.0).abs() < 1e-12);
        assert!((hhi(&[5.0; 10], 0.95).unwrap().estimate - 0.1).abs() < 1e-12);
        assert_eq!(hhi(&[3.0], 0.95).unwrap().estimate, 1.0);
        assert_eq!(normalised_hhi(0.1, 10), 0.0);
    }

    #[test]
    fn the_indices_of_one_to_five_are_those_by_hand() {
        // Σ |xᵢ − xⱼ| over ordered pairs is 40, so the mean difference over distinct pairs is 2 and G = 2 ⁄ (2 · 3).
        let amounts = [3.0, 1.0, 5.0, 2.0, 4.0];
        assert!((gini(&amounts, 0.95).unwrap().estimate - 1.0 / 3.0).abs() < 1e-12);
        assert!((hhi(&amounts, 0.95).unwrap().estimate - 55.0 / 225.0).abs() < 1e-12);
        assert!((top_share(&amounts, 2).unwrap() - 0.6).abs() < 1e-12);
        let curve = lorenz(&amounts, 6).unwrap();
        let wanted = [(0.0, 0.0), (0.2, 1.0 / 15.0), (0.4, 0.2), (0.6, 0.4), (0.8, 10.0 / 15.0), (1.0, 1.0)];
        for (got, wanted) in curve.iter().zip(wanted) {
            assert!((got.0 - wanted.0).abs() < 1e-12 && (got.1 - wanted.1).abs() < 1e-12, "{curve:?}");
        }
    }

    #[test]
    fn the_jackknife_in_one_pass_is_that_of_leaving_each_out() {
        let amounts = [3.0, 1.0, 9.0, 2.5, 4.0, 4.0, 0.0];
        let out = |at: usize| -> Vec<f64> { amounts.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, x)| *x).collect() };
        let without: Vec<f64> = (0..7).map(|at| gini(&out(at), 0.95).unwrap().estimate).collect();
        assert!((gini(&amounts, 0.95).unwrap().standard_error - jackknife(&without)).abs() < 1e-12);
    }

    #[test]
    fn nothing_held_and_debts_are_refused() {
        assert!(matches!(gini(&[0.0; 5], 0.95), Err(StatsError::Constant(_))));
        assert!(matches!(hhi(&[1.0, -1.0], 0.95), Err(StatsError::Value { row: 2, .. })));
        assert!(matches!(gini(&[1.0, 2.0], 0.95), Err(StatsError::TooFew { .. })));
        assert!(hhi(&[], 0.95).is_err());
    }

    #[test]
    fn intervals_of_a_known_distribution_cover_at_their_level() {
        // Exponential amounts: Gini's index is 1 ⁄ 2 and n · HHI = E x² ⁄ (E x)² = 2.
        let mut random = fastrand::Rng::with_seed(43);
        let (runs, n) = (300, 300);
        let (mut covered, mut covered_hhi) = (0, 0);
        for _ in 0..runs {
            let amounts: Vec<f64> = (0..n).map(|_| -random.f64().ln()).collect();
            covered += u32::from(gini(&amounts, 0.95).unwrap().interval.contains(0.5));
            covered_hhi += u32::from(hhi(&amounts, 0.95).unwrap().interval.contains(2.0 / f64::from(n)));
        }
        for covers in [covered, covered_hhi] {
            assert!((f64::from(covers) / f64::from(runs) - 0.95).abs() < 0.04, "{covered}, {covered_hhi}");
        }
    }

    proptest! {
        #[test]
        fn indices_do_not_know_units_and_stay_within_bounds(amounts in prop::collection::vec(0.0f64..1e6, 3..60), unit in 1e-3f64..1e3) {
            prop_assume!(amounts.iter().any(|x| *x > 1.0));
            let scaled: Vec<f64> = amounts.iter().map(|x| x * unit).collect();
            for by in [gini, hhi] {
                let (a, b) = (by(&amounts, 0.95).unwrap(), by(&scaled, 0.95).unwrap());
                prop_assert!((a.estimate - b.estimate).abs() < 1e-9 && a.standard_error.is_finite());
                prop_assert!((0.0..=1.0).contains(&a.estimate) && a.interval.low <= a.estimate + 1e-12 && a.estimate <= a.interval.high + 1e-12);
            }
        }
    }
}
