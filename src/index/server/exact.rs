//! The twin in memory: compares the query with every entry of the space.

use super::{By, Found, IndexState, Nearest, SearchError, ServerSearch, Space, Version};
use crate::domain::entry::StoredEntry;
use crate::domain::ids::{EntryId, TenantId};
use crate::domain::text::TextHash;
use crate::domain::vector::UnitVector;
use crate::limits::{EXACT_VERSIONS_MAX, INDEX_NEIGHBOURS_MAX};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;

/// A server's search without the server: it knows the entries that it is told of.
#[derive(Debug, Default)]
pub struct Exact {
    entries: Mutex<BTreeMap<(TenantId, EntryId), StoredEntry>>,
    failing: Mutex<Option<SearchError>>,
}

impl Exact {
    /// Takes an entry in, in place of an earlier one of its id.
    pub fn put(&self, stored: &StoredEntry) {
        self.entries.lock().insert((stored.entry.tenant.clone(), stored.entry.id), stored.clone());
    }

    /// Forgets an entry.
    pub fn remove(&self, tenant: &TenantId, id: EntryId) {
        self.entries.lock().remove(&(tenant.clone(), id));
    }

    /// Has every search fail with this from now on, or none.
    pub fn fail(&self, with: Option<SearchError>) {
        *self.failing.lock() = with;
    }

    /// Whether a vector of the entry has other dimensions than the space: the server takes no part of such an entry in.
    fn misfits(space: &Space, stored: &StoredEntry) -> bool {
        stored.vector.dim() != space.dim || stored.prompt.as_ref().is_some_and(|prompt| prompt.dim() != space.prompt_dim)
    }

    fn of<T>(
        &self,
        space: &Space,
        mut found: impl FnMut(&StoredEntry) -> Option<T>,
        misfit: bool,
    ) -> Result<Vec<T>, SearchError> {
        if let Some(error) = self.failing.lock().clone() {
            return Err(error);
        }
        let entries = self.entries.lock();
        let own = entries.values().filter(|e| e.entry.tenant == space.tenant && e.entry.partition == space.partition);
        Ok(own.filter(|e| Self::misfits(space, e) == misfit).filter_map(&mut found).collect())
    }
}

fn found(stored: &StoredEntry, similarity: f32) -> Found {
    Found { id: stored.entry.id, similarity, version: Version::of(&stored.entry) }
}

fn vector_of(stored: &StoredEntry, by: By) -> Option<&UnitVector> {
    match by {
        By::Composed => Some(&stored.vector),
        By::Prompt => stored.prompt.as_ref(),
    }
}

/// What no time at all comes to.
fn in_time(within: Duration) -> Result<(), SearchError> {
    if within.is_zero() { Err(SearchError::Late { within_ms: 0 }) } else { Ok(()) }
}

#[async_trait]
impl ServerSearch for Exact {
    async fn ensure(&self, space: &Space) -> Result<IndexState, SearchError> {
        let taken = self.of(space, |_| Some(()), false)?.len();
        let failures = self.of(space, |e| Some(e.entry.id), true)?;
        Ok(IndexState {
            name: format!("{{{}}}:exact:{}", space.tenant, space.partition),
            version: 0,
            entries: taken as u64,
            failures: failures.len() as u64,
            last_failure: failures.last().map(|id| format!("{id} has a vector of other dimensions")),
            bytes: (taken * space.dim * size_of::<f32>()) as u64,
            built: 1.0,
            successor: None,
        })
    }

    async fn nearest(&self, space: &Space, wanted: Nearest<'_>, within: Duration) -> Result<Vec<Found>, SearchError> {
        in_time(within)?;
        let dim = match wanted.by {
            By::Composed => space.dim,
            By::Prompt => space.prompt_dim,
        };
        if wanted.vector.dim() != dim {
            return Err(SearchError::Refused { detail: format!("a vector of {} dimensions, not {dim}", wanted.vector.dim()) });
        }
        let compare = |stored: &StoredEntry| Some(found(stored, vector_of(stored, wanted.by)?.dot(wanted.vector)));
        let mut all = self.of(space, compare, false)?;
        all.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        all.truncate(wanted.k.min(INDEX_NEIGHBOURS_MAX));
        Ok(all)
    }

    async fn exact(&self, space: &Space, text: TextHash, within: Duration) -> Result<Vec<Found>, SearchError> {
        in_time(within)?;
        let mut all = self.of(space, |stored| (stored.entry.text_hash == text).then(|| found(stored, 1.0)), false)?;
        all.sort_by_key(|found| std::cmp::Reverse(found.version.as_of));
        all.truncate(EXACT_VERSIONS_MAX);
        Ok(all)
    }
}
