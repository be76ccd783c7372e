//! Decision records: appended, hardly read, and bounded by age and by bytes.
//!
//! They lie in segments, each a keyspace of its own, of which only the newest is written. Dropping the oldest segment
//! gives its room back at the price of removing its files, while single records would have to be deleted and compacted
//! away. The tree's own first-in-first-out compaction is not used: it takes keys that only ever rise, which those
//! of several tenants don't, and it looks at neither deletes nor a record that was put twice.

use super::operation::{Change, Operation};
use crate::domain::ids::DecisionId;
use crate::domain::time::{Clock, Timestamp};
use crate::store::Config;
use crate::store::record::RecordKey;
use fjall::compaction::Leveled;
use fjall::config::{BlockSizePolicy, BloomConstructionPolicy, CompressionPolicy};
use fjall::config::{FilterPolicy, FilterPolicyEntry, PinningPolicy};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, UserValue};
use parking_lot::RwLock;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

const NAME: &str = "decisions-";

/// Parts into which retention is cut: what is past it stays on disk for at most one part longer.
const PARTS: u64 = 16;

/// Bytes written to one segment at most. With the memory of [`options`] that is eight tables, few enough to leave uncompacted.
const SEGMENT_BYTES_MAX: u64 = 256 << 20;

/// The segments.
pub(super) struct Decisions {
    /// From the oldest to the newest; never empty.
    segments: RwLock<Vec<Segment>>,
    /// Bytes written to the newest segment.
    written_bytes: AtomicU64,
    /// Ids given out before this moment are pruned, in milliseconds since the epoch.
    floor_millis: AtomicI64,
    retention_sec: u64,
    bytes_max: u64,
    clock: Clock,
}

#[derive(Clone)]
struct Segment {
    number: u64,
    /// When it was started. Everything in the segment before it was written earlier.
    since: Timestamp,
    keyspace: Keyspace,
}

impl Decisions {
    /// Under which key the store's own facts hold the floor.
    pub(super) const FLOOR: &'static str = "decision_floor_millis";

    pub(super) fn open(db: &Database, config: &Config, clock: Clock, floor_millis: i64) -> fjall::Result<Self> {
        let mut segments = Vec::new();
        for name in db.list_keyspace_names() {
            if let Some((number, since)) = parse_name(&name) {
                segments.push(Segment { number, since, keyspace: db.keyspace(&name, || options(SEGMENT_BYTES_MAX))? });
            }
        }
        segments.sort_unstable_by_key(|segment| segment.number);
        let decisions = Self {
            written_bytes: AtomicU64::new(segments.last().map_or(0, |newest| newest.keyspace.disk_space())),
            segments: RwLock::new(segments),
            floor_millis: AtomicI64::new(floor_millis),
            retention_sec: config.decision_retention_sec,
            bytes_max: config.decision_bytes_max,
            clock,
        };
        if decisions.segments.read().is_empty() {
            decisions.start_segment(db)?;
        }
        decisions.retire(db)?;
        Ok(decisions)
    }

    pub(super) fn add(&self, batch: &mut OwnedWriteBatch, operation: Operation) {
        let segments = self.segments.read();
        match operation.change {
            Change::Put { bytes, .. } => {
                if let Some(newest) = segments.last() {
                    batch.insert(&newest.keyspace, operation.key, bytes);
                }
            }
            // The record may lie in any segment, and in several where it was put again.
            Change::Delete => segments.iter().for_each(|segment| batch.remove(&segment.keyspace, operation.key.as_bytes())),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.segments.read().len()
    }

    pub(super) fn count(&self, bytes: usize) {
        self.written_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn get(&self, key: &str, id: DecisionId) -> fjall::Result<Option<UserValue>> {
        if self.hidden(id) {
            return Ok(None);
        }
        let segments = self.segments.read().clone();
        for segment in segments.iter().rev() {
            if let Some(bytes) = segment.keyspace.get(key)? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    pub(super) fn scan(&self, mut show: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>) -> fjall::Result<()> {
        let segments = self.segments.read().clone();
        for (i, segment) in segments.iter().enumerate() {
            let newer = segments.get(i + 1..).unwrap_or_default();
            for pair in segment.keyspace.iter() {
                let (key, bytes) = pair.into_inner()?;
                if self.hidden_key(&key) || contains(newer, &key)? {
                    continue;
                }
                if show(&key, &bytes).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Hides the ids given out before `before` and gives the floor as it is then; it never falls.
    pub(super) fn raise_floor(&self, before: Timestamp) -> i64 {
        let millis = before.as_millis();
        self.floor_millis.fetch_max(millis, Ordering::Relaxed).max(millis)
    }

    /// Starts a new segment where the newest is full or old.
    pub(super) fn rotate(&self, db: &Database) -> fjall::Result<()> {
        let written = self.written_bytes.load(Ordering::Relaxed);
        if written == 0 {
            return Ok(());
        }
        let age_max = self.retention_sec / PARTS;
        let old = self.segments.read().last().is_some_and(|newest| newest.since.plus_seconds(age_max) <= self.clock.now());
        if old || written >= segment_bytes(self.bytes_max) {
            self.start_segment(db)?;
            self.retire(db)?;
        }
        Ok(())
    }

    fn start_segment(&self, db: &Database) -> fjall::Result<()> {
        let since = self.clock.now();
        let number = self.segments.read().last().map_or(0, |newest| newest.number) + 1;
        let name = format!("{NAME}{number:010}-{}", since.as_millis());
        let keyspace = db.keyspace(&name, || options(segment_bytes(self.bytes_max)))?;
        self.segments.write().push(Segment { number, since, keyspace });
        self.written_bytes.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Drops the segments that hold nothing but pruned records, and the oldest while all together are too large.
    pub(super) fn retire(&self, db: &Database) -> fjall::Result<()> {
        let floor_millis = self.floor();
        loop {
            let segments = self.segments.read().clone();
            let [oldest, second, ..] = segments.as_slice() else { return Ok(()) };
            let bytes: u64 = segments.iter().map(|segment| segment.keyspace.disk_space()).sum();
            if second.since.as_millis() >= floor_millis && bytes <= self.bytes_max {
                return Ok(());
            }
            let (number, since) = (oldest.number, oldest.since);
            self.segments.write().remove(0);
            db.delete_keyspace(oldest.keyspace.clone())?;
            tracing::info!(segment = number, %since, segments_bytes = bytes, "dropped the oldest decision records");
        }
    }

    fn floor(&self) -> i64 {
        let retention_millis = i64::try_from(self.retention_sec).unwrap_or(i64::MAX).saturating_mul(1_000);
        let by_age = self.clock.now().as_millis().saturating_sub(retention_millis);
        self.floor_millis.load(Ordering::Relaxed).max(by_age)
    }

    fn hidden(&self, id: DecisionId) -> bool {
        i64::try_from(id.millis()).unwrap_or(i64::MAX) < self.floor()
    }

    fn hidden_key(&self, key: &[u8]) -> bool {
        // A key that can't be read is shown, so that the scan reports it.
        match std::str::from_utf8(key).ok().and_then(RecordKey::parse) {
            Some(RecordKey::Decision { id, .. }) => self.hidden(id),
            _ => false,
        }
    }
}

fn contains(segments: &[Segment], key: &[u8]) -> fjall::Result<bool> {
    for segment in segments {
        if segment.keyspace.contains_key(key)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn segment_bytes(bytes_max: u64) -> u64 {
    (bytes_max / PARTS).clamp(1 << 20, SEGMENT_BYTES_MAX)
}

/// Reads `decisions-<number>-<milliseconds>`.
fn parse_name(name: &str) -> Option<(u64, Timestamp)> {
    let (number, millis) = name.strip_prefix(NAME)?.split_once('-')?;
    let millis: i64 = millis.parse().ok()?;
    Some((number.parse().ok()?, Timestamp::from_micros(millis.saturating_mul(1_000))))
}

/// Options for a segment of `segment_bytes`.
fn options(segment_bytes: u64) -> KeyspaceCreateOptions {
    let filter = FilterPolicyEntry::Bloom(BloomConstructionPolicy::BitsPerKey(10.0));
    KeyspaceCreateOptions::default()
        .max_memtable_size((segment_bytes / 8).max(1 << 20))
        .data_block_size_policy(BlockSizePolicy::all(16 << 10))
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
        // Audit records are read one at a time and seldom: their indices and filters are fetched when they are.
        .index_block_pinning_policy(PinningPolicy::all(false))
        .filter_block_pinning_policy(PinningPolicy::all(false))
        .filter_policy(FilterPolicy::all(filter))
        // A segment is dropped before it would gain from compaction, so it is never compacted.
        .compaction_strategy(Arc::new(Leveled::default().with_l0_threshold(64)))
}
