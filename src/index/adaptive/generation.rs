//! One index of those that follow each other in an [`Adaptive`](super::Adaptive) one.

use crate::index::{Flat, Hnsw, Index};

/// One index of those that follow each other.
#[derive(Debug)]
pub(super) enum Generation {
    Flat(Box<Flat>),
    Hnsw(Box<Hnsw>),
}

impl Generation {
    pub(super) fn flat(flat: Flat) -> Self {
        Self::Flat(Box::new(flat))
    }

    pub(super) fn hnsw(hnsw: Hnsw) -> Self {
        Self::Hnsw(Box::new(hnsw))
    }

    pub(super) fn as_index(&self) -> &dyn Index {
        match self {
            Self::Flat(flat) => flat.as_ref(),
            Self::Hnsw(hnsw) => hnsw.as_ref(),
        }
    }

    /// Slots in use, dead ones included.
    pub(super) fn slots(&self) -> usize {
        match self {
            Self::Flat(flat) => flat.slots(),
            Self::Hnsw(hnsw) => hnsw.slots(),
        }
    }

    pub(super) fn dead(&self) -> usize {
        self.slots().saturating_sub(self.as_index().len())
    }
}
