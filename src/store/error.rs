//! What can go wrong with the store, in words that an operator can act on.

use super::codec::CodecError;
use crate::redis::RedisError;
use std::path::PathBuf;

/// Why the store could not be opened, read or written.
#[derive(Debug, Clone, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are the words of each message")]
pub enum StoreError {
    /// A setting is out of its range.
    #[error("the setting store.{field} = {given} can't be used: {rule}")]
    Setting { field: &'static str, given: String, rule: String },
    /// The data directory can't be one.
    #[error("{} is not a directory: name another data directory, or move that file away", dir.display())]
    NotADirectory { dir: PathBuf },
    /// The process has no right to it.
    #[error("no permission to read and write {}: give it to the user that this process runs as", dir.display())]
    Denied { dir: PathBuf },
    /// Another process has it open.
    #[error("{} is in use by another process: stop that one, or name another data directory", dir.display())]
    Locked { dir: PathBuf },
    /// It was written by another version of this program.
    #[error(
        "{} holds data of layout {found}, and this program reads layout {known}: run the version that wrote it, \
         or name another data directory", dir.display()
    )]
    Layout { dir: PathBuf, found: String, known: &'static str },
    /// What is there can't be read as a store.
    #[error("the data in {} is damaged ({detail}): restore it from a backup, or start with an empty data directory", dir.display())]
    Damaged { dir: PathBuf, detail: String },
    /// No room is left.
    #[error("the disk of {} is full: make room and restart, for no write is taken until then", dir.display())]
    DiskFull { dir: PathBuf },
    /// The disk or the file system failed.
    #[error("{action} failed in {}: {detail}; look at the disk and restart, for no write is taken until then", dir.display())]
    Disk { action: &'static str, dir: PathBuf, detail: String },
    /// A record can't be written as it is, or what is stored can't be read.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The queue of writes that nobody waits for has no room; the record was not taken.
    #[error("the queue of the store is full with {capacity} records: the disk does not keep up")]
    QueueFull { capacity: usize },
    /// The server of the store does not answer.
    #[error("the store is away: {detail}")]
    Away { detail: String },
    /// The store is away, and what is kept for it has no more room.
    #[error(
        "the store is away, and the journal that keeps what it is owed is full with {records} records in {bytes} bytes: \
         bring the store back, or raise store.journal.records_max and store.journal.bytes_max"
    )]
    JournalFull { records: usize, bytes: u64 },
    /// The journal can't be written or read.
    #[error("the journal of what the store is owed can't be used: {detail}")]
    Journal { detail: String },
    /// The server of the store refused.
    #[error(transparent)]
    Redis(RedisError),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same write may be taken later by this process: its server is away, or refuses until an operator has put something right.
    pub fn passes(&self) -> bool {
        match self {
            Self::Away { .. } | Self::QueueFull { .. } => true,
            Self::Redis(error) => error.passes(),
            _ => false,
        }
    }
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        match error {
            RedisError::Closed => Self::Closed,
            away if away.away() => Self::Away { detail: away.to_string() },
            refused => Self::Redis(refused),
        }
    }
}
