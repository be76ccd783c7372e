//! Rows put in their order: of two with one key the later holds, and what is missing, out of order or far off is told.

use crate::domain::dataset::{DatasetReport, DatasetSettings};
use crate::domain::field::FieldError;
use crate::domain::frame::{Column, Frame};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

mod look;

/// The rows of `new` behind those of `held`.
///
/// # Errors
/// [`FieldError`] with the pointer `/columns/<name>` for a column that only one of them has, or that holds something else.
pub fn appended(held: &Frame, new: Frame) -> Result<Frame, FieldError> {
    if held.columns().is_empty() {
        return Ok(new);
    }
    let bad = |name: &str, detail: String| Err(FieldError::new(format!("/columns/{}", escaped(name)), detail));
    if let Some((name, _)) = new.columns().iter().find(|(name, _)| held.column(name).is_err()) {
        return bad(name, "the dataset has no such column; write it anew to change its columns".to_owned());
    }
    let mut joined = Vec::with_capacity(held.columns().len());
    for (name, column) in held.columns() {
        let Ok(more) = new.column(name) else {
            return bad(name, "the dataset has this column, and what is to be appended has not".to_owned());
        };
        match concatenated(column, more) {
            Some(column) => joined.push((Arc::clone(name), column)),
            None => return bad(name, format!("the dataset holds {} here, not {}", column.holds(), more.holds())),
        }
    }
    Frame::new(joined).map_err(|error| FieldError::new("/columns", error.to_string()))
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn concatenated(held: &Column, more: &Column) -> Option<Column> {
    fn both<T: Clone>(a: &[T], b: &[T]) -> Vec<T> {
        [a, b].concat()
    }
    let rows = more.len();
    Some(match (held, more) {
        (Column::Number(a), Column::Number(b)) => Column::Number(both(a, b)),
        (Column::Time(a), Column::Time(b)) => Column::Time(both(a, b)),
        (Column::Text(a), Column::Text(b)) => Column::Text(both(a, b)),
        (Column::Flag(a), Column::Flag(b)) => Column::Flag(both(a, b)),
        // A column of nothing has no type of its own.
        (held, more) if (0..rows).all(|row| more.is_missing(row)) => match held {
            Column::Number(a) => Column::Number(both(a, &vec![f64::NAN; rows])),
            Column::Time(a) => Column::Time(both(a, &vec![None; rows])),
            Column::Text(a) => Column::Text(both(a, &vec![None; rows])),
            Column::Flag(a) => Column::Flag(both(a, &vec![None; rows])),
        },
        _ => return None,
    })
}

/// The rows as the settings say: of those with one key the last, sorted by the columns of the order, else by the column that says when.
///
/// # Errors
/// [`FieldError`] where the settings name a column that is not there, or one that says no time as the one that says when.
pub fn arranged(frame: Frame, settings: &DatasetSettings, report: &mut DatasetReport) -> Result<Frame, FieldError> {
    check(&frame, settings)?;
    let frame = without_duplicates(frame, &settings.key, report);
    let order: Vec<&str> = match &settings.order {
        order if order.is_empty() => settings.time_column.as_deref().into_iter().collect(),
        order => order.iter().map(String::as_str).collect(),
    };
    let frame = sorted(frame, &order, report);
    let missing = |column: &Column| (0..frame.rows()).filter(|&row| column.is_missing(row)).count() as u64;
    let counted = frame.columns().iter().map(|(name, column)| (name.to_string(), missing(column)));
    report.missing = counted.filter(|(_, missing)| *missing > 0).collect();
    look::at(&frame, settings, report);
    Ok(frame)
}

fn check(frame: &Frame, settings: &DatasetSettings) -> Result<(), FieldError> {
    let there = |pointer: String, name: &str| match frame.column(name) {
        Ok(column) => Ok(column),
        Err(error) => Err(FieldError::new(pointer, error.to_string())),
    };
    for (n, name) in settings.key.iter().enumerate() {
        there(format!("/key/{n}"), name)?;
    }
    for (n, name) in settings.order.iter().enumerate() {
        there(format!("/order/{n}"), name)?;
    }
    if let Some(name) = &settings.time_column
        && !matches!(there("/time_column".to_owned(), name)?, Column::Time(_))
    {
        return Err(FieldError::new("/time_column", format!("column `{name}` holds no times")));
    }
    Ok(())
}

/// The same rows without those of which a later one has the same key. A row that misses a part of its key is like no other.
fn without_duplicates(frame: Frame, key: &[String], report: &mut DatasetReport) -> Frame {
    let columns: Vec<&Column> = key.iter().filter_map(|name| frame.column(name).ok()).collect();
    if columns.is_empty() {
        return frame;
    }
    let mut last: HashMap<[u8; 32], usize> = HashMap::with_capacity(frame.rows());
    let mut kept = vec![true; frame.rows()];
    let mut bytes = Vec::new();
    for row in 0..frame.rows() {
        if columns.iter().any(|column| column.is_missing(row)) {
            continue;
        }
        bytes.clear();
        columns.iter().for_each(|column| super::parts::put_value(&mut bytes, column, row));
        if let Some(earlier) = last.insert(*blake3::hash(&bytes).as_bytes(), row) {
            kept[earlier] = false;
            report.duplicates += 1;
        }
    }
    if report.duplicates == 0 {
        return frame;
    }
    let rows: Vec<usize> = (0..frame.rows()).filter(|&row| kept[row]).collect();
    frame.take(&rows)
}

fn sorted(frame: Frame, order: &[&str], report: &mut DatasetReport) -> Frame {
    let columns: Vec<&Column> = order.iter().filter_map(|name| frame.column(name).ok()).collect();
    let before = |a: usize, b: usize| {
        let compared = columns.iter().map(|column| compare(column, a, b));
        compared.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    let mut furthest = 0;
    for row in 1..frame.rows() {
        match before(row, furthest) {
            Ordering::Less => report.out_of_order += 1,
            _ => furthest = row,
        }
    }
    if report.out_of_order == 0 {
        return frame;
    }
    let mut rows: Vec<usize> = (0..frame.rows()).collect();
    rows.sort_by(|&a, &b| before(a, b));
    frame.take(&rows)
}

/// What is missing comes last.
fn compare(column: &Column, a: usize, b: usize) -> Ordering {
    fn of<T: Ord>(a: Option<T>, b: Option<T>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
    match column {
        Column::Number(values) => match (values[a], values[b]) {
            (a, b) if a.is_nan() || b.is_nan() => a.is_nan().cmp(&b.is_nan()),
            (a, b) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        },
        Column::Time(values) => of(values[a], values[b]),
        Column::Text(values) => of(values[a].as_ref(), values[b].as_ref()),
        Column::Flag(values) => of(values[a], values[b]),
    }
}

#[cfg(test)]
mod tests;
