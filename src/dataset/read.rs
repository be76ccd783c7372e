//! From rows as they are written to a frame with a report.

use super::cell::{Cell, Form, Noticed, TimeForm, Value, value};
use super::csv::CsvRows;
use super::guess::Guess;
use super::ndjson::NdjsonRows;
use super::options::{Format, ReadOptions, ToldType};
use super::parquet::ParquetRows;
use super::parts::Interner;
use super::rows::{BadLine, ReadError, Rows};
use crate::domain::dataset::{BadRow, DatasetReport, checked_zone};
use crate::domain::field::FieldError;
use crate::domain::frame::{Column, Frame};
use crate::limits::{DATASET_BAD_SHOWN_MAX, DATASET_CELLS_MAX, DATASET_ROWS_MAX, DATASET_UNPACKED_BYTES_MAX};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use jiff::tz::TimeZone;
use std::io::Read;
use std::ops::ControlFlow;

/// Rows, read.
#[derive(Debug, Clone)]
pub struct ReadRows {
    /// The rows in the order in which they came.
    pub frame: Frame,
    /// What was found.
    pub report: DatasetReport,
}

/// Columns with one of these names say when, where nobody says which does.
const WHEN: [&str; 8] = ["time", "timestamp", "datetime", "date", "ts", "open_time", "at", "created_at"];

/// The bytes, and where they are compressed by gzip what they were.
///
/// # Errors
/// [`ReadError`] where they can't be decompressed, or come to more than [`DATASET_UNPACKED_BYTES_MAX`].
pub fn plain(bytes: Bytes) -> Result<Bytes, ReadError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    let mut limited = MultiGzDecoder::new(&*bytes).take(DATASET_UNPACKED_BYTES_MAX as u64 + 1);
    limited.read_to_end(&mut plain).map_err(|error| FieldError::new("", format!("the gzip can't be read: {error}")))?;
    if plain.len() > DATASET_UNPACKED_BYTES_MAX {
        return Err(ReadError::TooLarge(format!("it comes to more than {DATASET_UNPACKED_BYTES_MAX} bytes")));
    }
    Ok(plain.into())
}

/// Reads rows.
///
/// # Errors
/// [`ReadError`]; a bad row is one only where the options are strict.
pub fn read(bytes: Bytes, options: &ReadOptions) -> Result<ReadRows, ReadError> {
    let zone = match &options.settings.time_zone {
        Some(name) => checked_zone(name).map_err(|error| ReadError::NotAllowed(vec![error]))?,
        None => TimeZone::UTC,
    };
    let bytes = plain(bytes)?;
    match options.format {
        Format::Csv => Reading::of(&CsvRows::open(&bytes, options.delimiter, options.header)?, options, zone)?.run(),
        Format::Ndjson => Reading::of(&NdjsonRows::open(&bytes)?, options, zone)?.run(),
        Format::Parquet => Reading::of(&ParquetRows::open(bytes)?, options, zone)?.run(),
    }
}

/// Rows whose columns are known.
struct Reading<'a> {
    rows: &'a dyn Rows,
    options: &'a ReadOptions,
    zone: TimeZone,
    forms: Vec<Form>,
    report: DatasetReport,
}

impl<'a> Reading<'a> {
    /// Goes through the rows once to see what their columns hold.
    fn of(rows: &'a dyn Rows, options: &'a ReadOptions, zone: TimeZone) -> Result<Self, ReadError> {
        let names = rows.names();
        let known = |name: &str| names.iter().any(|known| known == name);
        if let Some(name) = options.types.keys().find(|name| !known(name)) {
            return Err(ReadError::not_allowed(
                "/types",
                format!("there is no column `{name}`; there are: {}", names.join(", ")),
            ));
        }
        if let Some(name) = options.settings.time_column.as_ref().filter(|name| !known(name)) {
            let detail = format!("there is no column `{name}`; there are: {}", names.join(", "));
            return Err(ReadError::not_allowed("/time_column", detail));
        }
        let mut guesses = vec![Guess::default(); names.len()];
        let mut count = 0_usize;
        rows.scan(&mut |read| {
            count += 1;
            if let Ok(cells) = read {
                guesses.iter_mut().zip(cells).for_each(|(guess, cell)| guess.see(cell));
            }
            if count > DATASET_ROWS_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if count > DATASET_ROWS_MAX || count.saturating_mul(names.len()) > DATASET_CELLS_MAX {
            let detail = format!(
                "{count} or more rows of {} columns are more than {DATASET_ROWS_MAX} rows or {DATASET_CELLS_MAX} cells",
                names.len()
            );
            return Err(ReadError::not_allowed("/rows", detail));
        }
        let mut reading = Self { rows, options, zone, forms: Vec::new(), report: DatasetReport::default() };
        reading.report.notes.extend_from_slice(rows.notes());
        for (name, guess) in names.iter().zip(&guesses) {
            let form = reading.form_of(name, guess);
            reading.forms.push(form);
        }
        Ok(reading)
    }

    fn form_of(&mut self, name: &str, guess: &Guess) -> Form {
        let says_when = match &self.options.settings.time_column {
            Some(column) => column == name,
            None => WHEN.iter().any(|known| name.eq_ignore_ascii_case(known)),
        };
        let told = self.options.types.get(name);
        match told.or_else(|| self.options.before.get(name)) {
            Some(ToldType::Number) if told.is_some() => return Form::Rounded,
            Some(ToldType::Number) => return Form::Number,
            Some(ToldType::Text) => return Form::Text,
            Some(ToldType::Flag) => return Form::Flag,
            Some(ToldType::Time) => return Form::Time(guess.time_form()),
            Some(ToldType::EpochSeconds) => return Form::Time(TimeForm::Epoch(1_000_000)),
            Some(ToldType::EpochMillis) => return Form::Time(TimeForm::Epoch(1_000)),
            None => {}
        }
        let form = guess.form(says_when);
        self.report.notes.extend(guess.notes(name, form));
        form
    }

    /// Goes through the rows again and reads them.
    fn run(mut self) -> Result<ReadRows, ReadError> {
        let mut columns: Vec<Column> = self.forms.iter().map(|form| empty(*form)).collect();
        let (mut texts, mut noticed) = (Interner::default(), Noticed::default());
        let rows = self.rows;
        rows.scan(&mut |read| {
            self.report.rows_read += 1;
            if let Err(bad) = self.row(read, &mut columns, (&mut texts, &mut noticed)) {
                self.note_bad(&bad);
            }
            ControlFlow::Continue(())
        })?;
        if self.options.strict && self.report.bad_rows > 0 {
            return Err(ReadError::NotAllowed(self.report.bad.iter().map(as_field).collect()));
        }
        self.note_noticed(noticed);
        let names = rows.names().iter().map(|name| name.as_str().into());
        let frame = Frame::new(names.zip(columns).collect()).map_err(|e| ReadError::not_allowed("/columns", e.to_string()))?;
        Ok(ReadRows { frame, report: self.report })
    }

    /// Reads one row into all columns, or into none.
    fn row(
        &mut self,
        read: Result<&[Cell<'_>], BadLine>,
        columns: &mut [Column],
        (texts, noticed): (&mut Interner, &mut Noticed),
    ) -> Result<(), BadLine> {
        let cells = read?;
        let rows = columns.first().map_or(0, Column::len);
        let before = *noticed;
        for (n, (cell, form)) in cells.iter().zip(&self.forms).enumerate() {
            let read = match value(cell, *form, &self.zone, noticed) {
                Ok(value) => columns.get_mut(n).map(|column| push(column, value, texts)),
                Err(bad) => {
                    self.report.infinite += u64::from(bad.infinite);
                    *noticed = before;
                    columns.iter_mut().for_each(|column| truncate(column, rows));
                    return Err(BadLine(Some(n), bad.detail));
                }
            };
            debug_assert!(read.is_some(), "there are as many columns as forms");
        }
        Ok(())
    }

    fn note_bad(&mut self, BadLine(column, detail): &BadLine) {
        self.report.bad_rows += 1;
        if self.report.bad.len() < DATASET_BAD_SHOWN_MAX {
            let column = column.and_then(|n| self.rows.names().get(n)).cloned();
            self.report.bad.push(BadRow { row: self.report.rows_read, column, detail: detail.clone() });
        }
    }

    fn note_noticed(&mut self, noticed: Noticed) {
        let Noticed { local, ambiguous, finer, rounded } = noticed;
        let zone = self.options.settings.time_zone.as_deref();
        if local > 0 && zone.is_none() {
            self.report.notes.push(format!("{local} times have no offset, and no time zone was told: they were read in UTC."));
        }
        if ambiguous > 0 {
            let zone = zone.unwrap_or("UTC");
            let detail = "the earlier was taken, or the one after the hour that was left out";
            self.report
                .notes
                .push(format!("{ambiguous} times are there twice or not at all in {zone}, as its clocks change: {detail}."));
        }
        if finer > 0 {
            self.report.notes.push(format!("{finer} times are finer than a microsecond, and what is finer was left out."));
        }
        if rounded > 0 {
            let detail = "they were told to be numbers, and are kept as near as one comes";
            self.report
                .notes
                .push(format!("{rounded} values have noughts before them or more digits than a number has: {detail}."));
        }
    }
}

fn as_field(bad: &BadRow) -> FieldError {
    let escape = |name: &String| name.replace('~', "~0").replace('/', "~1");
    let column = bad.column.as_ref().map(|name| format!("/{}", escape(name))).unwrap_or_default();
    FieldError::new(format!("/rows/{}{column}", bad.row), bad.detail.clone())
}

fn empty(form: Form) -> Column {
    match form {
        Form::Number | Form::Rounded => Column::Number(Vec::new()),
        Form::Text => Column::Text(Vec::new()),
        Form::Flag => Column::Flag(Vec::new()),
        Form::Time(_) => Column::Time(Vec::new()),
    }
}

fn push(column: &mut Column, value: Value<'_>, texts: &mut Interner) {
    match (column, value) {
        (Column::Number(values), Value::Number(number)) => values.push(number),
        (Column::Number(values), _) => values.push(f64::NAN),
        (Column::Text(values), Value::Text(text)) => values.push(Some(texts.of(&text))),
        (Column::Text(values), _) => values.push(None),
        (Column::Flag(values), Value::Flag(flag)) => values.push(Some(flag)),
        (Column::Flag(values), _) => values.push(None),
        (Column::Time(values), Value::Time(at)) => values.push(Some(at)),
        (Column::Time(values), _) => values.push(None),
    }
}

fn truncate(column: &mut Column, rows: usize) {
    match column {
        Column::Number(values) => values.truncate(rows),
        Column::Text(values) => values.truncate(rows),
        Column::Flag(values) => values.truncate(rows),
        Column::Time(values) => values.truncate(rows),
    }
}

#[cfg(test)]
mod tests;
