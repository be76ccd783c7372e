//! `instinct keys new`: a new API key, shown once.

use super::{Failure, say, tell};
use crate::domain::ids::TenantId;
use crate::domain::role::Role;
use crate::domain::time::Clock;
use crate::limits::USER_BYTES_MAX;
use crate::tenant::{KeyTerms, NewKey};
use clap::{Args, Subcommand};
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Make API keys.
#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key. It is printed once, and then the line that the file of keys (auth.keys_file) takes, which holds no more than its hash.
    New(New),
}

#[derive(Debug, Args)]
struct New {
    /// Whose it is.
    #[arg(long, value_name = "TENANT", value_parser = super::tenant)]
    tenant: TenantId,
    /// What it lets its holder do; may be given more than once.
    #[arg(long, value_name = "ROLE", required = true, value_parser = role)]
    role: Vec<Role>,
    /// By what name its holder goes in audit records; the id of the key where absent.
    #[arg(long, value_name = "NAME", value_parser = user)]
    user: Option<String>,
    /// Days until it ends; never where absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
    /// Write the line to the end of this file, and print the key alone.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print both as JSON.
    #[arg(long)]
    json: bool,
}

fn role(name: &str) -> Result<Role, String> {
    Role::parse(name).ok_or_else(|| format!("there are {}", Role::ALL.map(Role::as_str).join(", ")))
}

fn user(name: &str) -> Result<String, String> {
    let good = (1..=USER_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
    if good { Ok(name.to_owned()) } else { Err(format!("a name has 1 to {USER_BYTES_MAX} bytes and no control characters")) }
}

impl Keys {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Verb::New(new) = self.verb;
        let key = NewKey::generate()?;
        let not_after = new.days.map(|days| Clock::System.now().plus_seconds(u64::from(days) * 86_400));
        let line = key.line(&KeyTerms { tenant: new.tenant, roles: new.role, user: new.user, not_after });
        if let Some(path) = &new.file {
            append(path, &line).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        match (new.json, &new.file) {
            (true, _) => tell(&json!({"key": key.as_str(), "line": line}).to_string())?,
            (false, Some(_)) => tell(key.as_str())?,
            (false, None) => tell(&format!("{}\n{line}", key.as_str()))?,
        }
        say("The key is kept nowhere and can't be shown again. A service that reads the file takes it within auth.reload_sec.");
        Ok(ExitCode::SUCCESS)
    }
}

/// Adds a line to a file, which nobody else may read where it is new.
fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let before = std::fs::read_to_string(path).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(String::new()),
        _ => Err(error),
    })?;
    let apart = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    // In one write, so that a service that reads meanwhile sees all of the line or nothing.
    file.write_all(format!("{apart}{line}\n").as_bytes())
}
