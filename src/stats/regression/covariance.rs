//! The covariance of regression coefficients under five views of the errors.
//!
//! All are R⁻¹ M R⁻ᵀ with the QR decomposition X = QR, where M gathers the products of the scores qᵢ eᵢ; XᵀX is formed nowhere.

use super::super::double_double::{DoubleDouble, Real};
use super::super::least_squares::Qr;
use super::super::{StatsError, Stop};
use std::collections::BTreeMap;

/// What the standard errors allow for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Covariance {
    /// Independent errors of one variance.
    #[default]
    Classical,
    /// Errors of any variances: White (1980) with the factor n / (n − p) (MacKinnon and White, 1985, HC1).
    Hc1,
    /// Errors of any variances, each residual divided by 1 − its leverage (Davidson and MacKinnon, 1993, HC3): the choice for small samples.
    Hc3,
    /// Errors that depend on those up to so many rows before, Bartlett weights (Newey and West, 1987) and the factor n / (n − p). Rows are in
    /// the order of time. Nothing: the lags of [`newey_west_lags`].
    NeweyWest(Option<usize>),
    /// Errors that depend on those before, by so many cosines of the scores, each residual divided by 1 − its leverage; tests have as many
    /// degrees of freedom as there are cosines, which is what keeps their level where errors last long (Müller, 2004, Journal of
    /// Econometrics 122; Lazarus, Lewis, Stock and Watson, 2018, JBES 36, "EWC"). Rows are in the order of time. Nothing: as many as
    /// [`cosine_terms`].
    Cosines(Option<usize>),
    /// Errors that are alike within a cluster (Liang and Zeger, 1986; Arellano, 1987) with the factor G/(G − 1) · (n − 1)/(n − p); tests have
    /// G − 1 degrees of freedom (Cameron and Miller, 2015). One label for each row.
    Clustered(Vec<u32>),
}

/// The lags for so many rows: ⌊4 (n / 100)^(2/9)⌋ (Newey and West, 1994).
pub fn newey_west_lags(rows: usize) -> usize {
    (4.0 * (rows as f64 / 100.0).powf(2.0 / 9.0)).floor() as usize
}

/// The cosines for so many rows: ⌊0.4 n^(2/3)⌋, at least one (Lazarus, Lewis, Stock and Watson, 2018).
pub fn cosine_terms(rows: usize) -> usize {
    ((0.4 * (rows as f64).powf(2.0 / 3.0)).floor() as usize).max(1)
}

/// What the covariances are made of.
pub(in crate::stats) struct Basis<'a> {
    pub(in crate::stats) qr: &'a Qr<DoubleDouble>,
    pub(in crate::stats) residuals: &'a [DoubleDouble],
    pub(in crate::stats) residual_degrees: usize,
}

type Matrix = Vec<Vec<DoubleDouble>>;

impl Basis<'_> {
    /// The covariance, and the degrees of freedom of the tests by it.
    pub(in crate::stats) fn covariance(
        &self,
        variance: DoubleDouble,
        kind: &Covariance,
        stop: Stop<'_>,
    ) -> Result<(Matrix, usize), StatsError> {
        let inverse = self.qr.inverse_upper();
        let width = inverse.len();
        let degrees = self.residual_degrees;
        if *kind == Covariance::Classical {
            let product =
                |a: usize, b: usize| (0..width).fold(DoubleDouble::ZERO, |sum, k| sum + inverse[a][k] * inverse[b][k]) * variance;
            return Ok(((0..width).map(|a| (0..width).map(|b| product(a, b)).collect()).collect(), degrees));
        }
        let rows = self.residuals.len();
        let basis = self.qr.basis();
        if stop() {
            return Err(StatsError::Stopped);
        }
        let scores: Vec<Vec<f64>> = (0..rows).map(|row| self.score(&basis, row, kind)).collect();
        let correction = rows as f64 / degrees as f64;
        let (middle, factor, degrees) = match kind {
            Covariance::Classical | Covariance::Hc3 => (outer(&scores, &scores), 1.0, degrees),
            Covariance::Hc1 => (outer(&scores, &scores), correction, degrees),
            Covariance::NeweyWest(lags) => {
                let lags = lags.unwrap_or_else(|| newey_west_lags(rows)).min(rows - 1);
                (long_run(&scores, lags), correction, degrees)
            }
            Covariance::Cosines(terms) => {
                let terms = terms.unwrap_or_else(|| cosine_terms(rows)).clamp(1, degrees);
                let waves = cosines(&scores, terms);
                (outer(&waves, &waves), 1.0 / terms as f64, terms)
            }
            Covariance::Clustered(labels) => {
                let sums = cluster_sums(&scores, labels)?;
                let groups = sums.len();
                let factor = groups as f64 / (groups - 1) as f64 * (rows - 1) as f64 / degrees as f64;
                (outer(&sums, &sums), factor, groups - 1)
            }
        };
        Ok((sandwich(&inverse, &middle, factor), degrees))
    }

    /// qᵢ eᵢ, where HC3 and the cosines divide the residual by 1 − qᵢᵀqᵢ.
    fn score(&self, basis: &[Vec<DoubleDouble>], row: usize, kind: &Covariance) -> Vec<f64> {
        let q: Vec<f64> = basis.iter().map(|column| column[row].rounded()).collect();
        let mut residual = self.residuals[row].rounded();
        if matches!(kind, Covariance::Hc3 | Covariance::Cosines(_)) {
            let leverage: f64 = q.iter().map(|q| q * q).sum();
            // A row that is fitted exactly whatever it is has no error to learn from.
            residual = if leverage < 1.0 - 1e-10 { residual / (1.0 - leverage) } else { 0.0 };
        }
        q.iter().map(|q| q * residual).collect()
    }
}

fn outer(left: &[Vec<f64>], right: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let width = left.first().map_or(0, Vec::len);
    let mut total = vec![vec![0.0; width]; width];
    for (a, b) in left.iter().zip(right) {
        for (row, &a) in total.iter_mut().zip(a) {
            for (cell, &b) in row.iter_mut().zip(b) {
                *cell += a * b;
            }
        }
    }
    total
}

/// Γ₀ + Σ (1 − l/(L + 1)) (Γₗ + Γₗᵀ).
fn long_run(scores: &[Vec<f64>], lags: usize) -> Vec<Vec<f64>> {
    let mut total = outer(scores, scores);
    for lag in 1..=lags {
        let weight = 1.0 - lag as f64 / (lags + 1) as f64;
        let product = outer(&scores[lag..], scores);
        for (at, row) in total.iter_mut().enumerate() {
            for (other, cell) in row.iter_mut().enumerate() {
                *cell += weight * (product[at][other] + product[other][at]);
            }
        }
    }
    total
}

/// √2 Σ sₜ cos(πj (t − ½) / n) for j from 1 to `terms`: n times the long-run variance is the mean of their squares.
fn cosines(scores: &[Vec<f64>], terms: usize) -> Vec<Vec<f64>> {
    let rows = scores.len() as f64;
    let wave = |term: usize| {
        let mut sum = vec![0.0; scores.first().map_or(0, Vec::len)];
        for (at, score) in scores.iter().enumerate() {
            let weight = std::f64::consts::SQRT_2 * (std::f64::consts::PI * term as f64 * (at as f64 + 0.5) / rows).cos();
            sum.iter_mut().zip(score).for_each(|(sum, score)| *sum += weight * score);
        }
        sum
    };
    (1..=terms).map(wave).collect()
}

fn cluster_sums(scores: &[Vec<f64>], labels: &[u32]) -> Result<Vec<Vec<f64>>, StatsError> {
    if labels.len() != scores.len() {
        return Err(StatsError::Lengths(scores.len(), labels.len()));
    }
    let mut sums: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (score, &label) in scores.iter().zip(labels) {
        let sum = sums.entry(label).or_insert_with(|| vec![0.0; score.len()]);
        sum.iter_mut().zip(score).for_each(|(sum, score)| *sum += score);
    }
    if sums.len() < 2 {
        return Err(StatsError::TooFew { needed: 2, got: sums.len() });
    }
    Ok(sums.into_values().collect())
}

fn sandwich(inverse: &Matrix, middle: &[Vec<f64>], factor: f64) -> Matrix {
    let width = inverse.len();
    let half: Matrix = inverse
        .iter()
        .map(|row| {
            (0..width)
                .map(|b| (0..width).fold(DoubleDouble::ZERO, |sum, k| sum + row[k] * DoubleDouble::of(middle[k][b])))
                .collect()
        })
        .collect();
    let cell = |a: usize, b: usize| {
        (0..width).fold(DoubleDouble::ZERO, |sum, k| sum + half[a][k] * inverse[b][k]) * DoubleDouble::of(factor)
    };
    (0..width).map(|a| (0..width).map(|b| cell(a, b)).collect()).collect()
}
