//! Every record of a kind, from every primary.

use super::names;
use super::read::View;
use crate::redis::{Command, Link, Redis, RedisError, Server, Value};
use crate::store::codec::{CodecError, Fault};
use crate::store::{Record, RecordKey, RecordKind, StoreError, Visit};
use std::collections::HashSet;
use std::sync::{Arc, mpsc};
use tokio::sync::Semaphore;

/// Keys that one step looks at. Redis answers nobody else meanwhile, which takes some tenths of a millisecond.
const STEP: &str = "500";

/// Pages that may wait for the visitor.
const PAGES_AHEAD: usize = 4;

/// Some records, or why there are no more.
type Page = Result<Vec<Found>, StoreError>;

/// A key of the kind, and what Redis said of it.
pub(super) type Found = (String, Result<Value, RedisError>);

/// Shows every record of a kind to `visit`. Blocks.
pub(super) fn scan(redis: &Redis, kind: RecordKind, view: View, visit: &mut Visit<'_>) -> Result<(), StoreError> {
    let (pages, shown) = mpsc::channel::<Page>();
    let ahead = Arc::new(Semaphore::new(PAGES_AHEAD));
    let room = Arc::clone(&ahead);
    let link = redis.link_soon();
    redis.spawn(async move {
        let link = match link.await {
            Ok(link) => link,
            Err(error) => return drop(pages.send(Err(error.into()))),
        };
        if let Err(error) = send(&link, kind, &pages, &room).await {
            let _ = pages.send(Err(error.into()));
        }
        link.close().await;
    });
    for page in shown {
        for found in page? {
            let Some(shown) = record_of(kind, view, found)? else { continue };
            if visit(shown).is_break() {
                ahead.close();
                return Ok(());
            }
        }
        ahead.add_permits(1);
    }
    Ok(())
}

/// Sends every record of a kind, until nobody wants more.
async fn send(link: &Link, kind: RecordKind, pages: &mpsc::Sender<Page>, room: &Semaphore) -> Result<(), RedisError> {
    let mut walk = Keys::of(link, kind).await?;
    while let Some(keys) = walk.next().await? {
        // Closed where the visitor has had enough.
        let Ok(permit) = room.acquire().await else { return Ok(()) };
        permit.forget();
        let answers = link.ask_all(keys.iter().map(|key| Command::new("HGETALL").key(key)).collect()).await?;
        if pages.send(Ok(keys.into_iter().zip(answers).collect())).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// What a visitor is shown of a key: nothing where it is of another kind, or has ended.
fn record_of(kind: RecordKind, view: View, (text, answer): Found) -> Result<Option<Result<Record, CodecError>>, StoreError> {
    let Some(key) = RecordKey::parse(&text) else { return Ok(Some(Err(Fault::Key.of(text)))) };
    if key.kind() != kind {
        return Ok(None);
    }
    match view.read(&key, answer) {
        Ok(record) => Ok(record.map(Ok)),
        Err(StoreError::Codec(error)) => Ok(Some(Err(error))),
        Err(error) => Err(error),
    }
}

/// A walk over the keys of a kind, each of which is given once.
struct Keys<'a> {
    link: &'a Link,
    kind: RecordKind,
    /// Of each key sixteen bytes are kept, for a step may give it again.
    seen: HashSet<[u8; 16]>,
    nodes: std::vec::IntoIter<Option<Server>>,
    /// The node that is being walked over, and how far.
    at: Option<(Option<Server>, String)>,
    layout: String,
}

impl<'a> Keys<'a> {
    async fn of(link: &'a Link, kind: RecordKind) -> Result<Self, RedisError> {
        let layout = layout(link).await?;
        Ok(Self { link, kind, seen: HashSet::new(), nodes: link.primaries().into_iter(), at: None, layout })
    }

    /// Some further keys; `None` after the last.
    async fn next(&mut self) -> Result<Option<Vec<String>>, RedisError> {
        loop {
            let Some((node, cursor)) = self.at.take().or_else(|| Some((self.nodes.next()?, "0".to_owned()))) else {
                return self.end().await;
            };
            let step = Command::new("SCAN").arg(cursor).arg("MATCH").arg(names::pattern(self.kind)).arg("COUNT").arg(STEP);
            let (cursor, keys) = step_of(self.link.ask(step.at(node.clone())).await?)?;
            if cursor != "0" {
                self.at = Some((node, cursor));
            }
            let new =
                |key: &String| blake3::hash(key.as_bytes()).as_bytes().first_chunk().is_none_or(|short| self.seen.insert(*short));
            let keys: Vec<String> = keys.into_iter().filter(new).collect();
            if !keys.is_empty() {
                return Ok(Some(keys));
            }
        }
    }

    /// Another primary counts its keys in another order, and a slot on its way may have been passed by.
    async fn end(&self) -> Result<Option<Vec<String>>, RedisError> {
        if layout(self.link).await? == self.layout {
            Ok(None)
        } else {
            Err(RedisError::ClusterDown { detail: "a primary changed, or slots moved, while the keys were read".to_owned() })
        }
    }
}

/// Who serves what, as a text that is another one once that changes.
async fn layout(link: &Link) -> Result<String, RedisError> {
    let mut text = String::new();
    for node in link.primaries() {
        text += &format!("{node:?} {} ", run_of(link, node.clone()).await?);
    }
    if link.clustered() {
        text += &format!("{:?}", link.ask(Command::new("CLUSTER").arg("SLOTS")).await?);
    }
    Ok(text)
}

async fn run_of(link: &Link, node: Option<Server>) -> Result<String, RedisError> {
    let info = link.ask(Command::new("INFO").arg("server").at(node)).await?;
    let info = info.as_str_lossy().unwrap_or_default();
    Ok(info.lines().find(|line| line.starts_with("run_id:")).unwrap_or_default().to_owned())
}

fn step_of(answer: Value) -> Result<(String, Vec<String>), RedisError> {
    let unread = || RedisError::Refused { detail: "its answer to SCAN is not understood".to_owned() };
    let mut parts = answer.into_array().into_iter();
    let cursor = parts.next().and_then(Value::into_string).ok_or_else(unread)?;
    let keys = parts.next().ok_or_else(unread)?.into_array();
    // A key that is no text is none of ours.
    Ok((cursor, keys.into_iter().filter_map(Value::into_string).collect()))
}

/// Removes decision records that were made before the floor of the view.
pub(super) async fn prune(link: &Link, view: View) -> Result<(), RedisError> {
    let mut walk = Keys::of(link, RecordKind::Decision).await?;
    while let Some(keys) = walk.next().await? {
        let old = |key: &&String| RecordKey::parse(key).is_some_and(|key| view.pruned(&key));
        let commands = keys.iter().filter(old).map(|key| Command::new("UNLINK").key(key)).collect();
        for answer in link.ask_all(commands).await? {
            answer?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_a_step_that_is_none_is_refused() {
        assert!(step_of(Value::Null).is_err());
        assert!(step_of(Value::Array(vec![Value::from("0")])).is_err());
        let read = step_of(Value::Array(vec![Value::from("7"), Value::Array(vec![Value::from("k")])])).unwrap();
        assert_eq!(read, ("7".to_owned(), vec!["k".to_owned()]));
    }
}
