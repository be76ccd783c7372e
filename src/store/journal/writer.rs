//! The thread that appends to the journal: what waits at one time shares one sync.

use super::group;
use super::log::Log;
use super::place::Place;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::record::RecordKey;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Groups that share one sync, and bytes after which no further one joins them.
const SHARED_GROUPS_MAX: usize = 256;
const SHARED_BYTES_MAX: usize = 4 << 20;

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Message {
    /// To append a group of so many writes, for which room is kept, and to answer when it is durable.
    Append { group: Vec<u8>, records: usize, answer: oneshot::Sender<Result<(), StoreError>> },
    /// To note at this moment that the store has these, and to answer when that is durable.
    Replayed { at: Timestamp, owed: Vec<(RecordKey, Place)>, answer: oneshot::Sender<Result<(), StoreError>> },
    /// To let go of the segment that is appended to, where nothing in it is owed any more.
    CloseEmpty,
}

/// Runs until all senders are gone.
pub(super) fn run(log: &Arc<Log>, mut messages: mpsc::Receiver<Message>) {
    let mut put_off = None;
    while let Some(message) = put_off.take().or_else(|| messages.blocking_recv()) {
        let (mut groups, mut waiting, mut bytes, mut writes) = (Vec::new(), Vec::new(), 0, 0);
        let mut next = Some(message);
        while let Some(message) = next.take() {
            match message {
                Message::Append { group, records, answer } => {
                    writes += records;
                    bytes += group.len();
                    groups.push(group);
                    waiting.push(answer);
                }
                // What was journaled anew is owed still, so this has to know of all that goes before it.
                Message::Replayed { .. } if !groups.is_empty() => {
                    put_off = Some(message);
                    break;
                }
                Message::Replayed { at, owed, answer } => {
                    let group = superseding(log, at, &owed);
                    bytes += group.len();
                    groups.push(group);
                    waiting.push(answer);
                }
                // Asked again after the next replay, where something is being appended.
                Message::CloseEmpty if groups.is_empty() => log.close_empty(),
                Message::CloseEmpty => {}
            }
            if groups.len() < SHARED_GROUPS_MAX && bytes < SHARED_BYTES_MAX {
                next = messages.try_recv().ok();
            }
        }
        if groups.is_empty() {
            continue;
        }
        let result = append(log, &groups).inspect_err(|_| log.give_room_back(writes, bytes));
        for answer in waiting {
            // Whoever stopped waiting is not told.
            let _ = answer.send(result.clone());
        }
    }
}

/// The group that says that those of `owed` that were not journaled anew are out of date. Room is taken for it.
fn superseding(log: &Log, at: Timestamp, owed: &[(RecordKey, Place)]) -> Vec<u8> {
    let still = owed.iter().filter(|(key, place)| log.owed(key).is_some_and(|now| now.same(place)));
    let group = group::of_superseded(at, still.map(|(key, _)| key));
    // A group without writes always finds room.
    let _ = log.take_room(0, group.len());
    group
}

fn append(log: &Log, groups: &[Vec<u8>]) -> Result<(), StoreError> {
    use std::os::unix::fs::FileExt;
    let written = log.to_append().and_then(|(number, file, at)| {
        file.write_all_at(&groups.concat(), at)?;
        file.sync_data()?;
        Ok((number, at))
    });
    match written {
        Ok((number, at)) => {
            log.appended(number, at, groups);
            Ok(())
        }
        Err(error) => {
            log.failed();
            let error = log.disk_error(&error);
            tracing::error!(%error, "what the store is owed could not be kept");
            Err(error)
        }
    }
}
