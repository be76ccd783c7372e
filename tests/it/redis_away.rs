//! Redis under the service: moved to and from, and away while engines decide.

use super::redis::{RedisServer, wait_until};
use super::service::{Builder, Service, binary, entry, project};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const ENTRIES: u64 = 1_000;

fn moved(from: &str, to: &str, more: &[&str]) -> (Option<i32>, Value, String) {
    let mut command = Command::new(binary());
    command.args(["ingest", "--json", "--from", from, "--to", to]).args(more).stdin(Stdio::null());
    let output = command.env("INSTINCT_STRATEGIES__DIR", project().join("strategies")).output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), report, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn found(report: &Value, kind: &str) -> Option<u64> {
    report["kinds"].as_array()?.iter().find(|moved| moved["kind"] == kind)?["found"].as_u64()
}

fn over(server: &RedisServer, data: &Path) -> Service {
    Builder::new().with_the_real_model().set("STORE__BACKEND", &server.url()).data(data).start()
}

#[test]
fn records_are_moved_to_redis_and_back_and_are_the_same() {
    let server = RedisServer::start(&[]);
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let first = Builder::new().data(Path::new(&at("a"))).start();
    let lines: Vec<String> = (0..ENTRIES).map(|i| entry(&format!("headline {i}"), 1).to_string()).collect();
    assert_eq!(first.request("POST", "/v1/entries", lines.join("\n")).status, 200);
    let component = json!({"role": "context", "text": "Rates are high", "tags": ["rates"], "ttl_sec": 86_400});
    assert_eq!(first.request("PUT", "/v1/components/c", component.to_string()).status, 201);
    let answer = first.decide(&json!({"text": "headline 7"}));
    first.post("/v1/feedback", &json!({"decision_id": answer["id"], "verdict": "wrong"}));
    assert_eq!(first.terminate(), Some(0));

    let (code, report, said) = moved(&at("a"), &server.url(), &[]);
    assert_eq!(
        (code, report["whole"].as_bool(), found(&report, "entry")),
        (Some(0), Some(true), Some(ENTRIES)),
        "{said}{report}"
    );
    let (code, report, _) = moved(&server.url(), &at("a"), &["--verify"]);
    assert_eq!((code, report["whole"].as_bool()), (Some(0), Some(true)), "{report}");
    let (code, report, said) = moved(&server.url(), &at("b"), &[]);
    assert_eq!((code, report["whole"].as_bool(), found(&report, "judgement")), (Some(0), Some(true), Some(1)), "{said}{report}");
    let second = Builder::new().data(Path::new(&at("b"))).start();
    assert_eq!(second.decide(&json!({"text": "headline 8"}))["path"], "exact");
    assert_eq!(second.decide(&json!({"text": "headline 7"}))["outcome"], "abstained");
    assert_eq!(second.terminate(), Some(0));

    // What Redis holds under a key of ours and can't be read is named, and the rest is moved.
    server.say(&["HSET", "{default}:ec:news:broken", "format", "2", "text", "half"]);
    let (code, report, said) = moved(&server.url(), &at("c"), &[]);
    assert_eq!((code, report["damaged"].as_array().map(Vec::len)), (Some(1), Some(1)), "{report}");
    assert!(said.contains("{default}:ec:news:broken") && found(&report, "entry") == Some(ENTRIES), "{said}");
}

#[test]
fn a_redis_that_is_not_there_is_told_without_its_password() {
    let folder = TempDir::new().unwrap();
    let to = folder.path().join("a").display().to_string();
    let (code, _, said) = moved("redis://someone:hidden@127.0.0.1:1", &to, &[]);
    assert!(code == Some(1) && !said.contains("hidden"), "{said}");
    let (code, _, said) = moved("redis-nonsense://someone:hidden@h", &to, &[]);
    assert!(code == Some(2) && !said.contains("hidden"), "{said}");
}

fn journal(service: &Service) -> Value {
    service.get("/health/ready").json()["parts"]["store"]["journal"].clone()
}

#[test]
fn what_engines_decide_while_redis_is_away_is_kept_through_a_kill_and_given_to_it_when_it_is_back() {
    let mut server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let folder = TempDir::new().unwrap();
    let service = over(&server, &folder.path().join("a"));
    let headline = |i: usize| format!("Profit rises {} percent, beats expectations, and the forecast is raised", 20 + i);
    let ask =
        |service: &Service, i: usize| service.post("/v1/decide", &json!({"text": headline(i), "deadline_ms": 30_000})).json();
    let decided = |answer: &Value| (answer["outcome"].clone(), answer["path"].clone());
    let before = ask(&service, 0);
    assert_eq!(decided(&before), (json!("decided"), json!("engine")), "{before}");
    server.stop();
    let answers: Vec<Value> = (1..6).map(|i| ask(&service, i)).collect();
    for answer in &answers {
        assert_eq!(decided(answer), (json!("decided"), json!("engine")), "{answer}");
    }
    wait_until("all of it is in the journal", || journal(&service)["records"] == 10);
    let kept = answers[2]["id"].as_str().unwrap().to_owned();
    assert_eq!(service.get(&format!("/v1/decisions/{kept}")).json()["decision"], answers[2]["decision"]);
    assert_eq!(ask(&service, 3)["path"], "exact", "hits go on from memory");
    assert_eq!(service.request("PUT", "/v1/components/c", json!({"role": "context", "text": "t"}).to_string()).status, 503);
    service.kill();

    server.restart();
    let service = over(&server, &folder.path().join("a"));
    wait_until("the replay", || journal(&service)["records"] == 0);
    let other = over(&server, &folder.path().join("b"));
    for (i, answer) in answers.iter().enumerate() {
        for service in [&service, &other] {
            let again = ask(service, i + 1);
            assert_eq!((&again["path"], &again["decision"]), (&json!("exact"), &answer["decision"]), "{again}");
        }
    }
    assert_eq!(other.get(&format!("/v1/decisions/{kept}")).status, 200);
    assert!(service.get("/metrics").text.contains("journal_replayed_total 10"));
    // Away and back again, without a restart; the other hears of it by the stream.
    server.stop();
    let late = ask(&service, 6);
    assert_eq!(decided(&late), (json!("decided"), json!("engine")), "{late}");
    server.restart();
    wait_until("the replay", || journal(&service)["records"] == 0 && journal(&service)["in_use"] == false);
    wait_until("the other has it", || ask_fast(&other, &headline(6))["path"] == "exact");
    fs::metadata(folder.path().join("a/journal/lock")).unwrap();
}

fn ask_fast(service: &Service, text: &str) -> Value {
    service.decide(&json!({"text": text, "allow": "fast"}))
}
