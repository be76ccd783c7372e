//! The published schema and the code: what the one refuses by shape the other refuses, and what is read is of the published shape.

use crate::modelling::{Model, SCHEMA};
use serde_json::{Value, json};

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
}

fn base() -> Value {
    json!({
        "model_type": "lp", "title": "t", "description": "d", "comment": 3,
        "sets": {"s": ["a", 1], "r": {"from": 1, "to": 2}, "arc": [["a", 1], ["a", "b"]]},
        "parameters": {"p": 1, "q": [1, 2], "w": {"a": 2}, "v": {"value": {"a": 1}, "unit": "USD", "source": "x", "index": "s", "default": 0,
            "description": "d", "comment": "c"}},
        "decision_variables": [
            {"name": "x", "type": "continuous", "index": ["s"], "lb": 0, "ub": "v[a]", "unit": "USD", "description": "d", "comment": "c"},
            {"name": "y", "index": "r", "lb": null}
        ],
        "objective": {"sense": "minimize", "expression": "sum(x)", "unit": "USD", "name": "n", "description": "d", "comment": "c"},
        "constraints": ["sum(x) >= 1", {"name": "n", "expression": "y[i] >= p", "for": "i in r", "unit": "1", "description": "d", "comment": "c"}],
        "assumptions": ["a", {"text": "b", "source": "c"}]
    })
}

/// The document with another value at a pointer; a pointer to what is not there adds it.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = base();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.insert(name.to_owned(), value)),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer}"),
    }
    document
}

fn read(document: &Value) -> bool {
    Model::parse(document.to_string().as_bytes()).is_ok()
}

#[test]
fn what_is_read_is_of_the_published_shape() {
    let validator = validator();
    for item in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/models")).unwrap() {
        let text = std::fs::read_to_string(item.unwrap().path()).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert!(validator.is_valid(&document) && read(&document), "{text}");
    }
    let mut good = vec![base()];
    good.extend(["title", "sets", "constraints", "assumptions"].map(|field| {
        let mut document = with(&format!("/{field}"), Value::Null);
        if field == "sets" {
            document = json!({"model_type": "lp", "sets": null, "decision_variables": [{"name": "x"}], "objective": {"sense": "max", "expression": 0}});
        }
        document
    }));
    for document in good {
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(
            errors.is_empty() && read(&document),
            "{document} {errors:?} {:?}",
            Model::parse(document.to_string().as_bytes()).err()
        );
    }
}

#[test]
fn what_is_of_another_shape_is_read_by_neither() {
    let validator = validator();
    let long = "x".repeat(2_001);
    for (pointer, value) in [
        ("/model_type", json!("qp")),
        ("/model_type", json!(3)),
        ("/title", json!(3)),
        ("/title", json!(long)),
        ("/solver", json!("highs")),
        ("/sets/s", json!([])),
        ("/sets/s", json!("a")),
        ("/sets/s", json!([""])),
        ("/sets/s", json!([1.5])),
        ("/sets/1s", json!(["a"])),
        ("/sets/r", json!({"from": 1})),
        ("/sets/r", json!({"from": 1, "to": 3, "by": 2})),
        ("/parameters/p", json!("1")),
        ("/parameters/p", json!(1e16)),
        ("/parameters/q", json!([])),
        ("/parameters/w", json!({})),
        ("/parameters/v/value", json!(null)),
        ("/parameters/v/units", json!("USD")),
        ("/parameters/v/default", json!("0")),
        ("/parameters/v/index", json!(3)),
        ("/parameters/p q", json!(1)),
        ("/decision_variables", json!([])),
        ("/decision_variables", json!({})),
        ("/decision_variables/0/name", json!("x y")),
        ("/decision_variables/0/name", json!("größe")),
        ("/decision_variables/0/type", json!("real")),
        ("/decision_variables/0/lb", json!(true)),
        ("/decision_variables/0/bounds", json!([0, 1])),
        ("/objective/sense", json!("less")),
        ("/objective/expression", json!(null)),
        ("/objective/weight", json!(1)),
        ("/constraints/0", json!(3)),
        ("/constraints/1/expression", json!(null)),
        ("/constraints/1/name", json!("a[b]")),
        ("/constraints/1/name", json!("")),
        ("/constraints/1/for", json!(3)),
        ("/constraints/1/foreach", json!("i in r")),
        ("/assumptions/0", json!(3)),
        ("/assumptions/1/text", json!(null)),
        ("/assumptions/1/from", json!("x")),
    ] {
        let document = with(pointer, value.clone());
        assert!(!validator.is_valid(&document), "the schema takes {value} at {pointer}");
        assert!(!read(&document), "the code takes {value} at {pointer}");
    }
}
