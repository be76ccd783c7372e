//! All records from one store to another, of whatever make, with a checksum at the end.
//!
//! Nothing is kept of how far a move came: what the destination has already is not written again, so a move that was killed
//! goes on when it is started again. A destination that has anything which the source has not is left alone, unless the two are to be merged;
//! then of two records of one key the later holds.
//!
//! A record that ends within [`SOON_SEC`] is moved with the rest and not compared: it may end on one side while the other is read.

mod digest;
mod feed;
#[cfg(test)]
mod tests;

pub use digest::Checksum;
pub use feed::{Batch, Feed};

use super::{CodecError, Record, RecordKey, RecordKind, Store, StoreError, Write, read_many};
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds in which a record ends that is not compared: longer than both sides take to read.
pub const SOON_SEC: u64 = 900;

/// Damaged records of one side that a report names.
pub const DAMAGED_SHOWN_MAX: usize = 1_000;

/// How to move.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Nothing is written: the two sides are compared as they are.
    pub verify_only: bool,
    /// Whether the destination may have records that the source has not.
    pub merge: bool,
    /// Which kinds of record.
    pub kinds: &'static [RecordKind],
    /// When it is.
    pub now: Timestamp,
    /// Seconds for which both sides keep decision records.
    pub decision_retention_sec: u64,
}

/// Why a move is not made.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// One of the stores failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record can't be written as it is.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The destination is not empty, and what is there is not of this source.
    #[error(
        "the destination has records that the source has not, or has otherwise, `{key}` among them: merge the two, or name an empty one"
    )]
    NotEmpty {
        /// One of them.
        key: String,
    },
}

/// What became of the records of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Which kind.
    pub kind: &'static str,
    /// Records of the source.
    pub found: u64,
    /// Of them, those that were written.
    pub written: u64,
    /// Those that the destination had already.
    pub equal: u64,
    /// Those of which the destination has a later one, which stays.
    pub later_kept: u64,
    /// Those that end soon, and are not compared.
    pub ending_soon: u64,
    /// Records of the source that can't be read.
    pub damaged: u64,
    /// Records of the destination that can't be read.
    pub damaged_there: u64,
    /// Of what the source has and the destination must have.
    pub checksum_from: Checksum,
    /// Of what the destination has of that.
    pub checksum_to: Checksum,
}

impl Moved {
    fn new(kind: RecordKind) -> Self {
        let none = Checksum::default();
        Self {
            kind: kind.as_str(),
            found: 0,
            written: 0,
            equal: 0,
            later_kept: 0,
            ending_soon: 0,
            damaged: 0,
            damaged_there: 0,
            checksum_from: none,
            checksum_to: none,
        }
    }

    /// Whether the destination has what the source has.
    pub fn same(&self) -> bool {
        self.checksum_from == self.checksum_to && self.damaged_there == 0
    }
}

/// What became of all records.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Of each kind.
    pub kinds: Vec<Moved>,
    /// Keys of damaged records of the source, at most [`DAMAGED_SHOWN_MAX`], with what is wrong.
    pub damaged: Vec<String>,
}

impl Report {
    /// Whether all that the source has is there, and nothing was damaged.
    pub fn whole(&self) -> bool {
        self.kinds.iter().all(|kind| kind.same() && kind.damaged == 0)
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// What is being done.
    pub step: &'static str,
    /// With which kind.
    pub kind: RecordKind,
    /// Records of it so far.
    pub records: u64,
}

/// A move.
#[derive(Debug)]
pub struct Move {
    /// From where.
    pub from: Arc<dyn Store>,
    /// To where.
    pub to: Arc<dyn Store>,
    /// How.
    pub options: Options,
}

impl Move {
    /// Moves, and compares.
    ///
    /// # Errors
    /// [`MoveError`] where a store fails or the destination must be left alone. What was written until then stays, and another move goes on
    /// from there.
    pub async fn run(&self, tell: &Tell<'_>) -> Result<Report, MoveError> {
        let writes = !self.options.verify_only;
        let empty = if writes { self.look_at_destination(tell).await? } else { false };
        let mut report = Report::default();
        for &kind in self.options.kinds {
            let mut moved = Moved::new(kind);
            let mut feed = Feed::start(&self.from, kind);
            while let Some(batch) = feed.next().await? {
                let records = readable(batch, &mut moved, &mut report.damaged);
                for (_, records) in by_tenant(records) {
                    self.batch(records, empty, &mut moved).await?;
                }
                tell(Progress { step: if writes { "moving" } else { "reading" }, kind, records: moved.found });
            }
            report.kinds.push(moved);
        }
        if writes {
            self.to.flush().await?;
        }
        for (&kind, moved) in self.options.kinds.iter().zip(&mut report.kinds) {
            self.compare(kind, moved, tell).await?;
        }
        Ok(report)
    }

    /// Whether the destination is empty; refused where it has what the source has not.
    async fn look_at_destination(&self, tell: &Tell<'_>) -> Result<bool, MoveError> {
        let mut empty = true;
        for &kind in self.options.kinds {
            let (mut feed, mut seen) = (Feed::start(&self.to, kind), 0);
            while let Some(batch) = feed.next().await? {
                empty = false;
                if self.options.merge {
                    return Ok(false);
                }
                seen += batch.len() as u64;
                tell(Progress { step: "looking at the destination", kind, records: seen });
                // What is damaged there is written anew.
                let there: Vec<Record> = batch.into_iter().flatten().filter(|record| !self.ends_soon(record)).collect();
                let keys: Vec<RecordKey> = there.iter().map(Record::key).collect();
                let of_source = read_many(&*self.from, &keys).await?;
                for record in &there {
                    let key = record.key();
                    if !of_source.get(&key).map_or(Ok(false), |of_source| goes_on_from(of_source, record))? {
                        return Err(MoveError::NotEmpty { key: key.to_string() });
                    }
                }
            }
        }
        Ok(empty)
    }

    /// Counts the records of one tenant, and writes those that the destination has not.
    async fn batch(&self, records: Vec<Record>, empty: bool, moved: &mut Moved) -> Result<(), MoveError> {
        let there = if empty { BTreeMap::new() } else { self.pairs(&records).await? };
        let mut writes = Vec::new();
        for (at, record) in records.into_iter().enumerate() {
            moved.found += 1;
            let beside = there.get(&at).map_or(Beside::Otherwise, |(beside, _)| *beside);
            match beside {
                Beside::Equal => moved.equal += 1,
                Beside::Later => moved.later_kept += 1,
                Beside::Otherwise => {}
            }
            if self.ends_soon(&record) {
                moved.ending_soon += 1;
            } else if beside != Beside::Later {
                moved.checksum_from.add(Checksum::of(&record)?);
            }
            if beside == Beside::Otherwise && !self.options.verify_only {
                writes.push(Write::Put(record));
            }
        }
        moved.written += writes.len() as u64;
        if !writes.is_empty() {
            self.to.commit(writes).await?;
        }
        Ok(())
    }

    /// What the destination has under the keys of `records`, by their places.
    async fn pairs(&self, records: &[Record]) -> Result<BTreeMap<usize, (Beside, Record)>, MoveError> {
        let keys: Vec<RecordKey> = records.iter().map(Record::key).collect();
        let mut there = read_many(&*self.to, &keys).await?;
        let mut pairs = BTreeMap::new();
        for (at, (key, record)) in keys.iter().zip(records).enumerate() {
            let Some(here) = there.remove(key) else { continue };
            let beside = if equal(&here, record)? {
                Beside::Equal
            } else if self.options.merge && here.outdates(record) {
                Beside::Later
            } else {
                Beside::Otherwise
            };
            pairs.insert(at, (beside, here));
        }
        Ok(pairs)
    }

    /// Sums up what the destination has: all of it, or, where it has other records too, what stands under the keys of the source.
    async fn compare(&self, kind: RecordKind, moved: &mut Moved, tell: &Tell<'_>) -> Result<(), MoveError> {
        let side = if self.options.merge { &self.from } else { &self.to };
        let (mut feed, mut seen) = (Feed::start(side, kind), 0);
        while let Some(batch) = feed.next().await? {
            seen += batch.len() as u64;
            tell(Progress { step: "comparing", kind, records: seen });
            if !self.options.merge {
                for read in batch {
                    match read {
                        Ok(record) if self.ends_soon(&record) => {}
                        Ok(record) => moved.checksum_to.add(Checksum::of(&record)?),
                        Err(_) => moved.damaged_there += 1,
                    }
                }
                continue;
            }
            for (_, records) in by_tenant(batch.into_iter().flatten().filter(|record| !self.ends_soon(record))) {
                for (beside, here) in self.pairs(&records).await?.into_values() {
                    if beside != Beside::Later {
                        moved.checksum_to.add(Checksum::of(&here)?);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a record may end on one side while the other is read.
    fn ends_soon(&self, record: &Record) -> bool {
        let end = match record {
            Record::Decision(decision) => {
                let given_out = i64::try_from(decision.id.millis()).unwrap_or(i64::MAX);
                Some(Timestamp::from_micros(given_out.saturating_mul(1_000)).plus_seconds(self.options.decision_retention_sec))
            }
            record => record.expires_at(),
        };
        end.is_some_and(|end| end <= self.options.now.plus_seconds(SOON_SEC))
    }
}

/// Who is told how far a move is.
pub type Tell<'a> = dyn Fn(Progress) + Send + Sync + 'a;

/// How a record of the destination stands to that of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// They are the same.
    Equal,
    /// It is later, and stays.
    Later,
    /// It is another, or there is none.
    Otherwise,
}

fn equal(a: &Record, b: &Record) -> Result<bool, CodecError> {
    Ok(Checksum::of(a)? == Checksum::of(b)?)
}

/// Whether a record of the source is that of the destination, or what has become of it: the end of a chain of audit events moves on.
fn goes_on_from(of_source: &Record, there: &Record) -> Result<bool, CodecError> {
    let grown = matches!(there, Record::AuditChain(_)) && of_source.outdates(there);
    Ok(grown || equal(of_source, there)?)
}

/// A commit on a cluster is of one tenant.
fn by_tenant(records: impl IntoIterator<Item = Record>) -> BTreeMap<TenantId, Vec<Record>> {
    let mut by_tenant: BTreeMap<TenantId, Vec<Record>> = BTreeMap::new();
    for record in records {
        by_tenant.entry(record.key().tenant().clone()).or_default().push(record);
    }
    by_tenant
}

/// The records that could be read; the others are noted.
fn readable(batch: Vec<Result<Record, CodecError>>, moved: &mut Moved, damaged: &mut Vec<String>) -> Vec<Record> {
    let mut records = Vec::new();
    for read in batch {
        match read {
            Ok(record) => records.push(record),
            Err(error) => {
                moved.damaged += 1;
                if damaged.len() < DAMAGED_SHOWN_MAX {
                    damaged.push(error.to_string());
                }
            }
        }
    }
    records
}
