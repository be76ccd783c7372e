//! A multinomial logistic regression with a quadratic penalty.
//!
//! Fitted by the lower-bound method of Böhning, "Multinomial Logistic Regression Algorithm" (Annals of the Institute of Statistical
//! Mathematics, 1992): the Hessian of the log-likelihood is never steeper than ½·XᵀX for each class, so that one factorisation serves all
//! steps and each of them is an improvement. The same data give the same bits.

use crate::engine::trading::classifier::{Feature, Term};
use crate::engine::trading::sentiment::Probabilities;

/// Outcomes: down, neutral, up.
const CLASSES: usize = 3;

/// Features, and one for the intercept, which stands first.
const WIDTH: usize = Feature::ALL.len() + 1;

/// The penalty on the square of an intercept: just enough for data in which an outcome never happens.
const PENALTY_INTERCEPT: f64 = 1e-2;

/// Steps at most. Some hundred are usual.
const STEPS: usize = 5_000;

/// The gain, as a share of the loss, below which the fit has arrived.
const GAIN_MIN: f64 = 1e-10;

/// Decimals that are kept, so that the last bits of a sum don't show.
const DECIMALS: f64 = 1e6;

type Row = [f64; WIDTH];
type Coefficients = [Row; CLASSES];

/// The values of the features of one example.
pub type Values = [f64; Feature::ALL.len()];

/// A fitted model, as the file of a classifier has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Of each outcome.
    pub intercepts: [f64; CLASSES],
    /// Of each feature, in order.
    pub terms: Vec<Term>,
}

/// Fits a model to examples with their outcomes, 0 for down, 1 for neutral and 2 for up.
pub fn fit(examples: &[(Values, usize)], penalty: f64) -> Model {
    let scales: Vec<(f64, f64)> = (0..Feature::ALL.len()).map(|i| standard(examples.iter().map(|(x, _)| x[i]))).collect();
    let rows: Vec<(Row, usize)> = examples.iter().map(|(values, outcome)| (row(values, &scales), *outcome)).collect();
    let beta = ascend(&rows, penalty);
    let class = |of: fn(f64) -> f64, i: usize| [of(beta[0][i]), of(beta[1][i]), of(beta[2][i])];
    let terms = Feature::ALL.into_iter().zip(&scales).enumerate().map(|(i, (feature, (mean, scale)))| Term {
        feature,
        mean: rounded(*mean),
        scale: rounded(*scale).max(1.0 / DECIMALS),
        weights: class(rounded, i + 1),
    });
    Model { intercepts: class(rounded, 0), terms: terms.collect() }
}

fn rounded(x: f64) -> f64 {
    // Adding zero makes −0 a plain 0.
    (x * DECIMALS).round() / DECIMALS + 0.0
}

/// The mean and the standard deviation.
fn standard(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = (values.clone().count() as f64).max(1.0);
    let mean = values.clone().sum::<f64>() / n;
    let variance = values.map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    (mean, if variance > 1e-12 { variance.sqrt() } else { 1.0 })
}

fn row(values: &Values, scales: &[(f64, f64)]) -> Row {
    let mut row = [1.0; WIDTH];
    for ((cell, value), (mean, scale)) in row[1..].iter_mut().zip(values).zip(scales) {
        *cell = (value - mean) / scale;
    }
    row
}

fn penalty_of(i: usize, penalty: f64) -> f64 {
    if i == 0 { PENALTY_INTERCEPT } else { penalty }
}

fn ascend(rows: &[(Row, usize)], penalty: f64) -> Coefficients {
    let mut beta = [[0.0; WIDTH]; CLASSES];
    let Some(factor) = factor_of_bound(rows, penalty) else { return beta };
    let mut before = f64::INFINITY;
    for _ in 0..STEPS {
        let (loss, gradient) = loss_and_gradient(rows, &beta, penalty);
        if before - loss < GAIN_MIN * (1.0 + loss) {
            break;
        }
        before = loss;
        for (beta, gradient) in beta.iter_mut().zip(gradient) {
            let step = solve(&factor, gradient);
            beta.iter_mut().zip(step).for_each(|(b, s)| *b -= s);
        }
    }
    beta
}

/// The penalised negative log-likelihood and its gradient.
fn loss_and_gradient(rows: &[(Row, usize)], beta: &Coefficients, penalty: f64) -> (f64, Coefficients) {
    let (mut loss, mut gradient) = (0.0, [[0.0; WIDTH]; CLASSES]);
    for (x, outcome) in rows {
        let p = shares(Probabilities::of_logits(beta.map(|beta| beta.iter().zip(x).map(|(b, x)| b * x).sum())));
        for (class, (gradient, p)) in gradient.iter_mut().zip(p).enumerate() {
            let is = class == *outcome;
            if is {
                loss -= p.max(f64::MIN_POSITIVE).ln();
            }
            let over = p - f64::from(u8::from(is));
            gradient.iter_mut().zip(x).for_each(|(g, x)| *g += over * x);
        }
    }
    for (beta, gradient) in beta.iter().zip(&mut gradient) {
        for (i, (b, g)) in beta.iter().zip(gradient).enumerate() {
            loss += 0.5 * penalty_of(i, penalty) * b * b;
            *g += penalty_of(i, penalty) * b;
        }
    }
    (loss, gradient)
}

/// Probabilities in the order of the classes.
pub fn shares(p: Probabilities) -> [f64; CLASSES] {
    [p.down, p.neutral, p.up]
}

/// The Cholesky factor of ½·XᵀX with the penalty; `None` where a value is no number.
fn factor_of_bound(rows: &[(Row, usize)], penalty: f64) -> Option<[Row; WIDTH]> {
    let mut bound = [[0.0; WIDTH]; WIDTH];
    for (x, _) in rows {
        for i in 0..WIDTH {
            for j in 0..=i {
                bound[i][j] += 0.5 * x[i] * x[j];
            }
        }
    }
    for i in 0..WIDTH {
        bound[i][i] += penalty_of(i, penalty);
        for j in 0..=i {
            let sum = bound[i][j] - (0..j).map(|k| bound[i][k] * bound[j][k]).sum::<f64>();
            bound[i][j] = if i == j { Some(sum).filter(|sum| *sum > 0.0)?.sqrt() } else { sum / bound[j][j] };
        }
    }
    Some(bound)
}

fn solve(factor: &[Row; WIDTH], mut g: Row) -> Row {
    for i in 0..WIDTH {
        g[i] = (g[i] - (0..i).map(|k| factor[i][k] * g[k]).sum::<f64>()) / factor[i][i];
    }
    for i in (0..WIDTH).rev() {
        g[i] = (g[i] - (i + 1..WIDTH).map(|k| factor[k][i] * g[k]).sum::<f64>()) / factor[i][i];
    }
    g
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example(up: f64, trend: f64, outcome: usize) -> (Values, usize) {
        let mut values = [0.0; Feature::ALL.len()];
        (values[1], values[8]) = (up, trend);
        (values, outcome)
    }

    fn probabilities(model: &Model, values: &Values) -> [f64; 3] {
        let mut logits = model.intercepts;
        for (term, value) in model.terms.iter().zip(values) {
            let standard = (value - term.mean) / term.scale;
            logits.iter_mut().zip(term.weights).for_each(|(logit, weight)| *logit += weight * standard);
        }
        shares(Probabilities::of_logits(logits))
    }

    #[test]
    fn without_features_that_tell_the_shares_of_the_outcomes_come_back() {
        let examples: Vec<_> = (0..100)
            .map(|i| {
                example(
                    0.5,
                    1.0,
                    if i < 20 {
                        0
                    } else if i < 50 {
                        1
                    } else {
                        2
                    },
                )
            })
            .collect();
        let [down, neutral, up] = probabilities(&fit(&examples, 1.0), &examples[0].0);
        assert!((down - 0.2).abs() < 1e-3 && (neutral - 0.3).abs() < 1e-3 && (up - 0.5).abs() < 1e-3, "{down} {neutral} {up}");
    }

    /// The odds of a two-by-two table have a closed form, which hardly any penalty leaves as it is.
    #[test]
    fn odds_are_those_of_the_table() {
        let cell = |up: f64, outcome, n| (0..n).map(move |_| example(up, 0.0, outcome));
        let examples: Vec<_> = cell(0.0, 0, 30).chain(cell(0.0, 2, 10)).chain(cell(1.0, 0, 20)).chain(cell(1.0, 2, 60)).collect();
        let model = fit(&examples, 1e-6);
        let odds = |up| {
            let [down, _, up] = probabilities(&model, &example(up, 0.0, 0).0);
            up / down
        };
        assert!((odds(0.0) - 10.0 / 30.0).abs() < 0.01 && (odds(1.0) - 3.0).abs() < 0.05, "{} {}", odds(0.0), odds(1.0));
    }

    #[test]
    fn data_that_are_parted_without_an_error_keep_finite_weights_and_the_right_order() {
        let examples: Vec<_> = (0..60).map(|i| example(f64::from(i % 3), 0.0, (i % 3) as usize)).collect();
        let model = fit(&examples, 1.0);
        for class in 0..3 {
            let p = probabilities(&model, &example(class as f64, 0.0, 0).0);
            assert!(p[class] > 0.5 && p.iter().all(|p| p.is_finite()), "{p:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn whatever_the_examples_the_fit_is_finite_and_the_same_again(
            drawn in prop::collection::vec((prop_oneof![Just(0.0), -1e3..1e3], -4.0_f64..4.0, 0_usize..3), 1..60),
            penalty in prop::sample::select(vec![0.1, 1.0, 100.0]),
        ) {
            let examples: Vec<_> = drawn.into_iter().map(|(up, trend, outcome)| example(up, trend, outcome)).collect();
            let model = fit(&examples, penalty);
            let p = probabilities(&model, &examples[0].0);
            prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{p:?}");
            prop_assert_eq!(fit(&examples, penalty), model);
        }

        #[test]
        fn a_fit_is_no_worse_than_knowing_nothing(
            drawn in prop::collection::vec((-2.0_f64..2.0, -4.0_f64..4.0, 0_usize..3), 5..60),
        ) {
            let examples: Vec<_> = drawn.into_iter().map(|(up, trend, outcome)| example(up, trend, outcome)).collect();
            let model = fit(&examples, 1.0);
            let loss: f64 = examples.iter().map(|(x, outcome)| -probabilities(&model, x)[*outcome].ln()).sum();
            prop_assert!(loss <= examples.len() as f64 * 3.0_f64.ln() + 1e-3, "{loss}");
        }
    }
}
