//! A stream with the engines that serve: what memory can't answer an engine decides, and that is what is remembered.
//!
//! No label is stored, as none is known where a service runs. So this tells what the service would have said, while the replay without engines
//! tells what a perfect engine behind the same memory would have made of it.

use super::dataset::Row;
use super::decision::same_decision;
use super::statistics::Rate;
use super::stream;
use super::workbench::{EvalError, Workbench};
use crate::domain::answer::{Outcome, Path};
use crate::domain::strategy::Strategy;
use hdrhistogram::Histogram;
use serde::Serialize;

/// Microseconds above which a run counts as this long.
const MICROS_MAX: u64 = 600_000_000;

/// What became of a stream that engines were asked about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngineReport {
    /// Requests.
    pub requests: u64,
    /// For each step that answered: its share of the requests, and how many of its answers agree with the labels.
    pub by_path: Vec<PathTally>,
    /// Requests that nobody answered, of all.
    pub abstained: Rate,
    /// Answers that agree with the labels, of all answers.
    pub agreement: Rate,
    /// Requests for which an engine was asked, of all.
    pub reached_an_engine: Rate,
    /// Milliseconds of the engine for each request that reached it: half of them took at most this long.
    pub engine_p50_ms: f64,
    /// 95 of 100.
    pub engine_p95_ms: f64,
    /// All of them together, in seconds.
    pub engine_total_sec: f64,
}

/// What one step answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathTally {
    /// Which step.
    pub path: &'static str,
    /// Requests that it answered, of all.
    pub answered: Rate,
    /// Answers that agree with the labels, of its own.
    pub agreement: Rate,
}

const PATHS: [Path; 4] = [Path::Exact, Path::Fast, Path::Slow, Path::Engine];

/// Replays a stream through the strategy and the engine that it names, into an empty memory.
///
/// # Errors
/// [`EvalError`]; a text that the model makes nothing of is no error but a request without an answer.
pub async fn replay(
    bench: &Workbench,
    strategy: Strategy,
    rows: &[Row],
    tick: &mut dyn FnMut(usize),
) -> Result<EngineReport, EvalError> {
    let pipeline = bench.pipeline_with_engines(strategy, stream::begins(rows)).await?;
    let mut answered = [[0_u64; 2]; PATHS.len()];
    let mut asked = 0_u64;
    let mut total_us = 0_u64;
    let mut took = Histogram::<u32>::new_with_max(MICROS_MAX, 3).ok();
    for (index, row) in rows.iter().enumerate() {
        tick(index);
        let question = stream::arrive(&pipeline, row, index).await?;
        let answer = match pipeline.answer(&question).await {
            Err(error) if error.is_unembeddable_text() => continue,
            answer => answer?,
        };
        if answer.path == Path::Engine {
            asked += 1;
            total_us += answer.timing_us.engine;
            if let Some(took) = &mut took {
                took.saturating_record(answer.timing_us.engine.min(MICROS_MAX));
            }
        }
        let decision = answer.decision.as_ref().filter(|_| answer.outcome == Outcome::Decided);
        if let Some((decision, place)) = decision.zip(PATHS.iter().position(|path| *path == answer.path))
            && let Some(of_path) = answered.get_mut(place)
        {
            of_path[usize::from(same_decision(decision, &row.decision))] += 1;
        }
    }
    let requests = rows.len() as u64;
    let by_path: Vec<PathTally> = PATHS
        .iter()
        .zip(&answered)
        .filter(|(_, [wrong, right])| wrong + right > 0)
        .map(|(path, [wrong, right])| PathTally {
            path: path.as_str(),
            answered: Rate::new(wrong + right, requests),
            agreement: Rate::new(*right, wrong + right),
        })
        .collect();
    let [wrong, right] = answered.iter().fold([0, 0], |[w, r], [wrong, right]| [w + wrong, r + right]);
    let quantile = |q: f64| took.as_ref().map_or(0.0, |took| took.value_at_quantile(q) as f64 / 1_000.0);
    Ok(EngineReport {
        requests,
        by_path,
        abstained: Rate::new(requests - wrong - right, requests),
        agreement: Rate::new(right, wrong + right),
        reached_an_engine: Rate::new(asked, requests),
        engine_p50_ms: quantile(0.5),
        engine_p95_ms: quantile(0.95),
        engine_total_sec: total_us as f64 / 1e6,
    })
}
