//! Two results that should say the same thing, held against one another row by row.

use super::super::compile::ColumnRole;
use super::super::intent::View;
use super::Frame;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Up to this symmetric difference two definitions agree.
pub const AGREED_DELTA: f64 = 0.02;

/// Up to this they are close.
pub const CLOSE_DELTA: f64 = 0.05;

/// Rows that are told where two results differ most.
const DIFFERENCES_TOLD: usize = 5;

/// How two results compare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// The verdict.
    pub outcome: Outcome,
    /// The greatest symmetric difference of a row.
    pub delta: Option<f64>,
    /// Rows that both have.
    pub compared: usize,
    /// Keys that only the first has.
    pub only_first: Vec<String>,
    /// Keys that only the second has.
    pub only_second: Vec<String>,
    /// Where they differ most.
    pub differences: Vec<Difference>,
}

/// One row in two results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Its key.
    pub key: String,
    /// In the first.
    pub first: Option<f64>,
    /// In the second.
    pub second: Option<f64>,
    /// The symmetric difference; whole where one of them is missing.
    pub delta: f64,
}

/// The verdict on two results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "because")]
pub enum Outcome {
    /// They agree.
    Agreed,
    /// They nearly agree.
    Close,
    /// They do not agree.
    Disagreed,
    /// They are about different groups, whatever the values are.
    KeysDiffer,
    /// One can't be laid beside the other.
    ShapesDiffer,
    /// There was nothing to compare.
    Skipped(Skip),
}

/// Why nothing was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// There is one definition, and that is all there should be.
    SingleDefinition,
    /// What was asked looks at one population from several sides, which are not supposed to agree.
    ComplementaryViews,
    /// Other definitions were to be compared and none came back.
    InsufficientSiblings,
}

impl Skip {
    /// Why there is nothing to compare, where there isn't: what a question looks for and how many other definitions there were and came back.
    pub fn of(view: View, planned: usize, returned: usize) -> Option<Self> {
        match (view, planned, returned) {
            (View::Relationship, ..) => Some(Self::ComplementaryViews),
            (_, 0, _) => Some(Self::SingleDefinition),
            (_, _, 0) => Some(Self::InsufficientSiblings),
            _ => None,
        }
    }
}

impl Reconciliation {
    /// Nothing was compared.
    pub fn skipped(skip: Skip) -> Self {
        Self::without(Outcome::Skipped(skip))
    }

    fn without(outcome: Outcome) -> Self {
        Self { outcome, delta: None, compared: 0, only_first: Vec::new(), only_second: Vec::new(), differences: Vec::new() }
    }
}

/// The symmetric difference of two numbers: their distance over the mean of their sizes, 0 to 2.
pub fn delta(a: f64, b: f64) -> f64 {
    let size = f64::midpoint(a.abs(), b.abs());
    if a == b {
        0.0
    } else if size.is_finite() && size > 0.0 {
        ((a - b).abs() / size).min(2.0)
    } else {
        2.0
    }
}

/// Holds the first value of two results against one another, matched by their keys.
pub fn reconcile(first: &Frame, second: &Frame) -> Reconciliation {
    let keys = |frame: &Frame| -> Vec<String> {
        frame.places(ColumnRole::Key).into_iter().map(|place| frame.columns[place].name.clone()).collect()
    };
    let (Some(one), Some(other)) = (first.places(ColumnRole::Value).first().copied(), common_value(first, second)) else {
        return Reconciliation::without(Outcome::ShapesDiffer);
    };
    let (Some(ours), Some(theirs)) = (by_key(first, one), by_key(second, other)) else {
        return Reconciliation::without(Outcome::ShapesDiffer);
    };
    if keys(first) != keys(second) {
        return Reconciliation::without(Outcome::ShapesDiffer);
    }
    let missing = |from: &BTreeMap<String, Option<f64>>, of: &BTreeMap<String, Option<f64>>| -> Vec<String> {
        of.keys().filter(|key| !from.contains_key(*key)).cloned().collect()
    };
    let (only_first, only_second) = (missing(&theirs, &ours), missing(&ours, &theirs));
    let mut differences: Vec<Difference> = Vec::new();
    for (key, first) in &ours {
        let Some(second) = theirs.get(key) else { continue };
        let delta = match (first, second) {
            (Some(a), Some(b)) => delta(*a, *b),
            (None, None) => 0.0,
            _ => 2.0,
        };
        differences.push(Difference { key: key.clone(), first: *first, second: *second, delta });
    }
    let compared = differences.len();
    differences.sort_by(|a, b| b.delta.total_cmp(&a.delta).then_with(|| a.key.cmp(&b.key)));
    let delta = differences.first().map(|worst| worst.delta);
    let outcome = match delta {
        _ if !(only_first.is_empty() && only_second.is_empty()) => Outcome::KeysDiffer,
        None => Outcome::ShapesDiffer,
        Some(delta) if delta <= AGREED_DELTA => Outcome::Agreed,
        Some(delta) if delta <= CLOSE_DELTA => Outcome::Close,
        Some(_) => Outcome::Disagreed,
    };
    differences.retain(|difference| difference.delta > 0.0);
    differences.truncate(DIFFERENCES_TOLD);
    Reconciliation { outcome, delta, compared, only_first, only_second, differences }
}

/// The value of the second that is called as the first's is, else its first.
fn common_value(first: &Frame, second: &Frame) -> Option<usize> {
    let name = &first.columns[*first.places(ColumnRole::Value).first()?].name;
    let theirs = second.places(ColumnRole::Value);
    theirs.iter().find(|place| second.columns[**place].name == *name).or(theirs.first()).copied()
}

/// Values by key; none where a key stands twice.
fn by_key(frame: &Frame, place: usize) -> Option<BTreeMap<String, Option<f64>>> {
    let mut rows = BTreeMap::new();
    for (key, number) in frame.keys().into_iter().zip(frame.numbers(place)) {
        if rows.insert(key.join(" / "), number).is_some() {
            return None;
        }
    }
    Some(rows)
}
