//! The journal on disk: segments that are only ever appended to, what lies in them, and how much room is left.
//!
//! A process appends to segments of its own alone and leaves those of an earlier one as they are, so that a torn end is never written
//! behind. A segment is deleted once all of its groups were replayed.

use super::Config;
use super::group::{self, Ending, GROUP_BYTES_MAX, Group, HEADER, What};
use super::place::{Batch, Place, places, read_at};
use crate::store::StoreError;
use crate::store::record::{RecordKey, RecordKind};
use crate::telemetry::metrics;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes after which a segment takes no further group: small, for its room comes back when its last group was replayed.
const SEGMENT_BYTES_MAX: u64 = 4 << 20;

/// Writes that are replayed together at most, and their bytes.
const BATCH_WRITES_MAX: usize = 64;
const BATCH_BYTES_MAX: u64 = 1 << 20;

/// The journal on disk.
#[derive(Debug)]
pub(super) struct Log {
    dir: PathBuf,
    bytes_max: u64,
    records_max: usize,
    state: Mutex<State>,
    // Held for as long as the journal is open: two processes over one journal would each replay and delete what is the other's.
    _lock: File,
}

#[derive(Debug, Default)]
struct State {
    segments: VecDeque<Segment>,
    /// The latest that was journaled of each key and is neither replayed nor out of date.
    owed: HashMap<RecordKey, Place>,
    records: usize,
    bytes: u64,
    next: u64,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    file: Arc<File>,
    path: PathBuf,
    bytes: u64,
    groups: VecDeque<(Range<u64>, usize)>,
    /// Whether this process may append to it still.
    open: bool,
    /// Whether it holds what could not be read or stored, and is kept for someone to look at.
    kept: bool,
}

impl Log {
    /// Opens the journal in `dir`, which is made where it is missing, and reads what an earlier process left there. Blocks.
    pub(super) fn open(config: &Config, dir: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir).map_err(|e| opening(&e, dir))?;
        let lock = File::create(dir.join("lock")).map_err(|e| opening(&e, dir))?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => StoreError::Locked { dir: dir.to_owned() },
            TryLockError::Error(e) => opening(&e, dir),
        })?;
        let log = Self {
            dir: dir.to_owned(),
            bytes_max: config.bytes_max,
            records_max: config.records_max,
            state: Mutex::default(),
            _lock: lock,
        };
        log.recover()?;
        Ok(log)
    }

    fn recover(&self) -> Result<(), StoreError> {
        let mut found = Vec::new();
        for item in std::fs::read_dir(&self.dir).map_err(|e| opening(&e, &self.dir))? {
            let path = item.map_err(|e| opening(&e, &self.dir))?.path();
            let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".journal")?.parse::<u64>().ok());
            found.extend(number.map(|number| (number, path)));
        }
        found.sort_unstable();
        let mut state = self.state.lock();
        for (number, path) in found {
            state.next = number + 1;
            let bytes = std::fs::read(&path).map_err(|e| opening(&e, &self.dir))?;
            let (groups, ending) = group::read_segment(&bytes);
            let read = groups.last().map_or(0, |(range, _)| range.end);
            match ending {
                Ending::Whole => {}
                Ending::Torn => {
                    tracing::info!(segment = %path.display(), cut = bytes.len() - read, "the torn end of a journal is left out")
                }
                Ending::Damaged => {
                    tracing::error!(segment = %path.display(), unread = bytes.len() - read, "a journal is damaged: what stands before the damage is replayed, and the file is kept");
                }
                Ending::Later(version) => {
                    return Err(StoreError::Layout {
                        dir: self.dir.clone(),
                        found: format!("{version} of the journal"),
                        known: "1",
                    });
                }
            }
            let file = Arc::new(File::open(&path).map_err(|e| opening(&e, &self.dir))?);
            let kept = ending == Ending::Damaged;
            let segment = Segment { number, file, path, bytes: bytes.len() as u64, groups: VecDeque::new(), open: false, kept };
            state.bytes += segment.bytes;
            state.segments.push_back(segment);
            for (range, group) in groups {
                state.records += group.writes();
                state.take(number, range.start as u64, range.len(), group);
            }
        }
        drop(state);
        self.retire();
        Ok(())
    }

    /// Keeps room for a group of so many writes and bytes. One without writes always finds room: it says that what takes more is out of date.
    pub(super) fn take_room(&self, records: usize, bytes: usize) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        let fits = state.records + records <= self.records_max && state.bytes + bytes as u64 <= self.bytes_max;
        if records > 0 && (!fits || bytes > GROUP_BYTES_MAX) {
            return Err(StoreError::JournalFull { records: state.records, bytes: state.bytes });
        }
        state.records += records;
        state.bytes += bytes as u64;
        Ok(())
    }

    /// Gives room back that a group did not take.
    pub(super) fn give_room_back(&self, records: usize, bytes: usize) {
        let mut state = self.state.lock();
        state.records = state.records.saturating_sub(records);
        state.bytes = state.bytes.saturating_sub(bytes as u64);
    }

    /// The segment to append to, and from which byte. Only the thread that writes asks, and nothing retires it until [`Self::appended`]
    /// or [`Self::failed`] is called.
    pub(super) fn to_append(&self) -> std::io::Result<(u64, Arc<File>, u64)> {
        let number = {
            let mut state = self.state.lock();
            if let Some(last) = state.segments.back_mut().filter(|last| last.open)
                && last.bytes < SEGMENT_BYTES_MAX
            {
                return Ok((last.number, Arc::clone(&last.file), last.bytes));
            }
            if let Some(last) = state.segments.back_mut() {
                last.open = false;
            }
            state.next += 1;
            state.next - 1
        };
        let path = self.dir.join(format!("{number:012}.journal"));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        file.write_all_at(&HEADER, 0)?;
        // A file whose name is not on the disk is lost with the machine, however often it was synced.
        File::open(&self.dir)?.sync_all()?;
        let (file, bytes) = (Arc::new(file), HEADER.len() as u64);
        let mut state = self.state.lock();
        state.bytes += bytes;
        let segment = Segment { number, file: Arc::clone(&file), path, bytes, groups: VecDeque::new(), open: true, kept: false };
        state.segments.push_back(segment);
        Ok((number, file, bytes))
    }

    /// Notes groups that are on the disk now, one after the other from byte `at` of a segment.
    pub(super) fn appended(&self, number: u64, at: u64, groups: &[Vec<u8>]) {
        let mut state = self.state.lock();
        let mut offset = at;
        for bytes in groups {
            if let Ok((length, group)) = group::read_group(bytes) {
                state.take(number, offset, length, group);
            }
            offset += bytes.len() as u64;
        }
        if let Some(segment) = state.segments.iter_mut().find(|segment| segment.number == number) {
            segment.bytes = offset;
        }
        state.tell();
    }

    /// Notes that nobody knows what the end of the open segment holds: it is not appended to again.
    pub(super) fn failed(&self) {
        if let Some(last) = self.state.lock().segments.back_mut() {
            last.open = false;
        }
    }

    /// What is owed under a key.
    pub(super) fn owed(&self, key: &RecordKey) -> Option<Place> {
        self.state.lock().owed.get(key).cloned()
    }

    /// Those of `keys` under which something is owed.
    pub(super) fn owed_among<'a>(&self, keys: impl Iterator<Item = &'a RecordKey>) -> Vec<RecordKey> {
        let state = self.state.lock();
        if state.owed.is_empty() { Vec::new() } else { keys.filter(|key| state.owed.contains_key(key)).cloned().collect() }
    }

    /// All that is owed of a kind.
    pub(super) fn owed_of(&self, kind: RecordKind) -> HashMap<RecordKey, Place> {
        let state = self.state.lock();
        state.owed.iter().filter(|(key, _)| key.kind() == kind).map(|(key, place)| (key.clone(), place.clone())).collect()
    }

    /// Writes that the store is owed, and bytes on disk.
    pub(super) fn size(&self) -> (usize, u64) {
        let state = self.state.lock();
        (state.records, state.bytes)
    }

    /// Whether anything waits to be replayed.
    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().segments.iter().all(|segment| segment.groups.is_empty())
    }

    /// The oldest groups, of one tenant: a commit on a cluster is of one. What was journaled again or is out of date is left out. Reads
    /// the disk.
    pub(super) fn batch(&self, groups_max: usize) -> Result<Batch, StoreError> {
        let mut oldest = Vec::new();
        {
            let state = self.state.lock();
            let (mut writes, mut bytes) = (0, 0);
            for segment in &state.segments {
                for (range, count) in &segment.groups {
                    writes += count;
                    bytes += range.end - range.start;
                    if !oldest.is_empty() && (oldest.len() >= groups_max || writes > BATCH_WRITES_MAX || bytes > BATCH_BYTES_MAX)
                    {
                        break;
                    }
                    oldest.push((segment.number, Arc::clone(&segment.file), range.clone()));
                }
            }
        }
        let mut batch = Batch::default();
        for (number, file, range) in oldest {
            let read = read_at(&file, &range).map_err(|e| failure(&e, &self.dir))?;
            let items = match group::read_group(&read) {
                Ok((_, group)) => places(number, &file, range.start, &group),
                Err(_) => {
                    tracing::error!(segment = number, "a group of the journal was damaged since it was written and is left out");
                    self.keep_segment(number);
                    Vec::new()
                }
            };
            let other_tenant =
                |(key, _): &(RecordKey, Place)| batch.owed.first().is_some_and(|(first, _)| first.tenant() != key.tenant());
            if items.iter().any(other_tenant) {
                break;
            }
            let state = self.state.lock();
            batch.owed.extend(items.into_iter().filter(|(key, place)| state.owed.get(key).is_some_and(|owed| owed.same(place))));
            batch.groups += 1;
        }
        Ok(batch)
    }

    /// Notes that the store is owed a batch no more, and deletes the segments that are done.
    pub(super) fn replayed(&self, batch: &Batch) {
        {
            let mut state = self.state.lock();
            for (key, place) in &batch.owed {
                if state.owed.get(key).is_some_and(|owed| owed.same(place)) {
                    state.owed.remove(key);
                }
            }
            for _ in 0..batch.groups {
                let oldest = state.segments.iter_mut().find_map(|segment| segment.groups.pop_front());
                state.records = state.records.saturating_sub(oldest.map_or(0, |(_, writes)| writes));
            }
        }
        self.retire();
    }

    /// Keeps the segment of a batch that can't be stored, for someone to look at.
    pub(super) fn keep(&self, batch: &Batch) {
        batch.owed.iter().for_each(|(_, place)| self.keep_segment(place.segment));
    }

    fn keep_segment(&self, number: u64) {
        if let Some(segment) = self.state.lock().segments.iter_mut().find(|segment| segment.number == number) {
            segment.kept = true;
        }
    }

    /// Deletes the segments all of whose groups were replayed, but for the one that is appended to.
    fn retire(&self) {
        let mut state = self.state.lock();
        while state.segments.front().is_some_and(|oldest| oldest.groups.is_empty() && !oldest.open) {
            let Some(done) = state.segments.pop_front() else { break };
            state.bytes = state.bytes.saturating_sub(done.bytes);
            let gone = if done.kept {
                std::fs::rename(&done.path, done.path.with_extension("kept"))
            } else {
                std::fs::remove_file(&done.path)
            };
            if let Err(error) = gone {
                tracing::warn!(segment = %done.path.display(), %error, "a segment of the journal that was replayed stays, and is replayed again after a restart");
            }
        }
        state.tell();
    }

    /// Deletes the segment that is appended to, where all of it was replayed. Only the thread that writes calls it.
    pub(super) fn close_empty(&self) {
        {
            let mut state = self.state.lock();
            let Some(last) = state.segments.back_mut().filter(|last| last.open && last.groups.is_empty()) else { return };
            last.open = false;
        }
        self.retire();
    }

    pub(super) fn disk_error(&self, error: &std::io::Error) -> StoreError {
        failure(error, &self.dir)
    }
}

impl State {
    /// Notes a group that lies in a segment.
    fn take(&mut self, number: u64, start: u64, length: usize, group: Group) {
        let Some(segment) = self.segments.iter_mut().rev().find(|segment| segment.number == number) else { return };
        let writes = group.writes();
        segment.groups.push_back((start..start + length as u64, writes));
        let file = Arc::clone(&segment.file);
        for (key, place) in places(number, &file, start, &group) {
            self.owed.insert(key, place);
        }
        for item in group.items.into_iter().filter(|item| item.what == What::Superseded) {
            self.owed.remove(&item.key);
        }
    }

    fn tell(&self) {
        metrics::journal_size(self.records, self.bytes);
    }
}

fn opening(error: &std::io::Error, dir: &Path) -> StoreError {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StoreError::Denied { dir: dir.to_owned() },
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => StoreError::NotADirectory { dir: dir.to_owned() },
        _ => failure(error, dir),
    }
}

fn failure(error: &std::io::Error, dir: &Path) -> StoreError {
    StoreError::Journal { detail: format!("{}: {error}", dir.display()) }
}
