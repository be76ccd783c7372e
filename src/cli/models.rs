//! `instinct models`.

use super::{Failure, Settings, tell};
use crate::app::near_or_beside_the_program;
use crate::embed;
use clap::Args;
use std::process::ExitCode;

/// List the model files that are here.
#[derive(Debug, Args)]
pub(super) struct Models {
    #[command(flatten)]
    settings: Settings,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Models {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let mut config = self.settings.load(None)?.embed;
        config.runtime_dir = near_or_beside_the_program(&config.runtime_dir);
        let models = embed::inventory(&config)?;
        if self.json {
            tell(&serde_json::to_string_pretty(&models)?)?;
        } else {
            for model in &models {
                let used = if model.id == config.model { "  (in use)" } else { "" };
                tell(&format!(
                    "{}@{}  {} dimensions, {:?}, {:?} pooling, {}{used}",
                    model.id, model.revision, model.dim, model.precision, model.pooling, model.licence
                ))?;
                for file in &model.files {
                    let state = match (file.present, file.checksum_ok) {
                        (false, _) => "missing: run `make setup`",
                        (true, false) => "damaged: run `make setup`",
                        (true, true) => "good",
                    };
                    tell(&format!("    {}  {state}", file.path.display()))?;
                }
            }
        }
        let whole = models.iter().filter(|m| m.id == config.model).all(|m| m.files.iter().all(|f| f.checksum_ok));
        Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
