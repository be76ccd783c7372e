//! Conditions on fitted values under which a fit is trusted less.

use super::path::{Path, Scope};
use crate::domain::answer::Confidence;
use serde_json::{Map, Value};

/// A value held against a number.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    path: Path,
    order: Order,
    bound: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
}

/// A reason of the catalogue to trust a fit less.
#[derive(Debug, Clone, PartialEq)]
pub struct DoubtRule {
    /// Where it holds.
    pub when: Condition,
    /// The most confidence that is left.
    pub at_most: Confidence,
    /// Why, in one sentence.
    pub reason: String,
}

impl Condition {
    /// Reads `path < number` and the like.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(text: &str) -> Result<Self, String> {
        // The longer signs come first, for the shorter ones are parts of them.
        let signs =
            [("<=", Order::AtMost), (">=", Order::AtLeast), ("==", Order::Equal), ("<", Order::Less), (">", Order::Greater)];
        let found = signs.iter().find_map(|(sign, order)| text.split_once(sign).map(|sides| (sides, *order)));
        let ((path, bound), order) = found.ok_or("a path, one of < <= > >= ==, and a number are expected")?;
        let bound: f64 = bound.trim().parse().map_err(|_| format!("`{}` is no number", bound.trim()))?;
        if !bound.is_finite() {
            return Err("the number must be finite".to_owned());
        }
        Ok(Self { path: Path::read(path)?, order, bound })
    }

    /// The path that it looks at.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it holds; what is not there holds nothing. Of yes and no, yes is 1.
    pub fn holds(&self, parameters: &Map<String, Value>, values: &Map<String, Value>) -> bool {
        let found = self.path.find(&Scope::new(parameters, values));
        let number = found.and_then(|value| value.as_f64().or_else(|| value.as_bool().map(|flag| f64::from(u8::from(flag)))));
        number.is_some_and(|number| match self.order {
            Order::Less => number < self.bound,
            Order::AtMost => number <= self.bound,
            Order::Greater => number > self.bound,
            Order::AtLeast => number >= self.bound,
            Order::Equal => (number - self.bound).abs() <= f64::EPSILON * self.bound.abs().max(1.0),
        })
    }
}
