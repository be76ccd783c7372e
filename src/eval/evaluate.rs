//! All of an evaluation: each stream on its own, all pairs together, each through the pipeline, a grid of floors and the baselines.

use super::baseline::{self, Baseline, Point, Stored};
use super::budget::Course;
use super::dataset::{Dataset, Pair, Row, Rows};
use super::observe::{Nobody, Observer};
use super::report::{
    CosinePoint, DataReport, Machine, PairPoint, PairReport, Report, SHAPE_VERSION, StrategyReport, StreamPoint, StreamReport,
};
use super::statistics::{Served, Tally, cumulative, gates};
use super::stream::Replay;
use super::workbench::{EvalError, Pipeline, Workbench};
use super::{budget, engines, pairs, stream};
use crate::domain::agreement::AgreementKey;
use crate::domain::budget::BudgetRules;
use crate::domain::strategy::{Strategy, Thresholds};
use crate::domain::time::Clock;
use crate::domain::vote::VoteRules;
use std::collections::HashMap;

/// Places at which the running error is told.
const CUMULATIVE_POINTS: usize = 120;

/// How to evaluate.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which error budget is in force while streams are replayed.
    pub budget: Budgeting,
    /// The floors of the hit–error curve, on the fresh vector.
    pub taus: Vec<f32>,
    /// Requests that the curve may cost; with fewer than the grid needs, floors are left out evenly.
    pub curve_requests_max: usize,
    /// Whether streams are replayed with the engines that serve as well.
    pub engines: bool,
    /// The seed of all that is drawn.
    pub seed: u64,
}

/// The share of wrong reuses that is tolerated where neither the strategy nor anyone else says it.
const USUAL_BUDGET: f64 = 0.01;

/// The shares that the winner of a vote must have, along the curve of a strategy whose near misses vote.
const SHARES: [f64; 14] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.84, 0.88, 0.91, 0.93, 0.95, 0.965, 0.98];

/// Which error budget is in force while streams are replayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budgeting {
    /// The strategy's own, if it has one.
    Own,
    /// One of this share; the strategy's own calibration counts where the share is the strategy's own.
    Of(f64),
    /// None: floors and gates alone decide, and the share is only what the figures are held against.
    Without(f64),
}

impl Budgeting {
    /// The strategy under the budget that is in force.
    pub fn applied(self, strategy: &Strategy) -> Strategy {
        let own = strategy.budget.clone();
        let budget = match self {
            Self::Own => own,
            Self::Without(_) => None,
            Self::Of(share) => match own {
                Some(own) if (own.error_budget - share).abs() < 1e-9 => Some(own),
                _ => Some(BudgetRules::usual(share, strategy.facts.enabled)),
            },
        };
        Strategy { budget, ..strategy.clone() }
    }

    /// The share that the figures are held against.
    pub fn share(self, strategy: &Strategy) -> f64 {
        match self {
            Self::Of(share) | Self::Without(share) => share,
            Self::Own => strategy.budget.as_ref().map_or(USUAL_BUDGET, |budget| budget.error_budget),
        }
    }
}

/// Who is told how far it is: what is being done, how much of it is done, and how much there is.
pub type Progress<'a> = dyn FnMut(&str, usize, usize) + 'a;

/// Evaluates a strategy on data.
///
/// # Errors
/// [`EvalError`].
pub async fn evaluate(
    bench: &Workbench,
    data: &[Dataset],
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<Report, EvalError> {
    let mut streams = Vec::new();
    let mut pooled: Vec<Pair> = Vec::new();
    for dataset in data {
        match &dataset.rows {
            Rows::Stream(rows) if !rows.is_empty() => {
                let seen = Seen { bench, options, name: &dataset.name };
                streams.push(seen.stream(rows, dataset, &mut Nobody, progress).await?);
            }
            Rows::Pairs(pairs) => pooled.extend(pairs.iter().cloned()),
            Rows::Stream(_) => {}
        }
    }
    let pairs = match pooled.as_slice() {
        [] => None,
        pooled => Some(Seen { bench, options, name: "pairs" }.pairs(pooled, progress).await?),
    };
    if streams.is_empty() && pairs.is_none() {
        return Err(EvalError::NoData("no line of the data could be used".to_owned()));
    }
    Ok(Report {
        version: SHAPE_VERSION,
        made_at: Clock::System.now(),
        program: format!("instinct {}", env!("CARGO_PKG_VERSION")),
        machine: Machine::this(),
        model: bench.model().to_string(),
        strategy: StrategyReport::of(bench.strategy()),
        error_budget: options.budget.share(bench.strategy()),
        seed: options.seed,
        data: data.iter().map(DataReport::of).collect(),
        streams,
        pairs,
    })
}

/// The floors of a strategy at the point `tau` of the grid. Where the fresh slot is all there is, both floors are the same cosine; else
/// the distances of both from 1 keep the ratio that the strategy gives them, so that its own setting lies on the curve.
pub fn floors_at(strategy: &Strategy, tau: f32) -> Thresholds {
    let own = strategy.thresholds;
    if strategy.slots.len() == 1 || own.tau_fresh >= 1.0 {
        return Thresholds { tau, tau_fresh: tau };
    }
    let composed = 1.0 - (1.0 - own.tau) * (1.0 - tau) / (1.0 - own.tau_fresh);
    Thresholds { tau: composed.clamp(0.001, 1.0), tau_fresh: tau }
}

/// The points of a grid that `requests_max` requests allow for, evenly left out.
fn affordable<T: Copy>(taus: &[T], requests: usize, requests_max: usize) -> Vec<T> {
    let points = (requests_max / requests.max(1)).min(taus.len());
    let every = |i: usize| taus.get(i * taus.len() / points.max(1)).copied();
    (0..points).filter_map(every).collect()
}

/// One set of data in front of the workbench.
struct Seen<'a> {
    bench: &'a Workbench,
    options: &'a Options,
    name: &'a str,
}

impl Seen<'_> {
    async fn stream(
        &self,
        rows: &[Row],
        dataset: &Dataset,
        observer: &mut dyn Observer,
        progress: &mut Progress<'_>,
    ) -> Result<StreamReport, EvalError> {
        let Self { bench, options, name } = self;
        let own = bench.strategy().thresholds;
        let what = format!("{name}: as configured");
        let applied = options.budget.applied(bench.strategy());
        let rules = applied.budget.clone();
        let seed = rules.is_some().then_some(options.seed);
        let pipeline = bench.pipeline_of(applied, stream::begins(rows), seed).await?;
        let mut course = Course::of(rows.len());
        let replay = stream::replay_through(&pipeline, rows, observer, &mut |done, pipeline| {
            course.note(done, || pipeline.budget_state());
            progress(&what, done, rows.len());
        })
        .await?;
        let served = served(&replay);
        let points = points(bench, rows).await?;
        let state = pipeline.budget_state();
        drop(pipeline);
        let share = options.budget.share(bench.strategy());
        let by_entry = [Stored::WhereWrong, Stored::Every].map(|stored| baseline::vcache(&points, share, stored, options.seed));
        let error_budget =
            rules.zip(state).map(|(rules, state)| budget::report(&rules, (&served, course.into_points()), state, &by_entry));
        let curve = self.curve(rows, progress).await?;
        let engines = match options.engines {
            true => {
                let what = format!("{name}: with engines");
                let tick = &mut |done| progress(&what, done, rows.len());
                let applied = options.budget.applied(bench.strategy());
                let engine = applied.engine.clone().or_else(|| Some(crate::engine::trading::NAME.to_owned()));
                Some(engines::replay(bench, Strategy { engine, ..applied }, rows, tick).await?)
            }
            false => None,
        };
        progress(&format!("{name}: baselines"), 0, rows.len());
        let mut floors = options.taus.clone();
        floors.push(own.tau_fresh);
        let mut runs = baseline::cosine(&points, &floors);
        let at_own = runs.pop().unwrap_or_default();
        let cosine_curve =
            options.taus.iter().zip(&runs).map(|(tau, run)| CosinePoint { tau: *tau, tally: Tally::of(run) }).collect();
        Ok(StreamReport {
            name: (*name).to_owned(),
            ordering: dataset.ordering,
            decisions: points.iter().map(|p| p.decision).max().map_or(0, |most| most + 1),
            tally: Tally::of(&served),
            engines,
            error_budget,
            cumulative: cumulative(&served, served.len(), CUMULATIVE_POINTS),
            curve,
            cosine_curve,
            baselines: baselines(&points, &at_own, own.tau_fresh, (share, &by_entry)),
            gates: gates(&replay.judged),
            latency: replay.latency,
            wrong: replay.wrong,
            refused_right: replay.refused_right,
        })
    }

    /// The figures along the one setting that trades hits for errors, without an error budget: the floors, or the share of a vote.
    async fn curve(&self, rows: &[Row], progress: &mut Progress<'_>) -> Result<Vec<StreamPoint>, EvalError> {
        let Self { bench, options, name } = self;
        let strategy = Strategy { budget: None, ..bench.strategy().clone() };
        let settings: Vec<(String, Strategy)> = match strategy.vote {
            Some(vote) => affordable(&SHARES, rows.len(), options.curve_requests_max)
                .into_iter()
                .map(|share_min| {
                    let vote = Some(VoteRules { share_min, ..vote });
                    (format!("{name}: share {share_min:.2}"), Strategy { vote, ..strategy.clone() })
                })
                .collect(),
            None => affordable(&options.taus, rows.len(), options.curve_requests_max)
                .into_iter()
                .map(|tau| {
                    let thresholds = floors_at(&strategy, tau);
                    (format!("{name}: τ_fresh {tau:.2}"), Strategy { thresholds, ..strategy.clone() })
                })
                .collect(),
        };
        let mut curve = Vec::with_capacity(settings.len());
        for (what, setting) in settings {
            let (floors, share_min) = (setting.thresholds, setting.vote.map(|vote| vote.share_min));
            let pipeline = bench.pipeline_of(setting, stream::begins(rows), None).await?;
            let tick = &mut |done, _: &Pipeline| progress(&what, done, rows.len());
            let run = stream::replay_through(&pipeline, rows, &mut Nobody, tick).await?;
            curve.push(StreamPoint { tau: floors.tau, tau_fresh: floors.tau_fresh, share_min, tally: Tally::of(&served(&run)) });
        }
        Ok(curve)
    }

    async fn pairs(&self, all: &[Pair], progress: &mut Progress<'_>) -> Result<PairReport, EvalError> {
        let Self { bench, options, name } = self;
        let own = bench.strategy().thresholds;
        let what = format!("{name}: as configured");
        let replay = pairs::replay(bench, all, own, &mut Nobody, &mut |done| progress(&what, done, all.len())).await?;
        let mut cosines = Vec::with_capacity(all.len());
        for pair in all {
            let cosine = match (bench.vector(&pair.a).await, bench.vector(&pair.b).await) {
                (Ok(a), Ok(b)) => a.dot(&b),
                _ => -1.0,
            };
            cosines.push((pair.same, cosine));
        }
        let plain =
            |tau: f32| pairs::ClassTally::of("plain cosine", cosines.iter().map(|(same, cosine)| (*same, *cosine >= tau)));
        let mut curve = Vec::new();
        for tau in affordable(&options.taus, all.len(), options.curve_requests_max) {
            let floors = floors_at(bench.strategy(), tau);
            let what = format!("{name}: τ_fresh {tau:.2}");
            let run = pairs::replay(bench, all, floors, &mut Nobody, &mut |done| progress(&what, done, all.len())).await?;
            let tally = pairs::classes(all, &run.judged).pop();
            curve.extend(tally.map(|tally| PairPoint { tau: floors.tau, tau_fresh: floors.tau_fresh, tally }));
        }
        let same_text = all.iter().map(|pair| (pair.same, pair.a.hash() == pair.b.hash()));
        Ok(PairReport {
            pairs: all.len(),
            classes: pairs::classes(all, &replay.judged),
            curve,
            cosine_curve: options.taus.iter().map(|tau| PairPoint { tau: *tau, tau_fresh: *tau, tally: plain(*tau) }).collect(),
            baselines: vec![pairs::ClassTally::of("exact match only", same_text), plain(own.tau_fresh)],
            gates: gates(&replay.judged),
            latency: replay.latency,
            wrong: replay.wrong,
            refused_right: replay.refused_right,
        })
    }
}

fn served(replay: &Replay) -> Vec<Option<Served>> {
    replay.judged.iter().map(|judged| judged.served).collect()
}

/// What the baselines see of a stream.
pub(super) async fn points(bench: &Workbench, rows: &[Row]) -> Result<Vec<Point>, EvalError> {
    let mut numbers: HashMap<AgreementKey, usize> = HashMap::new();
    let mut points = Vec::with_capacity(rows.len());
    for (i, row) in rows.iter().enumerate() {
        let question = stream::question(row, bench.strategy(), i);
        let next = numbers.len();
        let decision = *numbers.entry(row.decision.agreement_key()).or_insert(next);
        points.push(Point { decision, text: row.text.hash(), vector: stream::plain_vector(bench, row, &question).await? });
    }
    Ok(points)
}

fn baselines(
    points: &[Point],
    cosine: &baseline::Run,
    tau: f32,
    (delta, [authors, all]): (f64, &[baseline::Run; 2]),
) -> Vec<Baseline> {
    vec![
        Baseline::new(
            "most common",
            "always the most common decision of the whole stream, known in hindsight",
            &baseline::most_common(points),
        ),
        Baseline::new("repeat last", "always the decision of the row before", &baseline::repeat_last(points)),
        Baseline::new("exact match", "the decision of the very same text, and nothing else", &baseline::exact_only(points)),
        Baseline::new(&format!("cosine ≥ {tau:.2}"), "the nearest stored text above one fixed cosine, no gates", cosine),
        Baseline::new(
            &format!("vCache δ={delta}"),
            "a logistic curve for each entry, with an error rate of δ (arXiv 2502.03771, as its authors' code has it)",
            authors,
        ),
        Baseline::new(
            &format!("vCache δ={delta}, all"),
            "the same, and every miss becomes an entry, as in the replay above",
            all,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strategy(slots: &str) -> Strategy {
        let head =
            "name = \"s\"\nversion = 1\ncomposition = \"sum\"\ndeadline_ms = 5\nthresholds = { tau = 0.9, tau_fresh = 0.8 }\n";
        Strategy::from_toml(&format!("{head}slots = [{slots}]")).unwrap()
    }

    #[test]
    fn both_floors_move_together_and_pass_through_the_setting_of_the_strategy() {
        let composed = strategy(r#"{ role = "context", latest = 1, weight = 0.5 }, { role = "fresh", weight = 0.5 }"#);
        let at = |tau| floors_at(&composed, tau);
        assert!((at(0.8).tau - 0.9).abs() < 1e-6);
        assert!((at(0.6).tau - 0.8).abs() < 1e-6);
        assert!((at(1.0).tau - 1.0).abs() < 1e-6);
        let alone = strategy(r#"{ role = "fresh", weight = 1.0 }"#);
        assert_eq!(floors_at(&alone, 0.7), Thresholds { tau: 0.7, tau_fresh: 0.7 });
    }

    #[test]
    fn a_curve_that_would_cost_too_much_leaves_points_out() {
        let taus = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
        assert_eq!(affordable(&taus, 100, 600), taus);
        assert_eq!(affordable(&taus, 100, 300), [0.5, 0.7, 0.9]);
        assert!(affordable(&taus, 100, 99).is_empty());
    }
}
