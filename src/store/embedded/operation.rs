//! A write, ready for the disk.

use crate::domain::time::Timestamp;
use crate::store::codec::{self, CodecError};
use crate::store::record::{RecordKind, Write};

/// A write as bytes.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) kind: RecordKind,
    pub(super) key: String,
    pub(super) change: Change,
}

/// What becomes of the key.
#[derive(Debug)]
pub(super) enum Change {
    Put { bytes: Vec<u8>, expires_at: Option<Timestamp> },
    Delete,
}

impl Operation {
    pub(super) fn of(write: &Write) -> Result<Self, CodecError> {
        match write {
            Write::Put(record) => {
                let (key, bytes) = codec::encode(record)?;
                let change = Change::Put { bytes, expires_at: record.expires_at() };
                Ok(Self { kind: record.kind(), key, change })
            }
            Write::Delete(key) => Ok(Self { kind: key.kind(), key: key.to_string(), change: Change::Delete }),
        }
    }

    /// Bytes that it adds to the log, without the log's own.
    pub(super) fn bytes(&self) -> usize {
        self.key.len()
            + match &self.change {
                Change::Put { bytes, .. } => bytes.len(),
                Change::Delete => 0,
            }
    }
}
