//! Cox's proportional hazards: how covariates multiply the risk of the event.

mod likelihood;
#[cfg(test)]
mod tests;

use self::likelihood::{Point, Sample};
use super::{Life, checked};
use crate::stats::interval::{Interval, chi_square_tail, normal_quantile, normal_tails};
use crate::stats::{StatsError, Stop};
use nalgebra::{DMatrix, DVector};

/// What is done where several events come at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// Efron (1977), "The efficiency of Cox's likelihood function for censored data", JASA 72:557–565: the better one, and R's
    /// default.
    Efron,
    /// Breslow (1974), "Covariance analysis of censored survival data", Biometrics 30:89–99.
    Breslow,
}

impl Ties {
    /// Which part of those dying at one time is taken off the set at risk for the k-th of them.
    pub(super) fn part(self, k: usize, events: usize) -> f64 {
        match self {
            Self::Efron => k as f64 / events as f64,
            Self::Breslow => 0.0,
        }
    }
}

/// How the fit is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// For events at one time.
    pub ties: Ties,
    /// The level of the intervals.
    pub level: f64,
}

/// What one covariate does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficient {
    /// The logarithm of the hazard ratio for one unit.
    pub estimate: f64,
    /// Its standard error, from the observed information.
    pub standard_error: f64,
    /// Where it may lie, by Wald's method.
    pub interval: Interval,
    /// Estimate ⁄ standard error.
    pub z: f64,
    /// How probable so large a |z| is if the covariate does nothing.
    pub p_value: f64,
    /// How probable so large a trend of its scaled Schoenfeld residuals over the ranks of time is if hazards are proportional:
    /// Grambsch and Therneau (1994), "Proportional hazards tests and diagnostics based on weighted residuals", Biometrika
    /// 81:515–526.
    pub proportional_p: f64,
}

/// The cumulative baseline hazard after one event time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// The time.
    pub time: f64,
    /// The cumulative hazard of a life whose covariates are the means.
    pub cumulative_hazard: f64,
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Cox {
    /// One for each covariate, in order.
    pub coefficients: Vec<Coefficient>,
    /// Means of the covariates, at which the baseline stands.
    pub means: Vec<f64>,
    /// The log partial likelihood at its maximum.
    pub log_likelihood: f64,
    /// The same with all coefficients at 0.
    pub null_log_likelihood: f64,
    /// How probable so large a gain is if no covariate does anything (likelihood ratio).
    pub p_value: f64,
    /// Harrell's C: the share of comparable pairs in which the life of the higher risk is the shorter one, ties of risk counting
    /// half. Pairs whose times are equal are compared only where one is an event and the other censored. None without a
    /// comparable pair. Harrell, Lee and Mark (1996), Statistics in Medicine 15:361–387.
    pub concordance: Option<f64>,
    /// By Breslow's (1972) estimator, with Efron's correction where the ties are his.
    pub baseline: Vec<Baseline>,
    /// How many lives.
    pub lives: usize,
    /// How many events.
    pub events: usize,
    /// Newton's steps.
    pub iterations: usize,
}

/// The most of Newton's steps.
const STEPS_MAX: usize = 60;

/// A coefficient of this size on a covariate with standard deviation 1 multiplies the hazard by half a billion: the likelihood
/// has no maximum.
const RUNAWAY: f64 = 20.0;

/// The variance of such a coefficient beyond which the likelihood is flat: it rises towards a value that no finite coefficient
/// has.
const FLAT: f64 = 1e4;

/// Cox (1972), "Regression models and life-tables", JRSS B 34:187–220, by Newton's method on standardised covariates, steps
/// halved until the likelihood does not fall.
///
/// # Errors
/// [`StatsError`] with too few events, a constant or collinear covariate, or a covariate that tells events from survivors without
/// fail.
pub fn cox(lives: &[Life], covariates: &DMatrix<f64>, options: Options, stop: Stop<'_>) -> Result<Cox, StatsError> {
    let width = covariates.ncols();
    checked(lives, width + 2)?;
    if width == 0 {
        return Err(StatsError::Setting { name: "covariates", wanted: "at least one" });
    }
    let events = lives.iter().filter(|life| life.event).count();
    if events <= width {
        return Err(StatsError::TooFew { needed: width + 1, got: events });
    }
    let z = normal_quantile(options.level)?;
    let sample = Sample::new(lives, covariates)?;
    let null = sample.at(&DVector::zeros(width), options.ties, stop)?;
    let (beta, point, iterations) = newton(&sample, null.clone(), options.ties, stop)?;
    let covariance = inverse(&point, iterations)?;
    if beta.amax() > RUNAWAY || covariance.diagonal().max() > FLAT {
        let why = "a covariate tells events from survivors without fail, so that its coefficient grows without end";
        return Err(StatsError::NotConverged { iterations, why });
    }
    let trends = trends(&sample, &beta, &covariance, options.ties, stop)?;
    let coefficients = (0..width)
        .map(|j| {
            let (estimate, error) = (beta[j] / sample.deviations[j], covariance[(j, j)].sqrt() / sample.deviations[j]);
            let ratio = estimate / error;
            let interval = Interval::around(estimate, error, z);
            let p_value = normal_tails(ratio);
            Coefficient { estimate, standard_error: error, interval, z: ratio, p_value, proportional_p: trends[j] }
        })
        .collect();
    let mut cumulative = 0.0;
    let jumps = sample.baseline(&beta, options.ties, stop)?;
    let baseline = jumps.iter().map(|jump| {
        cumulative += jump.hazard;
        Baseline { time: jump.time, cumulative_hazard: cumulative }
    });
    Ok(Cox {
        coefficients,
        baseline: baseline.collect(),
        log_likelihood: point.value,
        null_log_likelihood: null.value,
        p_value: chi_square_tail(2.0 * (point.value - null.value), width),
        concordance: concordance(&sample.lives, &sample.scores(&beta)),
        means: sample.means,
        lives: lives.len(),
        events,
        iterations,
    })
}

fn inverse(point: &Point, iterations: usize) -> Result<DMatrix<f64>, StatsError> {
    let singular = StatsError::NotConverged { iterations, why: "the information matrix is singular" };
    point.information.clone().cholesky().map(|factor| factor.inverse()).ok_or(singular)
}

fn newton(sample: &Sample, mut point: Point, ties: Ties, stop: Stop<'_>) -> Result<(DVector<f64>, Point, usize), StatsError> {
    let mut beta = DVector::zeros(sample.width);
    for iteration in 1..=STEPS_MAX {
        let failed = |why| StatsError::NotConverged { iterations: iteration, why };
        let factor = point.information.clone().cholesky().ok_or_else(|| failed("the information matrix is singular"))?;
        let mut step = factor.solve(&point.gradient);
        let gain = 0.5 * point.gradient.dot(&step);
        let settled = gain <= 1e-13 * point.value.abs().max(1.0);
        let mut next = sample.at(&(&beta + &step), ties, stop)?;
        // Close to the maximum the value is flat within rounding, so that a full step is right there.
        for _ in 0..40 {
            if settled || next.value >= point.value {
                break;
            }
            step *= 0.5;
            next = sample.at(&(&beta + &step), ties, stop)?;
        }
        if !next.value.is_finite() {
            return Err(failed("the likelihood overflows"));
        }
        beta += step;
        point = next;
        if settled || beta.amax() > RUNAWAY {
            return Ok((beta, point, iteration));
        }
    }
    Err(StatsError::NotConverged { iterations: STEPS_MAX, why: "the likelihood still rises" })
}

/// For each covariate the p-value of a trend of its scaled residuals over the ranks of the event times.
fn trends(
    sample: &Sample,
    beta: &DVector<f64>,
    covariance: &DMatrix<f64>,
    ties: Ties,
    stop: Stop<'_>,
) -> Result<Vec<f64>, StatsError> {
    let residuals = sample.schoenfeld(beta, ties, stop)?;
    let (count, middle) = (residuals.len() as f64, (residuals.len() as f64 - 1.0) / 2.0);
    let spread: f64 = (0..residuals.len()).map(|rank| (rank as f64 - middle).powi(2)).sum();
    let mut along = DVector::zeros(sample.width);
    for (rank, residual) in residuals.iter().enumerate() {
        along += (rank as f64 - middle) * residual;
    }
    let scaled = covariance * along;
    let statistic = |j: usize| scaled[j].powi(2) * count / (covariance[(j, j)] * spread);
    Ok((0..sample.width).map(|j| if spread > 0.0 { chi_square_tail(statistic(j), 1) } else { 1.0 }).collect())
}

/// Harrell's C over lives in falling order of time.
fn concordance(lives: &[Life], scores: &[f64]) -> Option<f64> {
    let mut levels = scores.to_vec();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let rank = |at: usize| levels.partition_point(|&level| level < scores[at]);
    let mut longer = Ranks::new(levels.len());
    let (mut concordant, mut comparable, mut at) = (0.0, 0.0, 0);
    while at < lives.len() {
        let same = lives[at..].iter().take_while(|life| life.time == lives[at].time).count();
        // A life censored at this time lasted longer than an event at it.
        (at..at + same).filter(|&one| !lives[one].event).for_each(|one| longer.add(rank(one)));
        for one in (at..at + same).filter(|&one| lives[one].event) {
            let (below, upto) = (longer.below(rank(one)), longer.below(rank(one) + 1));
            concordant += below + 0.5 * (upto - below);
            comparable += longer.total;
        }
        (at..at + same).filter(|&one| lives[one].event).for_each(|one| longer.add(rank(one)));
        at += same;
    }
    (comparable > 0.0).then(|| concordant / comparable)
}

/// How many of the ranks seen so far lie below one: Fenwick (1994), "A new data structure for cumulative frequency tables".
struct Ranks {
    tree: Vec<f64>,
    total: f64,
}

impl Ranks {
    fn new(count: usize) -> Self {
        Self { tree: vec![0.0; count + 1], total: 0.0 }
    }

    fn add(&mut self, rank: usize) {
        self.total += 1.0;
        let mut at = rank + 1;
        while at < self.tree.len() {
            self.tree[at] += 1.0;
            at += at & at.wrapping_neg();
        }
    }

    fn below(&self, rank: usize) -> f64 {
        let (mut at, mut sum) = (rank, 0.0);
        while at > 0 {
            sum += self.tree[at];
            at &= at - 1;
        }
        sum
    }
}
