//! Holding memory against the whole store, where the stream no longer tells what has changed.

use super::Decider;
use crate::domain::fit_record::FitKey;
use crate::domain::ids::{ComponentId, DatasetName, EntryId, PlanId, TenantId};
use crate::domain::knowledge_record::KnowledgeKey;
use crate::domain::market::Instrument;
use crate::store::shared::Position;
use crate::store::{Record, RecordKey, RecordKind, Shared, StoreError};
use crate::telemetry::metrics;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

/// What differs between memory and a scan of the store. Either may have moved on meanwhile, so each is read once more when it is applied.
#[derive(Debug, Default)]
struct Differences {
    keys: Vec<RecordKey>,
    prices: BTreeMap<(TenantId, Instrument), BTreeSet<(u32, i64)>>,
}

/// What a scan has shown.
#[derive(Debug, Default)]
struct Seen {
    entries: HashSet<(TenantId, EntryId)>,
    components: HashSet<(TenantId, ComponentId)>,
    plans: HashSet<(TenantId, PlanId)>,
    fits: HashSet<(TenantId, FitKey, u64)>,
    datasets: HashSet<(TenantId, DatasetName)>,
    knowledge: HashSet<(TenantId, KnowledgeKey)>,
}

impl Decider {
    /// Brings memory to what the store holds, and takes out what it no longer holds. Gives the place to follow from.
    pub(super) async fn resync(self: &Arc<Self>, shared: &dyn Shared) -> Result<Position, StoreError> {
        let asked = Instant::now();
        metrics::replicas::follow_resynced();
        tracing::warn!("changes of other processes were missed; memory is held against the whole store");
        let position = shared.position().await?;
        let decider = Arc::clone(self);
        let compared = tokio::task::spawn_blocking(move || decider.differences()).await.unwrap_or(Err(StoreError::Closed));
        let Differences { keys, prices } = compared?;
        let differing = keys.len();
        self.apply(shared, keys).await?;
        for ((tenant, instrument), stored) in prices {
            self.apply_all_prices(shared, (&tenant, &instrument), stored).await?;
        }
        let decider = Arc::clone(self);
        let counted = tokio::task::spawn_blocking(move || decider.replay_judgements(None)).await;
        counted.unwrap_or(Err(StoreError::Closed))?;
        self.follow.doubts.lock().looked_at(asked);
        self.follow.in_step_at(asked);
        self.follow.reached.send_replace(position.clone());
        tracing::info!(differing, took = ?asked.elapsed(), "memory is what the store holds");
        Ok(position)
    }

    /// Compares memory with a scan. Blocks.
    fn differences(&self) -> Result<Differences, StoreError> {
        let (mut found, mut seen) = (Differences::default(), Seen::default());
        // Where memory is a working set it need not have what it lacks, and what it has is read once more when this is applied.
        let kinds = [
            RecordKind::TagEnd,
            RecordKind::Component,
            RecordKind::Market,
            RecordKind::Plan,
            RecordKind::Fit,
            RecordKind::Dataset,
            RecordKind::Knowledge,
            RecordKind::Entry,
        ];
        let looked_at = if self.recall.is_some() { kinds.len() - 1 } else { kinds.len() };
        for kind in kinds.into_iter().take(looked_at) {
            self.store.scan(kind, &mut |record| {
                match record {
                    Ok(record) => self.compare(&record, &mut found, &mut seen),
                    Err(error) => tracing::warn!(%error, "a record can't be read and is left out of memory"),
                }
                ControlFlow::Continue(())
            })?;
        }
        let gone = self.semantic.ids().into_iter().filter(|id| !seen.entries.contains(id));
        found.keys.extend(gone.map(|(tenant, id)| RecordKey::Entry { tenant, id }));
        for (tenant, id) in self.embeddings.ids().into_iter().filter(|id| !seen.components.contains(id)) {
            found.keys.extend(crate::decide::components::records_of(&tenant, &id).take(1));
        }
        let gone = self.plans.index.ids().into_iter().filter(|id| !seen.plans.contains(id));
        found.keys.extend(gone.map(|(tenant, id)| RecordKey::Plan { tenant, id }));
        let gone = self.numeric.index.ids().into_iter().filter(|id| !seen.fits.contains(id));
        found.keys.extend(gone.map(|(tenant, key, version)| RecordKey::Fit { tenant, key, version }));
        let gone = self.datasets.index.all().into_iter().map(|head| (head.tenant.clone(), head.name.clone()));
        let gone = gone.filter(|whose| !seen.datasets.contains(whose));
        found.keys.extend(gone.map(|(tenant, name)| RecordKey::Dataset { tenant, name }));
        let gone = self.analyst.taught_keys().into_iter().filter(|whose| !seen.knowledge.contains(whose));
        found.keys.extend(gone.map(|(tenant, key)| RecordKey::Knowledge { tenant, key }));
        for whose in self.market.instruments() {
            found.prices.entry(whose).or_default();
        }
        Ok(found)
    }

    fn compare(&self, record: &Record, found: &mut Differences, seen: &mut Seen) {
        let same = match record {
            Record::TagEnd(_) => false,
            Record::Component(component) => {
                seen.components.insert((component.tenant.clone(), component.id.clone()));
                let held = self.embeddings.own_component(&component.tenant, &component.id);
                held.as_ref() == Some(component) || (held.is_none() && !self.belongs(record))
            }
            Record::Entry(stored) => {
                seen.entries.insert((stored.entry.tenant.clone(), stored.entry.id));
                let gone = || self.semantic.entry(&stored.entry.tenant, &stored.entry.id).is_none() && !self.belongs(record);
                self.semantic.holds(&stored.entry) || gone()
            }
            Record::Market(chunk) => {
                let of_instrument = found.prices.entry((chunk.tenant.clone(), chunk.instrument.clone())).or_default();
                of_instrument.insert((chunk.bars.interval_sec(), chunk.number));
                true
            }
            Record::Plan(plan) => {
                seen.plans.insert((plan.tenant.clone(), plan.id));
                self.plans.index.get(&plan.tenant, plan.id).is_some_and(|held| *held == plan.brief())
            }
            Record::Fit(fit) => {
                seen.fits.insert((fit.tenant.clone(), fit.key.clone(), fit.version));
                self.numeric.index.holds(fit)
            }
            Record::Dataset(head) => {
                seen.datasets.insert((head.tenant.clone(), head.name.clone()));
                self.datasets.index.get(&head.tenant, &head.name).is_some_and(|held| held == *head)
            }
            Record::Knowledge(taught) => {
                seen.knowledge.insert((taught.tenant.clone(), taught.key));
                // They are few, so that what is held is taken anew rather than compared.
                false
            }
            Record::DatasetPart(_) | Record::Judgeable(_) => true,
            Record::Text(_) | Record::Decision(_) | Record::Judgement(_) | Record::AuditEvent(_) | Record::AuditChain(_) => true,
        };
        if !same {
            found.keys.push(record.key());
        }
    }
}
