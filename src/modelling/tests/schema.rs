//! The published schema and the code.

use super::super::SCHEMA;

#[test]
fn the_schema_is_json() {
    serde_json::from_str::<serde_json::Value>(SCHEMA).unwrap();
}
