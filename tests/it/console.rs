//! The page at `/`, and the list of the latest decisions that it shows.

use super::service::{Service, start};
use serde_json::{Value, json};

/// What the request was answered with, under these headers.
fn get_with(service: &Service, path: &str, header: (&str, &str)) -> reqwest::blocking::Response {
    let http = reqwest::blocking::Client::new();
    http.get(format!("{}{path}", service.url)).header(header.0, header.1).send().unwrap()
}

#[test]
fn the_page_and_its_files_come_with_their_types_and_a_strict_policy() {
    let service = start();
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/console/console.js", "text/javascript; charset=utf-8"),
        ("/console/console.css", "text/css; charset=utf-8"),
        ("/console/icon.svg", "image/svg+xml"),
    ] {
        let reply = service.get(path);
        assert_eq!((reply.status, reply.headers["content-type"].to_str().unwrap()), (200, kind), "{path}");
        assert!(reply.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self';"), "{path}");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(reply.headers["cache-control"], "no-cache", "{path}");
        assert!(!reply.text.is_empty(), "{path}");
    }
    let missing = service.get("/console/..%2fCargo.toml");
    assert_eq!((missing.status, missing.headers["content-type"].to_str().unwrap()), (404, "application/problem+json"));
    assert_eq!(service.request("POST", "/", "").status, 405);
    let head = service.request("HEAD", "/", "");
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}

#[test]
fn a_file_that_the_browser_has_is_not_sent_again() {
    let service = start();
    let tag = service.get("/console/console.js").headers["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with('"'), "{tag} is a strong tag");
    let known = get_with(&service, "/console/console.js", ("if-none-match", &tag));
    assert_eq!((known.status().as_u16(), known.headers()["etag"].to_str().unwrap()), (304, tag.as_str()));
    assert_eq!(known.text().unwrap(), "");
    assert_eq!(get_with(&service, "/console/console.js", ("if-none-match", "\"another\"")).status(), 200);
    assert_ne!(service.get("/").headers["etag"], tag.as_str());
}

fn list(service: &Service, query: &str) -> Value {
    let reply = service.get(&format!("/v1/decisions{query}"));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

#[test]
fn the_latest_decisions_are_listed_newest_first_and_page_by_page() {
    let service = start();
    service.remember(
        &json!({"text": "b", "decision": {"kind": "trade", "signal": -1, "conviction": 0.5}, "as_of": "2025-01-01T00:00:00Z"}),
    );
    let asked: Vec<Value> = ["a", "b", "c"].iter().map(|text| service.decide(&json!({"text": text}))).collect();
    let all = list(&service, "");
    let of = |page: &Value, name: &str| -> Vec<Value> {
        page["decisions"].as_array().unwrap().iter().map(|decision| decision[name].clone()).collect()
    };
    assert_eq!(of(&all, "text"), ["c", "b", "a"]);
    assert_eq!(of(&all, "id"), asked.iter().rev().map(|answer| answer["id"].clone()).collect::<Vec<_>>());
    assert_eq!(all["next"], Value::Null);
    let hit = &all["decisions"][1];
    assert_eq!((&hit["outcome"], &hit["path"]), (&json!("decided"), &json!("exact")));
    assert_eq!(hit["decision"], json!({"kind": "trade", "signal": -1, "conviction": 0.5}));
    assert_eq!(hit["match"]["entry"], asked[1]["match"]["entry"]);
    assert_eq!(all["decisions"][0]["decision"], Value::Null);

    let first = list(&service, "?limit=2");
    assert_eq!(of(&first, "text"), ["c", "b"]);
    let rest = list(&service, &format!("?limit=2&before={}", first["next"].as_str().unwrap()));
    assert_eq!((of(&rest, "text"), &rest["next"]), (vec![json!("a")], &Value::Null));
}

#[test]
fn a_long_text_is_listed_in_short_and_a_verdict_is_listed_with_its_decision() {
    let service = start();
    let text = "long ".repeat(100);
    service.remember(
        &json!({"text": text, "decision": {"kind": "trade", "signal": 1, "conviction": 0.5}, "as_of": "2025-01-01T00:00:00Z"}),
    );
    let id = service.decide(&json!({"text": text}))["id"].clone();
    let listed = &list(&service, "")["decisions"][0];
    assert_eq!((listed["text"].as_str().unwrap().chars().count(), &listed["right"]), (160, &Value::Null));
    assert!(listed["text"].as_str().unwrap().ends_with('…'));
    assert_eq!(service.post("/v1/feedback", &json!({"decision_id": id, "verdict": "wrong"})).status, 200);
    assert_eq!(list(&service, "")["decisions"][0]["right"], false);
}

#[test]
fn a_bad_page_is_refused_by_the_name_of_its_parameter() {
    let service = start();
    for (query, status, pointer) in [
        ("?limit=0", 422, "/limit"),
        ("?limit=201", 422, "/limit"),
        ("?before=01M7ZTM05TBTTGFHE37EBHYRV1&limit=x", 400, "/limit"),
        ("?before=x", 400, "/before"),
        ("?after=x", 400, "/after"),
    ] {
        let reply = service.get(&format!("/v1/decisions{query}"));
        assert_eq!((reply.status, reply.pointers()), (status, vec![pointer.to_owned()]), "{query}: {}", reply.text);
    }
}
