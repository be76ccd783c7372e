//! Frames as parts: consecutive rows, column by column, compressed. The layout is that of `cache-schemas/dataset_part.schema.json`.

use crate::domain::dataset::{ColumnType, ContentHash, DatasetColumn};
use crate::domain::frame::{Column, Frame};
use crate::domain::time::Timestamp;
use crate::limits::DATASET_PART_BYTES_MAX;
use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};
use std::io::Read;
use std::sync::Arc;

const LAYOUT: u8 = 1;
const MISSING_TIME: i64 = i64::MIN;
const MISSING_TEXT: u32 = u32::MAX;
const MISSING_FLAG: u8 = 2;

/// Bytes of a part before it is compressed. zlib makes what it can't compress longer by less than a thousandth (RFC 1950, 1951).
const UNPACKED_BYTES_MAX: usize = DATASET_PART_BYTES_MAX - DATASET_PART_BYTES_MAX / 256;

/// Bytes that a part may come to: one row past what it is cut at, and a margin for those who cut otherwise.
const READ_BYTES_MAX: u64 = 2 * DATASET_PART_BYTES_MAX as u64;

/// How hard zlib tries: past it the bytes hardly shrink and the time doubles.
const EFFORT: u32 = 4;

/// Why a part can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rows of a dataset can't be read: {0}")]
pub struct BadPart(&'static str);

/// A part, and how many rows it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its rows.
    pub rows: u32,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// Bytes that a frame takes in memory, about.
pub fn memory_of(frame: &Frame) -> u64 {
    let of_column = |column: &Column| match column {
        Column::Number(values) => size_of_val(&**values) as u64,
        Column::Time(values) => size_of_val(&**values) as u64,
        Column::Flag(values) => size_of_val(&**values) as u64,
        Column::Text(values) => {
            // Texts that come again are one in memory; counted for each, this is an upper bound.
            let texts: usize = values.iter().flatten().map(|text| text.len() + 16).sum();
            (size_of_val(&**values) + texts) as u64
        }
    };
    frame.columns().iter().map(|(name, column)| name.len() as u64 + 64 + of_column(column)).sum()
}

/// The hash of what a frame holds: of its columns with their types and values, in their order.
pub fn content_hash(frame: &Frame) -> ContentHash {
    let mut hasher = blake3::Hasher::new_derive_key("instinct dataset content v1");
    let mut buffer = Vec::new();
    hasher.update(&(frame.rows() as u64).to_le_bytes());
    for (name, column) in frame.columns() {
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(&[tag(ColumnType::of(column))]);
        for row in 0..frame.rows() {
            put_value(&mut buffer, column, row);
            if buffer.len() >= 1 << 16 {
                hasher.update(&buffer);
                buffer.clear();
            }
        }
        hasher.update(&buffer);
        buffer.clear();
    }
    ContentHash(*hasher.finalize().as_bytes())
}

/// The parts of a frame in order, made one after the other as they are asked for. A frame without rows has none.
pub fn packed(frame: &Frame) -> impl Iterator<Item = std::io::Result<Packed>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let first = at;
        let mut bytes = 9 + frame.columns().len();
        while at < frame.rows() {
            let row: usize = frame.columns().iter().map(|(_, column)| width(column, at)).sum();
            if at > first && bytes + row > UNPACKED_BYTES_MAX {
                break;
            }
            bytes += row;
            at += 1;
        }
        (at > first).then(|| pack(frame, first, at))
    })
}

fn pack(frame: &Frame, first: usize, end: usize) -> std::io::Result<Packed> {
    let rows = u32::try_from(end - first).map_err(std::io::Error::other)?;
    let columns = u32::try_from(frame.columns().len()).map_err(std::io::Error::other)?;
    let mut raw = Vec::with_capacity(UNPACKED_BYTES_MAX.min(16 + (end - first) * frame.columns().len() * 16));
    raw.push(LAYOUT);
    raw.extend_from_slice(&rows.to_le_bytes());
    raw.extend_from_slice(&columns.to_le_bytes());
    for (_, column) in frame.columns() {
        raw.push(tag(ColumnType::of(column)));
        (first..end).for_each(|row| put_value(&mut raw, column, row));
    }
    let mut data = Vec::with_capacity(raw.len() / 2);
    ZlibEncoder::new(&*raw, Compression::new(EFFORT)).read_to_end(&mut data)?;
    Ok(Packed { rows, data })
}

fn tag(holds: ColumnType) -> u8 {
    match holds {
        ColumnType::Number => 0,
        ColumnType::Time => 1,
        ColumnType::Text => 2,
        ColumnType::Flag => 3,
    }
}

fn width(column: &Column, row: usize) -> usize {
    match column {
        Column::Number(_) | Column::Time(_) => 8,
        Column::Text(values) => 4 + values[row].as_ref().map_or(0, |text| text.len()),
        Column::Flag(_) => 1,
    }
}

pub(super) fn put_value(into: &mut Vec<u8>, column: &Column, row: usize) {
    match column {
        // There are many NaNs, and one of them is written.
        Column::Number(values) if values[row].is_nan() => into.extend_from_slice(&f64::NAN.to_bits().to_le_bytes()),
        // Minus nought is nought.
        Column::Number(values) => into.extend_from_slice(&(values[row] + 0.0).to_bits().to_le_bytes()),
        Column::Time(values) => {
            into.extend_from_slice(&values[row].map_or(MISSING_TIME, Timestamp::as_micros).to_le_bytes());
        }
        Column::Text(values) => match &values[row] {
            Some(text) => {
                // Bounded where texts are read.
                into.extend_from_slice(&u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
                into.extend_from_slice(text.as_bytes());
            }
            None => into.extend_from_slice(&MISSING_TEXT.to_le_bytes()),
        },
        Column::Flag(values) => into.push(values[row].map_or(MISSING_FLAG, u8::from)),
    }
}

/// The frame that parts make.
///
/// # Errors
/// [`BadPart`] where one is damaged or not of these columns.
pub fn unpacked<'a>(columns: &[DatasetColumn], parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Frame, BadPart> {
    let mut into: Vec<Column> = columns.iter().map(|column| empty(column.holds)).collect();
    let mut texts = Interner::default();
    for part in parts {
        let mut raw = Vec::new();
        let read = ZlibDecoder::new(part).take(READ_BYTES_MAX + 1).read_to_end(&mut raw);
        if read.is_err() || raw.len() as u64 > READ_BYTES_MAX {
            return Err(BadPart("the bytes can't be decompressed"));
        }
        unpack(&mut into, &raw, &mut texts)?;
    }
    let named = columns.iter().map(|column| Arc::clone(&column.name)).zip(into).collect();
    Frame::new(named).map_err(|_| BadPart("the columns don't make a frame"))
}

fn empty(holds: ColumnType) -> Column {
    match holds {
        ColumnType::Number => Column::Number(Vec::new()),
        ColumnType::Time => Column::Time(Vec::new()),
        ColumnType::Text => Column::Text(Vec::new()),
        ColumnType::Flag => Column::Flag(Vec::new()),
    }
}

fn unpack(into: &mut [Column], raw: &[u8], texts: &mut Interner) -> Result<(), BadPart> {
    let cut = BadPart("it is cut short");
    let mut rest = Rest(raw);
    if rest.byte().ok_or(cut.clone())? != LAYOUT {
        return Err(BadPart("its layout is of a later version"));
    }
    let (rows, columns) = (rest.number().ok_or(cut.clone())?, rest.number().ok_or(cut.clone())?);
    if usize::try_from(columns) != Ok(into.len()) {
        return Err(BadPart("it has another number of columns"));
    }
    for column in into {
        if rest.byte().ok_or(cut.clone())? != tag(ColumnType::of(column)) {
            return Err(BadPart("a column is of another type"));
        }
        for _ in 0..rows {
            rest.value(column, texts).ok_or(cut.clone())?;
        }
    }
    if rest.0.is_empty() { Ok(()) } else { Err(BadPart("something follows its last column")) }
}

/// Bytes that are still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn eight(&mut self) -> Option<[u8; 8]> {
        self.take(8)?.try_into().ok()
    }

    fn value(&mut self, column: &mut Column, texts: &mut Interner) -> Option<()> {
        match column {
            Column::Number(values) => values.push(f64::from_le_bytes(self.eight()?)),
            Column::Time(values) => {
                let micros = i64::from_le_bytes(self.eight()?);
                values.push((micros != MISSING_TIME).then(|| Timestamp::from_micros(micros)));
            }
            Column::Text(values) => values.push(match self.number()? {
                MISSING_TEXT => None,
                length => {
                    let bytes = self.take(usize::try_from(length).ok()?)?;
                    Some(texts.of(std::str::from_utf8(bytes).ok()?))
                }
            }),
            Column::Flag(values) => values.push(match self.byte()? {
                0 => Some(false),
                1 => Some(true),
                MISSING_FLAG => None,
                _ => return None,
            }),
        }
        Some(())
    }
}

/// Gives one text for the same text again and again: a column of symbols has few.
#[derive(Debug, Default)]
pub(super) struct Interner(std::collections::HashSet<Arc<str>>);

impl Interner {
    /// Past so many different texts a column is not one of names, and is not looked up any more.
    const TEXTS_MAX: usize = 65_536;

    pub(super) fn of(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        if self.0.len() < Self::TEXTS_MAX {
            self.0.insert(Arc::clone(&new));
        }
        new
    }
}

#[cfg(test)]
mod tests;
