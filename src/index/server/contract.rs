//! What every search in a server promises, run against each kind of it.

use super::{By, Exact, Found, Nearest, SearchError, ServerSearch, Space, Version};
use crate::domain::decision::Payload;
use crate::domain::entry::fixture::entry;
use crate::domain::entry::{Entry, StoredEntry};
use crate::domain::ids::{DecisionId, EntryId, TenantId};
use crate::domain::partition::PartitionKey;
use crate::domain::text::TextHash;
use crate::domain::time::Timestamp;
use crate::domain::trust::Quarantine;
use crate::domain::vector::UnitVector;
use crate::index::contract::vector;
use crate::limits::EXACT_VERSIONS_MAX;
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

pub(super) const SOON: Duration = Duration::from_secs(5);
const DIM: usize = 24;
const PROMPT_DIM: usize = 16;

/// A server with nothing in it, and a way to write to it past the search.
#[async_trait]
pub(super) trait World: Send + Sync {
    fn search(&self) -> &dyn ServerSearch;
    async fn put(&self, stored: &StoredEntry);
    async fn delete(&self, stored: &StoredEntry);
    /// Has an entry expire without being removed.
    async fn expire(&self, stored: &StoredEntry);
}

struct InMemory(Exact);

#[async_trait]
impl World for InMemory {
    fn search(&self) -> &dyn ServerSearch {
        &self.0
    }

    async fn put(&self, stored: &StoredEntry) {
        self.0.put(stored);
    }

    async fn delete(&self, stored: &StoredEntry) {
        self.0.remove(&stored.entry.tenant, stored.entry.id);
    }

    async fn expire(&self, stored: &StoredEntry) {
        self.delete(stored).await;
    }
}

#[tokio::test]
async fn the_twin_in_memory_holds_the_contract() {
    hold(|| async { InMemory(Exact::default()) }).await;
}

/// Runs every part of the contract, each in a new world.
pub(super) async fn hold<W: World, F: Future<Output = W>>(new: impl Fn() -> F) {
    the_nearest_come_first_and_hardly_one_is_missed(&new().await).await;
    nothing_of_another_tenant_or_partition_is_found(&new().await).await;
    what_was_deleted_is_not_found(&new().await).await;
    what_was_written_again_is_found_once_and_as_it_is_now(&new().await).await;
    others_stand_in_for_entries_that_have_expired(&new().await).await;
    an_entry_with_a_vector_of_another_size_is_not_found_and_is_counted(&new().await).await;
    the_versions_of_one_text_come_latest_first(&new().await).await;
    only_entries_with_a_prompt_are_found_by_it(&new().await).await;
    a_search_that_can_not_be_whole_is_an_error(&new().await).await;
}

pub(super) fn space(tenant: &str, partition: u8) -> Space {
    let partition = PartitionKey::parse(&hex::encode([partition; 32])).unwrap();
    Space { tenant: TenantId::new(tenant).unwrap(), partition, dim: DIM, prompt_dim: PROMPT_DIM }
}

/// An entry of a space; the same number has the same id there.
pub(super) fn stored(space: &Space, n: u64) -> StoredEntry {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&n.to_le_bytes());
    id[8..16].copy_from_slice(&space.partition.as_bytes()[..8]);
    let entry = Entry {
        id: EntryId::from_bytes(id),
        tenant: space.tenant.clone(),
        partition: space.partition,
        text_hash: TextHash([n as u8; 32]),
        ..entry(&format!("text {n}"))
    };
    let (vector, fresh) = (vector(space.dim, n), vector(space.prompt_dim, n));
    StoredEntry { entry: Arc::new(entry), vector, fresh: fresh.clone(), prompt: Some(fresh), facts: None }
}

fn but(stored: &StoredEntry, change: impl FnOnce(&mut Entry)) -> StoredEntry {
    let mut entry = Entry::clone(&stored.entry);
    change(&mut entry);
    StoredEntry { entry: Arc::new(entry), ..stored.clone() }
}

async fn ready(world: &impl World, space: &Space) {
    for _ in 0..500 {
        if world.search().ensure(space).await.unwrap().ready() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the index is not built");
}

pub(super) async fn near(world: &dyn World, space: &Space, vector: &UnitVector, k: usize) -> Vec<Found> {
    let wanted = Nearest { by: By::Composed, vector, k };
    world.search().nearest(space, wanted, SOON).await.unwrap()
}

fn ids(found: &[Found]) -> Vec<EntryId> {
    found.iter().map(|found| found.id).collect()
}

async fn put_all(world: &impl World, entries: &[StoredEntry]) {
    for stored in entries {
        world.put(stored).await;
    }
}

async fn the_nearest_come_first_and_hardly_one_is_missed(world: &impl World) {
    let space = space("a", 1);
    let all: Vec<StoredEntry> = (0..400).map(|n| stored(&space, n)).collect();
    // Half is there before the index is, and half comes later.
    put_all(world, &all[..200]).await;
    ready(world, &space).await;
    put_all(world, &all[200..]).await;
    let twin = InMemory(Exact::default());
    put_all(&twin, &all).await;
    let (mut met, mut wanted) = (0, 0);
    for n in 1_000..1_040 {
        let query = vector(DIM, n);
        let (found, expected) = (near(world, &space, &query, 10).await, near(&twin, &space, &query, 10).await);
        assert!(found.is_sorted_by(|a, b| a.similarity >= b.similarity) && found.len() == 10);
        for one in &found {
            let exact = all.iter().find(|s| s.entry.id == one.id).unwrap();
            assert!((exact.vector.dot(&query) - one.similarity).abs() < 1e-4);
            assert_eq!(one.version, Version::of(&exact.entry));
        }
        let expected: BTreeSet<EntryId> = ids(&expected).into_iter().collect();
        met += found.iter().filter(|one| expected.contains(&one.id)).count();
        wanted += expected.len();
    }
    assert!(met * 100 >= wanted * 95, "{met} of {wanted}");
}

async fn nothing_of_another_tenant_or_partition_is_found(world: &impl World) {
    let spaces = [space("a", 1), space("a", 2), space("a-b.c:d", 1), space("a-b", 1), space("ab_", 0xff)];
    for space in &spaces {
        put_all(world, &[stored(space, 7), stored(space, 8)]).await;
        ready(world, space).await;
    }
    for space in &spaces {
        let own = [stored(space, 7), stored(space, 8)];
        let found = near(world, space, &own[0].vector, 100).await;
        assert_eq!(ids(&found), [own[0].entry.id, own[1].entry.id]);
        let same = world.search().exact(space, own[1].entry.text_hash, SOON).await.unwrap();
        assert_eq!(ids(&same), [own[1].entry.id]);
    }
    let empty = space("a", 3);
    ready(world, &empty).await;
    assert!(near(world, &empty, &vector(DIM, 7), 5).await.is_empty());
}

async fn what_was_deleted_is_not_found(world: &impl World) {
    let space = space("a", 1);
    ready(world, &space).await;
    let all: Vec<StoredEntry> = (0..20).map(|n| stored(&space, n)).collect();
    put_all(world, &all).await;
    for gone in &all {
        assert!(ids(&near(world, &space, &gone.vector, 20).await).contains(&gone.entry.id));
        world.delete(gone).await;
        assert!(!ids(&near(world, &space, &gone.vector, 20).await).contains(&gone.entry.id));
        assert!(world.search().exact(&space, gone.entry.text_hash, SOON).await.unwrap().is_empty());
    }
}

async fn what_was_written_again_is_found_once_and_as_it_is_now(world: &impl World) {
    let space = space("a", 1);
    ready(world, &space).await;
    let (old, other) = (stored(&space, 1), stored(&space, 2));
    put_all(world, &[old.clone(), other.clone()]).await;
    let quarantine = Quarantine { since: old.entry.created_at, decision: DecisionId::new(old.entry.created_at, 1), note: None };
    let mut new = but(&old, |entry| {
        entry.created_at = entry.created_at.plus_millis(1);
        entry.decision = Payload::parse(r#"{"kind":"trade","signal":-1,"conviction":0.5}"#).unwrap();
        entry.quarantine = Some(quarantine);
    });
    new.vector = vector(DIM, 99);
    world.put(&new).await;
    let found = near(world, &space, &new.vector, 5).await;
    assert_eq!(found.iter().filter(|found| found.id == old.entry.id).count(), 1);
    assert_eq!(found[0].id, old.entry.id);
    assert!(found[0].similarity > 0.999 && found[0].version == Version::of(&new.entry) && found[0].version.quarantined);
    assert_ne!(found[0].version, Version::of(&old.entry));
    assert!(!found[1].version.quarantined);
}

async fn others_stand_in_for_entries_that_have_expired(world: &impl World) {
    let space = space("a", 1);
    ready(world, &space).await;
    let all: Vec<StoredEntry> = (0..60).map(|n| stored(&space, n)).collect();
    put_all(world, &all).await;
    let query = vector(DIM, 500);
    let before = near(world, &space, &query, 60).await;
    // More than the search asks for to begin with.
    for found in &before[..30] {
        world.expire(all.iter().find(|s| s.entry.id == found.id).unwrap()).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(ids(&near(world, &space, &query, 3).await), ids(&before[30..33]));
    assert_eq!(near(world, &space, &query, 60).await.len(), 30);
    let gone = all.iter().find(|s| s.entry.id == before[0].id).unwrap();
    assert!(world.search().exact(&space, gone.entry.text_hash, SOON).await.unwrap().is_empty());
}

async fn an_entry_with_a_vector_of_another_size_is_not_found_and_is_counted(world: &impl World) {
    let space = space("a", 1);
    ready(world, &space).await;
    let good = stored(&space, 1);
    let bad = StoredEntry { vector: vector(DIM + 1, 2), ..stored(&space, 2) };
    let bad_prompt = StoredEntry { prompt: Some(vector(PROMPT_DIM - 1, 3)), ..stored(&space, 3) };
    put_all(world, &[good.clone(), bad, bad_prompt]).await;
    assert_eq!(ids(&near(world, &space, &good.vector, 5).await), [good.entry.id]);
    let state = world.search().ensure(&space).await.unwrap();
    assert_eq!((state.entries, state.failures), (1, 2));
    assert!(state.last_failure.is_some_and(|why| why.contains("sc:combo:")));
}

async fn the_versions_of_one_text_come_latest_first(world: &impl World) {
    let space = space("a", 1);
    ready(world, &space).await;
    let hash = TextHash([9; 32]);
    let at = |n: u64| Timestamp::parse("2026-01-01T00:00:00Z").unwrap().plus_millis(n as i64 * 100);
    let versions: Vec<StoredEntry> = (0..20)
        .map(|n| {
            but(&stored(&space, n), |entry| {
                entry.text_hash = hash;
                // In no order, and with fractions of a second of different lengths.
                entry.as_of = at(n * 7 % 20);
            })
        })
        .collect();
    put_all(world, &versions).await;
    let found = world.search().exact(&space, hash, SOON).await.unwrap();
    let expected: Vec<Timestamp> = (0..20).rev().take(EXACT_VERSIONS_MAX).map(at).collect();
    assert_eq!(found.iter().map(|found| found.version.as_of).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(|found| found.similarity == 1.0));
}

async fn only_entries_with_a_prompt_are_found_by_it(world: &impl World) {
    let space = space("a", 1);
    ready(world, &space).await;
    let with = stored(&space, 1);
    let without = StoredEntry { prompt: None, ..stored(&space, 2) };
    put_all(world, &[with.clone(), without.clone()]).await;
    let query = vector(PROMPT_DIM, 2);
    let found = world.search().nearest(&space, Nearest { by: By::Prompt, vector: &query, k: 5 }, SOON).await.unwrap();
    assert_eq!(ids(&found), [with.entry.id]);
    assert!((found[0].similarity - with.fresh.dot(&query)).abs() < 1e-4);
    assert_eq!(near(world, &space, &without.vector, 1).await[0].id, without.entry.id);
}

async fn a_search_that_can_not_be_whole_is_an_error(world: &impl World) {
    let space = space("a", 1);
    ready(world, &space).await;
    world.put(&stored(&space, 1)).await;
    let of = |vector: UnitVector, within| async move {
        world.search().nearest(&space, Nearest { by: By::Composed, vector: &vector, k: 1 }, within).await
    };
    assert!(matches!(of(vector(DIM, 1), Duration::ZERO).await, Err(SearchError::Late { .. })));
    let space = self::space("a", 1);
    let wrong = vector(DIM + 1, 1);
    let refused = world.search().nearest(&space, Nearest { by: By::Composed, vector: &wrong, k: 1 }, SOON).await;
    assert!(matches!(refused, Err(SearchError::Refused { .. })), "{refused:?}");
}
