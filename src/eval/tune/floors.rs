//! The floors: cheap filters before the line of acceptance, or, where there is no error budget, all there is.

use super::choose::within;
use super::gather::{Asked, LOW, samples};
use crate::budget::bound::upper;
use crate::budget::fit::{Labelled, Proof, fitted, prove, scored};
use crate::domain::strategy::Thresholds;
use serde::Serialize;

/// How far below the least similarity of what would be served the floors lie.
const MARGIN: f32 = 0.02;

/// How much looser than the budget the line is that the floors must not cut into: the one that is proven later may lie lower than the
/// fitting part has it.
const LOOSER: f64 = 2.0;

/// The floors that cut off nothing of what a line of acceptance twice as loose as the budget would serve. `None` where there is no such
/// line, and no floor could help.
pub fn below_the_line(fit: &[Asked], budget: f64) -> Option<Thresholds> {
    let all = samples(fit, LOW);
    let model = fitted(&all);
    let least_score = within(&mut scored(&model, &all), LOOSER * budget).last()?.0;
    let served = all.iter().filter(|sample| model.score(&sample.evidence) >= least_score).map(|sample| sample.evidence);
    let (tau, tau_fresh) = served.fold((1.0_f32, 1.0_f32), |(tau, tau_fresh), evidence| {
        (tau.min(evidence.similarity), tau_fresh.min(evidence.fresh_similarity))
    });
    Some(Thresholds { tau: lowered(tau), tau_fresh: lowered(tau_fresh) })
}

/// A floor a little below, with three digits.
fn lowered(floor: f32) -> f32 {
    let digits = ((floor - MARGIN).max(LOW.tau_fresh) * 1_000.0).floor();
    digits / 1_000.0
}

/// Plain cosine: the floor on the fresh vectors from which on the error is proven to stay within the budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plain {
    /// The floors; absent where nothing could be proven.
    pub floors: Option<Thresholds>,
    /// Samples of the calibration part at or above them.
    pub n: u64,
    /// The wrong ones among them.
    pub wrong: u64,
    /// What that proves of the error.
    pub error_upper: Option<f64>,
}

/// Proves a floor on the fresh similarity by testing one after the other from the strictest down.
pub fn plain(fit: &[Labelled], calibrate: &[Labelled], (budget, level): (f64, f64)) -> Plain {
    let cosines = |part: &[Labelled]| -> Vec<(f64, bool)> {
        part.iter().map(|sample| (f64::from(sample.evidence.fresh_similarity), sample.right)).collect()
    };
    let Proof { line, .. } = prove(&cosines(fit), &cosines(calibrate), (budget, level));
    // At a cosine of zero there is no floor at all.
    let Some(line) = line.filter(|line| line.score_min > 0.0) else {
        return Plain { floors: None, n: 0, wrong: 0, error_upper: None };
    };
    // Up, so that the floor lets through nothing that was not counted.
    let tau_fresh = ((line.score_min * 1e4).ceil() / 1e4).min(1.0) as f32;
    let above = fit.iter().filter(|sample| sample.evidence.fresh_similarity >= tau_fresh);
    let composed = above.map(|sample| sample.evidence.similarity).fold(tau_fresh, f32::min);
    Plain {
        floors: Some(Thresholds { tau: lowered(composed), tau_fresh }),
        n: line.n as u64,
        wrong: line.wrong as u64,
        error_upper: Some(upper(line.wrong, line.n, level)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calibration::Evidence;

    fn samples_with(wrong_below: f32) -> Vec<Labelled> {
        let sample = |i: u16| {
            let nearness = 0.5 + f32::from(i) / 4_000.0;
            let evidence = Evidence {
                fresh_similarity: nearness,
                similarity: nearness,
                margin: 0.1,
                unanimous: true,
                agreement: 1.0,
                agreeing: 8,
                spread: 0.1,
                age_sec: 1,
                unread: 0.0,
                neighbours: 8,
            };
            Labelled { evidence, right: nearness > wrong_below || i.is_multiple_of(2) }
        };
        (0..2_000).map(sample).collect()
    }

    #[test]
    fn a_floor_on_cosine_is_proven_just_above_where_errors_begin() {
        let all = samples_with(0.8);
        let floors = plain(&all, &all, (0.01, 0.05)).floors.unwrap();
        assert!((0.79..0.82).contains(&floors.tau_fresh), "{floors:?}");
        assert_eq!(plain(&samples_with(1.0), &samples_with(1.0), (0.01, 0.05)).floors, None);
    }
}
