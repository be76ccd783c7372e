//! The audit record of every decision.

use super::{DecideError, Decided, Decider};
use crate::domain::audit::DecisionRecord;
use crate::domain::ids::{ComponentId, DecisionId, StrategyName, TenantId};
use crate::domain::request::{Allow, Caller, Market, Request};
use crate::domain::time::Timestamp;
use crate::store::{Record, RecordKey, StoreError, Write};
use crate::telemetry::metrics;
use serde::Serialize;
use std::sync::Arc;

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
        let key = RecordKey::Decision { tenant: tenant.clone(), id };
        let stored = self.store.get(&key).await?.and_then(|record| match record {
            Record::Decision(decision) => Some(decision),
            _ => None,
        });
        // That a decision is pending is told a moment before it is stored, and also where it can't be.
        Ok(stored.or_else(|| self.work(tenant, id)?.told.get().cloned()))
    }
}
