//! Round trips, changed stores and damaged files.

use super::layout::CHECKSUM_BYTES;
use super::*;
use crate::index::contract::{config, nearest, vector};
use crate::index::{Index, Search};
use proptest::prelude::*;

const DIM: usize = 20;

fn graph_of(labels: std::ops::Range<u64>) -> Hnsw {
    let index = Hnsw::new(DIM, &config()).unwrap();
    labels.for_each(|label| index.insert(label, &vector(DIM, label)).unwrap());
    index
}

fn read(bytes: &[u8], vector_of: &dyn Fn(u64) -> Option<UnitVector>) -> Result<(Hnsw, Restored), SnapshotError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph");
    std::fs::write(&path, bytes).unwrap();
    Hnsw::restore(&path, DIM, &config(), vector_of)
}

/// A file that has the right checksum, whatever it says.
fn sealed(mut content: Vec<u8>) -> Vec<u8> {
    let checksum = blake3::hash(&content);
    content.extend_from_slice(checksum.as_bytes());
    content
}

#[test]
fn a_graph_reads_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph");
    let index = graph_of(0..400);
    assert_eq!(index.save(&path).unwrap(), 400);
    assert_eq!(index.save(&path).unwrap(), 400, "and over an older one");
    let (again, restored) = Hnsw::restore(&path, DIM, &config(), &|label| Some(vector(DIM, label))).unwrap();
    assert_eq!(restored, Restored { restored: 400, dropped: 0 });
    for seed in 0..500 {
        assert_eq!(nearest(&again, &vector(DIM, seed), 5), nearest(&index, &vector(DIM, seed), 5));
    }
    again.insert(7, &vector(DIM, 7000)).unwrap();
    assert!(again.remove(8));
    assert_eq!(nearest(&again, &vector(DIM, 7000), 1)[0].label, 7);
    assert_eq!(again.len(), 399);
}

#[test]
fn what_the_store_lost_or_changed_is_dropped_and_all_else_is_found() {
    let index = graph_of(0..400);
    (0..40).for_each(|label| assert!(index.remove(label)));
    (40..80).for_each(|label| index.insert(label, &vector(DIM, label + 1000)).unwrap());
    let store = |label: u64| match label {
        0..40 => Some(vector(DIM, label)),
        40..80 => Some(vector(DIM, label + 1000)),
        80..200 => None,
        200..300 => Some(vector(DIM, label + 2000)),
        _ => Some(vector(DIM, label)),
    };
    let (again, restored) = read(&encode(&index.graph).0, &store).unwrap();
    // The file has 440 nodes: 40 removed and 40 replaced ones are dead.
    assert_eq!(restored, Restored { restored: 140, dropped: 300 });
    for label in 0..400 {
        let expected = (40..80).contains(&label) || label >= 300;
        assert_eq!(again.contains(label), expected);
        if expected {
            assert_eq!(nearest(&again, &store(label).unwrap(), 1)[0].label, label);
        }
    }
    assert_eq!(nearest(&again, &vector(DIM, 1), 400).len(), 140, "each can be reached");
}

#[test]
fn an_empty_graph_and_an_empty_store_give_an_empty_index() {
    let (empty, restored) = read(&encode(&graph_of(0..0).graph).0, &|_| None).unwrap();
    assert_eq!((empty.len(), restored.dropped), (0, 0));
    let (empty, restored) = read(&encode(&graph_of(0..50).graph).0, &|_| None).unwrap();
    assert_eq!((empty.len(), restored.dropped), (0, 50));
    empty.insert(1, &vector(DIM, 1)).unwrap();
    assert_eq!(nearest(&empty, &vector(DIM, 1), 1)[0].label, 1);
}

#[test]
fn another_dimension_or_another_m_is_refused() {
    let bytes = encode(&graph_of(0..10).graph).0;
    assert!(matches!(decode(&bytes, DIM + 1, 8), Err(SnapshotError::Other { field: "dim", .. })));
    assert!(matches!(decode(&bytes, DIM, 9), Err(SnapshotError::Other { field: "m", .. })));
    assert!(matches!(read(b"something else", &|_| None), Err(SnapshotError::NotASnapshot)));
}

#[test]
fn it_is_written_while_a_writer_goes_on() {
    let index = graph_of(0..50);
    std::thread::scope(|scope| {
        scope.spawn(|| (50..400).for_each(|label| index.insert(label, &vector(DIM, label)).unwrap()));
        for _ in 0..10 {
            let (again, _) = read(&encode(&index.graph).0, &|label| Some(vector(DIM, label))).unwrap();
            assert_eq!(nearest(&again, &vector(DIM, 3), 500).len(), again.len());
        }
    });
}

/// The file of a small graph, made once.
fn small() -> Vec<u8> {
    static BYTES: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| encode(&graph_of(0..30).graph).0);
    BYTES.clone()
}

proptest! {
    #[test]
    fn a_damaged_file_is_an_error(at in any::<prop::sample::Index>(), bit in 0..8_u32, cut in any::<bool>()) {
        let mut bytes = small();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1_u8 << bit }
        prop_assert!(read(&bytes, &|label| Some(vector(DIM, label))).is_err());
    }

    #[test]
    fn a_wrong_file_with_a_right_checksum_does_no_harm(at in any::<prop::sample::Index>(), byte: u8, cut in any::<bool>()) {
        let mut bytes = small();
        bytes.truncate(bytes.len() - CHECKSUM_BYTES);
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok((index, _)) = read(&sealed(bytes), &|label| Some(vector(DIM, label))) {
            let found = nearest(&index, &vector(DIM, 3), 50);
            prop_assert_eq!(found.len(), index.len());
        }
    }
}
