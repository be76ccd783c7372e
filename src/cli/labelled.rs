//! What `eval` and `tune` share: labelled data, the strategy that it is for, and where the report goes.

use super::{Failure, Settings, say};
use crate::config::Config;
use crate::domain::calibration::check_budget;
use crate::eval::dataset::{self, Dataset, Kind, Reading};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Labelled data and the strategy that they are for.
#[derive(Debug, Args)]
pub(super) struct Labelled {
    #[command(flatten)]
    settings: Settings,
    /// Labelled pairs, streams or windows of events; see `--kind`.
    #[arg(required = true, value_name = "DATA")]
    pub data: Vec<PathBuf>,
    /// Which strategy; the configured one where absent.
    #[arg(long, value_name = "S")]
    pub strategy: Option<String>,
    /// Folder for the report, as JSON and as a page.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// The report as JSON, on standard output.
    #[arg(long)]
    pub json: bool,
    /// What the files are; found from their content where absent. A companion file `<name>.eval.toml` may say it too.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Whether the pairs that don't say so share a decision. A companion file may say it too.
    #[arg(long, value_name = "true|false")]
    same: Option<bool>,
    /// The seed of all that is drawn: the order of a stream without times, and chance in a baseline.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Rows of each file to use at most.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Bad lines of one file that are told; the report counts them all.
const BAD_TOLD_MAX: usize = 20;

impl Labelled {
    /// The settings, in which the strategy that was named is the default.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let mut config = self.settings.load(None)?;
        if let Some(strategy) = &self.strategy {
            config.strategies.default.clone_from(strategy);
        }
        Ok(config)
    }

    /// Reads the files; what is wrong with their lines is said.
    pub(super) fn read(&self) -> Result<Vec<Dataset>, Failure> {
        let reading = Reading { kind: self.kind, same: self.same, class: None, seed: self.seed, limit: self.limit };
        let mut data = Vec::with_capacity(self.data.len());
        for path in &self.data {
            let dataset = dataset::read(path, &reading)?;
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
}

/// The share of wrong reuses that is tolerated, as it is typed.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    check_budget("", "", share, 0.95).map(|()| share).map_err(|error| error.detail)
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
