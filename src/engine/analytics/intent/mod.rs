//! What is asked, as data: measures, what they are taken by, which rows, which window, and what is done with the result.
//!
//! Two questions of the same meaning have the same intent, whatever their words; its digest is the key that a cache keeps answers under.

mod canonical;
pub mod period;
#[cfg(test)]
mod tests;

use self::period::{Level, Window};
use super::layer::End;
use serde::{Deserialize, Serialize};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The layer that its names are of.
    pub layer: String,
    /// The measures, in the order in which they are asked for.
    pub measures: Vec<String>,
    /// What they are taken by.
    pub dimensions: Vec<String>,
    /// The steps of time that they are taken by.
    pub by_time: Option<Level>,
    /// Which rows count.
    pub filters: Vec<Filter>,
    /// The moment that the window is about; the measure's own where nothing is said.
    pub time: Option<String>,
    /// The window.
    pub window: Option<Window>,
    /// Two windows to be held against one another.
    pub comparison: Option<Comparison>,
    /// Only groups with this much of something.
    pub thresholds: Vec<Threshold>,
    /// The groups at one end.
    pub ranking: Option<Ranking>,
    /// The measure as a part of a whole.
    pub share: Option<Share>,
    /// What the result is looked at for.
    pub view: View,
}

/// A condition on rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Filter {
    /// A dimension has, or has not, one of these values.
    Values {
        /// The dimension.
        dimension: String,
        /// The values.
        values: Vec<String>,
        /// Has not.
        negated: bool,
    },
    /// A term of the glossary holds, or does not.
    Term {
        /// The term.
        term: String,
        /// Does not.
        negated: bool,
    },
}

/// Two windows, the earlier first unless the question turned them round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// What is compared with.
    pub before: Window,
    /// What is compared.
    pub after: Window,
    /// Whether the question speaks of a rise or of a fall.
    pub direction: Option<End>,
}

/// Only groups with this much of something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// The measure.
    pub measure: String,
    /// How it is held against the bound.
    pub relation: Relation,
    /// The bound.
    pub bound: f64,
}

/// How a value is held against a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// At least.
    AtLeast,
    /// More than.
    MoreThan,
    /// At most.
    AtMost,
    /// Less than.
    LessThan,
    /// Exactly.
    Exactly,
}

impl Relation {
    /// Whether it holds between a value and a bound.
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::AtLeast => value >= bound,
            Self::MoreThan => value > bound,
            Self::AtMost => value <= bound,
            Self::LessThan => value < bound,
            Self::Exactly => value.total_cmp(&bound).is_eq(),
        }
    }

    /// What holds where this does not; none for that which leaves two sides.
    pub fn turned(self) -> Option<Self> {
        Some(match self {
            Self::AtLeast => Self::LessThan,
            Self::MoreThan => Self::AtMost,
            Self::AtMost => Self::MoreThan,
            Self::LessThan => Self::AtLeast,
            Self::Exactly => return None,
        })
    }
}

/// The groups at one end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranking {
    /// Which end comes first.
    pub first: End,
    /// How many groups.
    pub limit: u32,
    /// By how much the measure changed, rather than by the measure.
    pub by_change: bool,
}

/// The measure as a part of a whole: with the intent's filters, over with these alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The filters that the whole has too.
    pub of: Vec<Filter>,
}

/// What a result is looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The numbers.
    Table,
    /// How something is spread.
    Distribution,
    /// How two things go together.
    Relationship,
}

impl Intent {
    /// An intent that asks for measures alone.
    pub fn of(layer: &str, measures: Vec<String>) -> Self {
        Self {
            layer: layer.to_owned(),
            measures,
            dimensions: Vec::new(),
            by_time: None,
            filters: Vec::new(),
            time: None,
            window: None,
            comparison: None,
            thresholds: Vec::new(),
            ranking: None,
            share: None,
            view: View::Table,
        }
    }

    /// Whether the result has a row for each group rather than one alone.
    pub fn is_grouped(&self) -> bool {
        !self.dimensions.is_empty() || self.by_time.is_some() || self.comparison.is_some()
    }
}
