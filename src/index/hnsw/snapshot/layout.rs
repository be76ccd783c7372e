//! The bytes of a snapshot.
//!
//! Layout, all little-endian: magic and version (8 bytes), dim u32, m u32, nodes u32, entry u32; for each node label
//! u64, fingerprint u64, level u8, live u8; for each node and each of its layers from 0 up a count u8 and that many slots
//! u32; at the end the BLAKE3 of everything before it (32 bytes).

use super::SnapshotError;
use crate::index::codes::Codes;
use crate::index::hnsw::graph::{Graph, LEVEL_MAX, State};
use crate::limits::INDEX_SLOTS_MAX;

/// "IHNSW", a zero, and the version of the layout.
const MAGIC: [u8; 8] = *b"IHNSW\0\x01\0";

/// Bytes of the checksum at the end.
pub(super) const CHECKSUM_BYTES: usize = blake3::OUT_LEN;

/// One node as the file has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) label: u64,
    pub(super) fingerprint: u64,
    pub(super) live: bool,
    /// Slots that it links to, for each layer from 0 up.
    pub(super) layers: Vec<Vec<u32>>,
}

/// The bytes of a file, and the number of nodes in it.
pub(super) fn encode(graph: &Graph) -> (Vec<u8>, usize) {
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
pub(super) fn decode(bytes: &[u8], dim: usize, m: usize) -> Result<(Vec<Node>, usize), SnapshotError> {
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
