//! Forgetting: on demand, and by time to live.

use super::{Decider, order};
use crate::domain::entry::Provenance;
use crate::domain::ids::{EntryId, StrategyName, TenantId};
use crate::domain::time::Timestamp;
use crate::store::{RecordKey, StoreError, Write};
use std::collections::BTreeSet;
use std::sync::Arc;

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
}

/// Deletions that one commit holds.
const DELETES_PER_COMMIT: usize = 1_024;

impl Decider {
    /// The entries of a tenant that a filter means.
    pub fn meant_by(&self, tenant: &TenantId, filter: &Forget) -> Vec<EntryId> {
        self.semantic.select(tenant, |live| {
            let entry = &live.entry;
            filter.strategy.as_ref().is_none_or(|s| entry.strategy == *s)
                && (filter.tags.is_empty() || filter.tags.iter().any(|tag| entry.tags.contains(tag)))
                && filter.older_than.is_none_or(|t| entry.as_of < t)
                && filter.provenance.is_none_or(|p| entry.provenance == p)
                && filter.ids.as_ref().is_none_or(|ids| ids.contains(&entry.id))
        })
    }

    /// Forgets entries for good. They stop being found at once; when this returns they are gone from the store too.
    ///
    /// # Errors
    /// [`StoreError`] where a deletion could not be made durable; those entries may come back with a restart.
    pub async fn forget(self: &Arc<Self>, tenant: &TenantId, ids: &[EntryId]) -> Result<usize, StoreError> {
        let mut gone = 0;
        for some in ids.chunks(DELETES_PER_COMMIT) {
            let (decider, tenant, some) = (Arc::clone(self), tenant.clone(), some.to_vec());
            let written = order::to_its_end(async move {
                let _held = decider.order.hold(some.iter()).await;
                let gone = some.iter().filter(|id| decider.semantic.remove(&tenant, id)).count();
                let writes = some.iter().map(|id| Write::Delete(RecordKey::Entry { tenant: tenant.clone(), id: *id })).collect();
                decider.store.commit(writes).await.map(|()| gone)
            });
            gone += written.await.unwrap_or(Err(StoreError::Closed))?;
        }
        Ok(gone)
    }

    /// Drops what has ended by its time to live, from memory and from the store, and audit records past their age. Returns how many
    /// records with a time to live that were.
    ///
    /// # Errors
    /// [`StoreError`] where the store did not take the deletions; what ended is not served all the same.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        self.semantic.expire(now);
        self.embeddings.expire(now);
        let mut count = 0;
        loop {
            let gone = self.store.sweep().await?.len();
            count += gone;
            if gone == 0 {
                return Ok(count);
            }
        }
    }
}
