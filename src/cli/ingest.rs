//! `instinct ingest`: files in bulk, in durable batches, resuming where an earlier run ended; or one store into another.

use super::datasets::DatasetFlags;
use super::moving::Moving;
use super::rows::{Kind, ParquetRows};
use super::{Failure, Settings, block_on, say, tell};
use crate::api::{self, LineResult, Problem};
use crate::app::App;
use crate::domain::audit_chain::{Action, Outcome};
use crate::domain::field::FieldError;
use crate::domain::ids::TenantId;
use crate::domain::request::Caller;
use crate::limits::BULK_BATCH_LINES_MAX;
use crate::telemetry;
use actix_web::web::Data;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Load components, entries or datasets in bulk.
#[derive(Debug, Args)]
pub(super) struct Ingest {
    #[command(flatten)]
    settings: Settings,
    /// NDJSON, or Parquet with the prototype's columns; of datasets CSV, NDJSON or Parquet, which gzip may have compressed. Of a folder all of
    /// its files.
    #[arg(required_unless_present = "from", conflicts_with_all = ["from", "to"], value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    moving: Moving,
    /// What the lines are; found from the first line where absent.
    #[arg(long, value_enum, conflicts_with = "from")]
    kind: Option<Kind>,
    #[command(flatten)]
    dataset: DatasetFlags,
    /// The strategy of entries that name none.
    #[arg(long, value_name = "S", conflicts_with = "from")]
    strategy: Option<String>,
    /// For which tenant.
    #[arg(long, value_name = "TENANT", default_value = "default", value_parser = super::tenant)]
    tenant: TenantId,
    /// Leave datasets that are there as they are, where each file is one of its own.
    #[arg(long, conflicts_with_all = ["from", "again"])]
    keep: bool,
    /// Load files that were loaded before again.
    #[arg(long, conflicts_with = "from")]
    again: bool,
    /// Report as JSON.
    #[arg(long)]
    json: bool,
}

/// What became of one file.
#[derive(Debug, Default, Serialize)]
struct Report {
    file: String,
    created: usize,
    replaced: usize,
    bad: usize,
    skipped: usize,
    seconds: f64,
}

/// How far a file was loaded, kept beside the store.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Checkpoint {
    version: u32,
    rows_done: usize,
}

impl Ingest {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let mut config = self.settings.load(None)?;
        if let Some(strategy) = &self.strategy {
            config.strategies.default.clone_from(strategy);
        }
        telemetry::logs::start(&config.log)?;
        if let Some(places) = self.moving.asked() {
            return self.moving.run(&config, places, self.json);
        }
        let reports = block_on(async {
            let app = Data::new(App::open(&config).await?);
            let mut reports = Vec::new();
            for path in &self.files().map_err(|(path, error)| format!("{}: {error}", path.display()))? {
                let unreadable = |error: std::io::Error| format!("{}: {error}", path.display());
                let rows = match self.kind {
                    Some(kind) => kind == Kind::Dataset,
                    None => Kind::of(path).map_err(unreadable)? == Kind::Dataset,
                };
                reports.push(match rows {
                    true => self.rows(&app, path, reports.is_empty()).await?,
                    false => self.file(&app, path, &config.store.data_dir).await?,
                });
            }
            app.decider.store.flush().await?;
            Ok::<_, Failure>(reports)
        })?;
        if self.json {
            tell(&serde_json::to_string(&reports)?)?;
        } else {
            for r in &reports {
                let Report { file, created, replaced, bad, skipped, seconds } = r;
                tell(&format!("{file}: {created} new, {replaced} replaced, {bad} bad, {skipped} loaded before, {seconds:.1} s"))?;
            }
        }
        let bad = reports.iter().any(|r| r.bad > 0);
        Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// The files, with those of each folder in its place, in order of their names.
    fn files(&self) -> Result<Vec<PathBuf>, (PathBuf, std::io::Error)> {
        let mut files = Vec::new();
        for path in &self.files {
            if !path.is_dir() {
                files.push(path.clone());
                continue;
            }
            let unreadable = |error| (path.clone(), error);
            let entries = std::fs::read_dir(path).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
            let visible = |file: &PathBuf| {
                file.is_file() && !file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
            };
            let mut inside: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(visible).collect();
            inside.sort();
            if inside.is_empty() {
                return Err((
                    path.clone(),
                    std::io::Error::new(std::io::ErrorKind::NotFound, "there are no files in this folder"),
                ));
            }
            files.extend(inside);
        }
        Ok(files)
    }

    /// Puts the rows of a file under the name of a dataset. They come whole or not at all, so that nothing is kept of how far it came.
    async fn rows(&self, app: &App, path: &Path, first: bool) -> Result<Report, Failure> {
        let since = Instant::now();
        let caller = Caller { user: Some("instinct ingest".into()), ..Caller::trusted(self.tenant.clone()) };
        let count = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
        let named = self.dataset.is_named();
        let held = if named || !self.keep { None } else { app.decider.dataset(&self.tenant, &self.dataset.dataset(path)?) };
        if let Some(held) = held {
            return Ok(Report { file: path.display().to_string(), skipped: count(held.rows), ..Report::default() });
        }
        let head = self.dataset.put(app, &caller, (path, first || !named)).await?;
        let (bad, read) = (count(head.report.bad_rows), count(head.report.rows_read));
        let seconds = since.elapsed().as_secs_f64();
        Ok(Report { file: path.display().to_string(), created: read - bad.min(read), bad, seconds, ..Report::default() })
    }

    async fn file(&self, app: &Data<App>, path: &Path, data_dir: &Path) -> Result<Report, Failure> {
        let unreadable = |e: std::io::Error| format!("{}: {e}", path.display());
        let kind = match self.kind {
            Some(kind) if Kind::of(path).map_err(unreadable)? != Kind::Prototype => kind,
            _ => Kind::of(path).map_err(unreadable)?,
        };
        let checkpoint = checkpoint_path(app, (path, &self.tenant), data_dir, kind).map_err(unreadable)?;
        let done = if self.again { 0 } else { read_checkpoint(&checkpoint) };
        let mut load = Load::new(path, checkpoint, done);
        match kind {
            Kind::Components => {
                let lines = lines::<api::ComponentRequest>(path).map_err(unreadable)?;
                load.all(lines, |batch| api::write_components(Data::clone(app), self.tenant.clone(), batch)).await?;
            }
            Kind::Entries => {
                let lines = lines::<api::EntryRequest>(path).map_err(unreadable)?;
                load.all(lines, |batch| api::write_entries(Data::clone(app), self.tenant.clone(), batch)).await?;
            }
            // Read elsewhere, as a whole.
            Kind::Dataset => {}
            Kind::Prototype => {
                let rows = ParquetRows::open(path)?;
                load.bar.set_length(rows.total as u64);
                load.all(rows.enumerate().map(|(i, row)| (i + 1, row)), |batch| async {
                    let checked = |read: Result<api::InsertRequest, FieldError>| {
                        read.and_then(|row| row.checked(app)).map_err(|e| Problem::field(api::Kind::NOT_ALLOWED, e))
                    };
                    let batch = batch.into_iter().map(|(row, read)| (row, checked(read))).collect();
                    api::remember_lines(app, &self.tenant, batch).await
                })
                .await?;
            }
        }
        let report = load.end();
        let action = if kind == Kind::Components { Action::ComponentsWrite } else { Action::EntriesWrite };
        let caller = Caller { user: Some("instinct ingest".into()), ..Caller::trusted(self.tenant.clone()) };
        let Report { created, replaced, bad, .. } = report;
        let came = json!({ "created": created, "replaced": replaced, "failed": bad });
        api::Audited::by_command(caller, action, json!({ "file": &report.file })).record(app, Outcome::Done, came).await?;
        Ok(report)
    }
}

/// The lines of a file that are not blank, read, with their numbers.
fn lines<T: DeserializeOwned>(path: &Path) -> std::io::Result<impl Iterator<Item = (usize, Result<T, FieldError>)>> {
    let file = BufReader::new(File::open(path)?);
    let read = |line: std::io::Result<Vec<u8>>| match line {
        Ok(bytes) => api::read_json(&bytes),
        Err(error) => Err(FieldError::new("", error.to_string())),
    };
    let blank = |line: &std::io::Result<Vec<u8>>| matches!(line, Ok(bytes) if bytes.iter().all(u8::is_ascii_whitespace));
    Ok(file.split(b'\n').enumerate().filter(move |(_, line)| !blank(line)).map(move |(i, line)| (i + 1, read(line))))
}

/// One file on its way in.
struct Load {
    report: Report,
    checkpoint: PathBuf,
    skip: usize,
    rows: usize,
    all_done: bool,
    bar: ProgressBar,
    since: Instant,
    told: Instant,
}

impl Load {
    fn new(path: &Path, checkpoint: PathBuf, skip: usize) -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {pos} rows, {per_sec}") {
            bar.set_style(style);
        }
        bar.set_message(path.display().to_string());
        let report = Report { file: path.display().to_string(), ..Report::default() };
        Self { report, checkpoint, skip, rows: 0, all_done: true, bar, since: Instant::now(), told: Instant::now() }
    }

    async fn all<T, F: Future<Output = Vec<LineResult>>>(
        &mut self,
        rows: impl Iterator<Item = (usize, Result<T, FieldError>)>,
        write: impl Fn(Vec<(usize, Result<T, FieldError>)>) -> F,
    ) -> Result<(), Failure> {
        let mut rows = rows.peekable();
        for _ in 0..self.skip {
            self.report.skipped += usize::from(rows.next().is_some());
        }
        self.rows = self.report.skipped;
        while rows.peek().is_some() {
            let batch: Vec<_> = rows.by_ref().take(BULK_BATCH_LINES_MAX).collect();
            self.rows += batch.len();
            self.progress();
            let results = write(batch).await;
            self.all_done &= results.iter().all(|r| r.error.as_ref().is_none_or(Problem::is_final));
            for result in &results {
                self.count(result);
            }
            // A row that failed for a reason outside of itself is tried again by the next run, and so is what follows it.
            if !self.all_done {
                continue;
            }
            // Written after the batch is durable: a run that is killed repeats one batch at most, and repeating is harmless.
            write_checkpoint(&self.checkpoint, self.rows)?;
        }
        Ok(())
    }

    fn count(&mut self, result: &LineResult) {
        match (result.status, &result.error) {
            (_, Some(error)) => {
                self.report.bad += 1;
                self.bar.suspend(|| say(&format!("{}:{}: {error}", self.report.file, result.line)));
            }
            ("created", None) => self.report.created += 1,
            _ => self.report.replaced += 1,
        }
    }

    fn progress(&mut self) {
        self.bar.set_position(self.rows as u64);
        if self.bar.is_hidden() && self.told.elapsed() > Duration::from_secs(2) {
            self.told = Instant::now();
            say(&format!("{}: {} rows", self.report.file, self.rows));
        }
    }

    fn end(mut self) -> Report {
        self.bar.finish_and_clear();
        self.report.seconds = self.since.elapsed().as_secs_f64();
        self.report
    }
}

/// The name says all that a row's result depends on: the file's bytes, its kind, the model and the partition of the strategy.
fn checkpoint_path(app: &App, (path, tenant): (&Path, &TenantId), data_dir: &Path, kind: Kind) -> std::io::Result<PathBuf> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    let decider = &app.decider;
    hasher.update(format!("{kind:?}").as_bytes());
    hasher.update(decider.embedder.model().to_string().as_bytes());
    if let Ok(partition) = decider.partition_of(tenant, &decider.strategies.default) {
        hasher.update(partition.as_bytes());
    }
    let folder = data_dir.join("ingested");
    std::fs::create_dir_all(&folder)?;
    Ok(folder.join(format!("{}.json", hasher.finalize().to_hex())))
}

fn read_checkpoint(path: &Path) -> usize {
    let read = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Checkpoint>(&bytes).ok());
    read.filter(|checkpoint| checkpoint.version == 1).map_or(0, |checkpoint| checkpoint.rows_done)
}

fn write_checkpoint(path: &Path, rows_done: usize) -> Result<(), Failure> {
    let half_written = path.with_extension("tmp");
    std::fs::write(&half_written, serde_json::to_vec(&Checkpoint { version: 1, rows_done })?)?;
    std::fs::rename(&half_written, path)?;
    Ok(())
}
