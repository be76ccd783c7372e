//! The rows of a query that a model wrote, as a frame with the roles and units that the model says and the rows bear out.

use super::super::compile::{Column, ColumnRole};
use super::super::layer::Unit;
use super::super::reconcile::{Cell, Frame};
use super::prompts::Described;
use crate::warehouse::Rows;
use std::collections::BTreeSet;

/// Columns that a result may have.
const COLUMNS_MAX: usize = 24;

/// Lays the description over the rows, or says to the model what does not fit.
pub(super) fn frame(rows: &Rows, described: &[Described]) -> Result<Frame, String> {
    if rows.columns.len() > COLUMNS_MAX {
        return Err(format!("the result has {} columns, and {COLUMNS_MAX} are the most", rows.columns.len()));
    }
    let distinct: BTreeSet<String> = rows.columns.iter().map(|name| name.to_lowercase()).collect();
    if distinct.len() < rows.columns.len() {
        return Err("two columns of the result have one name; name each by AS".to_owned());
    }
    let columns: Vec<Column> = rows.columns.iter().map(|name| column(name, described)).collect::<Result<_, _>>()?;
    let values: Vec<usize> = (0..columns.len()).filter(|at| columns[*at].role == ColumnRole::Value).collect();
    if values.is_empty() {
        return Err("no column of the result is described as a value".to_owned());
    }
    for at in values {
        let text = rows.rows.iter().filter_map(|row| row.get(at)).any(|cell| matches!(cell, Cell::Text(_)));
        if text {
            return Err(format!("column `{}` is described as a value and holds texts", columns[at].name));
        }
    }
    Ok(Frame { columns, rows: rows.rows.clone() })
}

fn column(name: &str, described: &[Described]) -> Result<Column, String> {
    let own = described.iter().find(|column| column.name.eq_ignore_ascii_case(name));
    let own = own.ok_or_else(|| format!("column `{name}` of the result is not described"))?;
    let role = match own.role.as_str() {
        "key" => ColumnRole::Key,
        "value" => ColumnRole::Value,
        "support" => ColumnRole::Support,
        _ => ColumnRole::Aside,
    };
    let unit = match own.unit.as_str() {
        "count" => Some(Unit::Count),
        "money" => Some(Unit::Money),
        "share" => Some(Unit::Share),
        "days" => Some(Unit::Days),
        "points" => Some(Unit::Points),
        "number" => Some(Unit::Number),
        _ => None,
    };
    let range = (unit == Some(Unit::Share)).then_some((0.0, 1.0));
    Ok(Column { name: name.to_owned(), role, unit: unit.filter(|_| role != ColumnRole::Key), range })
}

/// Whether nothing came back: no row, or no number in any value.
pub(super) fn is_empty(frame: &Frame) -> bool {
    let value = |at: usize| frame.columns.get(at).is_some_and(|column| column.role == ColumnRole::Value);
    let mut cells = frame.rows.iter().flat_map(|row| row.iter().enumerate());
    !cells.any(|(at, cell)| value(at) && cell.number().is_some())
}

/// A frame with its keys in the order and by the names of another's, where each has its counterpart: one of the same name, else the one with
/// the most of its values.
pub(super) fn aligned(frame: &Frame, like: &Frame) -> Frame {
    let keys = |frame: &Frame| -> Vec<usize> {
        (0..frame.columns.len()).filter(|at| frame.columns[*at].role == ColumnRole::Key).collect()
    };
    let (mut ours, theirs) = (keys(frame), keys(like));
    if ours.len() != theirs.len() {
        return frame.clone();
    }
    let values = |frame: &Frame, at: usize| -> BTreeSet<String> {
        frame.rows.iter().filter_map(|row| row.get(at)).map(|cell| serde_json::to_string(cell).unwrap_or_default()).collect()
    };
    let mut order: Vec<(usize, Column)> = Vec::new();
    for at in theirs {
        let known = values(like, at);
        let fit = |own: &usize| {
            let same = frame.columns[*own].name.eq_ignore_ascii_case(&like.columns[at].name);
            (same, values(frame, *own).intersection(&known).count())
        };
        // Of equals the first, so that the order of the columns decides.
        let Some(best) = ours.iter().copied().rev().max_by_key(fit) else { break };
        ours.retain(|own| *own != best);
        order.push((best, Column { name: like.columns[at].name.clone(), ..frame.columns[best].clone() }));
    }
    let rest = (0..frame.columns.len()).filter(|at| frame.columns[*at].role != ColumnRole::Key);
    order.extend(rest.map(|at| (at, frame.columns[at].clone())));
    let row = |row: &Vec<Cell>| order.iter().map(|(at, _)| row.get(*at).cloned().unwrap_or(Cell::Null)).collect();
    Frame { rows: frame.rows.iter().map(row).collect(), columns: order.iter().map(|(_, column)| column.clone()).collect() }
}
