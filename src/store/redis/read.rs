//! From what Redis answers to records.

use crate::domain::time::Timestamp;
use crate::redis::{Command, RedisError, Value};
use crate::store::codec::{self, CodecError, Fault};
use crate::store::{Record, RecordKey, StoreError};

/// The command that reads the record under a key.
pub(super) fn command(key: &RecordKey) -> Command {
    Command::new("HGETALL").key(&key.to_string())
}

/// What a reader sees: nothing of records that have ended, whether or not Redis has dropped them yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub(super) now: Timestamp,
    pub(super) retention_sec: u64,
    /// Decision records of before are pruned.
    pub(super) floor: Timestamp,
}

impl View {
    /// Whether the record under `key` is past retention.
    pub(super) fn pruned(&self, key: &RecordKey) -> bool {
        let RecordKey::Decision { id, .. } = key else { return false };
        let made = Timestamp::from_micros(0).plus_millis(i64::try_from(id.millis()).unwrap_or(i64::MAX));
        made.as_millis() < self.floor.as_millis()
            || super::operation::end_of_decision(id.millis(), self.retention_sec) <= self.now
    }

    /// A record, if there still is one.
    pub(super) fn of(&self, record: Record) -> Option<Record> {
        (!record.expired(self.now) && !self.pruned(&record.key())).then_some(record)
    }

    /// Reads the answer to [`command`].
    pub(super) fn read(&self, key: &RecordKey, answer: Result<Value, RedisError>) -> Result<Option<Record>, StoreError> {
        match answer {
            Ok(value) => Ok(self.decode(key, value)?),
            Err(RedisError::WrongType { .. }) => Err(Fault::NotAHash.of(key).into()),
            Err(error) => Err(error.into()),
        }
    }

    fn decode(&self, key: &RecordKey, value: Value) -> Result<Option<Record>, CodecError> {
        if self.pruned(key) {
            return Ok(None);
        }
        let hash = value.into_map().map_err(|_| Fault::NotAHash.of(key))?.inner();
        if hash.is_empty() {
            return Ok(None);
        }
        // A name that is no text is none that the format has; it is named as far as it can be.
        let pairs: Vec<_> =
            hash.iter().map(|(name, value)| (name.as_str_lossy(), value.as_bytes().unwrap_or_default())).collect();
        let record = codec::from_hash(key, pairs.iter().map(|(name, value)| (&**name, *value)))?;
        Ok(self.of(record))
    }
}
