//! The rows of a file: lines of NDJSON, or rows of Parquet with the prototype's columns.

use crate::api::InsertRequest;
use crate::domain::field::FieldError;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use serde_json::value::{RawValue, to_raw_value};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// What kind of rows a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// Reusable texts, NDJSON.
    Components,
    /// Known decisions, NDJSON.
    Entries,
    /// Rows under a name, in CSV, NDJSON or Parquet.
    Dataset,
    /// The prototype's dataset, Parquet.
    #[value(skip)]
    Prototype,
}

impl Kind {
    /// The kind of a file: rows where its name says that it is CSV, the prototype's by the first bytes of Parquet, else components where its
    /// first line has a `role`.
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if [".csv", ".tsv"].iter().any(|ending| name.trim_end_matches(".gz").ends_with(ending)) {
            return Ok(Self::Dataset);
        }
        let mut file = BufReader::new(File::open(path)?);
        let mut magic = [0; 4];
        let read = file.read(&mut magic)?;
        if &magic[..read] == b"PAR1" {
            return Ok(Self::Prototype);
        }
        let mut lines = BufReader::new(File::open(path)?).lines();
        let first = lines.find(|line| !matches!(line, Ok(line) if line.trim().is_empty())).transpose()?.unwrap_or_default();
        let is_component =
            serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&first).is_ok_and(|o| o.contains_key("role"));
        Ok(if is_component { Self::Components } else { Self::Entries })
    }
}

/// The rows of a Parquet file.
pub(super) struct ParquetRows {
    rows: RowIter<'static>,
    /// How many there are.
    pub total: usize,
}

impl ParquetRows {
    pub(super) fn open(path: &Path) -> Result<Self, ParquetError> {
        Self::of(File::open(path)?)
    }

    pub(super) fn of<F: ChunkReader + 'static>(file: F) -> Result<Self, ParquetError> {
        let reader = SerializedFileReader::new(file)?;
        let total = usize::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(0);
        Ok(Self { rows: RowIter::from_file_into(Box::new(reader)), total })
    }
}

impl Iterator for ParquetRows {
    type Item = Result<InsertRequest, FieldError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next()?;
        Some(row.map_err(|e| FieldError::new("", e.to_string())).and_then(|row| prototype_row(&row)))
    }
}

/// A row with the prototype's columns; further columns, such as its keys, are passed over.
fn prototype_row(row: &Row) -> Result<InsertRequest, FieldError> {
    let column = |name: &str| row.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field);
    let text = |name: &'static str| match column(name) {
        Some(Field::Str(text)) => Ok(Some(text.clone())),
        Some(Field::Bytes(bytes)) => {
            bytes.as_utf8().map(|text| Some(text.to_owned())).map_err(|_| FieldError::new(format!("/{name}"), "it is not UTF-8"))
        }
        None | Some(Field::Null) => Ok(None),
        Some(_) => Err(FieldError::new(format!("/{name}"), "it is not a text")),
    };
    let missing = |name: &str| FieldError::new(format!("/{name}"), format!("the column `{name}` is missing or null"));
    let report: Box<RawValue> = to_raw_value(&text("output_report")?.ok_or_else(|| missing("output_report"))?)
        .map_err(|e| FieldError::new("/output_report", e.to_string()))?;
    let signal = number(column("signal")).map_err(|e| FieldError::new("/signal", e))?;
    let signal = match signal {
        None => None,
        Some(signal) if [-1.0, 0.0, 1.0].contains(&signal) => Some(signal as i8),
        Some(other) => return Err(FieldError::new("/signal", format!("{other} is not one of -1, 0 and 1"))),
    };
    Ok(InsertRequest {
        input_report: text("input_report")?.ok_or_else(|| missing("input_report"))?,
        output_report: report,
        datetime_est: moment(column("datetime_est"))?,
        close: number(column("close")).map_err(|e| FieldError::new("/close", e))?,
        signal,
        conviction: number(column("conviction")).map_err(|e| FieldError::new("/conviction", e))?,
        causality: text("causality")?,
    })
}

fn number(field: Option<&Field>) -> Result<Option<f64>, String> {
    Ok(match field {
        None | Some(Field::Null) => None,
        Some(Field::Byte(n)) => Some(f64::from(*n)),
        Some(Field::Short(n)) => Some(f64::from(*n)),
        Some(Field::Int(n)) => Some(f64::from(*n)),
        Some(Field::Long(n)) => Some(*n as f64),
        Some(Field::Float(n)) => Some(f64::from(*n)),
        Some(Field::Double(n)) => Some(*n),
        Some(other) => return Err(format!("{other} is not a number")),
    }
    .filter(|n| !n.is_nan()))
}

/// The wall-clock time of a row as the door for single rows takes it. Parquet stores it as text or as a count since the epoch of that clock.
fn moment(field: Option<&Field>) -> Result<Option<String>, FieldError> {
    let micros = match field {
        None | Some(Field::Null) => return Ok(None),
        Some(Field::Str(text)) => return Ok(Some(text.get(..19).unwrap_or(text).replace('T', " "))),
        Some(Field::TimestampMillis(n)) => n.saturating_mul(1_000),
        Some(Field::TimestampMicros(n)) => *n,
        // Nanoseconds come as a bare integer, which pandas writes by default.
        Some(Field::Long(n)) => n / 1_000,
        Some(_) => return Err(FieldError::new("/datetime_est", "it is neither a text nor a time")),
    };
    let moment = jiff::Timestamp::from_microsecond(micros).map_err(|e| FieldError::new("/datetime_est", e.to_string()))?;
    Ok(Some(moment.strftime("%Y-%m-%d %H:%M:%S").to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::basic::{ConvertedType, Repetition, Type as Physical};
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::types::Type;
    use std::sync::Arc;
    use tempfile::TempDir;

    /// A file with the prototype's columns: two good rows and one whose signal is out of range.
    fn written(folder: &TempDir) -> std::path::PathBuf {
        let path = folder.path().join("df.parquet");
        let text = |name: &str| {
            Arc::new(
                Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
                    .with_converted_type(ConvertedType::UTF8)
                    .with_repetition(Repetition::REQUIRED)
                    .build()
                    .unwrap(),
            )
        };
        let number = |name: &str, of| {
            Arc::new(Type::primitive_type_builder(name, of).with_repetition(Repetition::REQUIRED).build().unwrap())
        };
        let fields = vec![
            number("pk", Physical::INT64),
            text("input_report"),
            text("output_report"),
            number("datetime_est", Physical::INT64),
            number("signal", Physical::INT64),
            number("conviction", Physical::DOUBLE),
        ];
        let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build().unwrap());
        let mut writer = SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let integers = |n: [i64; 3]| n.to_vec();
        let texts = |t: [&str; 3]| t.map(ByteArray::from).to_vec();
        let nanoseconds = 1_740_798_000_000_000_000;
        for column in 0..6 {
            let mut writer = group.next_column().unwrap().unwrap();
            match column {
                0 => drop(writer.typed::<Int64Type>().write_batch(&integers([1, 2, 3]), None, None).unwrap()),
                1 => drop(writer.typed::<ByteArrayType>().write_batch(&texts(["one", "two", "three"]), None, None).unwrap()),
                2 => drop(writer.typed::<ByteArrayType>().write_batch(&texts(["a", "{\"b\": 1}", "c"]), None, None).unwrap()),
                3 => drop(writer.typed::<Int64Type>().write_batch(&integers([nanoseconds; 3]), None, None).unwrap()),
                4 => drop(writer.typed::<Int64Type>().write_batch(&integers([1, -1, 7]), None, None).unwrap()),
                _ => drop(writer.typed::<DoubleType>().write_batch(&[0.5, 0.75, 1.0], None, None).unwrap()),
            }
            writer.close().unwrap();
        }
        group.close().unwrap();
        writer.close().unwrap();
        path
    }

    #[test]
    fn the_prototypes_parquet_is_read_row_by_row_and_a_bad_row_is_named() {
        let folder = TempDir::new().unwrap();
        let path = written(&folder);
        assert_eq!(Kind::of(&path).unwrap(), Kind::Prototype);
        let rows = ParquetRows::open(&path).unwrap();
        assert_eq!(rows.total, 3);
        let rows: Vec<_> = rows.collect();
        let first = rows[0].as_ref().unwrap();
        assert_eq!((&*first.input_report, first.signal, first.conviction), ("one", Some(1), Some(0.5)));
        assert_eq!(first.datetime_est.as_deref(), Some("2025-03-01 03:00:00"));
        assert_eq!(rows[1].as_ref().unwrap().output_report.get(), r#""{\"b\": 1}""#);
        assert_eq!(rows[2].as_ref().unwrap_err().pointer, "/signal");
    }

    #[test]
    fn the_kind_of_ndjson_is_found_from_its_first_line() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("f.ndjson");
        for (content, kind) in [
            ("\n{\"id\": \"a\", \"role\": \"news\", \"text\": \"b\"}\n", Kind::Components),
            ("{\"text\": \"b\"}\n", Kind::Entries),
            ("", Kind::Entries),
        ] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(Kind::of(&path).unwrap(), kind, "{content}");
        }
    }
}
