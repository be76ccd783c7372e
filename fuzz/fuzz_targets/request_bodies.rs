//! Bytes of a stranger as a decision payload, a time, an id, a trace header and a fresh text.
#![no_main]

use instinct::domain::decision::Payload;
use instinct::domain::ids::{ComponentId, DecisionId, EntryId};
use instinct::domain::text::FreshText;
use instinct::domain::time::Timestamp;
use instinct::domain::trace::TraceParent;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(payload) = Payload::parse(text) {
        // What was taken must be served again, and be read as the same.
        let again = Payload::parse(payload.as_json()).expect("a payload that was taken reads back");
        assert_eq!(again, payload);
    }
    if let Ok(moment) = Timestamp::parse(text) {
        assert_eq!(Timestamp::parse(&moment.to_string()).expect("a time that was taken reads back"), moment);
    }
    if let Ok(fresh) = FreshText::new(text) {
        assert_eq!(FreshText::new(fresh.as_str()).expect("a normal form is a text"), fresh);
    }
    let _ = (EntryId::parse(text), DecisionId::parse(text), ComponentId::new(text));
    if let Some(parent) = TraceParent::parse(text) {
        assert_eq!(TraceParent::parse(&parent.to_string()), Some(parent));
    }
});
