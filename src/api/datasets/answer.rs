//! What is told of datasets.

use crate::dataset::{csv_rows, ndjson_rows};
use crate::domain::dataset::{ContentHash, DatasetColumn, DatasetHead, DatasetReport, DatasetSettings, DatasetVersion};
use crate::domain::frame::Frame;
use crate::domain::ids::DatasetName;
use crate::domain::time::Timestamp;
use serde::Serialize;
use std::sync::Arc;

/// A dataset without its rows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct DatasetAnswer {
    #[serde(flatten)]
    short: DatasetInShort,
    /// Its columns in order.
    columns: Vec<DatasetColumn>,
    /// How it was read.
    settings: DatasetSettings,
    /// What was found when it was read.
    report: DatasetReport,
}

/// A dataset in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct DatasetInShort {
    /// Its name.
    #[schema(value_type = String)]
    name: DatasetName,
    /// Counted up with each write, from 1; 0 for the bars of `/v1/market`.
    version: u64,
    /// When this version was written; absent for bars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    /// By whom; absent where no credentials are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    written_by: Option<Arc<str>>,
    /// How many rows it has.
    rows: u64,
    /// Of what the rows hold, whatever file they came in.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    hash: ContentHash,
    /// First and last moment, where a column says when.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    window: Option<[Timestamp; 2]>,
    /// Bytes that it takes in the store, about.
    bytes: u64,
    /// When it ends; never where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Datasets of a tenant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct DatasetsAnswer {
    /// By name.
    pub datasets: Vec<DatasetInShort>,
    /// What `after` is for those behind them; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl DatasetInShort {
    pub(super) fn of(head: &DatasetHead) -> Self {
        Self {
            name: head.name.clone(),
            version: head.version,
            created_at: Some(head.created_at),
            written_by: head.written_by.clone(),
            rows: head.rows,
            hash: head.hash,
            window: head.window,
            bytes: head.bytes(),
            expires_at: head.expires_at(),
        }
    }
}

impl DatasetAnswer {
    pub(super) fn of(head: &DatasetHead) -> Self {
        Self {
            short: DatasetInShort::of(head),
            columns: head.columns.clone(),
            settings: head.settings.clone(),
            report: head.report.clone(),
        }
    }

    /// That of bars, which nobody put as a dataset.
    pub(super) fn of_bars(name: &DatasetName, (frame, version): (&Frame, DatasetVersion)) -> Self {
        let rows = frame.rows() as u64;
        let settings = DatasetSettings {
            time_column: Some("time".to_owned()),
            key: vec!["time".to_owned(), "symbol".to_owned()],
            order: vec!["symbol".to_owned(), "time".to_owned()],
            ..DatasetSettings::default()
        };
        Self {
            short: DatasetInShort {
                name: name.clone(),
                version: version.version,
                created_at: None,
                written_by: None,
                rows,
                hash: version.hash,
                window: version.window,
                bytes: 0,
                expires_at: None,
            },
            columns: DatasetColumn::all_of(frame),
            settings,
            report: DatasetReport { rows_read: rows, ..DatasetReport::default() },
        }
    }
}

/// Rows as text.
pub(super) fn rows_as(frame: &Frame, csv: bool) -> Result<Vec<u8>, String> {
    if csv { csv_rows(frame).map_err(|e| e.to_string()) } else { ndjson_rows(frame).map_err(|e| e.to_string()) }
}
