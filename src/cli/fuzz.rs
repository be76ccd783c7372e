//! What the fuzzer gives to the readers of files.

use super::audit::of_lines;
use super::rows::ParquetRows;

/// Reads bytes as Parquet with the prototype's columns.
pub fn parquet(bytes: Vec<u8>) {
    if let Ok(rows) = ParquetRows::of(bytes::Bytes::from(bytes)) {
        // A few bytes may stand for very many rows.
        rows.take(10_000).for_each(drop);
    }
}

/// Reads bytes as an export of an audit trail, and checks its chain.
pub fn exported_events(bytes: &[u8]) {
    let _ = of_lines(bytes, "export");
}
