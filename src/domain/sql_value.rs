//! Values that go to a warehouse beside a statement, and those that come back.

use serde::{Deserialize, Serialize};

/// A value that goes to a warehouse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
}

/// A value that goes to the warehouse beside the statement, in the order of its placeholders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// Its name where the dialect names parameters, else its number, from one.
    pub name: String,
    /// Its type in the words of the warehouse.
    #[serde(rename = "type")]
    pub data_type: String,
    /// The value.
    pub value: Scalar,
}

/// A value of a row that came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number; never infinite and never NaN.
    Number(f64),
    /// A text; also a moment or a day, as ISO 8601 writes it, and `true` or `false`.
    Text(String),
}

impl Cell {
    /// The number in it.
    pub fn number(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "measures are compared to parts of a percent")]
            Self::Integer(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Null | Self::Text(_) => None,
        }
    }
}
