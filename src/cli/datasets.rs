//! `instinct ingest --kind dataset`: files of rows under a name.

use super::{Failure, say};
use crate::api;
use crate::app::App;
use crate::dataset::{Format, ReadOptions, WrittenOptions};
use crate::decide::datasets::NewRows;
use crate::domain::audit_chain::{Action, Outcome};
use crate::domain::dataset::DatasetHead;
use crate::domain::ids::DatasetName;
use crate::domain::request::Caller;
use crate::limits::DATASET_UNPACKED_BYTES_MAX;
use bytes::Bytes;
use clap::Args;
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::ffi::OsStr;
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How the rows of a dataset are read.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct DatasetFlags {
    /// The name of the dataset, with `--kind dataset`. The first file takes the place of what is there, and further ones are appended. Where
    /// it is absent each file is a dataset of its own, under its name without ending, and takes the place of one that is there.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Append the first file too.
    #[arg(long, requires = "name")]
    append: bool,
    /// The column that says when.
    #[arg(long, value_name = "COLUMN", requires = "name")]
    time: Option<String>,
    /// The zone of times without an offset, such as Europe/Zurich; UTC where absent.
    #[arg(long, value_name = "ZONE", requires = "name")]
    time_zone: Option<String>,
    /// The columns by which two rows are the same, with commas; of those the last holds.
    #[arg(long, value_name = "COLUMNS", requires = "name")]
    key: Option<String>,
    /// The columns that rows are sorted by, with commas.
    #[arg(long, value_name = "COLUMNS", requires = "name")]
    order: Option<String>,
    /// What columns hold, as name:type with commas: number, text, flag, time, epoch_s or epoch_ms.
    #[arg(long, value_name = "TYPES", requires = "name")]
    types: Option<String>,
    /// Seconds between two rows, where they are regular; found out where absent.
    #[arg(long, value_name = "SECONDS", requires = "name")]
    step: Option<String>,
    /// What stands between values of CSV, one character or `tab`; found out where absent.
    #[arg(long, value_name = "CHARACTER", requires = "name")]
    delimiter: Option<String>,
    /// Whether the first line of CSV has the names: true or false; found out where absent.
    #[arg(long, value_name = "BOOL", requires = "name")]
    header: Option<String>,
    /// Take nothing where one row is bad.
    #[arg(long, requires = "name")]
    strict: bool,
}

impl DatasetFlags {
    /// Whether all files go under one name.
    pub(super) fn is_named(&self) -> bool {
        self.name.is_some()
    }

    /// The name that was given, or that of the file.
    pub(super) fn dataset(&self, path: &Path) -> Result<DatasetName, Failure> {
        let file = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let name = self.name.as_deref().unwrap_or_else(|| file.split('.').next().unwrap_or_default());
        Ok(DatasetName::new(name).map_err(|error| format!("{}: {error}; --name gives it another", path.display()))?)
    }

    fn options(&self, format: Format) -> Result<ReadOptions, Failure> {
        let written = WrittenOptions {
            time_column: self.time.as_deref(),
            time_zone: self.time_zone.as_deref(),
            key: self.key.as_deref(),
            order: self.order.as_deref(),
            types: self.types.as_deref(),
            step: self.step.as_deref(),
            delimiter: self.delimiter.as_deref(),
            header: self.header.as_deref(),
            strict: self.strict.then_some("true"),
        };
        let flag = |pointer: &str| pointer.trim_start_matches('/').replace("time_column", "time").replace('_', "-");
        Ok(written.read(format).map_err(|error| format!("--{}: {}", flag(&error.pointer), error.detail))?)
    }

    /// Puts the rows of a file under the name; `first` where no file came before it.
    pub(super) async fn put(
        &self,
        app: &App,
        caller: &Caller,
        (path, first): (&Path, bool),
    ) -> Result<Arc<DatasetHead>, Failure> {
        let (name, shown) = (self.dataset(path)?, path.display().to_string());
        let bar = spinner(&shown);
        let bytes = bytes_of(path)?;
        let append = self.append || !first;
        let mut options = self.options(Format::of_file(&shown, &head_of(&bytes)))?;
        if append {
            options = app.decider.options_to_append(&caller.tenant, &name, options);
        }
        let settings = options.settings.clone();
        bar.set_message(format!("{shown}: reading {} bytes", bytes.len()));
        let read = app.decider.read_rows(bytes, options, ()).await.map_err(|error| format!("{shown}: {error}"))?;
        bar.set_message(format!("{shown}: storing {} rows", read.frame.rows()));
        for bad in &read.report.bad {
            let column = bad.column.as_ref().map(|column| format!(", column {column}")).unwrap_or_default();
            bar.suspend(|| say(&format!("{shown}: row {}{column}: {}", bad.row, bad.detail)));
        }
        let rows = NewRows { frame: read.frame, settings, report: read.report, append, ttl_sec: None };
        let head = app.decider.put_dataset(caller, &name, rows).await.map_err(|error| format!("{shown}: {error}"))?;
        bar.finish_and_clear();
        let about = json!({ "file": shown, "dataset": &name, "append": append });
        let came = json!({ "version": head.version, "rows": head.rows, "bad_rows": head.report.bad_rows, "hash": head.hash });
        api::Audited::by_command(caller.clone(), Action::DatasetsWrite, about).record(app, Outcome::Done, came).await?;
        head.report.notes.iter().for_each(|note| say(&format!("{shown}: {note}")));
        Ok(head)
    }
}

fn spinner(shown: &str) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar.set_message(shown.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn bytes_of(path: &Path) -> Result<Bytes, Failure> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", path.display());
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > DATASET_UNPACKED_BYTES_MAX as u64 {
        return Err(format!("{}: {length} bytes are more than {DATASET_UNPACKED_BYTES_MAX}", path.display()).into());
    }
    Ok(std::fs::read(path).map_err(unreadable)?.into())
}

/// The first bytes of what is in a file, which may be compressed.
fn head_of(bytes: &Bytes) -> Vec<u8> {
    let mut head = Vec::new();
    let read = match bytes.starts_with(&[0x1f, 0x8b]) {
        true => MultiGzDecoder::new(&**bytes).take(64).read_to_end(&mut head),
        false => (&**bytes).take(64).read_to_end(&mut head),
    };
    // What can't be decompressed is told when it is read.
    if read.is_err() {
        head.clear();
    }
    head
}
