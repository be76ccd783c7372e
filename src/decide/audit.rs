//! The audit record of every decision.

use super::{DecideError, Decided, Decider};
use crate::domain::answer::Outcome;
use crate::domain::audit::DecisionRecord;
use crate::domain::ids::{ComponentId, DecisionId, StrategyName, TenantId};
use crate::domain::request::{Allow, Caller, Market, Request};
use crate::domain::time::Timestamp;
use crate::limits::ENGINE_ATTEMPTS_MAX;
use crate::store::{Record, RecordKey, StoreError, Write};
use crate::telemetry::metrics;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Milliseconds after which the record of a decision is written, whichever process made it.
const WRITTEN_WITHIN_MS: i64 = 500;

/// What was asked, as the audit record keeps it.
#[derive(Serialize)]
struct Asked<'a> {
    text: &'a str,
    strategy: &'a StrategyName,
    as_of: Timestamp,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "<[ComponentId]>::is_empty")]
    context: &'a [ComponentId],
    #[serde(skip_serializing_if = "unsaid")]
    market: &'a Market,
    allow: Allow,
    deadline_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
}

fn unsaid(market: &Market) -> bool {
    *market == Market::default()
}

impl Decider {
    /// The audit record of an answer, as a write.
    pub(super) fn audit_of(&self, caller: &Caller, request: &Request, decided: &Decided) -> Result<Write, DecideError> {
        let budget = request.deadline.at().saturating_duration_since(request.deadline.start());
        let asked = Asked {
            text: request.text.as_str(),
            strategy: &request.strategy,
            as_of: request.as_of,
            tags: &request.tags,
            context: &request.context,
            market: &request.market,
            allow: request.allow,
            deadline_ms: u64::try_from(budget.as_millis()).unwrap_or(u64::MAX),
            session: request.session.as_deref(),
            user: caller.user.as_deref(),
        };
        Ok(Write::Put(Record::Decision(DecisionRecord {
            tenant: caller.tenant.clone(),
            id: decided.answer.id,
            at: self.clock.now(),
            request: serde_json::value::to_raw_value(&asked)?.into(),
            answer: Arc::clone(&decided.json),
        })))
    }

    /// Queues an audit record. Where the queue is full the record is given up and counted: a read never fails because a write could not be
    /// done.
    pub(super) fn queue_audit(&self, record: Write) {
        if let Err(error) = self.store.record(record) {
            metrics::audit_dropped();
            tracing::debug!(%error, "an audit record was given up");
        }
    }

    /// The audit record of a decision of this tenant.
    ///
    /// # Errors
    /// [`StoreError`] where the store can't be read.
    pub async fn audit(&self, tenant: &TenantId, id: DecisionId) -> Result<Option<DecisionRecord>, StoreError> {
        let mut found = self.recorded(tenant, id).await?;
        // Another process may have told its caller a moment ago and not have got as far as to write it down.
        let until = i64::try_from(id.millis()).unwrap_or(0) + WRITTEN_WITHIN_MS;
        while found.is_none() && self.store.shared().is_some() && self.clock.now().as_millis() < until {
            sleep(Duration::from_millis(25)).await;
            found = self.recorded(tenant, id).await?;
        }
        Ok(found)
    }

    async fn recorded(&self, tenant: &TenantId, id: DecisionId) -> Result<Option<DecisionRecord>, StoreError> {
        let key = RecordKey::Decision { tenant: tenant.clone(), id };
        let stored = self.store.get(&key).await?.and_then(|record| match record {
            Record::Decision(decision) => Some(decision),
            _ => None,
        });
        // That a decision is pending is told a moment before it is stored, and also where it can't be.
        Ok(stored.or_else(|| self.work(tenant, id)?.told.get().cloned()))
    }

    /// Whether another process may still be at work for a decision that is pending. That it has died is known only once nobody works for so
    /// long.
    pub fn may_be_under_way(&self, record: &DecisionRecord) -> bool {
        if self.store.shared().is_none() || self.work(&record.tenant, record.id).is_some() {
            return false;
        }
        let lease = Duration::from_millis(self.follow.settings.lease_ms);
        // It may wait for another's run first, and then have as many of its own.
        let longest = (self.thinking.budget + lease) * (ENGINE_ATTEMPTS_MAX + 1);
        let age_ms = u128::try_from(self.clock.now().millis_since(record.at)).unwrap_or(0);
        age_ms < longest.as_millis()
    }

    /// Waits up to `within` for another process to decide; returns at once where none is at work.
    ///
    /// # Errors
    /// [`StoreError`] where the store can't be read.
    pub async fn decided_elsewhere(&self, tenant: &TenantId, id: DecisionId, within: Duration) -> Result<(), StoreError> {
        let until = Instant::now() + within;
        let mut pause = Duration::from_millis(25);
        while let Some(record) = self.audit(tenant, id).await?
            && is_pending(&record)
            && self.may_be_under_way(&record)
        {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
        Ok(())
    }
}

fn is_pending(record: &DecisionRecord) -> bool {
    #[derive(serde::Deserialize)]
    struct Answered {
        outcome: String,
    }
    serde_json::from_str::<Answered>(record.answer.get()).is_ok_and(|answered| answered.outcome == Outcome::Pending.as_str())
}
