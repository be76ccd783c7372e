//! `instinct eval`: labelled data through the pipeline that serves, and a report.

use super::{Failure, Settings, block_on, say, say_error, tell};
use crate::app::StartError;
use crate::eval::dataset::{self, Dataset, Kind, Reading};
use crate::eval::{self, Budgeting, EvalError, Options, Workbench, report};
use crate::telemetry;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Evaluate a strategy on labelled data.
#[derive(Debug, Args)]
pub(super) struct Eval {
    #[command(flatten)]
    settings: Settings,
    /// Labelled pairs, streams or windows of events; see `--kind`.
    #[arg(required = true, value_name = "DATA")]
    data: Vec<PathBuf>,
    /// Which strategy; the configured one where absent.
    #[arg(long, value_name = "S")]
    strategy: Option<String>,
    /// Folder for report.json and report.html.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// The report as JSON, on standard output.
    #[arg(long)]
    json: bool,
    /// What the files are; found from their content where absent. A companion file `<name>.eval.toml` may say it too.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Whether the pairs that don't say so share a decision. A companion file may say it too.
    #[arg(long, value_name = "true|false")]
    same: Option<bool>,
    /// The seed of all that is drawn: the order of a stream without times, and chance in a baseline.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Rows of each file to use at most.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Puts an error budget in force while streams are replayed: the share of wrong reuses that is tolerated. The strategy's own, with its
    /// calibration, is in force where absent or the same.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    error_budget: Option<f64>,
    /// Puts no error budget in force; floors and gates alone decide.
    #[arg(long)]
    no_budget: bool,
    /// The floors of the hit–error curve, on the fresh vector.
    #[arg(long, value_delimiter = ',', value_name = "TAUS", value_parser = floor,
        default_value = "0.6,0.65,0.7,0.74,0.78,0.8,0.82,0.84,0.86,0.88,0.9,0.92,0.94,0.95,0.96,0.97,0.98,0.99,0.995")]
    taus: Vec<f32>,
    /// Requests that the curve of one set of data may cost; floors are left out evenly where it would cost more, and 0 draws none.
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    max_curve_requests: usize,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if share > 0.0 && share < 0.5 { Ok(share) } else { Err("it must be above 0 and below 0.5".to_owned()) }
}

fn floor(text: &str) -> Result<f32, String> {
    let floor: f32 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if floor > 0.0 && floor <= 1.0 { Ok(floor) } else { Err("it must be above 0 and at most 1".to_owned()) }
}

/// Bad lines of one file that are told; the report counts them all.
const BAD_TOLD_MAX: usize = 20;

impl Eval {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let mut config = self.settings.load(None)?;
        if let Some(strategy) = &self.strategy {
            config.strategies.default.clone_from(strategy);
        }
        telemetry::logs::start(&config.log)?;
        let reading = Reading { kind: self.kind, same: self.same, class: None, seed: self.seed, limit: self.limit };
        let data = read(&self.data, &reading)?;
        let mut taus = self.taus.clone();
        taus.sort_by(f32::total_cmp);
        taus.dedup();
        let options = Options { budget: self.budgeting(), taus, curve_requests_max: self.max_curve_requests, seed: self.seed };
        let bench = match Workbench::open(&config) {
            // A strategy that was named on the command line and isn't there is bad usage.
            Err(EvalError::Start(error @ StartError::NoDefault { .. })) if self.strategy.is_some() => {
                say_error(&error);
                return Ok(ExitCode::from(2));
            }
            opened => opened?,
        };
        let report = block_on(async {
            let mut shown = Shown::new();
            let report = eval::evaluate(&bench, &data, &options, &mut |what, done, of| shown.progress(what, done, of)).await?;
            shown.bar.finish_and_clear();
            Ok::<_, Failure>(report)
        })?;
        if let Some(folder) = &self.report {
            let page = report::write(&report, folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            say(&format!("the report is at {}", page.display()));
        }
        if self.json {
            tell(&serde_json::to_string_pretty(&report)?)?;
        } else {
            tell(report::table(&report).trim_end())?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn budgeting(&self) -> Budgeting {
        match self.error_budget {
            share if self.no_budget => Budgeting::Without(share.unwrap_or(0.01)),
            Some(share) => Budgeting::Of(share),
            None => Budgeting::Own,
        }
    }
}

/// Reads files of labelled data; what is wrong with their lines is said.
pub(super) fn read(paths: &[PathBuf], reading: &Reading) -> Result<Vec<Dataset>, Failure> {
    let mut data = Vec::with_capacity(paths.len());
    for path in paths {
        let dataset = dataset::read(path, reading)?;
        for bad in dataset.bad.iter().take(BAD_TOLD_MAX) {
            say(&format!("{}:{}: {}", path.display(), bad.line, bad.detail));
        }
        if let Some(more @ 1..) = dataset.bad.len().checked_sub(BAD_TOLD_MAX) {
            say(&format!("{}: {more} further bad lines", path.display()));
        }
        data.push(dataset);
    }
    Ok(data)
}

/// Progress: a bar on a terminal, a line now and then elsewhere.
pub(super) struct Shown {
    pub bar: ProgressBar,
    told: Instant,
}

impl Shown {
    pub(super) fn new() -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        Self { bar, told: Instant::now() }
    }

    pub(super) fn progress(&mut self, what: &str, done: usize, of: usize) {
        if !self.bar.is_hidden() {
            self.bar.set_length(of as u64);
            self.bar.set_position(done as u64);
            self.bar.set_message(what.to_owned());
        } else if self.told.elapsed() > Duration::from_secs(2) {
            self.told = Instant::now();
            say(&format!("{what}: {done} of {of}"));
        }
    }
}
