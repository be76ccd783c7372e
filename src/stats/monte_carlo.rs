//! Draws for Monte Carlo, and how far their means can be relied on.

use super::{StatsError, Stop};
use fastrand::Rng;
use nalgebra::{Cholesky, DMatrix};
use statrs::function::gamma::ln_gamma;

/// A standard normal number, by Box and Muller (1958).
pub fn normal(chance: &mut Rng) -> f64 {
    (-2.0 * (1.0 - chance.f64()).ln()).sqrt() * (std::f64::consts::TAU * chance.f64()).cos()
}

/// A χ² number with any positive degrees of freedom, by Marsaglia and Tsang (2000), ACM TOMS 26(3).
pub fn chi_squared(degrees: f64, chance: &mut Rng) -> f64 {
    let shape = 0.5 * degrees;
    // Below one the method wants a detour by the next higher shape.
    let boost = if shape < 1.0 { (1.0 - chance.f64()).powf(1.0 / shape) } else { 1.0 };
    let d = if shape < 1.0 { shape + 1.0 } else { shape } - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(chance);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - chance.f64()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return 2.0 * d * v * boost;
        }
    }
}

/// Correlated draws of unit variance with the tails of Student's law (McNeil, Frey & Embrechts, 2015, §6.2); normal ones without degrees
/// of freedom. They come in antithetic pairs,
/// unless they are asked to be independent: every second draw is the one before with its sign turned, which takes the error out of all
/// that is linear in the draws (Hammersley & Morton, 1956).
#[derive(Debug, Clone)]
pub struct Draws {
    /// The Cholesky factor of the correlation, row by row.
    factor: Vec<f64>,
    degrees: Option<f64>,
    chance: Rng,
    last: Vec<f64>,
    turned: bool,
    antithetic: bool,
}

impl Draws {
    /// Of a correlation matrix that is given row by row, and of more than two degrees of freedom.
    ///
    /// # Errors
    /// [`StatsError::Collinear`] and [`StatsError::Setting`].
    pub fn new(correlation: &[f64], degrees: Option<f64>, seed: u64) -> Result<Self, StatsError> {
        let dim = correlation.len().isqrt();
        if dim == 0 || dim * dim != correlation.len() {
            return Err(StatsError::Setting { name: "correlation", wanted: "a square matrix" });
        }
        if degrees.is_some_and(|degrees| degrees.is_nan() || degrees <= 2.0) {
            return Err(StatsError::Setting { name: "degrees", wanted: "more than two, so that there is a variance" });
        }
        let factor = Cholesky::new(DMatrix::from_row_slice(dim, dim, correlation)).ok_or(StatsError::Collinear(dim))?.l();
        let factor = factor.transpose().as_slice().to_vec();
        Ok(Self { factor, degrees, chance: Rng::with_seed(seed), last: vec![0.0; dim], turned: true, antithetic: true })
    }

    /// The same with draws that are independent of each other, as an interval of a share of trials needs them.
    #[must_use]
    pub fn independent(mut self) -> Self {
        self.antithetic = false;
        self
    }

    /// The next draw.
    pub fn draw(&mut self) -> &[f64] {
        self.turned = !self.turned;
        if self.turned && self.antithetic {
            self.last.iter_mut().for_each(|value| *value = -*value);
            return &self.last;
        }
        let dim = self.last.len();
        // Unit variance: χ² is compared with ν − 2 and not with ν.
        let stretch = self.degrees.map_or(1.0, |degrees| ((degrees - 2.0) / chi_squared(degrees, &mut self.chance)).sqrt());
        let plain: Vec<f64> = (0..dim).map(|_| normal(&mut self.chance)).collect();
        for (row, value) in self.factor.chunks_exact(dim).zip(&mut self.last) {
            *value = stretch * row.iter().zip(&plain).map(|(factor, plain)| factor * plain).sum::<f64>();
        }
        &self.last
    }

    /// The next draw as ranks between 0 and 1: a Gaussian copula where there are no degrees of freedom (Nelsen, 2006, §2.3).
    pub fn ranks(&mut self) -> Vec<f64> {
        self.draw().iter().map(|value| super::options::normal_cdf(*value)).collect()
    }
}

/// A mean over trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The trials.
    pub trials: usize,
}

/// The mean of what `trial` makes of each draw. The standard error is that of the means of antithetic pairs, which are independent where
/// the draws of a pair are not.
///
/// # Errors
/// [`StatsError::TooFew`] below four trials, [`StatsError::Value`] where a trial gives no finite number, and [`StatsError::Stopped`].
pub fn estimate(
    draws: &mut Draws,
    trials: usize,
    mut trial: impl FnMut(&[f64]) -> f64,
    stop: Stop<'_>,
) -> Result<Estimate, StatsError> {
    let pairs = trials / 2;
    if pairs < 2 {
        return Err(StatsError::TooFew { needed: 4, got: trials });
    }
    let (mut mean, mut squares) = (0.0, 0.0);
    for pair in 0..pairs {
        if pair.is_multiple_of(1024) && stop() {
            return Err(StatsError::Stopped);
        }
        let both = 0.5 * (trial(draws.draw()) + trial(draws.draw()));
        if !both.is_finite() {
            return Err(StatsError::Value { what: "trial", row: 2 * pair + 1, value: both, wanted: "a finite number" });
        }
        // Welford (1962): stable where the mean is large beside the spread.
        let gap = both - mean;
        mean += gap / (pair + 1) as f64;
        squares += gap * (both - mean);
    }
    let variance = squares / (pairs - 1) as f64;
    Ok(Estimate { mean, standard_error: (variance / pairs as f64).sqrt(), trials: 2 * pairs })
}

/// The degrees of freedom of Student's law of unit variance under which numbers of mean zero and variance one are likeliest, with the
/// bounds at which twice the logarithm of the likelihood is 3.84 lower (profile likelihood; Lange, Little & Taylor, 1989). Held
/// within 2.1 and 100, where it can't be told from the normal law.
///
/// # Errors
/// [`StatsError::TooFew`] below thirty numbers, and [`StatsError::Value`].
pub fn tail_degrees(standardised: &[f64]) -> Result<(f64, [f64; 2]), StatsError> {
    const LEAST: f64 = 0.01;
    const MOST: f64 = 1.0 / 2.1;
    const STEPS: usize = 600;
    if standardised.len() < 30 {
        return Err(StatsError::TooFew { needed: 30, got: standardised.len() });
    }
    if let Some(row) = standardised.iter().position(|value| !value.is_finite()) {
        return Err(StatsError::Value {
            what: "standardised",
            row: row + 1,
            value: standardised[row],
            wanted: "a finite number",
        });
    }
    let one = |step: usize| 1.0 / (LEAST + (MOST - LEAST) * step as f64 / STEPS as f64);
    let likelihoods: Vec<f64> = (0..=STEPS).map(|step| student_likelihood(standardised, one(step))).collect();
    let best = super::gaussian::likeliest(&likelihoods);
    let near = |step: &usize| 2.0 * (likelihoods[best] - likelihoods[*step]) <= 3.841_458_820_694_124;
    let (first, last) = ((0..=best).find(near).unwrap_or(best), (best..=STEPS).rev().find(near).unwrap_or(best));
    Ok((one(best), [one(last), one(first)]))
}

fn student_likelihood(values: &[f64], degrees: f64) -> f64 {
    let constant =
        ln_gamma(0.5 * (degrees + 1.0)) - ln_gamma(0.5 * degrees) - 0.5 * (std::f64::consts::PI * (degrees - 2.0)).ln();
    values.iter().map(|value| constant - 0.5 * (degrees + 1.0) * (value * value / (degrees - 2.0)).ln_1p()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: fn() -> bool = || false;
    const PAIR: [f64; 4] = [1.0, 0.6, 0.6, 1.0];

    #[test]
    fn draws_have_unit_variance_and_the_correlation_that_was_asked_for() {
        for degrees in [None, Some(6.0)] {
            let mut draws = Draws::new(&PAIR, degrees, 4).unwrap();
            let square = estimate(&mut draws, 40_000, |row| row[0] * row[0], &ON).unwrap();
            assert!((square.mean - 1.0).abs() < 4.0 * square.standard_error, "{square:?}");
            let product = estimate(&mut draws, 40_000, |row| row[0] * row[1], &ON).unwrap();
            assert!((product.mean - 0.6).abs() < 4.0 * product.standard_error, "{product:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_draws_and_pairs_are_antithetic() {
        let take = |seed| {
            let mut draws = Draws::new(&PAIR, Some(5.0), seed).unwrap();
            (0..6).map(|_| draws.draw().to_vec()).collect::<Vec<_>>()
        };
        let rows = take(1);
        assert_eq!(rows, take(1));
        assert_ne!(rows, take(2));
        assert_eq!(rows[0][1], -rows[1][1]);
        assert_ne!(rows[1], rows[2]);
    }

    #[test]
    fn an_interval_of_two_errors_covers_as_often_as_it_says() {
        // E|Z| = √(2/π).
        let truth = (2.0 / std::f64::consts::PI).sqrt();
        let covered = (0..200_u64).filter(|run| {
            let found = estimate(&mut Draws::new(&[1.0], None, *run).unwrap(), 400, |row| row[0].abs(), &ON).unwrap();
            (found.mean - truth).abs() <= 1.96 * found.standard_error
        });
        let covered = covered.count();
        // 200 runs at 95%: the share has a standard error of 1.5 points, and three of them are allowed.
        assert!((181..=199).contains(&covered), "{covered}");
    }

    #[test]
    fn chi_squared_has_the_mean_and_the_variance_of_its_law() {
        let mut chance = Rng::with_seed(9);
        for degrees in [1.0, 4.5] {
            let values: Vec<f64> = (0..20_000).map(|_| chi_squared(degrees, &mut chance)).collect();
            let mean = values.iter().sum::<f64>() / 20_000.0;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 20_000.0;
            assert!((mean - degrees).abs() < 4.0 * (2.0 * degrees / 20_000.0).sqrt(), "{mean}");
            assert!((variance / (2.0 * degrees) - 1.0).abs() < 0.12, "{variance}");
        }
    }

    #[test]
    fn the_ranks_of_a_copula_are_even_and_correlated() {
        let mut draws = Draws::new(&PAIR, None, 2).unwrap();
        let rows: Vec<Vec<f64>> = (0..20_000).map(|_| draws.ranks()).collect();
        let below = rows.iter().filter(|row| row[0] < 0.25).count() as f64 / 20_000.0;
        let both = rows.iter().filter(|row| row[0] < 0.5 && row[1] < 0.5).count() as f64 / 20_000.0;
        // Both below their medians: ¼ + asin ρ / 2π (Sheppard, 1899).
        assert!(
            (below - 0.25).abs() < 0.015 && (both - (0.25 + 0.6_f64.asin() / std::f64::consts::TAU)).abs() < 0.015,
            "{below} {both}"
        );
    }

    #[test]
    fn the_tail_that_the_draws_were_made_with_is_found() {
        let mut draws = Draws::new(&[1.0], Some(4.0), 8).unwrap();
        let values: Vec<f64> = (0..4000).map(|_| draws.draw()[0]).collect();
        let (degrees, [low, high]) = tail_degrees(&values).unwrap();
        assert!((3.0..5.5).contains(&degrees) && low < degrees && degrees < high, "{degrees} {low} {high}");
        let mut draws = Draws::new(&[1.0], None, 8).unwrap();
        let values: Vec<f64> = (0..4000).map(|_| draws.draw()[0]).collect();
        assert!(tail_degrees(&values).unwrap().0 > 15.0);
    }

    #[test]
    fn a_matrix_that_is_no_correlation_and_too_heavy_tails_are_refused() {
        assert!(matches!(Draws::new(&[1.0, 1.0, 1.0, 1.0], None, 1), Err(StatsError::Collinear(2))));
        assert!(matches!(Draws::new(&[1.0, 0.0], None, 1), Err(StatsError::Setting { .. })));
        assert!(matches!(Draws::new(&PAIR, Some(2.0), 1), Err(StatsError::Setting { .. })));
        let stopped = estimate(&mut Draws::new(&PAIR, None, 1).unwrap(), 100, |row| row[0], &|| true);
        assert_eq!(stopped, Err(StatsError::Stopped));
    }
}
