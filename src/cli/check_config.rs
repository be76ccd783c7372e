//! `instinct check-config`.

use super::{Failure, Settings, tell};
use crate::app;
use crate::config::DEFAULTS;
use crate::domain::component::ModelRef;
use crate::embed;
use crate::tenant::Credentials;
use clap::Args;
use std::process::ExitCode;

/// Read and check the configuration and every strategy.
#[derive(Debug, Args)]
pub(super) struct CheckConfig {
    #[command(flatten)]
    settings: Settings,
    /// Print the commented defaults and check nothing.
    #[arg(long)]
    print: bool,
}

impl CheckConfig {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        if self.print {
            tell(DEFAULTS.trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
        let config = self.settings.load(None)?;
        let strategies = app::read_strategies(&config.strategies, &app::ENGINES)?;
        for strategy in strategies.by_name.values() {
            let default = if strategy.name == strategies.default { " (default)" } else { "" };
            tell(&format!(
                "strategy {} version {}{default}: {} slots, {}",
                strategy.name,
                strategy.version,
                strategy.slots.len(),
                strategy.description
            ))?;
        }
        app::read_lexicon(&config.facts)?;
        app::layers(&config)?;
        let credentials = Credentials::open(&config.auth)?;
        match credentials.state() {
            _ if !credentials.asked_for() => tell("callers are asked for no credentials")?,
            known => {
                let tokens = if known.signing_keys.is_some() { ", and tokens" } else { "" };
                tell(&format!("callers are asked for credentials: {} API keys are known{tokens}", known.api_keys))?;
            }
        }
        for (strategy, calibration) in &strategies.calibrations {
            tell(&format!("calibration of {strategy}: learnt at {} with {}", calibration.made_at, calibration.learnt_for.model))?;
        }
        let known = embed::inventory(&config.embed)?;
        match known.iter().find(|model| model.id == config.embed.model) {
            Some(model) => {
                let dim = model.dim;
                let model = ModelRef { id: model.id.as_str().into(), revision: model.revision.as_str().into() };
                app::check_calibrations(&strategies, (&model, dim))?;
            }
            None if config.embed.model.starts_with("hashing-") => {
                let embedder = embed::open(&config.embed)?;
                app::check_calibrations(&strategies, (embedder.model(), embedder.dim()))?;
            }
            None => {
                let detail =
                    format!("embed.model: no manifest has a model \"{}\"; `instinct models` lists them", config.embed.model);
                return Err(detail.into());
            }
        }
        tell("the configuration is good")?;
        Ok(ExitCode::SUCCESS)
    }
}
