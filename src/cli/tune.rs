//! `instinct tune`: from labelled data to a calibration, and to the lines of the strategy file that go with it.

use super::labelled::{Labelled, Shown, share};
use super::tune_aggregator::{Aggregator, Wanted};
use super::{Failure, block_on, say, say_error, tell};
use crate::app::{StartError, near_or_beside_the_program, read_strategies_alone, strategy_files};
use crate::config::Config;
use crate::domain::strategy::Strategy;
use crate::embed;
use crate::eval::Workbench;
use crate::eval::tune::{self, Options, Tuned, edit, report};
use crate::telemetry;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Learn what a strategy may serve under an error budget.
#[derive(Debug, Args)]
pub(super) struct Tune {
    #[command(flatten)]
    labelled: Labelled,
    /// The share of wrong reuses that is tolerated; the strategy's own where absent, else 0.01.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    error_budget: Option<f64>,
    /// Where to write the calibration; `<strategy>.calibration.json` beside the strategy's file where absent. A classifier goes to
    /// `<strategy>.aggregator.json`, or `aggregator.json` where no strategy is named.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Change the strategy's file as well; its comments stay.
    #[arg(long)]
    apply: bool,
    /// Embedders to compare with the configured one, by the ids that `instinct models` lists.
    #[arg(long, value_delimiter = ',', value_name = "IDS")]
    embedders: Vec<String>,
    /// Learn floors on the cosine alone, for a strategy without an error budget; no calibration is written.
    #[arg(long, conflicts_with = "out")]
    floors_only: bool,
    #[command(flatten)]
    aggregator: Aggregator,
}

/// The file of a strategy.
struct StrategyFile {
    path: PathBuf,
    text: String,
}

impl Tune {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let config = self.labelled.config()?;
        telemetry::logs::start(&config.log)?;
        let strategy = match read_strategies_alone(&config.strategies, &crate::app::ENGINES) {
            // A strategy that was named on the command line and isn't there is bad usage.
            Err(error @ StartError::NoDefault { .. }) if self.labelled.strategy.is_some() => {
                say_error(&error);
                return Ok(ExitCode::from(2));
            }
            strategies => {
                let strategies = strategies?;
                Arc::clone(strategies.named(&strategies.default)?)
            }
        };
        if self.aggregator.aggregator {
            let Labelled { data, strategy, json, .. } = &self.labelled;
            let (strategy, out) = (strategy.as_deref(), self.out.as_deref());
            return self.aggregator.run(&Wanted { config: &config, data, strategy, out, json: *json });
        }
        let folder = near_or_beside_the_program(&config.strategies.dir);
        let file = file_of(&folder, &strategy)?;
        let out = match (&self.out, &file) {
            _ if self.floors_only => PathBuf::new(),
            (Some(out), _) => std::path::absolute(out)?,
            (None, Some(_)) => folder.join(format!("{}.calibration.json", strategy.name)),
            (None, None) => return Err("this strategy is compiled in and has no file: say where to write with --out".into()),
        };
        let data = self.labelled.read()?;
        let benches = self.benches(&config, &strategy)?;
        let options = Options {
            error_budget: self.error_budget,
            floors_only: self.floors_only,
            calibration_file: named_from(&folder, &out),
            seed: self.labelled.seed,
        };
        let tuned = block_on(async {
            let mut shown = Shown::new();
            let tuned = tune::tune(&benches, &data, &options, &mut |what, done, of| shown.progress(what, done, of)).await?;
            shown.bar.finish_and_clear();
            Ok::<_, Failure>(tuned)
        })?;
        self.conclude(&tuned, &out, file.as_ref())
    }

    fn benches(&self, config: &Config, strategy: &Arc<Strategy>) -> Result<Vec<Workbench>, Failure> {
        let mut ids = vec![&config.embed.model];
        ids.extend(&self.embedders);
        let mut benches = Vec::new();
        for (place, id) in ids.iter().enumerate() {
            if ids.iter().take(place).any(|earlier| earlier == id) {
                continue;
            }
            let mut embed_config = config.embed.clone();
            embed_config.model = (*id).clone();
            embed_config.runtime_dir = near_or_beside_the_program(&embed_config.runtime_dir);
            benches.push(Workbench::new(config, embed::open(&embed_config)?, Arc::clone(strategy)));
        }
        Ok(benches)
    }

    /// Writes what was learnt and says what is left to do.
    fn conclude(&self, tuned: &Tuned, out: &Path, file: Option<&StrategyFile>) -> Result<ExitCode, Failure> {
        let edited = file.map(|file| edit::edited(&file.text, &tuned.after)).transpose()?;
        if let Some(calibration) = &tuned.calibration {
            let mut text = serde_json::to_string_pretty(calibration)?;
            text.push('\n');
            std::fs::write(out, text).map_err(|e| format!("{}: {e}", out.display()))?;
            say(&format!("the calibration is at {}", out.display()));
        }
        if let Some(folder) = &self.labelled.report {
            let page = report::write(&tuned.report, folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            say(&format!("the report is at {}", page.display()));
        }
        if self.labelled.json {
            tell(&serde_json::to_string_pretty(&tuned.report)?)?;
        } else {
            tell(report::table(&tuned.report).trim_end())?;
            self.tell_lines(tuned, file)?;
        }
        if let (true, Some(file), Some(edited)) = (self.apply, file, edited) {
            std::fs::write(&file.path, edited).map_err(|e| format!("{}: {e}", file.path.display()))?;
            say(&format!("{} is changed", file.path.display()));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn tell_lines(&self, tuned: &Tuned, file: Option<&StrategyFile>) -> Result<(), Failure> {
        if tuned.report.unattainable().is_some() {
            tell("\nThe budget is not attainable on these data: with this calibration the strategy serves exact hits alone.")?;
        }
        let whose = file.map_or_else(|| "the strategy file".to_owned(), |file| file.path.display().to_string());
        match &tuned.report.lines[..] {
            [] => tell(&format!("\n{whose} stays as it is."))?,
            lines => {
                let verb = if self.apply && file.is_some() { "gets" } else { "needs" };
                tell(&format!("\n{whose} {verb} these lines:"))?;
                lines.iter().try_for_each(|line| tell(&format!("  {line}")))?;
            }
        }
        let chosen = tuned.report.tried.iter().find(|tried| tried.chosen && !tried.own);
        let own = tuned.report.tried.iter().find(|tried| tried.own);
        if let Some((chosen, own)) = chosen.zip(own).filter(|(chosen, own)| chosen.model != own.model) {
            let id = chosen.model.split('@').next().unwrap_or_default();
            tell(&format!("\nThe settings of the service need embed.model = \"{id}\" in place of {}.", own.model))?;
        }
        Ok(())
    }
}

/// The file in which a strategy stands; `None` for one that is compiled in.
fn file_of(folder: &Path, strategy: &Strategy) -> Result<Option<StrategyFile>, StartError> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let of_it = |text: &str| Strategy::from_toml(text).is_ok_and(|read| read.name == strategy.name);
    let found = strategy_files(folder)?.into_iter().find(|(_, text)| of_it(text));
    Ok(found.map(|(path, text)| StrategyFile { path: path.into(), text }))
}

/// How a strategy file in `folder` names `out`: by its name alone where it lies beside it.
fn named_from(folder: &Path, out: &Path) -> String {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let out = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
    out.strip_prefix(&folder).unwrap_or(&out).display().to_string()
}
