//! The commands: data to standard output, logs to standard error; exit 0 on success, 2 on bad usage, 1 on failure.

mod audit;
mod bench;
mod check_config;
mod datasets;
mod eval;
#[cfg(fuzzing)]
pub mod fuzz;
mod generations;
mod health;
mod ingest;
mod inspect;
mod keys;
mod labelled;
mod models;
mod moving;
mod rows;
mod serve;
mod solve_worker;
mod tune;
mod tune_aggregator;

use crate::config::{Config, ConfigError, DEFAULTS, Overrides};
use crate::domain::ids::{IdError, TenantId};
use crate::store::{Backend, BadBackend};
use clap::{Args, Parser, Subcommand};
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Decisions from memory in milliseconds, proven reusable.
#[derive(Debug, Parser)]
#[command(name = "instinct", version, arg_required_else_help = true, after_long_help = settings_help())]
pub struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the service.
    #[command(after_long_help = settings_help())]
    Serve(serve::Serve),
    /// Read and check the configuration and every strategy; say what is wrong and where.
    CheckConfig(check_config::CheckConfig),
    /// Load components or entries in bulk (NDJSON, or Parquet with the prototype's columns), or move all records from one store to another.
    Ingest(ingest::Ingest),
    /// Show one entry, component or strategy whole, with its history.
    Inspect(inspect::Inspect),
    /// Build what is remembered under another embedding model beside it, compare the two, cut over, and go back.
    Generations(generations::Generations),
    /// Ask a running service whether it is ready: the health check of a container.
    Health(health::Health),
    /// Make API keys.
    Keys(keys::Keys),
    /// Export the audit trail of a tenant, or prove that it is whole.
    Audit(audit::Audit),
    /// List the model files that are here, with revisions and checksums.
    Models(models::Models),
    /// Evaluate a strategy on labelled data: hits, errors, baselines, curves.
    Eval(eval::Eval),
    /// Learn from labelled data what a strategy may serve under an error budget, and write its calibration.
    Tune(tune::Tune),
    /// Measure the hot path, stage by stage.
    Bench(bench::Bench),
    /// Solve one program for a service that asks for it.
    #[command(hide = true)]
    SolveWorker(solve_worker::SolveWorker),
}

/// Where settings come from.
#[derive(Debug, Clone, Args)]
struct Settings {
    /// A TOML file that overrides the defaults, which `instinct check-config --print` shows.
    #[arg(long, env = "INSTINCT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the embedded store.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The store: `embedded`, or the URL of a Redis.
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
}

impl Settings {
    fn load(&self, listen: Option<std::net::SocketAddr>) -> Result<Config, ConfigError> {
        let wrong = |error: BadBackend| ConfigError::Rule { setting: "--store", rule: error.to_string() };
        let store = self.store.as_deref().map(str::parse::<Backend>).transpose().map_err(wrong)?;
        let overrides = Overrides { listen, data_dir: self.data_dir.clone(), store };
        Config::load(self.config.as_deref(), &overrides)
    }
}

/// Why a command failed.
type Failure = Box<dyn Error>;

impl Command {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        let result = match self.verb {
            Verb::Serve(command) => command.run(),
            Verb::CheckConfig(command) => command.run(),
            Verb::Ingest(command) => command.run(),
            Verb::Inspect(command) => command.run(),
            Verb::Generations(command) => command.run(),
            Verb::Health(command) => command.run(),
            Verb::Keys(command) => command.run(),
            Verb::Audit(command) => command.run(),
            Verb::Models(command) => command.run(),
            Verb::Eval(command) => command.run(),
            Verb::Tune(command) => command.run(),
            Verb::Bench(command) => command.run(),
            Verb::SolveWorker(command) => Ok(command.run()),
        };
        match result {
            Ok(code) => code,
            Err(error) => {
                say_error(&*error);
                // A broken setting is bad usage: what was typed or written must change.
                ExitCode::from(if error.is::<ConfigError>() { 2 } else { 1 })
            }
        }
    }
}

#[expect(clippy::print_stderr, reason = "what a command says to a person goes to standard error")]
fn say_error(error: &dyn Error) {
    eprintln!("instinct: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
}

#[expect(clippy::print_stderr, reason = "what a command says to a person goes to standard error")]
fn say(words: &str) {
    eprintln!("{words}");
}

/// Writes a line of data. A reader that has had enough and went away, such as `head`, is no failure.
fn tell(line: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Reads the name of a tenant.
fn tenant(text: &str) -> Result<TenantId, IdError> {
    TenantId::new(text)
}

fn settings_help() -> String {
    format!(
        "Every setting, its name in the TOML file and its default. In the environment server.listen is INSTINCT_SERVER__LISTEN.\n\n{DEFAULTS}"
    )
}

/// Runs a future of the service on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    actix_web::rt::System::new().block_on(future)
}
