//! Where rows come from: they are gone through twice, first to see what their columns hold, then to read them.

use super::cell::Cell;
use crate::domain::field::FieldError;
use crate::limits::{DATASET_COLUMN_NAME_CHARS_MAX, DATASET_COLUMNS_MAX};
use std::ops::ControlFlow;

/// Why nothing could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is not of its format.
    #[error(transparent)]
    Unreadable(#[from] FieldError),
    /// It is, and may not be so.
    #[error("{}", told(.0))]
    NotAllowed(Vec<FieldError>),
    /// It is too large.
    #[error("{0}")]
    TooLarge(String),
}

fn told(errors: &[FieldError]) -> String {
    errors.first().map(ToString::to_string).unwrap_or_default()
}

impl ReadError {
    pub(super) fn not_allowed(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::NotAllowed(vec![FieldError::new(pointer, detail)])
    }
}

/// A row that is none: in which column, where it is one, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadLine(pub Option<usize>, pub String);

/// Who is shown each row: its cells in the order of the columns, or what is wrong with it.
pub(super) type Visit<'v> = dyn FnMut(Result<&[Cell<'_>], BadLine>) -> ControlFlow<()> + 'v;

/// Where rows come from.
pub(super) trait Rows {
    /// The names of the columns.
    fn names(&self) -> &[String];

    /// What was found out or done on the way.
    fn notes(&self) -> &[String];

    /// Shows each row, again from the first whenever it is called.
    ///
    /// # Errors
    /// [`ReadError`] where the rest can't be read.
    fn scan(&self, visit: &mut Visit<'_>) -> Result<(), ReadError>;
}

/// Checks the names of columns: that there are some, no more than may be, each once, and readable.
pub(super) fn checked_names(names: &[String]) -> Result<(), ReadError> {
    if names.is_empty() {
        return Err(ReadError::not_allowed("/columns", "there is no column"));
    }
    if names.len() > DATASET_COLUMNS_MAX {
        return Err(ReadError::not_allowed("/columns", format!("{} columns are more than {DATASET_COLUMNS_MAX}", names.len())));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (n, name) in names.iter().enumerate() {
        let shown: String = name.chars().take(40).collect();
        let bad = |rule: &str| Err(ReadError::not_allowed(format!("/columns/{n}"), format!("`{shown}` {rule}")));
        if name.chars().count() > DATASET_COLUMN_NAME_CHARS_MAX {
            return bad("is too long for the name of a column");
        }
        if name.chars().any(char::is_control) {
            return bad("has a control character in it");
        }
        if name.trim().is_empty() {
            return bad("is no name of a column");
        }
        if !seen.insert(name) {
            return bad("is the name of two columns");
        }
    }
    Ok(())
}
