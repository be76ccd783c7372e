//! What a tuning says: a table, `tuning.json`, and `tuning.html`, which shows the same.

use super::choose::Tried;
use super::edit;
use super::floors::Plain;
use super::trial::Outcome;
use crate::domain::calibration::{Acceptance, Calibration};
use crate::domain::strategy::Strategy;
use crate::domain::time::{Clock, Timestamp};
use crate::eval::dataset::Dataset;
use crate::eval::report::{DataReport, Machine, StrategyReport, tuning_page};
use crate::eval::statistics::Rate;
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The version of the JSON's shape.
pub const TUNING_SHAPE_VERSION: u32 = 1;

/// Groups of the reliability curve, about equally large.
const RELIABILITY_GROUPS: usize = 10;

/// Points of a hit–error curve.
const CURVE_POINTS: usize = 80;

/// Near candidates of about one score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The least score among them.
    pub from: f64,
    /// What the model says of them on average.
    pub predicted: f64,
    /// How many were right.
    pub right: Rate,
}

/// What would be served from one score on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The score, or the cosine.
    pub from: f64,
    /// Requests that would be served by meaning, of all requests.
    pub served: Rate,
    /// Wrong ones, of those.
    pub wrong: Rate,
}

/// How the score does on the part that nothing was learnt from, with every request before it stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curves {
    /// Whether what the model says comes true.
    pub reliability: Vec<Group>,
    /// Hits and errors by the line on the score, the strictest first.
    pub by_score: Vec<CurvePoint>,
    /// The same by a floor on the fresh similarity.
    pub by_cosine: Vec<CurvePoint>,
    /// At the line that was proven; absent where none was.
    pub at_line: Option<CurvePoint>,
}

impl Curves {
    /// The curves of samples with their scores, and the line on the score; and of the same by their cosines.
    pub(super) fn of((scored, line): (&[(f64, bool)], Option<f64>), by_cosine: &[(f64, bool)], requests: usize) -> Self {
        let above = |least: f64| -> Vec<(f64, bool)> { scored.iter().filter(|(score, _)| *score >= least).copied().collect() };
        Self {
            reliability: reliability(scored),
            by_score: curve(scored, requests),
            by_cosine: curve(by_cosine, requests),
            at_line: line.map(|line| point(line, &above(line), requests)),
        }
    }
}

fn reliability(scored: &[(f64, bool)]) -> Vec<Group> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let group = |group: &[(f64, bool)]| {
        let right = group.iter().filter(|(_, right)| *right).count() as u64;
        let predicted = group.iter().map(|(score, _)| score).sum::<f64>() / group.len() as f64;
        Group { from: group.first().map_or(0.0, |first| first.0), predicted, right: Rate::new(right, group.len() as u64) }
    };
    sorted.chunks(sorted.len().div_ceil(RELIABILITY_GROUPS).max(1)).map(group).collect()
}

fn curve(scored: &[(f64, bool)], requests: usize) -> Vec<CurvePoint> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let every = sorted.len().div_ceil(CURVE_POINTS).max(1);
    let ends = (1..=sorted.len()).filter(|n| n % every == 0 || *n == sorted.len());
    ends.filter_map(|n| sorted.get(..n)).map(|best| point(best.last().map_or(1.0, |last| last.0), best, requests)).collect()
}

fn point(from: f64, served: &[(f64, bool)], requests: usize) -> CurvePoint {
    let wrong = served.iter().filter(|(_, right)| !right).count() as u64;
    let n = served.len() as u64;
    CurvePoint { from, served: Rate::new(n, requests as u64), wrong: Rate::new(wrong, n) }
}

/// A tuning, whole.
#[derive(Debug, Clone, Serialize)]
pub struct TuneReport {
    /// [`TUNING_SHAPE_VERSION`].
    pub version: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// By which program.
    pub program: String,
    /// On which machine.
    pub machine: Machine,
    /// The model that embeds from now on.
    pub model: String,
    /// The share of wrong reuses that is tolerated.
    pub error_budget: f64,
    /// The seed of all that was drawn.
    pub seed: u64,
    /// The files.
    pub data: Vec<DataReport>,
    /// Requests that the model was fitted on, that the line was proven on, and that nothing was learnt from.
    pub requests: [usize; 3],
    /// The strategy as its file has it.
    pub before: StrategyReport,
    /// The strategy as it should be.
    pub after: StrategyReport,
    /// The lines of its file that this takes.
    pub lines: Vec<String>,
    /// What was learnt; absent where floors alone were asked for.
    pub calibration: Option<Calibration>,
    /// Every setting that was tried.
    pub tried: Vec<Tried>,
    /// The floor that the cosine alone would need.
    pub plain: Plain,
    /// The part that nothing was learnt from, through the pipeline that serves, and by what one would use instead.
    pub outcomes: Vec<Outcome>,
    /// The score on that part.
    pub curves: Curves,
    /// What was chosen and why.
    pub why: String,
}

/// What a report is made of.
pub(super) struct Made<'a> {
    pub data: &'a [Dataset],
    pub seed: u64,
    pub model: String,
    pub error_budget: f64,
    pub requests: [usize; 3],
    pub strategies: (&'a Strategy, &'a Strategy),
    pub calibration: Option<&'a Calibration>,
    pub tried: Vec<Tried>,
    pub plain: Plain,
    pub outcomes: Vec<Outcome>,
    pub curves: Curves,
    pub why: String,
}

impl TuneReport {
    pub(super) fn new(made: Made<'_>) -> Self {
        let (before, after) = made.strategies;
        Self {
            version: TUNING_SHAPE_VERSION,
            made_at: Clock::System.now(),
            program: format!("instinct {}", env!("CARGO_PKG_VERSION")),
            machine: Machine::this(),
            model: made.model,
            error_budget: made.error_budget,
            seed: made.seed,
            data: made.data.iter().map(DataReport::of).collect(),
            requests: made.requests,
            before: StrategyReport::of(before),
            after: StrategyReport::of(after),
            lines: edit::lines(before, after),
            calibration: made.calibration.map(Calibration::in_short),
            tried: made.tried,
            plain: made.plain,
            outcomes: made.outcomes,
            curves: made.curves,
            why: made.why,
        }
    }
}

/// Writes `tuning.json` and `tuning.html` into a folder, which is made where it is missing. Gives the path of the page.
///
/// # Errors
/// Where a file can't be written.
pub fn write(report: &TuneReport, folder: &Path) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("tuning.json"), serde_json::to_vec_pretty(report)?)?;
    let path = folder.join("tuning.html");
    std::fs::write(&path, tuning_page(report)?)?;
    Ok(path)
}

/// A report as text.
pub fn table(report: &TuneReport) -> String {
    let mut out = String::new();
    // Writing into a text can't fail.
    let _ = all(report, &mut out);
    out
}

fn all(report: &TuneReport, out: &mut String) -> std::fmt::Result {
    let [fit, calibrate, test] = report.requests;
    let StrategyReport { name, version, .. } = &report.before;
    writeln!(out, "strategy {name} version {version}, {}, error budget {}%", report.model, report.error_budget * 100.0)?;
    writeln!(out, "{fit} requests to fit on, {calibrate} to prove on, {test} that nothing was learnt from\n")?;
    if report.tried.len() > 1 {
        let [hits, wrong, embed, search, vector] = ["hits", "wrong", "embed", "search", "vector"];
        let width = report.tried.iter().map(|tried| tried.in_words().len()).max().unwrap_or(0);
        writeln!(
            out,
            "{:<1$} {hits:>10} {wrong:>8} {embed:>10} {search:>10} {vector:>8}",
            "tried on the fitting part",
            width + 2
        )?;
        for tried in &report.tried {
            let mark = if tried.chosen { "*" } else { " " };
            let (name, hits, wrong) = (tried.in_words(), tried.hit_rate * 100.0, tried.error * 100.0);
            let Tried { embed_us, search_us, vector_bytes, .. } = tried;
            writeln!(
                out,
                "{mark} {name:<width$} {hits:>9.2}% {wrong:>7.2}% {embed_us:>7} µs {search_us:>7} µs {vector_bytes:>6} B"
            )?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{:<22} {:>23} {:>26} {:>26}", "on the last part", "hit rate", "wrong of hits", "wrong of requests")?;
    for outcome in &report.outcomes {
        let [hits, wrong, error] = [outcome.tally.hit_rate, outcome.wrong_of_hits, outcome.tally.error].map(share);
        writeln!(out, "{:<22} {hits:>23} {wrong:>26} {error:>26}", outcome.name)?;
    }
    writeln!(out, "\n{}", report.why)
}

/// A share with its interval, in per cent.
fn share(rate: Rate) -> String {
    match rate.rate {
        Some(share) => format!("{:.2}% [{:.2}, {:.2}]", share * 100.0, rate.low * 100.0, rate.high * 100.0),
        None => "–".to_owned(),
    }
}

impl Plain {
    /// What was found, on one line.
    pub(super) fn in_words(&self, budget: f64) -> String {
        let percent = |share: f64| format!("{:.2}%", share * 100.0);
        match (self.floors, self.error_upper) {
            (Some(floors), Some(upper)) => format!(
                "From a cosine of {} on, {} of {} candidates of the calibration part were wrong, which proves an error of at most {} against a \
                 budget of {}.",
                floors.tau_fresh,
                self.wrong,
                self.n,
                percent(upper),
                percent(budget)
            ),
            _ => format!(
                "No floor on the cosine is proven to keep the error within {}, so the floors stay as they are.",
                percent(budget)
            ),
        }
    }
}

impl TuneReport {
    /// Why nothing near would be served, where that is so.
    pub fn unattainable(&self) -> Option<&str> {
        match &self.calibration.as_ref()?.acceptance {
            Acceptance::Unattainable { reason } => Some(reason),
            Acceptance::Proven { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_run_from_the_strictest_line_to_all_and_reliability_from_the_least_score_up() {
        let scored: Vec<(f64, bool)> = (0..200).map(|i| (f64::from(i) / 200.0, i >= 100)).collect();
        let curves = Curves::of((&scored, Some(0.5)), &scored, 400);
        let last = curves.by_score.last().unwrap();
        assert_eq!((last.served.count, last.served.of, last.wrong.count), (200, 400, 100));
        assert_eq!(curves.by_score.first().unwrap().wrong.count, 0);
        assert_eq!(curves.reliability.len(), RELIABILITY_GROUPS);
        assert_eq!(curves.reliability.first().unwrap().right.count, 0);
        let at = curves.at_line.unwrap();
        assert_eq!((at.served.count, at.wrong.count), (100, 0));
    }
}
