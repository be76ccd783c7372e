//! Decisions that callers were told to come back for.

use super::{DecideError, Decided, Decider};
use crate::domain::ids::{DecisionId, TenantId};
use crate::engine::steps::Steps;
use crate::limits::{LINGER_SEC, LINGERING_MAX, PENDING_MAX};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
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
}

impl Work {
    pub(super) fn new(id: DecisionId, tenant: TenantId, since: Instant) -> Self {
        let written = tokio::sync::Mutex::new(false);
        Self { id, tenant, steps: Steps::new(since), ended: watch::Sender::new(false), written }
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
        let mut by_id = self.by_id.lock();
        if by_id.len() >= PENDING_MAX + LINGERING_MAX {
            return false;
        }
        by_id.insert(work.id, Arc::clone(work));
        true
    }

    /// Tells those who wait that a decision is there.
    pub(super) fn end(&self, work: &Work) {
        work.ended.send_replace(true);
        if !self.by_id.lock().contains_key(&work.id) {
            return;
        }
        let mut lingering = self.lingering.lock();
        lingering.push_back((Instant::now(), work.id));
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
