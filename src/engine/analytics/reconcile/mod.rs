//! What a result is worth, decided by rule from what was seen: sanity of its rows, agreement with other definitions of the same thing, and
//! the label that follows. No model is asked, and disagreement is told, never hidden.

mod compare;
mod confidence;
mod keys;
mod sanity;
#[cfg(test)]
mod tests;

pub use self::compare::{AGREED_DELTA, CLOSE_DELTA, Difference, Outcome, Reconciliation, Skip, delta, reconcile};
pub use self::confidence::{Derivation, Record, Signals, label};
pub use self::keys::{KeyCount, KeyProbe, multiplied, probes, whole};
pub use self::sanity::{Expectation, Finding, Rule, Severity, sane};

pub use crate::domain::sql_value::Cell;

use super::compile::{Column, ColumnRole};
use serde::Serialize;

/// The rows that a query returned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Frame {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each as long as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell as a part of a key: the same whether a driver gives a whole number as one or as a text.
pub(super) fn key(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Integer(number) => number.to_string(),
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    }
}

impl Frame {
    pub(super) fn places(&self, role: ColumnRole) -> Vec<usize> {
        (0..self.columns.len()).filter(|index| self.columns[*index].role == role).collect()
    }

    /// The key of each row.
    pub(super) fn keys(&self) -> Vec<Vec<String>> {
        let places = self.places(ColumnRole::Key);
        let key = |row: &Vec<Cell>| places.iter().map(|place| row.get(*place).map_or_else(String::new, key)).collect();
        self.rows.iter().map(key).collect()
    }

    /// One column's numbers.
    pub(super) fn numbers(&self, place: usize) -> impl Iterator<Item = Option<f64>> {
        self.rows.iter().map(move |row| row.get(place).and_then(Cell::number))
    }
}
