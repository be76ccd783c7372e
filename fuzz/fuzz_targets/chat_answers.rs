//! What a model's server answers, as a whole and as the events of a stream.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| instinct::llm::fuzz::answers(bytes));
