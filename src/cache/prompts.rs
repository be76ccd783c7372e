//! The second index of a partition: entries by the vector of their whole prompt.

use crate::domain::vector::UnitVector;
use crate::index::{self, Adaptive, Builder, Index, IndexError, IndexStats, Search, SnapshotError};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The prompts of one partition, under the labels of their entries. Writers come one by one; searches wait for none.
#[derive(Debug)]
pub(super) struct Prompts {
    // Opened by the first entry that has one: a strategy that matches no prompts pays nothing.
    index: OnceLock<Adaptive>,
    config: index::Config,
    builder: Builder,
}

/// Where the graph lies, beside that over the composed vectors.
fn path_beside(graph: &Path) -> PathBuf {
    graph.with_extension("prompts.graph")
}

impl Prompts {
    pub(super) fn new(config: index::Config, builder: &Builder) -> Self {
        Self { index: OnceLock::new(), config, builder: builder.clone() }
    }

    /// Opens the graph that was saved, where there is one for vectors of `dim` dimensions. One that can't be used costs time and is no
    /// error; what a graph lacks is inserted as the entries come.
    pub(super) fn restore(&self, graph: &Path, dim: usize, prompt_of: &dyn Fn(u64) -> Option<UnitVector>) {
        let path = path_beside(graph);
        if !path.is_file() {
            return;
        }
        match Adaptive::restore(&path, dim, self.config, &self.builder, prompt_of) {
            Ok((index, _)) => drop(self.index.set(index)),
            Err(error) => tracing::warn!(%error, graph = %path.display(), "a graph over prompts can't be used and is built anew"),
        }
    }

    pub(super) fn save(&self, graph: &Path) -> Result<(), SnapshotError> {
        self.index.get().map_or(Ok(()), |index| index.save(&path_beside(graph)).map(|_| ()))
    }

    /// Gives an entry this prompt, in place of an earlier one, or none.
    pub(super) fn put(&self, label: u64, prompt: Option<&UnitVector>) -> Result<(), IndexError> {
        let Some(prompt) = prompt else {
            self.remove(label);
            return Ok(());
        };
        if let Some(index) = self.index.get() {
            return index.insert(label, prompt);
        }
        let first = index::open(prompt.dim(), self.config, &self.builder)?;
        first.insert(label, prompt)?;
        drop(self.index.set(first));
        Ok(())
    }

    pub(super) fn remove(&self, label: u64) {
        if let Some(index) = self.index.get() {
            index.remove(label);
        }
    }

    pub(super) fn index(&self) -> Option<&Adaptive> {
        self.index.get()
    }

    /// What the indexes of a partition hold together, where `first` is what the other one does.
    pub(super) fn counted_in(&self, first: IndexStats) -> IndexStats {
        let Some(own) = self.index.get().map(Adaptive::stats) else { return first };
        IndexStats {
            dead: first.dead + own.dead,
            bytes: first.bytes + own.bytes,
            building: first.building || own.building,
            ..first
        }
    }
}

#[cfg(test)]
mod tests;
