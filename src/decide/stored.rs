//! What is remembered, wherever it is: in memory, which has all of it, or in the store, where memory is a working set.

use super::{Decider, Forget};
use crate::domain::entry::Entry;
use crate::domain::ids::{EntryId, TenantId};
use crate::store::{Record, RecordKind, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Entries that one read of the store asks for.
const READ_AT_ONCE: usize = 256;

impl Decider {
    /// The entry of this id.
    ///
    /// # Errors
    /// [`StoreError`] where only the store has it, and it can't be read.
    pub async fn entry(&self, tenant: &TenantId, id: &EntryId) -> Result<Option<Arc<Entry>>, StoreError> {
        if self.recall.is_none() {
            return Ok(self.semantic.entry(tenant, id).map(|live| Arc::clone(&live.entry)));
        }
        let stored = self.stored_entries(tenant, &[*id]).await?.pop().flatten();
        Ok(stored.map(|stored| stored.entry).filter(|entry| !self.semantic.generations().has_ended(entry)))
    }

    /// Those of the ids under which something is remembered.
    ///
    /// # Errors
    /// As for [`Self::entry`].
    pub async fn remembered(&self, tenant: &TenantId, ids: &[EntryId]) -> Result<BTreeSet<EntryId>, StoreError> {
        if self.recall.is_none() {
            return Ok(ids.iter().copied().filter(|id| self.semantic.entry(tenant, id).is_some()).collect());
        }
        let mut found = BTreeSet::new();
        for some in ids.chunks(READ_AT_ONCE) {
            let stored = self.stored_entries(tenant, some).await?.into_iter().flatten();
            let held = stored.filter(|stored| !self.semantic.generations().has_ended(&stored.entry));
            found.extend(held.map(|stored| stored.entry.id));
        }
        Ok(found)
    }

    /// The entries of a tenant that a filter means.
    ///
    /// # Errors
    /// [`StoreError`] where only the store has them all, and it can't be read.
    pub async fn meant_by(self: &Arc<Self>, tenant: &TenantId, filter: &Forget) -> Result<Vec<EntryId>, StoreError> {
        if self.recall.is_none() {
            return Ok(self.semantic.select(tenant, |live| filter.means(&live.entry)));
        }
        if let Some(ids) = &filter.ids {
            let ids: Vec<EntryId> = ids.iter().copied().collect();
            let mut meant = Vec::new();
            for some in ids.chunks(READ_AT_ONCE) {
                let stored = self.stored_entries(tenant, some).await?.into_iter().flatten();
                meant.extend(stored.filter(|s| self.lasts(&s.entry) && filter.means(&s.entry)).map(|s| s.entry.id));
            }
            return Ok(meant);
        }
        let (tenant, filter, decider) = (tenant.clone(), filter.clone(), Arc::clone(self));
        let meant = move |entry: &Entry| entry.tenant == tenant && decider.lasts(entry) && filter.means(entry);
        Ok(self.scan_entries(meant).await?.into_values().flatten().collect())
    }

    /// Whether an entry has ended by no deletion of a tag and by no time to live.
    fn lasts(&self, entry: &Entry) -> bool {
        let expired = entry.expires_at().is_some_and(|end| end <= self.clock.now());
        !expired && !self.semantic.generations().has_ended(entry)
    }

    /// The entries that a deletion by tag ended, that still take up room and that are meant, by tenant.
    pub(super) async fn ended_by_tag(
        self: &Arc<Self>,
        meant: impl Fn(&Entry) -> bool + Send + 'static,
    ) -> Result<BTreeMap<TenantId, Vec<EntryId>>, StoreError> {
        if self.recall.is_none() {
            return Ok(self.semantic.ended_by_tag(meant));
        }
        if self.semantic.generations().current() == 0 {
            return Ok(BTreeMap::new());
        }
        let decider = Arc::clone(self);
        self.scan_entries(move |entry| decider.semantic.generations().has_ended(entry) && meant(entry)).await
    }

    /// As [`Self::ended_by_tag`], for whoever gives back their room: looks through the store once after a start and after a deletion.
    pub(super) async fn left_by_tags(self: &Arc<Self>) -> Result<BTreeMap<TenantId, Vec<EntryId>>, StoreError> {
        let unswept = self.recall.as_ref().map(|recall| &recall.unswept);
        if unswept.is_some_and(|unswept| !unswept.swap(false, Ordering::AcqRel)) {
            return Ok(BTreeMap::new());
        }
        let ended = self.ended_by_tag(|_| true).await;
        if let (Err(_), Some(unswept)) = (&ended, unswept) {
            unswept.store(true, Ordering::Release);
        }
        ended
    }

    /// The entries in the store that are wanted, by tenant. It reads every one.
    async fn scan_entries(
        self: &Arc<Self>,
        wanted: impl Fn(&Entry) -> bool + Send + 'static,
    ) -> Result<BTreeMap<TenantId, Vec<EntryId>>, StoreError> {
        let store = Arc::clone(&self.store);
        let scan = move || {
            let mut found: BTreeMap<TenantId, BTreeSet<EntryId>> = BTreeMap::new();
            store.scan(RecordKind::Entry, &mut |record| {
                match record {
                    Ok(Record::Entry(stored)) if wanted(&stored.entry) => {
                        found.entry(stored.entry.tenant.clone()).or_default().insert(stored.entry.id);
                    }
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, "an entry can't be read and is left alone"),
                }
                ControlFlow::Continue(())
            })?;
            Ok(found.into_iter().map(|(tenant, ids)| (tenant, ids.into_iter().collect())).collect())
        };
        tokio::task::spawn_blocking(scan).await.unwrap_or(Err(StoreError::Closed))
    }
}
