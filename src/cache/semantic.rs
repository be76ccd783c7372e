//! The semantic cache: every partition in memory, and where each entry is.

use super::generations::Generations;
use super::partition::{self, LiveEntry, Partition};
use super::usage::{Usage, Used};
use super::working_set::WorkingSet;
use crate::domain::entry::{Entry, StoredEntry};
use crate::domain::ids::{EntryId, TenantId};
use crate::domain::partition::PartitionKey;
use crate::domain::time::Timestamp;
use crate::index::{self, Builder, IndexError, SnapshotError};
use crate::limits::PARTITIONS_MAX;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why an entry is not taken.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Its vector doesn't fit.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Too many partitions.
    #[error(
        "{PARTITIONS_MAX} partitions are in memory, which is the limit: delete the entries of strategies that are not used any more"
    )]
    TooManyPartitions,
}

/// What the cache holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Entries.
    pub entries: usize,
    /// Partitions.
    pub partitions: usize,
    /// Bytes of the vector indexes.
    pub index_bytes: usize,
    /// Deleted nodes that no rebuild has dropped yet.
    pub dead_nodes: usize,
    /// Indexes whose successor is being built.
    pub building: usize,
}

fn bytes_of(stored: &StoredEntry) -> u64 {
    partition::bytes(&stored.entry, stored.fresh.dim())
}

fn graph_path(folder: &Path, key: &PartitionKey) -> PathBuf {
    folder.join(format!("{key}.graph"))
}

/// Every partition in memory.
#[derive(Debug)]
pub struct SemanticCache {
    config: index::Config,
    builder: Builder,
    generations: Arc<Generations>,
    partitions: papaya::HashMap<PartitionKey, Arc<Partition>>,
    places: papaya::HashMap<(TenantId, EntryId), Arc<Partition>>,
    usage: Usage,
    making: parking_lot::Mutex<()>,
    working: WorkingSet,
}

impl SemanticCache {
    /// An empty cache whose indexes are built as `config` says, on the threads of `builder`.
    pub fn new(config: index::Config, builder: Builder) -> Self {
        Self {
            config,
            builder,
            generations: Arc::default(),
            partitions: papaya::HashMap::new(),
            places: papaya::HashMap::new(),
            usage: Usage::default(),
            making: parking_lot::Mutex::new(()),
            working: WorkingSet::default(),
        }
    }

    /// Which tags were deleted in which generation.
    pub fn generations(&self) -> &Generations {
        &self.generations
    }

    /// The partition of this key, where an entry was ever written to it.
    pub fn partition(&self, key: &PartitionKey) -> Option<Arc<Partition>> {
        self.partitions.pin().get(key).cloned()
    }

    /// Takes an entry in, in place of an earlier one of its id.
    ///
    /// # Errors
    /// [`CacheError`]; nothing has changed then.
    pub fn insert(&self, stored: &StoredEntry) -> Result<(), CacheError> {
        let partition = self.partition_for(&stored.entry.partition, stored.vector.dim())?;
        let old = partition.insert(stored)?;
        self.usage.changed(&stored.entry.tenant, old.map(|old| old.bytes()), Some(bytes_of(stored)));
        self.places.pin().insert((stored.entry.tenant.clone(), stored.entry.id), partition);
        Ok(())
    }

    /// The entries of a tenant, and the bytes that they take.
    pub fn used(&self, tenant: &TenantId) -> Used {
        self.usage.of(tenant)
    }

    /// The same of every tenant.
    pub fn used_by_all(&self) -> Vec<(TenantId, Used)> {
        self.usage.all()
    }

    /// What a tenant would hold more of with these entries; those that take the place of another count for the difference.
    pub fn more_with(&self, tenant: &TenantId, entries: &[StoredEntry]) -> Used {
        let more = |stored: &StoredEntry| match self.entry(tenant, &stored.entry.id) {
            Some(old) => Used { count: 0, bytes: bytes_of(stored).saturating_sub(old.bytes()) },
            None => Used { count: 1, bytes: bytes_of(stored) },
        };
        entries.iter().map(more).fold(Used::default(), |sum, more| sum + more)
    }

    /// Takes in all entries of one partition, which is not in memory yet, with the help of the graph that [`Self::save`] wrote to the
    /// folder `graphs`. Returns how many entries the graph had.
    ///
    /// # Errors
    /// [`CacheError`] where the entries don't fit. A graph that can't be used costs time and is no error.
    pub fn restore(&self, key: &PartitionKey, entries: &[StoredEntry], graphs: Option<&Path>) -> Result<usize, CacheError> {
        let graph = graphs.map(|folder| graph_path(folder, key)).filter(|path| path.is_file());
        let from_graph = graph.and_then(|path| {
            Partition::restore(*key, entries, &path, (self.config, &self.builder), Arc::clone(&self.generations))
                .inspect_err(|error| tracing::warn!(%error, partition = %key, "a graph can't be used and is built anew"))
                .ok()
        });
        let Some((partition, restored)) = from_graph else {
            entries.iter().try_for_each(|entry| self.insert(entry))?;
            return Ok(0);
        };
        let partition = Arc::new(partition);
        self.partitions.pin().insert(*key, Arc::clone(&partition));
        let places = self.places.pin();
        for stored in entries {
            places.insert((stored.entry.tenant.clone(), stored.entry.id), Arc::clone(&partition));
            self.usage.changed(&stored.entry.tenant, None, Some(bytes_of(stored)));
        }
        Ok(restored)
    }

    /// Writes the graphs that changed to the folder `graphs`, so that a start need not build them anew. Returns how many. Blocks, and
    /// holds nobody up.
    ///
    /// # Errors
    /// [`SnapshotError`] for the first that can't be written.
    pub fn save(&self, graphs: &Path) -> Result<usize, SnapshotError> {
        let partitions: Vec<Arc<Partition>> = self.partitions.pin().values().cloned().collect();
        let mut saved = 0;
        for partition in partitions {
            saved += usize::from(partition.save(&graph_path(graphs, &partition.key()))?);
        }
        Ok(saved)
    }

    /// Forgets an entry; `false` where there is none.
    pub fn remove(&self, tenant: &TenantId, id: &EntryId) -> bool {
        self.remove_if(tenant, id, |_| true)
    }

    /// Forgets an entry for which `wanted` holds when no other writer can change it. Whoever calls this holds its place in the order of
    /// writes. `false` where it stays, or there is none.
    pub fn remove_if(&self, tenant: &TenantId, id: &EntryId, wanted: impl FnOnce(&Entry) -> bool) -> bool {
        let place = (tenant.clone(), *id);
        let Some(partition) = self.places.pin().get(&place).cloned() else { return false };
        let removed = partition.remove_if(id, |live| wanted(&live.entry));
        if let Some(old) = &removed {
            self.usage.changed(tenant, Some(old.bytes()), None);
            self.places.pin().remove(&place);
        }
        removed.is_some()
    }

    /// The entry of this id.
    pub fn entry(&self, tenant: &TenantId, id: &EntryId) -> Option<Arc<LiveEntry>> {
        let place = self.places.pin().get(&(tenant.clone(), *id)).cloned()?;
        place.entry(id).filter(|live| !live.removed())
    }

    /// Whether it holds this very entry, though a deletion by tag may have ended it.
    pub fn holds(&self, entry: &Entry) -> bool {
        let place = self.places.pin().get(&(entry.tenant.clone(), entry.id)).cloned();
        place.and_then(|partition| partition.entry(&entry.id)).is_some_and(|live| *live.entry == *entry)
    }

    /// The ids of all entries, those among them that a deletion by tag ended.
    pub fn ids(&self) -> Vec<(TenantId, EntryId)> {
        self.places.pin().keys().cloned().collect()
    }

    /// Notes that an entry was of use just now.
    pub fn recalled(&self, live: &LiveEntry) {
        self.working.recalled(live);
    }

    /// Forgets the entries that were of use longest ago, where there are more than `entries_max`: they are still where they are stored.
    /// Returns how many those were.
    pub fn keep_working_set(&self, entries_max: usize) -> usize {
        if self.places.len() <= entries_max {
            return 0;
        }
        self.working.shrink(entries_max, |visit| self.each(visit), |live, still_old| self.remove_live(live, still_old))
    }

    /// Forgets an entry, where it is still this very one and `wanted` holds.
    fn remove_live(&self, live: &LiveEntry, wanted: impl FnOnce(&LiveEntry) -> bool) -> bool {
        let place = (live.entry.tenant.clone(), live.entry.id);
        let Some(partition) = self.places.pin().get(&place).cloned() else { return false };
        let removed = partition.remove_if(&live.entry.id, wanted);
        if let Some(old) = &removed {
            self.usage.changed(&live.entry.tenant, Some(old.bytes()), None);
            self.places.pin().remove(&place);
        }
        removed.is_some()
    }

    /// The ids of the entries of a tenant for which `wanted` holds.
    pub fn select(&self, tenant: &TenantId, mut wanted: impl FnMut(&LiveEntry) -> bool) -> Vec<EntryId> {
        let mut found = Vec::new();
        self.each(|live| {
            if live.entry.tenant == *tenant && !live.removed() && wanted(live) {
                found.push(live.entry.id);
            }
        });
        found.sort_unstable();
        found
    }

    /// The entries that a deletion by tag ended, that still take up room and that are meant, by tenant.
    pub fn ended_by_tag(&self, meant: impl Fn(&Entry) -> bool) -> BTreeMap<TenantId, Vec<EntryId>> {
        let mut found: BTreeMap<TenantId, Vec<EntryId>> = BTreeMap::new();
        if self.generations.current() > 0 {
            self.each(|live| {
                if self.generations.has_ended(&live.entry) && meant(&live.entry) {
                    found.entry(live.entry.tenant.clone()).or_default().push(live.entry.id);
                }
            });
        }
        found
    }

    fn each(&self, mut visit: impl FnMut(&Arc<LiveEntry>)) {
        for partition in self.partitions.pin().values() {
            partition.each(&mut visit);
        }
    }

    /// Forgets every entry whose time to live has ended at `now`, and returns whose they were.
    pub fn expire(&self, now: Timestamp) -> Vec<(TenantId, EntryId)> {
        let has_ended = |live: &LiveEntry| live.entry.expires_at().is_some_and(|end| end <= now);
        let mut gone = Vec::new();
        for partition in self.partitions.pin().values() {
            let mut ended = Vec::new();
            partition.each(|live| ended.extend(has_ended(live).then(|| (live.entry.tenant.clone(), live.entry.id))));
            // Judged again under the writers' lock: an entry that was written anew in between stays.
            ended.retain(|(tenant, id)| {
                let removed = partition.remove_if(id, has_ended);
                removed.inspect(|old| self.usage.changed(tenant, Some(old.bytes()), None)).is_some()
            });
            let places = self.places.pin();
            for (tenant, id) in ended.iter().filter(|(_, id)| partition.entry(id).is_none()) {
                places.remove(&(tenant.clone(), *id));
            }
            gone.extend(ended);
        }
        gone
    }

    /// What the cache holds.
    pub fn stats(&self) -> CacheStats {
        let partitions = self.partitions.pin();
        partitions.values().fold(CacheStats { partitions: partitions.len(), ..CacheStats::default() }, |sum, partition| {
            let index = partition.index_stats();
            CacheStats {
                entries: sum.entries + partition.len(),
                index_bytes: sum.index_bytes + index.bytes,
                dead_nodes: sum.dead_nodes + index.dead,
                building: sum.building + usize::from(index.building),
                ..sum
            }
        })
    }

    fn partition_for(&self, key: &PartitionKey, dim: usize) -> Result<Arc<Partition>, CacheError> {
        if let Some(partition) = self.partition(key) {
            return Ok(partition);
        }
        let _one_maker = self.making.lock();
        let partitions = self.partitions.pin();
        if let Some(partition) = partitions.get(key) {
            return Ok(Arc::clone(partition));
        }
        if partitions.len() >= PARTITIONS_MAX {
            return Err(CacheError::TooManyPartitions);
        }
        let partition = Arc::new(Partition::new(*key, dim, (self.config, &self.builder), Arc::clone(&self.generations))?);
        partitions.insert(*key, Arc::clone(&partition));
        Ok(partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry::fixture::entry;
    use crate::domain::vector::UnitVector;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn cache() -> SemanticCache {
        SemanticCache::new(index::Config::default(), Builder::start(1).unwrap())
    }

    fn vector(seed: u8) -> UnitVector {
        let values = (0..8_u8).map(|i| f32::from(seed.wrapping_mul(37).wrapping_add(i.wrapping_mul(91))) - 127.5).collect();
        UnitVector::normalised(values).unwrap()
    }

    fn stored(entry: Entry, seed: u8) -> StoredEntry {
        StoredEntry { entry: Arc::new(entry), vector: vector(seed), fresh: vector(seed), prompt: None, facts: None }
    }

    #[test]
    fn an_overwritten_entry_is_found_once_and_new() {
        let cache = cache();
        let mut old = entry("a");
        old.tags = vec!["old".to_owned()];
        cache.insert(&stored(old, 1)).unwrap();
        cache.insert(&stored(entry("a"), 2)).unwrap();
        let partition = cache.partition(&entry("a").partition).unwrap();
        let found = partition.nearest(&vector(2), 8);
        assert_eq!(found.len(), 1);
        assert!(found[0].live.entry.tags.is_empty() && found[0].similarity > 0.999);
        assert_eq!(partition.exact(entry("a").text_hash).len(), 1);
    }

    #[test]
    fn an_entry_of_one_tenant_is_not_removed_or_read_by_another() {
        let cache = cache();
        cache.insert(&stored(entry("a"), 1)).unwrap();
        let (own, other) = (TenantId::default_tenant(), TenantId::new("other").unwrap());
        let id = entry("a").id;
        assert!(cache.entry(&other, &id).is_none() && !cache.remove(&other, &id));
        assert!(cache.select(&other, |_| true).is_empty());
        assert!(cache.entry(&own, &id).is_some() && cache.remove(&own, &id) && !cache.remove(&own, &id));
    }

    #[test]
    fn what_has_ended_is_dropped_and_told() {
        let cache = cache();
        let mut short = entry("a");
        short.ttl_sec = Some(10);
        cache.insert(&stored(short.clone(), 1)).unwrap();
        cache.insert(&stored(entry("b"), 2)).unwrap();
        assert!(cache.expire(short.created_at.plus_seconds(9)).is_empty());
        assert_eq!(cache.expire(short.created_at.plus_seconds(10)), [(short.tenant.clone(), short.id)]);
        assert_eq!((cache.stats().entries, cache.used(&short.tenant).count), (1, 1));
    }

    proptest! {
        #[test]
        fn after_any_writes_just_what_is_left_is_found(writes in prop::collection::vec((any::<bool>(), 0_u8..12), 0..60)) {
            let cache = cache();
            let mut left: BTreeMap<u8, EntryId> = BTreeMap::new();
            for (put, n) in writes {
                let entry = entry(&format!("text {n}"));
                if put {
                    left.insert(n, entry.id);
                    cache.insert(&stored(entry, n)).unwrap();
                } else {
                    prop_assert_eq!(cache.remove(&entry.tenant, &entry.id), left.remove(&n).is_some());
                }
            }
            let mut expected: Vec<EntryId> = left.values().copied().collect();
            expected.sort_unstable();
            prop_assert_eq!(cache.select(&TenantId::default_tenant(), |_| true), expected.clone());
            let bytes = left.keys().map(|n| bytes_of(&stored(entry(&format!("text {n}")), *n))).sum();
            prop_assert_eq!(cache.used(&TenantId::default_tenant()), Used { count: left.len() as u64, bytes });
            let found = cache.partition(&entry("a").partition).map(|p| p.nearest(&vector(0), 100)).unwrap_or_default();
            let mut found: Vec<EntryId> = found.iter().map(|c| c.live.entry.id).collect();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
