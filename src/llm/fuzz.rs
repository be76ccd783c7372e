//! What the fuzzer gives to the readers of answers.

use super::wire::{Completion, Gathered, error_detail};
use crate::limits::LLM_ANSWER_SHOWN_BYTES_MAX;

/// Reads bytes as an answer or as events of one, a line for each, and as the body of an error.
pub fn answers(bytes: &[u8]) {
    let mut gathered = Gathered::default();
    for line in std::iter::once(bytes).chain(bytes.split(|byte| *byte == b'\n')) {
        if let Ok(completion) = serde_json::from_slice::<Completion>(line) {
            gathered.add(completion);
        }
    }
    let detail = error_detail(bytes);
    assert!(!detail.is_empty() && detail.len() <= LLM_ANSWER_SHOWN_BYTES_MAX && !detail.contains('\n'));
}
