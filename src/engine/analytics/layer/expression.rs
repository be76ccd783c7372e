//! The small language of the layer's expressions: columns, numbers, texts, comparisons, a few functions and the usual aggregates.
//!
//! An expression is read into a tree and written anew for each dialect, so no text of a layer ever reaches a warehouse as it stands.

use serde::{Deserialize, Deserializer, de};
use std::fmt;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A column; without a table until the layer is checked, and for good where it names a value of a measure's inner step.
    Column {
        /// Of this table.
        table: Option<String>,
        /// Its name.
        name: String,
    },
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Two operands.
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// The opposite.
    Not(Box<Expression>),
    /// Is, or is not, null.
    IsNull {
        /// What.
        of: Box<Expression>,
        /// Is not.
        negated: bool,
    },
    /// Is, or is not, one of some constants.
    In {
        /// What.
        of: Box<Expression>,
        /// The constants.
        list: Vec<Expression>,
        /// Is not.
        negated: bool,
    },
    /// A function of one row.
    Call(Function, Vec<Expression>),
    /// A function of many rows; a count of rows has no operand.
    Aggregate(Aggregate, Option<Box<Expression>>),
}

/// An operator of two operands, the loosest binding first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Either.
    Or,
    /// Both.
    And,
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
    /// Sum.
    Add,
    /// Difference.
    Subtract,
    /// Product.
    Multiply,
    /// Quotient; null where the divisor is nought.
    Divide,
}

impl Operator {
    /// How tightly it binds.
    pub(super) fn binding(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Add | Self::Subtract => 5,
            Self::Multiply | Self::Divide => 6,
            _ => 4,
        }
    }

    /// As SQL writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Or => "OR",
            Self::And => "AND",
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }
}

/// A function of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// The first that is not null.
    Coalesce,
    /// Null where both are equal.
    NullIf,
    /// `if(condition, then, else)`.
    If,
    /// `days(from, to)`: days between two moments, with their fraction.
    Days,
    /// `calendar_days(from, to)`: midnights between two moments.
    CalendarDays,
}

impl Function {
    /// As the language writes it.
    fn written(self) -> &'static str {
        match self {
            Self::Coalesce => "coalesce",
            Self::NullIf => "nullif",
            Self::If => "if",
            Self::Days => "days",
            Self::CalendarDays => "calendar_days",
        }
    }
}

/// A function of many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// Sum.
    Sum,
    /// How many rows, or how many that are not null.
    Count,
    /// How many different ones.
    CountDistinct,
    /// Mean.
    Avg,
    /// Least.
    Min,
    /// Greatest.
    Max,
}

impl Aggregate {
    /// As the language writes it.
    fn written(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Count => "count",
            Self::CountDistinct => "count_distinct",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

/// As the language writes it, so that it reads back as the same expression.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operand = |of: &Self| match of {
            Self::Binary(..) | Self::Not(_) | Self::IsNull { .. } | Self::In { .. } => format!("({of})"),
            _ => of.to_string(),
        };
        let list = |of: &[Self]| of.iter().map(Self::to_string).collect::<Vec<_>>().join(", ");
        let not = |negated: &bool| if *negated { "not " } else { "" };
        match self {
            Self::Column { table: Some(table), name } => write!(f, "{table}.{name}"),
            Self::Column { table: None, name } => f.write_str(name),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Binary(operator, left, right) => {
                write!(f, "{} {} {}", operand(left), operator.symbol().to_lowercase(), operand(right))
            }
            Self::Not(of) => write!(f, "not {}", operand(of)),
            Self::IsNull { of, negated } => write!(f, "{} is {}null", operand(of), not(negated)),
            Self::In { of, list: constants, negated } => write!(f, "{} {}in ({})", operand(of), not(negated), list(constants)),
            Self::Call(function, operands) => write!(f, "{}({})", function.written(), list(operands)),
            Self::Aggregate(aggregate, of) => {
                write!(f, "{}({})", aggregate.written(), of.as_ref().map_or_else(String::new, |of| of.to_string()))
            }
        }
    }
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// What was expected, and where.
    pub fn read(text: &str) -> Result<Self, String> {
        super::reader::read(text)
    }

    /// Calls `visit` for this expression and all within it.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match self {
            Self::Column { .. } | Self::Number(_) | Self::Text(_) | Self::Aggregate(_, None) => {}
            Self::Binary(_, left, right) => {
                left.walk(visit);
                right.walk(visit);
            }
            Self::Not(of) | Self::IsNull { of, .. } | Self::Aggregate(_, Some(of)) => of.walk(visit),
            Self::In { of, list, .. } => {
                of.walk(visit);
                list.iter().for_each(|item| item.walk(visit));
            }
            Self::Call(_, operands) => operands.iter().for_each(|operand| operand.walk(visit)),
        }
    }

    /// Calls `change` for this expression and all within it.
    pub fn walk_mut(&mut self, change: &mut impl FnMut(&mut Self)) {
        change(self);
        match self {
            Self::Column { .. } | Self::Number(_) | Self::Text(_) | Self::Aggregate(_, None) => {}
            Self::Binary(_, left, right) => {
                left.walk_mut(change);
                right.walk_mut(change);
            }
            Self::Not(of) | Self::IsNull { of, .. } | Self::Aggregate(_, Some(of)) => of.walk_mut(change),
            Self::In { of, list, .. } => {
                of.walk_mut(change);
                list.iter_mut().for_each(|item| item.walk_mut(change));
            }
            Self::Call(_, operands) => operands.iter_mut().for_each(|operand| operand.walk_mut(change)),
        }
    }

    /// The tables whose columns it reads, each once.
    pub fn tables(&self) -> Vec<&str> {
        let mut tables = Vec::new();
        self.walk(&mut |part| {
            if let Self::Column { table: Some(table), .. } = part
                && !tables.contains(&table.as_str())
            {
                tables.push(table);
            }
        });
        tables
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).map_err(de::Error::custom)
    }
}
