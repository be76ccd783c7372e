//! Values as MySQL's protocol brings them, typed where the statement was prepared and as texts where it was not.

use crate::domain::sql_value::{Cell, Scalar};
use mysql_async::consts::ColumnType;
use mysql_async::{Column, Value};

/// What decides how the values of a column are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    kind: ColumnType,
    /// Digits after the point; as many as come where it is not known.
    decimals: u8,
}

impl Reading {
    pub(super) fn of(column: &Column) -> Self {
        Self { kind: column.column_type(), decimals: column.decimals() }
    }

    /// The value. A day or a moment that is none, `0000-00-00`, is null.
    pub(super) fn cell(self, value: Value) -> Cell {
        match value {
            Value::NULL => Cell::Null,
            Value::Int(number) => Cell::Integer(number),
            Value::UInt(number) => whole(number.into()),
            Value::Float(number) => number.to_string().parse().map_or(Cell::Null, finite),
            Value::Double(number) => finite(number),
            Value::Date(year, month, day, hours, minutes, seconds, micros) => {
                let clock = (hours, minutes, seconds, micros);
                self.moment(&format!("{year:04}-{month:02}-{day:02}"), &time(false, 0, clock))
            }
            Value::Time(negative, days, hours, minutes, seconds, micros) => {
                Cell::Text(time(negative, days, (hours, minutes, seconds, micros)))
            }
            Value::Bytes(bytes) => self.read(bytes),
        }
    }

    fn read(self, bytes: Vec<u8>) -> Cell {
        use ColumnType as Of;
        match self.kind {
            Of::MYSQL_TYPE_BIT => bits(&bytes),
            Of::MYSQL_TYPE_GEOMETRY => hexadecimal(&bytes),
            Of::MYSQL_TYPE_TINY
            | Of::MYSQL_TYPE_SHORT
            | Of::MYSQL_TYPE_INT24
            | Of::MYSQL_TYPE_LONG
            | Of::MYSQL_TYPE_LONGLONG
            | Of::MYSQL_TYPE_YEAR => parsed(bytes, |text| text.parse().ok().map(whole)),
            Of::MYSQL_TYPE_FLOAT | Of::MYSQL_TYPE_DOUBLE => parsed(bytes, |text| text.parse().ok().map(finite)),
            Of::MYSQL_TYPE_DECIMAL | Of::MYSQL_TYPE_NEWDECIMAL => parsed(bytes, |text| self.decimal(text)),
            Of::MYSQL_TYPE_DATE | Of::MYSQL_TYPE_NEWDATE => parsed(bytes, |text| Some(self.moment(text, ""))),
            Of::MYSQL_TYPE_DATETIME | Of::MYSQL_TYPE_DATETIME2 | Of::MYSQL_TYPE_TIMESTAMP | Of::MYSQL_TYPE_TIMESTAMP2 => {
                parsed(bytes, |text| text.split_once(' ').map(|(day, clock)| self.moment(day, clock)))
            }
            Of::MYSQL_TYPE_TIME | Of::MYSQL_TYPE_TIME2 => parsed(bytes, |text| Some(Cell::Text(short(text)))),
            _ => text_of(bytes),
        }
    }

    fn moment(self, day: &str, clock: &str) -> Cell {
        if day.starts_with("0000-") || day.contains("-00") {
            return Cell::Null;
        }
        match self.kind {
            ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE => Cell::Text(day.to_owned()),
            // The session's time is that of UTC, so what the server keeps as a moment comes as one of UTC.
            ColumnType::MYSQL_TYPE_TIMESTAMP | ColumnType::MYSQL_TYPE_TIMESTAMP2 => {
                Cell::Text(format!("{day}T{}Z", short(clock)))
            }
            _ => Cell::Text(format!("{day}T{}", short(clock))),
        }
    }

    fn decimal(self, text: &str) -> Option<Cell> {
        if self.decimals == 0
            && let Ok(number) = text.parse::<i128>()
        {
            return Some(whole(number));
        }
        text.parse().ok().map(finite)
    }
}

fn whole(number: i128) -> Cell {
    #[expect(clippy::cast_precision_loss, reason = "what is too large for a whole number is a float")]
    i64::try_from(number).map_or(Cell::Number(number as f64), Cell::Integer)
}

fn finite(number: f64) -> Cell {
    if number.is_finite() { Cell::Number(number) } else { Cell::Null }
}

/// What a text says, or the text where it says something else than its type promises.
fn parsed(bytes: Vec<u8>, read: impl Fn(&str) -> Option<Cell>) -> Cell {
    let found = std::str::from_utf8(&bytes).ok().and_then(read);
    found.unwrap_or_else(|| text_of(bytes))
}

/// Bytes that are no text are written as a number to the base 16.
fn text_of(bytes: Vec<u8>) -> Cell {
    String::from_utf8(bytes).map_or_else(|error| hexadecimal(error.as_bytes()), Cell::Text)
}

fn hexadecimal(bytes: &[u8]) -> Cell {
    Cell::Text(format!("0x{}", hex::encode(bytes)))
}

fn bits(bytes: &[u8]) -> Cell {
    let number = bytes.iter().try_fold(0_i64, |sum, byte| sum.checked_mul(256)?.checked_add(i64::from(*byte)));
    number.map_or_else(|| hexadecimal(bytes), Cell::Integer)
}

/// Hours, minutes and seconds; a time of MySQL may be of more than a day.
fn time(negative: bool, days: u32, (hours, minutes, seconds, micros): (u8, u8, u8, u32)) -> String {
    let hours = u64::from(days) * 24 + u64::from(hours);
    let sign = if negative { "-" } else { "" };
    short(&format!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{micros:06}"))
}

/// A time without the noughts at the end of its fraction.
fn short(clock: &str) -> String {
    if clock.contains('.') { clock.trim_end_matches('0').trim_end_matches('.').to_owned() } else { clock.to_owned() }
}

/// A value on its way to the server.
pub(super) fn given(value: &Scalar) -> Value {
    match value {
        Scalar::Boolean(flag) => Value::Int(i64::from(*flag)),
        Scalar::Integer(number) => Value::Int(*number),
        Scalar::Text(text) => Value::Bytes(text.clone().into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS: [ColumnType; 16] = [
        ColumnType::MYSQL_TYPE_TINY,
        ColumnType::MYSQL_TYPE_LONGLONG,
        ColumnType::MYSQL_TYPE_YEAR,
        ColumnType::MYSQL_TYPE_FLOAT,
        ColumnType::MYSQL_TYPE_DOUBLE,
        ColumnType::MYSQL_TYPE_NEWDECIMAL,
        ColumnType::MYSQL_TYPE_DATE,
        ColumnType::MYSQL_TYPE_DATETIME,
        ColumnType::MYSQL_TYPE_TIMESTAMP,
        ColumnType::MYSQL_TYPE_TIME,
        ColumnType::MYSQL_TYPE_BIT,
        ColumnType::MYSQL_TYPE_GEOMETRY,
        ColumnType::MYSQL_TYPE_JSON,
        ColumnType::MYSQL_TYPE_VAR_STRING,
        ColumnType::MYSQL_TYPE_BLOB,
        ColumnType::MYSQL_TYPE_NULL,
    ];

    fn reading(kind: ColumnType, decimals: u8) -> Reading {
        Reading { kind, decimals }
    }

    fn text(kind: ColumnType, decimals: u8, text: &str) -> Cell {
        reading(kind, decimals).cell(Value::Bytes(text.as_bytes().to_vec()))
    }

    fn said(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn a_text_and_a_typed_value_are_the_same_cell() {
        let date = |kind, micros| reading(kind, 6).cell(Value::Date(2017, 10, 2, 8, 5, 0, micros));
        for (kind, written, micros, expected) in [
            (ColumnType::MYSQL_TYPE_DATETIME, "2017-10-02 08:05:00.250000", 250_000, "2017-10-02T08:05:00.25"),
            (ColumnType::MYSQL_TYPE_TIMESTAMP, "2017-10-02 08:05:00", 0, "2017-10-02T08:05:00Z"),
            (ColumnType::MYSQL_TYPE_DATE, "2017-10-02", 0, "2017-10-02"),
        ] {
            assert_eq!(text(kind, 6, written), said(expected));
            assert_eq!(date(kind, micros), said(expected));
        }
        assert_eq!(text(ColumnType::MYSQL_TYPE_TIME, 6, "-838:59:59.000000"), said("-838:59:59"));
        assert_eq!(reading(ColumnType::MYSQL_TYPE_TIME, 6).cell(Value::Time(true, 34, 22, 59, 59, 0)), said("-838:59:59"));
        assert_eq!(text(ColumnType::MYSQL_TYPE_LONGLONG, 0, "18446744073709551615"), Cell::Number(18_446_744_073_709_551_615.0));
        assert_eq!(reading(ColumnType::MYSQL_TYPE_LONGLONG, 0).cell(Value::UInt(7)), Cell::Integer(7));
    }

    #[test]
    fn decimals_are_whole_where_their_type_is_and_days_that_are_none_are_null() {
        assert_eq!(text(ColumnType::MYSQL_TYPE_NEWDECIMAL, 0, "-12"), Cell::Integer(-12));
        assert_eq!(text(ColumnType::MYSQL_TYPE_NEWDECIMAL, 2, "12.00"), Cell::Number(12.0));
        assert_eq!(text(ColumnType::MYSQL_TYPE_DATE, 0, "0000-00-00"), Cell::Null);
        assert_eq!(reading(ColumnType::MYSQL_TYPE_DATETIME, 0).cell(Value::Date(2017, 10, 0, 0, 0, 0, 0)), Cell::Null);
        assert_eq!(reading(ColumnType::MYSQL_TYPE_BIT, 0).cell(Value::Bytes(vec![1, 0])), Cell::Integer(256));
        assert_eq!(reading(ColumnType::MYSQL_TYPE_BLOB, 0).cell(Value::Bytes(vec![0xff, 1])), said("0xff01"));
        assert_eq!(reading(ColumnType::MYSQL_TYPE_FLOAT, 31).cell(Value::Float(0.1)), Cell::Number(0.1));
        assert_eq!(reading(ColumnType::MYSQL_TYPE_DOUBLE, 31).cell(Value::Double(f64::NAN)), Cell::Null);
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_panic_nor_a_number_that_is_not_finite(bytes in prop::collection::vec(any::<u8>(), 0..40), decimals: u8) {
            for kind in KINDS {
                if let Cell::Number(number) = reading(kind, decimals).cell(Value::Bytes(bytes.clone())) {
                    prop_assert!(number.is_finite());
                }
            }
        }

        #[test]
        fn no_text_that_is_nearly_a_value_is_a_panic(written in "[-+0-9.eE: naif]{0,24}", decimals in 0_u8..40) {
            for kind in KINDS {
                if let Cell::Number(number) = text(kind, decimals, &written) {
                    prop_assert!(number.is_finite());
                }
            }
        }

        #[test]
        fn a_number_is_read_as_it_was_written(number: i64, float in prop::num::f64::NORMAL) {
            prop_assert_eq!(text(ColumnType::MYSQL_TYPE_LONGLONG, 0, &number.to_string()), Cell::Integer(number));
            prop_assert_eq!(text(ColumnType::MYSQL_TYPE_DOUBLE, 31, &format!("{float:e}")), Cell::Number(float));
        }
    }
}
