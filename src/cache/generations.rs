//! Deletion by tag, at once and for any number of entries.
//!
//! Each entry carries the generation in which it was made. Deleting a tag starts a new generation and notes it for the tag: an entry with
//! that tag and of an earlier generation has ended, wherever it is, without being looked for. Generations are counted and not timed, so
//! a clock that jumps neither keeps an entry nor ends one.

use crate::domain::entry::Entry;
use crate::domain::ids::TenantId;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which tags were deleted in which generation.
#[derive(Debug, Default)]
pub struct Generations {
    current: AtomicU64,
    ended: papaya::HashMap<TenantId, BTreeMap<String, u64>>,
}

impl Generations {
    /// The generation that what is made now belongs to. Read before the first look at anything that a deletion may be about.
    pub fn current(&self) -> u64 {
        self.current.load(Ordering::Acquire)
    }

    /// Ends the entries of a tenant that have one of these tags and are of a generation before `generation`.
    pub fn end<'a>(&self, tenant: &TenantId, tags: impl IntoIterator<Item = &'a str>, generation: u64) {
        let ended = self.ended.pin();
        let mut of_tenant = ended.get(tenant).cloned().unwrap_or_default();
        for tag in tags {
            let last = of_tenant.entry(tag.to_owned()).or_default();
            *last = generation.max(*last);
        }
        ended.insert(tenant.clone(), of_tenant);
        self.current.fetch_max(generation, Ordering::AcqRel);
    }

    /// Whether a deletion by one of its tags ended an entry.
    pub fn has_ended(&self, entry: &Entry) -> bool {
        // Nearly always nothing was deleted by tag since the entry was made, and this is one comparison.
        if entry.generation >= self.current() || entry.tags.is_empty() {
            return false;
        }
        let ended = self.ended.pin();
        let Some(of_tenant) = ended.get(&entry.tenant) else { return false };
        entry.tags.iter().any(|tag| of_tenant.get(tag).is_some_and(|end| entry.generation < *end))
    }

    /// How many tags of a tenant were ever deleted.
    pub fn tags(&self, tenant: &TenantId) -> usize {
        self.ended.pin().get(tenant).map_or(0, BTreeMap::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry::fixture::entry;

    fn tagged(tags: &[&str], generation: u64) -> Entry {
        Entry { tags: tags.iter().map(|t| (*t).to_owned()).collect(), generation, ..entry("a") }
    }

    #[test]
    fn a_deletion_ends_what_was_made_before_it_and_has_the_tag() {
        let generations = Generations::default();
        let own = TenantId::default_tenant();
        let (old, other, bare) = (tagged(&["NVDA", "AMD"], 0), tagged(&["AMD"], 0), tagged(&[], 0));
        generations.end(&own, ["NVDA"], generations.current() + 1);
        assert!(generations.has_ended(&old) && !generations.has_ended(&other) && !generations.has_ended(&bare));
        let new = tagged(&["NVDA"], generations.current());
        assert!(!generations.has_ended(&new));
        generations.end(&own, ["AMD"], generations.current() + 1);
        assert!(generations.has_ended(&other) && !generations.has_ended(&new));
    }

    #[test]
    fn a_deletion_of_one_tenant_ends_nothing_of_another() {
        let generations = Generations::default();
        generations.end(&TenantId::new("other").unwrap(), ["NVDA"], 1);
        assert!(!generations.has_ended(&tagged(&["NVDA"], 0)));
    }
}
