//! What an operator would use instead, on the same stream.

mod plain;
mod vcache;

pub use plain::{cosine, exact_only, most_common, repeat_last};
pub use vcache::{Stored, vcache};

use super::statistics::{Served, Tally};
use crate::domain::text::TextHash;
use crate::domain::vector::UnitVector;
use serde::Serialize;

/// All that a baseline sees of a row.
#[derive(Debug, Clone)]
pub struct Point {
    /// What was decided; equal numbers are the same decision.
    pub decision: usize,
    /// The text, as the exact path tells texts apart.
    pub text: TextHash,
    /// The vector of the text; `None` where the model makes none.
    pub vector: Option<UnitVector>,
}

/// What a baseline did with each row: whether its answer was right, or that it had none.
pub type Run = Vec<Option<Served>>;

/// The figures of one baseline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baseline {
    /// Its name.
    pub name: String,
    /// What it does, in words.
    pub does: String,
    /// Its figures.
    pub tally: Tally,
}

impl Baseline {
    /// A baseline that ran.
    pub fn new(name: &str, does: &str, run: &Run) -> Self {
        Self { name: name.to_owned(), does: does.to_owned(), tally: Tally::of(run) }
    }
}
