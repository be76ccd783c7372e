//! The error that names a field: what was wrong with one part of an input, and where it stands.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One bad field of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Where the field stands, as a JSON Pointer (RFC 6901), such as `/text` or `/tags/3`.
    pub pointer: String,
    /// What is wrong with it, in words that a caller can act on.
    pub detail: String,
}

impl FieldError {
    /// An error at `pointer`, which is written as a JSON Pointer with its leading slash.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.detail)
    }
}

impl std::error::Error for FieldError {}
