//! The audit trail: what was done to a tenant's data, put on record before the answer says that it was done.
//!
//! Each tenant has a chain of its own (see [`crate::domain::audit_chain`]). Whoever has the turn takes all deeds that wait and gives them
//! their places in one commit, together with the new end of the chain, so that a hundred at once cost one sync. Over a store that several
//! processes share the turn is a lease, and the commit is refused where the lease has gone: two processes never write the same place.
//!
//! Invariants:
//! - a deed whose [`AuditLog::append`] returned is on record, and survives a kill;
//! - numbers of a tenant have no gaps, and each event holds the hash of the one before it;
//! - where retention drops the oldest events, the chain keeps the hash of the last that was dropped, for the rest to hang on;
//! - the latest event is never dropped.

mod read;
#[cfg(test)]
mod tests;

pub use read::{Page, VerifyError};

use crate::domain::audit_chain::{AuditChain, Deed};
use crate::domain::ids::TenantId;
use crate::domain::time::{Clock, Timestamp};
use crate::limits::{AUDIT_ABOUT_BYTES_MAX, AUDIT_ABOUT_ITEMS_MAX, AUDIT_ABOUT_TEXT_CHARS_MAX, TTL_SEC_MAX};
use crate::store::shared::{Acquired, Lease};
use crate::store::{Record, RecordKey, RecordKind, Shared, Store, StoreError, Write};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The lease under which a chain grows and shrinks.
const LEASE: &str = "audit";

/// How long it lasts by itself: longer than a commit takes, and a process that is killed holds up the others no longer.
const LEASE_LASTS: Duration = Duration::from_secs(3);

/// How long a deed waits for the turn before its caller is told that it is not on record.
const TURN_WITHIN: Duration = Duration::from_secs(10);

/// Deeds that one commit holds, and events that one commit drops.
const EVENTS_PER_COMMIT: usize = 256;

/// Tenants whose turns are kept though nobody waits for one.
const IDLE_TENANTS_MAX: usize = 1_024;

/// The settings of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seconds for which events are kept, from 60; 0 keeps them for ever.
    pub retention_sec: u64,
    /// Whether what writers write is on record, an event for each request. What is deleted and what operators do always is.
    pub writes: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { retention_sec: 400 * 24 * 3_600, writes: true }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// The setting that is out of it, and its range.
    pub fn check(&self) -> Result<(), String> {
        let good = self.retention_sec == 0 || (60..=TTL_SEC_MAX).contains(&self.retention_sec);
        if good { Ok(()) } else { Err(format!("retention_sec must be 60 to {TTL_SEC_MAX}, or 0 to keep events for ever")) }
    }
}

/// Why a deed is not on record.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuditError {
    /// The store failed; it is not known to be on record.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Other processes had the turn for too long.
    #[error("the audit trail of the tenant did not become free within {} s", TURN_WITHIN.as_secs())]
    Busy,
    /// The process is about to end.
    #[error("the service is stopping")]
    Closed,
    /// What it is about is no JSON.
    #[error("what the event is about can't be written: {detail}")]
    Broken {
        /// Why.
        detail: String,
    },
}

/// A deed on its way, and where its place is told.
type Waiting = (Deed, oneshot::Sender<Result<u64, AuditError>>);

/// Those of one tenant, and whose turn it is in this process.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

/// The audit trails of all tenants.
#[derive(Debug)]
pub struct AuditLog {
    store: Arc<dyn Store>,
    clock: Clock,
    queues: Mutex<HashMap<TenantId, Arc<Queue>>>,
}

/// The turn of one process.
enum Turn<'a> {
    /// Nobody else has the store.
    Alone,
    /// Under a lease.
    Leased(&'a dyn Shared, Lease),
}

impl AuditLog {
    /// The trails that `store` keeps.
    pub fn new(store: Arc<dyn Store>, clock: Clock) -> Arc<Self> {
        Arc::new(Self { store, clock, queues: Mutex::default() })
    }

    /// Puts a deed on record and gives its number. Goes on to its end where the caller stops waiting. Within a tokio runtime.
    ///
    /// # Errors
    /// [`AuditError`]; then it is not known to be on record.
    pub async fn append(self: &Arc<Self>, deed: Deed) -> Result<u64, AuditError> {
        let tenant = deed.tenant.clone();
        let queue = self.queue(&tenant);
        let (told, hears) = oneshot::channel();
        queue.waiting.lock().push((deed, told));
        let log = Arc::clone(self);
        // A commit that its caller gave up is still on its way, and the next one must not read the end of the chain before it is there.
        tokio::spawn(async move { log.write_waiting(&tenant, &queue).await });
        hears.await.unwrap_or(Err(AuditError::Closed))
    }

    fn queue(&self, tenant: &TenantId) -> Arc<Queue> {
        let mut queues = self.queues.lock();
        if queues.len() > IDLE_TENANTS_MAX {
            queues.retain(|_, queue| Arc::strong_count(queue) > 1);
        }
        Arc::clone(queues.entry(tenant.clone()).or_default())
    }

    async fn write_waiting(&self, tenant: &TenantId, queue: &Queue) {
        let _turn = queue.turn.lock().await;
        let (deeds, tell): (Vec<_>, Vec<_>) = {
            let mut waiting = queue.waiting.lock();
            let count = waiting.len().min(EVENTS_PER_COMMIT);
            waiting.drain(..count).unzip()
        };
        // Whoever had the turn before took it along.
        if deeds.is_empty() {
            return;
        }
        let written = self.in_turn(tenant, |chain| self.extended(chain, &deeds)).await;
        for (place, tell) in (0..).zip(tell) {
            let _ = tell.send(written.as_ref().map(|first| first + place).map_err(Clone::clone));
        }
    }

    /// The chain with these deeds at its end, and the number of the first.
    fn extended(&self, mut chain: AuditChain, deeds: &[Deed]) -> (u64, Vec<Write>) {
        let (first, now) = (chain.last + 1, self.clock.now());
        let mut writes: Vec<Write> =
            deeds.iter().map(|deed| Write::Put(Record::AuditEvent(chain.append(deed.clone(), now).into()))).collect();
        writes.push(Write::Put(Record::AuditChain(chain)));
        (first, writes)
    }

    /// Changes a chain when it is this process's turn. What `change` gives is written as a whole.
    async fn in_turn<T>(&self, tenant: &TenantId, change: impl Fn(AuditChain) -> (T, Vec<Write>)) -> Result<T, AuditError> {
        let until = Instant::now() + TURN_WITHIN;
        loop {
            let turn = self.turn(tenant, until).await?;
            let written = async {
                let (told, writes) = change(self.chain(tenant).await?);
                let done = match (&turn, writes.is_empty()) {
                    (_, true) => true,
                    (Turn::Alone, _) => self.store.commit(writes).await.map(|()| true)?,
                    (Turn::Leased(shared, lease), _) => shared.commit_under(lease, writes).await?,
                };
                Ok::<_, AuditError>(done.then_some(told))
            };
            let written = written.await;
            if let Turn::Leased(shared, lease) = &turn {
                // A lease that is given back late ends by itself. And a commit that is still on its way is refused from here on.
                let _ = shared.release(lease, None).await;
            }
            // Where the lease had gone nothing was written.
            if let Some(told) = written? {
                return Ok(told);
            }
        }
    }

    async fn turn(&self, tenant: &TenantId, until: Instant) -> Result<Turn<'_>, AuditError> {
        let Some(shared) = self.store.shared() else { return Ok(Turn::Alone) };
        loop {
            if let Acquired::Mine(lease) = shared.acquire(tenant, LEASE, LEASE_LASTS).await? {
                return Ok(Turn::Leased(shared, lease));
            }
            if Instant::now() > until {
                return Err(AuditError::Busy);
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(2..20))).await;
        }
    }

    /// How far the chain of a tenant goes.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away, or the record of it is damaged.
    pub async fn chain(&self, tenant: &TenantId) -> Result<AuditChain, StoreError> {
        match self.store.get(&RecordKey::AuditChain { tenant: tenant.clone() }).await? {
            Some(Record::AuditChain(chain)) => Ok(chain),
            _ => Ok(AuditChain::new(tenant.clone())),
        }
    }

    /// The tenants that have a chain. Blocks.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    pub fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        let mut tenants = Vec::new();
        self.store.scan(RecordKind::AuditChain, &mut |record| {
            tenants.extend(record.ok().map(|record| record.key().tenant().clone()));
            ControlFlow::Continue(())
        })?;
        tenants.sort();
        Ok(tenants)
    }

    /// Drops the oldest events of a tenant, those put on record before `before`, and returns how many.
    ///
    /// # Errors
    /// [`AuditError`]; some may be dropped then.
    pub async fn drop_before(&self, tenant: &TenantId, before: Timestamp) -> Result<usize, AuditError> {
        let mut dropped = 0;
        loop {
            let old = self.page(tenant, 0, EVENTS_PER_COMMIT).await?;
            let queue = self.queue(tenant);
            let _turn = queue.turn.lock().await;
            let shorter = |mut chain: AuditChain| {
                let mut writes = Vec::new();
                for event in old.events.iter().take_while(|event| event.at < before) {
                    if event.number == chain.first && event.number < chain.last {
                        chain.drop_first(event);
                        writes.push(Write::Delete(RecordKey::AuditEvent { tenant: tenant.clone(), number: event.number }));
                    }
                }
                let count = writes.len();
                if count > 0 {
                    writes.push(Write::Put(Record::AuditChain(chain)));
                }
                (count, writes)
            };
            let count = self.in_turn(tenant, shorter).await?;
            dropped += count;
            if count < EVENTS_PER_COMMIT {
                return Ok(dropped);
            }
        }
    }

    /// The same for all tenants, by the settings.
    ///
    /// # Errors
    /// [`AuditError`]; some may be dropped then.
    pub async fn retain(self: &Arc<Self>, config: &Config) -> Result<usize, AuditError> {
        if config.retention_sec == 0 {
            return Ok(0);
        }
        let log = Arc::clone(self);
        let tenants = tokio::task::spawn_blocking(move || log.tenants()).await.map_err(|_| AuditError::Closed)??;
        let micros = i64::try_from(config.retention_sec.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
        let before = Timestamp::from_micros(self.clock.now().as_micros().saturating_sub(micros));
        let mut dropped = 0;
        for tenant in tenants {
            dropped += self.drop_before(&tenant, before).await?;
        }
        Ok(dropped)
    }
}

/// What a deed is about, cut to what an event may hold.
///
/// # Errors
/// [`AuditError::Broken`] where it can't be written, which no JSON value is known to do.
pub fn about(mut value: Value) -> Result<Arc<RawValue>, AuditError> {
    cut(&mut value, AUDIT_ABOUT_ITEMS_MAX);
    let broken = |error: serde_json::Error| AuditError::Broken { detail: error.to_string() };
    let raw = serde_json::value::to_raw_value(&value).map_err(broken)?;
    if raw.get().len() <= AUDIT_ABOUT_BYTES_MAX {
        return Ok(raw.into());
    }
    let told = serde_json::json!({ "left_out_bytes": raw.get().len() });
    Ok(serde_json::value::to_raw_value(&told).map_err(broken)?.into())
}

/// Keeps the first of what is many, and the beginning of what is long.
fn cut(value: &mut Value, items: usize) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(AUDIT_ABOUT_TEXT_CHARS_MAX) {
                text.truncate(end);
                text.push('…');
            }
        }
        Value::Array(all) => {
            all.truncate(items);
            all.iter_mut().for_each(|value| cut(value, items));
        }
        Value::Object(all) => all.values_mut().for_each(|value| cut(value, items)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
