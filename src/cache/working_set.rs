//! Which entries to keep in memory where memory has not all of them: those that were of use last.
//!
//! An entry bears the count of the moment at which it was recalled last, which costs a search one store to memory and no lock. Once there are
//! too many entries, those below the right quantile of the counts go, an eighth of all at once: to look at every count costs a millisecond
//! for 100,000 entries, and is done once for as many entries as leave.

use super::partition::LiveEntry;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One in so many entries leaves at once.
const SHARE: usize = 8;

/// The count of recalls.
#[derive(Debug, Default)]
pub(super) struct WorkingSet {
    recalls: AtomicU64,
    shrinking: Mutex<()>,
}

impl WorkingSet {
    pub(super) fn recalled(&self, live: &LiveEntry) {
        live.recalled.store(self.recalls.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Has so many entries removed that seven eighths of `most` are left, and returns how many. `each` shows all entries, and `remove` removes
    /// one for which its condition holds when no writer can change it.
    pub(super) fn shrink(
        &self,
        most: usize,
        each: impl FnOnce(&mut dyn FnMut(&Arc<LiveEntry>)),
        remove: impl Fn(&LiveEntry, &dyn Fn(&LiveEntry) -> bool) -> bool,
    ) -> usize {
        // Whoever comes while another is at it has nothing to do.
        let Some(_one) = self.shrinking.try_lock() else { return 0 };
        let mut all: Vec<(u64, Arc<LiveEntry>)> = Vec::new();
        each(&mut |live| all.push((live.recalled.load(Ordering::Relaxed), Arc::clone(live))));
        let leaving = all.len().saturating_sub(most - most / SHARE);
        if all.len() <= most || leaving == 0 {
            return 0;
        }
        let (_, &mut (newest, _), _) = all.select_nth_unstable_by_key(leaving - 1, |(recalled, _)| *recalled);
        let is_old = |live: &LiveEntry| live.recalled.load(Ordering::Relaxed) <= newest;
        all.iter().take(leaving).filter(|(_, live)| remove(live, &is_old)).count()
    }
}

#[cfg(test)]
mod tests {
    use crate::cache::semantic::SemanticCache;
    use crate::domain::entry::StoredEntry;
    use crate::domain::entry::fixture::entry;
    use crate::domain::vector::UnitVector;
    use crate::index::{self, Builder};
    use std::sync::Arc;

    const MOST: usize = 80;

    fn cache() -> SemanticCache {
        SemanticCache::new(index::Config::default(), Builder::start(1).unwrap())
    }

    fn put(cache: &SemanticCache, n: usize) -> StoredEntry {
        let vector = UnitVector::normalised(vec![1.0, n as f32, 0.5]).unwrap();
        let stored = StoredEntry {
            entry: Arc::new(entry(&format!("text {n}"))),
            vector: vector.clone(),
            fresh: vector.clone(),
            prompt: Some(vector),
            facts: None,
        };
        cache.insert(&stored).unwrap();
        let Some(live) = cache.entry(&stored.entry.tenant, &stored.entry.id) else { panic!("it was just put") };
        cache.recalled(&live);
        stored
    }

    #[test]
    fn those_that_were_recalled_last_stay_and_the_others_leave_every_index() {
        let cache = cache();
        let all: Vec<StoredEntry> = (0..=MOST).map(|n| put(&cache, n)).collect();
        let found = |n: usize| cache.entry(&all[n].entry.tenant, &all[n].entry.id);
        cache.recalled(&found(3).unwrap());
        let before = found(0).unwrap();
        assert_eq!(cache.keep_working_set(MOST), MOST + 1 - (MOST - MOST / 8));
        assert_eq!(cache.stats().entries, MOST - MOST / 8);
        assert!(found(3).is_some() && found(MOST).is_some() && found(0).is_none() && found(4).is_none());
        assert!(before.removed(), "who still holds it must not serve what nobody can delete any more");
        let partition = cache.partition(&all[0].entry.partition).unwrap();
        assert!(partition.exact(all[0].entry.text_hash).is_empty() && !partition.exact(all[3].entry.text_hash).is_empty());
        for stored in [&all[0], &all[4]] {
            assert!(partition.nearest(&stored.vector, MOST).iter().all(|c| c.live.entry.id != stored.entry.id));
            assert!(partition.nearest_prompts(&stored.vector, MOST).iter().all(|c| c.live.entry.id != stored.entry.id));
        }
    }

    #[test]
    fn nothing_leaves_while_there_is_room() {
        let cache = cache();
        (0..MOST).for_each(|n| drop(put(&cache, n)));
        assert_eq!(cache.keep_working_set(MOST), 0);
        assert_eq!(cache.stats().entries, MOST);
    }

    #[test]
    fn one_that_left_comes_back_with_the_next_insertion() {
        let cache = cache();
        let first = put(&cache, 0);
        (1..=MOST).for_each(|n| drop(put(&cache, n)));
        cache.keep_working_set(MOST);
        cache.insert(&first).unwrap();
        assert!(cache.entry(&first.entry.tenant, &first.entry.id).is_some());
        assert_eq!(cache.partition(&first.entry.partition).unwrap().nearest(&first.vector, 1)[0].live.entry.id, first.entry.id);
    }
}
