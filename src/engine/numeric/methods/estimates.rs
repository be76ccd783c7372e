//! How regressions read their rows and give their numbers.

use super::plot::POINTS_MAX;
use super::tabular::{last_of_each, left_out, window};
use crate::domain::frame::{Column, Frame, FrameError};
use crate::domain::time::Timestamp;
use crate::stats::regression::Estimate;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// An estimate with its error, test and interval.
pub(super) fn estimate(found: &Estimate) -> Value {
    json!({
        "estimate": found.value,
        "standard_error": found.standard_error,
        "t": found.t,
        "p_value": found.p_value,
        "interval": found.interval,
    })
}

/// The same with a name, for lists.
pub(super) fn named(name: &str, found: &Estimate) -> Value {
    let mut value = estimate(found);
    value["name"] = json!(name);
    value
}

/// The rows in which none of these columns misses a value; tells of the others.
pub(super) fn complete(frame: &Frame, needed: &[&str], told: &mut Vec<String>) -> Result<Frame, FrameError> {
    let whole = frame.complete(needed)?;
    left_out(told, frame.rows() - whole.rows(), "a value is missing");
    Ok(whole)
}

/// The last row of each key, which is what these columns hold together; tells of the others.
pub(super) fn once(frame: &Frame, key: &[&str], told: &mut Vec<String>) -> Result<Frame, FrameError> {
    let columns = key.iter().map(|name| frame.column(name)).collect::<Result<Vec<_>, _>>()?;
    let kept =
        last_of_each((0..frame.rows()).map(|row| columns.iter().map(|column| cell(column, row)).collect::<Option<Vec<_>>>()));
    kept.tell(&key.join(" and "), told);
    Ok(if kept.rows.len() == frame.rows() { frame.clone() } else { frame.take(&kept.rows) })
}

fn cell(column: &Column, row: usize) -> Option<String> {
    match column {
        _ if column.is_missing(row) => None,
        Column::Number(values) => Some(values[row].to_string()),
        Column::Time(values) => values[row].map(|at| at.as_micros().to_string()),
        Column::Text(values) => values[row].as_deref().map(ToOwned::to_owned),
        Column::Flag(values) => values[row].map(|flag| flag.to_string()),
    }
}

/// The rows that a test of their numbers allows; tells of the others.
pub(super) fn keep(frame: &Frame, told: &mut Vec<String>, why: &str, allowed: impl Fn(usize) -> bool) -> Frame {
    let rows: Vec<usize> = (0..frame.rows()).filter(|&row| allowed(row)).collect();
    left_out(told, frame.rows() - rows.len(), why);
    if rows.len() == frame.rows() { frame.clone() } else { frame.take(&rows) }
}

/// Whether the frame has a column of this name.
pub(super) fn has(frame: &Frame, name: &str) -> bool {
    frame.columns().iter().any(|(own, _)| &**own == name)
}

/// First and last moment of the column `time`, where there is one.
pub(super) fn span(frame: &Frame) -> Option<[Timestamp; 2]> {
    window(frame.times("time").ok()?.iter().copied().flatten())
}

/// The labels of a column of texts as numbers from 0, in the order of their first rows.
pub(super) fn groups(labels: &[Option<Arc<str>>]) -> (Vec<u32>, Vec<Arc<str>>) {
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut places = HashMap::new();
    let number = |label: &Option<Arc<str>>| {
        let label = label.clone().unwrap_or_default();
        *places.entry(label.clone()).or_insert_with(|| {
            names.push(label);
            names.len() as u32 - 1
        })
    };
    (labels.iter().map(number).collect(), names)
}

/// Points, every so many of them where there are too many.
pub(super) fn dots(name: &str, points: &[(f64, f64)]) -> Value {
    let every = points.len().div_ceil(POINTS_MAX).max(1);
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().step_by(every).copied().unzip();
    json!({"type": "scatter", "mode": "markers", "name": name, "x": x, "y": y, "marker": {"size": 5, "opacity": 0.5}})
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;

    #[test]
    fn missing_and_repeated_rows_are_left_out_and_told() {
        let frame = trial::frame(vec![
            ("time", trial::times(&["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", ""])),
            ("x", Column::Number(vec![1.0, 2.0, f64::NAN, 4.0])),
        ]);
        let mut told = Vec::new();
        let rows = complete(&frame, &["x"], &mut told).unwrap();
        let rows = once(&rows, &["time"], &mut told).unwrap();
        assert_eq!(rows.numbers("x").unwrap(), [2.0]);
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(keep(&rows, &mut told, "x is 2", |row| rows.numbers("x").unwrap()[row] != 2.0).rows(), 0);
    }
}
