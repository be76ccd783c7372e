//! Rows of a file as a frame: NDJSON, CSV and Parquet in, typed columns and a report out; and frames as parts for the store.
//!
//! Invariants:
//! - a row that can't be read is told by its number and left out, and the others stay, unless the caller wants all or none;
//! - nothing is changed silently: what was found, left out, sorted or taken for something is in the report;
//! - a column is guessed to hold numbers or flags only where each of them says all that was written;
//! - no input takes more memory than its caps allow, whatever it says of itself.

mod arrange;
mod cell;
mod csv;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod guess;
mod ndjson;
mod number;
mod options;
mod parquet;
mod parts;
mod read;
mod rows;
mod write;

pub use arrange::{appended, arranged};
pub use options::{Format, ReadOptions, ToldType, WrittenOptions};
pub use parts::{BadPart, Packed, content_hash, memory_of, packed, unpacked};
pub use read::{ReadRows, plain, read};
pub use rows::ReadError;
pub use write::{csv_rows, ndjson_rows};
