//! The streams of changes, one for each tenant.
//!
//! Each change names the one before it, so that a reader knows for certain whether it missed one: because the stream was trimmed past its
//! place, or because a primary was replaced by one that did not have all of it.

use super::names;
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use crate::redis::{Command, Link, RedisError, Value};
use crate::store::RecordKey;
use crate::store::shared::{CHANGES_MAX, Change, Changes, Position};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// How long one command waits for a change. Bounds how late the first change of a new tenant is seen.
const BLOCK: Duration = Duration::from_millis(500);

/// The pause between two looks where no command can wait for all streams at once: in a cluster, whose nodes have some of them each. A
/// tenth of a millisecond is added for each tenant.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How often a reader without changes checks that the streams still have what it read, however short its looks are: that costs a command
/// for each tenant.
const CHECK: Duration = Duration::from_secs(1);

/// An id within a stream: milliseconds, and a number within them.
type Id = (u64, u64);

/// One who follows.
#[derive(Debug)]
pub(super) struct Follower<'a> {
    pub(super) link: &'a Link,
    /// The name of this process in the streams.
    pub(super) writer: &'a str,
    pub(super) seen: &'a Seen,
}

/// What this process keeps of the streams from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Every tenant that was ever named. Redis may lose the set of them, and is asked for their streams all the same.
    tenants: Mutex<BTreeSet<TenantId>>,
    /// When the streams were last asked for their ends.
    checked: Mutex<Option<Instant>>,
}

impl Seen {
    /// Whether to ask for the ends now; then it is not due again for a while.
    fn check_is_due(&self) -> bool {
        let mut checked = self.checked.lock();
        let due = checked.is_none_or(|at| at.elapsed() >= CHECK);
        if due {
            *checked = Some(Instant::now());
        }
        due
    }
}

/// A change as the stream has it.
struct Entry {
    id: Id,
    previous: Id,
    change: Option<Change>,
}

impl Follower<'_> {
    /// The end of each stream.
    pub(super) async fn position(&self) -> Result<Position, RedisError> {
        let tenants = self.tenants().await?;
        Ok(Position { parts: self.ends(tenants).await? })
    }

    /// See [`crate::store::Shared::changes`].
    pub(super) async fn changes(&self, after: &Position, wait: Duration) -> Result<Changes, RedisError> {
        let until = Instant::now() + wait;
        let mut position = after.clone();
        loop {
            for tenant in self.tenants().await? {
                position.parts.entry(tenant).or_insert((0, 0));
            }
            let left = until.saturating_duration_since(Instant::now());
            let read = self.read(&position, left.min(BLOCK)).await?;
            let found = self.gather(&position, read);
            if !found.changes.is_empty() || found.gap {
                return Ok(found);
            }
            position = found.position;
            let ended = Instant::now() >= until;
            if self.seen.check_is_due() {
                let ends = self.ends(position.parts.keys().cloned().collect()).await?;
                // A stream that ends before what was read of it is another one than it was.
                let gap = position.parts.iter().any(|(tenant, read)| ends.get(tenant).is_some_and(|end| end < read));
                let found =
                    if gap { Changes { changes: Vec::new(), position, gap } } else { self.until(position, &ends).await? };
                if found.gap || ended || !found.changes.is_empty() {
                    return Ok(found);
                }
                position = found.position;
            } else if ended {
                return Ok(Changes { changes: Vec::new(), position, gap: false });
            }
        }
    }

    /// What was written by the time that the streams ended there. A stream that has nothing of it any more was trimmed to the last.
    async fn until(&self, position: Position, ends: &BTreeMap<TenantId, Id>) -> Result<Changes, RedisError> {
        let behind: Vec<TenantId> = position
            .parts
            .iter()
            .filter(|(tenant, read)| ends.get(tenant) > Some(read))
            .map(|(tenant, _)| tenant.clone())
            .collect();
        if behind.is_empty() {
            return Ok(Changes { changes: Vec::new(), position, gap: false });
        }
        let read = self.read(&position, Duration::ZERO).await?;
        let mut found = self.gather(&position, read);
        found.gap |= behind.iter().any(|tenant| found.position.parts.get(tenant) == position.parts.get(tenant));
        Ok(found)
    }

    /// The tenants that were ever named.
    async fn tenants(&self) -> Result<Vec<TenantId>, RedisError> {
        let members = self.link.ask(Command::new("SMEMBERS").key(names::TENANTS)).await?.into_array();
        let named = members.into_iter().filter_map(|name| TenantId::new(&name.into_string()?).ok());
        let mut tenants = self.seen.tenants.lock();
        tenants.extend(named);
        Ok(tenants.iter().cloned().collect())
    }

    /// The last id of each stream; one that is none is left out, for it must not keep the others from being followed.
    async fn ends(&self, tenants: Vec<TenantId>) -> Result<BTreeMap<TenantId, Id>, RedisError> {
        let ask = |tenant: &TenantId| Command::new("XINFO").arg("STREAM").key(&names::changes(tenant));
        let answers = self.link.ask_all(tenants.iter().map(ask).collect()).await?;
        let mut ends = BTreeMap::new();
        for (tenant, answer) in tenants.into_iter().zip(answers) {
            let end = match answer {
                Ok(info) => end_of(info).unwrap_or_default(),
                // Nothing was written yet, or the stream was deleted.
                Err(RedisError::Refused { detail }) if detail.contains("no such key") => (0, 0),
                Err(error @ RedisError::WrongType { .. }) => {
                    not_followed(&error, &tenant);
                    continue;
                }
                Err(error) => return Err(error),
            };
            ends.insert(tenant, end);
        }
        Ok(ends)
    }

    /// What follows, by tenant.
    async fn read(&self, position: &Position, wait: Duration) -> Result<Vec<(TenantId, Value)>, RedisError> {
        if position.parts.is_empty() {
            tokio::time::sleep(wait).await;
            return Ok(Vec::new());
        }
        if self.link.clustered() {
            return self.look(position, wait).await;
        }
        let mut command = Command::new("XREAD").arg("COUNT").arg(CHANGES_MAX.to_string());
        if !wait.is_zero() {
            command = command.arg("BLOCK").arg(wait.as_millis().max(1).to_string()).blocks(wait);
        }
        command.push("STREAMS");
        position.parts.keys().for_each(|tenant| command.push(names::changes(tenant)));
        position.parts.values().for_each(|id| command.push(text_of(*id)));
        match self.link.ask(command).await {
            Ok(answer) => Ok(by_tenant(position, answer)),
            // One stream that is none must not keep the others from being read.
            Err(RedisError::WrongType { .. }) => self.look(position, wait).await,
            Err(error) => Err(error),
        }
    }

    /// The same with a command for each tenant, none of which waits.
    async fn look(&self, position: &Position, wait: Duration) -> Result<Vec<(TenantId, Value)>, RedisError> {
        let until = Instant::now() + wait;
        let ask = |(tenant, id): (&TenantId, &Id)| {
            let command = Command::new("XREAD").arg("COUNT").arg(CHANGES_MAX.to_string()).arg("STREAMS");
            command.key(&names::changes(tenant)).arg(text_of(*id))
        };
        let pause =
            LOOK_AGAIN + Duration::from_micros(100).saturating_mul(u32::try_from(position.parts.len()).unwrap_or(u32::MAX));
        loop {
            let mut found = Vec::new();
            for (answer, tenant) in
                self.link.ask_all(position.parts.iter().map(ask).collect()).await?.into_iter().zip(position.parts.keys())
            {
                match answer {
                    Ok(answer) => found.extend(by_tenant(position, answer)),
                    Err(error @ RedisError::WrongType { .. }) => not_followed(&error, tenant),
                    Err(error) => return Err(error),
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if !found.is_empty() || left.is_zero() {
                return Ok(found);
            }
            tokio::time::sleep(pause.min(left)).await;
        }
    }

    fn gather(&self, position: &Position, read: Vec<(TenantId, Value)>) -> Changes {
        gather(self.writer, position, read)
    }
}

fn gather(writer: &str, position: &Position, read: Vec<(TenantId, Value)>) -> Changes {
    let mut found = Changes { changes: Vec::new(), position: position.clone(), gap: false };
    for (tenant, entries) in read {
        let Some(last) = found.position.parts.get_mut(&tenant) else { continue };
        for entry in entries.into_array() {
            let Some(entry) = entry_of(writer, entry) else {
                found.gap = true;
                continue;
            };
            found.gap |= entry.previous != *last;
            *last = entry.id;
            found.changes.extend(entry.change);
        }
    }
    found
}

/// Reads an id and a flat list of names and values; `writer` is the name of this process.
fn entry_of(writer: &str, value: Value) -> Option<Entry> {
    let mut parts = value.into_array().into_iter();
    let id = id_of(&parts.next()?.into_string()?)?;
    let words: Vec<Value> = parts.next()?.into_array();
    let word = |name: &str| {
        let at = words.chunks_exact(2).find(|pair| pair.first().and_then(Value::as_str).is_some_and(|found| found == name));
        at.and_then(|pair| pair.get(1)?.as_string())
    };
    let previous = id_of(&word("p")?)?;
    // A key of a kind that a later version writes is passed over; it has no place in this one's memory.
    let change = RecordKey::parse(&word("k")?).map(|key| Change {
        key,
        own: word("w").is_some_and(|found| found == writer),
        at: Timestamp::from_micros(0).plus_millis(i64::try_from(id.0).unwrap_or(i64::MAX)),
    });
    Some(Entry { id, previous, change })
}

/// Reads a reply as one to XREAD by someone at `position`, and as one to XINFO.
#[cfg(fuzzing)]
pub(super) fn fuzz(position: &Position, reply: Value) {
    let read = by_tenant(position, reply.clone());
    let found = gather("self", position, read);
    assert!(found.position.parts.keys().eq(position.parts.keys()));
    let _ = end_of(reply);
}

fn not_followed(error: &RedisError, tenant: &TenantId) {
    tracing::error!(%error, %tenant, "the changes of this tenant can't be followed: look at the key with TYPE and delete it");
}

/// Puts the parts of an answer to XREAD to their tenants.
fn by_tenant(position: &Position, answer: Value) -> Vec<(TenantId, Value)> {
    if answer.is_null() {
        return Vec::new();
    }
    // A map in the third version of the protocol, pairs in the second.
    let parts: Vec<(String, Value)> = match answer {
        Value::Map(map) => map.inner().into_iter().filter_map(|(name, value)| Some((name.into_string()?, value))).collect(),
        list => {
            let pair = |pair: Value| {
                let mut parts = pair.into_array().into_iter();
                Some((parts.next()?.into_string()?, parts.next()?))
            };
            list.into_array().into_iter().filter_map(pair).collect()
        }
    };
    let tenant_of = |name: &str| {
        let tenant = TenantId::new(name.strip_prefix('{')?.strip_suffix("}:changes")?).ok()?;
        position.parts.contains_key(&tenant).then_some(tenant)
    };
    parts.into_iter().filter_map(|(name, value)| Some((tenant_of(&name)?, value))).collect()
}

fn end_of(info: Value) -> Option<Id> {
    let info = info.into_map().ok()?.inner();
    id_of(&info.into_iter().find(|(name, _)| name.as_str() == Some("last-generated-id"))?.1.into_string()?)
}

fn id_of(text: &str) -> Option<Id> {
    let (millis, number) = text.split_once('-')?;
    Some((millis.parse().ok()?, number.parse().ok()?))
}

fn text_of((millis, number): Id) -> String {
    format!("{millis}-{number}")
}
