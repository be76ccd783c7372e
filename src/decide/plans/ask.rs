//! Asking for a plan.

use super::PlansError;
use super::flights::{Flight, Seat, Written};
use super::make::{Making, as_draft};
use crate::decide::Decider;
use crate::decide::order;
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::ids::{DecisionId, PlanId, TenantId, TraceId};
use crate::domain::plan::CheckReport;
use crate::domain::plan_record::{PlanAsked, PlanChange, PlanKey, PlanLink, PlanRecord, PlanState};
use crate::domain::request::Caller;
use crate::engine::planning::ReadModel;
use crate::limits::PENDING_NOTICE_MS;
use crate::store::{Record, RecordKey, Write};
use crate::telemetry::metrics;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// What a plan is asked for.
#[derive(Debug, Clone)]
pub enum PlanInput {
    /// A model: an object in the model language, or a string in MPS.
    Model(Arc<RawValue>),
    /// Words, from which the model is made.
    Words(String),
}

/// A question for a plan.
#[derive(Debug, Clone)]
pub struct PlanQuestion {
    /// Of what.
    pub input: PlanInput,
    /// What else is asked.
    pub asked: PlanAsked,
    /// Ids of decisions and plans that it is made from.
    pub from: Vec<String>,
    /// Whether it is made anew though it is known.
    pub fresh: bool,
    /// Whether the caller takes it that the plan comes later.
    pub pending: bool,
    /// By when the caller wants to hear.
    pub deadline: Deadline,
    /// The trace of the request.
    pub trace: TraceId,
}

/// How a plan was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanPath {
    /// It was known.
    Exact,
    /// It was made.
    Engine,
}

/// What became of a question.
#[derive(Debug, Clone)]
pub enum Planned {
    /// The plan, and how it was come by.
    Made(Arc<PlanRecord>, PlanPath),
    /// It is being made.
    Pending(Arc<PlanRecord>),
}

impl Decider {
    /// Gives the plan that is known for a question, or has one made.
    ///
    /// # Errors
    /// [`PlansError`]. That a model has no solution is a plan that says so.
    pub async fn plan(self: &Arc<Self>, caller: &Caller, question: PlanQuestion) -> Result<Planned, PlansError> {
        let mut refers_to = self.links(&caller.tenant, &question.from).await?;
        let (model, asked) = self.model_of(&question).await?;
        let (model, fits) = self.with_fitted(&caller.tenant, model, question.deadline).await?;
        refers_to.extend(fits);
        let read = self.read_model(Arc::clone(&model), question.deadline).await?;
        let key = PlanKey::of(read.intent_key(), &asked);
        let made =
            Making { caller: caller.clone(), read, model, asked, key, refers_to, fresh: question.fresh, trace: question.trace };
        loop {
            if !question.fresh
                && let Some(record) = self.known_plan(&made).await?
            {
                metrics::plans::found_again(made.read.model_type());
                return Ok(Planned::Made(record, PlanPath::Exact));
            }
            let now = self.clock.now();
            let place = (PlanId::new(now, fastrand::u128(..)), now);
            let (seat, pilot) = self.plans.flights.board(&caller.tenant, (!question.fresh).then_some(key), place);
            let leads = pilot.is_some();
            if let Some(pilot) = pilot {
                if self.plans.under_way() > self.plans.config.runs_max + self.plans.config.waiting_max {
                    pilot.land(Err(PlansError::Busy));
                    return Err(PlansError::Busy);
                }
                self.background.spawn(Arc::clone(self).fly(pilot, made.clone()));
            }
            let ended = self.wait_for(seat, &made, &question).await?;
            match ended {
                Planned::Made(record, path) if leads || record.refers_to == made.refers_to => {
                    return Ok(Planned::Made(record, path));
                }
                // Whoever it was made for came from elsewhere, so this caller gets one of his own, of what is known now.
                Planned::Made(..) => {}
                pending @ Planned::Pending(_) => return Ok(pending),
            }
        }
    }

    /// Holds a decision that somebody brings against a model.
    ///
    /// # Errors
    /// [`PlansError`] where the model or the values can't be used. That the decision does not hold is a report.
    pub async fn check_plan(
        &self,
        model: Arc<RawValue>,
        values: BTreeMap<String, f64>,
        tolerance: f64,
        deadline: Deadline,
    ) -> Result<CheckReport, PlansError> {
        let read = self.read_model(model, deadline).await?;
        blocking(move || read.check(&values, tolerance).map_err(PlansError::from), deadline).await
    }

    /// The model of a question, and what else is asked.
    async fn model_of(&self, question: &PlanQuestion) -> Result<(Arc<RawValue>, PlanAsked), PlansError> {
        let mut asked = question.asked.clone();
        match &question.input {
            PlanInput::Model(model) => Ok((Arc::clone(model), asked)),
            PlanInput::Words(text) => {
                let maker = self.engines.plans().ok_or(PlansError::NoPlanner)?;
                let worded = timeout(question.deadline.remaining(), maker.model_of_words(text, question.deadline));
                let worded = worded.await.map_err(|_| too_late(question.deadline))??;
                asked.text = Some(text.clone());
                asked.title = asked.title.or(worded.title);
                asked.assumptions = worded.assumptions;
                Ok((worded.model, asked))
            }
        }
    }

    /// Reads a model, not too many at one time.
    pub(super) async fn read_model(&self, model: Arc<RawValue>, deadline: Deadline) -> Result<Arc<dyn ReadModel>, PlansError> {
        let maker = Arc::clone(self.engines.plans().ok_or(PlansError::NoPlanner)?);
        let permit = timeout(deadline.remaining(), Arc::clone(&self.plans.reads).acquire_owned());
        let Ok(Ok(permit)) = permit.await else { return Err(PlansError::Busy) };
        let read = move || {
            let _permit = permit;
            maker.read(&model).map_err(PlansError::from)
        };
        blocking(read, deadline).await
    }

    /// The plan that answers a question, where it is known. What people have made something of, or what was made from something else, is
    /// given as a new draft.
    pub(super) async fn known_plan(self: &Arc<Self>, made: &Making) -> Result<Option<Arc<PlanRecord>>, PlansError> {
        let tenant = &made.caller.tenant;
        let Some(brief) = self.plans.index.by_key(tenant, made.key) else { return Ok(None) };
        let known = self.store.get(&RecordKey::Plan { tenant: tenant.clone(), id: brief.id }).await?;
        let Some(Record::Plan(record)) = known.filter(|known| matches!(known, Record::Plan(plan) if plan.key == made.key)) else {
            return Ok(None);
        };
        if record.state == PlanState::Draft && record.refers_to == made.refers_to {
            return Ok(Some(record));
        }
        let (decider, made) = (Arc::clone(self), made.clone());
        let copied = order::to_its_end(async move { decider.copy_plan(&record, &made).await });
        copied.await.unwrap_or_else(|error| Err(PlansError::broken(error.to_string()))).map(Some)
    }

    async fn copy_plan(self: &Arc<Self>, known: &PlanRecord, made: &Making) -> Result<Arc<PlanRecord>, PlansError> {
        let tenant = &made.caller.tenant;
        let _held = self.order.hold(std::iter::once(("plan", tenant, made.key.to_string()))).await;
        // Somebody else may have had his copy made meanwhile.
        if let Some(brief) = self.plans.index.by_key(tenant, made.key).filter(|brief| brief.id > known.id)
            && let Some(Record::Plan(record)) = self.store.get(&RecordKey::Plan { tenant: tenant.clone(), id: brief.id }).await?
            && record.state == PlanState::Draft
            && record.refers_to == made.refers_to
        {
            return Ok(record);
        }
        let now = self.clock.now();
        let mut record = made.record((PlanId::new(now, fastrand::u128(..)), now), self.plans.config.ttl_sec());
        (record.report, record.made_with) = (known.report.clone(), known.made_with.clone());
        let record = as_draft(record, now);
        self.room_for_plan(tenant, record.bytes())?;
        let record = Arc::new(record);
        self.commit(vec![Write::Put(Record::Plan(Arc::clone(&record)))]).await?;
        self.plans.index.put(tenant, record.brief());
        self.put_on_record(&record, made).await?;
        Ok(record)
    }

    /// Waits for a plan until the caller's deadline.
    async fn wait_for(self: &Arc<Self>, seat: Seat, made: &Making, question: &PlanQuestion) -> Result<Planned, PlansError> {
        let (flight, deadline) = (&seat.0, question.deadline);
        let left = deadline.remaining();
        let notice = if question.pending { Duration::from_millis(PENDING_NOTICE_MS).min(left / 4) } else { Duration::ZERO };
        if let Ok(landed) = timeout(left.saturating_sub(notice), flight.landed()).await {
            return landed.map(|record| Planned::Made(record, PlanPath::Engine));
        }
        if !question.pending {
            return Err(too_late(deadline));
        }
        self.told_to_come_back(flight, made).await
    }

    /// Stores that a plan is being made, so that whoever was told of it finds out what became of it.
    async fn told_to_come_back(self: &Arc<Self>, flight: &Arc<Flight>, made: &Making) -> Result<Planned, PlansError> {
        flight.keep();
        let mut written = flight.written.lock().await;
        if *written == Written::Final {
            drop(written);
            return flight.landed().await.map(|record| Planned::Made(record, PlanPath::Engine));
        }
        let mut record = made.record((flight.id, flight.created_at), self.plans.config.ttl_sec());
        record.state = PlanState::Pending;
        let (at, by) = (flight.created_at, record.asked_by.clone());
        record.history.push(PlanChange { at, by, state: PlanState::Pending, note: None });
        let record = Arc::new(record);
        if *written == Written::Nothing {
            self.commit(vec![Write::Put(Record::Plan(Arc::clone(&record)))]).await?;
            self.plans.index.put(&flight.tenant, record.brief());
            *written = Written::Pending;
        }
        Ok(Planned::Pending(record))
    }

    /// What the ids stand for that a plan is made from.
    async fn links(&self, tenant: &TenantId, ids: &[String]) -> Result<Vec<PlanLink>, PlansError> {
        let mut links = Vec::with_capacity(ids.len());
        for (n, text) in ids.iter().enumerate() {
            let plan = PlanId::parse(text).ok().filter(|id| self.plans.index.get(tenant, *id).is_some());
            let link = match (plan, DecisionId::parse(text)) {
                (Some(id), _) => Some(PlanLink::Plan(id)),
                (None, Ok(id)) => self.audit(tenant, id).await?.map(|_| PlanLink::Decision(id)),
                (None, Err(_)) => None,
            };
            links.push(link.ok_or_else(|| FieldError::new(format!("/from/{n}"), "there is no such decision or plan"))?);
        }
        Ok(links)
    }
}

pub(super) fn too_late(deadline: Deadline) -> PlansError {
    let budget = deadline.at().saturating_duration_since(deadline.start());
    PlansError::DeadlinePassed { deadline_ms: u64::try_from(budget.as_millis()).unwrap_or(u64::MAX) }
}

/// Does what blocks on a thread of its own. It goes on where the deadline passes, to an end that is its own to find.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PlansError> + Send + 'static,
    deadline: Deadline,
) -> Result<T, PlansError> {
    let ended = timeout(deadline.remaining(), tokio::task::spawn_blocking(work)).await.map_err(|_| too_late(deadline))?;
    // A panic is the fault of this service, and ends nothing but this request.
    ended.unwrap_or_else(|error| Err(PlansError::broken(error.to_string())))
}
