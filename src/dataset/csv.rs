//! Rows of CSV (RFC 4180), with any delimiter, with or without a heading.

use super::cell::Cell;
use super::guess::is_data;
use super::rows::{BadLine, ReadError, Rows, Visit, checked_names};
use crate::domain::field::FieldError;
use crate::limits::DATASET_ROW_TEXT_BYTES_MAX;
use ::csv::{ByteRecord, Reader, ReaderBuilder};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What may stand between values, the most usual first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Records that a delimiter is judged by.
const LOOKED_AT: usize = 20;

/// Rows of CSV.
#[derive(Debug)]
pub(super) struct CsvRows<'a> {
    bytes: &'a [u8],
    delimiter: u8,
    header: bool,
    names: Vec<String>,
    notes: Vec<String>,
}

impl<'a> CsvRows<'a> {
    pub(super) fn open(bytes: &'a [u8], delimiter: Option<u8>, header: Option<bool>) -> Result<Self, ReadError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err(FieldError::new("", "the text is UTF-16; UTF-8 is expected").into());
        }
        let found = delimiter.unwrap_or_else(|| found_delimiter(bytes));
        let mut first = ByteRecord::new();
        let there = reader(bytes, found).read_byte_record(&mut first).map_err(|e| FieldError::new("", e.to_string()))?;
        if !there {
            return Err(FieldError::new("", "there is no line").into());
        }
        let cells: Vec<Cow<'_, str>> = first.iter().map(String::from_utf8_lossy).collect();
        let distinct = cells.iter().collect::<BTreeSet<_>>().len() == cells.len();
        let has_header = header.unwrap_or_else(|| distinct && !cells.iter().any(|cell| is_data(cell)));
        let name = |(n, cell): (usize, &Cow<'_, str>)| match has_header && !cell.trim().is_empty() {
            true => cell.trim().to_owned(),
            false => format!("column_{}", n + 1),
        };
        let names: Vec<String> = cells.iter().enumerate().map(name).collect();
        checked_names(&names)?;
        let mut notes = Vec::new();
        if !has_header && header.is_none() {
            notes.push("The first line was taken for data and not for a heading.".to_owned());
        }
        if delimiter.is_none() && found != b',' {
            let shown = if found == b'\t' { "tabs".to_owned() } else { format!("`{}`", char::from(found)) };
            notes.push(format!("Values were taken to be apart by {shown}."));
        }
        Ok(Self { bytes, delimiter: found, header: has_header, names, notes })
    }
}

fn reader(bytes: &[u8], delimiter: u8) -> Reader<&[u8]> {
    ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(bytes)
}

/// The delimiter by which the first records have the same number of values, and the most of them.
fn found_delimiter(bytes: &[u8]) -> u8 {
    let mut best = (0, 1, b',');
    for delimiter in DELIMITERS {
        let lengths: Vec<usize> =
            reader(bytes, delimiter).byte_records().take(LOOKED_AT).map_while(Result::ok).map(|record| record.len()).collect();
        let Some(&first) = lengths.first().filter(|first| **first > 1) else { continue };
        let same = lengths.iter().filter(|length| **length == first).count();
        if (same, first) > (best.0, best.1) {
            best = (same, first, delimiter);
        }
    }
    best.2
}

impl Rows for CsvRows<'_> {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn scan(&self, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        let mut reader = reader(self.bytes, self.delimiter);
        let mut record = ByteRecord::new();
        let mut skip = self.header;
        while reader.read_byte_record(&mut record).map_err(|e| FieldError::new("", e.to_string()))? {
            if std::mem::take(&mut skip) {
                continue;
            }
            let shown = match cells(&record, self.names.len()) {
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

fn cells(record: &ByteRecord, columns: usize) -> Result<Vec<Cell<'_>>, BadLine> {
    if record.len() != columns {
        return Err(BadLine(None, format!("it has {} values, and there are {columns} columns", record.len())));
    }
    if record.as_slice().len() > DATASET_ROW_TEXT_BYTES_MAX {
        return Err(BadLine(None, format!("it has {} bytes, more than {DATASET_ROW_TEXT_BYTES_MAX}", record.as_slice().len())));
    }
    let read = |(n, bytes)| match std::str::from_utf8(bytes) {
        Ok("") => Ok(Cell::Missing),
        Ok(text) => Ok(Cell::Text(Cow::Borrowed(text))),
        Err(_) => Err(BadLine(Some(n), "the text is not UTF-8".to_owned())),
    };
    record.iter().enumerate().map(read).collect()
}
