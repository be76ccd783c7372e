//! Rows of a file as a frame: NDJSON, CSV and Parquet in, typed columns and a report out; and frames as parts for the store.
//!
//! Invariants:
//! - a row that can't be read is told by its number and left out, and the others stay, unless the caller wants all or none;
//! - nothing is changed silently: what was found, left out, sorted or taken for something is in the report;
//! - no input takes more memory than its caps allow, whatever it says of itself.

mod arrange;
mod parts;

pub use arrange::{appended, arranged};
pub use parts::{BadPart, Packed, content_hash, memory_of, packed, unpacked};
