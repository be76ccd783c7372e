//! Whose turn it is to ask the engine, of all the processes over one store.
//!
//! Of the requests for one decision that come to one process one leads, and asks for the right to run the engine before it does. The right
//! is for the same text under the same circumstances; texts that are only near share a run within their process alone. Whoever doesn't get
//! it waits until memory has what the other decided, and then its own gates judge that. Where the store is away each process decides for
//! itself: an answer too many is better than none.

use super::lease::{Asked, Leased, Word, poll};
use super::think::{Place, Task};
use super::{Hit, Run, micros};
use crate::cache::partition::LiveEntry;
use crate::domain::ids::EntryId;
use crate::domain::partition::entry_id;
use crate::telemetry::metrics;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{sleep_until, timeout_at};

/// What a request does that leads within its process.
pub(super) enum Turn {
    /// It asks the engine; under a lease where there is one.
    Runs(Option<Leased>),
    /// Another process decided.
    Hit(Box<Hit>),
    /// Another process asked the engine, which decided nothing that is remembered.
    Told(Word),
}

/// What is waited for, and what memory held of it before.
struct Awaited {
    id: EntryId,
    before: Option<Arc<LiveEntry>>,
}

impl Task {
    /// Waits for this request's turn.
    pub(super) async fn turn(&self, run: &mut Run<'_>) -> Turn {
        if self.decider.store.shared().is_none() {
            return Turn::Runs(None);
        }
        let since = Instant::now();
        let turn = self.wait_for_turn(run, since).await;
        run.timing.engine += micros(since.elapsed());
        turn
    }

    async fn wait_for_turn(&self, run: &mut Run<'_>, since: Instant) -> Turn {
        let (decider, tenant, name) = (&self.decider, &self.caller.tenant, self.run_name());
        let id = self.entry_id();
        let awaited = Awaited { id, before: decider.semantic.entry(tenant, &id) };
        // No run takes longer; past it something is wrong over there.
        let until = since + decider.thinking.budget + Duration::from_millis(decider.follow.settings.lease_ms);
        let mut waits = false;
        loop {
            let asked = decider.ask_lease(tenant, &name).await;
            match asked {
                Ok(Asked::Mine(leased)) => {
                    // Whoever had the right before may have decided, and memory may not have heard of it yet.
                    if let Some(hit) = self.look_in_store(run, &awaited).await {
                        metrics::replicas::lease("done");
                        return Turn::Hit(Box::new(hit));
                    }
                    metrics::replicas::lease("mine");
                    return Turn::Runs(Some(leased));
                }
                Ok(Asked::Done(word)) => {
                    metrics::replicas::lease("done");
                    return Turn::Told(word);
                }
                Ok(Asked::Held) if Instant::now() < until => {
                    if !std::mem::replace(&mut waits, true) {
                        metrics::replicas::lease("held");
                        metrics::engine_shared();
                        self.work.steps.tell("waiting", "another replica is deciding the same question");
                    }
                    match self.decided_elsewhere(run, &awaited).await {
                        Some(Some(hit)) => return Turn::Hit(Box::new(hit)),
                        // The gates refuse what another was told.
                        Some(None) => return Turn::Runs(None),
                        None => {}
                    }
                }
                Ok(Asked::Held) | Err(_) => {
                    metrics::replicas::lease("unavailable");
                    return Turn::Runs(None);
                }
            }
        }
    }

    /// Waits a moment for memory to have the entry. `None` where it has not; else whether the gates let it answer this request.
    async fn decided_elsewhere(&self, run: &mut Run<'_>, awaited: &Awaited) -> Option<Option<Hit>> {
        if self.decider.recall.is_some() {
            // Memory follows only what it has; a look asks the server.
            sleep_until(tokio::time::Instant::now() + poll()).await;
            return self.look_again(run).await.map(Some);
        }
        let mut reached = self.decider.follow.reached();
        reached.mark_changed();
        let until = tokio::time::Instant::now() + poll();
        while let Ok(Ok(())) = timeout_at(until, reached.changed()).await {
            if self.is_new(awaited) {
                return Some(self.look_again(run).await);
            }
        }
        sleep_until(until).await;
        None
    }

    /// Whether memory holds another entry than before.
    fn is_new(&self, awaited: &Awaited) -> bool {
        let held = self.decider.semantic.entry(&self.caller.tenant, &awaited.id);
        match (&held, &awaited.before) {
            (Some(held), Some(before)) => !Arc::ptr_eq(held, before),
            (held, _) => held.is_some(),
        }
    }

    /// Looks into memory once it has of this entry what the store has.
    async fn look_in_store(&self, run: &mut Run<'_>, awaited: &Awaited) -> Option<Hit> {
        let shared = self.decider.store.shared()?;
        if self.decider.recall.is_some() {
            return self.look_again(run).await;
        }
        let entry = (self.caller.tenant.clone(), awaited.id);
        if let Err(error) = self.decider.apply_entries(shared, &[entry]).await {
            tracing::debug!(%error, "the store could not be asked whether another process has decided");
        }
        if self.is_new(awaited) { self.look_again(run).await } else { None }
    }

    /// What another process decided while this one ran the engine and lost the right to.
    pub(super) async fn overtaken(&self, run: &mut Run<'_>) -> Option<Hit> {
        self.look_in_store(run, &Awaited { id: self.entry_id(), before: None }).await
    }

    fn entry_id(&self) -> EntryId {
        let Place { setting, context, .. } = &self.place;
        let (model, strategy) = (self.decider.embedder.model(), &setting.strategy.name);
        entry_id(&setting.partition, context.ids(), model, strategy, self.request.text.hash())
    }

    /// What the run of an engine for this request is called. Those of the present share theirs; a question of the past is for its moment.
    fn run_name(&self) -> String {
        let Place { setting, context, .. } = &self.place;
        let mut hasher = blake3::Hasher::new_derive_key("instinct run v1");
        hasher.update(setting.partition.as_bytes()).update(&self.request.text.hash().0);
        hasher.update(self.circumstances(context.soft_ids(&setting.strategy)).as_bytes());
        if !self.request.as_of_now {
            hasher.update(&self.request.as_of.as_micros().to_le_bytes());
        }
        format!("run:{}", hasher.finalize().to_hex())
    }
}
