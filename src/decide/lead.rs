//! The one request of many that asks the engine, and what becomes of what it is told.

use super::backfill::Backfill;
use super::flights::{Landed, Pilot};
use super::lease::{Leased, Word};
use super::pending::Ended;
use super::question::Considered;
use super::think::{Place, Task, decided_by};
use super::turn::Turn;
use super::{Run, micros};
use crate::domain::deadline::Deadline;
use crate::domain::decision::Payload;
use crate::engine::EngineFailure;
use crate::telemetry::{metrics, traces};
use crate::verify::sanity;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Instant;
use tokio::time::timeout;

impl Task {
    /// Ends the flight as this request's turn among all processes has it.
    pub(super) async fn take_turn(&self, run: Run<'_>, pilot: Pilot, turn: Turn) -> Ended {
        match turn {
            Turn::Runs(lease) => self.lead(run, pilot, lease).await,
            Turn::Hit(hit) => {
                pilot.land(Landed::Remembered);
                self.end_with_hit(run, *hit).await
            }
            Turn::Told(Word::Abstained(why)) => {
                pilot.land(Landed::Abstained(why.clone()));
                self.abstain(run, why).await
            }
            Turn::Told(Word::Decided(decision)) => {
                pilot.land(Landed::Told(decision.clone()));
                self.end_with(run, None, decided_by(decision)).await
            }
        }
    }

    /// Asks the engine, and remembers what it decides.
    async fn lead(&self, mut run: Run<'_>, pilot: Pilot, lease: Option<Leased>) -> Ended {
        let since = Instant::now();
        let asked = self.ask(&mut run).await;
        run.timing.engine += micros(since.elapsed());
        let (name, _) = &self.engine;
        metrics::engine_ran(name, asked.as_ref().map_or_else(EngineFailure::outcome, |_| "decided"), since.elapsed());
        match asked {
            Ok(decision) => self.keep(run, pilot, (lease, decision)).await,
            Err(EngineFailure::Abstained { reason }) => {
                if let Some(lease) = lease {
                    lease.release(&Word::Abstained(reason.clone()));
                }
                pilot.land(Landed::Abstained(reason.clone()));
                self.abstain(run, reason).await
            }
            Err(failure) => {
                if let EngineFailure::Failed { detail } = &failure {
                    tracing::warn!(engine = name, %detail, attempt = pilot.attempt(), "an engine failed");
                }
                // The next who asks may try, in whichever process.
                drop(lease);
                let why = failure.told();
                pilot.land(Landed::Failed(why.clone()));
                self.abstain(run, why).await
            }
        }
    }

    /// Remembers what the engine decided, unless that is not this process's to say any more, or was called wrong before.
    async fn keep(&self, mut run: Run<'_>, pilot: Pilot, (lease, decision): (Option<Leased>, Payload)) -> Ended {
        let decider = &self.decider;
        let mut lost = match &lease {
            Some(lease) => !lease.is_held().await,
            None => false,
        };
        // Another process took this one for dead and may have decided; two answers to one question would be one too many.
        if lost && let Some(hit) = self.overtaken(&mut run).await {
            pilot.land(Landed::Remembered);
            return self.end_with_hit(run, hit).await;
        }
        let held_back = run.held_back.take();
        let entry = decider.entry_of(&run, &self.place, decision.clone()).await;
        // It was decided so before and called wrong. The engine may insist; memory does not.
        // Nor does it where the tenant may keep no more; what was decided is told all the same.
        // What a fitted model says is looked up again each time, in less than a memory of it would take.
        let left_out = decision.is_looked_up()
            || decider.is_closed(&entry).await
            || decider.room_for_entries(std::slice::from_ref(&entry)).is_err();
        let backfill = (!left_out && !lost).then_some(Backfill { entry, lease: lease.as_ref() });
        let ended = self.end_with(run, backfill, decided_by(decision.clone())).await?;
        if let Some(lease) = lease {
            lost |= lease.is_lost();
            if left_out && !lost {
                lease.release(&Word::Decided(decision.clone()));
            }
        }
        pilot.land(if left_out || lost { Landed::Told(decision.clone()) } else { Landed::Remembered });
        if let Some(held_back) = held_back {
            let asked = (&self.caller, &self.request);
            decider.judge_held_back(asked, &self.place.setting, &ended.answer, (held_back, decision));
        }
        Ok(ended)
    }

    /// One run of the engine, within its own budget, verified.
    async fn ask(&self, run: &mut Run<'_>) -> Result<Payload, EngineFailure> {
        let thinking = &self.decider.thinking;
        let deadline = Deadline::after(thinking.budget);
        let Ok(Ok(_permit)) = timeout(deadline.remaining(), thinking.runs.acquire()).await else {
            return Err(EngineFailure::TimedOut);
        };
        let Place { setting, context, situated } = &self.place;
        let considered = Considered {
            caller: &self.caller,
            request: &self.request,
            setting,
            context,
            fresh: &situated.known.vector,
            facts: run.facts.clone(),
        };
        let question = self.decider.question(&considered, deadline, self.work.steps.clone());
        let (name, engine) = &self.engine;
        self.work.steps.tell("engine", format!("{name} was asked"));
        // An engine that panics has failed like any other: the caller and all who wait are told, and the next one may ask again.
        let unwound = AssertUnwindSafe(traces::within(self.request.span, engine.decide(question))).catch_unwind();
        let asked = timeout(deadline.remaining(), unwound).await;
        let panicked = |_| Err(EngineFailure::Failed { detail: "it panicked".to_owned() });
        let decision = asked.map_or(Err(EngineFailure::TimedOut), |ended| ended.unwrap_or_else(panicked))?;
        match sanity::check(&decision) {
            Ok(()) => Ok(decision),
            Err(why) => Err(EngineFailure::Failed { detail: format!("its decision did not pass verification: {why}") }),
        }
    }
}
