//! Frames as bytes: an Arrow IPC stream compressed with LZ4, which any reader of Arrow can open, and behind its end the BLAKE3 digest of
//! all that stands before it, so that damaged bytes are refused before anything of them is read.

#[cfg(test)]
mod tests;

use super::compile::{Column, ColumnRole};
use super::layer::Unit;
use super::reconcile::{Cell, Frame};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use std::collections::HashMap;
use std::sync::Arc;

/// Raised whenever what is written can't be read by what read it before; bytes of another version are not read.
pub const VERSION: u32 = 1;

/// The longest bytes that are read.
pub const BYTES_MAX: usize = 64 << 20;

/// Columns of a frame.
const COLUMNS_MAX: usize = 256;

/// Rows of a frame.
const ROWS_MAX: usize = 1_000_000;

const DIGEST_BYTES: usize = 32;

/// Why bytes are no frame, or a frame can't be written.
#[derive(Debug, thiserror::Error)]
pub enum FrameCodecError {
    /// They are cut off, or something in them was changed.
    #[error("the bytes of the frame are damaged")]
    Damaged,
    /// They are of another version.
    #[error("the frame is of version {0}, and {VERSION} is read")]
    Version(String),
    /// They are whole, and hold something that a frame does not.
    #[error("the bytes are no frame: {0}")]
    NoFrame(&'static str),
    /// Arrow does not take them.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// Writes a frame.
///
/// # Errors
/// [`FrameCodecError`] where its rows do not have its columns, or it is too large.
pub fn encode(frame: &Frame) -> Result<Vec<u8>, FrameCodecError> {
    if frame.columns.len() > COLUMNS_MAX || frame.rows.len() > ROWS_MAX {
        return Err(FrameCodecError::NoFrame("it is too large"));
    }
    if frame.rows.iter().any(|row| row.len() != frame.columns.len()) {
        return Err(FrameCodecError::NoFrame("a row does not have a cell for each column"));
    }
    let mut fields = Vec::with_capacity(frame.columns.len());
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(frame.columns.len());
    for (place, column) in frame.columns.iter().enumerate() {
        let cells: Vec<&Cell> = frame.rows.iter().map(|row| &row[place]).collect();
        let (array, mixed) = array(&cells)?;
        fields.push(field(column, array.data_type(), mixed));
        arrays.push(array);
    }
    let about = HashMap::from([
        ("instinct.version".to_owned(), VERSION.to_string()),
        ("instinct.digest".to_owned(), hex::encode(digest(frame))),
    ]);
    let schema = Arc::new(Schema::new_with_metadata(fields, about));
    let rows = RecordBatchOptions::new().with_row_count(Some(frame.rows.len()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &rows)?;
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options)?;
    writer.write(&batch)?;
    let mut bytes = writer.into_inner()?;
    let digest = blake3::hash(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    Ok(bytes)
}

/// Reads a frame.
///
/// # Errors
/// [`FrameCodecError`] for whatever [`encode`] did not write, to the last byte.
pub fn decode(bytes: &[u8]) -> Result<Frame, FrameCodecError> {
    let (stream, digest) = match bytes.len().checked_sub(DIGEST_BYTES) {
        Some(end) if bytes.len() <= BYTES_MAX => bytes.split_at(end),
        _ => return Err(FrameCodecError::Damaged),
    };
    if blake3::hash(stream).as_bytes()[..] != *digest {
        return Err(FrameCodecError::Damaged);
    }
    let reader = StreamReader::try_new(stream, None)?;
    let schema = reader.schema();
    let version = schema.metadata().get("instinct.version").cloned().unwrap_or_default();
    if version != VERSION.to_string() {
        return Err(FrameCodecError::Version(version));
    }
    let columns = schema.fields().iter().map(|field| column(field)).collect::<Result<Vec<Column>, _>>()?;
    let mut frame = Frame { columns, rows: Vec::new() };
    for batch in reader {
        append(&mut frame, &batch?)?;
    }
    match schema.metadata().get("instinct.digest") == Some(&hex::encode(self::digest(&frame))) {
        true => Ok(frame),
        false => Err(FrameCodecError::NoFrame("its rows are not those that its digest is of")),
    }
}

/// What tells the contents of two frames apart: their columns and every cell, in order.
pub fn digest(frame: &Frame) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("instinct 2026 analytics frame");
    let mut text = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    for column in &frame.columns {
        text(&column.name);
        text(role_name(column.role));
        text(column.unit.map_or("", unit_name));
        text(&range_text(column.range));
    }
    for cell in frame.rows.iter().flatten() {
        match cell {
            Cell::Null => text("n"),
            Cell::Integer(number) => text(&format!("i{number}")),
            Cell::Number(number) => text(&format!("f{:016x}", number.to_bits())),
            Cell::Text(words) => text(&format!("t{words}")),
        }
    }
    hasher.update(&(frame.columns.len() as u64).to_le_bytes());
    *hasher.finalize().as_bytes()
}

/// The cells of a column, and whether they are of several sorts, so that each had to be written with its own.
fn array(cells: &[&Cell]) -> Result<(ArrayRef, bool), FrameCodecError> {
    let present = || cells.iter().filter(|cell| !matches!(cell, Cell::Null));
    if present().all(|cell| matches!(cell, Cell::Integer(_))) {
        let whole = |cell: &&Cell| if let Cell::Integer(number) = cell { Some(*number) } else { None };
        return Ok((Arc::new(Int64Array::from_iter(cells.iter().map(whole))), false));
    }
    if present().all(|cell| matches!(cell, Cell::Number(_))) {
        let number = |cell: &&Cell| if let Cell::Number(number) = cell { Some(*number) } else { None };
        return Ok((Arc::new(Float64Array::from_iter(cells.iter().map(number))), false));
    }
    if present().all(|cell| matches!(cell, Cell::Text(_))) {
        let text = |cell: &&Cell| if let Cell::Text(text) = cell { Some(text.clone()) } else { None };
        return Ok((Arc::new(StringArray::from_iter(cells.iter().map(text))), false));
    }
    let written = |cell: &&Cell| match cell {
        Cell::Null => None,
        Cell::Integer(number) => Some(format!("i{number}")),
        Cell::Number(number) => Some(format!("f{number:?}")),
        Cell::Text(text) => Some(format!("t{text}")),
    };
    Ok((Arc::new(StringArray::from_iter(cells.iter().map(written))), true))
}

fn field(column: &Column, data_type: &DataType, mixed: bool) -> Field {
    let about = HashMap::from([
        ("role".to_owned(), role_name(column.role).to_owned()),
        ("unit".to_owned(), column.unit.map_or("", unit_name).to_owned()),
        ("range".to_owned(), range_text(column.range)),
        ("mixed".to_owned(), mixed.to_string()),
    ]);
    Field::new(&column.name, data_type.clone(), true).with_metadata(about)
}

fn column(field: &Field) -> Result<Column, FrameCodecError> {
    let about = |name: &str| field.metadata().get(name).map(String::as_str).unwrap_or_default();
    let role = ROLES.into_iter().find(|role| role_name(*role) == about("role"));
    let role = role.ok_or(FrameCodecError::NoFrame("a column has no role"))?;
    let unit = match about("unit") {
        "" => None,
        name => {
            Some(UNITS.into_iter().find(|unit| unit_name(*unit) == name).ok_or(FrameCodecError::NoFrame("a unit is unknown"))?)
        }
    };
    let range = match about("range").split_once(' ') {
        None => None,
        Some((least, most)) => match (least.parse(), most.parse()) {
            (Ok(least), Ok(most)) => Some((least, most)),
            _ => return Err(FrameCodecError::NoFrame("a range is no range")),
        },
    };
    Ok(Column { name: field.name().clone(), role, unit, range })
}

/// Adds the rows of a batch to a frame.
fn append(frame: &mut Frame, batch: &RecordBatch) -> Result<(), FrameCodecError> {
    if frame.rows.len() + batch.num_rows() > ROWS_MAX {
        return Err(FrameCodecError::NoFrame("it is too large"));
    }
    let mut rows = vec![Vec::with_capacity(frame.columns.len()); batch.num_rows()];
    for (array, field) in batch.columns().iter().zip(batch.schema().fields()) {
        let mixed = field.metadata().get("mixed").is_some_and(|mixed| mixed == "true");
        for (place, row) in rows.iter_mut().enumerate() {
            row.push(cell(array, place, mixed)?);
        }
    }
    frame.rows.extend(rows);
    Ok(())
}

fn cell(array: &ArrayRef, place: usize, mixed: bool) -> Result<Cell, FrameCodecError> {
    if array.is_null(place) {
        return Ok(Cell::Null);
    }
    match array.data_type() {
        DataType::Int64 => Ok(Cell::Integer(array.as_primitive::<Int64Type>().value(place))),
        DataType::Float64 => Ok(Cell::Number(array.as_primitive::<Float64Type>().value(place))),
        DataType::Utf8 if mixed => unmixed(array.as_string::<i32>().value(place)),
        DataType::Utf8 => Ok(Cell::Text(array.as_string::<i32>().value(place).to_owned())),
        _ => Err(FrameCodecError::NoFrame("a column is of another type")),
    }
}

fn unmixed(written: &str) -> Result<Cell, FrameCodecError> {
    let wrong = FrameCodecError::NoFrame("a cell is of no sort");
    let (sort, rest) = written.split_at_checked(1).ok_or(FrameCodecError::NoFrame("a cell is empty"))?;
    match sort {
        "i" => rest.parse().map(Cell::Integer).map_err(|_| wrong),
        "f" => rest.parse().map(Cell::Number).map_err(|_| wrong),
        "t" => Ok(Cell::Text(rest.to_owned())),
        _ => Err(wrong),
    }
}

const ROLES: [ColumnRole; 4] = [ColumnRole::Key, ColumnRole::Value, ColumnRole::Support, ColumnRole::Aside];

const UNITS: [Unit; 6] = [Unit::Count, Unit::Money, Unit::Share, Unit::Days, Unit::Points, Unit::Number];

const fn role_name(role: ColumnRole) -> &'static str {
    match role {
        ColumnRole::Key => "key",
        ColumnRole::Value => "value",
        ColumnRole::Support => "support",
        ColumnRole::Aside => "aside",
    }
}

const fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "count",
        Unit::Money => "money",
        Unit::Share => "share",
        Unit::Days => "days",
        Unit::Points => "points",
        Unit::Number => "number",
    }
}

fn range_text(range: Option<(f64, f64)>) -> String {
    range.map_or_else(String::new, |(least, most)| format!("{least:?} {most:?}"))
}
