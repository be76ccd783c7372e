//! Rows of Apache Parquet. Columns of lists and of objects are left out, and told.

mod pages;

use super::cell::Cell;
use super::number::{Number, keeps, number};
use super::rows::{BadLine, ReadError, Rows, Visit, checked_names};
use crate::domain::field::FieldError;
use crate::domain::time::Timestamp;
use crate::limits::{DATASET_ROW_TEXT_BYTES_MAX, DATASET_ROWS_MAX, DATASET_UNPACKED_BYTES_MAX};
use ::parquet::basic::Repetition;
use ::parquet::data_type::Decimal;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::reader::RowIter;
use ::parquet::record::{Field, Row};
use ::parquet::schema::types::Type;
use bytes::Bytes;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Whole numbers past which a double tells neighbours no longer apart; beyond them the digits are kept.
const EXACT_MAX: u64 = 1 << 53;

/// Digits of the longest decimal.
const DECIMAL_DIGITS_MAX: usize = 38;

/// Rows of Parquet.
pub(super) struct ParquetRows {
    file: SerializedFileReader<Bytes>,
    columns: Type,
    names: Vec<String>,
    notes: Vec<String>,
}

fn unreadable(error: &dyn std::fmt::Display) -> ReadError {
    FieldError::new("", format!("the Parquet can't be read: {error}")).into()
}

impl ParquetRows {
    pub(super) fn open(bytes: Bytes) -> Result<Self, ReadError> {
        unharmed(|| Self::open_whole(bytes))
    }

    fn open_whole(bytes: Bytes) -> Result<Self, ReadError> {
        let file = SerializedFileReader::new(bytes.clone()).map_err(|error| unreadable(&error))?;
        let rows = usize::try_from(file.metadata().file_metadata().num_rows()).unwrap_or(usize::MAX);
        if rows > DATASET_ROWS_MAX {
            return Err(ReadError::not_allowed("/rows", format!("{rows} rows are more than {DATASET_ROWS_MAX}")));
        }
        // What the file says of its own size is checked before anything is made as large as it says.
        let unpacked = pages::unpacked_bytes(&bytes, file.metadata())?;
        if unpacked > DATASET_UNPACKED_BYTES_MAX as u64 {
            return Err(ReadError::TooLarge(format!("it comes to {unpacked} bytes, more than {DATASET_UNPACKED_BYTES_MAX}")));
        }
        let schema = file.metadata().file_metadata().schema();
        let flat =
            |field: &&std::sync::Arc<Type>| field.is_primitive() && field.get_basic_info().repetition() != Repetition::REPEATED;
        let (flat, nested): (Vec<_>, Vec<_>) = schema.get_fields().iter().partition(flat);
        let names: Vec<String> = flat.iter().map(|field| field.name().to_owned()).collect();
        checked_names(&names)?;
        let notes = nested.iter().map(|field| {
            let shown: String = field.name().chars().take(128).collect();
            format!("Column `{shown}` holds lists or objects and was left out.")
        });
        let notes = notes.take(20).collect();
        let columns = Type::group_type_builder(schema.name()).with_fields(flat.into_iter().cloned().collect()).build();
        Ok(Self { file, columns: columns.map_err(|error| unreadable(&error))?, names, notes })
    }
}

impl Rows for ParquetRows {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn scan(&self, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        unharmed(|| self.scan_whole(visit))
    }
}

/// The library panics at some damaged files, where it could say so.
fn unharmed<T>(read: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    // What it was at work on is let go of with the file.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(unreadable(&"it is damaged")))
}

impl ParquetRows {
    fn scan_whole(&self, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        let rows = RowIter::from_file(Some(self.columns.clone()), &self.file).map_err(|error| unreadable(&error))?;
        // The groups may have more rows than the file says.
        for row in rows.take(DATASET_ROWS_MAX + 1) {
            let row = row.map_err(|error| unreadable(&error))?;
            let shown = match cells(&row, self.names.len()) {
                Ok(cells) => visit(Ok(&cells)),
                Err(bad) => visit(Err(bad)),
            };
            if shown.is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn cells(row: &Row, columns: usize) -> Result<Vec<Cell<'_>>, BadLine> {
    let cells: Vec<Cell<'_>> = row.get_column_iter().map(|(_, field)| cell(field)).collect();
    if cells.len() != columns {
        return Err(BadLine(None, format!("it has {} values, and there are {columns} columns", cells.len())));
    }
    let texts: usize = cells.iter().map(|cell| if let Cell::Text(text) = cell { text.len() } else { 0 }).sum();
    if texts > DATASET_ROW_TEXT_BYTES_MAX {
        return Err(BadLine(None, format!("its texts have {texts} bytes, more than {DATASET_ROW_TEXT_BYTES_MAX}")));
    }
    Ok(cells)
}

fn cell(field: &Field) -> Cell<'_> {
    match field {
        Field::Null => Cell::Missing,
        Field::Bool(flag) => Cell::Flag(*flag),
        Field::Byte(n) => Cell::Number(f64::from(*n)),
        Field::Short(n) => Cell::Number(f64::from(*n)),
        Field::Int(n) => Cell::Number(f64::from(*n)),
        Field::Long(n) => whole(n.unsigned_abs(), *n as f64, n),
        Field::UByte(n) => Cell::Number(f64::from(*n)),
        Field::UShort(n) => Cell::Number(f64::from(*n)),
        Field::UInt(n) => Cell::Number(f64::from(*n)),
        Field::ULong(n) => whole(*n, *n as f64, n),
        Field::Float16(n) => float(f64::from(*n)),
        // The shortest decimal that is this single is what was meant: 0.1, and not 0.10000000149.
        Field::Float(n) => float(n.to_string().parse().unwrap_or(f64::from(*n))),
        Field::Double(n) => float(*n),
        Field::Decimal(n) => decimal(n),
        Field::Str(text) => Cell::Text(Cow::Borrowed(text)),
        Field::Bytes(bytes) => bytes.as_utf8().map_or(Cell::Bad("the bytes are no text"), |text| Cell::Text(Cow::Borrowed(text))),
        Field::Date(days) => Cell::Time(Timestamp::from_micros(i64::from(*days).saturating_mul(86_400_000_000))),
        Field::TimeMillis(n) => Cell::Number(f64::from(*n)),
        Field::TimeMicros(n) => Cell::Number(*n as f64),
        Field::TimestampMillis(n) => Cell::Time(Timestamp::from_micros(n.saturating_mul(1_000))),
        Field::TimestampMicros(n) => Cell::Time(Timestamp::from_micros(*n)),
        Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => Cell::Bad("a list or an object is no value"),
    }
}

fn whole<'a>(size: u64, value: f64, digits: &dyn std::fmt::Display) -> Cell<'a> {
    if size <= EXACT_MAX { Cell::Number(value) } else { Cell::Text(digits.to_string().into()) }
}

fn float<'a>(value: f64) -> Cell<'a> {
    if value.is_nan() { Cell::Missing } else { Cell::Number(value) }
}

/// A whole number of at most sixteen bytes, the most significant first, and how many of its digits stand behind the point.
fn decimal<'a>(value: &Decimal) -> Cell<'a> {
    const BYTES: usize = size_of::<i128>();
    let bytes = value.data();
    let Some(padding) = BYTES.checked_sub(bytes.len()).filter(|_| !bytes.is_empty()) else {
        return Cell::Bad("the decimal has more than 38 digits");
    };
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut whole = [if negative { 0xff } else { 0 }; BYTES];
    whole[padding..].copy_from_slice(bytes);
    let digits = i128::from_be_bytes(whole);
    let Some(scale) = usize::try_from(value.scale()).ok().filter(|scale| *scale <= DECIMAL_DIGITS_MAX) else {
        return Cell::Bad("the decimal is no number");
    };
    let padded = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    let text = format!("{}{whole}{}{fraction}", if negative { "-" } else { "" }, if scale > 0 { "." } else { "" });
    match number(&text) {
        Number::Finite(value) if keeps(&text, value) => Cell::Number(value),
        _ => Cell::Text(text.into()),
    }
}
