//! A frame's values made into what a table's columns hold; what can't be made so is null.

use super::{Holds, NewTable, WarehouseError};
use crate::domain::frame::Column;
use crate::domain::time::Timestamp;
use std::borrow::Cow;

/// Bytes of a name of a database, a table or a column; more than any warehouse takes.
const NAME_BYTES_MAX: usize = 256;

/// The whole number in a row.
pub(super) fn integer(column: &Column, row: usize) -> Option<i64> {
    match column {
        // Both ends are powers of two, so the comparison is exact; a NaN is in no range.
        #[expect(clippy::cast_possible_truncation, reason = "it is in the range and has no fraction")]
        Column::Number(values) => Some(values[row])
            .filter(|value| value.fract() == 0.0 && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(value))
            .map(|value| value as i64),
        Column::Flag(values) => values[row].map(i64::from),
        Column::Text(values) => values[row].as_ref().and_then(|text| text.trim().parse().ok()),
        Column::Time(_) => None,
    }
}

/// The number in a row.
pub(super) fn number(column: &Column, row: usize) -> Option<f64> {
    let number = match column {
        Column::Number(values) => Some(values[row]),
        Column::Flag(values) => values[row].map(f64::from),
        Column::Text(values) => values[row].as_ref().and_then(|text| text.trim().parse().ok()),
        Column::Time(_) => None,
    };
    number.filter(|number| number.is_finite())
}

/// The text in a row.
pub(super) fn text(column: &Column, row: usize) -> Option<Cow<'_, str>> {
    match column {
        Column::Text(values) => values[row].as_deref().map(Cow::Borrowed),
        Column::Number(values) => Some(values[row]).filter(|value| value.is_finite()).map(|value| value.to_string().into()),
        Column::Flag(values) => values[row].map(|flag| if flag { "true" } else { "false" }.into()),
        Column::Time(values) => values[row].map(|moment| moment.to_string().into()),
    }
}

/// The moment in a row, in microseconds since 1970 in UTC.
pub(super) fn micros(column: &Column, row: usize) -> Option<i64> {
    match column {
        Column::Time(values) => values[row].map(Timestamp::as_micros),
        Column::Text(values) => values[row].as_ref().and_then(|text| Timestamp::parse(text).ok()).map(Timestamp::as_micros),
        Column::Number(_) | Column::Flag(_) => None,
    }
}

/// Yes or no in a row.
pub(super) fn flag(column: &Column, row: usize) -> Option<bool> {
    match column {
        Column::Flag(values) => values[row],
        Column::Number(values) if values[row] == 0.0 => Some(false),
        Column::Number(values) if values[row] == 1.0 => Some(true),
        Column::Text(values) => values[row].as_ref().and_then(|text| text.trim().to_ascii_lowercase().parse().ok()),
        Column::Number(_) | Column::Time(_) => None,
    }
}

/// The first row whose value is there and can't be made into what its column is to hold, so that it would become null.
pub fn first_lost(column: &Column, holds: Holds) -> Option<usize> {
    let made = |row: usize| match holds {
        Holds::Text => true,
        Holds::Integer => integer(column, row).is_some(),
        Holds::Number => number(column, row).is_some(),
        Holds::Timestamp => micros(column, row).is_some(),
        Holds::Flag => flag(column, row).is_some(),
    };
    (0..column.len()).find(|row| !column.is_missing(*row) && !made(*row))
}

/// Whether a name may be one of a database, a table or a column: everything that can be quoted.
pub(super) fn checked_name(name: &str) -> Result<&str, WarehouseError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        let said = format!("{:?} is no name", name.chars().take(64).collect::<String>());
        return Err(WarehouseError::Refused { code: "name".to_owned(), said });
    }
    Ok(name)
}

/// The columns of a table to be: names, what they hold, values.
pub(super) fn columns(table: &NewTable) -> Result<Vec<(&str, Holds, &Column)>, WarehouseError> {
    checked_name(&table.name)?;
    let columns = table.rows.columns();
    if columns.is_empty() || columns.len() != table.holds.len() {
        let said = format!("{} columns, of {} of which it is said what they hold", columns.len(), table.holds.len());
        return Err(WarehouseError::Refused { code: "columns".to_owned(), said });
    }
    let all = columns.iter().zip(&table.holds);
    all.map(|((name, column), holds)| Ok((checked_name(name)?, *holds, column))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_no_whole_one_holds_becomes_null() {
        let column = Column::Number(vec![3.0, 3.5, f64::NAN, -9.3e18, 9_223_372_036_854_775_808.0, -9_223_372_036_854_775_808.0]);
        let found: Vec<_> = (0..6).map(|row| integer(&column, row)).collect();
        assert_eq!(found, [Some(3), None, None, None, None, Some(i64::MIN)]);
    }

    #[test]
    fn a_text_is_read_as_what_the_column_holds() {
        let column = Column::Text(vec![Some(" 12 ".into()), Some("True".into()), Some("2020-01-01T00:00:00+01:00".into()), None]);
        assert_eq!((integer(&column, 0), number(&column, 0), flag(&column, 1)), (Some(12), Some(12.0), Some(true)));
        assert_eq!(micros(&column, 2), Some(1_577_833_200_000_000));
        assert!((0..4).all(|row| row == 0 || integer(&column, row).is_none()));
        assert_eq!(text(&column, 3), None);
    }

    #[test]
    fn the_first_value_that_would_become_null_is_found_and_what_is_missing_is_no_such() {
        let column = Column::Text(vec![None, Some("12".into()), Some("12 kg".into())]);
        assert_eq!((first_lost(&column, Holds::Text), first_lost(&column, Holds::Number)), (None, Some(2)));
        let column = Column::Number(vec![f64::NAN, 1.0, 1.5]);
        assert_eq!((first_lost(&column, Holds::Number), first_lost(&column, Holds::Integer)), (None, Some(2)));
        assert_eq!(first_lost(&column, Holds::Timestamp), Some(1));
    }

    #[test]
    fn a_name_that_can_not_be_quoted_everywhere_is_refused() {
        assert!(checked_name("größe `大\"").is_ok());
        for name in ["", "a\0b", "a\nb", &"x".repeat(257)] {
            assert!(matches!(checked_name(name), Err(WarehouseError::Refused { .. })), "{name:?}");
        }
    }
}
