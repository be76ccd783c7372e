//! Bytes of a damaged disk as a segment of the journal.
#![no_main]

use instinct::store::journal::fuzz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::segment(bytes));
