//! The latest answers of each tenant, in memory and in short, for whoever watches the service. The audit record says the rest.

use super::Decider;
use crate::domain::answer::{Answer, Confidence, Gate, Outcome, Path};
use crate::domain::decision::DecisionKind;
use crate::domain::ids::{DecisionId, EntryId, StrategyName, TenantId};
use crate::domain::request::{Caller, Request};
use crate::domain::time::Timestamp;
use crate::limits::{RECENT_MAX, RECENT_TENANTS_MAX, RECENT_TEXT_CHARS_MAX};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;

/// One answer in short.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RecentDecision {
    /// Under which id the whole answer is kept.
    #[schema(value_type = String)]
    pub id: DecisionId,
    /// When it was answered.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// By which strategy.
    #[schema(value_type = String)]
    pub strategy: StrategyName,
    /// The beginning of what was asked, at most 160 characters; "…" ends it where there is more.
    #[schema(max_length = 160)]
    pub text: Box<str>,
    /// How it ended.
    pub outcome: Outcome,
    /// Which step answered.
    pub path: Path,
    /// How far it can be relied on.
    pub confidence: Confidence,
    /// What was decided; null where nothing was.
    pub decision: Option<RecentPayload>,
    /// The entry that was served; null where none was.
    #[serde(rename = "match")]
    pub matched: Option<RecentNeighbour>,
    /// The nearest candidate that a gate turned away; null where none was.
    pub refused: Option<RecentNeighbour>,
    /// Microseconds from the request's arrival in the pipeline to the answer.
    pub total_us: u64,
    /// Whether it was reported right (true) or wrong (false) since; null where nobody said.
    pub right: Option<bool>,
}

/// A decision in short.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RecentPayload {
    /// Of which kind it is.
    pub kind: DecisionKind,
    /// The signal of a trade; null for other kinds.
    pub signal: Option<i8>,
    /// How sure a trade is; null for other kinds.
    pub conviction: Option<f32>,
}

/// A remembered entry that stood near the request.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RecentNeighbour {
    /// Its id.
    #[schema(value_type = String)]
    pub entry: EntryId,
    /// Cosine of the composed vectors, or of the prompts where it was found by its prompt.
    pub similarity: f32,
    /// Cosine of the fresh vectors.
    pub fresh_similarity: f32,
    /// The gate that turned it away; null where none did.
    pub gate: Option<Gate>,
    /// What that gate saw.
    pub saw: Option<Box<str>>,
}

type Ring = Mutex<VecDeque<Arc<RecentDecision>>>;

/// The latest answers of each tenant.
#[derive(Debug)]
pub struct Recent {
    // Of more tenants than have room, those heard least leave.
    of: Cache<TenantId, Arc<Ring>>,
}

impl Default for Recent {
    fn default() -> Self {
        Self { of: Cache::new(RECENT_TENANTS_MAX) }
    }
}

impl Recent {
    fn ring(&self, tenant: &TenantId) -> Arc<Ring> {
        let found = self.of.get_or_insert_with(tenant, || Ok::<_, std::convert::Infallible>(Arc::default()));
        found.unwrap_or_else(|never| match never {})
    }

    /// Keeps an answer that is given once, unless somebody looks at them just now: an answer waits for no reader.
    pub(super) fn keep(&self, tenant: &TenantId, decision: RecentDecision) {
        if let Some(mut ring) = self.ring(tenant).try_lock() {
            push(&mut ring, Arc::new(decision));
        }
    }

    /// Keeps an answer whose id may have been told as pending before: what is final takes that place, and never the other way round.
    pub(super) fn settle(&self, tenant: &TenantId, decision: RecentDecision) {
        let ring = self.ring(tenant);
        let mut ring = ring.lock();
        match ring.iter_mut().rev().find(|kept| kept.id == decision.id) {
            Some(kept) if decision.outcome != Outcome::Pending => *kept = Arc::new(decision),
            Some(_) => {}
            None => push(&mut ring, Arc::new(decision)),
        }
    }

    /// Notes what somebody said of a decision afterwards.
    pub(super) fn judged(&self, tenant: &TenantId, id: DecisionId, right: bool) {
        if let Some(ring) = self.of.get(tenant)
            && let Some(kept) = ring.lock().iter_mut().rev().find(|kept| kept.id == id)
        {
            *kept = Arc::new(RecentDecision { right: Some(right), ..RecentDecision::clone(kept) });
        }
    }

    /// The latest `max` answers of a tenant whose ids are below `before`, newest first.
    pub fn latest(&self, tenant: &TenantId, before: Option<DecisionId>, max: usize) -> Vec<Arc<RecentDecision>> {
        let Some(ring) = self.of.get(tenant) else { return Vec::new() };
        // They are kept in the order of their answers, and an engine's comes long after its id was given out.
        let mut found: Vec<_> = ring.lock().iter().filter(|kept| before.is_none_or(|before| kept.id < before)).cloned().collect();
        found.sort_unstable_by_key(|kept| std::cmp::Reverse(kept.id));
        found.truncate(max);
        found
    }
}

fn push(ring: &mut VecDeque<Arc<RecentDecision>>, decision: Arc<RecentDecision>) {
    if ring.len() >= RECENT_MAX {
        ring.pop_front();
    }
    ring.push_back(decision);
}

impl Decider {
    /// An answer in short.
    pub(super) fn in_short(&self, request: &Request, answer: &Answer) -> RecentDecision {
        let payload = |payload: &crate::domain::decision::Payload| RecentPayload {
            kind: payload.kind(),
            signal: payload.signal(),
            conviction: payload.conviction().map(|conviction| conviction as f32),
        };
        let matched = answer.matched.as_ref().map(|matched| RecentNeighbour {
            entry: matched.entry,
            similarity: matched.similarity,
            fresh_similarity: matched.fresh_similarity,
            gate: None,
            saw: None,
        });
        let refused = answer.refused.first().map(|refused| RecentNeighbour {
            entry: refused.entry,
            similarity: refused.similarity,
            fresh_similarity: refused.fresh_similarity,
            gate: Some(refused.gate),
            saw: Some(shortened(&refused.saw)),
        });
        RecentDecision {
            id: answer.id,
            at: self.clock.now(),
            strategy: answer.strategy.clone(),
            text: shortened(request.text.as_str()),
            outcome: answer.outcome,
            path: answer.path,
            confidence: answer.confidence,
            decision: answer.decision.as_ref().map(payload),
            matched,
            refused,
            total_us: answer.timing_us.total,
            right: None,
        }
    }

    /// Keeps an answer in short, for one that an engine worked for; see [`Recent::settle`].
    pub(super) fn settle_recent(&self, caller: &Caller, request: &Request, answer: &Answer) {
        self.recent.settle(&caller.tenant, self.in_short(request, answer));
    }
}

/// The beginning of a text, with an ellipsis where there is more.
fn shortened(text: &str) -> Box<str> {
    match text.char_indices().nth(RECENT_TEXT_CHARS_MAX) {
        None => text.into(),
        Some(_) => text.chars().take(RECENT_TEXT_CHARS_MAX - 1).chain(['…']).collect::<String>().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    fn id(n: u64) -> DecisionId {
        DecisionId::new(Timestamp::from_micros(i64::try_from(n).unwrap() * 1_000), 0)
    }

    fn answered(n: u64, outcome: Outcome) -> RecentDecision {
        RecentDecision {
            id: id(n),
            at: Timestamp::from_micros(0),
            strategy: StrategyName::new("s").unwrap(),
            text: "a".into(),
            outcome,
            path: Path::Fast,
            confidence: Confidence::Unable,
            decision: None,
            matched: None,
            refused: None,
            total_us: 1,
            right: None,
        }
    }

    fn ids(recent: &Recent, tenant: &TenantId, before: Option<DecisionId>, max: usize) -> Vec<DecisionId> {
        recent.latest(tenant, before, max).iter().map(|kept| kept.id).collect()
    }

    #[test]
    fn the_newest_come_first_whatever_order_they_were_answered_in_and_a_page_goes_on_where_the_last_ended() {
        let (recent, us) = (Recent::default(), tenant("us"));
        for n in [1, 4, 2, 3] {
            recent.keep(&us, answered(n, Outcome::Decided));
        }
        assert_eq!(ids(&recent, &us, None, 2), [id(4), id(3)]);
        assert_eq!(ids(&recent, &us, Some(id(3)), 2), [id(2), id(1)]);
        assert_eq!(ids(&recent, &us, Some(id(1)), 2), []);
    }

    #[test]
    fn a_tenant_sees_its_own_alone() {
        let (recent, us, them) = (Recent::default(), tenant("us"), tenant("them"));
        recent.keep(&us, answered(1, Outcome::Decided));
        recent.judged(&them, id(1), false);
        assert_eq!(ids(&recent, &them, None, 10), []);
        assert_eq!(recent.latest(&us, None, 10)[0].right, None);
    }

    #[test]
    fn the_oldest_leave_once_there_is_no_more_room() {
        let (recent, us) = (Recent::default(), tenant("us"));
        for n in 0..=RECENT_MAX as u64 {
            recent.keep(&us, answered(n, Outcome::Decided));
        }
        let kept = ids(&recent, &us, None, usize::MAX);
        assert_eq!((kept.len(), kept.last()), (RECENT_MAX, Some(&id(1))));
    }

    #[test]
    fn what_is_final_takes_the_place_of_what_was_pending_and_a_late_pending_one_changes_nothing() {
        let (recent, us) = (Recent::default(), tenant("us"));
        recent.settle(&us, answered(1, Outcome::Pending));
        recent.settle(&us, answered(1, Outcome::Decided));
        recent.settle(&us, answered(1, Outcome::Pending));
        let kept = recent.latest(&us, None, 10);
        assert_eq!((kept.len(), kept[0].outcome), (1, Outcome::Decided));
    }

    #[test]
    fn a_verdict_stays_with_its_decision() {
        let (recent, us) = (Recent::default(), tenant("us"));
        recent.keep(&us, answered(1, Outcome::Decided));
        recent.keep(&us, answered(2, Outcome::Decided));
        recent.judged(&us, id(1), false);
        let rights: Vec<_> = recent.latest(&us, None, 10).iter().map(|kept| kept.right).collect();
        assert_eq!(rights, [None, Some(false)]);
    }

    proptest! {
        #[test]
        fn a_shortened_text_is_the_text_or_its_beginning_within_the_limit(text in ".{0,400}") {
            let short = shortened(&text);
            prop_assert!(short.chars().count() <= RECENT_TEXT_CHARS_MAX);
            let whole = text.chars().count() <= RECENT_TEXT_CHARS_MAX;
            prop_assert_eq!(whole, *short == *text);
            prop_assert!(whole || text.starts_with(short.strip_suffix('…').unwrap()));
        }
    }
}
