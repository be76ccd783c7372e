//! What an issuer publishes as its keys, and a file of API keys.
#![no_main]

use instinct::tenant::fuzz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    fuzz::signing_keys(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        fuzz::api_keys(text);
    }
});
