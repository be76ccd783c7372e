//! `instinct eval`: labelled data through the pipeline that serves, and a report.

use super::labelled::{Labelled, Shown, share};
use super::{Failure, block_on, say, say_error, tell};
use crate::app::StartError;
use crate::eval::{self, Budgeting, EvalError, Options, Workbench, report};
use crate::telemetry;
use clap::Args;
use std::process::ExitCode;

/// Evaluate a strategy on labelled data.
#[derive(Debug, Args)]
pub(super) struct Eval {
    #[command(flatten)]
    labelled: Labelled,
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
    /// Replays streams a second time with the engines that serve behind memory, and tells what each step answered.
    #[arg(long)]
    engines: bool,
    /// Requests that the curve of one set of data may cost; floors are left out evenly where it would cost more, and 0 draws none.
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    max_curve_requests: usize,
}

fn floor(text: &str) -> Result<f32, String> {
    let floor: f32 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if floor > 0.0 && floor <= 1.0 { Ok(floor) } else { Err("it must be above 0 and at most 1".to_owned()) }
}

impl Eval {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let config = self.labelled.config()?;
        telemetry::logs::start(&config.log)?;
        let data = self.labelled.read()?;
        let mut taus = self.taus.clone();
        taus.sort_by(f32::total_cmp);
        taus.dedup();
        let options = Options {
            budget: self.budgeting(),
            taus,
            curve_requests_max: self.max_curve_requests,
            engines: self.engines,
            seed: self.labelled.seed,
        };
        let bench = match Workbench::open(&config) {
            // A strategy that was named on the command line and isn't there is bad usage.
            Err(EvalError::Start(error @ StartError::NoDefault { .. })) if self.labelled.strategy.is_some() => {
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
        if let Some(folder) = &self.labelled.report {
            let page = report::write(&report, folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            say(&format!("the report is at {}", page.display()));
        }
        if self.labelled.json {
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
