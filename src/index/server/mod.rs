//! Vectors to their nearest neighbours, in the server that has the records: for sets that outgrow the memory of a process.
//!
//! [`RediSearch`] asks a Redis with the search module, and [`Exact`] is its twin in memory; both pass one contract suite (`contract.rs`).
//! A search is input and output here, so this seam is asynchronous, and it names entries by their ids: the records are read elsewhere.
//!
//! # One index for each partition
//!
//! A partition has an index of its own, as in process: the index takes in the entries of one tenant (by the prefix of their keys) that
//! name one partition (by the filter of its definition), so a search can't leave its partition whatever it asks. The other way, one index
//! for all with the partition as a tag in the query, was measured: with a tag the module compares the query with every entry of the
//! partition, one after the other, on the thread that serves everybody (10 ms for 15,000 entries of 384 dimensions, where the index of the
//! partition alone takes 1.1 ms); told to walk the graph all the same, it finds 0.57 of the nearest eight where the other finds 0.73.
//!
//! # Invariants
//!
//! - What is found is of the tenant and the partition that were asked for.
//! - A search that starts after a deletion was committed does not find what was deleted; one that starts after a write finds it.
//! - An entry whose time to live has ended is not found, though the server may not have removed it yet; others stand in for it.
//! - A search is whole or an error: no part of a result passes for the result, neither for lack of time nor while an index is being built.
//! - An entry whose vector can't be indexed is not found, and is counted.

#[cfg(test)]
mod contract;
mod exact;
pub mod redisearch;

pub use exact::Exact;
pub use redisearch::RediSearch;

use crate::domain::entry::Entry;
use crate::domain::ids::{EntryId, TenantId};
use crate::domain::partition::PartitionKey;
use crate::domain::text::TextHash;
use crate::domain::time::Timestamp;
use crate::domain::vector::UnitVector;
use crate::limits::{INDEX_BEAM_MAX, RECALLED_ENTRIES_MIN};
use async_trait::async_trait;
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

use super::IndexError;

/// Where entries are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Where {
    /// In this process, which has all of them in memory.
    #[default]
    Process,
    /// In the server that has the records; memory has those that were of use lately.
    Server,
}

/// Settings of a search in the server. The figures are in [`redisearch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Entries that are kept in memory, those that were found last; from [`RECALLED_ENTRIES_MIN`]. Each takes about 3 kB.
    pub entries_max: usize,
    /// Candidates that the server keeps while it searches. More finds more, in more of the server's time.
    pub ef_runtime: usize,
    /// Milliseconds after which a request goes on with what is in memory.
    pub timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { entries_max: 100_000, ef_runtime: 200, timeout_ms: 50 }
    }
}

impl Config {
    /// Refuses settings that would not work.
    ///
    /// # Errors
    /// [`IndexError::BadConfig`] for the first.
    pub fn validate(&self) -> Result<(), IndexError> {
        let within = |field, found, min, max| {
            if (min..=max).contains(&found) { Ok(()) } else { Err(IndexError::BadConfig { field, min, max, found }) }
        };
        within("server.entries_max", self.entries_max, RECALLED_ENTRIES_MIN, 100_000_000)?;
        within("server.ef_runtime", self.ef_runtime, 1, INDEX_BEAM_MAX)?;
        within("server.timeout_ms", usize::try_from(self.timeout_ms).unwrap_or(usize::MAX), 1, 60_000)
    }
}

/// What one index is over: entries of one tenant in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// Whose entries.
    pub tenant: TenantId,
    /// Of which partition.
    pub partition: PartitionKey,
    /// Dimensions of their composed vectors.
    pub dim: usize,
    /// Dimensions of the vectors of their prompts.
    pub prompt_dim: usize,
}

/// By which of its vectors an entry is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The composed one.
    Composed,
    /// That of its whole prompt; entries without one are not found.
    Prompt,
}

/// A search for the nearest entries.
#[derive(Debug, Clone, Copy)]
pub struct Nearest<'a> {
    /// By which vector.
    pub by: By,
    /// To which.
    pub vector: &'a UnitVector,
    /// How many.
    pub k: usize,
}

/// An entry that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Which.
    pub id: EntryId,
    /// Cosine of the vectors that were compared, within 1e-4; 1 where the text is the same.
    pub similarity: f32,
    /// As it was when it was found.
    pub version: Version,
}

/// By what an entry that is in memory is told from the one that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// When it was written.
    pub created_at: Timestamp,
    /// The moment that it speaks of.
    pub as_of: Timestamp,
    /// Whether it serves no more.
    pub quarantined: bool,
}

impl Version {
    /// The version of an entry.
    pub fn of(entry: &Entry) -> Self {
        Self { created_at: entry.created_at, as_of: entry.as_of, quarantined: entry.quarantine.is_some() }
    }
}

/// How it stands with an index.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexState {
    /// Its name in the server.
    pub name: String,
    /// The version of its definition.
    pub version: u32,
    /// Entries that a search can find.
    pub entries: u64,
    /// Entries that could not be taken in.
    pub failures: u64,
    /// Why the last of those could not.
    pub last_failure: Option<String>,
    /// Bytes of its vectors and tags.
    pub bytes: u64,
    /// Share of the records that it has looked at since it was made; it answers from 1.
    pub built: f32,
    /// The version that is being built beside it and the share that this has looked at.
    pub successor: Option<(u32, f32)>,
}

impl IndexState {
    /// Whether it answers.
    pub fn ready(&self) -> bool {
        self.built >= 1.0
    }
}

/// Why a search in the server has no result.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
#[expect(missing_docs, reason = "the fields are the words of each message")]
pub enum SearchError {
    /// No answer in time.
    #[error("the search took longer than {within_ms} ms")]
    Late { within_ms: u64 },
    /// No connection.
    #[error("the server of the search is away: {detail}")]
    Away { detail: String },
    /// It was dropped, or never made.
    #[error("there is no index {name}")]
    NoIndex { name: String },
    /// It has not looked at all records yet.
    #[error("the index {name} is being built: {percent:.0}% is done")]
    Building { name: String, percent: f32 },
    /// The server can't do this at all.
    #[error("index.search = \"server\" can't be used with this Redis: {detail}")]
    Unfit { detail: String },
    /// The server refused, or what it said can't be read.
    #[error("the search was refused: {detail}")]
    Refused { detail: String },
    /// The definition in `cache-schemas/index.json` can't be used.
    #[error("cache-schemas/index.json: {detail}")]
    Definition { detail: String },
}

impl SearchError {
    /// The word for metrics.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Late { .. } => "late",
            Self::Away { .. } => "away",
            Self::NoIndex { .. } | Self::Building { .. } => "building",
            Self::Unfit { .. } | Self::Refused { .. } | Self::Definition { .. } => "refused",
        }
    }
}

/// A search in the server that has the records.
#[async_trait]
pub trait ServerSearch: Send + Sync + fmt::Debug {
    /// Sees to it that there is an index over a space: makes it where there is none, and replaces one of an earlier definition once its
    /// successor is built. Never waits for a build: call it again until [`IndexState::ready`] and there is no successor.
    ///
    /// # Errors
    /// [`SearchError`].
    async fn ensure(&self, space: &Space) -> Result<IndexState, SearchError>;

    /// The nearest entries, the nearest first.
    ///
    /// # Errors
    /// [`SearchError`] where the whole result can't be had `within` this time.
    async fn nearest(&self, space: &Space, wanted: Nearest<'_>, within: Duration) -> Result<Vec<Found>, SearchError>;

    /// The entries for this very text, the latest `as_of` first, at most [`crate::limits::EXACT_VERSIONS_MAX`].
    ///
    /// # Errors
    /// As for [`Self::nearest`].
    async fn exact(&self, space: &Space, text: TextHash, within: Duration) -> Result<Vec<Found>, SearchError>;
}
