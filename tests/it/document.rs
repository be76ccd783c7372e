//! The OpenAPI document: what it says of requests and answers is what the service takes and gives. `scripts/check_api.py` asks the same
//! with made-up requests; here is what that found.

use super::service::{project, start, trade};
use jsonschema::Validator;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn document() -> Value {
    serde_json::from_str(instinct::api::openapi()).unwrap()
}

/// Every operation, with its path and its method.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |(method, it)| (path.as_str(), method.as_str(), it)))
}

/// The schema of a name.
fn schema(document: &Value, name: &str) -> Validator {
    assert!(document["components"]["schemas"][name].is_object(), "there is no schema {name}");
    let whole = json!({"$ref": format!("#/components/schemas/{name}"), "components": document["components"]});
    jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
}

#[test]
fn every_reference_in_the_openapi_document_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| match value.as_str() {
                Some(reference) if key == "$ref" => found.push(reference),
                _ => references(value, found),
            }),
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
}

#[test]
fn every_operation_of_the_openapi_document_has_a_name_of_its_own() {
    let document = document();
    let mut names: Vec<&str> = operations(&document).map(|(_, _, it)| it["operationId"].as_str().unwrap()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), count), (56, 56), "{names:?}");
}

/// The name under which a type that follows `ToSchema)]` stands in the document.
fn named(rest: &str) -> Option<String> {
    let mut known = None;
    for line in rest.lines().map(str::trim).skip(1).take(12) {
        if let Some(name) = line.strip_prefix("#[schema(as = ") {
            known = name.split(')').next();
        }
        let mut words =
            line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').skip_while(|w| !["struct", "enum"].contains(w));
        if !line.starts_with(['#', '/'])
            && let (Some(_), Some(name)) = (words.next(), words.next())
        {
            return Some(known.unwrap_or(name).to_owned());
        }
    }
    None
}

#[test]
fn no_two_types_stand_in_the_document_under_one_name() {
    fn visit(folder: &Path, found: &mut Vec<String>) {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
            } else {
                let source = fs::read_to_string(&path).unwrap_or_default();
                found.extend(source.match_indices("ToSchema)]").filter_map(|(at, _)| named(&source[at..])));
            }
        }
    }
    let mut found = Vec::new();
    visit(&project().join("src"), &mut found);
    assert!(found.len() > 100, "{found:?}");
    found.sort_unstable();
    let twice: Vec<&[String]> = found.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}: name one by #[schema(as = …)]");
}

#[test]
fn a_parameter_stands_in_the_path_where_the_path_has_it_and_in_the_query_elsewhere() {
    let document = document();
    let mut seen = 0;
    for (path, method, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let place = if path.contains(&format!("{{{name}}}")) { "path" } else { "query" };
            assert_eq!(parameter["in"], place, "{method} {path}: {name}");
            assert_eq!(parameter["required"].as_bool().unwrap_or(false), place == "path", "{method} {path}: {name}");
            assert!(!parameter["schema"]["type"].is_array(), "{method} {path}: {name} is never null in an address");
            seen += 1;
        }
    }
    assert!(seen > 12, "{seen}");
}

#[test]
fn a_decision_of_every_kind_is_one_by_the_document_and_nothing_else_is() {
    let document = document();
    let decision = schema(&document, "Decision");
    for good in [
        trade(1),
        json!({"kind": "table", "columns": ["a"], "rows": [[1], [null]]}),
        json!({"kind": "numeric", "value": 1.5, "interval": [1.0, 2.0]}),
        json!({"kind": "plan", "objective": 1.0, "variables": {"x": 2.0}}),
        json!({"kind": "report", "text": "a", "sections": {"b": "c"}}),
        json!({"kind": "refusal", "reason": "a"}),
    ] {
        assert!(decision.is_valid(&good), "{good}");
        for (name, value) in [("kind", Value::Null), ("kind", json!("wish")), ("mood", json!(1))] {
            let mut bad = good.clone();
            bad[name] = value;
            assert!(!decision.is_valid(&bad), "{bad}");
        }
    }
    assert!(!decision.is_valid(&json!({"signal": 1, "conviction": 0.5})));
    assert!(!decision.is_valid(&json!({"kind": "numeric", "value": 1.5, "interval": [1.0]})));
}

#[test]
fn what_the_service_answers_is_what_the_document_says() {
    let (document, service) = (document(), start());
    service.remember(&json!({"text": "a", "decision": trade(1)}));
    let events = service.get("/v1/audit").lines();
    assert!(!events.is_empty());
    for event in &events {
        assert!(schema(&document, "ExportedEvent").is_valid(event), "{event}");
    }
    let search = service.post("/v1/entries/search", &json!({"text": "a"})).json();
    for (name, answer) in [
        ("Answer", service.decide(&json!({"text": "a", "explain": true}))),
        ("SearchAnswer", search.clone()),
        ("EntryAnswer", service.get(&format!("/v1/entries/{}", search["candidates"][0]["entry"].as_str().unwrap())).json()),
    ] {
        let wrong: Vec<String> = schema(&document, name).iter_errors(&answer).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
}

#[test]
fn bodies_that_the_service_refuses_to_read_are_no_bodies_by_the_document_either() {
    let document = document();
    let bar = |values: Value| json!({"text": "a", "market": {"bars": {"ETH": {"bars": [values]}}}});
    let at = "2025-03-14T12:00:00Z";
    let id = format!("sc:combo:{}", "0".repeat(64));
    for (name, body, good) in [
        ("DecideRequest", bar(json!([at, 1.0, 2.0, 0.5, 1.5, 10])), true),
        ("DecideRequest", bar(json!([at, 1.0, 2.0, 0.5, 1.5])), false),
        ("DecideRequest", bar(json!([at, 1.0, 2.0, 0.5, 1.5, 10, 1])), false),
        ("DecideRequest", bar(json!(["noon", 1.0, 2.0, 0.5, 1.5, 10])), false),
        ("DecideRequest", json!({"text": "a", "session": ""}), false),
        ("DeleteRequest", json!({"ids": [id]}), true),
        ("DeleteRequest", json!({"ids": ["nonsense"]}), false),
        ("DeleteRequest", json!({"ids": []}), false),
        ("InsertRequest", json!({"input_report": "a", "output_report": "up"}), true),
        ("InsertRequest", json!({"input_report": "a", "output_report": [1]}), true),
        ("ComponentLine", json!({"id": "a", "role": "news", "text": "b"}), true),
        ("ComponentLine", json!({"role": "news", "text": "b"}), false),
        ("ServerEvent", json!({"event": "answer", "data": "{}"}), true),
        ("ServerEvent", json!({"event": "mood", "data": "{}"}), false),
    ] {
        assert_eq!(schema(&document, name).is_valid(&body), good, "{name}: {body}");
    }
}

#[test]
fn a_bulk_write_of_nothing_is_answered_with_nothing_as_the_document_says() {
    let (document, service) = (document(), start());
    let mut seen = 0;
    for (path, method, operation) in operations(&document) {
        let lines = operation["requestBody"]["content"]["application/x-ndjson"].is_object();
        // A dataset without a row is none, and is refused.
        if lines && !path.starts_with("/v1/datasets") {
            assert_eq!(operation["requestBody"]["required"], false, "{method} {path}");
            let reply = service.request(&method.to_uppercase(), &path.replace("{instrument}", "ETH"), "");
            assert_eq!((reply.status, reply.text.as_str()), (200, ""), "{method} {path}");
            seen += 1;
        }
    }
    assert_eq!(seen, 3);
}
