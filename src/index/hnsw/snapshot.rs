//! A graph in a file, so that a restart need not link it anew.
//!
//! The file holds labels, links and a fingerprint of each vector, and no vectors: those belong to the store, which is
//! asked for them when the file is read. What the store no longer has, or has with another vector, is left out, and the
//! links that led through it are spliced. Nothing is locked to write it: it holds the nodes that there were when it
//! began, and links to later ones are left out.
//!
//! Layout, all little-endian: magic and version (8 bytes), dim u32, m u32, nodes u32, entry u32; for each node label
//! u64, fingerprint u64, level u8, live u8; for each node and each of its layers from 0 up a count u8 and that many slots
//! u32; at the end the BLAKE3 of everything before it (32 bytes).

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::graph::{Entry, Graph, LEVEL_MAX, ROOT, State};
use super::{Hnsw, Writer};
use crate::domain::vector::UnitVector;
use crate::index::codes::Codes;
use crate::index::{Config, IndexError, check_vector};
use crate::limits::{INDEX_SLOTS_MAX, INDEX_SNAPSHOT_BYTES_MAX};

/// "IHNSW", a zero, and the version of the layout.
const MAGIC: [u8; 8] = *b"IHNSW\0\x01\0";

/// Bytes of the checksum at the end.
const CHECKSUM_BYTES: usize = blake3::OUT_LEN;

/// Why a snapshot was not written or read. After a failed read the index is built anew from the store.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file system refused.
    #[error("snapshot {path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    /// The file is not of this layout: another program's, or another version's.
    #[error("not a snapshot of this version")]
    NotASnapshot,
    /// The file was cut short or changed.
    #[error("the snapshot is damaged: {what}")]
    Damaged { what: &'static str },
    /// The file is of an index with other settings; build anew.
    #[error("the snapshot has {field} {found}, the index {expected}")]
    Other { field: &'static str, expected: usize, found: usize },
    /// The file is larger than any index's.
    #[error("the snapshot has {bytes} bytes, more than {bytes_max}")]
    TooLarge { bytes: u64, bytes_max: u64 },
    /// The index refused what was read.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// What came of reading a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Entries that are in the index again.
    pub restored: usize,
    /// Entries of the file that were dead, unknown to the store or of another vector there. The caller inserts what
    /// the store has and [`Index::contains`](crate::index::Index::contains) denies.
    pub dropped: usize,
}

/// One node as the file has it.
#[derive(Clone, Debug, Default)]
struct Node {
    label: u64,
    fingerprint: u64,
    live: bool,
    /// Slots that it links to, for each layer from 0 up.
    layers: Vec<Vec<u32>>,
}

impl Hnsw {
    /// Writes the graph to a file: all of it, or the file stays as it was. How many nodes it wrote.
    pub fn save(&self, path: &Path) -> Result<usize, SnapshotError> {
        let (bytes, nodes) = encode(&self.graph);
        let io = |source| SnapshotError::Io { path: path.to_owned(), source };
        let temporary = path.with_extension("tmp");
        let mut file = File::create(&temporary).map_err(io)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(io)?;
        std::fs::rename(&temporary, path).map_err(io)?;
        // The rename is durable once the folder is.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        Ok(nodes)
    }

    /// Reads a graph from a file. `vector_of` gives the vector that the store has for a label.
    pub fn restore(
        path: &Path,
        dim: usize,
        config: &Config,
        vector_of: &dyn Fn(u64) -> Option<UnitVector>,
    ) -> Result<(Self, Restored), SnapshotError> {
        let io = |source| SnapshotError::Io { path: path.to_owned(), source };
        let bytes = std::fs::metadata(path).map_err(io)?.len();
        if bytes > INDEX_SNAPSHOT_BYTES_MAX {
            return Err(SnapshotError::TooLarge { bytes, bytes_max: INDEX_SNAPSHOT_BYTES_MAX });
        }
        let (nodes, entry) = decode(&std::fs::read(path).map_err(io)?, dim, config.m)?;
        let index = Self::new(dim, config)?;
        let in_file = nodes.len();
        index.writer.lock().rebuild(&index.graph, nodes, entry, vector_of)?;
        let restored = index.graph.live().load(Ordering::Acquire);
        Ok((index, Restored { restored, dropped: in_file - restored }))
    }
}

/// The bytes of a file, and the number of nodes in it.
fn encode(graph: &Graph) -> (Vec<u8>, usize) {
    let entry = graph.entry();
    // Later than the entry, so that the entry is among the nodes.
    let slots = graph.slots();
    let mut bytes = Vec::with_capacity(slots * (18 + 10 * graph.m));
    bytes.extend_from_slice(&MAGIC);
    for number in [graph.dim, graph.m, slots, entry.map_or(0, |entry| entry.slot as usize)] {
        bytes.extend_from_slice(&(number as u32).to_le_bytes());
    }
    let mut codes = Codes::new(graph.dim);
    for slot in 0..slots as u32 {
        // A slot below `slots` has all of its parts.
        let fingerprint = graph.read_codes(slot, &mut codes).map_or(0, |()| codes.fingerprint());
        bytes.extend_from_slice(&graph.label(slot).unwrap_or_default().to_le_bytes());
        bytes.extend_from_slice(&fingerprint.to_le_bytes());
        bytes.extend_from_slice(&[graph.level(slot) as u8, u8::from(graph.state(slot) == State::Live)]);
    }
    for slot in 0..slots as u32 {
        for layer in 0..=graph.level(slot) {
            let at = bytes.len();
            bytes.push(0);
            for target in graph.neighbours(slot, layer).filter(|target| (*target as usize) < slots) {
                bytes.extend_from_slice(&target.to_le_bytes());
                bytes[at] += 1;
            }
        }
    }
    let checksum = blake3::hash(&bytes);
    bytes.extend_from_slice(checksum.as_bytes());
    (bytes, slots)
}

/// Takes numbers from the front of what is left of a file.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(SnapshotError::Damaged { what: "it ends too early" })?;
        self.0 = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<usize, SnapshotError> {
        self.take().map(|[byte]| usize::from(byte))
    }

    fn u32(&mut self) -> Result<usize, SnapshotError> {
        self.take().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    fn u64(&mut self) -> Result<u64, SnapshotError> {
        self.take().map(u64::from_le_bytes)
    }
}

/// The nodes of a file and the slot of its entry. Whatever the bytes are, this neither panics nor reserves more memory
/// than a small multiple of theirs.
fn decode(bytes: &[u8], dim: usize, m: usize) -> Result<(Vec<Node>, usize), SnapshotError> {
    if !bytes.starts_with(&MAGIC) {
        return Err(SnapshotError::NotASnapshot);
    }
    let (content, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(SnapshotError::NotASnapshot)?;
    if blake3::hash(content) != *checksum {
        return Err(SnapshotError::Damaged { what: "its checksum does not match" });
    }
    decode_content(content.strip_prefix(&MAGIC).ok_or(SnapshotError::NotASnapshot)?, dim, m)
}

/// As [`decode`], after the magic and without the checksum, which says that we wrote the bytes, not that we were right.
fn decode_content(content: &[u8], dim: usize, m: usize) -> Result<(Vec<Node>, usize), SnapshotError> {
    let mut reader = Reader(content);
    for (field, expected) in [("dim", dim), ("m", m)] {
        let found = reader.u32()?;
        if found != expected {
            return Err(SnapshotError::Other { field, expected, found });
        }
    }
    let (count, entry) = (reader.u32()?, reader.u32()?);
    if count > INDEX_SLOTS_MAX || count * 18 > reader.0.len() || entry > count.saturating_sub(1) {
        return Err(SnapshotError::Damaged { what: "it has more nodes than room" });
    }
    let mut nodes = Vec::with_capacity(count);
    for _ in 0..count {
        let (label, fingerprint, level, live) = (reader.u64()?, reader.u64()?, reader.u8()?, reader.u8()? != 0);
        if level > LEVEL_MAX {
            return Err(SnapshotError::Damaged { what: "a node is on a layer that there is not" });
        }
        nodes.push(Node { label, fingerprint, live, layers: vec![Vec::new(); level + 1] });
    }
    for at in 0..count {
        for layer in 0..nodes[at].layers.len() {
            for _ in 0..reader.u8()? {
                let target = reader.u32()?;
                if nodes.get(target).is_none_or(|node| node.layers.len() <= layer) || target == at {
                    return Err(SnapshotError::Damaged { what: "a link leads nowhere" });
                }
                nodes[at].layers[layer].push(target as u32);
            }
        }
    }
    if reader.0.is_empty() { Ok((nodes, entry)) } else { Err(SnapshotError::Damaged { what: "it goes on after its end" }) }
}

impl Writer {
    /// Fills an empty graph with those nodes that the store confirms.
    fn rebuild(
        &mut self,
        graph: &Graph,
        nodes: Vec<Node>,
        entry: usize,
        vector_of: &dyn Fn(u64) -> Option<UnitVector>,
    ) -> Result<(), IndexError> {
        let mut slot_of: Vec<Option<u32>> = Vec::with_capacity(nodes.len());
        for node in &nodes {
            slot_of.push(self.confirm(graph, node, vector_of)?);
        }
        for (node, slot) in nodes.iter().zip(&slot_of) {
            let Some(slot) = *slot else { continue };
            for layer in 0..node.layers.len() {
                let targets = spliced(&nodes, &slot_of, node, layer, graph.links(slot, layer).len());
                graph.fill_links(slot, layer, targets.into_iter().filter(|target| *target != slot));
            }
        }
        let entry = slot_of.get(entry).copied().flatten();
        let entry = entry.or_else(|| (0..graph.slots() as u32).max_by_key(|slot| graph.level(*slot)));
        if let Some(slot) = entry {
            self.reconnect(graph, slot);
        }
        Ok(())
    }

    /// Adds a node without links, if the store has the same vector for it.
    fn confirm(
        &mut self,
        graph: &Graph,
        node: &Node,
        vector_of: &dyn Fn(u64) -> Option<UnitVector>,
    ) -> Result<Option<u32>, IndexError> {
        if !node.live || self.slots.contains_key(&node.label) {
            return Ok(None);
        }
        let Some(vector) = vector_of(node.label) else { return Ok(None) };
        check_vector(graph.dim, &vector)?;
        self.codes.quantise(vector.as_slice());
        if self.codes.fingerprint() != node.fingerprint {
            return Ok(None);
        }
        let level = node.layers.len() - 1;
        let slot = graph.push(node.label, &self.codes, level).ok_or(IndexError::Full { slots: graph.slots() })?;
        self.slots.insert(node.label, slot);
        graph.set_state(slot, State::Live);
        graph.live().fetch_add(1, Ordering::Release);
        Ok(Some(slot))
    }

    /// Sees to it that every node can be reached from the root, and that walks begin at one that can.
    fn reconnect(&mut self, graph: &Graph, entry: u32) {
        let lost = self.linker.find_parents(graph);
        let entry = if lost.binary_search(&entry).is_ok() { ROOT } else { entry };
        graph.set_entry(Entry { slot: entry, level: graph.level(entry) });
        let mut codes = std::mem::replace(&mut self.codes, Codes::new(0));
        for slot in lost {
            if graph.read_codes(slot, &mut codes).is_some() {
                self.linker.link(graph, slot, &codes);
            }
        }
        self.codes = codes;
    }
}

/// The links of a node on a layer, in new slots. In place of a node that was dropped come those that it led to, as far
/// as there is room.
fn spliced(nodes: &[Node], slot_of: &[Option<u32>], node: &Node, layer: usize, width: usize) -> Vec<u32> {
    let mut targets: Vec<u32> = Vec::with_capacity(width);
    let add = |old: u32, targets: &mut Vec<u32>| match slot_of[old as usize] {
        Some(slot) if targets.len() < width && !targets.contains(&slot) => targets.push(slot),
        _ => {}
    };
    let links = &node.layers[layer];
    links.iter().for_each(|old| add(*old, &mut targets));
    for dropped in links.iter().filter(|old| slot_of[**old as usize].is_none()) {
        nodes[*dropped as usize].layers[layer].iter().for_each(|old| add(*old, &mut targets));
    }
    targets
}

#[cfg(test)]
mod tests {
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
}
