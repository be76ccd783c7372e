//! Looking for entries: in memory, which has all of them, or through the search of the server, which then says which there are.
//!
//! Where the server searches, memory is a working set. Each look asks the server first; those of its entries that memory lacks, or has in an
//! earlier version, are read from the store and taken in, and what the look gives is the server's list and nothing else. So what was deleted
//! or closed elsewhere is not served, whether or not this process has heard of it. Where the server doesn't answer in time, memory answers
//! with what it has.

mod indexes;
mod patience;

pub use indexes::Recall;

use super::situation::Setting;
use super::{Decider, Run};
use crate::cache::partition::{Candidate, LiveEntry};
use crate::compose;
use crate::domain::deadline::Deadline;
use crate::domain::entry::StoredEntry;
use crate::domain::ids::{EntryId, TenantId};
use crate::domain::partition::PartitionKey;
use crate::domain::text::TextHash;
use crate::domain::vector::UnitVector;
use crate::index::server::{By, Found, Nearest, SearchError, Space, Version};
use crate::store::{Record, RecordKey, StoreError};
use crate::telemetry::metrics;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a look is for.
#[derive(Debug, Clone, Copy)]
enum Wanted<'a> {
    SameText(TextHash),
    Nearest(Nearest<'a>),
}

/// Where a look goes, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub tenant: &'a TenantId,
    pub setting: &'a Setting,
    pub deadline: Deadline,
}

impl<'a> Look<'a> {
    pub(super) fn of(run: &Run<'a>, setting: &'a Setting) -> Self {
        Self { tenant: &run.caller.tenant, setting, deadline: run.request.deadline }
    }
}

impl Decider {
    /// The entries for this very text, the latest `as_of` first.
    pub(super) async fn same_text(&self, look: Look<'_>, text: TextHash) -> Arc<[Arc<LiveEntry>]> {
        if let Some(found) = self.recall(look, Wanted::SameText(text)).await {
            return found.into_iter().map(|candidate| candidate.live).collect();
        }
        self.semantic.partition(&look.setting.partition).map_or_else(|| Arc::from([]), |partition| partition.exact(text))
    }

    /// The `k` nearest entries, the nearest first; `None` where nothing was ever remembered.
    pub(super) async fn nearest(&self, look: Look<'_>, vector: &UnitVector, k: usize) -> Option<Vec<Candidate>> {
        let wanted = Wanted::Nearest(Nearest { by: By::Composed, vector, k });
        match self.recall(look, wanted).await {
            Some(found) => Some(found),
            None => self.semantic.partition(&look.setting.partition).map(|partition| partition.nearest(vector, k)),
        }
    }

    /// The `k` entries whose prompts are nearest, the nearest first.
    pub(super) async fn nearest_prompts(&self, look: Look<'_>, prompt: &UnitVector, k: usize) -> Vec<Candidate> {
        let wanted = Wanted::Nearest(Nearest { by: By::Prompt, vector: prompt, k });
        if let Some(found) = self.recall(look, wanted).await {
            return found;
        }
        let partition = self.semantic.partition(&look.setting.partition);
        partition.map(|partition| partition.nearest_prompts(prompt, k)).unwrap_or_default()
    }

    /// What the server finds, taken into memory; `None` where it is not asked, or doesn't answer.
    async fn recall(&self, look: Look<'_>, wanted: Wanted<'_>) -> Option<Vec<Candidate>> {
        let recall = self.recall.as_ref()?;
        if !recall.patience.asks() {
            metrics::recall::searched("left-alone", Duration::ZERO);
            return None;
        }
        let within = recall.within.min(look.deadline.remaining());
        let since = Instant::now();
        let space = self.space(look.tenant, look.setting);
        let late = || SearchError::Late { within_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX) };
        let found = tokio::time::timeout(within, recall.find(&space, wanted, within)).await.unwrap_or_else(|_| Err(late()));
        let in_vain = matches!(found, Err(SearchError::Late { .. } | SearchError::Away { .. }));
        // That a caller is in a hurry says nothing of the server.
        if !in_vain || within == recall.within {
            recall.patience.ended(!in_vain);
        }
        let found = match found {
            Ok(found) => {
                let left = within.saturating_sub(since.elapsed());
                let taken_in = tokio::time::timeout(left, self.take_in(&space, found)).await;
                taken_in
                    .map_or_else(|_| Err(late()), |ended| ended.map_err(|error| SearchError::Away { detail: error.to_string() }))
            }
            Err(error) => Err(error),
        };
        metrics::recall::searched(found.as_ref().map_or_else(SearchError::outcome, |_| "answered"), since.elapsed());
        match found {
            Ok(candidates) => {
                candidates.iter().for_each(|candidate| self.semantic.recalled(&candidate.live));
                self.keep_working_set();
                Some(candidates)
            }
            Err(error) => {
                tracing::debug!(%error, partition = %space.partition, "memory answers in place of the server's search");
                None
            }
        }
    }

    /// Has the entries leave memory that were of use longest ago, where it has more than it may.
    pub(super) fn keep_working_set(&self) {
        if let Some(recall) = &self.recall {
            metrics::recall::left(self.semantic.keep_working_set(recall.entries_max));
        }
    }

    /// Has memory hold what was found, as it was found or later, and gives it in the same order.
    async fn take_in(&self, space: &Space, found: Vec<Found>) -> Result<Vec<Candidate>, StoreError> {
        let tenant = &space.tenant;
        let held = |found: &Found| {
            let live = self.semantic.entry(tenant, &found.id)?;
            (Version::of(&live.entry) == found.version).then_some(live)
        };
        let lacking: Vec<EntryId> = found.iter().filter(|found| held(found).is_none()).map(|found| found.id).collect();
        if !lacking.is_empty() {
            // Memory must not follow a write of this process with what was read before it.
            let _held = self.order.hold(lacking.iter()).await;
            for (id, stored) in lacking.iter().zip(self.stored_entries(tenant, &lacking).await?) {
                self.take_in_one(space, id, stored);
            }
        }
        let candidate = |found: Found| {
            // An entry that changed since it was found is as near as it was: what it is compared by is part of its id.
            let live = self.semantic.entry(tenant, &found.id)?;
            Some(Candidate { live, similarity: found.similarity })
        };
        Ok(found.into_iter().filter_map(candidate).collect())
    }

    fn take_in_one(&self, space: &Space, id: &EntryId, stored: Option<StoredEntry>) {
        // The index is over this partition only; a record that says otherwise was changed since, and is none of its entries.
        let Some(stored) = stored.filter(|stored| stored.entry.partition == space.partition) else {
            self.semantic.remove(&space.tenant, id);
            return;
        };
        metrics::recall::taken_in();
        if let Err(error) = self.semantic.insert(&stored) {
            tracing::warn!(%error, entry = %id, "an entry that the server found can't be taken into memory");
        }
    }

    /// What the store has under these ids, in their order. One that can't be read is told of, and left out.
    pub(super) async fn stored_entries(
        &self,
        tenant: &TenantId,
        ids: &[EntryId],
    ) -> Result<Vec<Option<StoredEntry>>, StoreError> {
        let keys: Vec<RecordKey> = ids.iter().map(|id| RecordKey::Entry { tenant: tenant.clone(), id: *id }).collect();
        let mut records = Vec::with_capacity(keys.len());
        if let Some(shared) = self.store.shared() {
            for record in shared.get_many(&keys).await? {
                records.push(record.unwrap_or_else(|error| {
                    tracing::warn!(%error, "an entry can't be read and is left out");
                    None
                }));
            }
        } else {
            for key in &keys {
                records.push(self.store.get(key).await?);
            }
        }
        let entry = |record| match record {
            Some(Record::Entry(stored)) => Some(stored),
            _ => None,
        };
        Ok(records.into_iter().map(entry).collect())
    }

    fn space(&self, tenant: &TenantId, setting: &Setting) -> Space {
        let (strategy, prompt_dim) = (&setting.strategy, self.embedder.dim());
        let composed = compose::composed_dim(strategy.composition, strategy.slots.len(), prompt_dim);
        let dim = self.strategies.projections.get(&strategy.name).map_or(composed, |projection| projection.to);
        Space { tenant: tenant.clone(), partition: setting.partition, dim, prompt_dim }
    }

    /// Entries of a partition in the server, as of the last look at its index; `None` where memory has all there are.
    pub fn entries_in_server(&self, tenant: &TenantId, partition: PartitionKey) -> Option<usize> {
        let entries = self.recall.as_ref()?.entries(tenant, partition)?;
        usize::try_from(entries).ok()
    }

    /// Sees to the indexes over the entries of a tenant: those of every strategy, and those that requests have asked for. Builds go on in the
    /// server; `true` once nothing is left to be built.
    pub async fn see_to_indexes(&self, tenant: &TenantId) -> bool {
        let Some(recall) = &self.recall else { return true };
        for strategy in self.strategies.by_name.values() {
            // A strategy that can't decide for want of a component has no partition yet.
            if let Ok(setting) = self.setting(tenant, strategy, self.clock.now()) {
                recall.know(&self.space(tenant, &setting));
            }
        }
        let mut done = true;
        for state in recall.ensure_all().await {
            done &= state.is_ok_and(|state| state.ready() && state.successor.is_none());
        }
        done
    }
}
