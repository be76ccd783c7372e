//! What one write asks of Redis, and the script that does it.

use super::names;
use crate::domain::ids::TenantId;
use crate::domain::knowledge_record::KnowledgeKind;
use crate::domain::time::Timestamp;
use crate::redis::Command;
use crate::store::shared::followed;
use crate::store::{CodecError, Record, RecordKey, Write, codec};
use bytes::Bytes;

/// The script of a commit, which its own comment explains.
const COMMIT: &str = concat!("#!lua\n", include_str!("commit.lua"));

/// The same where memory is full too.
const FREEING: &str = concat!("#!lua flags=allow-oom\n", include_str!("commit.lua"));

/// A write, encoded.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) key: RecordKey,
    /// Names and values; `None` deletes.
    fields: Option<Vec<(&'static str, Bytes)>>,
    ends: Option<Timestamp>,
    /// Whether it takes an answer back: that is done where memory is full too, or wrong answers would be served on until there is room.
    takes_back: bool,
}

/// Who commits, and what is the same for all that it commits.
#[derive(Debug)]
pub(super) struct Writer {
    /// Its name in the stream.
    pub(super) name: String,
    pub(super) stream_length_max: u64,
    pub(super) decision_retention_sec: u64,
}

impl Operation {
    pub(super) fn of(write: &Write, retention_sec: u64) -> Result<Self, CodecError> {
        let key = write.key();
        let takes_back = match write {
            Write::Delete(_) | Write::Put(Record::TagEnd(_)) => true,
            Write::Put(Record::Entry(stored)) => stored.entry.quarantine.is_some(),
            // It may say that an answer is wrong, and it is small.
            Write::Put(Record::Knowledge(taught)) => taught.key.kind == KnowledgeKind::Pair,
            Write::Put(_) => false,
        };
        Ok(match write {
            Write::Delete(_) => Self { key, fields: None, ends: None, takes_back },
            Write::Put(record) => {
                let fields = codec::to_hash(record)?;
                let ends = match &key {
                    RecordKey::Decision { id, .. } => Some(end_of_decision(id.millis(), retention_sec)),
                    _ => record.expires_at(),
                };
                Self { key, fields: Some(fields), ends, takes_back }
            }
        })
    }

    /// Bytes that it takes on its way, about.
    pub(super) fn size(&self) -> usize {
        64 + self.fields.iter().flatten().map(|(name, value)| name.len() + value.len() + 16).sum::<usize>()
    }

    /// Milliseconds that its record has left: `None` for ever, 0 where it has ended.
    fn left_ms(&self, now: Timestamp) -> Option<i64> {
        // Rounded up, for the record counts as there to the microsecond.
        self.ends.map(|end| if end <= now { 0 } else { end.millis_since(now).saturating_add(1) })
    }
}

/// Whether all of these take something back, so that Redis is to do them although its memory is full.
pub(super) fn take_back(operations: &[Operation]) -> bool {
    operations.iter().all(|operation| operation.takes_back)
}

/// When a decision record is past retention.
pub(super) fn end_of_decision(millis: u64, retention_sec: u64) -> Timestamp {
    Timestamp::from_micros(0).plus_millis(i64::try_from(millis).unwrap_or(i64::MAX)).plus_seconds(retention_sec)
}

impl Writer {
    /// The command that stores `operations`, all of one tenant, as a whole: where `lease` is given, only while it holds. Commands of one
    /// process take effect in the order of their `number`, or not at all.
    pub(super) fn commit(
        &self,
        tenant: &TenantId,
        number: u64,
        lease: Option<(&str, u64)>,
        operations: &[Operation],
        now: Timestamp,
    ) -> Command {
        let keys = 2 + usize::from(lease.is_some()) + operations.len();
        let mut command = Command::new("EVAL").arg(if take_back(operations) { FREEING } else { COMMIT }).arg(keys.to_string());
        command = command.key(&names::guard(tenant, &self.name)).key(&names::changes(tenant));
        if let Some((name, _)) = lease {
            command.push(names::lease(tenant, name));
        }
        for operation in operations {
            command.push(operation.key.to_string());
        }
        let fence = lease.map_or_else(String::new, |(_, fence)| fence.to_string());
        for word in [number.to_string(), self.name.clone(), self.stream_length_max.to_string(), fence] {
            command.push(word);
        }
        for operation in operations {
            add(&mut command, operation, now);
        }
        command
    }
}

fn add(command: &mut Command, operation: &Operation, now: Timestamp) {
    let left = operation.left_ms(now);
    // What has ended already is not there: storing it would bring it back for a moment.
    let fields = operation.fields.as_ref().filter(|_| left != Some(0));
    command.push(fields.map_or_else(|| "-1".to_owned(), |fields| (fields.len() * 2).to_string()));
    command.push(if followed(operation.key.kind()) { "1" } else { "0" });
    command.push(left.unwrap_or(0).to_string());
    for (name, value) in fields.into_iter().flatten() {
        command.push(*name);
        command.push(value.clone());
    }
}
