//! What every index promises, run against each kind of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::{Adaptive, Builder, Config, Flat, Hnsw, Index, IndexError, Neighbour, Search, open};
use crate::domain::vector::UnitVector;
use crate::limits::INDEX_DIM_MAX;

/// Small enough for tests in debug, with a beam that covers them, so that the graph has no excuse.
pub(super) fn config() -> Config {
    Config { m: 8, ef_construction: 64, ef_search: 512, flat_max: 40, lag_max: 64, ..Config::default() }
}

/// An adaptive index, and a builder for it alone.
pub(super) fn adaptive(dim: usize) -> Adaptive {
    open(dim, config(), &Builder::start(1).unwrap()).unwrap()
}

/// A vector that is the same for the same seed, and far from those of other seeds.
pub(super) fn vector(dim: usize, seed: u64) -> UnitVector {
    let mut word = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let mut next = || {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        (word >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..8).for_each(|_| _ = next());
    UnitVector::normalised((0..dim).map(|_| next()).collect()).unwrap()
}

/// A vector at a cosine of about 0.97 to that of `seed`.
fn near(dim: usize, seed: u64, version: u64) -> UnitVector {
    let (base, noise) = (vector(dim, seed), vector(dim, version + 10_000));
    UnitVector::normalised(base.as_slice().iter().zip(noise.as_slice()).map(|(b, n)| b + 0.25 * n).collect()).unwrap()
}

pub(super) fn nearest(index: &dyn Search, query: &UnitVector, k: usize) -> Vec<Neighbour> {
    let mut out = Vec::new();
    index.search(query, k, &mut out).unwrap();
    out
}

fn labels(neighbours: &[Neighbour]) -> Vec<u64> {
    neighbours.iter().map(|n| n.label).collect()
}

/// Waits for a build that is under way.
pub(super) fn settled(index: &dyn Search) {
    while index.stats().building {
        std::thread::yield_now();
    }
}

fn an_empty_index_finds_nothing(index: &dyn Index) {
    assert!(nearest(index, &vector(index.dim(), 1), 3).is_empty());
    assert!(index.is_empty());
    assert!(!index.remove(1));
    assert!(!index.contains(1));
}

fn what_was_inserted_is_found_first(index: &dyn Index) {
    let dim = index.dim();
    for label in 0..300 {
        index.insert(label, &vector(dim, label)).unwrap();
        assert_eq!(labels(&nearest(index, &vector(dim, label), 1)), [label]);
    }
    settled(index);
    for label in 0..300 {
        let found = nearest(index, &vector(dim, label), 5);
        assert_eq!(found[0].label, label);
        assert!((found[0].similarity - 1.0).abs() < 1e-4);
        assert_eq!(found.len(), 5);
        assert!(found.windows(2).all(|pair| pair[0].similarity >= pair[1].similarity));
    }
    assert_eq!(index.len(), 300);
}

fn what_was_removed_does_not_come_back(index: &dyn Index) {
    let dim = index.dim();
    (0..200).for_each(|label| index.insert(label, &vector(dim, label)).unwrap());
    for label in 0..180 {
        assert!(index.remove(label));
        assert!(!index.remove(label));
        assert_ne!(labels(&nearest(index, &vector(dim, label), 1)), [label]);
    }
    settled(index);
    let mut left = labels(&nearest(index, &vector(dim, 3), 200));
    left.sort_unstable();
    assert_eq!(left, (180..200).collect::<Vec<_>>());
    index.insert(3, &vector(dim, 3)).unwrap();
    assert_eq!(labels(&nearest(index, &vector(dim, 3), 1)), [3]);
}

fn an_overwritten_vector_does_not_come_back(index: &dyn Index) {
    let dim = index.dim();
    (0..100).for_each(|label| index.insert(label, &vector(dim, label)).unwrap());
    for round in 1..6 {
        for label in 0..100 {
            index.insert(label, &vector(dim, label + 1000 * round)).unwrap();
            let found = nearest(index, &vector(dim, label + 1000 * round), 100);
            assert_eq!(found[0].label, label);
            assert!((found[0].similarity - 1.0).abs() < 1e-4);
            assert_eq!(found.iter().filter(|n| n.label == label).count(), 1);
            let before = nearest(index, &vector(dim, label + 1000 * (round - 1)), 1);
            assert!(before[0].similarity < 0.99);
        }
        assert_eq!(index.len(), 100);
    }
}

fn one_label_overwritten_often_stays_one(index: &dyn Index) {
    let dim = index.dim();
    for version in 0..500 {
        index.insert(7, &vector(dim, version)).unwrap();
        assert_eq!(labels(&nearest(index, &vector(dim, 0), 10)), [7]);
    }
    assert_eq!(index.len(), 1);
}

fn another_dimension_is_refused(index: &dyn Index) {
    let (dim, other) = (index.dim(), vector(index.dim() + 1, 1));
    let refused = Err(IndexError::WrongDim { expected: dim, found: dim + 1 });
    assert_eq!(index.insert(1, &other), refused);
    assert_eq!(index.search(&other, 1, &mut Vec::new()), refused);
    assert!(index.is_empty());
}

fn the_same_vector_again_takes_no_slot(index: &dyn Index) {
    (0..10).for_each(|_| index.insert(1, &vector(index.dim(), 1)).unwrap());
    assert_eq!((index.stats().live, index.stats().dead), (1, 0));
}

fn a_crowd_of_duplicates_does_not_hide_the_rest(index: &dyn Index) {
    let dim = index.dim();
    (0..200).for_each(|label| index.insert(label, &vector(dim, 1)).unwrap());
    (200..300).for_each(|label| index.insert(label, &vector(dim, label)).unwrap());
    (300..500).for_each(|label| index.insert(label, &vector(dim, 1)).unwrap());
    for label in 200..300 {
        assert_eq!(labels(&nearest(index, &vector(dim, label), 1)), [label]);
    }
    assert!(nearest(index, &vector(dim, 1), 20).iter().all(|n| n.similarity > 0.999));
}

fn a_search_replaces_what_was_in_the_buffer(index: &dyn Index) {
    index.insert(1, &vector(index.dim(), 1)).unwrap();
    let mut out = vec![Neighbour { label: 9, similarity: 9.0 }; 5];
    index.search(&vector(index.dim(), 2), 3, &mut out).unwrap();
    assert_eq!(labels(&out), [1]);
    index.search(&vector(index.dim(), 2), 0, &mut out).unwrap();
    assert!(out.is_empty());
}

/// Readers, while one writer fills, overwrites and empties. Even labels are there for good and are overwritten; odd ones
/// go, and are checked once they are gone.
fn readers_see_what_writers_have_finished(index: &dyn Index) {
    const ROUNDS: u64 = 6;
    let dim = index.dim();
    let anchors: Vec<u64> = (0..20).map(|n| n * 2).collect();
    anchors.iter().for_each(|label| index.insert(*label, &vector(dim, *label)).unwrap());
    let (done, gone) = (AtomicBool::new(false), std::sync::atomic::AtomicU64::new(0));
    std::thread::scope(|scope| {
        for reader in 0..2_usize {
            let (done, gone, anchors) = (&done, &gone, &anchors);
            scope.spawn(move || {
                let mut turn = reader;
                while !done.load(Ordering::Acquire) {
                    // Odd labels up to this one were removed before the search began.
                    let removed = gone.load(Ordering::Acquire);
                    let anchor = anchors[turn % anchors.len()];
                    let found = nearest(index, &vector(dim, anchor), 8);
                    assert_eq!(found[0].label, anchor, "a label that is there is found");
                    assert!(found.iter().all(|n| n.label % 2 == 0 || n.label > removed), "{removed} {found:?}");
                    turn += 1;
                }
            });
        }
        let mut odd = 1;
        for _ in 0..ROUNDS {
            let first = odd;
            for step in 0..60 {
                index.insert(odd, &vector(dim, odd)).unwrap();
                odd += 2;
                let anchor = anchors[step % anchors.len()];
                index.insert(anchor, &near(dim, anchor, odd)).unwrap();
            }
            for label in (first..odd).step_by(2) {
                assert!(index.remove(label));
                gone.store(label, Ordering::Release);
            }
        }
        done.store(true, Ordering::Release);
    });
    settled(index);
    assert_eq!(index.len(), anchors.len());
}

macro_rules! contract {
    ($kind:ident, $make:expr, [$($promise:ident),* $(,)?]) => {
        mod $kind {
            $(
                #[test]
                fn $promise() {
                    super::$promise(&$make);
                }
            )*
        }
    };
}

macro_rules! contract_for {
    ($kind:ident, $make:expr) => {
        contract!(
            $kind,
            $make,
            [
                an_empty_index_finds_nothing,
                what_was_inserted_is_found_first,
                what_was_removed_does_not_come_back,
                an_overwritten_vector_does_not_come_back,
                one_label_overwritten_often_stays_one,
                another_dimension_is_refused,
                the_same_vector_again_takes_no_slot,
                a_crowd_of_duplicates_does_not_hide_the_rest,
                a_search_replaces_what_was_in_the_buffer,
                readers_see_what_writers_have_finished,
            ]
        );
    };
}

contract_for!(flat, super::Flat::new(24).unwrap());
contract_for!(hnsw, super::Hnsw::new(24, &super::config()).unwrap());
contract_for!(adaptive_index, super::adaptive(24));

#[derive(Clone, Debug)]
enum Step {
    Insert { label: u64, seed: u64 },
    Remove { label: u64 },
    Search { seed: u64, k: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..60_u64, 0..200_u64).prop_map(|(label, seed)| Step::Insert { label, seed }),
        2 => (0..60_u64).prop_map(|label| Step::Remove { label }),
        3 => (0..200_u64, 1..20_usize).prop_map(|(seed, k)| Step::Search { seed, k }),
    ]
}

/// Does the steps to the index and to a plain map, and compares what they say.
fn agrees_with_a_map(index: &dyn Index, steps: &[Step]) -> Result<(), TestCaseError> {
    let dim = index.dim();
    let mut model: BTreeMap<u64, UnitVector> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Insert { label, seed } => {
                index.insert(*label, &vector(dim, *seed)).unwrap();
                model.insert(*label, vector(dim, *seed));
            }
            Step::Remove { label } => prop_assert_eq!(index.remove(*label), model.remove(label).is_some()),
            Step::Search { seed, k } => {
                let query = vector(dim, *seed);
                let mut expected: Vec<f32> = model.values().map(|v| v.dot(&query)).collect();
                expected.sort_by(|a, b| b.total_cmp(a));
                expected.truncate(*k);
                let found = nearest(index, &query, *k);
                prop_assert_eq!(found.len(), expected.len());
                for (neighbour, expected) in found.iter().zip(expected) {
                    prop_assert!((neighbour.similarity - expected).abs() < 2e-3, "{:?} {}", neighbour, expected);
                    let own = model.get(&neighbour.label).map(|v| v.dot(&query));
                    prop_assert!(own.is_some_and(|own| (own - neighbour.similarity).abs() < 1e-4));
                }
            }
        }
        prop_assert_eq!(index.len(), model.len());
    }
    for label in 0..60 {
        prop_assert_eq!(index.contains(label), model.contains_key(&label));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_flat_index_agrees_with_a_map(steps in prop::collection::vec(step(), 1..400)) {
        agrees_with_a_map(&Flat::new(16).unwrap(), &steps)?;
    }

    #[test]
    fn a_graph_agrees_with_a_map(steps in prop::collection::vec(step(), 1..400)) {
        agrees_with_a_map(&Hnsw::new(16, &config()).unwrap(), &steps)?;
    }

    #[test]
    fn an_adaptive_index_agrees_with_a_map(steps in prop::collection::vec(step(), 1..400)) {
        agrees_with_a_map(&adaptive(16), &steps)?;
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let refused = |config: Config| matches!(Hnsw::new(8, &config), Err(IndexError::BadConfig { .. }));
    assert!(refused(Config { m: 2, ..config() }));
    assert!(refused(Config { ef_construction: 0, ..config() }));
    assert!(refused(Config { ef_search: 1 << 20, ..config() }));
    assert!(Flat::new(0).is_err());
    assert!(Flat::new(INDEX_DIM_MAX + 1).is_err());
    assert!(open(0, config(), &Builder::start(1).unwrap()).is_err());
}

#[test]
fn every_dimension_up_to_the_cap_works() {
    for dim in [1, 2, 63, 64, 65, 1000, INDEX_DIM_MAX] {
        let index = Hnsw::new(dim, &config()).unwrap();
        (0..20).for_each(|label| index.insert(label, &vector(dim, label)).unwrap());
        assert!(nearest(&index, &vector(dim, 3), 1)[0].similarity > 0.999);
    }
}
