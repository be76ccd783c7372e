//! Rows as they come in, counted against the bounds of the query.

use crate::domain::sql_value::Cell;
use crate::warehouse::{Bounds, Rows, WarehouseError};

/// Bytes that a cell is counted for beside those of its text.
const CELL_BYTES: usize = 8;

/// The rows that have come in so far.
#[derive(Debug)]
pub(in crate::warehouse) struct Intake {
    rows: Rows,
    bytes: usize,
    bounds: Bounds,
}

impl Intake {
    pub(in crate::warehouse) fn new(columns: Vec<String>, bounds: &Bounds) -> Self {
        Self { rows: Rows { columns, rows: Vec::new() }, bytes: 0, bounds: *bounds }
    }

    /// Takes one row more.
    ///
    /// # Errors
    /// [`WarehouseError::TooLarge`].
    pub(in crate::warehouse) fn take(&mut self, row: Vec<Cell>) -> Result<(), WarehouseError> {
        if self.rows.rows.len() == self.bounds.rows_max {
            return Err(WarehouseError::TooLarge("the rows"));
        }
        self.bytes = row.iter().map(size).fold(self.bytes, usize::saturating_add);
        if self.bytes > self.bounds.bytes_max {
            return Err(WarehouseError::TooLarge("the bytes"));
        }
        self.rows.rows.push(row);
        Ok(())
    }

    pub(in crate::warehouse) fn finish(self) -> Rows {
        self.rows
    }
}

fn size(cell: &Cell) -> usize {
    match cell {
        Cell::Null | Cell::Integer(_) | Cell::Number(_) => CELL_BYTES,
        Cell::Text(text) => CELL_BYTES + text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::deadline::Deadline;
    use std::time::Duration;

    fn intake(rows_max: usize, bytes_max: usize) -> Intake {
        let deadline = Deadline::after(Duration::from_secs(1));
        Intake::new(vec!["a".into()], &Bounds { deadline, rows_max, bytes_max })
    }

    #[test]
    fn as_many_rows_and_bytes_as_are_allowed_come_in_and_not_one_more() {
        let mut of_rows = intake(2, 1_000);
        assert!(of_rows.take(vec![Cell::Integer(1)]).is_ok() && of_rows.take(vec![Cell::Null]).is_ok());
        assert!(matches!(of_rows.take(vec![Cell::Null]), Err(WarehouseError::TooLarge("the rows"))));
        assert_eq!(of_rows.finish().rows.len(), 2);
        let mut of_bytes = intake(10, 20);
        assert!(of_bytes.take(vec![Cell::Text("x".repeat(12))]).is_ok());
        assert!(matches!(of_bytes.take(vec![Cell::Null]), Err(WarehouseError::TooLarge("the bytes"))));
    }
}
