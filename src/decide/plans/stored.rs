//! Plans on record, and what memory knows of them.

use super::PlansError;
use crate::cache::plans::PlanFilter;
use crate::decide::Decider;
use crate::decide::follow::readable;
use crate::domain::ids::{PlanId, TenantId};
use crate::domain::plan_record::{PlanBrief, PlanChange, PlanFailure, PlanRecord, PlanState};
use crate::domain::time::Timestamp;
use crate::store::{Record, RecordKey, Shared, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Plans that are read in one round trip: one may have megabytes.
const TOGETHER: usize = 4;

/// Milliseconds past its budget after which a plan that another process was making counts as lost.
const LOST_AFTER_MS: u64 = 30_000;

impl Decider {
    /// The plans of a tenant, newest first, at most `limit`, and whether there are more.
    pub fn list_plans(&self, tenant: &TenantId, filter: PlanFilter, limit: usize) -> (Vec<Arc<PlanBrief>>, bool) {
        let (found, more) = self.plans.index.list(tenant, filter, limit);
        let seen = |brief: Arc<PlanBrief>| {
            let under_way = || self.plans.flights.get(tenant, brief.id).is_some();
            match self.is_lost(brief.state, brief.created_at) && !under_way() {
                true => Arc::new(PlanBrief { state: PlanState::Failed, ..PlanBrief::clone(&brief) }),
                false => brief,
            }
        };
        (found.into_iter().map(seen).collect(), more)
    }

    /// Waits for a plan that this process is making; at once where it is making none of this id.
    pub async fn plan_ended(&self, tenant: &TenantId, id: PlanId, within: Duration) {
        if let Some(flight) = self.plans.flights.get(tenant, id) {
            let _ = timeout(within, flight.landed()).await;
        }
    }

    /// Whether a plan that was being made is so no longer, and nobody wrote down how it ended. For who knows that this process is not making
    /// it.
    pub(super) fn is_lost(&self, state: PlanState, created_at: Timestamp) -> bool {
        let long = i64::try_from(2 * self.plans.config.budget_ms + LOST_AFTER_MS).unwrap_or(i64::MAX);
        let past = || created_at.plus_millis(long) <= self.clock.now();
        state == PlanState::Pending && (self.store.shared().is_none() || past())
    }

    /// The record of a plan that was being made when its process ended.
    pub(super) fn as_lost(&self, record: &PlanRecord) -> Arc<PlanRecord> {
        let change = PlanChange { at: record.changed_at(), by: None, state: PlanState::Failed, note: None };
        let mut lost = record.changed(change);
        let detail = "the service stopped before the plan was there; ask again".to_owned();
        lost.failure = Some(PlanFailure { kind: "lost".to_owned(), detail, errors: Vec::new() });
        Arc::new(lost)
    }

    /// Has memory hold of these plans what the store holds of them.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    pub(in crate::decide) async fn apply_plans(&self, shared: &dyn Shared, keys: &[RecordKey]) -> Result<(), StoreError> {
        let whose: Vec<(TenantId, PlanId)> = keys
            .iter()
            .filter_map(|key| match key {
                RecordKey::Plan { tenant, id } => Some((tenant.clone(), *id)),
                _ => None,
            })
            .collect();
        for (some, of_some) in keys.chunks(TOGETHER).zip(whose.chunks(TOGETHER)) {
            // Read while no write of ours is between its two steps.
            let _held = self.order.hold(of_some.iter().map(|(tenant, id)| ("plan", tenant, *id))).await;
            for ((tenant, id), read) in of_some.iter().zip(shared.get_many(some).await?) {
                match readable(read) {
                    Some(Record::Plan(record)) => self.plans.index.put(tenant, record.brief()),
                    _ => self.plans.index.remove(tenant, *id),
                }
            }
        }
        Ok(())
    }

    /// The whole record of a plan that must be there.
    pub(super) async fn plan_that_is_there(&self, tenant: &TenantId, id: PlanId) -> Result<Arc<PlanRecord>, PlansError> {
        self.plan_record(tenant, id).await?.ok_or(PlansError::Unknown { plan: id })
    }
}
