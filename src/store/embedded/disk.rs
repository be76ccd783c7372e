//! The tree on disk, and how records lie in it.
//!
//! One keyspace for each kind that is overwritten and deleted, the segments of the decision records, an index of when
//! records end (`expiry`: the moment, then the key; no value) and the store's own facts (`meta`).

use super::decisions::Decisions;
use super::operation::{Change, Operation};
use crate::domain::time::{Clock, Timestamp};
use crate::store::codec;
use crate::store::record::{Record, RecordKey, RecordKind};
use crate::store::{Config, SWEEP_RECORDS_MAX, StoreError, Visit};
use fjall::config::{BlockSizePolicy, CompressionPolicy};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The layout of the directory: which keyspaces there are and how their keys are made.
const LAYOUT: &str = "1";

/// Threads that flush and compact. With a second one the tree's idle worker passes a waiting compaction back and forth while
/// the other works, which costs a core meanwhile; one worker was measured to keep up with 50,000 audit records a second.
const WORKERS: usize = 1;

/// Bytes of the logs on disk before the tree flushes what they guard; more would make a restart replay longer.
const LOGS_BYTES_MAX: u64 = 128 << 20;

/// Files that the tree keeps open. Its own default of 900 would leave few for sockets under the usual limit of 1,024.
const OPEN_FILES_MAX: usize = 256;

/// The tree on disk.
pub(super) struct Disk {
    dir: PathBuf,
    db: Database,
    meta: Keyspace,
    components: Keyspace,
    texts: Keyspace,
    entries: Keyspace,
    tag_ends: Keyspace,
    judgements: Keyspace,
    markets: Keyspace,
    audit_events: Keyspace,
    audit_chains: Keyspace,
    plans: Keyspace,
    fits: Keyspace,
    datasets: Keyspace,
    dataset_parts: Keyspace,
    knowledge: Keyspace,
    judgeable: Keyspace,
    expiry: Keyspace,
    decisions: Decisions,
    clock: Clock,
}

/// Writes that take effect together.
pub(super) struct Batch {
    writes: OwnedWriteBatch,
    bytes: usize,
    decision_bytes: usize,
}

impl Batch {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Disk {
    pub(super) fn open(config: &Config, dir: &Path, clock: Clock) -> Result<Self, StoreError> {
        if dir.exists() && !dir.is_dir() {
            return Err(StoreError::NotADirectory { dir: dir.to_owned() });
        }
        Self::open_tree(config, dir, clock).map_err(|e| opening(e, dir))?.with_known_layout()
    }

    fn open_tree(config: &Config, dir: &Path, clock: Clock) -> fjall::Result<Self> {
        let db = Database::builder(dir)
            .cache_size(config.cache_bytes)
            .worker_threads(WORKERS)
            .max_journaling_size(LOGS_BYTES_MAX)
            .max_cached_files(Some(OPEN_FILES_MAX))
            .open()?;
        let meta = db.keyspace("meta", || options(1 << 20))?;
        let floor_millis = meta.get(Decisions::FLOOR)?.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok());
        Ok(Self {
            dir: dir.to_owned(),
            components: db.keyspace("components", || options(4 << 20))?,
            // Vectors don't compress, and two of these three are mostly vectors.
            texts: db.keyspace("texts", || options(8 << 20))?,
            entries: db.keyspace("entries", || options(16 << 20))?,
            tag_ends: db.keyspace("tag_ends", || options(1 << 20))?,
            judgements: db.keyspace("judgements", || options(2 << 20))?,
            markets: db.keyspace("markets", || options(4 << 20))?,
            audit_events: db.keyspace("audit_events", || options(2 << 20))?,
            audit_chains: db.keyspace("audit_chains", || options(1 << 20))?,
            plans: db.keyspace("plans", || options(4 << 20))?,
            fits: db.keyspace("fits", || options(4 << 20))?,
            datasets: db.keyspace("datasets", || options(1 << 20))?,
            dataset_parts: db.keyspace("dataset_parts", || options(8 << 20))?,
            knowledge: db.keyspace("knowledge", || options(1 << 20))?,
            judgeable: db.keyspace("judgeable", || options(1 << 20))?,
            expiry: db.keyspace("expiry", || options(2 << 20))?,
            decisions: Decisions::open(&db, config, clock.clone(), floor_millis.unwrap_or(0))?,
            meta,
            db,
            clock,
        })
    }

    fn with_known_layout(self) -> Result<Self, StoreError> {
        let found = self.meta.get("layout").map_err(|e| self.failed("reading", &e))?;
        match found.as_deref() {
            Some(layout) if layout == LAYOUT.as_bytes() => Ok(self),
            Some(layout) => {
                let found = String::from_utf8_lossy(layout).into_owned();
                Err(StoreError::Layout { dir: self.dir.clone(), found, known: LAYOUT })
            }
            None => {
                self.meta.insert("layout", LAYOUT).map_err(|e| self.failed("writing", &e))?;
                self.sync()?;
                Ok(self)
            }
        }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    #[cfg(test)]
    pub(super) fn segments(&self) -> usize {
        self.decisions.len()
    }

    /// Bytes on disk, logs included.
    pub(super) fn bytes(&self) -> u64 {
        self.db.disk_space().unwrap_or(0)
    }

    /// Where records of a kind lie; `None` for decision records, which lie in segments.
    fn keyspace(&self, kind: RecordKind) -> Option<&Keyspace> {
        match kind {
            RecordKind::Component => Some(&self.components),
            RecordKind::Text => Some(&self.texts),
            RecordKind::Entry => Some(&self.entries),
            RecordKind::TagEnd => Some(&self.tag_ends),
            RecordKind::Judgement => Some(&self.judgements),
            RecordKind::Market => Some(&self.markets),
            RecordKind::AuditEvent => Some(&self.audit_events),
            RecordKind::AuditChain => Some(&self.audit_chains),
            RecordKind::Plan => Some(&self.plans),
            RecordKind::Fit => Some(&self.fits),
            RecordKind::Dataset => Some(&self.datasets),
            RecordKind::DatasetPart => Some(&self.dataset_parts),
            RecordKind::Knowledge => Some(&self.knowledge),
            RecordKind::Judgeable => Some(&self.judgeable),
            RecordKind::Decision => None,
        }
    }

    pub(super) fn batch(&self) -> Batch {
        Batch { writes: self.db.batch(), bytes: 0, decision_bytes: 0 }
    }

    pub(super) fn add(&self, batch: &mut Batch, operation: Operation) {
        let bytes = operation.bytes();
        batch.bytes += bytes;
        let Some(keyspace) = self.keyspace(operation.kind) else {
            batch.decision_bytes += bytes;
            return self.decisions.add(&mut batch.writes, operation);
        };
        match operation.change {
            Change::Put { bytes, expires_at } => {
                if let Some(end) = expires_at {
                    batch.writes.insert(&self.expiry, expiry_key(end, operation.key.as_bytes()), []);
                }
                batch.writes.insert(keyspace, operation.key, bytes);
            }
            Change::Delete => batch.writes.remove(keyspace, operation.key),
        }
    }

    /// Writes a batch to the log and makes it visible; durable after [`Self::sync`].
    pub(super) fn write(&self, batch: Batch) -> Result<(), StoreError> {
        self.decisions.count(batch.decision_bytes);
        batch.writes.commit().map_err(|e| self.failed("writing", &e))
    }

    /// Makes all that was written durable.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        // Data suffices: the size of a file is synced with its data where it grew, and its times don't matter.
        self.db.persist(PersistMode::SyncData).map_err(|e| self.failed("syncing", &e))
    }

    pub(super) fn get(&self, key: &RecordKey, now: Timestamp) -> Result<Option<Record>, StoreError> {
        let text = key.to_string();
        let found = match (key, self.keyspace(key.kind())) {
            (RecordKey::Decision { id, .. }, _) => self.decisions.get(&text, *id),
            (_, Some(keyspace)) => keyspace.get(&text),
            (_, None) => Ok(None),
        };
        let Some(bytes) = found.map_err(|e| self.failed("reading", &e))? else { return Ok(None) };
        let record = codec::decode(text.as_bytes(), &bytes)?;
        Ok((!record.expired(now)).then_some(record))
    }

    pub(super) fn scan(&self, kind: RecordKind, now: Timestamp, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let mut show = |key: &[u8], bytes: &[u8]| match codec::decode(key, bytes) {
            Ok(record) if record.expired(now) => std::ops::ControlFlow::Continue(()),
            read => visit(read),
        };
        let Some(keyspace) = self.keyspace(kind) else {
            return self.decisions.scan(show).map_err(|e| self.failed("reading", &e));
        };
        for pair in keyspace.iter() {
            let (key, bytes) = pair.into_inner().map_err(|e| self.failed("reading", &e))?;
            if show(&key, &bytes).is_break() {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn prune(&self, before: Timestamp) -> Result<(), StoreError> {
        let floor_millis = self.decisions.raise_floor(before);
        self.meta.insert(Decisions::FLOOR, floor_millis.to_string()).map_err(|e| self.failed("writing", &e))?;
        self.sync()?;
        self.decisions.retire(&self.db).map_err(|e| self.failed("dropping old decision records", &e))
    }

    /// Starts a new segment of decision records where it is time for one, and drops those past retention.
    pub(super) fn tidy(&self) -> Result<(), StoreError> {
        self.decisions.rotate(&self.db).map_err(|e| self.failed("starting a segment of decision records", &e))
    }

    /// Removes records that have ended. Runs on the writer's thread, so that no record is put while it looks.
    pub(super) fn sweep(&self) -> Result<Vec<RecordKey>, StoreError> {
        self.decisions.retire(&self.db).map_err(|e| self.failed("dropping old decision records", &e))?;
        loop {
            let (seen, removed) = self.sweep_some().map_err(|e| self.failed("sweeping", &e))?;
            // A record that was put again since leaves an old mark in the index; marks alone are no reason to stop.
            if seen == 0 || !removed.is_empty() {
                return Ok(removed);
            }
        }
    }

    fn sweep_some(&self) -> fjall::Result<(usize, Vec<RecordKey>)> {
        let now = self.clock.now();
        let mut batch = self.db.batch();
        let (mut seen, mut removed) = (0, Vec::new());
        for mark in self.expiry.range(..expiry_key(now.plus_millis(1), &[])).take(SWEEP_RECORDS_MAX) {
            let mark = mark.key()?;
            seen += 1;
            let key = mark.get(size_of::<u64>()..).unwrap_or_default();
            if let Some((keyspace, key)) = self.ended(key, now)? {
                batch.remove(keyspace, key.to_string());
                removed.push(key);
            }
            batch.remove(&self.expiry, mark);
        }
        batch.commit()?;
        Ok((seen, removed))
    }

    /// The key, where the record under it has ended.
    fn ended(&self, key: &[u8], now: Timestamp) -> fjall::Result<Option<(&Keyspace, RecordKey)>> {
        let Some(parsed) = std::str::from_utf8(key).ok().and_then(RecordKey::parse) else { return Ok(None) };
        let Some(keyspace) = self.keyspace(parsed.kind()) else { return Ok(None) };
        let Some(bytes) = keyspace.get(key)? else { return Ok(None) };
        // What is damaged is left for someone to look at.
        Ok(codec::decode(key, &bytes).is_ok_and(|record| record.expired(now)).then_some((keyspace, parsed)))
    }

    fn failed(&self, action: &'static str, error: &fjall::Error) -> StoreError {
        failure(action, error, &self.dir)
    }
}

/// Options for a keyspace whose newest writes take up to `memory_bytes` before they are flushed.
fn options(memory_bytes: u64) -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .max_memtable_size(memory_bytes)
        .data_block_size_policy(BlockSizePolicy::all(16 << 10))
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
}

/// The moment so that bytes sort like moments, then the key.
fn expiry_key(end: Timestamp, key: &[u8]) -> Vec<u8> {
    let sortable = end.as_micros().cast_unsigned() ^ (1 << 63);
    [&sortable.to_be_bytes(), key].concat()
}

fn io_error(error: &fjall::Error) -> Option<&std::io::Error> {
    match error {
        fjall::Error::Io(io) | fjall::Error::Storage(fjall::LsmError::Io(io)) => Some(io),
        _ => None,
    }
}

fn opening(error: fjall::Error, dir: &Path) -> StoreError {
    let dir = dir.to_owned();
    match (&error, io_error(&error).map(std::io::Error::kind)) {
        (fjall::Error::Locked, _) => StoreError::Locked { dir },
        (fjall::Error::InvalidVersion(found), _) => {
            StoreError::Layout { dir, found: format!("{found:?} of the tree"), known: LAYOUT }
        }
        (_, Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)) => StoreError::Denied { dir },
        (_, Some(ErrorKind::NotADirectory)) => StoreError::NotADirectory { dir },
        (_, Some(_)) => failure("opening", &error, &dir),
        (_, None) => StoreError::Damaged { dir, detail: error.to_string() },
    }
}

fn failure(action: &'static str, error: &fjall::Error, dir: &Path) -> StoreError {
    let dir = dir.to_owned();
    match io_error(error).map(std::io::Error::kind) {
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => StoreError::DiskFull { dir },
        _ => StoreError::Disk { action, dir, detail: error.to_string() },
    }
}
