//! P(right | evidence): logistic regression on standardised features.
//!
//! Fitted by Newton's method (iteratively reweighted least squares; Hastie, Tibshirani and Friedman, "The Elements of Statistical
//! Learning", 4.4) with a quadratic penalty, which keeps the coefficients finite where a feature parts right from wrong without an
//! error. The same data always give the same model.

use crate::domain::calibration::{Evidence, Feature, Logistic, Term};

/// The penalty on the square of a coefficient. With some hundred samples it is hardly felt.
const PENALTY: f64 = 1.0;

/// The penalty on the intercept: just enough for data that are all right or all wrong.
const PENALTY_INTERCEPT: f64 = 1e-2;

/// Steps of Newton's method. It needs about eight; the penalty makes the goal strictly convex, so it never runs away.
const STEPS: usize = 50;

/// One more than the features there are, for the intercept.
const WIDTH: usize = Feature::ALL.len() + 1;

type Row = [f64; WIDTH];

impl Logistic {
    /// P(right) as the model has it, between 0 and 1. NaN where a feature is, which accepts nothing.
    pub fn score(&self, evidence: &Evidence) -> f64 {
        let term = |t: &Term| t.coefficient * (t.feature.of(evidence) - t.mean) / t.scale;
        sigmoid(self.intercept + self.terms.iter().map(term).sum::<f64>())
    }
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// Fits the model to samples of which it is known whether they were right.
pub fn fit<'a>(samples: impl Iterator<Item = (&'a Evidence, bool)> + Clone, features: &[Feature]) -> Logistic {
    let mut terms: Vec<Term> = features.iter().map(|feature| standard(*feature, samples.clone().map(|(e, _)| e))).collect();
    let rows: Vec<(Row, f64)> = samples.map(|(evidence, right)| (row(evidence, &terms), f64::from(u8::from(right)))).collect();
    let beta = newton(&rows, terms.len() + 1);
    for (term, coefficient) in terms.iter_mut().zip(&beta[1..]) {
        term.coefficient = *coefficient;
    }
    Logistic { intercept: beta[0], terms }
}

/// The mean and the standard deviation of a feature.
fn standard<'a>(feature: Feature, samples: impl Iterator<Item = &'a Evidence> + Clone) -> Term {
    let n = (samples.clone().count() as f64).max(1.0);
    let mean = samples.clone().map(|e| feature.of(e)).sum::<f64>() / n;
    let variance = samples.map(|e| (feature.of(e) - mean).powi(2)).sum::<f64>() / n;
    let scale = if variance > 1e-12 { variance.sqrt() } else { 1.0 };
    Term { feature, mean, scale, coefficient: 0.0 }
}

fn row(evidence: &Evidence, terms: &[Term]) -> Row {
    let mut row = [0.0; WIDTH];
    row[0] = 1.0;
    for (cell, term) in row[1..].iter_mut().zip(terms) {
        *cell = (term.feature.of(evidence) - term.mean) / term.scale;
    }
    row
}

fn penalty(i: usize) -> f64 {
    if i == 0 { PENALTY_INTERCEPT } else { PENALTY }
}

fn dot(a: &Row, b: &Row) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The penalised negative log-likelihood.
fn loss(rows: &[(Row, f64)], beta: &Row) -> f64 {
    let one = |(x, y): &(Row, f64)| {
        let logit = dot(x, beta);
        // log(1 + exp(logit)) without overflow.
        logit.max(0.0) + (-logit.abs()).exp().ln_1p() - y * logit
    };
    let fit: f64 = rows.iter().map(one).sum();
    fit + beta.iter().enumerate().map(|(i, b)| 0.5 * penalty(i) * b * b).sum::<f64>()
}

fn newton(rows: &[(Row, f64)], width: usize) -> Row {
    let mut beta = [0.0; WIDTH];
    let mut now = loss(rows, &beta);
    for _ in 0..STEPS {
        let (gradient, hessian) = derivatives(rows, &beta, width);
        let Some(step) = solve(hessian, gradient, width) else { break };
        // The full step may overshoot where the data are parted; half of it, and half again, never fails to descend.
        let mut size = 1.0;
        let next = loop {
            let mut tried = beta;
            tried.iter_mut().zip(&step).for_each(|(b, s)| *b -= size * s);
            let loss = loss(rows, &tried);
            if loss < now {
                break Some((tried, loss));
            }
            size *= 0.5;
            if size < 1e-6 {
                break None;
            }
        };
        let Some((tried, better)) = next else { break };
        let gained = now - better;
        (beta, now) = (tried, better);
        if gained < 1e-10 * (1.0 + now) {
            break;
        }
    }
    beta
}

fn derivatives(rows: &[(Row, f64)], beta: &Row, width: usize) -> (Row, [Row; WIDTH]) {
    let (mut gradient, mut hessian) = ([0.0; WIDTH], [[0.0; WIDTH]; WIDTH]);
    for (x, y) in rows {
        let p = sigmoid(dot(x, beta));
        let weight = p * (1.0 - p);
        for i in 0..width {
            gradient[i] += (p - y) * x[i];
            for j in 0..=i {
                hessian[i][j] += weight * x[i] * x[j];
            }
        }
    }
    for i in 0..width {
        gradient[i] += penalty(i) * beta[i];
        hessian[i][i] += penalty(i);
    }
    (gradient, hessian)
}

/// Solves H·s = g by the Cholesky factors of H, whose lower half is given; `None` where H isn't positive definite.
fn solve(mut h: [Row; WIDTH], mut g: Row, width: usize) -> Option<Row> {
    for i in 0..width {
        for j in 0..=i {
            let sum = h[i][j] - (0..j).map(|k| h[i][k] * h[j][k]).sum::<f64>();
            if i == j {
                if sum.is_nan() || sum <= 0.0 {
                    return None;
                }
                h[i][i] = sum.sqrt();
            } else {
                h[i][j] = sum / h[j][j];
            }
        }
    }
    for i in 0..width {
        g[i] = (g[i] - (0..i).map(|k| h[i][k] * g[k]).sum::<f64>()) / h[i][i];
    }
    for i in (0..width).rev() {
        g[i] = (g[i] - (i + 1..width).map(|k| h[k][i] * g[k]).sum::<f64>()) / h[i][i];
    }
    Some(g)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Evidence of which only the fresh similarity and the margin say anything.
    pub(in crate::budget) fn evidence(fresh_similarity: f32, margin: f32) -> Evidence {
        Evidence {
            fresh_similarity,
            similarity: 0.9,
            margin,
            unanimous: false,
            agreement: 1.0,
            agreeing: 3,
            spread: 0.1,
            age_sec: 60,
            unread: 0.0,
            neighbours: 3,
        }
    }

    /// Samples whose log-odds of being right are 2 + 3·z(similarity) + 1·z(margin).
    fn drawn(n: usize, seed: u64) -> Vec<(Evidence, bool)> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let one = |_| {
            let (a, b) = (rng.f64() * 2.0 - 1.0, rng.f64() * 2.0 - 1.0);
            let right = rng.f64() < sigmoid(2.0 + 3.0 * a + b);
            (evidence((0.8 + 0.1 * a) as f32, (0.2 + 0.1 * b) as f32), right)
        };
        (0..n).map(one).collect()
    }

    fn fitted(samples: &[(Evidence, bool)]) -> Logistic {
        fit(samples.iter().map(|(e, right)| (e, *right)), &Feature::ALL)
    }

    fn slope(model: &Logistic, feature: Feature) -> f64 {
        model.terms.iter().find(|t| t.feature == feature).map(|t| t.coefficient / t.scale).unwrap()
    }

    #[test]
    fn the_coefficients_of_the_population_are_found_again() {
        let model = fitted(&drawn(20_000, 1));
        assert!((slope(&model, Feature::FreshSimilarity) - 30.0).abs() < 2.0, "{model:?}");
        assert!((slope(&model, Feature::Margin) - 10.0).abs() < 2.0, "{model:?}");
        assert_eq!(slope(&model, Feature::Agreement), 0.0);
    }

    #[test]
    fn the_score_is_calibrated_on_new_samples() {
        let model = fitted(&drawn(20_000, 1));
        let new = drawn(20_000, 2);
        for (low, high) in [(0.0, 0.3), (0.3, 0.7), (0.7, 0.95), (0.95, 1.0)] {
            let inside: Vec<_> = new.iter().map(|(e, r)| (model.score(e), *r)).filter(|(s, _)| (low..high).contains(s)).collect();
            let n = inside.len() as f64;
            let said = inside.iter().map(|(s, _)| s).sum::<f64>() / n;
            let was = inside.iter().filter(|(_, r)| *r).count() as f64 / n;
            assert!((said - was).abs() < 0.03, "{low} to {high}: said {said}, was {was}");
        }
    }

    #[test]
    fn data_that_a_feature_parts_without_an_error_give_a_finite_model() {
        let parted: Vec<_> = (0..200).map(|i| (evidence(i as f32 / 200.0, 0.1), i >= 100)).collect();
        let model = fitted(&parted);
        assert!(model.terms.iter().all(|t| t.coefficient.is_finite()) && model.intercept.is_finite());
        assert!(model.score(&evidence(0.9, 0.1)) > 0.95 && model.score(&evidence(0.1, 0.1)) < 0.05);
    }

    #[test]
    fn one_class_one_sample_or_none_give_a_finite_model() {
        let all_right: Vec<_> = drawn(500, 3).into_iter().map(|(e, _)| (e, true)).collect();
        assert!(fitted(&all_right).score(&evidence(0.8, 0.2)) > 0.95);
        assert!(fitted(&all_right[..1]).score(&evidence(0.8, 0.2)).is_finite());
        assert_eq!(fitted(&[]).score(&evidence(0.8, 0.2)), 0.5);
    }

    #[test]
    fn the_same_data_give_the_same_model() {
        assert_eq!(fitted(&drawn(3_000, 4)), fitted(&drawn(3_000, 4)));
    }

    #[test]
    fn evidence_that_is_no_number_scores_no_number() {
        assert!(fitted(&drawn(500, 5)).score(&evidence(f32::NAN, 0.1)).is_nan());
    }

    proptest! {
        #[test]
        fn any_samples_give_a_finite_model(samples in prop::collection::vec((-1.0_f32..1.0, -1.0_f32..1.0, any::<bool>()), 0..60)) {
            let samples: Vec<_> = samples.into_iter().map(|(a, b, right)| (evidence(a, b), right)).collect();
            let model = fitted(&samples);
            prop_assert!(samples.iter().all(|(e, _)| (0.0..=1.0).contains(&model.score(e))));
        }
    }
}
