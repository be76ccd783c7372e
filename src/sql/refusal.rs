//! Why a statement may not reach the warehouse.

use serde::{Deserialize, Serialize};
use sqlparser::tokenizer::Span;
use std::fmt;

/// What of the statement was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// Its characters: the gate and the warehouse could read them differently.
    Text,
    /// Its grammar: the parser of the dialect cannot read it.
    Syntax,
    /// It is not exactly one SELECT.
    Statement,
    /// A clause that no question needs, such as INTO, SETTINGS, FORMAT or FOR UPDATE.
    Clause,
    /// A kind of expression, an operator or a literal that is not on the list.
    Expression,
    /// A table that the role does not know, or a source of rows that is not a table.
    Table,
    /// A column that the role does not know at this place.
    Column,
    /// A function that is not on the list of the dialect.
    Function,
    /// A type that is not on the list.
    Type,
    /// It is too long, too deep, joins too much or asks for too many rows.
    Size,
    /// The caller lacks what the row filter of a table needs.
    Caller,
}

/// A place in the text that was given, counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

/// A refusal: what, where and why, in words for whoever wrote the statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub struct Refused {
    /// What was refused.
    pub kind: RefusalKind,
    /// Where, if the place is known.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub place: Option<Position>,
    /// Why, in a sentence.
    pub says: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(Position { line, column }) => write!(f, "line {line}, column {column}: {}", self.says),
            None => f.write_str(&self.says),
        }
    }
}

impl Refused {
    pub(super) fn new(kind: RefusalKind, says: impl Into<String>) -> Self {
        Self { kind, place: None, says: says.into() }
    }

    pub(super) fn at(mut self, span: Span) -> Self {
        if self.place.is_none() && span.start.line > 0 {
            self.place = Some(Position { line: span.start.line, column: span.start.column });
        }
        self
    }
}

/// Refuses with a kind and a sentence.
pub(super) fn refuse<T>(kind: RefusalKind, says: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::new(kind, says))
}
