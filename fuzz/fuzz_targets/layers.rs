//! Bytes of a stranger as a semantic layer in YAML, and as an expression of one.
#![no_main]

use instinct::engine::analytics::layer::Layer;
use instinct::engine::analytics::layer::expression::Expression;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = Layer::read(text) {
        assert!(error.pointer.is_empty() || error.pointer.starts_with('/'), "{error}");
    }
    if let Ok(expression) = Expression::read(text) {
        let _ = expression.tables();
    }
});
