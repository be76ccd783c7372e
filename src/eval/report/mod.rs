//! What an evaluation says: `report.json`, and `report.html`, which shows the same.
//!
//! The shape of the JSON has a version. It goes up when a member changes its meaning or goes away; a new member leaves it as it is.

mod html;
mod machine;
mod table;

pub use html::{page, tuning_page};
pub use machine::Machine;
pub use table::table;

use super::baseline::Baseline;
use super::budget::BudgetReport;
use super::dataset::{BadLine, Dataset, Kind, Ordering};
use super::engines::EngineReport;
use super::pairs::ClassTally;
use super::statistics::{Cumulative, GateTally, Stage, Tally};
use super::stream::Example;
use crate::domain::strategy::{Strategy, Thresholds};
use crate::domain::time::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The version of the JSON's shape.
pub const SHAPE_VERSION: u32 = 1;

/// Bad lines that a report names; all are counted.
const BAD_SHOWN_MAX: usize = 20;

/// An evaluation, whole.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SHAPE_VERSION`].
    pub version: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// By which program.
    pub program: String,
    /// On which machine.
    pub machine: Machine,
    /// The model that embedded.
    pub model: String,
    /// What was evaluated.
    pub strategy: StrategyReport,
    /// The share of wrong reuses, of all requests, that is tolerated.
    pub error_budget: f64,
    /// The seed of all that was drawn.
    pub seed: u64,
    /// The files.
    pub data: Vec<DataReport>,
    /// Each stream.
    pub streams: Vec<StreamReport>,
    /// All pairs together; absent where there were none.
    pub pairs: Option<PairReport>,
}

/// The settings of the strategy.
#[derive(Debug, Clone, Serialize)]
pub struct StrategyReport {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// What it is for.
    pub description: String,
    /// How its slots become one vector.
    pub composition: &'static str,
    /// The slots: their roles and weights.
    pub slots: Vec<(String, f32)>,
    /// The floors.
    pub thresholds: Thresholds,
    /// Whether what the texts say must agree.
    pub facts: bool,
    /// Seconds that its entries live.
    pub ttl_sec: Option<u64>,
}

impl StrategyReport {
    /// The settings of a strategy.
    pub fn of(strategy: &Strategy) -> Self {
        Self {
            name: strategy.name.to_string(),
            version: strategy.version,
            description: strategy.description.clone(),
            composition: strategy.composition.as_str(),
            slots: strategy.slots.iter().map(|slot| (slot.source.role_name().to_owned(), slot.weight)).collect(),
            thresholds: strategy.thresholds,
            facts: strategy.facts.enabled,
            ttl_sec: strategy.validity.ttl_sec,
        }
    }
}

/// One file of the data.
#[derive(Debug, Clone, Serialize)]
pub struct DataReport {
    /// Its name.
    pub name: String,
    /// BLAKE3 of its bytes.
    pub blake3: String,
    /// How many bytes it has.
    pub bytes: usize,
    /// What it was read as.
    pub kind: Kind,
    /// Rows that were used.
    pub rows: usize,
    /// Rows that the limit left out.
    pub left_out: usize,
    /// Lines that can't be used.
    pub bad: usize,
    /// The first of them.
    pub bad_lines: Vec<BadLine>,
}

impl DataReport {
    /// What a file was.
    pub fn of(dataset: &Dataset) -> Self {
        Self {
            name: dataset.name.clone(),
            blake3: dataset.blake3.clone(),
            bytes: dataset.bytes,
            kind: dataset.kind,
            rows: dataset.rows.len(),
            left_out: dataset.left_out,
            bad: dataset.bad.len(),
            bad_lines: dataset.bad.iter().take(BAD_SHOWN_MAX).cloned().collect(),
        }
    }
}

/// One stream.
#[derive(Debug, Clone, Serialize)]
pub struct StreamReport {
    /// The name of its file.
    pub name: String,
    /// The order of its replay.
    pub ordering: Ordering,
    /// How many different decisions it has.
    pub decisions: usize,
    /// The figures under the strategy's own settings.
    pub tally: Tally,
    /// The same stream with the engines that serve, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engines: Option<EngineReport>,
    /// What came of the error budget; absent where none was in force.
    pub error_budget: Option<BudgetReport>,
    /// The running error under them.
    pub cumulative: Vec<Cumulative>,
    /// The figures at other floors, from the lowest to the highest, without an error budget; where near misses vote, those at other shares
    /// that the winner must have.
    pub curve: Vec<StreamPoint>,
    /// The figures of plain cosine at the same floors.
    pub cosine_curve: Vec<CosinePoint>,
    /// What an operator would use instead.
    pub baselines: Vec<Baseline>,
    /// What each gate refused.
    pub gates: Vec<GateTally>,
    /// How long each stage took.
    pub latency: Vec<Stage>,
    /// Wrong answers, the first few.
    pub wrong: Vec<Example>,
    /// Right answers that a gate after the floors refused, the first few.
    pub refused_right: Vec<Example>,
}

/// A stream at one pair of floors, or at one share of a vote.
#[derive(Debug, Clone, Serialize)]
pub struct StreamPoint {
    /// The floor for the composed vectors.
    pub tau: f32,
    /// The floor for the fresh vectors.
    pub tau_fresh: f32,
    /// The share that the winner of a vote must have; absent where nobody votes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_min: Option<f64>,
    /// The figures.
    pub tally: Tally,
}

/// Plain cosine at one floor.
#[derive(Debug, Clone, Serialize)]
pub struct CosinePoint {
    /// The floor.
    pub tau: f32,
    /// The figures.
    pub tally: Tally,
}

/// Pairs.
#[derive(Debug, Clone, Serialize)]
pub struct PairReport {
    /// How many.
    pub pairs: usize,
    /// The figures of each class, and of all pairs, last.
    pub classes: Vec<ClassTally>,
    /// All pairs at other floors.
    pub curve: Vec<PairPoint>,
    /// The same of plain cosine.
    pub cosine_curve: Vec<PairPoint>,
    /// Exact match only, and plain cosine at the strategy's floor for fresh vectors.
    pub baselines: Vec<ClassTally>,
    /// What each gate refused.
    pub gates: Vec<GateTally>,
    /// How long each stage took.
    pub latency: Vec<Stage>,
    /// Traps that were served, the first few.
    pub wrong: Vec<Example>,
    /// Pairs that share a decision and that a gate after the floors refused, the first few.
    pub refused_right: Vec<Example>,
}

/// Pairs at one pair of floors.
#[derive(Debug, Clone, Serialize)]
pub struct PairPoint {
    /// The floor for the composed vectors.
    pub tau: f32,
    /// The floor for the fresh vectors.
    pub tau_fresh: f32,
    /// The figures of all pairs.
    pub tally: ClassTally,
}

/// Writes `report.json` and `report.html` into a folder, which is made where it is missing. Gives the path of the page.
///
/// # Errors
/// Where a file can't be written.
pub fn write(report: &Report, folder: &Path) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("report.json"), serde_json::to_vec_pretty(report)?)?;
    let path = folder.join("report.html");
    std::fs::write(&path, page(report)?)?;
    Ok(path)
}
