//! Tests of the builds; what every index promises is in `contract.rs`.

use super::build::DEAD_FLOOR;
use super::*;
use crate::index::contract::{adaptive, config, nearest, settled, vector};
use crate::index::{Kind, open};

const DIM: usize = 16;

fn fill(index: &Adaptive, labels: std::ops::Range<u64>) {
    labels.for_each(|label| index.insert(label, &vector(DIM, label)).unwrap());
}

#[test]
fn it_is_flat_while_small_and_a_graph_when_large() {
    let index = adaptive(DIM);
    fill(&index, 0..40);
    assert_eq!(index.stats().kind, Kind::Flat);
    fill(&index, 40..60);
    settled(&index);
    let stats = index.stats();
    assert_eq!((stats.kind, stats.live, stats.dead, stats.builds), (Kind::Hnsw, 60, 0, 1));
}

#[test]
fn dead_slots_stay_under_the_bound_in_either_kind() {
    for live in [30_u64, 300] {
        let index = adaptive(DIM);
        fill(&index, 0..live);
        for round in 1..20 {
            for label in 0..live {
                index.insert(label, &vector(DIM, label + round * 1000)).unwrap();
            }
        }
        settled(&index);
        let stats = index.stats();
        assert_eq!(stats.live, live as usize);
        let share_max = (config().dead_share_max * (stats.live + stats.dead) as f32) as usize;
        assert!(stats.dead <= share_max.max(DEAD_FLOOR), "{live} {stats:?}");
        assert!(stats.builds > 0);
    }
}

#[test]
fn an_emptied_index_is_cleared_and_fills_again() {
    let index = adaptive(DIM);
    fill(&index, 0..200);
    (0..200).for_each(|label| assert!(index.remove(label)));
    settled(&index);
    assert!(index.is_empty());
    assert!(index.stats().dead <= DEAD_FLOOR);
    fill(&index, 0..200);
    settled(&index);
    assert_eq!(nearest(&index, &vector(DIM, 77), 1)[0].label, 77);
}

#[test]
fn what_is_written_during_a_build_is_in_the_successor() {
    // A builder that does not start until it is let go: everything below is written during the build.
    let builder = Builder::start(1).unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    assert!(builder.submit(Box::new(move || _ = wait.recv())));
    let index = open(DIM, Config { lag_max: 10_000, ..config() }, &builder).unwrap();
    fill(&index, 0..300);
    assert!(index.stats().building);
    (0..100).for_each(|label| assert!(index.remove(label)));
    fill(&index, 50..60);
    (200..210).for_each(|label| index.insert(label, &vector(DIM, label + 5000)).unwrap());
    drop(go);
    settled(&index);
    assert_eq!((index.stats().kind, index.len()), (Kind::Hnsw, 210));
    for label in 0..300 {
        let seed = if (200..210).contains(&label) { label + 5000 } else { label };
        let found = nearest(&index, &vector(DIM, seed), 1)[0];
        let expected = (50..60).contains(&label) || label >= 100;
        assert_eq!(found.label == label && found.similarity > 0.999, expected, "{label}");
        assert_eq!(index.contains(label), expected);
    }
}

#[test]
fn a_build_that_is_behind_by_more_than_its_bound_is_helped_by_writers() {
    // The builder never comes: only writers work on the build.
    let builder = Builder::start(1).unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    assert!(builder.submit(Box::new(move || _ = wait.recv())));
    let index = open(DIM, Config { lag_max: 50, ..config() }, &builder).unwrap();
    for label in 0..1000 {
        index.insert(label, &vector(DIM, label)).unwrap();
        // Half of the 41 entries that were there are copied by the time that the lag is no more.
        assert!(index.shared.lag(label as usize + 1) <= 50 + 21);
    }
    assert_eq!(index.stats().kind, Kind::Flat);
    drop(go);
    settled(&index);
    assert_eq!(index.stats().kind, Kind::Hnsw);
}

#[test]
fn a_build_ends_while_writers_go_on_without_a_pause() {
    let index = adaptive(DIM);
    fill(&index, 0..60);
    let mut label = 60;
    while index.stats().builds == 0 {
        index.insert(label, &vector(DIM, label)).unwrap();
        label += 1;
    }
    assert_eq!(index.stats().kind, Kind::Hnsw);
}

#[test]
fn a_saved_index_is_restored_and_a_flat_one_is_not_saved() {
    let folder = tempfile::tempdir().unwrap();
    let (path, builder) = (folder.path().join("graph"), Builder::start(1).unwrap());
    let index = adaptive(DIM);
    fill(&index, 0..20);
    assert_eq!(index.save(&path).unwrap(), None);
    fill(&index, 20..100);
    settled(&index);
    assert_eq!(index.save(&path).unwrap(), Some(100));
    let store = |label: u64| (label != 5).then(|| vector(DIM, label));
    let (again, restored) = Adaptive::restore(&path, DIM, config(), &builder, &store).unwrap();
    assert_eq!((restored, again.len()), (Restored { restored: 99, dropped: 1 }, 99));
    fill(&again, 0..150);
    settled(&again);
    assert_eq!((again.len(), nearest(&again, &vector(DIM, 5), 1)[0].label), (150, 5));
}

#[test]
fn an_index_that_is_dropped_during_a_build_leaves_the_builder_free() {
    let builder = Builder::start(1).unwrap();
    let index = open(DIM, config(), &builder).unwrap();
    fill(&index, 0..500);
    drop(index);
    let (done, finished) = std::sync::mpsc::channel();
    assert!(builder.submit(Box::new(move || _ = done.send(()))));
    finished.recv().unwrap();
}
