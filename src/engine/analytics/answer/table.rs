//! The rows with what a program needs to show them.

use super::super::compile::{Column, ColumnRole};
use super::super::layer::{ColumnType, Unit};
use super::super::reconcile::{Cell, Frame};
use super::Given;
use super::figures::format_of;
use super::model::{AnswerColumn, AnswerTable};
use super::phrases::title;
use super::text::column_title;

pub(super) fn table(given: &Given<'_>) -> AnswerTable {
    let frame = given.primary;
    let columns = (0..frame.columns.len()).map(|place| column(given, frame, place)).collect();
    AnswerTable { columns, rows: frame.rows.clone() }
}

fn column(given: &Given<'_>, frame: &Frame, place: usize) -> AnswerColumn {
    let Column { name, role, unit, .. } = &frame.columns[place];
    let cells = frame.rows.iter().filter_map(|row| row.get(place)).filter(|cell| **cell != Cell::Null);
    let mut text = false;
    let mut whole = true;
    let mut any = false;
    for cell in cells {
        any = true;
        text |= matches!(cell, Cell::Text(_));
        whole &= cell.number().is_some_and(|number| number.fract() == 0.0);
    }
    let holds = match (*role, text) {
        (ColumnRole::Key, _) if text || !any => ColumnType::Text,
        (_, true) => ColumnType::Text,
        _ if *unit == Some(Unit::Count) || (unit.is_none() && whole) => ColumnType::Integer,
        _ => ColumnType::Number,
    };
    AnswerColumn {
        name: name.clone(),
        title: heading(given, frame, place),
        role: *role,
        holds,
        unit: *unit,
        format: unit.map(|unit| format_of(unit, given.layer().currency.as_deref(), whole)),
    }
}

/// What a column is called.
pub(super) fn heading(given: &Given<'_>, frame: &Frame, place: usize) -> String {
    let name = &frame.columns[place].name;
    let intent = &given.asked.intent;
    let compared = intent.comparison.as_ref().and_then(|comparison| column_title(name, comparison));
    let whole = || name.strip_suffix("_whole").filter(|_| intent.share.is_some()).map(|name| format!("all {}", title(name)));
    compared.or_else(whole).unwrap_or_else(|| title(name))
}
