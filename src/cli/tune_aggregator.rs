//! `instinct tune --aggregator`: from labelled news to a classifier that decides on what the trading engine's agents say.

use super::labelled::Shown;
use super::{Failure, block_on, say, tell};
use crate::app::near_or_beside_the_program;
use crate::config::Config;
use crate::domain::market::Instrument;
use crate::domain::time::Clock;
use crate::embed;
use crate::engine::trading::classifier::LearntWith;
use crate::engine::trading::sentiment::NewsSentiment;
use crate::eval::aggregator::report::{AggregatorReport, table};
use crate::eval::aggregator::{BAND_DEFAULT, Options, learn, rows, witness};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bad lines that are told.
const BAD_TOLD_MAX: usize = 20;

/// What `--aggregator` takes besides.
#[derive(Debug, Args)]
pub(super) struct Aggregator {
    /// Learn a classifier of what the trading engine's agents say, in place of their weighted vote. DATA are lines of
    /// `{"text", "at", "instrument", "outcome": 1|0|-1}`; without an outcome `--bars` tell it.
    #[arg(
        long,
        conflicts_with_all = ["error_budget", "apply", "embedders", "floors_only", "report", "kind", "same", "limit"]
    )]
    pub aggregator: bool,
    /// Past prices, as `BTC=FILE` or a file that is named `BTC_….csv`: a table of time, open, high, low, close and volume, packed with gzip or
    /// not. Several are set apart by commas; two of one instrument are joined.
    #[arg(long, requires = "aggregator", value_delimiter = ',', value_name = "[NAME=]FILE")]
    bars: Vec<String>,
    /// The return of the 24 hours after a text from which on it rose or fell.
    #[arg(long, requires = "aggregator", default_value_t = BAND_DEFAULT, value_parser = band, value_name = "SHARE")]
    band: f64,
}

fn band(text: &str) -> Result<f64, String> {
    let band: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if (0.0..1.0).contains(&band) { Ok(band) } else { Err("it must be 0 or more, and below 1".to_owned()) }
}

/// An instrument and the file of its bars: by the name before `=`, else by that of the file up to its first `_`.
fn named(given: &str) -> Result<(Instrument, PathBuf), String> {
    let (name, path) = given.split_once('=').unwrap_or_else(|| {
        let file = Path::new(given).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        (file.split(['_', '.']).next().unwrap_or_default(), given)
    });
    let instrument = Instrument::new(name).map_err(|error| format!("--bars {given}: {error}"))?;
    Ok((instrument, path.into()))
}

/// What the rest of the command line says.
pub(super) struct Wanted<'a> {
    pub config: &'a Config,
    pub data: &'a [PathBuf],
    pub strategy: Option<&'a str>,
    pub out: Option<&'a Path>,
    pub json: bool,
}

impl Aggregator {
    pub(super) fn run(&self, wanted: &Wanted<'_>) -> Result<ExitCode, Failure> {
        let out = out_of(wanted)?;
        let bars = self.bars.iter().map(|given| named(given)).collect::<Result<Vec<_>, _>>()?;
        let data = wanted.data.iter().map(PathBuf::as_path);
        let material = rows::read(data, bars.iter().map(|(instrument, path)| (instrument.clone(), &**path)))?;
        for (file, bad) in material.bad.iter().take(BAD_TOLD_MAX) {
            say(&format!("{file}:{}: {}", bad.line, bad.detail));
        }
        if let Some(more @ 1..) = material.bad.len().checked_sub(BAD_TOLD_MAX) {
            say(&format!("{more} further bad lines"));
        }
        let mut embed_config = wanted.config.embed.clone();
        embed_config.runtime_dir = near_or_beside_the_program(&embed_config.runtime_dir);
        let embedder = embed::open(&embed_config)?;
        let sentiment = NewsSentiment::open(embedder.model(), embedder.dim())?;
        let (examples, left_out) = block_on(async {
            let mut shown = Shown::new();
            let mut progress = |done| shown.progress("the agents read", done, material.rows.len());
            let witnessed = witness(&material, (&*embedder, &sentiment), self.band, &mut progress).await?;
            shown.bar.finish_and_clear();
            Ok::<_, Failure>(witnessed)
        })?;
        if left_out > 0 {
            say(&format!("{left_out} of {} rows have no outcome, and no bars tell it", material.rows.len()));
        }
        let today = Clock::System.now().to_string().chars().take(10).collect();
        let options = Options {
            vote: wanted.config.engine.trading.aggregate.clone(),
            learnt_with: LearntWith::here(sentiment.version()),
            origin: (material.data_hash, today),
        };
        let (classifier, report) = learn(&examples, &options)?;
        let mut text = serde_json::to_string_pretty(&classifier)?;
        text.push('\n');
        std::fs::write(&out, text).map_err(|e| format!("{}: {e}", out.display()))?;
        say(&format!("the classifier is at {}", out.display()));
        told(&report, wanted.json, &out)
    }
}

fn told(report: &AggregatorReport, json: bool, out: &Path) -> Result<ExitCode, Failure> {
    if json {
        tell(&serde_json::to_string_pretty(report)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    tell(table(report).trim_end())?;
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    if report.threshold.is_some() {
        tell(&format!(
            "\nThe settings of a service that is to use it need these lines:\n  [engine.trading.aggregate]\n  classifier = \"{name}\""
        ))?;
    } else {
        tell("\nNo service takes this classifier; the weighted vote stays.")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the classifier goes: beside the strategies, where calibrations are.
fn out_of(wanted: &Wanted<'_>) -> Result<PathBuf, Failure> {
    if let Some(out) = wanted.out {
        return Ok(out.to_owned());
    }
    let folder = near_or_beside_the_program(&wanted.config.strategies.dir);
    if !folder.is_dir() {
        return Err(format!("there is no folder {}: say where to write with --out", folder.display()).into());
    }
    Ok(folder.join(wanted.strategy.map_or_else(|| "aggregator.json".to_owned(), |name| format!("{name}.aggregator.json"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_named_by_what_is_said_or_by_their_file() {
        let named = |given: &str| named(given).map(|(instrument, path)| (instrument.to_string(), path.display().to_string()));
        assert_eq!(named("btc=a/BTCUSDT_1h.csv.gz"), Ok(("BTC".to_owned(), "a/BTCUSDT_1h.csv.gz".to_owned())));
        assert_eq!(named("a/eth_1h.csv.gz"), Ok(("ETH".to_owned(), "a/eth_1h.csv.gz".to_owned())));
        assert_eq!(named("sol.csv"), Ok(("SOL".to_owned(), "sol.csv".to_owned())));
        assert!(named("_.csv").unwrap_err().starts_with("--bars _.csv: "));
    }

    #[test]
    fn a_band_is_a_share() {
        assert_eq!((band("0.02"), band("0")), (Ok(0.02), Ok(0.0)));
        assert!(band("1").is_err() && band("-0.1").is_err() && band("x").is_err() && band("NaN").is_err());
    }
}
