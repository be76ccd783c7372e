//! Giving the store what it is owed.

use super::place::{Batch, Place};
use super::{Core, Message};
use crate::domain::ids::TenantId;
use crate::store::record::{Record, RecordKey, Write};
use crate::store::{StoreError, read_many};
use crate::telemetry::metrics;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc::WeakSender;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// How long the store has for one batch. A store that is slow after it came back still gets on.
const BATCH_WITHIN: Duration = Duration::from_secs(5);

/// Milliseconds between two batches, so that ten processes that are owed much leave the store time for requests.
const PAUSE_MS: u64 = 10;

/// Groups of one batch, and of the batch after one in which something was wrong with a record.
const GROUPS_MAX: usize = 64;

/// Replays what there is, and probes while the store is away; ends when its task is dropped.
pub(super) async fn run(core: Arc<Core>, writer: WeakSender<Message>) {
    let mut groups_max = GROUPS_MAX;
    loop {
        if core.log.is_empty() && !core.away.load(Ordering::Acquire) {
            core.work.notified().await;
        }
        // Each process waits a time of its own, or all of them would come back to the store at once.
        let calm = if core.away.load(Ordering::Acquire) { core.config.probe_interval_ms } else { PAUSE_MS };
        sleep(jittered(calm)).await;
        match some(&core, &writer, groups_max).await {
            Ok(()) => groups_max = GROUPS_MAX,
            Err(error) if of_its_records(&error) => {
                tracing::debug!(%error, "a batch of the journal is replayed one by one");
                groups_max = 1;
            }
            Err(error) => core.set_away(true, Some(&error)),
        }
        if core.log.is_empty()
            && let Some(writer) = writer.upgrade()
        {
            let _ = writer.try_send(Message::CloseEmpty);
        }
    }
}

/// Between half of `ms` milliseconds and one and a half times as many.
fn jittered(ms: u64) -> Duration {
    Duration::from_micros(fastrand::u64(ms * 500..=ms * 1_500))
}

/// Replays the oldest groups, or probes the store where there are none.
pub(super) async fn some(core: &Arc<Core>, writer: &WeakSender<Message>, groups_max: usize) -> Result<(), StoreError> {
    let _turn = core.turn.lock().await;
    let log = Arc::clone(&core.log);
    let batch = blocking(move || log.batch(groups_max)).await?;
    if batch.is_empty() {
        let key = RecordKey::TagEnd { tenant: TenantId::default_tenant(), tag: "probe".to_owned() };
        within(core.inner.get(&key)).await?;
        core.set_away(false, None);
        return Ok(());
    }
    let (batch, read) = blocking(move || {
        let read: Vec<_> = batch.owed.iter().map(|(key, place)| place.read(key)).collect();
        Ok((batch, read))
    })
    .await?;
    if batch.owed.is_empty() {
        // Nothing of it is owed any more, so the store is not asked, and nobody knows how it is.
        core.log.replayed(&batch);
        return Ok(());
    }
    let (mut owed, mut places) = (Vec::new(), Vec::new());
    for ((key, place), read) in batch.owed.iter().zip(read) {
        match read {
            Ok(record) => {
                places.push((key.clone(), place.clone()));
                owed.push((key.clone(), place.clone(), record));
            }
            Err(error) => give_up(core, &batch, &error, 1),
        }
    }
    let written = put(core, owed).await;
    match written {
        Ok(count) => {
            core.replayed.fetch_add(count as u64, Ordering::Relaxed);
            metrics::journal_replayed(count);
            note(core, writer, places).await;
        }
        // Where more went together, or another write overtook this one, it is tried once more by itself.
        Err(error) if of_its_records(&error) && groups_max == 1 => give_up(core, &batch, &error, batch.owed.len()),
        Err(error) => return Err(error),
    }
    let log = Arc::clone(&core.log);
    blocking(move || {
        log.replayed(&batch);
        Ok(())
    })
    .await?;
    core.set_away(false, None);
    Ok(())
}

/// Notes on the disk that the store has these: after a restart they would be put in the place of what was deleted meanwhile.
async fn note(core: &Core, writer: &WeakSender<Message>, owed: Vec<(RecordKey, Place)>) {
    if owed.is_empty() {
        return;
    }
    let (answer, answered) = oneshot::channel();
    // The other end of the queue is not held while this waits, for the thread ends once nobody holds it.
    let sent = writer.upgrade().map(|writer| writer.try_send(Message::Replayed { at: core.clock.now(), owed, answer }));
    // The thread tells of a disk that fails. The store has the records all the same.
    if matches!(sent, Some(Ok(()))) {
        let _ = answered.await;
    }
}

/// Whether the store refuses what is in a batch, whenever it is asked.
fn of_its_records(error: &StoreError) -> bool {
    matches!(error, StoreError::Codec(_) | StoreError::Redis(_)) && !error.passes()
}

fn give_up(core: &Core, batch: &Batch, error: &StoreError, records: usize) {
    tracing::error!(%error, "a record of the journal can't be stored; the file that holds it is kept");
    core.log.keep(batch);
    core.refuse(records);
}

/// Puts what the store has nothing later for, and gives how many records that were.
async fn put(core: &Core, owed: Vec<(RecordKey, Place, Option<Record>)>) -> Result<usize, StoreError> {
    let now = core.clock.now();
    let keys: Vec<RecordKey> = owed.iter().map(|(key, ..)| key.clone()).collect();
    let tags: Vec<RecordKey> = owed.iter().flat_map(|(.., record)| ends_of(record.as_ref())).collect();
    let (stored, ended) = (within(read_many(&*core.inner, &keys)).await?, within(read_many(&*core.inner, &tags)).await?);
    let writes: Vec<Write> = owed
        .into_iter()
        .filter_map(|(key, place, record)| match (record, stored.get(&key)) {
            (Some(record), _) if record.expired(now) || is_ended(&record, &ended) => None,
            (Some(record), Some(stored)) if stored.outdates(&record) => None,
            (Some(record), _) => Some(Write::Put(record)),
            (None, Some(stored)) if stored.made_at().is_some_and(|made| made > place.at) => None,
            (None, _) => Some(Write::Delete(key)),
        })
        .collect();
    let count = writes.len();
    if count > 0 {
        within(core.inner.commit(writes)).await?;
    }
    Ok(count)
}

/// Under which keys a deletion by one of a record's tags stands.
fn ends_of(record: Option<&Record>) -> Vec<RecordKey> {
    let Some(Record::Entry(stored)) = record else { return Vec::new() };
    let end = |tag: &String| RecordKey::TagEnd { tenant: stored.entry.tenant.clone(), tag: tag.clone() };
    stored.entry.tags.iter().map(end).collect()
}

/// Whether an entry was deleted by one of its tags since it was made.
fn is_ended(record: &Record, ended: &HashMap<RecordKey, Record>) -> bool {
    let Record::Entry(stored) = record else { return false };
    ends_of(Some(record))
        .iter()
        .any(|key| matches!(ended.get(key), Some(Record::TagEnd(end)) if end.generation > stored.entry.generation))
}

/// What the store gives within the time that it has.
async fn within<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = || StoreError::Away { detail: format!("it did not answer within {} s", BATCH_WITHIN.as_secs()) };
    timeout(BATCH_WITHIN, asked).await.unwrap_or_else(|_| Err(late()))
}

/// Runs what reads the disk where it holds nobody up.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await.map_err(|_| StoreError::Closed)?,
        Err(_) => work(),
    }
}
