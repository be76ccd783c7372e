//! From one store to another, by the command.

use super::service::{Builder, binary, entry, project};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const ENTRIES: u64 = 3_000;

fn instinct(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .env("INSTINCT_EMBED__MODEL", "hashing-384")
        .env("INSTINCT_STRATEGIES__DIR", project().join("strategies"))
        .stdin(Stdio::null());
    command
}

/// A data folder with entries, components, judgements, audit records and a deletion by tag.
fn filled(folder: &Path) -> String {
    let (data, file) = (folder.join("a"), folder.join("e.ndjson"));
    let lines: Vec<String> = (0..ENTRIES).map(|i| entry(&format!("headline {i}"), 1).to_string()).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let data = data.display().to_string();
    let loaded = instinct(&["ingest", "--data-dir", &data]).arg(&file).output().unwrap();
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    let service = Builder::new().data(Path::new(&data)).start();
    let component = json!({"role": "context", "text": "Rates are high", "tags": ["rates"], "ttl_sec": 86_400});
    assert_eq!(service.request("PUT", "/v1/components/c", component.to_string()).status, 201);
    let answer = service.decide(&json!({"text": "headline 7"}));
    let feedback = json!({"decision_id": answer["id"], "verdict": "wrong"});
    assert_eq!(service.post("/v1/feedback", &feedback).status, 200);
    assert_eq!(service.request("DELETE", "/v1/entries", json!({"tags": ["nobody"], "confirm": true}).to_string()).status, 200);
    assert_eq!(service.terminate(), Some(0));
    data
}

fn moved(from: &str, to: &str, more: &[&str]) -> (Option<i32>, Value, String) {
    let output = instinct(&["ingest", "--json", "--from", from, "--to", to]).args(more).output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), report, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn written(report: &Value) -> u64 {
    report["kinds"].as_array().unwrap().iter().map(|kind| kind["written"].as_u64().unwrap()).sum()
}

fn start(from: &str, to: &str) -> Child {
    instinct(&["ingest", "--from", from, "--to", to]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_store_is_moved_though_the_move_is_killed_again_and_again_and_serves_as_the_first_did() {
    let folder = TempDir::new().unwrap();
    let (a, b) = (filled(folder.path()), folder.path().join("b").display().to_string());
    let mut random = fastrand::Rng::with_seed(20_261_121);
    let mut killed = 0;
    for _ in 0..12 {
        let mut child = start(&a, &b);
        std::thread::sleep(Duration::from_millis(random.u64(20..1_800)));
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(killed > 3, "only {killed} moves were under way when they were killed");
    let (code, report, said) = moved(&a, &b, &[]);
    assert_eq!((code, report["whole"].as_bool()), (Some(0), Some(true)), "{said}{report}");
    let kind = |name: &str| report["kinds"].as_array().unwrap().iter().find(|kind| kind["kind"] == name).unwrap().clone();
    assert_eq!(kind("entry")["found"].as_u64(), Some(ENTRIES));
    for name in ["component", "entry", "decision", "tag_end", "judgement"] {
        assert!(kind(name)["found"].as_u64() >= Some(1) && kind(name)["checksum_from"] == kind(name)["checksum_to"], "{report}");
    }
    let (code, report, _) = moved(&a, &b, &["--verify"]);
    assert_eq!((code, written(&report)), (Some(0), 0));

    let service = Builder::new().data(Path::new(&b)).start();
    assert_eq!(service.decide(&json!({"text": "headline 8"}))["path"], "exact");
    assert_eq!(service.decide(&json!({"text": "headline 7"}))["outcome"], "abstained", "what was reported as wrong stays closed");
    assert_eq!(service.get("/v1/components/c").json()["ttl_sec"], 86_400);
    service.remember(&entry("headline of the second", 1));
    assert_eq!(service.terminate(), Some(0));

    // The second has gone on: only a merge goes back.
    let (code, _, said) = moved(&a, &b, &[]);
    assert!(code == Some(1) && said.contains("merge"), "{said}");
    let (code, report, said) = moved(&b, &a, &[]);
    assert_eq!((code, report["whole"].as_bool()), (Some(0), Some(true)), "the first has nothing of its own: {said}{report}");
    let service = Builder::new().data(Path::new(&a)).start();
    assert_eq!(service.decide(&json!({"text": "headline of the second"}))["path"], "exact");
}

#[test]
fn bad_usage_ends_with_2_and_makes_nothing() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let store = filled_with_nothing(&at("there"));
    for arguments in [
        vec!["ingest"],
        vec!["ingest", "--from", &store],
        vec!["ingest", "--to", &store],
        vec!["ingest", "--from", &store, "--to", &at("b"), "file.ndjson"],
        vec!["ingest", "--from", &store, "--to", &at("b"), "--kind", "entries"],
        vec!["ingest", "--from", &store, "--to", &store],
        vec!["ingest", "--from", &at("nowhere"), "--to", &at("b")],
        vec!["ingest", "--from", &store, "--to", &at("nowhere"), "--verify"],
        vec!["ingest", "--verify", "file.ndjson"],
    ] {
        let output = instinct(&arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    }
    assert!(!Path::new(&at("nowhere")).exists() && !Path::new(&at("b")).exists());
}

fn filled_with_nothing(data: &str) -> String {
    let service = Builder::new().data(Path::new(data)).start();
    assert_eq!(service.terminate(), Some(0));
    data.to_owned()
}

#[test]
fn a_store_that_is_in_use_is_named() {
    let service = super::service::start();
    let to = service.data.join("elsewhere").display().to_string();
    let (code, _, said) = moved(&service.data.display().to_string(), &to, &[]);
    assert!(code == Some(1) && said.contains("is in use by another process"), "{said}");
}
