//! What other definitions of the same thing say.

use super::super::super::compile::ColumnRole;
use super::super::super::reconcile::{Frame, Outcome, Reconciliation, reconcile};
use super::super::figures::percent;
use super::super::phrases::{key_forms, title, within};
use super::{Scene, Weight};

impl Scene<'_> {
    pub(super) fn siblings(&mut self) {
        let siblings = &self.given.compiled.siblings;
        for (at, (query, frame)) in siblings.iter().zip(self.given.siblings).enumerate() {
            let Some(frame) = frame else { continue };
            let comment =
                self.layer().measures.get(&query.definition).map(|measure| within(&measure.comment)).unwrap_or_default();
            let result = reconcile(self.frame, frame);
            let sentence = self.sibling((at + 2, &comment), frame, &result);
            self.say(Weight::Doubt, sentence);
        }
    }

    fn sibling(&self, (number, comment): (usize, &str), frame: &Frame, result: &Reconciliation) -> String {
        let lead = format!("By another definition ({comment})");
        let delta = result.delta.map(percent).unwrap_or_default();
        let keyed = !self.frame.places(ColumnRole::Key).is_empty();
        if !keyed && let Some(value) = first_value(frame, 0) {
            let apart = match result.outcome {
                Outcome::Agreed | Outcome::Close | Outcome::Disagreed if result.delta != Some(0.0) => {
                    format!(", {delta} apart [Q1, Q{number} delta]")
                }
                _ => ", the same".to_owned(),
            };
            return format!("{lead} it was {} [Q{number}]{apart}.", self.shown(value, self.first()));
        }
        match result.outcome {
            Outcome::Agreed if result.delta == Some(0.0) => format!("{lead} every value is the same."),
            Outcome::Agreed | Outcome::Close => format!("{lead} no value differs by more than {delta} [Q1, Q{number} delta]."),
            Outcome::Disagreed => {
                format!("{lead} values differ by up to {delta} [Q1, Q{number} delta]{}.", self.worst(number, frame, result))
            }
            Outcome::KeysDiffer => format!("{lead} there are other groups, so they can't be matched row by row."),
            Outcome::ShapesDiffer | Outcome::Skipped(_) => format!("{lead} the result can't be laid beside this one."),
        }
    }

    /// Where two definitions are furthest apart: `, most for voucher: 1 [Q1] against 2 [Q2]`.
    fn worst(&self, number: usize, frame: &Frame, result: &Reconciliation) -> String {
        let row = |frame: &Frame, key: &str| frame.keys().iter().position(|found| found.join(" / ") == key);
        let Some(difference) = result.differences.first() else { return String::new() };
        let (Some(ours), Some(theirs)) = (row(self.frame, &difference.key), row(frame, &difference.key)) else {
            return String::new();
        };
        let column = self.first();
        match (first_value(self.frame, ours), first_value(frame, theirs)) {
            (Some(one), Some(other)) => {
                let (one, other) = (self.shown(one, column), self.shown(other, column));
                format!(", most for {}: {one} [Q1] against {other} [Q{number}]", self.short(ours))
            }
            _ => String::new(),
        }
    }
}

fn first_value(frame: &Frame, row: usize) -> Option<f64> {
    let column = *frame.places(ColumnRole::Value).first()?;
    frame.rows.get(row)?.get(column)?.number()
}

/// A row of another query by the names of its keys.
pub(super) fn named(frame: &Frame, row: usize) -> String {
    let keys = frame.places(ColumnRole::Key).into_iter().map(|place| {
        let column = &frame.columns[place];
        let form = key_forms(column, frame.rows.get(row).and_then(|row| row.get(place))).into_iter().next();
        form.unwrap_or_else(|| format!("an unnamed {}", title(&column.name)))
    });
    keys.collect::<Vec<_>>().join(", ")
}
