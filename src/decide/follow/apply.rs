//! What memory makes of records that changed.

use super::Decider;
use crate::cache::embedding::KnownText;
use crate::domain::component::Component;
use crate::domain::entry::StoredEntry;
use crate::domain::ids::{ComponentId, EntryId, TenantId};
use crate::domain::market::Instrument;
use crate::store::{CodecError, Family, Record, RecordKey, Shared, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Records that are read in one round trip, and whose writers wait meanwhile.
const TOGETHER: usize = 64;

/// Records that changed, by what has to be done with them.
#[derive(Debug, Default)]
struct Changed {
    tag_ends: Vec<RecordKey>,
    components: BTreeSet<(TenantId, ComponentId)>,
    entries: BTreeSet<(TenantId, EntryId)>,
    prices: BTreeMap<(TenantId, Instrument), Vec<RecordKey>>,
    judgements: Vec<RecordKey>,
    plans: Vec<RecordKey>,
    fits: Vec<RecordKey>,
    datasets: Vec<RecordKey>,
    knowledge: Vec<RecordKey>,
}

impl Changed {
    fn of(keys: Vec<RecordKey>) -> Self {
        let mut changed = Self::default();
        for key in keys {
            match key {
                RecordKey::TagEnd { .. } => changed.tag_ends.push(key),
                RecordKey::Component { tenant, id, .. } => drop(changed.components.insert((tenant, id))),
                RecordKey::Entry { tenant, id } => drop(changed.entries.insert((tenant, id))),
                RecordKey::Market { ref tenant, ref instrument, .. } => {
                    changed.prices.entry((tenant.clone(), instrument.clone())).or_default().push(key);
                }
                RecordKey::Judgement { .. } => changed.judgements.push(key),
                RecordKey::Plan { .. } => changed.plans.push(key),
                RecordKey::Fit { .. } => changed.fits.push(key),
                RecordKey::Dataset { .. } => changed.datasets.push(key),
                RecordKey::Knowledge { .. } => changed.knowledge.push(key),
                // They are read where they are needed.
                RecordKey::Text { .. }
                | RecordKey::Decision { .. }
                | RecordKey::DatasetPart { .. }
                | RecordKey::Judgeable { .. }
                | RecordKey::AuditEvent { .. }
                | RecordKey::AuditChain { .. } => {}
            }
        }
        changed
    }
}

impl Decider {
    /// Has memory hold of these records what the store holds of them.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away; some may have been applied then.
    pub(super) async fn apply(self: &Arc<Self>, shared: &dyn Shared, keys: Vec<RecordKey>) -> Result<(), StoreError> {
        let Changed { tag_ends, components, entries, prices, judgements, plans, fits, datasets, knowledge } = Changed::of(keys);
        // A deletion by tag comes first, for it ends more than any other change and is the cheapest.
        self.apply_tag_ends(shared, &tag_ends).await?;
        self.apply_components(shared, &components.into_iter().collect::<Vec<_>>()).await?;
        self.apply_entries(shared, &entries.into_iter().collect::<Vec<_>>()).await?;
        for ((tenant, instrument), keys) in prices {
            self.apply_prices(shared, (&tenant, &instrument), keys).await?;
            self.bars_changed(&tenant);
        }
        self.apply_plans(shared, &plans).await?;
        self.apply_fits(shared, &fits).await?;
        self.apply_datasets(shared, &datasets).await?;
        self.apply_knowledge(shared, &knowledge).await?;
        self.apply_judgements(shared, &judgements).await
    }

    async fn apply_tag_ends(&self, shared: &dyn Shared, keys: &[RecordKey]) -> Result<(), StoreError> {
        for some in keys.chunks(TOGETHER) {
            for read in shared.get_many(some).await? {
                if let Some(Record::TagEnd(end)) = readable(read) {
                    self.semantic.generations().end(&end.tenant, [&*end.tag], end.generation);
                }
            }
        }
        Ok(())
    }

    /// Has memory hold of these entries what the store holds of them.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    pub(in crate::decide) async fn apply_entries(
        &self,
        shared: &dyn Shared,
        entries: &[(TenantId, EntryId)],
    ) -> Result<(), StoreError> {
        for some in entries.chunks(TOGETHER) {
            let keys: Vec<_> = some.iter().map(|(tenant, id)| RecordKey::Entry { tenant: tenant.clone(), id: *id }).collect();
            // Read while no write of ours is between its two steps.
            let _held = self.order.hold(some.iter().map(|(_, id)| id)).await;
            for ((tenant, id), read) in some.iter().zip(shared.get_many(&keys).await?) {
                match readable(read).filter(|record| self.belongs(record)) {
                    Some(Record::Entry(stored)) => self.take_entry(&stored),
                    _ => drop(self.semantic.remove(tenant, id)),
                }
            }
            drop(_held);
            // Inserting takes the thread for a while that others wait for too.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn take_entry(&self, stored: &StoredEntry) {
        let entry = &stored.entry;
        // A working set takes in what is asked for, and nothing for being written.
        let unasked = self.recall.is_some() && self.semantic.entry(&entry.tenant, &entry.id).is_none();
        if unasked || self.semantic.holds(entry) {
            return;
        }
        let known = KnownText { vector: stored.fresh.clone(), cut: entry.cut };
        self.embeddings.remember_text(&entry.tenant, entry.text_hash, known);
        if let Err(error) = self.semantic.insert(stored) {
            // What it held before is no longer what the store holds.
            self.semantic.remove(&entry.tenant, &entry.id);
            tracing::warn!(%error, entry = %entry.id, "an entry that another process wrote does not fit into memory");
        }
    }

    /// Has memory hold of these components what the store holds of them.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    pub(in crate::decide) async fn apply_components(
        &self,
        shared: &dyn Shared,
        components: &[(TenantId, ComponentId)],
    ) -> Result<(), StoreError> {
        for some in components.chunks(TOGETHER) {
            // One that changed its role may have moved from one key to the other, so both are read.
            let keys: Vec<RecordKey> =
                some.iter().flat_map(|(tenant, id)| crate::decide::components::records_of(tenant, id)).collect();
            let _held = self.order.hold(some.iter().map(|(_, id)| id)).await;
            let mut read = shared.get_many(&keys).await?.into_iter();
            for (tenant, id) in some {
                let found = read.by_ref().take(Family::ALL.len()).filter_map(readable);
                let component = found.filter(|record| self.belongs(record)).filter_map(component).max_by_key(|c| c.created_at);
                self.take_component(tenant, id, component);
            }
        }
        Ok(())
    }

    fn take_component(&self, tenant: &TenantId, id: &ComponentId, component: Option<Arc<Component>>) {
        let Some(component) = component else {
            self.embeddings.remove(tenant, id);
            return;
        };
        if self.embeddings.own_component(tenant, id).is_some_and(|held| held == component) {
            return;
        }
        if let Err(error) = self.embeddings.put(component) {
            tracing::warn!(%error, component = %id, "a component that another process wrote does not fit into memory");
        }
    }
}

fn component(record: Record) -> Option<Arc<Component>> {
    match record {
        Record::Component(component) => Some(component),
        _ => None,
    }
}

/// What was read, where it can be. Of a record that can't be read memory keeps nothing: what it held was overwritten.
pub(in crate::decide) fn readable(read: Result<Option<Record>, CodecError>) -> Option<Record> {
    read.inspect_err(|error| tracing::warn!(%error, "a record that changed can't be read and is left out of memory"))
        .ok()
        .flatten()
}
