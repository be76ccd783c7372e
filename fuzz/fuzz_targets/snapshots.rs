//! Bytes of a damaged disk as the graph of an index.
#![no_main]

use instinct::index::fuzz_snapshot;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz_snapshot::snapshot(bytes));
