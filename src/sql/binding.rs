//! Values that the gate puts into a statement: typed, as literals of the syntax tree or as parameters, never as text.

use super::dialect::Dialect;
use super::refusal::{RefusalKind, Refused, refuse};
pub use crate::domain::sql_value::{Binding, Scalar};
use serde::{Deserialize, Serialize};
use sqlparser::ast::{Expr, Value, ValueWithSpan};
use sqlparser::tokenizer::Span;

/// How values of row filters are put into statements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    /// As parameters, with the values beside the statement.
    #[default]
    Bound,
    /// As literals of the syntax tree, for a warehouse whose client takes no parameters.
    Written,
}

impl Scalar {
    /// Whether the value can be compared with a column of this type; a type with an unknown name takes texts only.
    fn fits(&self, data_type: &str) -> bool {
        let name = data_type.to_ascii_lowercase();
        let whole = name.contains("int") || name.contains("serial");
        match self {
            Self::Integer(_) => whole,
            Self::Boolean(_) => name.contains("bool"),
            Self::Text(_) => !whole && !name.contains("bool"),
        }
    }

    /// The type in which a value is bound where no column says one.
    pub(super) const fn own_type(&self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::Boolean(_), Dialect::ClickHouse) => "Bool",
            (Self::Boolean(_), _) => "BOOLEAN",
            (Self::Integer(_), Dialect::ClickHouse) => "Int64",
            (Self::Integer(_), _) => "BIGINT",
            (Self::Text(_), Dialect::ClickHouse) => "String",
            (Self::Text(_), Dialect::PostgreSql) => "TEXT",
            (Self::Text(_), _) => "VARCHAR",
        }
    }

    /// The literal of the syntax tree, which the printer quotes.
    fn literal(&self) -> Result<Value, Refused> {
        Ok(match self {
            Self::Boolean(value) => Value::Boolean(*value),
            Self::Integer(value) => Value::Number(value.to_string(), false),
            Self::Text(text) if text.chars().all(|c| c.is_alphanumeric() || " _-.:@/+=".contains(c)) => {
                Value::SingleQuotedString(text.clone())
            }
            Self::Text(_) => {
                return refuse(RefusalKind::Caller, "the caller's value holds characters that are only sent as a parameter");
            }
        })
    }
}

/// The bindings of one statement; equal values of a type share one.
#[derive(Debug)]
pub(super) struct Bindings {
    dialect: Dialect,
    values: Values,
    bound: Vec<Binding>,
}

impl Bindings {
    pub(super) const fn new(dialect: Dialect, values: Values) -> Self {
        Self { dialect, values, bound: Vec::new() }
    }

    pub(super) fn bound(&self) -> &[Binding] {
        &self.bound
    }

    /// The expression that stands for a value of a caller, compared with something of this type.
    pub(super) fn expression(&mut self, value: &Scalar, data_type: &str) -> Result<Expr, Refused> {
        if !value.fits(data_type) {
            return refuse(
                RefusalKind::Caller,
                format!("the caller's value does not fit the type {data_type} of the row filter"),
            );
        }
        let value = match self.values {
            Values::Written => value.literal()?,
            Values::Bound => Value::Placeholder(self.dialect.inner_placeholder(self.number(value, data_type))),
        };
        Ok(Expr::Value(ValueWithSpan { value, span: Span::empty() }))
    }

    fn number(&mut self, value: &Scalar, data_type: &str) -> usize {
        if let Some(at) = self.bound.iter().position(|held| held.value == *value && held.data_type == data_type) {
            return at + 1;
        }
        let number = self.bound.len() + 1;
        let name = if self.dialect == Dialect::ClickHouse { format!("p{number}") } else { number.to_string() };
        self.bound.push(Binding { name, data_type: data_type.to_owned(), value: value.clone() });
        number
    }
}
