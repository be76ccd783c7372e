//! A text as a strategy file.
#![no_main]

use instinct::domain::strategy::Strategy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = Strategy::from_toml(text);
});
