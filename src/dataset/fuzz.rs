//! What the fuzzer gives to the readers of rows.

use super::{Format, ReadOptions, ReadRows, arranged, content_hash, packed, read, unpacked};
use crate::domain::dataset::{DatasetColumn, DatasetReport};
use bytes::Bytes;

/// Reads bytes as CSV, with a delimiter and a heading that are found out.
pub fn csv(bytes: &[u8]) {
    rows(bytes, Format::Csv);
}

/// Reads bytes as NDJSON.
pub fn ndjson(bytes: &[u8]) {
    rows(bytes, Format::Ndjson);
}

/// Reads bytes as Parquet.
pub fn parquet(bytes: &[u8]) {
    rows(bytes, Format::Parquet);
}

/// What was read can be stored, and comes back as it was.
fn rows(bytes: &[u8], format: Format) {
    let mut options = ReadOptions::new(format);
    let read = |options: &ReadOptions| read(Bytes::copy_from_slice(bytes), options);
    let Ok(ReadRows { frame, report }) = read(&options) else { return };
    assert_eq!(report.rows_read, frame.rows() as u64 + report.bad_rows, "each row is kept or told to be bad");
    assert_eq!(report.bad.is_empty(), report.bad_rows == 0);
    options.strict = true;
    assert_eq!(read(&options).is_ok(), report.bad_rows == 0, "strict refuses what has a bad row, and nothing else");
    let names = frame.columns().iter().map(|(name, _)| name.to_string());
    options.settings.key = names.take(2).collect();
    let mut looked = DatasetReport::default();
    let arranged = arranged(frame, &options.settings, &mut looked);
    assert!(arranged.is_ok(), "the key is of columns that are there");
    let Ok(frame) = arranged else { return };
    let parts: Vec<_> = packed(&frame).map_while(Result::ok).collect();
    let again = unpacked(&DatasetColumn::all_of(&frame), parts.iter().map(|part| &*part.data));
    assert_eq!(again.map(|again| content_hash(&again)), Ok(content_hash(&frame)));
}
