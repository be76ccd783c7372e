//! GARCH(1,1): volatility that clusters.
//!
//! rₜ = μ + εₜ, εₜ = σₜ·zₜ with standard normal zₜ, σₜ² = ω + α·εₜ₋₁² + β·σₜ₋₁² (Bollerslev, 1986, J. Econometrics 31). The conventions are
//! those of the Python package `arch` by default: before the first observation ε² and σ² are the backcast, the mean of the first 75 squared
//! deviations from the sample mean with weights 0.94ⁱ; every observation counts in the likelihood. Returns in percent keep ω readable,
//! but any scale gives the same fit, since the search runs on returns of unit variance.

use super::quasi_newton::minimise;
use super::{StatsError, Stop};
use nalgebra::Matrix4;

/// The least number of returns.
pub const RETURNS_MIN: usize = 100;
const BACKCAST_DAYS: usize = 75;
const BACKCAST_DECAY: f64 = 0.94;

/// The parameters, in the units of the returns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// The mean return.
    pub mu: f64,
    /// The constant of the variance.
    pub omega: f64,
    /// The weight of the last squared shock.
    pub alpha: f64,
    /// The weight of the last variance.
    pub beta: f64,
}

impl Parameters {
    /// α + β: which share of a shock to the variance is left a day later.
    pub fn persistence(&self) -> f64 {
        self.alpha + self.beta
    }

    fn row(&self) -> [f64; 4] {
        [self.mu, self.omega, self.alpha, self.beta]
    }

    fn of_row([mu, omega, alpha, beta]: [f64; 4]) -> Self {
        Self { mu, omega, alpha, beta }
    }
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Garch {
    /// The estimates.
    pub parameters: Parameters,
    /// Robust standard errors (Bollerslev & Wooldridge, 1992, Econometric Reviews 11(2)) of μ, ω, α and β; none where the likelihood is flat,
    /// such as for α at zero, which leaves β free.
    pub standard_errors: Option<[f64; 4]>,
    /// The logarithm of the likelihood.
    pub log_likelihood: f64,
    /// The variance of each observation.
    pub variances: Vec<f64>,
    /// Each observation's deviation from the mean over its own standard deviation.
    pub standardised: Vec<f64>,
    /// How many steps the search took.
    pub iterations: usize,
    covariance: Option<Matrix4<f64>>,
    returns: Vec<f64>,
    backcast: f64,
}

/// A forecast of some steps ahead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// The variance of the return of that one step.
    pub variance: f64,
    /// The standard deviation of one step, averaged over all steps up to it: the square root of the mean variance.
    pub volatility: f64,
    /// Its standard error from the uncertainty of the parameters, by the delta method.
    pub standard_error: Option<f64>,
}

/// Fits by maximum likelihood: BFGS on (μ, ln ω, log-odds of α and β against what is left of one), from the best point of a grid.
///
/// # Errors
/// [`StatsError::TooFew`] below [`RETURNS_MIN`], [`StatsError::Value`], [`StatsError::Constant`], [`StatsError::NotConverged`] and
/// [`StatsError::Stopped`].
pub fn fit(returns: &[f64], stop: Stop<'_>) -> Result<Garch, StatsError> {
    if returns.len() < RETURNS_MIN {
        return Err(StatsError::TooFew { needed: RETURNS_MIN, got: returns.len() });
    }
    if let Some(row) = returns.iter().position(|value| !value.is_finite()) {
        return Err(StatsError::Value { what: "returns", row: row + 1, value: returns[row], wanted: "a finite number" });
    }
    let n = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / n;
    let scale = (returns.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n).sqrt();
    if scale.is_nan() || scale <= 1e-12 * mean.abs().max(f64::MIN_POSITIVE) {
        return Err(StatsError::Constant("the returns"));
    }
    let scaled: Vec<f64> = returns.iter().map(|value| value / scale).collect();
    let backcast = backcast(&scaled, mean / scale);
    let objective = |free: &[f64]| {
        let parameters = natural(free);
        let (value, slope) = likelihood(&scaled, backcast, &parameters)?;
        Some((-value / n, chained(&slope, &parameters).iter().map(|part| -part / n).collect()))
    };
    let found = minimise(objective, &begin(&scaled, mean / scale, backcast), 1e-7, 500, stop)?;
    let inner = natural(&found.at);
    let covariance = sandwich(&scaled, backcast, &inner).map(|inner| {
        let unit = Matrix4::from_diagonal(&[scale, scale * scale, 1.0, 1.0].into());
        unit * inner * unit
    });
    let parameters = Parameters { mu: inner.mu * scale, omega: inner.omega * scale * scale, ..inner };
    let variances = variances(returns, backcast * scale * scale, &parameters);
    let standardised =
        returns.iter().zip(&variances).map(|(value, variance)| (value - parameters.mu) / variance.sqrt()).collect();
    Ok(Garch {
        parameters,
        standard_errors: covariance.map(|covariance| std::array::from_fn(|at| covariance[(at, at)].sqrt())),
        log_likelihood: -found.value * n - n * scale.ln(),
        variances,
        standardised,
        iterations: found.iterations,
        covariance,
        returns: returns.to_vec(),
        backcast: backcast * scale * scale,
    })
}

impl Garch {
    /// The variance that the model comes back to, where it does: ω / (1 − α − β).
    pub fn long_run_variance(&self) -> Option<f64> {
        let left = 1.0 - self.parameters.persistence();
        (left > 1e-6).then(|| self.parameters.omega / left)
    }

    /// After how many steps half of a shock to the variance is gone.
    pub fn half_life(&self) -> Option<f64> {
        let persistence = self.parameters.persistence();
        (persistence > 0.0 && persistence < 1.0 - 1e-6).then(|| 0.5_f64.ln() / persistence.ln())
    }

    /// The next `steps` steps.
    pub fn forecast(&self, steps: usize) -> Vec<Forecast> {
        let ahead = self.ahead(&self.parameters, steps);
        let slopes: Vec<Vec<f64>> = self.covariance.iter().flat_map(|_| (0..4).map(|at| self.slope(at, steps))).collect();
        let mut sum = 0.0;
        (0..steps)
            .map(|step| {
                sum += ahead[step];
                let volatility = (sum / (step + 1) as f64).sqrt();
                let standard_error = self.covariance.map(|covariance| {
                    let slope = nalgebra::Vector4::from_fn(|at, _| slopes[at][step]);
                    (slope.transpose() * covariance * slope)[0].max(0.0).sqrt()
                });
                Forecast { variance: ahead[step], volatility, standard_error }
            })
            .collect()
    }

    fn ahead(&self, parameters: &Parameters, steps: usize) -> Vec<f64> {
        let variances = variances(&self.returns, self.backcast, parameters);
        let (last, shock) = (variances[variances.len() - 1], self.returns[self.returns.len() - 1] - parameters.mu);
        let mut next = parameters.omega + parameters.alpha * shock * shock + parameters.beta * last;
        let mut ahead = Vec::with_capacity(steps);
        for _ in 0..steps {
            ahead.push(next);
            next = parameters.omega + parameters.persistence() * next;
        }
        ahead
    }

    /// How the mean volatility up to each step moves with one parameter.
    fn slope(&self, at: usize, steps: usize) -> Vec<f64> {
        let row = self.parameters.row();
        let by = 1e-5 * row[at].abs().max(if at == 0 { self.backcast.sqrt() } else { 1e-3 * row[at].abs().max(1e-6) });
        let mean = |by: f64| {
            let mut moved = row;
            moved[at] += by;
            let mut sum = 0.0;
            let ahead = self.ahead(&Parameters::of_row(moved), steps).into_iter().enumerate();
            let volatilities = ahead.map(|(step, variance)| {
                sum += variance;
                (sum / (step + 1) as f64).max(0.0).sqrt()
            });
            volatilities.collect::<Vec<f64>>()
        };
        mean(by).iter().zip(mean(-by)).map(|(up, down)| (up - down) / (2.0 * by)).collect()
    }
}

fn backcast(returns: &[f64], mean: f64) -> f64 {
    let weighted = returns.iter().take(BACKCAST_DAYS).scan(1.0, |weight, value| {
        let own = *weight;
        *weight *= BACKCAST_DECAY;
        Some((own, own * (value - mean) * (value - mean)))
    });
    let (weights, sum) = weighted.fold((0.0, 0.0), |(weights, sum), (weight, part)| (weights + weight, sum + part));
    // A calm begin may be exactly still: a trace keeps the first variance above zero.
    (sum / weights).max(1e-8)
}

/// From the free parameters to those of the model.
fn natural(free: &[f64]) -> Parameters {
    let most = free[2].max(free[3]).max(0.0);
    let (a, b, rest) = ((free[2] - most).exp(), (free[3] - most).exp(), (-most).exp());
    let total = a + b + rest;
    Parameters { mu: free[0], omega: free[1].exp(), alpha: a / total, beta: b / total }
}

/// The slope by the free parameters, from that by the model's own.
fn chained(slope: &[f64; 4], p: &Parameters) -> [f64; 4] {
    let shared = p.alpha * slope[2] + p.beta * slope[3];
    [slope[0], p.omega * slope[1], p.alpha * (slope[2] - shared), p.beta * (slope[3] - shared)]
}

/// The best of a grid of α and α + β, with ω such that the long-run variance is one.
fn begin(returns: &[f64], mean: f64, backcast: f64) -> Vec<f64> {
    let mut best: Option<(f64, Vec<f64>)> = None;
    for alpha in [0.01, 0.05, 0.1, 0.2] {
        for persistence in [0.5, 0.7, 0.9, 0.98, 0.995] {
            let left: f64 = 1.0 - persistence;
            let p = Parameters { mu: mean, omega: left, alpha, beta: persistence - alpha };
            let Some((value, _)) = likelihood(returns, backcast, &p) else { continue };
            if best.as_ref().is_none_or(|(most, _)| value > *most) {
                best = Some((value, vec![mean, left.ln(), (alpha / left).ln(), (p.beta / left).ln()]));
            }
        }
    }
    best.map_or_else(|| vec![mean, -2.3, -0.7, 2.1], |(_, start)| start)
}

fn variances(returns: &[f64], backcast: f64, p: &Parameters) -> Vec<f64> {
    let (mut square, mut variance) = (backcast, backcast);
    let one = |value: &f64| {
        variance = (p.omega + p.alpha * square + p.beta * variance).max(f64::MIN_POSITIVE);
        square = (value - p.mu) * (value - p.mu);
        variance
    };
    returns.iter().map(one).collect()
}

/// The logarithm of the likelihood and its slope; nothing where a variance isn't a positive number.
fn likelihood(returns: &[f64], backcast: f64, p: &Parameters) -> Option<(f64, [f64; 4])> {
    let (mut total, mut slope) = (0.0, [0.0; 4]);
    each_score(returns, backcast, p, |value, score| {
        total += value;
        slope.iter_mut().zip(score).for_each(|(sum, part)| *sum += part);
    })?;
    Some((total, slope))
}

fn each_score(returns: &[f64], backcast: f64, p: &Parameters, mut seen: impl FnMut(f64, &[f64; 4])) -> Option<()> {
    let half_log = 0.5 * (2.0 * std::f64::consts::PI).ln();
    let (mut shock, mut square, mut variance, mut slopes) = (0.0, backcast, backcast, [0.0; 4]);
    for value in returns {
        slopes = [
            p.beta * slopes[0] - 2.0 * p.alpha * shock,
            1.0 + p.beta * slopes[1],
            square + p.beta * slopes[2],
            variance + p.beta * slopes[3],
        ];
        variance = p.omega + p.alpha * square + p.beta * variance;
        if variance.is_nan() || variance <= 0.0 || variance.is_infinite() {
            return None;
        }
        shock = value - p.mu;
        square = shock * shock;
        let pull = 0.5 * (square / variance - 1.0) / variance;
        let mut score = slopes.map(|slope| pull * slope);
        score[0] += shock / variance;
        seen(-half_log - 0.5 * (variance.ln() + square / variance), &score);
    }
    Some(())
}

/// A⁻¹·B·A⁻¹ / n: A is the mean curvature, by differences of the slope, and B the covariance of the scores.
fn sandwich(returns: &[f64], backcast: f64, p: &Parameters) -> Option<Matrix4<f64>> {
    let (n, row) = (returns.len() as f64, p.row());
    let mut curvature = Matrix4::<f64>::zeros();
    for at in 0..4 {
        let by = 1e-5 * row[at].abs().max(1e-4);
        let slope = |by: f64| {
            let mut moved = row;
            moved[at] += by;
            likelihood(returns, backcast, &Parameters::of_row(moved)).map(|(_, slope)| slope)
        };
        let (up, down) = (slope(by)?, slope(-by)?);
        (0..4).for_each(|other| curvature[(other, at)] = (down[other] - up[other]) / (2.0 * by * n));
    }
    let curvature = (curvature + curvature.transpose()) * 0.5;
    let (mut outer, mut sums) = (Matrix4::<f64>::zeros(), [0.0; 4]);
    each_score(returns, backcast, p, |_, score| {
        for i in 0..4 {
            sums[i] += score[i];
            (0..4).for_each(|j| outer[(i, j)] += score[i] * score[j]);
        }
    })?;
    let scores = Matrix4::<f64>::from_fn(|i, j| (outer[(i, j)] - sums[i] * sums[j] / n) / (n - 1.0));
    let inverse = curvature.cholesky()?.inverse();
    let covariance = inverse * scores * inverse / n;
    (0..4).all(|at| covariance[(at, at)] > 0.0 && covariance[(at, at)].is_finite()).then_some(covariance)
}

#[cfg(test)]
mod tests;
