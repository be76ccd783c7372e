//! `instinct audit`: the audit trail of a tenant, and whether it is whole.

use super::{Failure, Settings, block_on, say, tell};
use crate::app;
use crate::audit::{AuditLog, VerifyError};
use crate::domain::audit_chain::{AuditEvent, Broken, ExportedEvent, Verifier};
use crate::domain::ids::TenantId;
use crate::domain::time::{Clock, Timestamp};
use clap::Args;
use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Export the audit trail of a tenant (NDJSON, oldest first), or prove that it is whole. Either way its chain of hashes is checked, and where
/// that is broken it is said where, and the exit code is 1.
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(flatten)]
    settings: Settings,
    /// Of which tenant.
    #[arg(long, value_name = "TENANT", default_value = "default", value_parser = super::tenant)]
    tenant: TenantId,
    /// Print no events, but whether the chain is whole, as JSON.
    #[arg(long)]
    verify: bool,
    /// Only events of this moment and later (RFC 3339). The chain is checked from its first event all the same.
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "verify")]
    since: Option<Timestamp>,
    /// Check an export in place of the store: a part of a chain, as `instinct audit` and `GET /v1/audit` give it.
    #[arg(long, value_name = "FILE", requires = "verify")]
    file: Option<PathBuf>,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.to_string())
}

/// What a check came to.
pub(super) struct Checked {
    first: u64,
    last: u64,
    head: String,
}

impl Audit {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let checked = match &self.file {
            Some(path) => of_file(path),
            None => self.of_store(),
        };
        match checked {
            Ok(Checked { first, last, head }) => {
                if self.verify {
                    let events = last.saturating_add(1).saturating_sub(first);
                    tell(&json!({ "whole": true, "events": events, "first": first, "last": last, "head": head }).to_string())?;
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => match error.downcast_ref::<Broken>() {
                Some(broken) => {
                    if self.verify {
                        tell(&json!({ "whole": false, "broken_at": broken.number, "why": broken.why }).to_string())?;
                    }
                    say(&broken.to_string());
                    Ok(ExitCode::FAILURE)
                }
                None => Err(error),
            },
        }
    }

    fn of_store(&self) -> Result<Checked, Failure> {
        let config = self.settings.load(None)?;
        let log = AuditLog::new(app::open_records(&config)?, Clock::System);
        let mut unwritten = None;
        let mut show = |event: &AuditEvent| {
            if !self.verify
                && self.since.is_none_or(|since| event.at >= since)
                && let Err(error) = export(event)
            {
                unwritten.get_or_insert(error.to_string());
            }
        };
        let chain = block_on(log.verify(&self.tenant, &mut show)).map_err(|error| match error {
            VerifyError::Broken(broken) => Failure::from(broken),
            VerifyError::Store(error) => error.into(),
        })?;
        match unwritten {
            Some(error) => Err(error.into()),
            None => Ok(Checked { first: chain.first, last: chain.last, head: chain.head.to_string() }),
        }
    }
}

fn export(event: &AuditEvent) -> Result<(), Failure> {
    tell(&serde_json::to_string(&ExportedEvent::from(event))?)
}

fn of_file(path: &Path) -> Result<Checked, Failure> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    of_lines(BufReader::new(file), &name)
}

pub(super) fn of_lines(export: impl BufRead, name: &str) -> Result<Checked, Failure> {
    let named = |error: &dyn std::fmt::Display| Failure::from(format!("{name}: {error}"));
    let mut going: Option<(Verifier, u64, AuditEvent)> = None;
    for (at, line) in export.lines().enumerate() {
        let line = line.map_err(|e| named(&e))?;
        if line.is_empty() {
            continue;
        }
        let bad = |why: &str| Failure::from(format!("{name}:{}: {why}", at + 1));
        let event: ExportedEvent = serde_json::from_str(&line).map_err(|e| bad(&e.to_string()))?;
        let event = event.read().ok_or_else(|| bad("a hash or a trace id is none"))?;
        let (mut verifier, first) = match going.take() {
            Some((verifier, first, _)) => (verifier, first),
            None => (Verifier::from(&event), event.number),
        };
        verifier.check(&event)?;
        going = Some((verifier, first, event));
    }
    let (_, first, last) = going.ok_or_else(|| named(&"there are no events in it"))?;
    Ok(Checked { first, last: last.number, head: last.hash.to_string() })
}
