//! Making a plan.

use super::PlansError;
use super::ask::blocking;
use super::flights::{Landed, Pilot, Written};
use crate::audit;
use crate::decide::Decider;
use crate::decide::lease::Leased;
use crate::domain::audit_chain::{Action, Deed, Outcome};
use crate::domain::deadline::Deadline;
use crate::domain::ids::{PlanId, TenantId, TraceId};
use crate::domain::plan_record::{MadeWith, PlanAsked, PlanChange, PlanFailure, PlanKey, PlanLink, PlanRecord, PlanState};
use crate::domain::request::Caller;
use crate::domain::time::Timestamp;
use crate::engine::planning::{self, PlanFault, PlanRun, ReadModel};
use crate::limits::PLAN_REPORT_BYTES_MAX;
use crate::store::{Record, Write};
use crate::telemetry::metrics;
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Instant;
use tokio::time::timeout;

/// What is to be made, and for whom.
#[derive(Debug, Clone)]
pub(super) struct Making {
    pub caller: Caller,
    pub read: Arc<dyn ReadModel>,
    pub model: Arc<RawValue>,
    pub asked: PlanAsked,
    pub key: PlanKey,
    pub refers_to: Vec<PlanLink>,
    pub fresh: bool,
    pub trace: TraceId,
}

impl Making {
    /// A record of it with nothing in it yet.
    pub(super) fn record(&self, (id, created_at): (PlanId, Timestamp), ttl_sec: Option<u64>) -> PlanRecord {
        PlanRecord {
            tenant: self.caller.tenant.clone(),
            id,
            created_at,
            asked_by: self.caller.user.clone(),
            key: self.key,
            model: Arc::clone(&self.model),
            asked: self.asked.clone(),
            report: None,
            failure: None,
            state: PlanState::Pending,
            history: Vec::new(),
            refers_to: self.refers_to.clone(),
            handed_to: Vec::new(),
            made_with: None,
            ttl_sec,
        }
    }
}

impl Decider {
    /// Makes a plan to its end, for all who wait for it.
    pub(super) async fn fly(self: Arc<Self>, pilot: Pilot, made: Making) {
        let since = Instant::now();
        let landed = self.make_plan(&pilot, &made).await;
        let outcome = match &landed {
            Ok(record) => record.headline().map_or("unknown", |found| found.status.as_str()),
            Err(error) => error.word(),
        };
        metrics::plans::made(made.read.model_type(), outcome, since.elapsed());
        if let Err(error) = &landed {
            self.note_failure(&pilot, &made, error).await;
        }
        pilot.land(landed);
    }

    async fn make_plan(self: &Arc<Self>, pilot: &Pilot, made: &Making) -> Landed {
        let (tenant, flight) = (&made.caller.tenant, &pilot.flight);
        let deadline = Deadline::after(self.plans.config.budget());
        // Of several processes one makes it, and the others find it in the store.
        let lease = match made.fresh {
            true => None,
            false => self.alone(tenant, &format!("plan:{}", made.key), deadline.remaining()).await?,
        };
        if lease.is_some()
            && let Some(known) = self.known_plan(made).await?
        {
            return self.take_over(pilot, (&known, lease), made).await;
        }
        self.plans.index.room()?;
        self.room_for_plan(tenant, 0)?;
        let permit = timeout(deadline.remaining(), Arc::clone(&self.plans.runs).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(PlansError::Busy) };
        let (read, asked) = (Arc::clone(&made.read), made.asked.clone());
        let run = PlanRun {
            deadline: Deadline::after(self.plans.config.budget()),
            cancel: flight.cancel.clone(),
            decision_alone: false,
        };
        let (cancel, until) = (flight.cancel.clone(), run.deadline);
        let work = move || {
            let _permit = permit;
            let report = read.plan(&asked, &run)?;
            let json = serde_json::value::to_raw_value(&report).map_err(|error| PlansError::broken(error.to_string()))?;
            Ok((report.solver.name, json))
        };
        let ended = blocking(work, until).await;
        if ended.is_err() {
            // Whatever is still at work on it, nobody waits for that.
            cancel.cancel();
        }
        let (solver, report) = ended?;
        if report.get().len() > PLAN_REPORT_BYTES_MAX {
            return Err(PlansError::TooLarge { bytes: report.get().len(), max: PLAN_REPORT_BYTES_MAX });
        }
        let mut record = made.record((flight.id, flight.created_at), self.plans.config.ttl_sec());
        record.report = Some(report.into());
        record.made_with = Some(MadeWith { instinct: env!("CARGO_PKG_VERSION").to_owned(), solver });
        self.room_for_plan(tenant, record.bytes())?;
        self.keep_plan(pilot, (as_draft(record, self.clock.now()), lease), made).await
    }

    /// Gives what another process made meanwhile; a copy of it where a caller was told to come back for this very plan.
    async fn take_over(
        self: &Arc<Self>,
        pilot: &Pilot,
        (known, lease): (&Arc<PlanRecord>, Option<Leased>),
        made: &Making,
    ) -> Landed {
        let flight = &pilot.flight;
        let mut written = flight.written.lock().await;
        if *written == Written::Nothing {
            *written = Written::Final;
            return Ok(Arc::clone(known));
        }
        drop(written);
        let mut record = made.record((flight.id, flight.created_at), self.plans.config.ttl_sec());
        (record.report, record.made_with) = (known.report.clone(), known.made_with.clone());
        self.keep_plan(pilot, (as_draft(record, self.clock.now()), lease), made).await
    }

    /// Stores a plan that is there, before anybody is told of it.
    async fn keep_plan(
        self: &Arc<Self>,
        pilot: &Pilot,
        (mut record, lease): (PlanRecord, Option<Leased>),
        made: &Making,
    ) -> Landed {
        let mut written = pilot.flight.written.lock().await;
        if *written == Written::Pending {
            let (at, by) = (record.created_at, record.asked_by.clone());
            record.history.insert(0, PlanChange { at, by, state: PlanState::Pending, note: None });
        }
        let record = Arc::new(record);
        self.commit_in_turn(lease, vec![Write::Put(Record::Plan(Arc::clone(&record)))]).await?;
        *written = Written::Final;
        self.plans.index.put(&record.tenant, record.brief());
        drop(written);
        self.put_on_record(&record, made).await?;
        for link in &record.refers_to {
            if let PlanLink::Plan(from) = link
                && let Err(error) = self.hand_over(&record.tenant, *from, PlanLink::Plan(record.id)).await
            {
                tracing::warn!(%error, plan = %from, "that a plan was made from this one could not be noted with it");
            }
        }
        Ok(record)
    }

    /// Puts it on record that a plan was made.
    pub(super) async fn put_on_record(&self, record: &PlanRecord, made: &Making) -> Result<(), PlansError> {
        let found = record.headline();
        let about = json!({
            "plan": record.id, "key": record.key.to_string(), "model_type": made.read.model_type(),
            "status": found.as_ref().map(|found| found.status.as_str()), "objective": found.and_then(|found| found.objective),
            "refers_to": record.refers_to,
        });
        self.audit_plan(made, about, Outcome::Done).await
    }

    async fn audit_plan(&self, made: &Making, about: serde_json::Value, outcome: Outcome) -> Result<(), PlansError> {
        let Caller { tenant, user, roles } = made.caller.clone();
        let deed =
            Deed { tenant, user, roles, action: Action::PlansAsk, about: audit::about(about)?, outcome, trace: Some(made.trace) };
        Ok(self.plans.audit.append(deed).await.map(drop)?)
    }

    /// Whoever was told to come back must find out that there is no plan, and not for ever that it is being made.
    async fn note_failure(self: &Arc<Self>, pilot: &Pilot, made: &Making, error: &PlansError) {
        let flight = &pilot.flight;
        let mut written = flight.written.lock().await;
        let before = std::mem::replace(&mut *written, Written::Final);
        if before != Written::Pending {
            return;
        }
        let mut record = made.record((flight.id, flight.created_at), self.plans.config.ttl_sec());
        record.failure = Some(error.told());
        record.state = PlanState::Failed;
        let by = || made.caller.user.clone();
        record.history.push(PlanChange { at: flight.created_at, by: by(), state: PlanState::Pending, note: None });
        record.history.push(PlanChange { at: self.clock.now(), by: by(), state: PlanState::Failed, note: None });
        let record = Arc::new(record);
        match self.commit(vec![Write::Put(Record::Plan(Arc::clone(&record)))]).await {
            Ok(()) => self.plans.index.put(&record.tenant, record.brief()),
            Err(error) => tracing::warn!(%error, plan = %flight.id, "how a pending plan ended could not be stored"),
        }
        let about = json!({ "plan": flight.id, "key": made.key.to_string(), "model_type": made.read.model_type(), "why": error.to_string() });
        if let Err(error) = self.audit_plan(made, about, Outcome::Failed).await {
            tracing::error!(%error, "what failed could not be put on record");
        }
    }

    /// Whether a plan of so many bytes fits.
    pub(super) fn room_for_plan(&self, tenant: &TenantId, bytes: u64) -> Result<(), PlansError> {
        Ok(self.room_for_plans(tenant, bytes)?)
    }
}

/// The same record, with what was found in it for people to look at.
pub(super) fn as_draft(record: PlanRecord, at: Timestamp) -> PlanRecord {
    let by = record.asked_by.clone();
    record.changed(PlanChange { at, by, state: PlanState::Draft, note: None })
}

impl PlansError {
    /// The word for it in metrics.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Fault(PlanFault::Model(_) | PlanFault::Asked(_) | PlanFault::Unclear(_)) | Self::NotAllowed(_) => "refused",
            Self::Fault(PlanFault::NotVerified(_)) => "not_verified",
            Self::Fault(PlanFault::TooLate) | Self::DeadlinePassed { .. } => "timed_out",
            Self::Fault(PlanFault::Solver(error)) => planning::outcome(error),
            Self::Busy => "busy",
            _ => "failed",
        }
    }

    /// What is stored of it for whoever comes back.
    pub(super) fn told(&self) -> PlanFailure {
        let errors = match self {
            Self::Fault(PlanFault::Model(errors) | PlanFault::Asked(errors) | PlanFault::Unclear(errors)) => errors.clone(),
            _ => Vec::new(),
        };
        PlanFailure { kind: self.word().to_owned(), detail: self.to_string(), errors }
    }
}
