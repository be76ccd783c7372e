//! Where what is owed lies on the disk.

use super::group::{Group, What};
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::codec;
use crate::store::record::{Record, RecordKey};
use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Where something that is owed to the store lies.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub segment: u64,
    file: Arc<File>,
    /// `None` for a delete.
    bytes: Option<Range<u64>>,
    /// When it was journaled.
    pub at: Timestamp,
}

impl Place {
    pub(super) fn same(&self, other: &Self) -> bool {
        (self.segment, &self.bytes, self.at) == (other.segment, &other.bytes, other.at)
    }

    /// What is owed: a record, or its deletion. Reads the disk.
    pub(super) fn read(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        let Some(range) = &self.bytes else { return Ok(None) };
        let bytes = read_at(&self.file, range).map_err(|e| StoreError::Journal { detail: e.to_string() })?;
        Ok(Some(codec::decode(key.to_string().as_bytes(), &bytes)?))
    }
}

/// Groups that are to be replayed together, in their order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub owed: Vec<(RecordKey, Place)>,
    pub groups: usize,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.groups == 0
    }
}

/// Where what a group owes to the store lies; of several of one key the last.
pub(super) fn places(number: u64, file: &Arc<File>, start: u64, group: &Group) -> Vec<(RecordKey, Place)> {
    let place = |bytes: Option<Range<u64>>| Place { segment: number, file: Arc::clone(file), bytes, at: group.at };
    let mut owed: Vec<(RecordKey, Place)> = Vec::new();
    for item in &group.items {
        let bytes = match &item.what {
            What::Put(range) => Some(start + range.start as u64..start + range.end as u64),
            What::Delete => None,
            What::Superseded => continue,
        };
        owed.retain(|(key, _)| *key != item.key);
        owed.push((item.key.clone(), place(bytes)));
    }
    owed
}

pub(super) fn read_at(file: &File, range: &Range<u64>) -> std::io::Result<Vec<u8>> {
    let length = usize::try_from(range.end - range.start).map_err(|_| ErrorKind::InvalidData)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes)
}
