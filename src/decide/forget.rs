//! Forgetting: on demand, by tag, and by time to live.

use super::{Decider, order};
use crate::domain::entry::{Entry, Provenance};
use crate::domain::ids::{EntryId, StrategyName, TenantId};
use crate::domain::tag_end::TagEnd;
use crate::domain::time::Timestamp;
use crate::limits::ENDED_TAGS_MAX;
use crate::store::{Record, RecordKey, StoreError, Write};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Which entries to forget: those for which all that is said holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Forget {
    /// Of this strategy.
    pub strategy: Option<StrategyName>,
    /// With one of these tags.
    pub tags: Vec<String>,
    /// With an `as_of` before this.
    pub older_than: Option<Timestamp>,
    /// Decided by these.
    pub provenance: Option<Provenance>,
    /// With one of these ids.
    pub ids: Option<BTreeSet<EntryId>>,
}

impl Forget {
    /// Whether it says nothing, and so would mean everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it means an entry.
    pub fn means(&self, entry: &Entry) -> bool {
        self.strategy.as_ref().is_none_or(|s| entry.strategy == *s)
            && (self.tags.is_empty() || self.tags.iter().any(|tag| entry.tags.contains(tag)))
            && self.older_than.is_none_or(|t| entry.as_of < t)
            && self.provenance.is_none_or(|p| entry.provenance == p)
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&entry.id))
    }

    /// Whether it says tags and nothing else, so that it can be followed at once.
    fn by_tag_alone(&self) -> bool {
        !self.tags.is_empty() && *self == Self { tags: self.tags.clone(), ..Self::default() }
    }
}

/// Deletions that one commit holds.
const DELETES_PER_COMMIT: usize = 1_024;

impl Decider {
    /// Forgets the entries that a filter means, for good, and returns which. They stop being found at once. Where the filter says tags and
    /// nothing else that takes one small write, however many they are: they have ended when it is durable, and their room comes back
    /// later. Otherwise they are gone from the store too when this returns.
    ///
    /// # Errors
    /// [`StoreError`] where a deletion could not be made durable; those entries may come back with a restart.
    pub async fn forget(self: &Arc<Self>, tenant: &TenantId, filter: Forget) -> Result<Vec<EntryId>, StoreError> {
        let known = self.semantic.generations().tags(tenant);
        if !filter.by_tag_alone() || known + filter.tags.len() > ENDED_TAGS_MAX {
            let meant = self.meant_by(tenant, &filter).await?;
            return self.remove(tenant, meant, move |entry| filter.means(entry)).await;
        }
        self.end_tags(tenant, filter.tags.clone()).await?;
        // They have ended; what is left is to tell which they were and to give back their room.
        let of = tenant.clone();
        let mut ended = self.ended_by_tag(move |entry| entry.tenant == of && filter.means(entry)).await?;
        if let Some(recall) = &self.recall {
            recall.unswept.store(true, Ordering::Release);
        }
        let decider = Arc::clone(self);
        let sweeping = async move { decider.sweep().await };
        tokio::spawn(async move {
            if let Err(error) = sweeping.await {
                tracing::warn!(%error, "entries that were deleted by tag still take up room in the store");
            }
        });
        Ok(ended.remove(tenant).unwrap_or_default())
    }

    /// Ends every entry with one of these tags that was made before now.
    async fn end_tags(self: &Arc<Self>, tenant: &TenantId, tags: Vec<String>) -> Result<(), StoreError> {
        let (decider, tenant) = (Arc::clone(self), tenant.clone());
        let written = order::to_its_end(async move {
            let _one_deletion = decider.ending_tags.lock().await;
            let generations = decider.semantic.generations();
            let (above, at) = (generations.current(), decider.clock.now());
            // Greater than that of every entry there is, whichever process made it: none has a generation that was not given out.
            let generation = match decider.store.shared() {
                Some(shared) => shared.next_generation(above).await?,
                None => above + 1,
            };
            let end =
                |tag: &String| Write::Put(Record::TagEnd(TagEnd { tenant: tenant.clone(), tag: tag.clone(), generation, at }));
            decider.commit(tags.iter().map(end).collect()).await?;
            generations.end(&tenant, tags.iter().map(String::as_str), generation);
            Ok(())
        });
        written.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Removes entries from memory and from the store, and returns which. One that was written anew since, and that is no longer `meant`,
    /// stays.
    async fn remove(
        self: &Arc<Self>,
        tenant: &TenantId,
        ids: Vec<EntryId>,
        meant: impl Fn(&Entry) -> bool + Clone + Send + 'static,
    ) -> Result<Vec<EntryId>, StoreError> {
        let mut gone = Vec::new();
        for some in ids.chunks(DELETES_PER_COMMIT) {
            let (decider, tenant, mut some, meant) = (Arc::clone(self), tenant.clone(), some.to_vec(), meant.clone());
            let written = order::to_its_end(async move {
                let _held = decider.order.hold(some.iter()).await;
                if decider.recall.is_some() || decider.store.shared().is_some() {
                    // Memory has not all of them, or another process may have written one anew: the record says whether it is still
                    // meant.
                    let stored = decider.stored_entries(&tenant, &some).await?;
                    let judged = some.iter().zip(stored).filter(|(id, stored)| {
                        let in_memory = decider.semantic.remove_if(&tenant, id, &meant);
                        stored.as_ref().map_or(in_memory, |stored| meant(&stored.entry))
                    });
                    some = judged.map(|(id, _)| *id).collect();
                    for id in &some {
                        decider.semantic.remove(&tenant, id);
                    }
                } else {
                    some.retain(|id| decider.semantic.remove_if(&tenant, id, &meant));
                }
                let writes = some.iter().map(|id| Write::Delete(RecordKey::Entry { tenant: tenant.clone(), id: *id })).collect();
                decider.commit(writes).await.map(|()| some)
            });
            gone.extend(written.await.unwrap_or(Err(StoreError::Closed))?);
        }
        Ok(gone)
    }

    /// Drops what has ended by its time to live or by a deletion of its tag, from memory and from the store, and audit records past
    /// their age. Returns how many records that were, audit records apart.
    ///
    /// # Errors
    /// [`StoreError`] where the store did not take the deletions; what ended is not served all the same.
    pub async fn sweep(self: &Arc<Self>) -> Result<usize, StoreError> {
        let now = self.clock.now();
        self.semantic.expire(now);
        self.embeddings.expire(now);
        self.plans.index.expire(now);
        self.numeric.index.expire(now);
        if let Err(error) = self.sweep_datasets().await {
            tracing::warn!(%error, "parts of datasets that were left behind could not be removed");
        }
        self.keep_working_set();
        let mut count = 0;
        for (tenant, ids) in self.left_by_tags().await? {
            if let Some(shared) = self.store.shared() {
                // Another process may have written one of them anew, which must not be deleted with it.
                let entries: Vec<_> = ids.iter().map(|id| (tenant.clone(), *id)).collect();
                self.apply_entries(shared, &entries).await?;
            }
            let decider = Arc::clone(self);
            count += self.remove(&tenant, ids, move |entry| decider.semantic.generations().has_ended(entry)).await?.len();
        }
        loop {
            let gone = self.store.sweep().await?.len();
            count += gone;
            if gone == 0 {
                return Ok(count);
            }
        }
    }
}
