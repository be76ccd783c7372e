//! What is wrong with a model, and where.

use serde::Serialize;
use std::fmt;
use std::ops::Range;

/// One thing that is wrong with a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelError {
    /// Where it stands in the document, as a JSON Pointer (RFC 6901), such as `/constraints/2/expression`.
    pub pointer: String,
    /// Which characters of the expression there, where it is within one. Counted in Unicode characters, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Range<usize>>,
    /// What was found and what would be right.
    pub detail: String,
}

impl ModelError {
    /// An error about the whole of what stands at `pointer`.
    pub(super) fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), at: None, detail: detail.into() }
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(at) => write!(f, "{} at {}..{}: {}", self.pointer, at.start, at.end, self.detail),
            None => write!(f, "{}: {}", self.pointer, self.detail),
        }
    }
}

impl std::error::Error for ModelError {}

/// What is wrong within one expression; it becomes a [`ModelError`] where the pointer of the expression is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) detail: String,
}

impl Fault {
    pub(super) fn new(at: &Range<usize>, detail: impl Into<String>) -> Self {
        Self { at: at.clone(), detail: detail.into() }
    }

    pub(super) fn within(self, pointer: &str) -> ModelError {
        ModelError { pointer: pointer.into(), at: Some(self.at), detail: self.detail }
    }
}
