//! Structured logs on standard error.
//!
//! A message reads alone and its fields can be queried; units stand in the fields' names; a failure is logged once, where it
//! is handled. The text of a request is never logged.

use serde::Deserialize;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// How logs are written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which messages: a level, or directives such as `info,instinct::store=debug`.
    pub level: String,
    /// `text` for people, `json` for programs.
    pub format: Format,
}

/// How one message looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A line for people.
    Text,
    /// A JSON object for each line.
    Json,
}

/// Why logs can't be written as asked.
#[derive(Debug, thiserror::Error)]
#[error("log.level = \"{level}\" is not understood: {detail}")]
pub struct LogError {
    /// What was asked.
    pub level: String,
    /// What is wrong with it.
    pub detail: String,
}

/// Checks the configuration without starting anything.
///
/// # Errors
/// [`LogError`] where the level isn't one.
pub fn check(config: &Config) -> Result<EnvFilter, LogError> {
    EnvFilter::try_new(&config.level).map_err(|e| LogError { level: config.level.clone(), detail: e.to_string() })
}

/// Starts writing logs for the whole process; a second call changes nothing.
///
/// # Errors
/// [`LogError`] where the level isn't one.
pub fn start(config: &Config) -> Result<(), LogError> {
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(colours).with_env_filter(check(config)?);
    let started = match config.format {
        Format::Text => builder.finish().try_init(),
        Format::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    // Only a second start in one process fails, which happens in tests; the first one's settings hold.
    drop(started);
    Ok(())
}
