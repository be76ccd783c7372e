//! Learning a calibration from samples of which it is known whether they were right.
//!
//! Three parts in the order of time: the model is fitted on the first, the line of acceptance is proven on the second, and the third,
//! from which nothing was learnt, says what came of it. A later part is what the service will meet; a random part would not be.

use super::acceptance::{self, Line, bin_of};
use super::bound::{Z_95, at_most, least_samples, upper, wilson};
use super::model;
use crate::domain::calibration::{
    Acceptance, CALIBRATION_FORMAT, Calibration, Evidence, Feature, Figures, LearntFor, Logistic, PartFigures, ScoreBin, Term,
};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A near candidate, and whether its decision was right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Labelled {
    /// What spoke for it.
    pub evidence: Evidence,
    /// Whether it was right.
    pub right: bool,
}

/// The shares of the data that fitting and calibrating take; the rest is the test. A handful of coefficients wants few samples, and a proof
/// wants all that it can get.
const PARTS: (f64, f64) = (0.2, 0.5);

/// What the model reads. The age and the number of neighbours are left out: memory grows while it is learnt from, so both stand for the
/// moment, and a model that reads them is wrong about every later one.
pub(super) const FEATURES: [Feature; 8] = [
    Feature::FreshSimilarity,
    Feature::Similarity,
    Feature::Margin,
    Feature::Unanimous,
    Feature::Agreement,
    Feature::Agreeing,
    Feature::Spread,
    Feature::Unread,
];

/// Places at which the start of the proof is looked for.
const HINTS: usize = 100;

/// Score bins. As many as leave some twenty samples to each in a small set of data.
const BINS_MAX: usize = 100;
const BIN_SAMPLES_AIM: usize = 20;

/// Labelled samples without which there is nothing to learn from.
const SAMPLES_MIN: usize = 50;

/// Where the data came from and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// BLAKE3 of the data, in hexadecimal digits.
    pub data_hash: String,
    /// The present moment.
    pub now: Timestamp,
}

/// Why nothing could be learnt.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FitError {
    /// There are too few samples.
    #[error("{samples} near candidates are too few to learn from: at least {SAMPLES_MIN} are needed")]
    TooFew {
        /// How many there are.
        samples: usize,
    },
}

/// Samples in the order of time, cut in three.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// What the model is fitted on.
    pub fit: &'a [Labelled],
    /// What the line of acceptance is proven on.
    pub calibrate: &'a [Labelled],
    /// What nothing is learnt from.
    pub test: &'a [Labelled],
}

impl<'a> Parts<'a> {
    /// Cuts samples in the usual shares.
    pub fn of(samples: &'a [Labelled]) -> Self {
        let n = samples.len() as f64;
        let (fit, rest) = samples.split_at((n * PARTS.0) as usize);
        let (calibrate, test) = rest.split_at((n * PARTS.1) as usize);
        Self { fit, calibrate, test }
    }
}

/// Learns a calibration from samples.
///
/// # Errors
/// [`FitError`] where there is nothing to learn from. Data that prove nothing are no error: the calibration says so.
pub fn calibrate(parts: &Parts<'_>, learnt_for: LearntFor, origin: Origin) -> Result<Calibration, FitError> {
    let samples = parts.fit.len() + parts.calibrate.len() + parts.test.len();
    if samples < SAMPLES_MIN {
        return Err(FitError::TooFew { samples });
    }
    let model = fitted(parts.fit);
    let (budget, level) = (learnt_for.error_budget, 1.0 - learnt_for.confidence);
    let Proof { bins, hint, line } = prove(&scored_by_others(parts.fit), &scored(&model, parts.calibrate), (budget, level));
    let acceptance = match line {
        Some(line) => Acceptance::Proven { score_min: line.score_min, error_upper: upper(line.wrong, line.n, level) },
        None => Acceptance::Unattainable { reason: unattainable(&bins, budget, level) },
    };
    let figures = |part: &[Labelled]| figures(part, &model, acceptance.score_min(), level);
    let figures = Figures { fit: figures(parts.fit), calibrate: figures(parts.calibrate), test: figures(parts.test) };
    let why = why(&model, &acceptance, &figures, &learnt_for);
    let Origin { data_hash, now } = origin;
    Ok(Calibration {
        format: CALIBRATION_FORMAT,
        learnt_for,
        model,
        bins,
        hint,
        acceptance,
        projection: None,
        data_hash,
        made_at: now,
        figures,
        why,
    })
}

/// The model of P(right) of some samples.
pub fn fitted(samples: &[Labelled]) -> Logistic {
    model::fit(samples.iter().map(|s| (&s.evidence, s.right)), &FEATURES)
}

/// The samples with the score that the model gives each, in place of their evidence.
pub fn scored(model: &Logistic, samples: &[Labelled]) -> Vec<(f64, bool)> {
    samples.iter().map(|s| (model.score(&s.evidence), s.right)).collect()
}

/// The same where each half is scored by the model of the other half (two-fold cross-validation), so that no sample is judged by a model
/// that has seen it.
pub fn scored_by_others(samples: &[Labelled]) -> Vec<(f64, bool)> {
    let half = |odd: bool| samples.iter().enumerate().filter(move |(i, _)| (i % 2 == 1) == odd).map(|(_, s)| *s).collect();
    let (even, odd): (Vec<Labelled>, Vec<Labelled>) = (half(false), half(true));
    let mut all = scored(&fitted(&odd), &even);
    all.extend(scored(&fitted(&even), &odd));
    all
}

/// What counting came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// The counts.
    pub bins: Vec<ScoreBin>,
    /// From which score the proof began, where other samples suggested one.
    pub hint: Option<f64>,
    /// The line; `None` where nothing could be proven.
    pub line: Option<Line>,
}

/// Draws the line of acceptance on samples that are sorted by any score: `tried` are other samples, which only say where the proof may
/// well begin, and `counted_on` are those that it is made on. `budget` comes with the chance that the proof may fail.
pub fn prove(tried: &[(f64, bool)], counted_on: &[(f64, bool)], (budget, level): (f64, f64)) -> Proof {
    let bins = counted(counted_on);
    let hint = hint(tried, counted_on.len(), budget);
    Proof { line: acceptance::line(&bins, budget, level, hint), bins, hint }
}

/// The samples by score, in bins of about the same size. Where the bins lie depends on the scores alone and not on what was right, as the
/// proof asks.
fn counted(part: &[(f64, bool)]) -> Vec<ScoreBin> {
    tallied(edges(part.iter().map(|(score, _)| *score)), part)
}

/// Empty bins of about the same share of these scores each.
pub(super) fn edges(scores: impl Iterator<Item = f64>) -> Vec<ScoreBin> {
    let mut scores: Vec<f64> = scores.filter(|s| s.is_finite()).collect();
    scores.sort_unstable_by(f64::total_cmp);
    let wanted = (scores.len() / BIN_SAMPLES_AIM).clamp(1, BINS_MAX);
    // The first bin begins at zero, so that a later score below all of these has its place too.
    let edges = (1..wanted).filter_map(|i| scores.get(i * scores.len() / wanted).copied());
    let mut bins: Vec<ScoreBin> = Vec::with_capacity(wanted);
    for from in std::iter::once(0.0).chain(edges) {
        if bins.last().is_none_or(|last| last.from < from) {
            bins.push(ScoreBin { from, n: 0.0, wrong: 0.0 });
        }
    }
    bins
}

/// The bins with the samples counted in: their scores, and whether they were right.
pub(super) fn tallied(mut bins: Vec<ScoreBin>, scored: &[(f64, bool)]) -> Vec<ScoreBin> {
    for (score, right) in scored {
        if let Some(bin) = bin_of(&bins, *score).and_then(|i| bins.get_mut(i)) {
            bin.n += 1.0;
            bin.wrong += f64::from(u8::from(!right));
        }
    }
    bins
}

/// The score from which the proof would be the surest, if the part that it is made on were like `part`. The proof itself looks at the other
/// part alone, so the choice costs it nothing.
fn hint(part: &[(f64, bool)], samples: usize, budget: f64) -> Option<f64> {
    let mut scored = part.to_vec();
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let times = samples as f64 / part.len().max(1) as f64;
    let step = (scored.len() / HINTS).max(1);
    let (mut wrong, mut best) = (0.0, (1.0, None));
    for (i, (score, right)) in scored.iter().enumerate() {
        wrong += f64::from(u8::from(!right));
        if (i + 1) % step == 0 {
            // Half a wrong one more, since a short stretch without any promises too much.
            let chance = at_most((wrong + 0.5) * times, (i + 1) as f64 * times, budget);
            if chance < best.0 {
                best = (chance, Some(*score));
            }
        }
    }
    best.1
}

fn figures(part: &[Labelled], model: &Logistic, score_min: Option<f64>, level: f64) -> PartFigures {
    let wrong = |samples: &[&Labelled]| samples.iter().filter(|s| !s.right).count() as u64;
    let all: Vec<&Labelled> = part.iter().collect();
    let is_served = |s: &&Labelled| score_min.is_some_and(|least| model.score(&s.evidence) >= least);
    let served: Vec<&Labelled> = part.iter().filter(is_served).collect();
    let share = |a: u64, b: u64| if b == 0 { 0.0 } else { a as f64 / b as f64 };
    let (n, served_wrong) = (served.len() as u64, wrong(&served));
    let (error_low, error_high) = wilson(served_wrong as f64, n as f64, Z_95);
    PartFigures {
        candidates: all.len() as u64,
        candidates_wrong: wrong(&all),
        served: n,
        served_wrong,
        hit_rate: share(n, all.len() as u64),
        error: share(served_wrong, n),
        error_low,
        error_high,
        error_upper: upper(served_wrong as f64, n as f64, level),
    }
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

fn unattainable(bins: &[ScoreBin], budget: f64, level: f64) -> String {
    let n: f64 = bins.iter().map(|bin| bin.n).sum();
    let needed = least_samples(budget, level);
    if n < needed {
        return format!(
            "the calibration part has {n:.0} near candidates; to prove an error of at most {} takes {needed:.0}, all of them right",
            percent(budget)
        );
    }
    let best = (0..bins.len()).rev().map(|i| bins[i..].iter().fold((0.0, 0.0), |(n, wrong), bin| (n + bin.n, wrong + bin.wrong)));
    let best = best.filter(|(n, _)| *n >= needed).min_by(|a, b| upper(a.1, a.0, level).total_cmp(&upper(b.1, b.0, level)));
    let (n, wrong) = best.unwrap_or((n, 0.0));
    let bound = upper(wrong, n, level);
    if bound <= budget {
        // A bound that is picked among many holds less often than it says, so it proves nothing here.
        return format!(
            "no score is proven to keep to an error of {}: {wrong:.0} of the {n:.0} best candidates were wrong, and too many of them stand where \
             the proof begins; more data would tell",
            percent(budget)
        );
    }
    format!(
        "no score keeps to an error of {}: of the {n:.0} best candidates {wrong:.0} were wrong, which proves no less than {}",
        percent(budget),
        percent(bound)
    )
}

/// What the figures come to, for whoever reads the file.
fn why(model: &Logistic, acceptance: &Acceptance, figures: &Figures, learnt_for: &LearntFor) -> String {
    let mut terms: Vec<&Term> = model.terms.iter().filter(|t| t.coefficient.abs() >= 0.05).collect();
    terms.sort_by(|a, b| b.coefficient.abs().total_cmp(&a.coefficient.abs()));
    let weighs = |t: &&Term| format!("{} ({:+.2})", t.feature.as_str(), t.coefficient);
    let weights = match &terms[..] {
        [] => "No feature tells right from wrong here.".to_owned(),
        terms => format!(
            "What tells right from wrong, by log-odds for one standard deviation: {}.",
            terms.iter().map(weighs).collect::<Vec<_>>().join(", ")
        ),
    };
    let Figures { calibrate, test, .. } = figures;
    let line = match acceptance {
        Acceptance::Unattainable { reason } => return format!("{weights} Nothing near is served: {reason}."),
        Acceptance::Proven { score_min, error_upper } => format!(
            "Served from a score of {score_min:.4}: of {} such candidates in the calibration part {} were wrong, so that with {} \
             confidence the error is at most {}.",
            calibrate.served,
            calibrate.served_wrong,
            percent(learnt_for.confidence),
            percent(*error_upper)
        ),
    };
    let kept = if test.served == 0 {
        "On the later part, from which nothing was learnt, nothing was served.".to_owned()
    } else {
        format!(
            "On the later part, from which nothing was learnt, {} of the candidates were served and {} of {} were wrong: {} \
             ({} to {}), against a budget of {}. Serving them all would have been wrong in {}.",
            percent(test.hit_rate),
            test.served_wrong,
            test.served,
            percent(test.error),
            percent(test.error_low),
            percent(test.error_high),
            percent(learnt_for.error_budget),
            percent(test.candidates_wrong as f64 / test.candidates as f64)
        )
    };
    format!("{weights} {line} {kept}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::model::tests::evidence;
    use crate::domain::calibration::fixture;

    fn origin() -> Origin {
        Origin { data_hash: "00".repeat(32), now: Timestamp::parse("2026-01-01T00:00:00Z").unwrap() }
    }

    fn learnt_for(error_budget: f64) -> LearntFor {
        LearntFor { error_budget, confidence: 0.9, ..fixture::calibration().learnt_for }
    }

    /// Samples whose chance of being wrong falls from one half to `floor` as the similarity rises from 0.7 to 1.
    fn drawn(n: usize, floor: f64, seed: u64) -> Vec<Labelled> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let one = |_| {
            let nearness = rng.f64();
            let wrong = rng.f64() < floor + 0.5 * (1.0 - nearness).powi(4);
            Labelled { evidence: evidence((0.7 + 0.3 * nearness) as f32, rng.f32()), right: !wrong }
        };
        (0..n).map(one).collect()
    }

    fn error_of(calibration: &Calibration, samples: &[Labelled]) -> (f64, f64) {
        let served: Vec<_> = samples
            .iter()
            .filter(|s| calibration.acceptance.score_min().is_some_and(|least| calibration.model.score(&s.evidence) >= least))
            .collect();
        let wrong = served.iter().filter(|s| !s.right).count() as f64;
        (served.len() as f64 / samples.len() as f64, wrong / (served.len() as f64).max(1.0))
    }

    #[test]
    fn what_is_learnt_keeps_to_the_budget_on_new_samples_and_serves_most_of_what_it_may() {
        let calibration = calibrate(&Parts::of(&drawn(20_000, 0.0, 1)), learnt_for(0.02), origin()).unwrap();
        calibration.check().unwrap();
        let (hit_rate, error) = error_of(&calibration, &drawn(100_000, 0.0, 2));
        // The error of the best share h is h⁴ / 10, so that 0.67 of the candidates are within a budget of 0.02.
        assert!(error <= 0.02 && (0.55..0.70).contains(&hit_rate), "{error} {hit_rate}");
        let test = calibration.figures.test;
        assert_eq!(test.candidates, 6_000);
        assert!(test.error_low <= error && error <= test.error_high, "{test:?}");
        assert!(calibration.why.contains("fresh_similarity (+"), "{}", calibration.why);
    }

    #[test]
    fn the_budget_is_broken_no_more_often_than_the_confidence_allows() {
        let truth = drawn(60_000, 0.0, 999);
        let broken = (0..60).filter(|seed| {
            let calibration = calibrate(&Parts::of(&drawn(3_000, 0.0, *seed)), learnt_for(0.02), origin()).unwrap();
            error_of(&calibration, &truth).1 > 0.02
        });
        // One in ten is allowed, and 10 of 60 are two standard deviations above it.
        let broken = broken.count();
        assert!(broken <= 10, "{broken} of 60");
    }

    #[test]
    fn a_larger_budget_serves_more() {
        let samples = drawn(20_000, 0.0, 3);
        let served = |budget| calibrate(&Parts::of(&samples), learnt_for(budget), origin()).unwrap().figures.test.served;
        let served: Vec<u64> = [0.002, 0.005, 0.02, 0.05].map(served).to_vec();
        assert!(served.is_sorted() && served[0] < served[3], "{served:?}");
    }

    #[test]
    fn data_that_prove_nothing_give_a_calibration_that_serves_nothing_and_says_why() {
        let hopeless = calibrate(&Parts::of(&drawn(10_000, 0.1, 4)), learnt_for(0.01), origin()).unwrap();
        assert_eq!((hopeless.acceptance.score_min(), hopeless.figures.test.served), (None, 0));
        assert!(hopeless.why.contains("no score keeps to an error of 1.00%"), "{}", hopeless.why);
        let few = calibrate(&Parts::of(&drawn(300, 0.0, 5)), learnt_for(0.01), origin()).unwrap();
        assert!(few.why.contains("has 150 near candidates") && few.why.contains("takes 230"), "{}", few.why);
        assert_eq!(calibrate(&Parts::of(&drawn(49, 0.0, 6)), learnt_for(0.01), origin()), Err(FitError::TooFew { samples: 49 }));
    }

    #[test]
    fn the_same_samples_give_the_same_file() {
        let file =
            || serde_json::to_string(&calibrate(&Parts::of(&drawn(2_000, 0.0, 7)), learnt_for(0.05), origin()).unwrap()).unwrap();
        assert_eq!(file(), file());
        Calibration::parse(&file()).unwrap();
    }

    #[test]
    fn candidates_that_all_score_the_same_share_one_bin() {
        let alike = vec![Labelled { evidence: evidence(0.9, 0.1), right: true }; 1_000];
        let calibration = calibrate(&Parts::of(&alike), learnt_for(0.02), origin()).unwrap();
        assert_eq!(calibration.bins.iter().filter(|bin| bin.n > 0.0).count(), 1);
        assert_eq!(calibration.figures.test.served, 300);
    }
}
