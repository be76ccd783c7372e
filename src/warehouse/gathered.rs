//! Rows on their way in, counted against the bounds as they come.

use super::{Bounds, Rows, WarehouseError};
use crate::domain::sql_value::Cell;

/// What a cell takes besides a text's bytes.
const CELL_BYTES: usize = 8;

/// The rows so far.
#[derive(Debug)]
pub(super) struct Gathered {
    rows: Rows,
    bytes: usize,
    rows_max: usize,
    bytes_max: usize,
}

impl Gathered {
    /// None so far.
    pub(super) fn new(columns: Vec<String>, bounds: &Bounds) -> Self {
        Self { rows: Rows { columns, rows: Vec::new() }, bytes: 0, rows_max: bounds.rows_max, bytes_max: bounds.bytes_max }
    }

    /// One more row.
    pub(super) fn push(&mut self, row: Vec<Cell>) -> Result<(), WarehouseError> {
        if self.rows.rows.len() >= self.rows_max {
            return Err(WarehouseError::TooLarge("the rows"));
        }
        let bytes = |cell: &Cell| CELL_BYTES + if let Cell::Text(text) = cell { text.len() } else { 0 };
        self.bytes = self.bytes.saturating_add(row.iter().map(bytes).sum());
        if self.bytes > self.bytes_max {
            return Err(WarehouseError::TooLarge("the bytes"));
        }
        self.rows.rows.push(row);
        Ok(())
    }

    /// All of them.
    pub(super) fn done(self) -> Rows {
        self.rows
    }
}
