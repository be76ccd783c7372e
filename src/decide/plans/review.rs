//! What people make of plans: they approve or reject them. Nothing follows from it here.

use super::PlansError;
use crate::decide::Decider;
use crate::decide::order;
use crate::domain::ids::{PlanId, TenantId};
use crate::domain::plan::PlanStatus;
use crate::domain::plan_record::{PlanChange, PlanLink, PlanRecord, PlanState};
use crate::domain::request::Caller;
use crate::limits::{PLAN_LINKS_MAX, PLAN_TURN_MS};
use crate::store::{Record, RecordKey, Write};
use crate::telemetry::metrics;
use std::sync::Arc;
use std::time::Duration;

/// What becomes of a record; `None` where nothing is to be written.
type Changed = Result<Option<PlanRecord>, PlansError>;

impl Decider {
    /// Has a draft be approved or rejected, for good.
    ///
    /// # Errors
    /// [`PlansError::State`] where it is no draft any more, or has nothing in it that could be approved.
    pub async fn review_plan(
        self: &Arc<Self>,
        caller: &Caller,
        id: PlanId,
        to: PlanState,
        note: Option<String>,
    ) -> Result<Arc<PlanRecord>, PlansError> {
        let (clock, by) = (self.clock.clone(), caller.user.clone());
        let changed = self.change_plan(&caller.tenant, id, move |record| {
            reviewable(record, to)?;
            Ok(Some(record.changed(PlanChange { at: clock.now(), by, state: to, note })))
        });
        let record = changed.await?;
        metrics::plans::reviewed(to.as_str());
        Ok(record)
    }

    /// Notes with a plan what was made from it.
    pub(super) async fn hand_over(self: &Arc<Self>, tenant: &TenantId, from: PlanId, to: PlanLink) -> Result<(), PlansError> {
        let noted = self.change_plan(tenant, from, move |record| {
            if record.handed_to.contains(&to) || record.handed_to.len() >= PLAN_LINKS_MAX * PLAN_LINKS_MAX {
                return Ok(None);
            }
            let mut record = record.clone();
            record.handed_to.push(to);
            Ok(Some(record))
        });
        noted.await.map(drop)
    }

    /// Changes a record, one change after the other among all processes, to its end also where the caller goes away.
    async fn change_plan(
        self: &Arc<Self>,
        tenant: &TenantId,
        id: PlanId,
        change: impl FnOnce(&PlanRecord) -> Changed + Send + 'static,
    ) -> Result<Arc<PlanRecord>, PlansError> {
        let (decider, tenant) = (Arc::clone(self), tenant.clone());
        let written = order::to_its_end(async move {
            let lease = decider.alone(&tenant, &format!("plan:{id}"), Duration::from_millis(PLAN_TURN_MS)).await?;
            let _held = decider.order.hold(std::iter::once(("plan", &tenant, id))).await;
            let record = decider.plan_record(&tenant, id).await?.ok_or(PlansError::Unknown { plan: id })?;
            let Some(changed) = change(&record)? else { return Ok(record) };
            let changed = Arc::new(changed);
            decider.commit_in_turn(lease, vec![Write::Put(Record::Plan(Arc::clone(&changed)))]).await?;
            decider.plans.index.put(&tenant, changed.brief());
            Ok(changed)
        });
        written.await.unwrap_or_else(|error| Err(PlansError::broken(error.to_string())))
    }

    /// The record of a plan as it stands.
    ///
    /// # Errors
    /// [`PlansError::Store`] where the store can't be read.
    pub async fn plan_record(&self, tenant: &TenantId, id: PlanId) -> Result<Option<Arc<PlanRecord>>, PlansError> {
        // Asked before the record is read, for what ends in between has its record written by then and not yet seen.
        let under_way = self.plans.flights.get(tenant, id).is_some();
        let found = self.store.get(&RecordKey::Plan { tenant: tenant.clone(), id }).await?;
        Ok(match found {
            Some(Record::Plan(record)) if !under_way && self.is_lost(record.state, record.created_at) => {
                Some(self.as_lost(&record))
            }
            Some(Record::Plan(record)) => Some(record),
            _ => None,
        })
    }
}

fn reviewable(record: &PlanRecord, to: PlanState) -> Result<(), PlansError> {
    let refuse = |detail: String| Err(PlansError::State { state: record.state, detail });
    match record.state {
        PlanState::Draft => {}
        PlanState::Pending => return refuse("the plan is still being made".to_owned()),
        PlanState::Failed => return refuse("the plan could not be made, so there is nothing to review".to_owned()),
        PlanState::Approved | PlanState::Rejected => {
            let by =
                record.history.last().and_then(|change| change.by.as_deref()).map(|by| format!(" by {by}")).unwrap_or_default();
            return refuse(format!("the plan was {} at {}{by} already", record.state.as_str(), record.changed_at()));
        }
    }
    let status = record.headline().map(|found| found.status);
    let there = matches!(status, Some(PlanStatus::Optimal | PlanStatus::Feasible));
    if to == PlanState::Approved && !there {
        let status = status.map_or("unreadable", PlanStatus::as_str);
        return refuse(format!("the plan is {status}: there is no decision in it that could be approved"));
    }
    Ok(())
}
