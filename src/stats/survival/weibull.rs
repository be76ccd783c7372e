//! Weibull's distribution of times: S(t) = exp(−(t ⁄ scale)^shape).

use super::kaplan_meier::RestrictedMean;
use super::{Life, checked};
use crate::stats::StatsError;
use crate::stats::interval::{Interval, normal_quantile};
use statrs::function::gamma;

/// A positive parameter with its error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Positive {
    /// The estimate.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Where it may lie; symmetric in the logarithm, so that it stays positive.
    pub interval: Interval,
}

/// A fitted distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weibull {
    /// Below 1 the risk falls with age, above 1 it rises.
    pub shape: Positive,
    /// The time that 1 ⁄ e outlast.
    pub scale: Positive,
    /// The covariance of log shape and log scale.
    pub covariance_of_logs: f64,
    /// At the maximum.
    pub log_likelihood: f64,
    /// How many lives.
    pub lives: usize,
    /// How many events.
    pub events: usize,
    z: f64,
}

/// The maximum of the likelihood with censoring on the right: Kalbfleisch and Prentice (2002), "The Statistical Analysis of
/// Failure Time Data", section 3.5; the scale is eliminated (Cohen 1965, "Maximum likelihood estimation in the Weibull
/// distribution based on complete and on censored samples", Technometrics 7:579–588) and the shape found by bisection of a score
/// that falls throughout. Errors from the observed information of (log shape, log scale).
///
/// # Errors
/// [`StatsError`] with fewer than two events, an event at time 0, or events that all came at the longest time.
pub fn weibull(lives: &[Life], level: f64) -> Result<Weibull, StatsError> {
    checked(lives, 2)?;
    let z = normal_quantile(level)?;
    let events = lives.iter().filter(|life| life.event).count();
    if events < 2 {
        return Err(StatsError::TooFew { needed: 2, got: events });
    }
    if let Some(at) = lives.iter().position(|life| life.event && life.time <= 0.0) {
        return Err(StatsError::Value {
            what: "time",
            row: at + 1,
            value: lives[at].time,
            wanted: "a duration above 0, as an event has",
        });
    }
    // A life censored at 0 says nothing. Times are measured by the longest, so that no power overflows.
    let longest = lives.iter().map(|life| life.time).fold(0.0, f64::max);
    let logs: Vec<(f64, bool)> =
        lives.iter().filter(|life| life.time > 0.0).map(|life| ((life.time / longest).ln(), life.event)).collect();
    let count = events as f64;
    let mean_log = logs.iter().filter(|(_, event)| *event).map(|(log, _)| log).sum::<f64>() / count;
    if mean_log > -1e-12 {
        return Err(StatsError::Constant("the time of the events, which is the longest of all,"));
    }
    let shape = shape_of(&logs, mean_log)?;
    let (zero, one, two) = moments(&logs, shape);
    let scale = longest * (zero / count).powf(1.0 / shape);
    // The observed information of (a, b) = (log shape, log scale) at the maximum, where Σ (t ⁄ scale)^shape is the number of
    // events.
    let log_scale = (zero / count).ln() / shape;
    let around = |power: i32| match power {
        1 => count / zero * (one - log_scale * zero),
        _ => count / zero * (two - 2.0 * log_scale * one + log_scale * log_scale * zero),
    };
    let (u1, u2) = (shape * around(1), shape * shape * around(2));
    // With u = shape · log(t ⁄ scale): aa = Σ e^u (u + u²) − Σ u over the events, ab = −shape · Σ e^u u, bb = shape² · events.
    let event_part = shape * count * (mean_log - log_scale);
    let (aa, ab, bb) = (u1 + u2 - event_part, -shape * u1, shape * shape * count);
    let determinant = aa * bb - ab * ab;
    if determinant.is_nan() || determinant <= 0.0 {
        return Err(StatsError::NotConverged { iterations: 0, why: "the information matrix is singular" });
    }
    let (var_a, var_b, covariance) = (bb / determinant, aa / determinant, -ab / determinant);
    let positive = |estimate: f64, variance: f64| Positive {
        estimate,
        standard_error: estimate * variance.sqrt(),
        interval: Interval::around_log(estimate, variance.sqrt(), z),
    };
    let log_likelihood = count * (shape.ln() - shape * scale.ln() - 1.0) + (shape - 1.0) * count * (mean_log + longest.ln());
    Ok(Weibull {
        shape: positive(shape, var_a),
        scale: positive(scale, var_b),
        covariance_of_logs: covariance,
        log_likelihood,
        lives: lives.len(),
        events,
        z,
    })
}

/// Σ t^k, Σ t^k log t and Σ t^k log² t; every term is at most 1 in its power, so that nothing overflows.
fn moments(logs: &[(f64, bool)], shape: f64) -> (f64, f64, f64) {
    logs.iter().fold((0.0, 0.0, 0.0), |(zero, one, two), (log, _)| {
        let power = (shape * log).exp();
        (zero + power, one + power * log, two + power * log * log)
    })
}

/// The root of 1 ⁄ k + mean log t − Σ t^k log t ⁄ Σ t^k, which falls throughout.
fn shape_of(logs: &[(f64, bool)], mean_log: f64) -> Result<f64, StatsError> {
    let score = |k: f64| {
        let (zero, one, _) = moments(logs, k);
        1.0 / k + mean_log - one / zero
    };
    let (mut low, mut high) = (1e-6, 1.0);
    while score(high) > 0.0 {
        (low, high) = (high, 2.0 * high);
        if high > 1e6 {
            return Err(StatsError::NotConverged { iterations: 20, why: "all events came at nearly one time" });
        }
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if score(middle) > 0.0 { low = middle } else { high = middle }
    }
    Ok(0.5 * (low + high))
}

impl Weibull {
    /// The share that lasts longer than `time`.
    pub fn survival_at(&self, time: f64) -> f64 {
        if time <= 0.0 { 1.0 } else { (-(time / self.scale.estimate).powf(self.shape.estimate)).exp() }
    }

    /// Where that share may lie, by the delta method on log(−log S).
    pub fn survival_interval(&self, time: f64) -> Interval {
        if time <= 0.0 {
            return Interval { low: 1.0, high: 1.0 };
        }
        let (shape, log) = (self.shape.estimate, (time / self.scale.estimate).ln());
        let (var_a, var_b) = self.variances_of_logs();
        // log(−log S) = shape · log(t ⁄ scale).
        let variance = shape * shape * (log * log * var_a + var_b - 2.0 * log * self.covariance_of_logs);
        let (centre, half) = (shape * log, self.z * variance.max(0.0).sqrt());
        Interval { low: (-(centre + half).exp()).exp(), high: (-(centre - half).exp()).exp() }
    }

    /// The time that half outlast, with its interval by the delta method on the logarithm.
    pub fn median(&self) -> Positive {
        let (k, log_two) = (self.shape.estimate, std::f64::consts::LN_2.ln());
        let estimate = self.scale.estimate * (log_two / k).exp();
        let (var_a, var_b) = self.variances_of_logs();
        let slope = -log_two / k;
        let variance = var_b + slope * slope * var_a + 2.0 * slope * self.covariance_of_logs;
        let error = variance.max(0.0).sqrt();
        Positive { estimate, standard_error: estimate * error, interval: Interval::around_log(estimate, error, self.z) }
    }

    /// The mean of min(T, horizon), the area under the curve: scale ⁄ shape · γ(1 ⁄ shape, (horizon ⁄ scale)^shape), γ the lower
    /// incomplete gamma function; its error by the delta method on the logarithms, with slopes by central differences.
    pub fn restricted_mean(&self, horizon: f64) -> RestrictedMean {
        let (a, b, step) = (self.shape.estimate.ln(), self.scale.estimate.ln(), 1e-4);
        let slope = |da: f64, db: f64| (area(a + da, b + db, horizon) - area(a - da, b - db, horizon)) / (2.0 * step);
        let (by_shape, by_scale) = (slope(step, 0.0), slope(0.0, step));
        let (var_a, var_b) = self.variances_of_logs();
        let variance =
            by_shape * by_shape * var_a + by_scale * by_scale * var_b + 2.0 * by_shape * by_scale * self.covariance_of_logs;
        RestrictedMean { mean: area(a, b, horizon), standard_error: variance.max(0.0).sqrt(), horizon }
    }

    fn variances_of_logs(&self) -> (f64, f64) {
        let of = |p: &Positive| (p.standard_error / p.estimate).powi(2);
        (of(&self.shape), of(&self.scale))
    }
}

/// The area under the curve with these logarithms of shape and scale, from 0 to the horizon.
fn area(log_shape: f64, log_scale: f64, horizon: f64) -> f64 {
    if horizon <= 0.0 {
        return 0.0;
    }
    let (shape, scale) = (log_shape.exp(), log_scale.exp());
    // By the regularised function times Γ(1 + 1 ⁄ shape), which overflows for very flat shapes; the horizon bounds the area
    // anyway.
    let mean = scale * gamma::gamma(1.0 + 1.0 / shape);
    let upto = (horizon / scale).powf(shape);
    if mean.is_finite() && upto > 0.0 { (mean * gamma::gamma_lr(1.0 / shape, upto)).min(horizon) } else { horizon }
}

#[cfg(test)]
mod tests {
    use super::super::known::{placebo, treated};
    use super::*;

    #[test]
    fn the_treated_children_have_the_shape_and_scale_of_the_reference() {
        // The score's root by an independent solver (SciPy's brentq): 1.35373452383, 33.7651509676, −41.6586784769.
        let fit = weibull(&treated(), 0.95).unwrap();
        assert!((fit.shape.estimate - 1.353_734_523_83).abs() < 1e-10, "{fit:?}");
        assert!((fit.scale.estimate - 33.765_150_967_6).abs() < 1e-9, "{fit:?}");
        assert!((fit.log_likelihood + 41.658_678_477).abs() < 1e-8, "{fit:?}");
    }

    #[test]
    fn the_likelihood_is_flat_at_the_estimate_and_bent_as_its_errors_say() {
        let lives = treated();
        let fit = weibull(&lives, 0.95).unwrap();
        let value = |a: f64, b: f64| -> f64 {
            let (k, scale) = (a.exp(), b.exp());
            lives
                .iter()
                .map(|l| {
                    let power = (l.time / scale).powf(k);
                    f64::from(u8::from(l.event)) * (k.ln() - k * scale.ln() + (k - 1.0) * l.time.ln()) - power
                })
                .sum()
        };
        let (a, b, h) = (fit.shape.estimate.ln(), fit.scale.estimate.ln(), 1e-4);
        assert!((value(a, b) - fit.log_likelihood).abs() < 1e-9);
        assert!(((value(a + h, b) - value(a - h, b)) / (2.0 * h)).abs() < 1e-5);
        let aa = -(value(a + h, b) - 2.0 * value(a, b) + value(a - h, b)) / (h * h);
        let bb = -(value(a, b + h) - 2.0 * value(a, b) + value(a, b - h)) / (h * h);
        let ab = -(value(a + h, b + h) - value(a + h, b - h) - value(a - h, b + h) + value(a - h, b - h)) / (4.0 * h * h);
        let determinant = aa * bb - ab * ab;
        let (va, vb) = fit.variances_of_logs();
        assert!((va - bb / determinant).abs() < 1e-5 && (vb - aa / determinant).abs() < 1e-5);
        assert!((fit.covariance_of_logs + ab / determinant).abs() < 1e-5);
    }

    #[test]
    fn the_area_under_the_curve_is_that_of_adding_strips() {
        let fit = weibull(&placebo(), 0.95).unwrap();
        let strips: f64 = (0..20_000).map(|at| fit.survival_at((f64::from(at) + 0.5) * 1e-3) * 1e-3).sum();
        assert!((fit.restricted_mean(20.0).mean - strips).abs() < 1e-6);
        assert!(fit.survival_interval(8.0).contains(fit.survival_at(8.0)));
        assert!((fit.survival_at(fit.median().estimate) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn one_event_events_at_zero_and_events_at_one_time_are_refused() {
        let life = |time: f64, event| Life { time, event };
        assert!(matches!(weibull(&[life(1.0, true), life(2.0, false)], 0.95), Err(StatsError::TooFew { .. })));
        assert!(matches!(weibull(&[life(0.0, true), life(2.0, true)], 0.95), Err(StatsError::Value { row: 1, .. })));
        assert!(weibull(&[life(2.0, true), life(2.0, true)], 0.95).is_err());
    }

    #[test]
    fn intervals_of_known_parameters_cover_at_their_level() {
        let mut random = fastrand::Rng::with_seed(37);
        let (shape, scale, runs) = (0.8, 9.0, 400);
        let mut covered = [0u32; 4];
        let mean = area(f64::ln(shape), f64::ln(scale), 30.0);
        for _ in 0..runs {
            let lives: Vec<Life> = (0..150)
                .map(|_| {
                    let (t, c) = (scale * (-random.f64().ln()).powf(1.0 / shape), 20.0 * random.f64());
                    Life { time: t.min(c), event: t <= c }
                })
                .collect();
            let fit = weibull(&lives, 0.95).unwrap();
            covered[0] += u32::from(fit.shape.interval.contains(shape));
            covered[1] += u32::from(fit.scale.interval.contains(scale));
            let restricted = fit.restricted_mean(30.0);
            covered[3] += u32::from(Interval::around(restricted.mean, restricted.standard_error, 1.96).contains(mean));
            covered[2] += u32::from(fit.survival_interval(12.0).contains((-(12.0_f64 / scale).powf(shape)).exp()));
        }
        for covers in covered {
            assert!((f64::from(covers) / f64::from(runs) - 0.95).abs() < 0.035, "{covered:?}");
        }
    }
}
