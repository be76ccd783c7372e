//! The multivariate normal density, and mixtures of it.

mod errors;

pub use errors::MixtureErrors;

use super::cluster::k_means;
use super::points::{Points, add_outer};
use super::{StatsError, Stop};
use nalgebra::{Cholesky, DMatrix};

/// A normal density, ready to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussian {
    mean: Vec<f64>,
    /// The inverse of the Cholesky factor of the covariance, row by row; what is right of the diagonal is zero.
    whiten: Vec<f64>,
    log_scale: f64,
}

impl Gaussian {
    /// Of a mean and a covariance that is given row by row.
    ///
    /// # Errors
    /// [`StatsError::Collinear`] where the covariance isn't positive definite.
    pub fn new(mean: &[f64], covariance: &[f64]) -> Result<Self, StatsError> {
        let dim = mean.len();
        let factor = Cholesky::new(DMatrix::from_row_slice(dim, dim, covariance)).ok_or(StatsError::Collinear(dim))?.l();
        let inverse = factor.solve_lower_triangular(&DMatrix::identity(dim, dim)).ok_or(StatsError::Collinear(dim))?;
        let log_root: f64 = (0..dim).map(|at| factor[(at, at)].ln()).sum();
        let log_scale = -log_root - 0.5 * dim as f64 * (2.0 * std::f64::consts::PI).ln();
        if !log_scale.is_finite() || inverse.iter().any(|value| !value.is_finite()) {
            return Err(StatsError::Collinear(dim));
        }
        Ok(Self { mean: mean.to_vec(), whiten: inverse.transpose().as_slice().to_vec(), log_scale })
    }

    /// The logarithm of the density.
    pub fn log_density(&self, row: &[f64]) -> f64 {
        let dim = self.mean.len();
        let mut squares = 0.0;
        for (i, factors) in self.whiten.chunks_exact(dim).enumerate() {
            let parts = factors[..=i].iter().zip(row.iter().zip(&self.mean));
            let whitened: f64 = parts.map(|(factor, (value, mean))| factor * (value - mean)).sum();
            squares += whitened * whitened;
        }
        self.log_scale - 0.5 * squares
    }

    /// The inverse of the covariance, row by row.
    pub fn precision(&self) -> Vec<f64> {
        let dim = self.mean.len();
        let whiten = DMatrix::from_row_slice(dim, dim, &self.whiten);
        (whiten.transpose() * whiten).as_slice().to_vec()
    }
}

/// The logarithm of a sum of exponentials, without overflow.
pub(super) fn log_sum_exp(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most.is_finite() { most + values.iter().map(|value| (value - most).exp()).sum::<f64>().ln() } else { most }
}

/// A mixture of normal densities.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    /// The share of each.
    pub weights: Vec<f64>,
    /// The means, row by row.
    pub means: Vec<f64>,
    /// A covariance for each, row by row.
    pub covariances: Vec<Vec<f64>>,
    /// The likeliest component of each observation.
    pub labels: Vec<usize>,
    /// The logarithm of the likelihood.
    pub log_likelihood: f64,
    /// Bayesian information criterion (Schwarz, 1978), `p·ln n − 2·ln L`: the smaller, the better.
    pub bic: f64,
    /// How many rounds it took.
    pub iterations: usize,
}

/// How a mixture is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixtureSettings {
    /// How many components.
    pub components: usize,
    /// How many k-means starts, of which the best begins.
    pub starts: usize,
    /// Added to the diagonal of every covariance, in squared units of the data, so that no component shrinks onto a point.
    pub ridge: f64,
    /// The rounds at most.
    pub iterations_max: usize,
    /// It has settled where the mean log-likelihood of an observation gains less.
    pub tolerance: f64,
    /// Where chance begins.
    pub seed: u64,
}

/// A mixture with full covariances by expectation and maximisation (Dempster, Laird & Rubin, 1977; McLachlan & Peel, 2000, §3), begun
/// at k-means.
///
/// # Errors
/// Those of [`k_means`], [`StatsError::NotConverged`] and [`StatsError::Collinear`].
pub fn mixture(points: Points<'_>, settings: &MixtureSettings, stop: Stop<'_>) -> Result<Mixture, StatsError> {
    let (n, dim, count) = (points.len(), points.dim(), settings.components);
    let begun = k_means(points, count, settings.starts, settings.seed, stop)?;
    let mut shares = vec![0.0; n * count];
    begun.labels.iter().enumerate().for_each(|(at, &label)| shares[at * count + label] = 1.0);
    let mut before = f64::NEG_INFINITY;
    for iterations in 1..=settings.iterations_max {
        if stop() {
            return Err(StatsError::Stopped);
        }
        let (weights, means, covariances) = maximise(points, &shares, count, settings.ridge);
        let log_likelihood = expect(points, &weights, &means, &covariances, &mut shares)?;
        if (log_likelihood - before).abs() <= settings.tolerance * n as f64 {
            let free = (count - 1) + count * dim + count * dim * (dim + 1) / 2;
            let bic = free as f64 * (n as f64).ln() - 2.0 * log_likelihood;
            let labels = shares.chunks_exact(count).map(likeliest).collect();
            return Ok(Mixture { weights, means, covariances, labels, log_likelihood, bic, iterations });
        }
        before = log_likelihood;
    }
    Err(StatsError::NotConverged { iterations: settings.iterations_max, why: "the likelihood of the mixture still grows" })
}

pub(super) fn likeliest(shares: &[f64]) -> usize {
    (0..shares.len()).max_by(|&a, &b| shares[a].total_cmp(&shares[b])).unwrap_or(0)
}

type Parameters = (Vec<f64>, Vec<f64>, Vec<Vec<f64>>);

fn maximise(points: Points<'_>, shares: &[f64], count: usize, ridge: f64) -> Parameters {
    let dim = points.dim();
    let mut totals = vec![0.0; count];
    shares.chunks_exact(count).for_each(|row| totals.iter_mut().zip(row).for_each(|(total, share)| *total += share));
    // An empty component keeps a trace, so that nothing is divided by zero; the ridge keeps its covariance.
    totals.iter_mut().for_each(|total| *total = total.max(1e-10));
    let mut means = vec![0.0; count * dim];
    for (row, shares) in points.rows().zip(shares.chunks_exact(count)) {
        for (component, share) in shares.iter().enumerate() {
            (0..dim).for_each(|at| means[component * dim + at] += share * row[at] / totals[component]);
        }
    }
    let mut covariances = vec![vec![0.0; dim * dim]; count];
    for (row, shares) in points.rows().zip(shares.chunks_exact(count)) {
        for (component, share) in shares.iter().enumerate() {
            let mean = &means[component * dim..(component + 1) * dim];
            add_outer(&mut covariances[component], row, mean, share / totals[component]);
        }
    }
    covariances.iter_mut().for_each(|covariance| (0..dim).for_each(|at| covariance[at * dim + at] += ridge));
    let whole: f64 = totals.iter().sum();
    (totals.iter().map(|total| total / whole).collect(), means, covariances)
}

/// The share of each component in each observation; the log-likelihood.
fn expect(
    points: Points<'_>,
    weights: &[f64],
    means: &[f64],
    covariances: &[Vec<f64>],
    shares: &mut [f64],
) -> Result<f64, StatsError> {
    let centres = means.chunks_exact(points.dim()).zip(covariances);
    let densities: Vec<Gaussian> = centres.map(|(mean, covariance)| Gaussian::new(mean, covariance)).collect::<Result<_, _>>()?;
    let mut log_likelihood = 0.0;
    for (row, shares) in points.rows().zip(shares.chunks_exact_mut(weights.len())) {
        for (share, (weight, density)) in shares.iter_mut().zip(weights.iter().zip(&densities)) {
            *share = weight.ln() + density.log_density(row);
        }
        let total = log_sum_exp(shares);
        shares.iter_mut().for_each(|share| *share = (*share - total).exp());
        log_likelihood += total;
    }
    Ok(log_likelihood)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    const ON: fn() -> bool = || false;
    const SETTINGS: MixtureSettings =
        MixtureSettings { components: 2, starts: 3, ridge: 1e-6, iterations_max: 500, tolerance: 1e-9, seed: 5 };

    fn normal(chance: &mut Rng) -> f64 {
        (-2.0 * (1.0 - chance.f64()).ln()).sqrt() * (std::f64::consts::TAU * chance.f64()).cos()
    }

    #[test]
    fn the_density_is_that_of_the_textbook() {
        // With covariance [[2, 1], [1, 2]] at (1, 0) from the mean: ln f = −ln 2π − ½ ln 3 − ½·(2/3).
        let density = Gaussian::new(&[1.0, 1.0], &[2.0, 1.0, 1.0, 2.0]).unwrap();
        let expected = -(2.0 * std::f64::consts::PI).ln() - 0.5 * 3.0_f64.ln() - 1.0 / 3.0;
        assert!((density.log_density(&[2.0, 1.0]) - expected).abs() < 1e-14);
        let precision = density.precision();
        assert!((precision[0] - 2.0 / 3.0).abs() < 1e-14 && (precision[1] + 1.0 / 3.0).abs() < 1e-14);
        assert!(Gaussian::new(&[0.0, 0.0], &[1.0, 1.0, 1.0, 1.0]).is_err());
    }

    #[test]
    fn two_overlapping_components_are_recovered() {
        let mut chance = Rng::with_seed(11);
        let values: Vec<f64> =
            (0..4000).map(|at| if at % 4 == 0 { 3.0 + 0.5 * normal(&mut chance) } else { normal(&mut chance) }).collect();
        let found = mixture(Points::new(&values, 1).unwrap(), &SETTINGS, &ON).unwrap();
        let high = likeliest(&found.means);
        assert!((found.means[high] - 3.0).abs() < 0.08 && found.means[1 - high].abs() < 0.1, "{found:?}");
        assert!((found.weights[high] - 0.25).abs() < 0.03, "{:?}", found.weights);
        assert!((found.covariances[high][0].sqrt() - 0.5).abs() < 0.06);
    }

    #[test]
    fn the_bic_prefers_the_number_of_components_that_the_data_were_made_with() {
        let mut chance = Rng::with_seed(2);
        let values: Vec<f64> = (0..900).map(|at| f64::from(at % 3) * 6.0 + normal(&mut chance)).collect();
        let bic = |components| {
            mixture(Points::new(&values, 1).unwrap(), &MixtureSettings { components, tolerance: 1e-7, ..SETTINGS }, &ON)
                .unwrap()
                .bic
        };
        let bics: Vec<f64> = (1..=4).map(bic).collect();
        assert!((0..4).all(|at| at == 2 || bics[2] < bics[at]), "{bics:?}");
    }

    #[test]
    fn one_component_is_the_mean_and_the_covariance_of_the_sample() {
        let values: Vec<f64> = (0..40).map(|at| f64::from(at * at % 17)).collect();
        let points = Points::new(&values, 2).unwrap();
        let found = mixture(points, &MixtureSettings { components: 1, ridge: 0.0, ..SETTINGS }, &ON).unwrap();
        assert!(found.means.iter().zip(points.means()).all(|(a, b)| (a - b).abs() < 1e-12));
        assert!(found.covariances[0].iter().zip(points.covariance()).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn collinear_columns_without_a_ridge_are_refused() {
        let values: Vec<f64> = (0..40).map(|at| f64::from(at / 2)).collect();
        let found = mixture(Points::new(&values, 2).unwrap(), &MixtureSettings { ridge: 0.0, ..SETTINGS }, &ON);
        assert!(matches!(found, Err(StatsError::Collinear(_))), "{found:?}");
    }
}
