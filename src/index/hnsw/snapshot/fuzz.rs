//! What the fuzzer gives to the reader of snapshots.

use super::Hnsw;
use super::layout::{self, CHECKSUM_BYTES};
use crate::domain::vector::UnitVector;
use crate::index::codes::Codes;
use crate::index::{Config, Search};

/// Dimensions, and links of a node, of the graphs that are read.
const DIM: usize = 4;
const LINKS: usize = 4;

/// Reads bytes as a snapshot, as they are and with a right sum; a graph that is taken is built and searched.
pub fn snapshot(bytes: &[u8]) {
    read(bytes);
    let content = bytes.split_last_chunk::<CHECKSUM_BYTES>().map_or(bytes, |(content, _)| content);
    read(&[content, blake3::hash(content).as_bytes()].concat());
}

fn vector_of(label: u64) -> Option<UnitVector> {
    let parts: Vec<f32> = (0..DIM).map(|at| f32::from((label >> (8 * at)) as u8) - 127.5).collect();
    UnitVector::normalised(parts).filter(|_| label % 5 != 4)
}

fn read(bytes: &[u8]) {
    let config = Config { m: LINKS, ..Config::default() };
    let Ok((mut nodes, entry)) = layout::decode(bytes, DIM, LINKS) else { return };
    let Ok(index) = Hnsw::new(DIM, &config) else { return };
    let count = nodes.len();
    // The store confirms what the file says of its vectors, so that the links are looked at.
    let mut codes = Codes::new(DIM);
    for node in &mut nodes {
        if let Some(vector) = vector_of(node.label) {
            codes.quantise(vector.as_slice());
            node.fingerprint = codes.fingerprint();
        }
    }
    if index.writer.lock().rebuild(&index.graph, nodes, entry, &vector_of).is_ok() {
        assert!(index.len() <= count);
        if let Some(query) = vector_of(0) {
            let mut found = Vec::new();
            let _ = index.search(&query, 3, &mut found);
        }
    }
}
