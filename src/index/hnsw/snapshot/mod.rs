//! A graph in a file, so that a restart need not link it anew.
//!
//! The file holds labels, links and a fingerprint of each vector, and no vectors: those belong to the store, which is
//! asked for them when the file is read. What the store no longer has, or has with another vector, is left out, and the
//! links that led through it are spliced. Nothing is locked to write it: it holds the nodes that there were when it
//! began, and links to later ones are left out.

#[cfg(fuzzing)]
pub mod fuzz;
mod layout;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use self::layout::{Node, decode, encode};
use super::graph::{Entry, Graph, ROOT, State};
use super::{Hnsw, Writer};
use crate::domain::vector::UnitVector;
use crate::index::codes::Codes;
use crate::index::{Config, IndexError, check_vector};
use crate::limits::INDEX_SNAPSHOT_BYTES_MAX;

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
mod tests;
