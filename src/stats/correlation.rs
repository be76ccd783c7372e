//! Correlations: shrunk, rolling, and whether they broke.

use super::StatsError;
use super::interval::{normal_quantile, normal_tails};
use super::points::Points;
use super::serial::ChiSquareTest;
use nalgebra::DMatrix;

/// A correlation matrix that was drawn towards its prior.
#[derive(Debug, Clone, PartialEq)]
pub struct Shrunk {
    /// The shrunk correlations, row by row.
    pub correlation: Vec<f64>,
    /// Those of the sample.
    pub sample: Vec<f64>,
    /// How much of the target is in it, from 0 to 1.
    pub intensity: f64,
    /// The mean correlation: what all are drawn towards.
    pub target: f64,
}

/// Ledoit and Wolf (2004), "Honey, I shrunk the sample covariance matrix", J. Portfolio Management 30(4): the covariance is drawn towards that
/// of equal correlations, by the intensity that the paper's appendix B estimates. The sample covariance divides by n, as there.
///
/// # Errors
/// [`StatsError::TooFew`] below four observations or two columns, and [`StatsError::Constant`].
pub fn shrunk(points: Points<'_>) -> Result<Shrunk, StatsError> {
    let (n, p) = (points.len(), points.dim());
    if n < 4 || p < 2 {
        return Err(StatsError::TooFew { needed: if p < 2 { 2 } else { 4 }, got: if p < 2 { p } else { n } });
    }
    let (means, covariance) = (points.means(), points.covariance());
    let deviations: Vec<f64> = (0..p).map(|i| covariance[i * p + i].sqrt()).collect();
    if deviations.iter().zip(&means).any(|(deviation, mean)| *deviation <= 1e-12 * mean.abs().max(f64::MIN_POSITIVE)) {
        return Err(StatsError::Constant("a column"));
    }
    let sample: Vec<f64> = (0..p * p).map(|at| covariance[at] / (deviations[at / p] * deviations[at % p])).collect();
    let pairs = (p * (p - 1)) as f64;
    let target = (sample.iter().sum::<f64>() - p as f64) / pairs;
    let intensity = intensity(points, &covariance, &deviations, target);
    let one = |at: usize| if at / p == at % p { 1.0 } else { intensity * target + (1.0 - intensity) * sample[at] };
    Ok(Shrunk { correlation: (0..p * p).map(one).collect(), sample, intensity, target })
}

/// κ/n of the paper, within 0 and 1; κ = (π − ρ) / γ.
fn intensity(points: Points<'_>, covariance: &[f64], deviations: &[f64], target: f64) -> f64 {
    let (n, p, means) = (points.len() as f64, points.dim(), points.means());
    let prior = |i: usize, j: usize| if i == j { covariance[i * p + i] } else { target * deviations[i] * deviations[j] };
    let gamma: f64 = (0..p * p).map(|at| (prior(at / p, at % p) - covariance[at]).powi(2)).sum();
    if gamma <= 0.0 {
        return 1.0;
    }
    // π of each pair, and ϑ: the covariance of the estimate of a variance with that of a covariance.
    let (mut spread, mut shared) = (vec![0.0; p * p], vec![0.0; p * p]);
    for row in points.rows() {
        for i in 0..p {
            let own = row[i] - means[i];
            for j in 0..p {
                let gap = own * (row[j] - means[j]) - covariance[i * p + j];
                spread[i * p + j] += gap * gap / n;
                shared[i * p + j] += (own * own - covariance[i * p + i]) * gap / n;
            }
        }
    }
    let pi: f64 = spread.iter().sum();
    let diagonal: f64 = (0..p).map(|i| spread[i * p + i]).sum();
    let others: f64 = (0..p * p)
        .filter(|at| at / p != at % p)
        .map(|at| {
            let (i, j) = (at / p, at % p);
            let ratio = deviations[j] / deviations[i];
            0.5 * target * (ratio * shared[i * p + j] + shared[j * p + i] / ratio)
        })
        .sum();
    ((pi - diagonal - others) / gamma / n).clamp(0.0, 1.0)
}

/// A correlation with the interval of Fisher's z.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlation {
    /// Pearson's correlation.
    pub value: f64,
    /// Its interval.
    pub interval: [f64; 2],
    /// Pairs.
    pub n: usize,
}

/// Pearson's correlation with the interval of Fisher (1921): atanh r is near normal with the standard error 1/√(n − 3).
///
/// # Errors
/// [`StatsError::Lengths`], [`StatsError::TooFew`] below four pairs, [`StatsError::Constant`] and [`StatsError::Setting`].
pub fn pearson(left: &[f64], right: &[f64], level: f64) -> Result<Correlation, StatsError> {
    let value = plain(left, right)?;
    let reach = normal_quantile(level)? / (left.len() as f64 - 3.0).sqrt();
    let z = bounded(value).atanh();
    Ok(Correlation { value, interval: [(z - reach).tanh(), (z + reach).tanh()], n: left.len() })
}

fn plain(left: &[f64], right: &[f64]) -> Result<f64, StatsError> {
    let n = left.len();
    if n != right.len() {
        return Err(StatsError::Lengths(n, right.len()));
    }
    if n < 4 {
        return Err(StatsError::TooFew { needed: 4, got: n });
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n as f64;
    let (l, r) = (mean(left), mean(right));
    let (mut ll, mut rr, mut lr) = (0.0, 0.0, 0.0);
    for (a, b) in left.iter().zip(right) {
        let (a, b) = (a - l, b - r);
        (ll, rr, lr) = (ll + a * a, rr + b * b, lr + a * b);
    }
    let still = |sum: f64, mean: f64| sum.is_nan() || sum <= 1e-24 * mean * mean * n as f64 || sum <= 0.0;
    if still(ll, l) || still(rr, r) {
        return Err(StatsError::Constant("a series"));
    }
    Ok((lr / (ll.sqrt() * rr.sqrt())).clamp(-1.0, 1.0))
}

/// The correlation of each window of `window` pairs, the first ending at pair `window − 1`; none where a window doesn't vary.
///
/// # Errors
/// [`StatsError::Lengths`] and [`StatsError::TooFew`].
pub fn rolling(left: &[f64], right: &[f64], window: usize) -> Result<Vec<Option<f64>>, StatsError> {
    if left.len() != right.len() {
        return Err(StatsError::Lengths(left.len(), right.len()));
    }
    if window < 4 || left.len() < window {
        return Err(StatsError::TooFew { needed: window.max(4), got: left.len().min(window) });
    }
    Ok(left.windows(window).zip(right.windows(window)).map(|(l, r)| plain(l, r).ok()).collect())
}

/// Whether two samples have the same correlation: Fisher's z of the difference, two-sided (Fisher, 1921; Cohen & al., 2003, §2.8).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Break {
    /// The correlation of the earlier sample.
    pub before: f64,
    /// That of the later one.
    pub after: f64,
    /// The difference of their atanh over its standard error.
    pub z: f64,
    /// The chance of one as large where nothing changed.
    pub p_value: f64,
}

/// Compares the correlation of two independent samples.
///
/// # Errors
/// Those of [`pearson`].
pub fn compare(before: (&[f64], &[f64]), after: (&[f64], &[f64])) -> Result<Break, StatsError> {
    let (old, new) = (plain(before.0, before.1)?, plain(after.0, after.1)?);
    let error = (1.0 / (before.0.len() as f64 - 3.0) + 1.0 / (after.0.len() as f64 - 3.0)).sqrt();
    let z = (bounded(new).atanh() - bounded(old).atanh()) / error;
    Ok(Break { before: old, after: new, z, p_value: normal_tails(z) })
}

/// Whether two samples have the same correlation matrix: Jennrich (1970), JASA 65(330), §2. The statistic is
/// ½·tr(Z²) − dg(Z)ᵀ·S⁻¹·dg(Z) with p(p − 1)/2 degrees of freedom. Normal data are assumed; heavy tails reject more often.
///
/// # Errors
/// [`StatsError::Lengths`] where the columns differ, [`StatsError::Collinear`], and those of [`shrunk`].
pub fn jennrich(before: Points<'_>, after: Points<'_>) -> Result<ChiSquareTest, StatsError> {
    let p = before.dim();
    if p != after.dim() {
        return Err(StatsError::Lengths(p, after.dim()));
    }
    let matrix = |points| shrunk(points).map(|found| DMatrix::from_row_slice(p, p, &found.sample));
    let (old, new) = (matrix(before)?, matrix(after)?);
    let (n, m) = (before.len() as f64, after.len() as f64);
    let pooled = (&old * n + &new * m) / (n + m);
    let inverse = pooled.clone().cholesky().ok_or(StatsError::Collinear(p))?.inverse();
    let z = &inverse * (new - old) * (n * m / (n + m)).sqrt();
    let s = DMatrix::from_fn(p, p, |i, j| f64::from(u8::from(i == j)) + pooled[(i, j)] * inverse[(i, j)]);
    let diagonal = z.diagonal();
    let solved = s.cholesky().ok_or(StatsError::Collinear(p))?.solve(&diagonal);
    ChiSquareTest::of(0.5 * (&z * &z).trace() - diagonal.dot(&solved), p * (p - 1) / 2)
}

/// Keeps atanh finite.
fn bounded(value: f64) -> f64 {
    value.clamp(-1.0 + 1e-15, 1.0 - 1e-15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    fn normal(chance: &mut Rng) -> f64 {
        (-2.0 * (1.0 - chance.f64()).ln()).sqrt() * (std::f64::consts::TAU * chance.f64()).cos()
    }

    /// Pairs of this correlation.
    fn pairs(rho: f64, n: usize, chance: &mut Rng) -> (Vec<f64>, Vec<f64>) {
        let one = |_| {
            let (a, b) = (normal(chance), normal(chance));
            (a, rho * a + (1.0 - rho * rho).sqrt() * b)
        };
        (0..n).map(one).unzip()
    }

    #[test]
    fn fishers_interval_covers_as_often_as_it_says_and_no_break_is_found_where_none_is() {
        let mut chance = Rng::with_seed(6);
        let (mut covered, mut alarms) = (0, 0);
        for _ in 0..400 {
            let (first, second) = (pairs(0.6, 60, &mut chance), pairs(0.6, 90, &mut chance));
            let [low, high] = pearson(&first.0, &first.1, 0.95).unwrap().interval;
            covered += i32::from((low..=high).contains(&0.6));
            alarms += i32::from(compare((&first.0, &first.1), (&second.0, &second.1)).unwrap().p_value < 0.05);
        }
        // 400 runs at 95%: the share has a standard error of 1.1 points, and three of them are allowed.
        assert!((367..=393).contains(&covered) && (7..=33).contains(&alarms), "{covered} {alarms}");
    }

    #[test]
    fn a_break_is_found_by_both_tests() {
        let mut chance = Rng::with_seed(1);
        let (old, new) = (pairs(0.9, 200, &mut chance), pairs(0.3, 100, &mut chance));
        assert!(compare((&old.0, &old.1), (&new.0, &new.1)).unwrap().p_value < 1e-6);
        let flat = |(l, r): &(Vec<f64>, Vec<f64>)| l.iter().zip(r).flat_map(|(l, r)| [*l, *r]).collect::<Vec<f64>>();
        let (old, new) = (flat(&old), flat(&new));
        assert!(jennrich(Points::new(&old, 2).unwrap(), Points::new(&new, 2).unwrap()).unwrap().p_value < 1e-6);
    }

    #[test]
    fn jennrichs_test_rejects_as_often_as_it_says_where_nothing_changed() {
        let mut chance = Rng::with_seed(12);
        let draw = |chance: &mut Rng, n: usize| -> Vec<f64> {
            (0..n)
                .flat_map(|_| {
                    let common = normal(chance);
                    [common + normal(chance), common + normal(chance), 0.5 * common + normal(chance)]
                })
                .collect()
        };
        let rejected = (0..300).filter(|_| {
            let (old, new) = (draw(&mut chance, 150), draw(&mut chance, 100));
            jennrich(Points::new(&old, 3).unwrap(), Points::new(&new, 3).unwrap()).unwrap().p_value < 0.05
        });
        let rejected = rejected.count();
        // 300 runs at 5%: 15 with a standard deviation of 3.8, and three of them are allowed.
        assert!((4..=27).contains(&rejected), "{rejected}");
    }

    #[test]
    fn shrinkage_is_that_of_the_authors_own_program() {
        // By `covCor`, which the authors publish, on this matrix; computed with its arithmetic in NumPy.
        let values: Vec<f64> = (0..60).map(|at| f64::from((at * at * 7 + at * 13) % 23) - f64::from(at % 5)).collect();
        let found = shrunk(Points::new(&values, 3).unwrap()).unwrap();
        assert!((found.intensity - 0.752_412_070_632_098_4).abs() < 1e-12, "{}", found.intensity);
        assert!((found.target - 0.011_259_466_111_494_05).abs() < 1e-12, "{}", found.target);
        assert!((found.correlation[1] - found.correlation[3]).abs() < 1e-15 && found.correlation[0] == 1.0);
    }

    #[test]
    fn a_long_sample_is_hardly_shrunk_and_a_short_one_much() {
        let mut chance = Rng::with_seed(3);
        let mut at = |n: usize| {
            let values: Vec<f64> = (0..n)
                .flat_map(|_| {
                    let common = normal(&mut chance);
                    [common + normal(&mut chance), 2.0 * common + normal(&mut chance), normal(&mut chance)]
                })
                .collect();
            shrunk(Points::new(&values, 3).unwrap()).unwrap().intensity
        };
        let (short, long) = (at(12), at(5000));
        assert!(long < 0.02 && short > long, "{short} {long}");
    }

    #[test]
    fn windows_that_do_not_vary_have_no_correlation() {
        let left = [1.0, 1.0, 1.0, 1.0, 2.0, 3.0];
        let found = rolling(&left, &[1.0, 2.0, 3.0, 4.0, 5.0, 7.0], 4).unwrap();
        assert!(found[0].is_none() && found[2].is_some());
        assert!(pearson(&left[..4], &[1.0, 2.0, 3.0, 4.0], 0.95).is_err());
        assert!(matches!(rolling(&left, &left, 7), Err(StatsError::TooFew { .. })));
    }
}
