//! What several processes over one store have in common: a stream of what changed, leases, a counter of generations, token buckets, and
//! notes that last for a while.
//!
//! Each process keeps all that it serves in its own memory. It fills that once by a scan and then follows the stream: a change says which
//! record was written, never what was written, so that applying it twice, late, or out of order with another does no harm. The record
//! itself is read from the store when the change is applied.
//!
//! Invariants:
//! - a change is in the stream if and only if its write is in the store: both are one transaction;
//! - whoever reads on from a [`Position`] that was taken before a scan misses nothing that the scan did not show;
//! - a lease is held by one process at a time, and its fence grows with each holder: what a holder commits under a lease that has
//!   gone to another is refused;
//! - generations are given out once.

use super::buckets::SharedBuckets;
use super::{CodecError, Record, RecordKey, RecordKind, StoreError, Write};
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::time::Duration;

/// Whether processes follow the changes of this kind. The vectors of fresh texts, audit records, the
/// rows of datasets and the answers that can be judged are read where they are needed.
pub fn followed(kind: RecordKind) -> bool {
    match kind {
        RecordKind::Component
        | RecordKind::Entry
        | RecordKind::TagEnd
        | RecordKind::Judgement
        | RecordKind::Market
        | RecordKind::Plan
        | RecordKind::Fit
        | RecordKind::Dataset
        | RecordKind::Knowledge => true,
        RecordKind::Text
        | RecordKind::Decision
        | RecordKind::AuditEvent
        | RecordKind::AuditChain
        | RecordKind::DatasetPart
        | RecordKind::Judgeable => false,
    }
}

/// A place in the stream of changes: the last id that was read of each of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    pub(super) parts: BTreeMap<TenantId, (u64, u64)>,
}

impl Position {
    /// Whether whoever has read up to here has read all that `other` has.
    pub fn covers(&self, other: &Self) -> bool {
        other.parts.iter().all(|(part, end)| self.parts.get(part).is_some_and(|seen| seen >= end))
    }
}

/// That a record was written or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub key: RecordKey,
    /// Whether this process did it.
    pub own: bool,
    /// When, by the clock of the store.
    pub at: Timestamp,
}

/// What followed a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// In the order of their writes within a tenant.
    pub changes: Vec<Change>,
    /// Where to read on.
    pub position: Position,
    /// Whether the stream no longer holds all that followed: then memory has to be filled anew, from a position taken before.
    pub gap: bool,
}

/// The right to do what is done once, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Whose work it is.
    pub tenant: TenantId,
    /// For what. Printable ASCII without spaces, at most 128 bytes.
    pub name: String,
    /// Greater than that of every earlier holder.
    pub fence: u64,
}

/// What came of asking for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// It is this process's now.
    Mine(Lease),
    /// Another holds it.
    Held,
    /// The last holder is done, and left this word for those who waited.
    Done(String),
}

/// Changes that one call of [`Shared::changes`] gives at most, of each tenant.
pub const CHANGES_MAX: usize = 1_024;

/// A store that other processes read and write as well.
#[async_trait]
pub trait Shared: SharedBuckets {
    /// The end of the stream, as of now.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    async fn position(&self) -> Result<Position, StoreError>;

    /// The changes after `after`, at most [`CHANGES_MAX`] of each tenant; waits up to `wait` for the first. None came where it gives none:
    /// this process was in step with the store while it waited. That the store lost changes, at rest, may be told a second late.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    async fn changes(&self, after: &Position, wait: Duration) -> Result<Changes, StoreError>;

    /// The records under `keys`, in their order, in one round trip. A record that can't be read is an error of its own.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    async fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Result<Option<Record>, CodecError>>, StoreError>;

    /// The latest generation that any process was given; 0 where none was.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    async fn generation(&self) -> Result<u64, StoreError>;

    /// A generation that no process was given before and that is greater than `above`.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    async fn next_generation(&self, above: u64) -> Result<u64, StoreError>;

    /// Asks for a lease that ends by itself after `lasts`.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    async fn acquire(&self, tenant: &TenantId, name: &str, lasts: Duration) -> Result<Acquired, StoreError>;

    /// Has a lease last for `lasts` from now; `false` where it has gone.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    async fn renew(&self, lease: &Lease, lasts: Duration) -> Result<bool, StoreError>;

    /// Gives a lease back. Where there is a word it is told for a while to those who ask for the lease, and nobody gets it
    /// until then. `false` where it had gone.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    async fn release(&self, lease: &Lease, word: Option<(&str, Duration)>) -> Result<bool, StoreError>;

    /// As [`super::Store::commit`], where the lease is still held; `false`, and nothing is stored, where it has gone. All records are of
    /// the tenant of the lease.
    ///
    /// # Errors
    /// [`StoreError`]; then it is not known to be stored.
    async fn commit_under(&self, lease: &Lease, writes: Vec<Write>) -> Result<bool, StoreError>;

    /// Leaves a note for all processes in the place of the one of its name, for `lasts`. A name is printable ASCII without spaces, at most
    /// 128 bytes. A note is not durable, and nobody is told of it.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    async fn leave_note(&self, tenant: &TenantId, name: &str, note: &str, lasts: Duration) -> Result<(), StoreError>;

    /// The note of a name that any process left last, while it lasts.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    async fn note(&self, tenant: &TenantId, name: &str) -> Result<Option<String>, StoreError>;
}
