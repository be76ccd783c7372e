//! A file of the prototype's rows.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: Vec<u8>| instinct::cli::fuzz::parquet(bytes));
