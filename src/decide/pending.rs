//! Decisions that callers were told to come back for.

use super::{DecideError, Decided, Decider};
use crate::domain::audit::DecisionRecord;
use crate::domain::ids::{DecisionId, TenantId};
use crate::engine::steps::Steps;
use crate::limits::{LINGER_SEC, LINGERING_MAX, PENDING_MAX};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A request that an engine is at work for.
#[derive(Debug)]
pub struct Work {
    pub(super) id: DecisionId,
    tenant: TenantId,
    /// What the engine tells on the way.
    pub steps: Steps,
    ended: watch::Sender<bool>,
    /// Held while a record of the decision is written, so that what is final comes last; whether that one was written.
    pub(super) written: tokio::sync::Mutex<bool>,
    /// What its caller was told, for who comes back before that is stored.
    pub(super) told: OnceLock<DecisionRecord>,
}

impl Work {
    pub(super) fn new(id: DecisionId, tenant: TenantId, since: Instant) -> Self {
        let written = tokio::sync::Mutex::new(false);
        Self { id, tenant, steps: Steps::new(since), ended: watch::Sender::new(false), written, told: OnceLock::new() }
    }

    /// Whether the decision is there.
    pub fn is_over(&self) -> bool {
        *self.ended.borrow()
    }

    /// Waits until the decision is there.
    pub async fn ended(&self) {
        // It fails only once the sender is gone, and `self` holds it.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }
}

/// Those that callers were told of, and for a while those that have ended, so that their steps can still be read.
#[derive(Debug, Default)]
pub struct Pending {
    by_id: Mutex<HashMap<DecisionId, Arc<Work>>>,
    lingering: Mutex<VecDeque<(Instant, DecisionId)>>,
}

impl Pending {
    /// Keeps a work that its caller is about to be told of. `false` where there is no room for one more.
    pub(super) fn keep(&self, work: &Arc<Work>) -> bool {
        self.tidy();
        let mut by_id = self.by_id.lock();
        if by_id.len() >= PENDING_MAX + LINGERING_MAX {
            return false;
        }
        by_id.insert(work.id, Arc::clone(work));
        drop(by_id);
        // It may have ended a moment ago, and then nobody else will see it off.
        if work.is_over() {
            self.linger(work.id);
        }
        true
    }

    /// Whether a caller was told of this work, or is about to be.
    pub(super) fn holds(&self, work: &Work) -> bool {
        self.by_id.lock().contains_key(&work.id)
    }

    /// Tells those who wait that a decision is there.
    pub(super) fn end(&self, work: &Work) {
        work.ended.send_replace(true);
        if self.holds(work) {
            self.linger(work.id);
        }
    }

    fn linger(&self, id: DecisionId) {
        self.lingering.lock().push_back((Instant::now(), id));
        self.tidy();
    }

    /// Lets go of those that ended long ago.
    fn tidy(&self) {
        let mut lingering = self.lingering.lock();
        let gone =
            |(since, _): &(Instant, DecisionId), n: usize| since.elapsed() > Duration::from_secs(LINGER_SEC) || n > LINGERING_MAX;
        while lingering.front().is_some_and(|oldest| gone(oldest, lingering.len())) {
            if let Some((_, id)) = lingering.pop_front() {
                self.by_id.lock().remove(&id);
            }
        }
    }

    /// How many decisions callers were told to come back for, those that ended a moment ago among them.
    pub fn len(&self) -> usize {
        self.tidy();
        self.by_id.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Decider {
    /// The work for a decision of this tenant that its caller was told to come back for; `None` where that is long over, or was lost
    /// with an earlier run of the service.
    pub fn work(&self, tenant: &TenantId, id: DecisionId) -> Option<Arc<Work>> {
        self.thinking.pending.by_id.lock().get(&id).filter(|work| work.tenant == *tenant).cloned()
    }
}

/// What a request that an engine works for came to.
pub(super) type Ended = Result<Decided, DecideError>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn work(n: u128) -> Arc<Work> {
        Arc::new(Work::new(DecisionId::new(Timestamp::from_micros(0), n), TenantId::default_tenant(), Instant::now()))
    }

    /// As if `of` had ended longer ago than it lingers.
    fn age(pending: &Pending) {
        let long_ago = Instant::now().checked_sub(Duration::from_secs(LINGER_SEC + 1)).unwrap();
        pending.lingering.lock().iter_mut().for_each(|(since, _)| *since = long_ago);
    }

    #[test]
    fn what_ended_is_found_for_a_while_and_then_let_go_though_nothing_else_happens() {
        let (pending, work) = (Pending::default(), work(1));
        assert!(pending.keep(&work));
        pending.end(&work);
        assert_eq!(pending.len(), 1);
        age(&pending);
        assert_eq!(pending.len(), 0);
        assert!(pending.is_empty() && pending.lingering.lock().is_empty());
    }

    #[test]
    fn what_ended_just_before_it_was_kept_is_let_go_too() {
        let (pending, work) = (Pending::default(), work(1));
        pending.end(&work);
        assert!(pending.keep(&work));
        age(&pending);
        assert_eq!(pending.len(), 0);
    }

    #[test]
    fn there_is_room_for_so_many_and_those_that_ended_make_room() {
        let pending = Pending::default();
        let all: Vec<_> = (0..(PENDING_MAX + LINGERING_MAX) as u128).map(work).collect();
        assert!(all.iter().all(|work| pending.keep(work)));
        assert!(!pending.keep(&work(u128::MAX >> 64)));
        all.iter().for_each(|work| pending.end(work));
        assert_eq!(pending.len(), LINGERING_MAX, "of those that ended the last stay");
        assert!(pending.keep(&work(u128::MAX >> 64)));
    }
}
