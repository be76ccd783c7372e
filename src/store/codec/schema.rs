//! Proves that the code and `cache-schemas/` agree.

use super::{FORMAT, FORMAT_FIELD, Shape};
use crate::store::{Record, RecordKind, sample};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

fn schema(kind: RecordKind) -> Value {
    let path = format!("{}/cache-schemas/{}.schema.json", env!("CARGO_MANIFEST_DIR"), kind.as_str());
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Base64 as RFC 4648 has it, written out here so that no crate is needed for one test.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, i| bits << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// The JSON projection that `cache-schemas/README.md` describes.
fn project(record: &Record) -> Value {
    let fields = super::to_fields(record).unwrap();
    let mut object = Map::new();
    object.insert(FORMAT_FIELD.to_owned(), FORMAT.into());
    for (field, bytes) in fields.present() {
        let text = || std::str::from_utf8(bytes).unwrap();
        let value = match field.shape {
            Shape::Vector | Shape::Bytes => base64(bytes).into(),
            Shape::Text | Shape::Time => text().into(),
            Shape::Number | Shape::Json => serde_json::from_str(text()).unwrap(),
        };
        object.insert(field.name.to_owned(), value);
    }
    Value::Object(object)
}

fn assert_valid(record: &Record) {
    let schema = schema(record.kind());
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let projection = project(record);
    let errors: Vec<String> = validator.iter_errors(&projection).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?} in {projection:#}");
}

fn names(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(object) => object.keys().cloned().collect(),
        Value::Array(array) => array.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
        other => panic!("{other} holds no names"),
    }
}

#[test]
fn code_and_schema_have_the_same_fields_and_require_the_same() {
    for kind in RecordKind::ALL {
        let schema = schema(kind);
        let table = super::table(kind);
        let all = table.iter().map(|field| field.name).chain([FORMAT_FIELD]);
        assert_eq!(names(&schema["properties"]), all.map(str::to_owned).collect(), "{kind:?}");
        let required = table.iter().filter(|field| field.required).map(|field| field.name).chain([FORMAT_FIELD]);
        assert_eq!(names(&schema["required"]), required.map(str::to_owned).collect(), "{kind:?}");
        assert_eq!(schema["properties"][FORMAT_FIELD]["const"], FORMAT, "{kind:?}");
    }
}

#[test]
fn code_and_schema_have_the_same_vectors_and_times() {
    for kind in RecordKind::ALL {
        let schema = schema(kind);
        for field in super::table(kind) {
            let property = &schema["properties"][field.name];
            assert_eq!(
                property["contentEncoding"] == "base64",
                matches!(field.shape, Shape::Vector | Shape::Bytes),
                "{kind:?} {}",
                field.name
            );
            assert_eq!(property["format"] == "date-time", field.shape == Shape::Time, "{kind:?} {}", field.name);
        }
    }
}

#[test]
fn keys_match_the_patterns_of_their_schemas() {
    for record in sample::one_of_each() {
        let pattern = serde_json::json!({ "pattern": schema(record.kind())["x-key-pattern"] });
        let key = record.key().to_string();
        assert!(jsonschema::is_valid(&pattern, &Value::String(key.clone())), "{key} and {pattern}");
    }
}

#[test]
fn the_index_is_over_fields_that_entries_have() {
    let path = format!("{}/cache-schemas/index.json", env!("CARGO_MANIFEST_DIR"));
    let index: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for indexed in index["schema"].as_array().unwrap() {
        let field = super::table(RecordKind::Entry).iter().find(|field| indexed["field"] == field.name);
        let shape = field.unwrap_or_else(|| panic!("entries have no field {}", indexed["field"])).shape;
        let expected = match indexed["type"].as_str().unwrap() {
            "VECTOR" => Shape::Vector,
            "NUMERIC" => Shape::Number,
            _ => Shape::Text,
        };
        assert_eq!(shape, expected, "{}", indexed["field"]);
    }
}

#[test]
fn base64_is_that_of_the_standard() {
    assert_eq!(["", "f", "fo", "foo", "foob"].map(|t| base64(t.as_bytes())), ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
}

#[test]
fn a_projection_that_breaks_its_schema_is_told_from_one_that_keeps_it() {
    let validator = jsonschema::validator_for(&schema(RecordKind::Entry)).unwrap();
    let good = project(&sample::fixed_entry());
    assert!(validator.is_valid(&good));
    for (name, value) in [("mood", Value::from("good")), ("provenance", "rumour".into()), ("dim", 0.into())] {
        let mut bad = good.clone();
        bad[name] = value;
        assert!(!validator.is_valid(&bad), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_record_is_valid_under_its_schema(
        component in sample::component(), text in sample::text(), entry in sample::entry(), decision in sample::decision(),
        end in sample::tag_end(), judgement in sample::judgement(), market in sample::market(),
        event in sample::audit_event(), chain in sample::audit_chain(), plan in sample::plan(), fit in sample::fit(),
        dataset in sample::dataset(), part in sample::dataset_part(), taught in sample::knowledge(),
        answer in sample::judgeable(),
    ) {
        for record in [component, text, entry, decision, end, judgement, market, event, chain, plan, fit, dataset, part, taught, answer] {
            assert_valid(&record);
        }
    }
}
