//! Rows of a dataset in NDJSON: read, stored and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| instinct::dataset::fuzz::ndjson(bytes));
