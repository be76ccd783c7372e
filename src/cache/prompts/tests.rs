use crate::cache::semantic::SemanticCache;
use crate::domain::entry::StoredEntry;
use crate::domain::entry::fixture::entry;
use crate::domain::ids::EntryId;
use crate::domain::vector::UnitVector;
use crate::index::{Builder, Config};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

fn cache(flat_max: usize) -> SemanticCache {
    SemanticCache::new(Config { flat_max, ..Config::default() }, Builder::start(1).unwrap())
}

fn vector(seed: u32) -> UnitVector {
    let mut random = fastrand::Rng::with_seed(u64::from(seed));
    UnitVector::normalised((0..16).map(|_| random.f32() - 0.5).collect()).unwrap()
}

/// The entry number `n`, whose prompt lies elsewhere than its composed vector.
fn stored(n: u32, prompt: Option<u32>) -> StoredEntry {
    let entry = Arc::new(entry(&format!("text {n}")));
    StoredEntry { entry, vector: vector(n), fresh: vector(n), prompt: prompt.map(|seed| vector(1_000 + seed)), facts: None }
}

/// The entries that a search by prompt finds, the nearest first.
fn found(cache: &SemanticCache, prompt: u32, k: usize) -> Vec<EntryId> {
    let partition = cache.partition(&entry("x").partition);
    let found = partition.map(|p| p.nearest_prompts(&vector(1_000 + prompt), k)).unwrap_or_default();
    found.iter().map(|c| c.live.entry.id).collect()
}

#[test]
fn an_entry_that_is_written_anew_without_a_prompt_is_no_longer_found_by_the_old_one() {
    let cache = cache(100);
    cache.insert(&stored(1, Some(1))).unwrap();
    assert_eq!(found(&cache, 1, 5), [stored(1, None).entry.id]);
    cache.insert(&stored(1, None)).unwrap();
    assert!(found(&cache, 1, 5).is_empty());
    assert_eq!(cache.stats().entries, 1);
}

#[test]
fn a_prompt_that_does_not_fit_is_refused_and_leaves_what_was_there() {
    let cache = cache(100);
    cache.insert(&stored(1, Some(1))).unwrap();
    let odd = StoredEntry { prompt: UnitVector::normalised(vec![1.0; 3]), ..stored(2, None) };
    assert!(cache.insert(&odd).is_err());
    assert_eq!((found(&cache, 1, 5).len(), cache.stats().entries), (1, 1));
}

#[test]
fn the_bytes_of_prompts_are_counted() {
    let bytes = |prompt: fn(u32) -> Option<u32>| {
        let cache = cache(100);
        (0..50).for_each(|n| cache.insert(&stored(n, prompt(n))).unwrap());
        cache.stats().index_bytes
    };
    assert!(bytes(Some) > bytes(|_| None) * 3 / 2, "{} {}", bytes(Some), bytes(|_| None));
}

/// A cache over 300 entries with a graph for each space, saved to `graphs`.
fn saved(graphs: &Path) -> Vec<StoredEntry> {
    let entries: Vec<StoredEntry> = (0..300).map(|n| stored(n, Some(n))).collect();
    let cache = cache(20);
    entries.iter().for_each(|entry| cache.insert(entry).unwrap());
    while cache.stats().building > 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(cache.save(graphs).unwrap(), 1);
    entries
}

#[test]
fn the_graph_over_prompts_is_kept_and_one_that_is_damaged_or_of_other_prompts_is_not_believed() {
    let folder = TempDir::new().unwrap();
    let entries = saved(folder.path());
    let key = entry("x").partition;
    let graph = folder.path().join(format!("{key}.prompts.graph"));
    assert!(graph.is_file());
    let finds_all = |entries: &[StoredEntry], moved: u32| {
        let cache = cache(20);
        cache.restore(&key, entries, Some(folder.path())).unwrap();
        for n in (0..300).step_by(17) {
            assert_eq!(found(&cache, n + moved, 1), [stored(n, None).entry.id], "{n}");
        }
    };
    finds_all(&entries, 0);
    let moved: Vec<StoredEntry> = (0..300).map(|n| stored(n, Some(n + 5_000))).collect();
    finds_all(&moved, 5_000);
    let mut bytes = std::fs::read(&graph).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&graph, bytes).unwrap();
    finds_all(&entries, 0);
}

proptest! {
    #[test]
    fn after_any_writes_just_the_prompts_that_are_left_are_found(writes in prop::collection::vec((0_u32..8, prop::option::of(prop::option::of(0_u32..99))), 0..60)) {
        let cache = cache(100);
        let mut left: BTreeMap<EntryId, Option<u32>> = BTreeMap::new();
        for (n, write) in writes {
            let id = stored(n, None).entry.id;
            match write {
                Some(prompt) => {
                    cache.insert(&stored(n, prompt)).unwrap();
                    left.insert(id, prompt);
                }
                None => {
                    cache.remove(&entry("x").tenant, &id);
                    left.remove(&id);
                }
            }
        }
        let mut all = found(&cache, 0, 100);
        all.sort_unstable();
        let expected: Vec<EntryId> = left.iter().filter(|(_, prompt)| prompt.is_some()).map(|(id, _)| *id).collect();
        prop_assert_eq!(all, expected);
    }
}
