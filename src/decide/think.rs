//! The last step: what an engine decides, for one request or for many of them at once.
//!
//! The work is a task of its own. The caller waits for it until shortly before the deadline, and is then told where the answer will be; that
//! a caller goes away stops nothing and leaves nothing behind. What the engine decided is verified, and then it is stored in one commit
//! with the record of the answer, so that a kill leaves both or neither.

use super::backfill::Backfill;
use super::fast::Situated;
use super::flights::{Boarding, Company, Destination, Flights, Landed, Terms};
use super::pending::{Ended, Pending, Work};
use super::question::circumstances;
use super::situation::{Context, Setting};
use super::turn::Turn;
use super::{DecideError, Decided, Decider, Found, Hit, Run, micros};
use crate::domain::answer::{Answer, Confidence, Outcome, Path};
use crate::domain::deadline::Deadline;
use crate::domain::decision::Payload;
use crate::domain::ids::ComponentId;
use crate::domain::request::{Caller, Request};
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::limits::{ENGINE_ATTEMPTS_MAX, PENDING_NOTICE_MS, THINKING_MAX};
use crate::store::{Record, Write};
use crate::telemetry::metrics;
use crate::verify::confidence;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{sleep_until, timeout_at};

/// What the engine path shares among requests.
#[derive(Debug)]
pub struct Thinking {
    /// Runs for the same decision.
    pub flights: Arc<Flights>,
    /// Decisions that callers were told to come back for.
    pub pending: Pending,
    pub(super) runs: Semaphore,
    room: Arc<Semaphore>,
    /// How long one run may take.
    pub(super) budget: Duration,
}

impl Thinking {
    /// Room for `runs_max` runs of engines at once, each of which may take `budget`.
    pub fn new(runs_max: usize, budget: Duration) -> Self {
        Self {
            flights: Arc::default(),
            pending: Pending::default(),
            runs: Semaphore::new(runs_max),
            room: Arc::new(Semaphore::new(THINKING_MAX)),
            budget,
        }
    }

    /// How many more requests may wait for an engine now.
    pub fn room_left(&self) -> usize {
        self.room.available_permits()
    }
}

/// Where a request lies, and among what.
#[derive(Debug)]
pub(super) struct Place {
    pub setting: Setting,
    pub context: Context,
    pub situated: Situated,
}

/// The work for one request.
pub(super) struct Task {
    pub decider: Arc<Decider>,
    pub caller: Caller,
    pub request: Request,
    pub place: Place,
    pub engine: (String, Arc<dyn Engine>),
    pub work: Arc<Work>,
    _room: OwnedSemaphorePermit,
}

impl Decider {
    /// Has an engine decide, and waits for it as long as the caller does.
    ///
    /// # Errors
    /// [`DecideError::Overloaded`] where as many requests wait for engines as may; [`DecideError::DeadlinePassed`] where the deadline
    /// comes first and the caller does not want to come back.
    pub(super) async fn think(self: &Arc<Self>, run: Run<'_>, place: Place, engine: String) -> Result<Decided, DecideError> {
        let Some(thinks) = self.engines.named(&engine).cloned() else {
            let why = format!("engine \"{engine}\" is not here");
            return self.abstain(run, Path::Engine, why);
        };
        let Ok(room) = Arc::clone(&self.thinking.room).try_acquire_owned() else {
            return Err(DecideError::Overloaded { what: "requests that wait for an engine" });
        };
        let (request, too_late) = (run.request, run.too_late());
        let work = Arc::new(Work::new(run.id, run.caller.tenant.clone(), run.start));
        let task = Task {
            decider: Arc::clone(self),
            caller: run.caller.clone(),
            request: request.clone(),
            place,
            engine: (engine, thinks),
            work: Arc::clone(&work),
            _room: room,
        };
        let pending = run.unfinished();
        let mut ending = self.background.spawn(task.finish(run.parked()));
        let (notice, last) = notice(request.deadline);
        if let Ok(ended) = timeout_at(notice.into(), &mut ending).await {
            return joined(ended);
        }
        if !request.pending || !self.thinking.pending.keep(&work) {
            let ended = timeout_at(request.deadline.at().into(), ending).await;
            return ended.map_or(Err(too_late), joined);
        }
        self.come_back(request, pending, (work, ending, last)).await
    }

    /// Tells the caller where the answer will be, unless it is there by the last moment.
    async fn come_back(
        self: &Arc<Self>,
        request: &Request,
        pending: Run<'_>,
        (work, mut ending, last): (Arc<Work>, JoinHandle<Ended>, Instant),
    ) -> Result<Decided, DecideError> {
        let (caller, id) = (pending.caller.clone(), pending.id);
        let told = self.make(pending, |answer| {
            answer.path = Path::Engine;
            answer.outcome = Outcome::Pending;
            answer.reason = Some("the engine is still at work".to_owned());
            answer.location = Some(format!("/v1/decisions/{id}"));
        })?;
        // Whoever comes back after a restart must be told that the decision was asked for.
        let record = self.audit_of(&caller, request, &told)?;
        if let Write::Put(Record::Decision(record)) = &record {
            // Nobody else sets it.
            let _ = work.told.set(record.clone());
        }
        let decider = Arc::clone(self);
        self.background.spawn(async move {
            let written = work.written.lock().await;
            if !*written && let Err(error) = decider.store.commit(vec![record]).await {
                tracing::warn!(%error, "that a decision is pending could not be kept; it is lost if the service stops before it is there");
            }
        });
        tokio::select! {
            biased;
            ended = &mut ending => joined(ended),
            () = sleep_until(last.into()) => {
                metrics::decided(told.answer.path, told.answer.outcome, &told.answer.timing_us);
                self.settle_recent(&caller, request, &told.answer);
                Ok(told)
            }
        }
    }
}

/// When to prepare for an answer that says "come back", and when to give it.
fn notice(deadline: Deadline) -> (Instant, Instant) {
    let whole = deadline.at().saturating_duration_since(deadline.start());
    let before = |part: Duration| deadline.at().checked_sub(part).unwrap_or(deadline.start());
    let early = Duration::from_millis(PENDING_NOTICE_MS).min(whole / 4);
    // The rest is for the answer to be written and sent, on a busy machine too.
    (before(early), before(early / 4))
}

fn joined(ended: Result<Ended, tokio::task::JoinError>) -> Ended {
    ended.unwrap_or_else(|error| Err(DecideError::Broken { detail: error.to_string() }))
}

/// Tells those who wait that a work is over, however it ended.
struct Over {
    decider: Arc<Decider>,
    work: Arc<Work>,
}

impl Drop for Over {
    fn drop(&mut self) {
        self.decider.thinking.pending.end(&self.work);
    }
}

impl Task {
    async fn finish(self, parked: impl for<'a> FnOnce(&'a Caller, &'a Request) -> Run<'a> + Send) -> Ended {
        let _over = Over { decider: Arc::clone(&self.decider), work: Arc::clone(&self.work) };
        let run = parked(&self.caller, &self.request);
        self.decide(run).await
    }

    async fn decide(&self, mut run: Run<'_>) -> Ended {
        let strategy = Arc::clone(&run.strategy);
        // Where only a vote may answer, no single decision of another request may.
        let mut company = if strategy.vote.is_none_or(|rules| !rules.alone) { Company::Near } else { Company::Nobody };
        let mut attempt = 0;
        loop {
            let terms = Terms { floors: strategy.floors(), rules: &strategy.facts, company, as_of: self.moment(), attempt };
            match self.decider.thinking.flights.board(self.destination(&run), &terms) {
                Boarding::Leads(pilot) => {
                    // It may have landed between this request's look into memory and now.
                    if company != Company::Nobody
                        && let Some(hit) = self.look_again(&mut run).await
                    {
                        pilot.land(Landed::Remembered);
                        return self.end_with_hit(run, hit).await;
                    }
                    let turn = if company == Company::Nobody { Turn::Runs(None) } else { self.turn(&mut run).await };
                    return self.take_turn(run, pilot, turn).await;
                }
                Boarding::Follows(flight) => {
                    metrics::engine_shared();
                    self.work.steps.tell("waiting", "the same question is being decided already");
                    let since = Instant::now();
                    let landed = flight.landed().await;
                    run.timing.engine += micros(since.elapsed());
                    match landed {
                        Landed::Remembered => {
                            if let Some(hit) = self.look_again(&mut run).await {
                                return self.end_with_hit(run, hit).await;
                            }
                            // The gates refuse what another was told. Those of the same text may still share a run of their own.
                            company = if flight.is_of(self.request.text.hash()) { Company::Nobody } else { Company::SameText };
                        }
                        Landed::Told(decision) if flight.is_of(self.request.text.hash()) => {
                            return self.end_with(run, None, decided_by(decision)).await;
                        }
                        Landed::Told(_) => company = Company::SameText,
                        Landed::Abstained(why) => return self.abstain(run, why).await,
                        Landed::Failed(why) if flight.attempt + 1 >= ENGINE_ATTEMPTS_MAX => return self.abstain(run, why).await,
                        Landed::Failed(_) => attempt = flight.attempt + 1,
                    }
                }
            }
        }
    }

    /// The moment that the request speaks of; where that is the present, it has moved on since the request came in.
    fn moment(&self) -> Timestamp {
        if self.request.as_of_now { self.decider.clock.now() } else { self.request.as_of }
    }

    fn destination(&self, run: &Run<'_>) -> Destination {
        let Place { setting, context, situated } = &self.place;
        Destination {
            partition: setting.partition,
            text: self.request.text.hash(),
            vector: situated.vector.clone(),
            fresh: situated.known.vector.clone(),
            facts: run.facts.clone(),
            as_of: self.request.as_of,
            circumstances: self.circumstances(context.soft_ids(&setting.strategy)),
        }
    }

    pub(super) fn circumstances<'a>(&self, context: impl Iterator<Item = &'a ComponentId>) -> blake3::Hash {
        circumstances(&self.request, context)
    }

    /// Looks into memory as the first two steps do.
    pub(super) async fn look_again(&self, run: &mut Run<'_>) -> Option<Hit> {
        run.refused.clear();
        run.held_back = None;
        let Place { setting, context, situated } = &self.place;
        if let Some(hit) = self.decider.exact(run, setting, context).await {
            return Some(hit);
        }
        match self.decider.fast(run, setting, situated).await {
            Found::Hit(hit) => Some(*hit),
            Found::Nothing(_) => None,
        }
    }

    pub(super) async fn end_with_hit(&self, run: Run<'_>, hit: Hit) -> Ended {
        let Hit { path, decision, confidence, matched, weighed: _ } = hit;
        self.end_with(run, None, |answer| {
            answer.path = path;
            answer.outcome = Outcome::Decided;
            answer.decision = Some(decision);
            answer.confidence = confidence;
            answer.matched = matched;
        })
        .await
    }

    pub(super) async fn abstain(&self, run: Run<'_>, why: String) -> Ended {
        self.end_with(run, None, |answer| {
            answer.path = Path::Engine;
            answer.reason = Some(why);
        })
        .await
    }

    /// Makes the final answer and writes it, with the entry where there is one.
    pub(super) async fn end_with(&self, run: Run<'_>, backfill: Option<Backfill<'_>>, fill: impl FnOnce(&mut Answer)) -> Ended {
        let decider = &self.decider;
        let decided = decider.make(run, fill)?;
        metrics::decided(decided.answer.path, decided.answer.outcome, &decided.answer.timing_us);
        decider.settle_recent(&self.caller, &self.request, &decided.answer);
        let record = decider.audit_of(&self.caller, &self.request, &decided)?;
        let mut written = self.work.written.lock().await;
        *written = true;
        if let Some(backfill) = backfill
            && decider.backfill(backfill, record.clone()).await
        {
            return Ok(decided);
        }
        // Whoever was told to come back must find the end of it, and not for ever that it is pending.
        if !decider.thinking.pending.holds(&self.work) {
            decider.queue_audit(record);
        } else if let Err(error) = decider.store.commit(vec![record]).await {
            metrics::audit_dropped();
            tracing::warn!(%error, "how a pending decision ended could not be stored");
        }
        Ok(decided)
    }
}

pub(super) fn decided_by(decision: Payload) -> impl FnOnce(&mut Answer) {
    move |answer| {
        answer.path = Path::Engine;
        answer.outcome = Outcome::Decided;
        answer.confidence = engine_confidence(&decision);
        answer.decision = Some(decision);
    }
}

fn engine_confidence(decision: &Payload) -> Confidence {
    decision.decision().map_or(Confidence::Low, |decision| confidence::of_engine(&decision))
}
