//! Learning from what engines say: hits that are decided again after they were served, and candidates that were held back.

use super::Decider;
use super::budgets::Weighed;
use super::question::Considered;
use super::situation::Setting;
use super::triage::Chosen;
use crate::cache::partition::LiveEntry;
use crate::domain::answer::Answer;
use crate::domain::deadline::Deadline;
use crate::domain::decision::Payload;
use crate::domain::entry::Provenance;
use crate::domain::judgement::{Judgement, Source};
use crate::domain::request::{Caller, Request};
use crate::engine::steps::Steps;
use crate::limits::{SHADOW_DEADLINE_SEC, SHADOWS_AT_ONCE_MAX};
use crate::telemetry::metrics;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Room for hits that are decided again.
#[derive(Debug)]
pub struct Shadows {
    room: Arc<Semaphore>,
}

impl Default for Shadows {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(SHADOWS_AT_ONCE_MAX)) }
    }
}

/// Whether what an engine decides tells if the reuse of an entry was right: only where an engine decided the entry too. Where somebody else
/// did, an engine that disagrees with him says something of the two of them, and nothing of how near the texts are.
fn comparable(live: &LiveEntry) -> bool {
    live.entry.provenance == Provenance::Engine
}

/// Who asked what.
type Asked<'a> = (&'a Caller, &'a Request);

impl Decider {
    /// Asks the strategy's engine what it would have decided in place of a near hit, in the background. Nothing happens where the
    /// strategy has no engine or as many are under way as there may be: a question that waits for an answer comes first.
    pub(super) fn decide_again(
        self: &Arc<Self>,
        considered: &Considered<'_>,
        answer: &Answer,
        (live, weighed): (Arc<LiveEntry>, Weighed),
    ) {
        if !comparable(&live) {
            return;
        }
        let Considered { caller, request, setting, .. } = *considered;
        let Chosen::Engine { name, .. } = self.engine_now(&setting.strategy, considered.fresh) else { return };
        let Some(engine) = self.engines.named(&name) else { return };
        let Ok(place) = Arc::clone(&self.shadows.room).try_acquire_owned() else {
            metrics::shadow_left_out();
            return;
        };
        let mut judgement = self.judgement_of((caller, request), setting, answer, (&live, weighed));
        judgement.source = Source::Shadow;
        let (decider, engine) = (Arc::clone(self), Arc::clone(engine));
        let deadline = Deadline::after(Duration::from_secs(SHADOW_DEADLINE_SEC));
        let question = self.question(considered, deadline, Steps::new(deadline.start()));
        let (tenant, text) = (caller.tenant.clone(), request.text.clone());
        self.background.spawn(async move {
            let _place = place;
            let within = question.deadline.remaining();
            let Ok(Ok(decided)) = tokio::time::timeout(within, engine.decide(question)).await else {
                return metrics::shadow_left_out();
            };
            judgement.right = decided.agreement_key() == judgement.decided.agreement_key();
            if !judgement.right {
                judgement.fresh = decider.embeddings.text(&tenant, text.hash()).map(|known| known.vector);
                judgement.expected = Some(decided);
            }
            judgement.at = decider.clock.now();
            decider.keep_judgement(judgement).await;
        });
    }

    /// Holds what an engine decided against the candidate that the budget held back, in the background.
    pub(super) fn judge_held_back(
        self: &Arc<Self>,
        asked: Asked<'_>,
        setting: &Setting,
        answer: &Answer,
        ((live, weighed), decided): ((Arc<LiveEntry>, Weighed), Payload),
    ) {
        if !comparable(&live) {
            return;
        }
        let mut judgement = self.judgement_of(asked, setting, answer, (&live, weighed));
        judgement.right = decided.agreement_key() == judgement.decided.agreement_key();
        if !judgement.right {
            judgement.expected = Some(decided);
        }
        let decider = Arc::clone(self);
        self.background.spawn(async move { decider.keep_judgement(judgement).await });
    }

    /// Waits until all work in the background is done: engines that decide, and judgements that are taken and written.
    pub async fn settled(&self) {
        self.background.settled().await;
    }

    async fn keep_judgement(&self, judgement: Judgement) {
        if let Err(error) = self.judge(judgement).await {
            tracing::warn!(%error, "what was learnt about a decision could not be kept; it holds until the next start");
        }
    }

    fn judgement_of(
        &self,
        (caller, request): Asked<'_>,
        setting: &Setting,
        answer: &Answer,
        (live, weighed): (&LiveEntry, Weighed),
    ) -> Judgement {
        Judgement {
            tenant: caller.tenant.clone(),
            decision: answer.id,
            source: Source::Engine,
            right: false,
            strategy: setting.strategy.name.clone(),
            strategy_version: setting.strategy.version,
            partition: setting.partition,
            model: self.embedder.model().clone(),
            entry: Some(live.entry.id),
            evidence: Some(weighed.evidence),
            served: 0,
            text: request.text.as_str().into(),
            fresh: None,
            decided: live.entry.decision.clone(),
            expected: None,
            note: None,
            at: self.clock.now(),
        }
    }
}
