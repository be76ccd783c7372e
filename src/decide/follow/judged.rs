//! Judgements that other processes took.

use super::Decider;
use super::apply::readable;
use crate::budget::ledger::Outcome;
use crate::domain::ids::{StrategyName, TenantId};
use crate::domain::judgement::Judgement;
use crate::store::{Record, RecordKey, Shared, StoreError};
use crate::telemetry::metrics;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// Judgements that are read in one round trip.
const TOGETHER: usize = 64;

/// The latest judgements that the budgets have counted, so that none counts twice: a change may come again, and a scan may show what the
/// stream is about to tell. What comes again is recent.
#[derive(Debug, Default)]
pub(in crate::decide) struct Counted {
    latest: Mutex<(HashMap<RecordKey, bool>, VecDeque<RecordKey>)>,
}

/// As many as are remembered, some 200 bytes each.
const COUNTED_MAX: usize = 65_536;

impl Counted {
    /// Notes a judgement, and gives the verdict that was counted under its key before.
    pub(in crate::decide) fn note(&self, judgement: &Judgement) -> Option<bool> {
        let Judgement { tenant, decision, source, right, .. } = judgement;
        let key = RecordKey::Judgement { tenant: tenant.clone(), decision: *decision, source: *source };
        let (by_key, order) = &mut *self.latest.lock();
        let before = by_key.insert(key.clone(), *right);
        if before.is_none() {
            order.push_back(key);
            if order.len() > COUNTED_MAX
                && let Some(oldest) = order.pop_front()
            {
                by_key.remove(&oldest);
            }
        }
        before
    }
}

impl Decider {
    pub(super) async fn apply_judgements(self: &Arc<Self>, shared: &dyn Shared, keys: &[RecordKey]) -> Result<(), StoreError> {
        let mut recount: BTreeSet<(TenantId, StrategyName)> = BTreeSet::new();
        for some in keys.chunks(TOGETHER) {
            for read in shared.get_many(some).await? {
                let Some(Record::Judgement(judged)) = readable(read) else { continue };
                match self.budgets.counted.note(&judged) {
                    Some(right) if right == judged.right => {}
                    // A verdict that was taken back can't be subtracted.
                    Some(_) => drop(recount.insert((judged.tenant.clone(), judged.strategy.clone()))),
                    None => self.count_of_another(&judged),
                }
            }
        }
        for (tenant, name) in recount {
            let decider = Arc::clone(self);
            let counting = tokio::task::spawn_blocking(move || decider.replay_judgements(Some((&tenant, &name))));
            counting.await.unwrap_or(Err(StoreError::Closed))?;
        }
        Ok(())
    }

    /// Counts what another process learnt. The books of two processes take outcomes in different orders, and come to the same after the
    /// next start.
    fn count_of_another(&self, judged: &Judgement) {
        self.learn_negative(judged);
        let Some(strategy) = self.current_strategy(judged) else { return };
        let Judgement { right, source, served, at, .. } = *judged;
        if let Some(evidence) = judged.evidence
            && let Some(budget) = self.budgets.of(&judged.tenant, strategy, at)
        {
            budget.ledger.replay([Outcome { evidence, right, source, served, at }]);
            metrics::budget_state(strategy.name.as_str(), !budget.ledger.is_open());
        }
    }
}
