//! `instinct generations`: from one embedding model to another, and back.
//!
//! The commands open the store, so the service is stopped while they run; it starts again on whichever generation is current.

mod build;
mod compare;
mod report;
mod switch;

use super::{Failure, Settings, block_on, say, tell};
use crate::config::{Config, ConfigError};
use crate::store::Backend;
use crate::store::generations::Generations as Folder;
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;

/// Generations of data under different embedding models.
#[derive(Debug, Args)]
pub(super) struct Generations {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say which generations there are, and which is served.
    List(List),
    /// Embed what is served with another model, into a generation beside it. One that was built in part is completed.
    Build(build::Build),
    /// Ask the generation that is served and another the same, and say how they differ.
    Compare(compare::Compare),
    /// Have another generation be served from the next start on, with its own model; the way back is the same.
    Use(switch::Use),
}

/// Say which generations there are.
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    settings: Settings,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Generations {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.verb {
            Verb::List(command) => command.run(),
            Verb::Build(command) => command.run(),
            Verb::Compare(command) => command.run(),
            Verb::Use(command) => command.run(),
        }
    }
}

impl List {
    fn run(self) -> Result<ExitCode, Failure> {
        let config = self.settings.load(None)?;
        let folder = folder(&config)?;
        let current = folder.current()?;
        let mut list = Vec::new();
        for number in folder.numbers()? {
            let about = folder.about(number)?;
            list.push(json!({
                "number": number,
                "served": number == current,
                "model": about.as_ref().map_or(config.embed.model.clone(), |about| about.model.to_string()),
                "complete": about.as_ref().is_none_or(|about| about.complete),
                "built_from": about.as_ref().and_then(|about| about.built_from),
                "as_of": about.as_ref().filter(|_| number != current).map(|about| about.as_of),
                "dir": folder.dir(number),
            }));
        }
        if self.json {
            tell(&serde_json::to_string_pretty(&list)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        for generation in &list {
            let mut words = format!("{}  {}", generation["number"], generation["model"].as_str().unwrap_or_default());
            for (name, said) in [("served", "  (served)"), ("complete", "")] {
                let is = generation[name].as_bool().unwrap_or_default();
                words.push_str(match (name, is) {
                    ("complete", false) => "  (built in part)",
                    (_, true) => said,
                    _ => "",
                });
            }
            tell(&words)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The generations of the data folder.
fn folder(config: &Config) -> Result<Folder, Failure> {
    if config.store.backend != Backend::Embedded {
        return Err(usage("store.backend", "generations lie side by side in the folder of the embedded store alone".to_owned()));
    }
    Ok(Folder::of(&config.store.data_dir))
}

/// That what was typed must change.
fn usage(setting: &'static str, rule: String) -> Failure {
    ConfigError::Rule { setting, rule }.into()
}

/// A generation that can be served: all of it was built.
fn whole(folder: &Folder, number: u32) -> Result<(), Failure> {
    if !folder.numbers()?.contains(&number) {
        return Err(usage(
            "generations",
            format!("there is no generation {number}; `instinct generations list` says which there are"),
        ));
    }
    if folder.about(number)?.is_none_or(|about| !about.complete) && number != 1 {
        return Err(usage(
            "generations",
            format!("generation {number} was built in part: complete it with `instinct generations build`"),
        ));
    }
    Ok(())
}
