//! Bytes of a damaged disk as a stored record.
#![no_main]

use instinct::store::codec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let at = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let (key, record) = bytes.split_at(at);
    let _ = codec::decode(key, record.get(1..).unwrap_or_default());
    let _ = codec::decode(b"{default}:decision:01M7Y7SN0QWQEDWEHJW43WHQ92", bytes);
});
