//! Rows of a dataset in Parquet: read, stored and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::Once;

/// The library panics at some damaged files, and its panics are caught; the fuzzer's hook would end the run at each of them. One that is not
/// caught ends it all the same.
static UNHOOKED: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    UNHOOKED.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    instinct::dataset::fuzz::parquet(bytes);
});
