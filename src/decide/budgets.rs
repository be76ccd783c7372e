//! The error budgets of a service: one for each tenant and strategy, and the hard negatives of each partition.

use super::Decider;
use super::follow::Counted;
use crate::budget::evidence::{self, Aside, Neighbour};
use crate::budget::ledger::{BudgetState, Ledger, Outcome, Sample, Verdict};
use crate::budget::neighbourhood::{HardNegative, Neighbourhood};
use crate::budget::sampler::Sampler;
use crate::domain::answer::Gate;
use crate::domain::calibration::{Calibration, Evidence};
use crate::domain::entry::Entry;
use crate::domain::ids::{StrategyName, TenantId};
use crate::domain::judgement::Judgement;
use crate::domain::partition::PartitionKey;
use crate::domain::strategy::Strategy;
use crate::domain::time::Timestamp;
use crate::gates::{Nearness, Refusal};
use crate::store::{Record, RecordKind, StoreError, Write};
use crate::telemetry::metrics;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The budget of one strategy for one tenant.
#[derive(Debug)]
pub(super) struct Budget {
    pub ledger: Ledger,
    pub sampler: Sampler,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Budgets {
    calibrations: BTreeMap<StrategyName, Arc<Calibration>>,
    kept: papaya::HashMap<(TenantId, StrategyName), Arc<Budget>>,
    neighbourhoods: papaya::HashMap<PartitionKey, Arc<Neighbourhood>>,
    pub(super) counted: Counted,
    // Where it is absent each budget draws its own.
    seed: Option<u64>,
}

impl Budgets {
    /// Budgets that start from these calibrations.
    pub fn new(calibrations: BTreeMap<StrategyName, Arc<Calibration>>) -> Self {
        Self { calibrations, ..Self::default() }
    }

    /// The same budgets, whose lots are drawn with this seed.
    pub fn seeded(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// The calibration of a strategy.
    pub fn calibration(&self, strategy: &StrategyName) -> Option<&Arc<Calibration>> {
        self.calibrations.get(strategy)
    }

    /// The budget of a strategy for a tenant; `None` where the strategy states none.
    pub(super) fn of(&self, tenant: &TenantId, strategy: &Strategy, now: Timestamp) -> Option<Arc<Budget>> {
        let rules = strategy.budget.as_ref()?;
        let place = (tenant.clone(), strategy.name.clone());
        let kept = self.kept.pin();
        if let Some(budget) = kept.get(&place) {
            return Some(Arc::clone(budget));
        }
        let fresh = || {
            let calibration = rules.calibration.as_ref().and_then(|_| self.calibration(&strategy.name).cloned());
            Arc::new(Budget {
                ledger: Ledger::new(rules, calibration, now),
                sampler: Sampler::new(rules, self.seed.unwrap_or_else(|| fastrand::u64(..))),
            })
        };
        Some(Arc::clone(kept.get_or_insert_with(place, fresh)))
    }

    /// The hard negatives of a partition; `None` where there are none.
    pub(super) fn neighbourhood(&self, partition: &PartitionKey) -> Option<Arc<Neighbourhood>> {
        self.neighbourhoods.pin().get(partition).cloned()
    }

    fn remember_negative(&self, partition: PartitionKey, negative: HardNegative) {
        self.neighbourhoods.pin().get_or_insert_with(partition, Arc::default).remember(negative);
    }
}

/// What the evidence looks at in an entry.
pub(super) fn neighbour(entry: &Entry, near: Nearness) -> Neighbour {
    let Nearness { similarity, fresh_similarity } = near;
    Neighbour { similarity, fresh_similarity, decision: entry.decision.agreement_key() }
}

/// What is held against a near candidate, or for it, once the gates let it pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weighed {
    pub evidence: Evidence,
    pub verdict: Verdict,
}

impl Budget {
    /// Weighs a candidate among its neighbours, which come nearest first. `unread` is the share of the request's words that the reader of
    /// facts doesn't know.
    pub(super) fn weigh(
        &self,
        entry: &Entry,
        near: Nearness,
        neighbours: &[Neighbour],
        (now, unread): (Timestamp, f32),
    ) -> Weighed {
        let age_sec = u64::try_from(now.millis_since(entry.created_at) / 1_000).unwrap_or(0);
        let evidence = evidence::gather(neighbour(entry, near), neighbours, Aside { age_sec, unread });
        Weighed { evidence, verdict: self.ledger.verdict(&evidence) }
    }

    /// What the budget says of a candidate that it doesn't accept.
    pub(super) fn refusal(&self, verdict: &Verdict) -> Refusal {
        let saw = match (self.exact_only(), verdict.score_min) {
            (Some(why), _) => format!("exact hits only {why}"),
            (None, Some(least)) => format!("P(right) {:.4} is below {least:.4}, which the error budget asks for", verdict.score),
            (None, None) => format!("P(right) {:.4}, and no score is proven to keep the error budget", verdict.score),
        };
        Refusal { gate: Gate::Budget, saw }
    }

    /// Since when and why only exact hits are served; `None` while near ones are.
    pub(super) fn exact_only(&self) -> Option<String> {
        if self.ledger.is_open() {
            return None;
        }
        let state = self.ledger.state();
        Some(format!("since {}: {}", state.since, state.why))
    }
}

impl Decider {
    /// How it stands with the budget of a strategy; `None` where it states none.
    pub fn budget_state(&self, tenant: &TenantId, strategy: &Strategy) -> Option<BudgetState> {
        Some(self.budgets.of(tenant, strategy, self.clock.now())?.ledger.state())
    }

    /// Takes a judgement into the budget, and writes it.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be written; then it holds until the next start.
    pub(super) async fn judge(&self, mut judgement: Judgement) -> Result<(), StoreError> {
        self.budgets.counted.note(&judgement);
        self.learn_negative(&judgement);
        metrics::judged(judgement.source.as_str(), judgement.right);
        if let Some(strategy) = self.current_strategy(&judgement).cloned()
            && let Some(evidence) = judgement.evidence
            && let Some(budget) = self.budgets.of(&judgement.tenant, &strategy, judgement.at)
        {
            let Judgement { right, source, at, .. } = judgement;
            let recorded = budget.ledger.record(Sample { evidence, right, source, at });
            judgement.served = recorded.outcome.served;
            if let Some(change) = recorded.change {
                tracing::warn!(strategy = %strategy.name, state = change.to.as_str(), why = change.why, "the error budget changed its state");
            }
            metrics::budget_state(strategy.name.as_str(), !budget.ledger.is_open());
        }
        self.commit(vec![Write::Put(Record::Judgement(judgement.into()))]).await
    }

    /// The strategy that a judgement is about, where it is still the one that was judged.
    pub(super) fn current_strategy(&self, judgement: &Judgement) -> Option<&Arc<Strategy>> {
        let strategy = self.strategies.by_name.get(&judgement.strategy)?;
        let same = strategy.version == judgement.strategy_version && judgement.model == *self.embedder.model();
        same.then_some(strategy)
    }

    /// A wrong reuse closes its own question.
    pub(super) fn learn_negative(&self, judgement: &Judgement) {
        if let (false, Some(fresh)) = (judgement.right, &judgement.fresh) {
            let negative = HardNegative {
                fresh: fresh.clone(),
                wrong: judgement.decided.agreement_key(),
                expected: judgement.expected.as_ref().map(|payload| payload.agreement_key()),
                at: judgement.at,
            };
            self.budgets.remember_negative(judgement.partition, negative);
        }
    }

    /// Brings back from the store what earlier judgements had led to, for all, or for one strategy of one tenant, whose budget is then
    /// counted anew. Blocks.
    ///
    /// # Errors
    /// [`StoreError`] where the store can't be read.
    pub(super) fn replay_judgements(&self, only: Option<(&TenantId, &StrategyName)>) -> Result<usize, StoreError> {
        let mut judgements = Vec::new();
        self.store.scan(RecordKind::Judgement, &mut |record| {
            match record {
                Ok(Record::Judgement(judged)) => judgements.push(judged),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "a judgement can't be read and is left out"),
            }
            ControlFlow::Continue(())
        })?;
        judgements.retain(|judged| only.is_none_or(|(tenant, name)| judged.tenant == *tenant && judged.strategy == *name));
        judgements.sort_by_key(|judged| (judged.at, judged.decision));
        match only {
            Some((tenant, name)) => drop(self.budgets.kept.pin().remove(&(tenant.clone(), name.clone()))),
            None => self.budgets.kept.pin().clear(),
        }
        let mut outcomes: BTreeMap<(TenantId, StrategyName), Vec<Outcome>> = BTreeMap::new();
        for judged in judgements.iter().filter(|judged| self.current_strategy(judged).is_some()) {
            self.budgets.counted.note(judged);
            self.learn_negative(judged);
            let Judgement { right, source, served, at, .. } = **judged;
            if let Some(evidence) = judged.evidence {
                let of = outcomes.entry((judged.tenant.clone(), judged.strategy.clone())).or_default();
                of.push(Outcome { evidence, right, source, served, at });
            }
        }
        for ((tenant, name), outcomes) in outcomes {
            let strategy = self.strategies.by_name.get(&name);
            if let Some(budget) = strategy.and_then(|strategy| self.budgets.of(&tenant, strategy, self.clock.now())) {
                budget.ledger.replay(outcomes);
                metrics::budget_state(name.as_str(), !budget.ledger.is_open());
            }
        }
        Ok(judgements.len())
    }
}
