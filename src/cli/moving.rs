//! `instinct ingest --from A --to B`: all records from one store to another.

use super::{Failure, block_on, say, tell};
use crate::app;
use crate::config::{Config, ConfigError};
use crate::domain::time::Clock;
use crate::redis::Address;
use crate::store::moving::{Move, Options, Progress, Report};
use crate::store::{Backend, RecordKind};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use serde::Serialize;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What a merge takes along: all but the audit trails, for two chains don't make one.
const MERGED: [RecordKind; 13] = [
    RecordKind::Component,
    RecordKind::Text,
    RecordKind::Entry,
    RecordKind::Decision,
    RecordKind::TagEnd,
    RecordKind::Judgement,
    RecordKind::Market,
    RecordKind::Plan,
    RecordKind::Fit,
    RecordKind::DatasetPart,
    RecordKind::Dataset,
    RecordKind::Knowledge,
    RecordKind::Judgeable,
];

/// From where to where.
#[derive(Debug, Args)]
pub(super) struct Moving {
    /// Move all records from this store: a data folder, or the URL of a Redis.
    #[arg(long, value_name = "STORE", requires = "to")]
    from: Option<String>,
    /// The store that they are moved to: a data folder, which is made where it is missing, or the URL of a Redis. One that was moved to in
    /// part is completed.
    #[arg(long, value_name = "STORE", requires = "from")]
    to: Option<String>,
    /// Write nothing; compare the two stores by their checksums.
    #[arg(long, requires = "from", conflicts_with = "files")]
    verify: bool,
    /// Let the destination have other records; of two under one key the later holds.
    #[arg(long, requires = "from", conflicts_with = "files")]
    merge: bool,
}

/// What a move came to.
#[derive(Debug, Serialize)]
struct Told<'a> {
    from: &'a str,
    to: &'a str,
    whole: bool,
    seconds: f64,
    #[serde(flatten)]
    report: &'a Report,
}

impl Moving {
    /// Whether stores are to be moved, rather than files to be loaded.
    pub(super) fn asked(&self) -> Option<(&str, &str)> {
        self.from.as_deref().zip(self.to.as_deref())
    }

    pub(super) fn run(&self, config: &Config, (from, to): (&str, &str), json: bool) -> Result<ExitCode, Failure> {
        let bad = |rule: String| Failure::from(ConfigError::Rule { setting: "ingest --from --to", rule });
        let resolved = |place: &str| Path::new(place).canonicalize().unwrap_or_else(|_| place.into());
        // A URL may hold a password, which is never shown.
        let shown = |flag: &'static str, place: &str| match place.parse::<Backend>() {
            Err(error) if Address::is_meant(place) => Err(ConfigError::Rule { setting: flag, rule: error.to_string() }),
            Ok(backend @ Backend::Redis(_)) => Ok(backend.to_string()),
            _ => Ok(place.to_owned()),
        };
        let (shown_from, shown_to) = (shown("--from", from)?, shown("--to", to)?);
        if resolved(from) == resolved(to) {
            return Err(bad(format!("{shown_from} and {shown_to} are the same store")));
        }
        if !app::is_store(from) {
            return Err(bad(format!("there is no store in {from}")));
        }
        if self.verify && !app::is_store(to) {
            return Err(bad(format!("there is no store in {to} to compare with")));
        }
        let since = Instant::now();
        let options = Options {
            verify_only: self.verify,
            merge: self.merge,
            kinds: if self.merge { &MERGED } else { &RecordKind::ALL },
            now: Clock::System.now(),
            decision_retention_sec: config.store.embedded.decision_retention_sec.min(config.store.redis.decision_retention_sec),
        };
        let report = block_on(async {
            let from = app::open_records_at(config, from)?;
            let to = app::open_records_at(config, to)?;
            let lines = Lines::new();
            let moved = Move { from, to, options }.run(&|progress| lines.show(progress)).await;
            lines.bar.finish_and_clear();
            Ok::<_, Failure>(moved?)
        })?;
        let told = Told {
            from: &shown_from,
            to: &shown_to,
            whole: report.whole(),
            seconds: since.elapsed().as_secs_f64(),
            report: &report,
        };
        if self.merge {
            say("the audit trail stays where it is: `instinct audit` exports it");
        }
        report.damaged.iter().for_each(|damaged| say(damaged));
        if json {
            tell(&serde_json::to_string(&told)?)?
        } else {
            told.in_words()?
        }
        Ok(if told.whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Told<'_> {
    fn in_words(&self) -> Result<(), Failure> {
        for kind in self.report.kinds.iter().filter(|kind| kind.found + kind.damaged + kind.damaged_there > 0 || !kind.same()) {
            let same = if kind.same() { "the same on both sides" } else { "NOT the same on both sides" };
            let mut words =
                format!("{:<10} {:>9} records: {} written, {} there already", kind.kind, kind.found, kind.written, kind.equal);
            for (count, what) in [
                (kind.later_kept, "of which the destination keeps a later one"),
                (kind.ending_soon, "ending within minutes and not compared"),
                (kind.damaged, "DAMAGED in the source"),
                (kind.damaged_there, "DAMAGED in the destination"),
            ] {
                if count > 0 {
                    words.push_str(&format!(", {count} {what}"));
                }
            }
            tell(&format!("{words}; {same} ({})", kind.checksum_from))?;
        }
        let end = if self.whole { "all of it is there" } else { "NOT all of it is there: see above" };
        tell(&format!("from {} to {} in {:.1} s: {end}", self.from, self.to, self.seconds))
    }
}

/// How far it is, for who looks on.
struct Lines {
    bar: ProgressBar,
    told: Mutex<Instant>,
}

impl Lines {
    fn new() -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self { bar, told: Mutex::new(Instant::now()) }
    }

    fn show(&self, progress: Progress) {
        let words = format!("{} {}: {} records", progress.step, progress.kind.as_str(), progress.records);
        self.bar.set_message(words.clone());
        self.bar.tick();
        let mut told = self.told.lock();
        if self.bar.is_hidden() && told.elapsed() > Duration::from_secs(2) {
            *told = Instant::now();
            say(&words);
        }
    }
}
