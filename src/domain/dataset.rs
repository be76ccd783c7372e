//! Datasets on record: what a tenant put under a name, in which version, and what was found when it was read.
//!
//! Invariants: a version is greater than every earlier one of its name; the hash is that of what the rows hold, whatever file they came in;
//! a head with a version has all its parts.

use super::field::FieldError;
use super::frame::{Column, Frame};
use super::ids::{DatasetName, TenantId, UploadId};
use super::time::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Numbers.
    Number,
    /// Moments.
    Time,
    /// Texts.
    Text,
    /// Yes or no.
    Flag,
}

impl ColumnType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Number, Self::Time, Self::Text, Self::Flag];

    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Time => "time",
            Self::Text => "text",
            Self::Flag => "flag",
        }
    }

    /// That of a column.
    pub fn of(column: &Column) -> Self {
        match column {
            Column::Number(_) => Self::Number,
            Column::Time(_) => Self::Time,
            Column::Text(_) => Self::Text,
            Column::Flag(_) => Self::Flag,
        }
    }
}

/// A column of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetColumn {
    /// Its name, with its unit where whoever wrote it put one there.
    #[schema(value_type = String)]
    pub name: Arc<str>,
    /// What it holds.
    #[serde(rename = "type")]
    pub holds: ColumnType,
}

impl DatasetColumn {
    /// The columns of a frame.
    pub fn all_of(frame: &Frame) -> Vec<Self> {
        frame.columns().iter().map(|(name, column)| Self { name: Arc::clone(name), holds: ColumnType::of(column) }).collect()
    }
}

/// A hash of content: BLAKE3, 64 hexadecimal digits where it is printed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// That of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Reads what is printed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        let hash = Self(bytes);
        // Digits in upper case would be another spelling of the same.
        (hash.to_string() == text).then_some(hash)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("64 hexadecimal digits are expected"))
    }
}

/// Which content a dataset has now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatasetVersion {
    /// Counted up with each write from 1; 0 for bars, which have none.
    pub version: u64,
    /// Of what the rows hold.
    pub hash: ContentHash,
    /// First and last moment, where there are moments.
    pub window: Option<[Timestamp; 2]>,
}

/// How a dataset was read, for whoever appends to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetSettings {
    /// The column that says when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_column: Option<String>,
    /// The zone of times without an offset, an IANA name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The columns by which two rows are the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// The columns that the rows are sorted by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<String>,
    /// Seconds between two rows, where they are regular; found out where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_sec: Option<u64>,
}

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BadRow {
    /// Which, counted from 1; a heading is not counted.
    pub row: u64,
    /// In which column, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is wrong.
    pub detail: String,
}

/// Times that are missing in a regular step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Gaps {
    /// Seconds of the step.
    pub step_sec: f64,
    /// How many gaps there are.
    pub count: u64,
    /// Rows that they lack together.
    pub missing: u64,
    /// The first of them: the last moment before and the first after each.
    #[schema(value_type = Vec<Vec<String>>)]
    pub shown: Vec<[Timestamp; 2]>,
}

/// Numbers far from the others of their column. They are flagged, and stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Outliers {
    /// Of which column.
    pub column: String,
    /// How many.
    pub count: u64,
    /// The farthest of them: the row as it is kept, counted from 1, and its robust z.
    #[schema(value_type = Vec<Vec<f64>>)]
    pub shown: Vec<(u64, f64)>,
}

/// What was found when rows were read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetReport {
    /// Rows that came.
    pub rows_read: u64,
    /// Rows that were left out because they could not be read.
    pub bad_rows: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad: Vec<BadRow>,
    /// Of the bad rows, those with a number that is infinite.
    pub infinite: u64,
    /// Rows of which a later one has the same key.
    pub duplicates: u64,
    /// Rows that came after one that belongs behind them.
    pub out_of_order: u64,
    /// Missing values, by column; columns without are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    pub missing: Vec<(String, u64)>,
    /// Times that are missing in a regular step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Gaps>,
    /// Numbers far from the others of their column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outliers: Vec<Outliers>,
    /// What else was found or done, in whole sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One part of the rows of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartNote {
    /// Its rows.
    pub rows: u32,
    /// Bytes that it takes in the store.
    pub bytes: u32,
}

/// Parts that were being written, and may have been left behind by a process that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unfinished {
    /// Of which upload.
    pub upload: UploadId,
    /// How many they would have been.
    pub parts: u32,
    /// Since when.
    pub since: Timestamp,
}

/// What is known of a dataset without its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetHead {
    /// Whose it is.
    pub tenant: TenantId,
    /// Under which name.
    pub name: DatasetName,
    /// Which version; 0 where nothing was put yet, and something is about to be.
    pub version: u64,
    /// When this version was written.
    pub created_at: Timestamp,
    /// By whom; absent where no credentials are asked for.
    pub written_by: Option<Arc<str>>,
    /// Its columns in order.
    pub columns: Vec<DatasetColumn>,
    /// How many rows it has.
    pub rows: u64,
    /// Of what the rows hold.
    pub hash: ContentHash,
    /// First and last moment, where a column says when.
    pub window: Option<[Timestamp; 2]>,
    /// How it was read.
    pub settings: DatasetSettings,
    /// What was found when it was read.
    pub report: DatasetReport,
    /// Under which id its parts are stored.
    pub upload: UploadId,
    /// Its parts in order.
    pub parts: Vec<PartNote>,
    /// What may have been left behind.
    pub unfinished: Vec<Unfinished>,
    /// Seconds for which this version is kept; for ever where absent.
    pub ttl_sec: Option<u64>,
}

impl DatasetHead {
    /// When it ends.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.ttl_sec.map(|ttl| self.created_at.plus_seconds(ttl))
    }

    /// Whether there is something under its name at `now`.
    pub fn is_there(&self, now: Timestamp) -> bool {
        self.version > 0 && self.expires_at().is_none_or(|end| now < end)
    }

    /// Bytes that it takes in the store, about.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| u64::from(part.bytes)).sum::<u64>() + 512
    }

    /// Which content it is.
    pub fn current(&self) -> DatasetVersion {
        DatasetVersion { version: self.version, hash: self.hash, window: self.window }
    }
}

/// Rows of a dataset, packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetPart {
    /// Whose they are.
    pub tenant: TenantId,
    /// Of which upload.
    pub upload: UploadId,
    /// Which part, from 0.
    pub number: u32,
    /// How many rows it has.
    pub rows: u32,
    /// When its upload began.
    pub created_at: Timestamp,
    /// As the head has it.
    pub ttl_sec: Option<u64>,
    /// The rows, column by column, compressed.
    pub data: Bytes,
}

impl DatasetPart {
    /// When it ends.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.ttl_sec.map(|ttl| self.created_at.plus_seconds(ttl))
    }
}

/// Checks a name of a time zone.
///
/// # Errors
/// [`FieldError`] with the pointer `/time_zone`.
pub fn checked_zone(name: &str) -> Result<jiff::tz::TimeZone, FieldError> {
    jiff::tz::TimeZone::get(name).map_err(|_| {
        FieldError::new("/time_zone", format!("`{name}` is no time zone: an IANA name such as Europe/Zurich is expected"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_one_spelling() {
        let hash = ContentHash::of(b"a");
        assert_eq!(ContentHash::parse(&hash.to_string()), Some(hash));
        assert_eq!(ContentHash::parse(&hash.to_string().to_uppercase()), None);
        assert_eq!(ContentHash::parse("ab"), None);
    }

    #[test]
    fn a_zone_that_nobody_knows_is_named() {
        assert!(checked_zone("Europe/Zurich").is_ok());
        let error = checked_zone("Mars/Base").unwrap_err();
        assert_eq!(error.pointer, "/time_zone");
    }
}
