//! Blocks of columns in ClickHouse's `Native` format: how a frame goes into the engine, column by column.

use super::super::{Holds, made};
use crate::domain::frame::Column;
use std::ops::Range;

/// A column of a table to be: its name, what it holds, its values.
pub(super) type Put<'a> = (&'a str, Holds, &'a Column);

/// The type of a column.
pub(super) fn data_type(holds: Holds) -> &'static str {
    match holds {
        Holds::Text => "Nullable(String)",
        Holds::Integer => "Nullable(Int64)",
        Holds::Number => "Nullable(Float64)",
        Holds::Timestamp => "Nullable(DateTime64(6, 'UTC'))",
        Holds::Flag => "Nullable(Bool)",
    }
}

/// Appends the block of some rows.
pub(super) fn append(out: &mut Vec<u8>, columns: &[Put<'_>], rows: Range<usize>) {
    number(out, columns.len());
    number(out, rows.len());
    for (name, holds, column) in columns {
        text(out, name);
        text(out, data_type(*holds));
        let rows = rows.clone();
        match holds {
            Holds::Text => nullable(out, rows, |row| made::text(column, row), |out, value| text(out, &value.unwrap_or_default())),
            Holds::Integer => fixed(out, rows, |row| made::integer(column, row).map(i64::to_le_bytes)),
            Holds::Number => fixed(out, rows, |row| made::number(column, row).map(f64::to_le_bytes)),
            Holds::Timestamp => fixed(out, rows, |row| made::micros(column, row).map(i64::to_le_bytes)),
            Holds::Flag => fixed(out, rows, |row| made::flag(column, row).map(|flag| [u8::from(flag)])),
        }
    }
}

/// First a byte for every row, which is 1 where there is no value, then every value.
fn nullable<T>(
    out: &mut Vec<u8>,
    rows: Range<usize>,
    value: impl Fn(usize) -> Option<T>,
    write: impl Fn(&mut Vec<u8>, Option<T>),
) {
    let nulls = out.len();
    out.resize(nulls + rows.len(), 0);
    for (at, row) in rows.enumerate() {
        let value = value(row);
        out[nulls + at] = u8::from(value.is_none());
        write(out, value);
    }
}

fn fixed<const N: usize>(out: &mut Vec<u8>, rows: Range<usize>, value: impl Fn(usize) -> Option<[u8; N]>) {
    nullable(out, rows, value, |out, value| out.extend(value.unwrap_or([0; N])));
}

/// A length in groups of seven bits, the lowest first (LEB128).
fn number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len());
    out.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_written_as_the_format_says() {
        let (numbers, texts) =
            (Column::Number(vec![1.0, f64::NAN, 3.0]), Column::Text(vec![Some("a".into()), None, Some("ü".into())]));
        let mut out = Vec::new();
        append(&mut out, &[("n", Holds::Integer, &numbers), ("t", Holds::Text, &texts)], 1..3);
        let wanted = [
            b"\x02\x02\x01n\x0fNullable(Int64)\x01\x00".as_slice(),
            &[0; 8],
            &3_i64.to_le_bytes(),
            b"\x01t\x10Nullable(String)\x01\x00\x00\x02\xc3\xbc",
        ];
        assert_eq!(out, wanted.concat());
    }

    #[test]
    fn a_length_of_more_than_seven_bits_takes_more_bytes() {
        let mut out = Vec::new();
        number(&mut out, 300);
        assert_eq!(out, [0xac, 0x02]);
    }
}
