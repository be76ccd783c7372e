//! The twin in memory, held to the same contract as the stores that last, and as those that several processes share.

use super::buckets::{LocalBuckets, Rate, SharedBuckets, Taken};
use super::shared::{Acquired, CHANGES_MAX, Change, Changes, Lease, Position, Shared, followed};
use super::{CodecError, Record, RecordKey, RecordKind, SWEEP_RECORDS_MAX, Store, StoreError, StoreHealth, Visit, Write, codec};
use crate::domain::ids::TenantId;
use crate::domain::role::Role;
use crate::domain::time::{Clock, Timestamp};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Stores in memory that hold the same records, as those of several processes over one server do. Each clone is a way to the server.
#[derive(Debug, Clone)]
pub struct Common {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    grown: watch::Sender<u64>,
    clock: Clock,
    buckets: LocalBuckets,
}

#[derive(Debug, Default)]
struct State {
    records: HashMap<RecordKey, Record>,
    // Each tenant's changes, with the number of the first that is kept.
    logs: BTreeMap<TenantId, (u64, Vec<(u64, Change)>)>,
    leases: HashMap<(TenantId, String), Held>,
    notes: HashMap<(TenantId, String), (Timestamp, String)>,
    fences: u64,
    generation: u64,
    members: u64,
    away: bool,
}

#[derive(Debug)]
struct Held {
    fence: u64,
    until: Timestamp,
    word: Option<String>,
}

impl Common {
    /// A server without records that lives by `clock`.
    pub fn new(clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                state: Mutex::default(),
                grown: watch::Sender::new(0),
                clock,
                buckets: LocalBuckets::default(),
            }),
        }
    }

    /// A store of one more process over this server.
    pub fn join(&self) -> Arc<dyn Store> {
        let mut state = self.inner.state.lock();
        state.members += 1;
        Arc::new(Memory { inner: Arc::clone(&self.inner), member: Some(state.members) })
    }

    /// Has the server answer nobody, or answer again.
    pub fn set_away(&self, away: bool) {
        self.inner.state.lock().away = away;
    }

    /// Drops all but the last `keep` changes of each tenant.
    pub fn trim(&self, keep: usize) {
        for (first, log) in self.inner.state.lock().logs.values_mut() {
            let dropped = log.len().saturating_sub(keep);
            log.drain(..dropped);
            *first += dropped as u64;
        }
    }
}

/// Records in memory.
#[derive(Debug)]
pub(super) struct Memory {
    inner: Arc<Inner>,
    // Which of the processes over the server this is; `None` where there is but one.
    member: Option<u64>,
}

impl Memory {
    pub(super) fn new(clock: Clock) -> Self {
        Self { inner: Common::new(clock).inner, member: None }
    }

    fn state(&self) -> Result<parking_lot::MutexGuard<'_, State>, StoreError> {
        let state = self.inner.state.lock();
        if state.away { Err(StoreError::Away { detail: "it does not answer".to_owned() }) } else { Ok(state) }
    }

    fn apply(&self, state: &mut State, writes: impl IntoIterator<Item = Write>) {
        let at = self.inner.clock.now();
        for write in writes {
            let key = write.key();
            match write {
                Write::Put(record) => state.records.insert(key.clone(), record),
                Write::Delete(key) => state.records.remove(&key),
            };
            if let Some(member) = self.member.filter(|_| followed(key.kind())) {
                let (first, log) = state.logs.entry(key.tenant().clone()).or_insert((1, Vec::new()));
                debug_assert!(*first > 0);
                log.push((member, Change { key, own: false, at }));
            }
        }
        self.inner.grown.send_modify(|times| *times += 1);
    }

    fn changes_now(&self, after: &Position) -> Result<Changes, StoreError> {
        let state = self.state()?;
        let mut found = Changes { changes: Vec::new(), position: after.clone(), gap: false };
        for (tenant, (first, log)) in &state.logs {
            let seen = after.parts.get(tenant).map_or(0, |(last, _)| *last);
            found.gap |= seen + 1 < *first;
            let skip = usize::try_from((seen + 1).saturating_sub(*first)).unwrap_or(usize::MAX);
            let new = log.iter().skip(skip).take(CHANGES_MAX);
            let before = found.changes.len();
            found.changes.extend(new.map(|(member, change)| Change { own: Some(*member) == self.member, ..change.clone() }));
            let last = seen.max(*first - 1) + (found.changes.len() - before) as u64;
            found.position.parts.insert(tenant.clone(), (last, 0));
        }
        Ok(found)
    }
}

#[async_trait]
impl Store for Memory {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        // What the others can't store is refused here too, or a test would pass that production fails.
        writes.iter().try_for_each(check)?;
        self.apply(&mut *self.state()?, writes);
        Ok(())
    }

    fn record(&self, write: Write) -> Result<(), StoreError> {
        check(&write)?;
        self.apply(&mut *self.state()?, [write]);
        Ok(())
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        let now = self.inner.clock.now();
        Ok(self.state()?.records.get(key).filter(|record| !record.expired(now)).cloned())
    }

    fn scan(&self, kind: RecordKind, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let now = self.inner.clock.now();
        // Copied first, so that a visitor may write.
        let wanted = |record: &&Record| record.kind() == kind && !record.expired(now);
        let records: Vec<Record> = self.state()?.records.values().filter(wanted).cloned().collect();
        let _ = records.into_iter().try_for_each(|record| visit(Ok(record)));
        Ok(())
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.state().map(drop)
    }

    async fn prune(&self, before: Timestamp) -> Result<(), StoreError> {
        let floor_millis = before.as_millis();
        self.state()?.records.retain(|key, _| match key {
            RecordKey::Decision { id, .. } => i64::try_from(id.millis()).unwrap_or(i64::MAX) >= floor_millis,
            _ => true,
        });
        Ok(())
    }

    async fn sweep(&self) -> Result<Vec<RecordKey>, StoreError> {
        let now = self.inner.clock.now();
        let mut state = self.state()?;
        let ended = state.records.iter().filter(|(_, record)| record.expired(now)).map(|(key, _)| key.clone());
        let keys: Vec<RecordKey> = ended.take(SWEEP_RECORDS_MAX).collect();
        for key in &keys {
            state.records.remove(key);
        }
        Ok(keys)
    }

    fn health(&self) -> StoreHealth {
        let failed = self.state().err().map(|error| error.to_string());
        StoreHealth { failed, ..StoreHealth::default() }
    }

    fn shared(&self) -> Option<&dyn Shared> {
        self.member.map(|_| self as &dyn Shared)
    }
}

#[async_trait]
impl SharedBuckets for Memory {
    async fn take(&self, tenant: &TenantId, role: Role, rate: Rate) -> Result<Taken, StoreError> {
        self.state().map(drop)?;
        Ok(self.inner.buckets.take_now(tenant, role, rate))
    }
}

#[async_trait]
impl Shared for Memory {
    async fn position(&self) -> Result<Position, StoreError> {
        let state = self.state()?;
        let end = |(first, log): &(u64, Vec<_>)| (*first - 1 + log.len() as u64, 0);
        Ok(Position { parts: state.logs.iter().map(|(tenant, log)| (tenant.clone(), end(log))).collect() })
    }

    async fn changes(&self, after: &Position, wait: Duration) -> Result<Changes, StoreError> {
        let mut grown = self.inner.grown.subscribe();
        let until = tokio::time::Instant::now() + wait;
        loop {
            grown.mark_unchanged();
            let found = self.changes_now(after)?;
            if !found.changes.is_empty() || found.gap {
                return Ok(found);
            }
            if !matches!(tokio::time::timeout_at(until, grown.changed()).await, Ok(Ok(()))) {
                return self.changes_now(after);
            }
        }
    }

    async fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Result<Option<Record>, CodecError>>, StoreError> {
        let (now, state) = (self.inner.clock.now(), self.state()?);
        Ok(keys.iter().map(|key| Ok(state.records.get(key).filter(|record| !record.expired(now)).cloned())).collect())
    }

    async fn generation(&self) -> Result<u64, StoreError> {
        Ok(self.state()?.generation)
    }

    async fn next_generation(&self, above: u64) -> Result<u64, StoreError> {
        let mut state = self.state()?;
        state.generation = state.generation.max(above) + 1;
        Ok(state.generation)
    }

    async fn leave_note(&self, tenant: &TenantId, name: &str, note: &str, lasts: Duration) -> Result<(), StoreError> {
        let until = end_of(self.inner.clock.now(), lasts);
        self.state()?.notes.insert((tenant.clone(), name.to_owned()), (until, note.to_owned()));
        Ok(())
    }

    async fn note(&self, tenant: &TenantId, name: &str) -> Result<Option<String>, StoreError> {
        let now = self.inner.clock.now();
        let state = self.state()?;
        let left = state.notes.get(&(tenant.clone(), name.to_owned())).filter(|(until, _)| *until > now);
        Ok(left.map(|(_, note)| note.clone()))
    }

    async fn acquire(&self, tenant: &TenantId, name: &str, lasts: Duration) -> Result<Acquired, StoreError> {
        let (now, mut state) = (self.inner.clock.now(), self.state()?);
        let place = (tenant.clone(), name.to_owned());
        match state.leases.get(&place).filter(|held| held.until > now) {
            Some(Held { word: Some(word), .. }) => Ok(Acquired::Done(word.clone())),
            Some(_) => Ok(Acquired::Held),
            None => {
                state.fences += 1;
                let fence = state.fences;
                state.leases.insert(place, Held { fence, until: end_of(now, lasts), word: None });
                Ok(Acquired::Mine(Lease { tenant: tenant.clone(), name: name.to_owned(), fence }))
            }
        }
    }

    async fn renew(&self, lease: &Lease, lasts: Duration) -> Result<bool, StoreError> {
        let (now, mut state) = (self.inner.clock.now(), self.state()?);
        Ok(state.held(lease, now).map(|held| held.until = end_of(now, lasts)).is_some())
    }

    async fn release(&self, lease: &Lease, word: Option<(&str, Duration)>) -> Result<bool, StoreError> {
        let (now, mut state) = (self.inner.clock.now(), self.state()?);
        let Some(held) = state.held(lease, now) else { return Ok(false) };
        match word {
            Some((word, lingers)) => (held.word, held.until) = (Some(word.to_owned()), end_of(now, lingers)),
            None => held.until = now,
        }
        Ok(true)
    }

    async fn commit_under(&self, lease: &Lease, writes: Vec<Write>) -> Result<bool, StoreError> {
        writes.iter().try_for_each(check)?;
        let (now, mut state) = (self.inner.clock.now(), self.state()?);
        if state.held(lease, now).is_none() {
            return Ok(false);
        }
        self.apply(&mut state, writes);
        Ok(true)
    }
}

impl State {
    fn held(&mut self, lease: &Lease, now: Timestamp) -> Option<&mut Held> {
        let held = self.leases.get_mut(&(lease.tenant.clone(), lease.name.clone()))?;
        (held.fence == lease.fence && held.until > now && held.word.is_none()).then_some(held)
    }
}

fn end_of(now: Timestamp, lasts: Duration) -> Timestamp {
    now.plus_millis(i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX))
}

fn check(write: &Write) -> Result<(), StoreError> {
    if let Write::Put(record) = write {
        codec::to_fields(record)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{contract, in_memory, shared_contract};
    use super::Common;

    #[tokio::test]
    async fn the_twin_in_memory_holds_the_contract_of_stores() {
        contract::hold(in_memory).await;
        contract::hold(|clock| Common::new(clock).join()).await;
    }

    #[tokio::test]
    async fn the_twin_in_memory_holds_the_contract_of_shared_stores() {
        shared_contract::hold(|clock| {
            let common = Common::new(clock);
            Box::new(move || common.join())
        })
        .await;
    }
}
