//! What the second part chooses: penalty, temperature and threshold.

use super::softmax::{self, Model, Values, shares};
use super::{Example, place};
use crate::engine::trading::classifier::{Classifier, Feature};
use crate::engine::trading::sentiment::Probabilities;
use crate::eval::statistics::Rate;
use std::collections::BTreeSet;

/// Penalties that are tried. The greatest leaves hardly more than the shares of the outcomes.
const PENALTIES: [f64; 4] = [1.0, 10.0, 100.0, 1_000.0];

/// Temperatures between which the best is looked for, as logarithms, and the steps of it.
const WARMTH: (f64, f64) = (-1.5, 3.0);
const SECTIONS: usize = 40;

/// Thresholds that are tried, in per cent. Below, one of three outcomes is always likely enough.
const THRESHOLDS: std::ops::Range<u32> = 34..96;

/// Independent examples without which a threshold is not tested.
const WORTH_MIN: u64 = 30;

const DAY_MS: i64 = 24 * 3_600_000;

/// What was chosen.
#[derive(Debug)]
pub(super) struct Chosen {
    pub model: Model,
    pub penalty: f64,
    pub temperature: f64,
    pub threshold: Option<f64>,
}

/// Fits on the first part and chooses on the second.
pub(super) fn choose(fit: &[&Example], choice: &[&Example]) -> Chosen {
    let values = |part: &[&Example]| -> Vec<(Values, usize)> {
        part.iter().map(|example| (Feature::row(&example.seen), place(example.outcome))).collect()
    };
    let (fitting, choosing) = (values(fit), values(choice));
    let tried = PENALTIES.map(|penalty| {
        let model = softmax::fit(&fitting, penalty);
        let logits: Vec<([f64; 3], usize)> = choosing.iter().map(|(x, outcome)| (logits(&model, x), *outcome)).collect();
        let temperature = warmth(&logits);
        (loss_at(&logits, temperature), penalty, temperature, model)
    });
    let best = tried.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
    let (_, penalty, temperature, model) = best.unwrap_or_else(|| (0.0, 1.0, 1.0, softmax::fit(&fitting, 1.0)));
    let called: Vec<(i8, f64)> = choosing
        .iter()
        .map(|(x, _)| Probabilities::of_logits(logits(&model, x).map(|logit| logit / temperature)).best())
        .collect();
    Chosen { threshold: threshold(choice, &called), model, penalty, temperature }
}

fn logits(model: &Model, values: &Values) -> [f64; 3] {
    let mut logits = model.intercepts;
    for (term, value) in model.terms.iter().zip(values) {
        let standard = (value - term.mean) / term.scale;
        logits.iter_mut().zip(term.weights).for_each(|(logit, weight)| *logit += weight * standard);
    }
    logits
}

/// The mean negative log-likelihood at a temperature.
fn loss_at(logits: &[([f64; 3], usize)], temperature: f64) -> f64 {
    let one = |(logits, outcome): &([f64; 3], usize)| {
        let p = shares(Probabilities::of_logits(logits.map(|logit| logit / temperature)));
        -p.get(*outcome).copied().unwrap_or(0.0).max(f64::MIN_POSITIVE).ln()
    };
    logits.iter().map(one).sum::<f64>() / logits.len().max(1) as f64
}

/// The temperature of the least loss, by golden sections of its logarithm (Kiefer, "Sequential Minimax Search for a Maximum", 1953); the loss
/// has one valley.
fn warmth(logits: &[([f64; 3], usize)]) -> f64 {
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = WARMTH;
    for _ in 0..SECTIONS {
        let (a, b) = (high - golden * (high - low), low + golden * (high - low));
        if loss_at(logits, a.exp()) <= loss_at(logits, b.exp()) { high = b } else { low = a }
    }
    (f64::midpoint(low, high).exp() * 1e4).round() / 1e4
}

/// The least probability from which on the calls are right more often than any one label would be on the very same examples, with 97.5%
/// confidence; `None` where there is none. Thresholds are gone through from the strictest down and the first that is not proven ends it, so
/// that trying many costs no confidence (Maurer, Hothorn and Lehmacher, "Multiple Comparisons in Drug Clinical Trials", 1995: tests in an
/// order that was set before). Examples whose outcome prices tell count once for each instrument and day.
fn threshold(choice: &[&Example], called: &[(i8, f64)]) -> Option<f64> {
    let answered = |least: f64| -> Vec<(&Example, i8)> {
        choice.iter().zip(called).filter(|(_, (_, p))| *p >= least).map(|(e, (signal, _))| (*e, *signal)).collect()
    };
    let strict_first = THRESHOLDS.rev().map(|percent| f64::from(percent) / 100.0).map(|least| (least, answered(least)));
    let tested = strict_first.filter(|(_, answered)| worth(answered.iter().map(|(e, _)| *e)) >= WORTH_MIN);
    tested.take_while(|(_, answered)| is_proven(answered)).last().map(|(least, _)| least)
}

fn is_proven(answered: &[(&Example, i8)]) -> bool {
    let worth = worth(answered.iter().map(|(e, _)| *e));
    let share = |right: usize| right as f64 / answered.len().max(1) as f64;
    let right = share(answered.iter().filter(|(e, signal)| e.outcome == *signal).count());
    let constant = |label: i8| share(answered.iter().filter(|(e, _)| e.outcome == label).count());
    let best_constant = [-1, 0, 1].into_iter().map(constant).fold(0.0, f64::max);
    Rate::new((right * worth as f64).round() as u64, worth).low > best_constant
}

/// How many examples some are worth.
pub(super) fn worth<'a>(examples: impl Iterator<Item = &'a Example>) -> u64 {
    let (mut days, mut alone) = (BTreeSet::new(), 0);
    for example in examples {
        if example.by_prices {
            days.insert((&example.instrument, example.at.as_millis().div_euclid(DAY_MS)));
        } else {
            alone += 1;
        }
    }
    days.len() as u64 + alone
}

/// The mean negative log-likelihood of a classifier.
pub(super) fn log_loss_of(classifier: &Classifier, part: &[&Example]) -> f64 {
    let logits: Vec<_> = part.iter().map(|e| (classifier.logits(&Feature::row(&e.seen)), place(e.outcome))).collect();
    loss_at(&logits, classifier.temperature)
}

/// That of the shares of the outcomes in the first part, without looking at any example.
pub(super) fn log_loss_of_shares(fit: &[&Example], part: &[&Example]) -> f64 {
    let count = |class: usize| fit.iter().filter(|e| place(e.outcome) == class).count() as f64;
    // One more of each, so that what never happened is not impossible (Laplace).
    let logits = [0, 1, 2].map(|class| (count(class) + 1.0).ln());
    let logits: Vec<_> = part.iter().map(|e| (logits, place(e.outcome))).collect();
    loss_at(&logits, 1.0)
}
