//! How methods read rows of people, trades and alerts: labels, flags, one row for each key, and what is told of rows left out.

use crate::domain::answer::Confidence;
use crate::domain::frame::{Column, Frame, FrameError};
use crate::domain::time::Timestamp;
use crate::engine::numeric::method::Doubt;
use crate::stats::interval::Interval;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Days in a mean month of the Gregorian calendar.
pub(super) const DAYS_PER_MONTH: f64 = 30.436_875;

/// A column of labels: texts, or whole numbers such as tiers.
pub(super) fn labels(frame: &Frame, name: &str) -> Result<Vec<Option<Arc<str>>>, FrameError> {
    match frame.column(name)? {
        Column::Text(texts) => Ok(texts.iter().map(|text| text.clone().filter(|text| !text.trim().is_empty())).collect()),
        Column::Number(numbers) => Ok(numbers.iter().map(|n| (!n.is_nan()).then(|| format!("{n}").into())).collect()),
        other => Err(FrameError::Type { name: name.to_owned(), is: other.holds(), wanted: "texts or numbers" }),
    }
}

/// A column of labels where there is one.
pub(super) fn labels_if_any(frame: &Frame, name: &str) -> Result<Option<Vec<Option<Arc<str>>>>, FrameError> {
    if frame.columns().iter().any(|(one, _)| &**one == name) { labels(frame, name).map(Some) } else { Ok(None) }
}

/// A column of yes and no: flags, or 1 and 0.
pub(super) fn flags(frame: &Frame, name: &str) -> Result<Vec<Option<bool>>, FrameError> {
    match frame.column(name)? {
        Column::Flag(flags) => Ok(flags.clone()),
        Column::Number(numbers) => Ok(numbers.iter().map(|n| (!n.is_nan()).then_some(*n != 0.0)).collect()),
        other => Err(FrameError::Type { name: name.to_owned(), is: other.holds(), wanted: "flags, or 1 and 0" }),
    }
}

/// The last row of each key, in the order of the rows; rows without a key are left out.
pub(super) fn last_of_each<K: Hash + Eq>(keys: impl Iterator<Item = Option<K>>) -> Kept {
    let mut last = HashMap::new();
    let (mut without, mut seen) = (0, 0);
    for (row, key) in keys.enumerate() {
        match key {
            Some(key) => {
                seen += 1;
                last.insert(key, row);
            }
            None => without += 1,
        }
    }
    let mut rows: Vec<usize> = last.into_values().collect();
    rows.sort_unstable();
    Kept { again: seen - rows.len(), rows, without }
}

/// Which rows are used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// These, from 0.
    pub rows: Vec<usize>,
    /// Rows without a key.
    pub without: usize,
    /// Rows whose key came again later.
    pub again: usize,
}

impl Kept {
    /// Tells of the rows that are not used.
    pub fn tell(&self, what: &str, told: &mut Vec<String>) {
        left_out(told, self.without, &format!("{what} is missing"));
        left_out(told, self.again, &format!("the same {what} came again later"));
    }
}

/// Tells that rows were left out, where any were.
pub(super) fn left_out(told: &mut Vec<String>, count: usize, why: &str) {
    match count {
        0 => {}
        1 => told.push(format!("1 row was left out: {why}.")),
        _ => told.push(format!("{count} rows were left out: {why}.")),
    }
}

/// A reason to trust a fit less.
pub(super) fn doubt(at_most: Confidence, reason: impl Into<String>) -> Doubt {
    Doubt { at_most, reason: reason.into() }
}

/// First and last of some moments.
pub(super) fn window(moments: impl Iterator<Item = Timestamp>) -> Option<[Timestamp; 2]> {
    moments.fold(None, |found, at| Some(found.map_or([at, at], |[first, last]: [Timestamp; 2]| [first.min(at), last.max(at)])))
}

/// Days from one moment to another.
pub(super) fn days_between(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_micros() - from.as_micros()) as f64 / 86_400e6
}

/// `[low, high]`.
pub(super) fn pair(interval: Interval) -> Value {
    json!([interval.low, interval.high])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_row_of_a_key_stays_and_the_others_are_told() {
        let kept = last_of_each([Some("a"), Some("b"), None, Some("a")].into_iter());
        assert_eq!(kept, Kept { rows: vec![1, 3], without: 1, again: 1 });
        let mut told = Vec::new();
        kept.tell("user", &mut told);
        assert_eq!(told, ["1 row was left out: user is missing.", "1 row was left out: the same user came again later."]);
    }

    #[test]
    fn numbers_serve_as_labels_and_as_flags() {
        let column = Column::Number(vec![3.0, f64::NAN, 0.0]);
        let frame = Frame::new(vec![("x".into(), column)]).unwrap();
        assert_eq!(labels(&frame, "x").unwrap(), [Some("3".into()), None, Some("0".into())]);
        assert_eq!(flags(&frame, "x").unwrap(), [Some(true), None, Some(false)]);
        assert_eq!(labels_if_any(&frame, "y").unwrap(), None);
        assert!(flags(&Frame::new(vec![("x".into(), Column::Time(vec![None]))]).unwrap(), "x").is_err());
    }
}
