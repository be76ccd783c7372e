//! An export of an audit trail, as somebody hands it in to be checked.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| instinct::cli::fuzz::exported_events(bytes));
