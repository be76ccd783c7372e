//! Per-entry calibration: Schroeder et al., "vCache: Verified Semantic Prompt Caching", arXiv 2502.03771, algorithm 1.
//!
//! Each entry keeps the similarities at which it was the nearest, and whether it would have been right then. A logistic curve through
//! them with threshold t and slope γ, and the upper confidence bounds of t, give the least probability τ of asking the engine with
//! which the answers stay right with 1 − δ; then chance decides. What is asked becomes an observation of the nearest entry, and an entry
//! of its own where the nearest would have been wrong. Constants, rounding and the table of variances are those of the authors' code
//! (`vcache_policy/strategies/verified.py`), so that the comparison is with what they ship.

use super::{Point, Run};
use crate::domain::answer::Path;
use crate::eval::statistics::Served;
use statrs::distribution::{ContinuousCDF, Normal};

/// Observations from which on an entry is modelled; each begins with two that are made up, wrong at 0 and right at 1.
const OBSERVATIONS_MIN: usize = 6;

/// Probabilities ε of the confidence bounds that are tried.
const BOUNDS: usize = 50;

/// The variance of t by the number of observations, from 6 on, where a threshold parts right from wrong without a fault and the
/// likelihood says nothing of it.
const VARIANCES: [f64; 43] = [
    0.035_445, 0.028_285, 0.026_436, 0.021_349, 0.019_371, 0.012_615, 0.011_433, 0.010_228, 0.009_963, 0.009_253, 0.011_674,
    0.013_015, 0.010_897, 0.011_841, 0.013_081, 0.010_585, 0.014_255, 0.012_058, 0.013_002, 0.011_715, 0.008_39, 0.008_839,
    0.010_628, 0.009_899, 0.008_033, 0.004_57, 0.007_335, 0.008_932, 0.007_29, 0.007_445, 0.007_61, 0.011_423, 0.011_233,
    0.006_783, 0.005_233, 0.008_72, 0.010_005, 0.011_99, 0.009_77, 0.018_91, 0.015_13, 0.021_09, 0.015_31,
];

/// Which misses become entries of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Those whose nearest entry would have been wrong, as in the authors' code. Few entries gather many observations each.
    WhereWrong,
    /// All, as a cache that stores on a miss does. Each entry then gathers hardly any observations.
    Every,
}

/// A similarity, and whether the entry would have been right.
type Observation = (f64, bool);

/// A logistic curve with the variance of its threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Curve {
    threshold: f64,
    slope: f64,
    variance: f64,
}

/// Replays the stream with the error rate `delta`.
pub fn vcache(points: &[Point], delta: f64, stored: Stored, seed: u64) -> Run {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut entries: Vec<(usize, Vec<Observation>)> = Vec::new();
    let mut run = Vec::with_capacity(points.len());
    for (i, point) in points.iter().enumerate() {
        let Some(vector) = &point.vector else {
            run.push(None);
            continue;
        };
        let similarity = |at: usize| points.get(at).and_then(|p| p.vector.as_ref()).map_or(-1.0, |other| vector.dot(other));
        let scored = entries.iter_mut().map(|(at, observations)| (similarity(*at), *at, observations));
        let Some((nearest, at, observations)) = scored.max_by(|a, b| a.0.total_cmp(&b.0)) else {
            entries.push((i, fresh_entry()));
            run.push(None);
            continue;
        };
        let nearest = rounded(f64::from(nearest), 1e3);
        let right = points.get(at).is_some_and(|p| p.decision == point.decision);
        if exploits(observations, nearest, delta, random.f64()) {
            run.push(Some(Served { path: Path::Fast, right }));
            continue;
        }
        observations.push((nearest, right));
        if !right || stored == Stored::Every {
            entries.push((i, fresh_entry()));
        }
        run.push(None);
    }
    run
}

fn fresh_entry() -> Vec<Observation> {
    vec![(0.0, false), (1.0, true)]
}

fn rounded(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

fn exploits(observations: &[Observation], similarity: f64, delta: f64, chance: f64) -> bool {
    if observations.len() < OBSERVATIONS_MIN {
        return false;
    }
    fitted(observations).is_some_and(|curve| chance > exploration(&curve, similarity, delta))
}

/// The least τ over the confidence bounds: 1 − δ / (1 − (1 − ε)·P(right | s, t′(ε), γ)).
fn exploration(curve: &Curve, similarity: f64, delta: f64) -> f64 {
    let normal = Normal::standard();
    let (first, last) = (1e-6, 1.0 - 1e-6);
    let tau = |i: usize| {
        let epsilon = first + (last - first) * i as f64 / (BOUNDS - 1) as f64;
        let bound = (curve.threshold + normal.inverse_cdf(1.0 - epsilon) * curve.variance.sqrt()).clamp(0.0, 1.0);
        1.0 - delta / (1.0 - (1.0 - epsilon) * logistic(curve.slope * (similarity - bound)))
    };
    rounded((0..BOUNDS).map(tau).fold(f64::INFINITY, f64::min), 1e5)
}

fn logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// The curve through an entry's observations; `None` where there is none.
fn fitted(observations: &[Observation]) -> Option<Curve> {
    let (intercept, slope) = regression(observations)?;
    let slope = slope.max(1e-6);
    let threshold = (-intercept / slope).clamp(0.0, 1.0);
    let least_right = observations.iter().filter(|o| o.1).map(|o| o.0).fold(f64::INFINITY, f64::min);
    let most_wrong = observations.iter().filter(|o| !o.1).map(|o| o.0).fold(f64::NEG_INFINITY, f64::max);
    let variance = if least_right > most_wrong {
        let known = VARIANCES.get(observations.len().saturating_sub(OBSERVATIONS_MIN));
        known.or(VARIANCES.last()).copied()?
    } else {
        // The delta method on t = -intercept / slope.
        let [a, b, c] = information(observations, intercept, slope);
        let det = a * c - b * b;
        let (by_intercept, by_slope) = (-1.0 / slope, intercept / (slope * slope));
        let spread = by_intercept * by_intercept * c - 2.0 * by_intercept * by_slope * b + by_slope * by_slope * a;
        (det > 1e-300).then(|| (spread / det).max(0.0))?
    };
    Some(Curve { threshold: rounded(threshold, 1e3), slope: rounded(slope, 1e3), variance })
}

/// The Fisher information of intercept and slope: Σw, Σws, Σws².
fn information(observations: &[Observation], intercept: f64, slope: f64) -> [f64; 3] {
    observations.iter().fold([0.0; 3], |[a, b, c], (s, _)| {
        let p = logistic(intercept + slope * s);
        let w = p * (1.0 - p);
        [a + w, b + w * s, c + w * s * s]
    })
}

/// Logistic regression without a penalty, by Newton's method. Where the classes can be parted the slope grows without end; it stops, as
/// the authors' optimiser does, once the mean gradient is below 1e-8.
fn regression(observations: &[Observation]) -> Option<(f64, f64)> {
    const STEPS_MAX: usize = 100;
    const GRADIENT_MAX: f64 = 1e-8;
    let count = observations.len() as f64;
    let (mut intercept, mut slope) = (0.0, 0.0);
    for _ in 0..STEPS_MAX {
        let (mut g0, mut g1) = (0.0, 0.0);
        for (s, right) in observations {
            let residual = f64::from(u8::from(*right)) - logistic(intercept + slope * s);
            g0 += residual;
            g1 += residual * s;
        }
        let [a, b, c] = information(observations, intercept, slope);
        let det = a * c - b * b;
        if (g0.abs().max(g1.abs())) / count < GRADIENT_MAX || det < 1e-300 {
            break;
        }
        let (d0, d1) = ((c * g0 - b * g1) / det, (a * g1 - b * g0) / det);
        // A full step from afar can overshoot into flatness.
        let scale = (50.0 / d0.abs().max(d1.abs())).min(1.0);
        intercept += scale * d0;
        slope += scale * d1;
    }
    (intercept.is_finite() && slope.is_finite()).then_some((intercept, slope))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text::FreshText;
    use crate::domain::vector::UnitVector;

    /// Values of scikit-learn's `LogisticRegression(penalty=None, tol=1e-8)`, which the authors use.
    #[test]
    fn the_regression_finds_the_curve_of_maximal_likelihood() {
        let observations = [(0.0, false), (1.0, true), (0.6, false), (0.7, true), (0.8, false), (0.9, true), (0.5, false)];
        let (intercept, slope) = regression(&observations).unwrap();
        assert!((intercept + 9.110_526).abs() < 1e-4 && (slope - 12.147_180).abs() < 1e-4, "{intercept} {slope}");
        let parted = [(0.0, false), (1.0, true), (0.8, true), (0.82, true), (0.79, true), (0.9, true)];
        let (_, slope) = regression(&parted).unwrap();
        assert!((slope / 43.312 - 1.0).abs() < 0.05, "where the slope has no bound, both stop at about the same: {slope}");
    }

    #[test]
    fn classes_that_can_be_parted_have_a_threshold_between_them_and_the_variance_of_the_table() {
        let observations = [(0.0, false), (1.0, true), (0.5, false), (0.55, false), (0.9, true), (0.95, true)];
        let curve = fitted(&observations).unwrap();
        assert!((0.6..=0.85).contains(&curve.threshold), "{curve:?}");
        assert_eq!(curve.variance, 0.035_445);
    }

    #[test]
    fn the_nearer_the_less_is_explored_and_a_smaller_delta_explores_more() {
        let curve = Curve { threshold: 0.7, slope: 40.0, variance: 0.001 };
        let near = exploration(&curve, 0.99, 0.05);
        assert!(near < exploration(&curve, 0.8, 0.05), "{near}");
        assert!(near < exploration(&curve, 0.99, 0.01));
    }

    #[test]
    fn an_entry_is_first_served_once_it_has_been_seen_to_be_right_often_enough() {
        let vector = UnitVector::normalised(vec![1.0, 0.0]);
        let point =
            |i: usize| Point { decision: 1, text: FreshText::new(&format!("t{i}")).unwrap().hash(), vector: vector.clone() };
        let points: Vec<Point> = (0..400).map(point).collect();
        let run = vcache(&points, 0.05, Stored::WhereWrong, 1);
        assert!(run.iter().take(5).all(Option::is_none), "four observations are needed beside the two that are made up");
        let served = run.iter().flatten().count();
        assert!(served > 0 && run.iter().flatten().all(|s| s.right), "{served}");
        let starved = vcache(&points, 0.05, Stored::Every, 1).iter().flatten().count();
        assert!(starved < served, "{starved} of {served}: entries that share observations starve");
    }
}
