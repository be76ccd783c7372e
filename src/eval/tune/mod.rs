//! Tuning: what of a strategy's near candidates may be served under an error budget, learnt from labelled data.
//!
//! Each set of data is cut in three by time. On the first part a model of P(right) is fitted, and embedder, weights, composition and
//! floors are chosen; on the second the line of acceptance is proven; the third, from which nothing is learnt, is run through the pipeline
//! that serves, with the calibration in force, and says what came of it.
//!
//! Architecture Invariant: nothing that looks at the second part chooses anything but the line, and nothing looks at the third but the
//! report. Else the bound would have to be paid for twice.

mod choose;
pub mod edit;
mod floors;
mod gather;
mod pca;
pub mod report;
mod sets;
mod trial;
mod trying;

use super::dataset::Dataset;
use super::evaluate::Progress;
use super::workbench::{EvalError, Workbench};
use crate::budget::fit::{FitError, Labelled, Origin, Parts, calibrate, scored};
use crate::domain::budget::BudgetRules;
use crate::domain::calibration::{Calibration, LearntFor};
use crate::domain::strategy::Strategy;
use crate::domain::time::Clock;
use choose::Tried;
use floors::Plain;
use gather::{Asked, LOW, gather, samples};
use report::{Curves, TuneReport};
use sets::{Set, Source};
use trial::{Memory, Outcome};

/// How to tune.
#[derive(Debug, Clone)]
pub struct Options {
    /// The share of wrong reuses that is tolerated; the strategy's own where absent, else 0.01.
    pub error_budget: Option<f64>,
    /// Whether to learn floors on the cosine alone, for a strategy without an error budget.
    pub floors_only: bool,
    /// How the strategy's file is to name the calibration.
    pub calibration_file: String,
    /// The seed of all that is drawn.
    pub seed: u64,
}

/// Why there is nothing to write.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// The data could not be replayed.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// There is nothing to learn from.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// No single entry of the strategy ever answers.
    #[error("strategy \"{0}\" answers by the vote of several entries alone, and an error budget is about reusing a single one")]
    VoteAlone(String),
    /// Floors are all that was asked for, and the strategy has more.
    #[error(
        "strategy \"{0}\" has an error budget, whose calibration holds for its floors: leave out --floors-only, or take the budget out"
    )]
    HasBudget(String),
}

/// What came of it.
#[derive(Debug)]
pub struct Tuned {
    /// The strategy as its file has it.
    pub before: Strategy,
    /// The strategy as it should be.
    pub after: Strategy,
    /// What it should name as its calibration; absent where floors alone were asked for.
    pub calibration: Option<Calibration>,
    /// All figures.
    pub report: TuneReport,
}

/// Tunes the strategy of the workbenches, which differ in their embedders. The first is as configured.
///
/// # Errors
/// [`TuneError`]. A budget that can't be proven is no error: the calibration says so.
pub async fn tune(
    benches: &[Workbench],
    data: &[Dataset],
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<Tuned, TuneError> {
    let sets = Set::of(data, options.seed);
    let Some(first) = benches.first().filter(|_| !sets.is_empty()) else {
        return Err(EvalError::NoData("no line of the data could be used".to_owned()).into());
    };
    let before = first.strategy().clone();
    if before.vote.is_some_and(|vote| vote.alone) {
        return Err(TuneError::VoteAlone(before.name.to_string()));
    }
    if options.floors_only && before.budget.is_some() {
        return Err(TuneError::HasBudget(before.name.to_string()));
    }
    let own_budget = before.budget.as_ref().map(|budget| budget.error_budget);
    let error_budget = options.error_budget.or(own_budget).unwrap_or(0.01);
    let mut tuning = Tuning { sets, configured: first, options, error_budget, progress };
    let (bench, tried, why_chosen) = tuning.chosen(benches).await?;
    let learnt = tuning.learn(&bench, &before, data).await?;
    tuning.report((&bench, &before), data, Found { learnt, tried, why_chosen }).await
}

/// What was learnt.
struct Learnt {
    after: Strategy,
    calibration: Option<Calibration>,
    plain: Plain,
    curves: Curves,
    why: String,
}

/// All that a report is made of.
struct Found {
    learnt: Learnt,
    tried: Vec<Tried>,
    why_chosen: String,
}

/// One tuning under way.
struct Tuning<'a, 'p> {
    sets: Vec<Set<'a>>,
    configured: &'a Workbench,
    options: &'a Options,
    error_budget: f64,
    progress: &'a mut Progress<'p>,
}

impl Tuning<'_, '_> {
    /// Learns floors and calibration for the strategy of a workbench.
    async fn learn(&mut self, bench: &Workbench, before: &Strategy, data: &[Dataset]) -> Result<Learnt, TuneError> {
        let (mut first, mut second, mut third) = (Vec::new(), Vec::new(), Vec::new());
        for set in &self.sets {
            let mut asked = ask(bench, set, set.len(), "gathering", self.progress).await?;
            third.extend(asked.split_off(set.test().start));
            second.extend(asked.split_off(set.calibrate().start));
            first.extend(asked);
        }
        let confidence = before.budget.as_ref().map_or(BudgetRules::CONFIDENCE, |budget| budget.confidence);
        let budget = (self.error_budget, 1.0 - confidence);
        let plain = floors::plain(&samples(&first, LOW), &samples(&second, LOW), budget);
        let mut after = bench.strategy().clone();
        if after.composition != before.composition || after.slots != before.slots {
            // Weights are not in the partition key, and what was composed under the old ones must not be met again.
            after.version = before.version + 1;
        }
        if self.options.floors_only {
            after.thresholds = plain.floors.unwrap_or(before.thresholds);
            let cosines: Vec<(f64, bool)> =
                samples(&third, LOW).iter().map(|s| (f64::from(s.evidence.fresh_similarity), s.right)).collect();
            let curves = Curves::of((&[], None), &cosines, third.len());
            let why = plain.in_words(self.error_budget);
            return Ok(Learnt { after, calibration: None, plain, curves, why });
        }
        let attainable = floors::below_the_line(&first, self.error_budget);
        after.thresholds = attainable.unwrap_or(before.thresholds);
        let rules = before.budget.clone().unwrap_or_else(|| BudgetRules::usual(self.error_budget, before.facts.enabled));
        let file = Some(self.options.calibration_file.clone());
        after.budget = Some(BudgetRules { error_budget: self.error_budget, calibration: file, ..rules });
        let [fit, proof, test] = [&first, &second, &third].map(|part| samples(part, after.thresholds));
        let learnt_for = LearntFor::new(&after, bench.model(), (self.error_budget, confidence));
        let origin = Origin { data_hash: data_hash(data), now: Clock::System.now() };
        let mut calibration = calibrate(&Parts { fit: &fit, calibrate: &proof, test: &test }, learnt_for, origin)?;
        calibration.projection = bench.projection().cloned();
        let curves = self.curves(&calibration, &test, &third);
        let why = calibration.why.clone();
        Ok(Learnt { after, calibration: Some(calibration), plain, curves, why })
    }

    fn curves(&self, calibration: &Calibration, test: &[Labelled], asked: &[Asked]) -> Curves {
        let cosines: Vec<(f64, bool)> =
            samples(asked, LOW).iter().map(|s| (f64::from(s.evidence.fresh_similarity), s.right)).collect();
        let line = calibration.acceptance.score_min();
        Curves::of((&scored(&calibration.model, test), line), &cosines, asked.len())
    }

    /// Runs the last part through the pipeline, as it was and as it would be, and gathers all figures.
    async fn report(
        &mut self,
        (bench, before): (&Workbench, &Strategy),
        data: &[Dataset],
        found: Found,
    ) -> Result<Tuned, TuneError> {
        let Found { mut learnt, tried, why_chosen } = found;
        if let Some(calibration) = &mut learnt.calibration {
            calibration.why = format!("{why_chosen} {}", calibration.why);
        }
        let outcomes = self.outcomes(bench, before, &learnt).await?;
        let Learnt { after, calibration, plain, curves, why } = learnt;
        let report = TuneReport::new(report::Made {
            data,
            seed: self.options.seed,
            model: bench.model().to_string(),
            error_budget: self.error_budget,
            requests: [Set::fit, Set::calibrate, Set::test].map(|part| self.sets.iter().map(|set| part(set).len()).sum()),
            strategies: (before, &after),
            calibration: calibration.as_ref(),
            tried,
            plain,
            outcomes,
            curves,
            why: format!("{why_chosen} {why}"),
        });
        Ok(Tuned { before: before.clone(), after, calibration, report })
    }

    async fn outcomes(&mut self, bench: &Workbench, before: &Strategy, learnt: &Learnt) -> Result<Vec<Outcome>, EvalError> {
        let mut outcomes = Vec::new();
        let as_was = Strategy { budget: None, ..before.clone() };
        let now = bench.with_strategy(learnt.after.clone(), learnt.calibration.clone());
        let mut plans = vec![
            (
                self.configured.with_strategy(as_was.clone(), None),
                Memory::Learnt,
                "before",
                "floors and gates as the file has them, without a budget",
            ),
            (
                now.with_strategy(learnt.after.clone(), learnt.calibration.clone()),
                Memory::Learnt,
                "tuned",
                "as tuned, with all that was learnt from in memory",
            ),
        ];
        if self.sets.iter().any(|set| matches!(set.source, Source::Stream(_))) {
            plans.push((now, Memory::Empty, "tuned, empty memory", "as tuned, with nothing in memory"));
        }
        if let Some(thresholds) = learnt.plain.floors.filter(|_| !self.options.floors_only) {
            let strategy = Strategy { thresholds, ..as_was };
            plans.push((
                bench.with_strategy(strategy, None),
                Memory::Learnt,
                "plain cosine",
                "gates and the floor that the calibration part proves for the cosine alone",
            ));
        }
        for (bench, memory, name, does) in plans {
            let progress = &mut *self.progress;
            let tick = &mut |set: &str, done, of| progress(&format!("{set}: {name}"), done, of);
            let run = trial::run(&bench, &self.sets, memory, tick).await?;
            outcomes.push(Outcome::of(name, does, &run));
        }
        (self.progress)("baselines", 0, 1);
        outcomes.extend(trial::baselines(bench, &self.sets, (self.error_budget, self.options.seed)).await?);
        Ok(outcomes)
    }
}

async fn ask(
    bench: &Workbench,
    set: &Set<'_>,
    upto: usize,
    what: &str,
    progress: &mut Progress<'_>,
) -> Result<Vec<Asked>, EvalError> {
    let what = format!("{}: {what}", set.name);
    gather((bench, &bench.lexicon()?), set, upto, &mut |done| progress(&what, done, upto)).await
}

/// BLAKE3 of the one file, or of the hashes of several in their order.
fn data_hash(data: &[Dataset]) -> String {
    match data {
        [one] => one.blake3.clone(),
        several => {
            let mut hasher = blake3::Hasher::new();
            for dataset in several {
                hasher.update(dataset.blake3.as_bytes());
            }
            hasher.finalize().to_hex().to_string()
        }
    }
}
