//! Bytes of a stranger as the body of every door, and as its query and path.
#![no_main]

use instinct::api::fuzz;
use instinct::domain::trace::TraceParent;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    fuzz::bodies(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    fuzz::words(text);
    if let Some(parent) = TraceParent::parse(text) {
        assert_eq!(TraceParent::parse(&parent.to_string()), Some(parent));
    }
});
