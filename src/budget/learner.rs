//! Learning what speaks for a candidate while the service runs, where no calibration says it.
//!
//! The samples are kept. At a look a logistic model is fitted to each half of them, the even and the odd, and every sample is scored by the
//! model that has not seen it (cross-fitting; Chernozhukov et al., "Double/debiased machine learning", 2018). On these scores the line of
//! acceptance is proven; the model that serves is fitted to all. Where the proof begins depends on how many samples there are and never on
//! which are wrong, as the proof asks.

use super::acceptance::{self, Line};
use super::books::Terms;
use super::fit::{FEATURES, Labelled, edges, tallied};
use super::model;
use crate::domain::calibration::{Logistic, ScoreBin};
use crate::limits::ONLINE_SAMPLES_MAX;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The shares of the best samples at which the proof starts anew, and the share of the level that each start has.
const STARTS: [(f64, f64); 2] = [(0.25, 0.9), (0.1, 0.1)];

/// The samples of a strategy without a calibration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Learner {
    samples: VecDeque<Labelled>,
    // All that were ever taken, so that a sample stays in its half while older ones go.
    taken: u64,
}

/// What the samples teach.
#[derive(Debug, Clone, PartialEq)]
pub struct Learnt {
    /// P(right | evidence), fitted to all samples.
    pub model: Logistic,
    /// All samples by the score that the model gives which has not seen them.
    pub bins: Vec<ScoreBin>,
    /// The loosest line that is proven.
    pub line: Option<Line>,
}

impl Learner {
    /// Takes a sample; the oldest goes where there are too many.
    pub fn take(&mut self, sample: Labelled) {
        self.samples.push_back(sample);
        self.taken += 1;
        if self.samples.len() > ONLINE_SAMPLES_MAX {
            self.samples.pop_front();
        }
    }

    /// Fits the model anew, and looks for a line at this level.
    pub fn learn(&self, terms: Terms, level: f64) -> Learnt {
        let first = self.taken - self.samples.len() as u64;
        let is_even = |at: usize| (first + at as u64).is_multiple_of(2);
        let half = |even: bool| {
            let of_half = self.samples.iter().enumerate().filter(move |(at, _)| is_even(*at) == even);
            model::fit(of_half.map(|(_, s)| (&s.evidence, s.right)), &FEATURES)
        };
        let (by_even, by_odd) = (half(true), half(false));
        let unseen = |(at, sample): (usize, &Labelled)| {
            let model = if is_even(at) { &by_odd } else { &by_even };
            (model.score(&sample.evidence), sample.right)
        };
        let scored: Vec<(f64, bool)> = self.samples.iter().enumerate().map(unseen).filter(|(s, _)| s.is_finite()).collect();
        let bins = tallied(edges(scored.iter().map(|(score, _)| *score)), &scored);
        let line = acceptance::line_from_shares(&bins, terms.budget, level, &STARTS);
        let model = model::fit(self.samples.iter().map(|s| (&s.evidence, s.right)), &FEATURES);
        Learnt { model, bins, line }
    }

    /// How many of the samples a model would serve.
    pub fn served_by(&self, model: &Logistic, score_min: f64) -> usize {
        self.samples.iter().filter(|s| model.score(&s.evidence) >= score_min).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::model::tests::evidence;

    const TERMS: Terms = Terms { budget: 0.02, level: 0.05 };

    /// A learner of `n` samples that are wrong in one of three cases where the margin is small, whatever the similarity.
    fn taught(n: u32) -> Learner {
        let (mut learner, mut rng) = (Learner::default(), fastrand::Rng::with_seed(1));
        for _ in 0..n {
            let margin = 0.3 * rng.f32();
            let right = margin > 0.1 || rng.u8(0..3) > 0;
            learner.take(Labelled { evidence: evidence(0.6 + 0.4 * rng.f32(), margin), right });
        }
        learner
    }

    #[test]
    fn what_tells_right_from_wrong_is_found_and_proven() {
        let learner = taught(2_000);
        let Learnt { model, bins, line } = learner.learn(TERMS, TERMS.level);
        let line = line.unwrap();
        let serves = |near: f32, margin: f32| model.score(&evidence(near, margin)) >= line.score_min;
        assert!(serves(0.65, 0.25) && !serves(0.99, 0.02), "{model:?}");
        assert!((1_000..1_600).contains(&learner.served_by(&model, line.score_min)), "{line:?}");
        assert!((bins.iter().map(|bin| bin.n).sum::<f64>() - 2_000.0).abs() < 1e-9);
    }

    #[test]
    fn too_few_samples_prove_nothing() {
        assert_eq!(taught(100).learn(TERMS, TERMS.level).line, None);
        assert_eq!(Learner::default().learn(TERMS, TERMS.level).line, None);
    }

    #[test]
    fn old_samples_go_and_those_that_stay_keep_their_half() {
        let mut learner = Learner::default();
        let more = u64::try_from(ONLINE_SAMPLES_MAX).unwrap() + 3;
        for i in 0..more {
            learner.take(Labelled { evidence: evidence(0.9, 0.1), right: !i.is_multiple_of(7) });
        }
        assert_eq!((learner.samples.len(), learner.taken), (ONLINE_SAMPLES_MAX, more));
        assert!(learner.samples[0].right && !learner.samples[4].right, "the first that is kept is the fourth that was taken");
    }
}
