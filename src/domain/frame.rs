//! A frame: named columns of one length, the input of every statistical method.
//!
//! Invariants: all columns have the same length; names are unique; a number is finite or missing, never infinite.

use super::time::Timestamp;
use std::sync::Arc;

/// Named columns of one length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    columns: Vec<(Arc<str>, Column)>,
    rows: usize,
}

/// The values of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Numbers; NaN where a value is missing, and never infinite.
    Number(Vec<f64>),
    /// Moments.
    Time(Vec<Option<Timestamp>>),
    /// Texts.
    Text(Vec<Option<Arc<str>>>),
    /// Yes or no.
    Flag(Vec<Option<bool>>),
}

/// Why a frame can't be built or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// There is no such column.
    #[error("there is no column `{name}`; there are: {known}")]
    Missing {
        /// The one that was asked for.
        name: String,
        /// Those that there are, with commas.
        known: String,
    },
    /// The column holds something else.
    #[error("column `{name}` holds {is}, and {wanted} are needed")]
    Type {
        /// Which.
        name: String,
        /// What it holds.
        is: &'static str,
        /// What was needed.
        wanted: &'static str,
    },
    /// Two columns of one name.
    #[error("column `{0}` is there twice")]
    Twice(String),
    /// A column of another length.
    #[error("column `{name}` has {got} rows, and the others have {rows}")]
    Length {
        /// Which.
        name: String,
        /// Its rows.
        got: usize,
        /// Theirs.
        rows: usize,
    },
    /// An infinite number.
    #[error("column `{name}`, row {row}: the number is infinite")]
    Infinite {
        /// Which.
        name: String,
        /// The row, from 1.
        row: usize,
    },
}

impl Column {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Number(values) => values.len(),
            Self::Time(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::Flag(values) => values.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it holds, in words.
    pub fn holds(&self) -> &'static str {
        match self {
            Self::Number(_) => "numbers",
            Self::Time(_) => "times",
            Self::Text(_) => "texts",
            Self::Flag(_) => "flags",
        }
    }

    /// Whether the value of a row is missing; rows count from 0.
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Number(values) => values[row].is_nan(),
            Self::Time(values) => values[row].is_none(),
            Self::Text(values) => values[row].is_none(),
            Self::Flag(values) => values[row].is_none(),
        }
    }

    /// The rows of these numbers, from 0, in this order.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        match self {
            Self::Number(values) => Self::Number(rows.iter().map(|&row| values[row]).collect()),
            Self::Time(values) => Self::Time(rows.iter().map(|&row| values[row]).collect()),
            Self::Text(values) => Self::Text(rows.iter().map(|&row| values[row].clone()).collect()),
            Self::Flag(values) => Self::Flag(rows.iter().map(|&row| values[row]).collect()),
        }
    }
}

impl Frame {
    /// A frame of these columns.
    ///
    /// # Errors
    /// [`FrameError::Twice`], [`FrameError::Length`] and [`FrameError::Infinite`].
    pub fn new(columns: Vec<(Arc<str>, Column)>) -> Result<Self, FrameError> {
        let rows = columns.first().map_or(0, |(_, column)| column.len());
        for (at, (name, column)) in columns.iter().enumerate() {
            if columns[..at].iter().any(|(other, _)| other == name) {
                return Err(FrameError::Twice(name.to_string()));
            }
            if column.len() != rows {
                return Err(FrameError::Length { name: name.to_string(), got: column.len(), rows });
            }
            if let Column::Number(values) = column
                && let Some(row) = values.iter().position(|value| value.is_infinite())
            {
                return Err(FrameError::Infinite { name: name.to_string(), row: row + 1 });
            }
        }
        Ok(Self { columns, rows })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns in order.
    pub fn columns(&self) -> &[(Arc<str>, Column)] {
        &self.columns
    }

    /// The column of this name.
    ///
    /// # Errors
    /// [`FrameError::Missing`].
    pub fn column(&self, name: &str) -> Result<&Column, FrameError> {
        let found = self.columns.iter().find(|(one, _)| &**one == name);
        found.map(|(_, column)| column).ok_or_else(|| FrameError::Missing {
            name: name.to_owned(),
            known: self.columns.iter().map(|(name, _)| &**name).collect::<Vec<_>>().join(", "),
        })
    }

    /// A column of numbers; NaN where one is missing.
    ///
    /// # Errors
    /// [`FrameError::Missing`] and [`FrameError::Type`].
    pub fn numbers(&self, name: &str) -> Result<&[f64], FrameError> {
        match self.column(name)? {
            Column::Number(values) => Ok(values),
            other => Err(other_type(name, other, "numbers")),
        }
    }

    /// A column of moments.
    ///
    /// # Errors
    /// [`FrameError::Missing`] and [`FrameError::Type`].
    pub fn times(&self, name: &str) -> Result<&[Option<Timestamp>], FrameError> {
        match self.column(name)? {
            Column::Time(values) => Ok(values),
            other => Err(other_type(name, other, "times")),
        }
    }

    /// A column of texts.
    ///
    /// # Errors
    /// [`FrameError::Missing`] and [`FrameError::Type`].
    pub fn texts(&self, name: &str) -> Result<&[Option<Arc<str>>], FrameError> {
        match self.column(name)? {
            Column::Text(values) => Ok(values),
            other => Err(other_type(name, other, "texts")),
        }
    }

    /// A column of flags.
    ///
    /// # Errors
    /// [`FrameError::Missing`] and [`FrameError::Type`].
    pub fn flags(&self, name: &str) -> Result<&[Option<bool>], FrameError> {
        match self.column(name)? {
            Column::Flag(values) => Ok(values),
            other => Err(other_type(name, other, "flags")),
        }
    }

    /// The rows in which none of these columns misses a value.
    ///
    /// # Errors
    /// [`FrameError::Missing`].
    pub fn complete(&self, names: &[&str]) -> Result<Self, FrameError> {
        let needed: Vec<&Column> = names.iter().map(|name| self.column(name)).collect::<Result<_, _>>()?;
        let whole: Vec<usize> = (0..self.rows).filter(|&row| needed.iter().all(|column| !column.is_missing(row))).collect();
        Ok(if whole.len() == self.rows { self.clone() } else { self.take(&whole) })
    }

    /// The rows of these numbers, from 0, in this order.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        let columns = self.columns.iter().map(|(name, column)| (Arc::clone(name), column.take(rows))).collect();
        Self { columns, rows: rows.len() }
    }
}

fn other_type(name: &str, column: &Column, wanted: &'static str) -> FrameError {
    FrameError::Type { name: name.to_owned(), is: column.holds(), wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let numbers = Column::Number(vec![1.0, f64::NAN, 3.0]);
        let texts = Column::Text(vec![Some("a".into()), Some("b".into()), None]);
        Frame::new(vec![("n".into(), numbers), ("t".into(), texts)]).unwrap()
    }

    #[test]
    fn a_row_that_misses_a_needed_value_is_left_out_and_others_stay() {
        assert_eq!(frame().complete(&["n"]).unwrap().rows(), 2);
        assert_eq!(frame().complete(&["n", "t"]).unwrap().numbers("n").unwrap(), [1.0]);
    }

    #[test]
    fn columns_of_two_lengths_one_name_or_an_infinite_number_are_refused() {
        let one = |values: &[f64]| ("n".into(), Column::Number(values.to_vec()));
        let other = ("m".into(), Column::Number(vec![1.0]));
        assert!(matches!(Frame::new(vec![one(&[1.0]), one(&[1.0])]), Err(FrameError::Twice(_))));
        assert!(matches!(Frame::new(vec![one(&[1.0, 2.0]), other]), Err(FrameError::Length { .. })));
        assert!(matches!(Frame::new(vec![one(&[f64::INFINITY])]), Err(FrameError::Infinite { row: 1, .. })));
    }

    #[test]
    fn an_unknown_column_is_answered_with_those_that_there_are() {
        let error = frame().numbers("x").unwrap_err();
        assert_eq!(error.to_string(), "there is no column `x`; there are: n, t");
        assert!(matches!(frame().numbers("t"), Err(FrameError::Type { is: "texts", .. })));
    }
}
