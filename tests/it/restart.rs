//! Starting again: what is kept, what is refused, and how the process ends.

use super::service::{Builder, binary, entry, project, trade};
use serde_json::json;
use std::fs;
use std::process::Command;
use tempfile::TempDir;

#[test]
fn a_restart_brings_everything_back_without_embedding_anything() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let first = Builder::new().with_the_real_model().data(&data).start();
    let id = first.remember(&entry("Federal Reserve cuts interest rates by 50 basis points", 1));
    let component = json!({"role": "context", "text": "Rates are high", "tags": ["rates"]});
    assert_eq!(first.request("PUT", "/v1/components/c", component.to_string()).status, 201);
    let wording = json!({"text": "The Federal Reserve has cut interest rates by 50 basis points"});
    let answer = first.decide(&wording);
    assert_eq!(answer["path"], "fast");
    assert_eq!(first.terminate(), Some(0));

    let second = Builder::new().with_the_real_model().data(&data).start();
    let again = second.decide(&wording);
    assert_eq!((again["path"].as_str(), again["match"]["entry"].as_str()), (Some("fast"), Some(&*id)));
    assert_eq!(again["match"]["similarity"], answer["match"]["similarity"]);
    let metrics = second.get("/metrics").text;
    assert!(metrics.contains("embedding_cache_hits_total 1"), "a text seen before the restart was embedded again");
    assert_eq!(second.get("/v1/components/c").status, 200);
    let decision = answer["id"].as_str().unwrap();
    assert_eq!(second.get(&format!("/v1/decisions/{decision}")).status, 200);
    assert_eq!(second.get("/health/ready").json()["parts"]["cache"]["restored_entries"], 1);
}

#[test]
fn entries_of_another_model_are_left_alone_and_come_back_with_it() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let first = Builder::new().data(&data).start();
    first.remember(&entry("Gold rises", 1));
    first.terminate();
    let other = Builder::new().set("EMBED__MODEL", "hashing-256").data(&data).start();
    assert_eq!(other.decide(&json!({"text": "Gold rises"}))["outcome"], "abstained");
    other.terminate();
    let back = Builder::new().data(&data).start();
    assert_eq!(back.decide(&json!({"text": "Gold rises"}))["outcome"], "decided");
}

#[test]
fn sigterm_and_sigint_end_requests_under_way_and_exit_with_success() {
    for signal in ["-TERM", "-INT"] {
        ends_requests_under_way(signal);
    }
}

fn ends_requests_under_way(signal: &str) {
    let service = Builder::new().with_the_real_model().start();
    let lines: Vec<String> =
        (0..300).map(|i| entry(&format!("headline number {i} about the price of oil"), 1).to_string()).collect();
    let url = service.url.clone();
    let body = lines.join("\n");
    let under_way = std::thread::spawn(move || {
        let http = reqwest::blocking::Client::new();
        http.post(format!("{url}/v1/entries")).body(body).send().and_then(reqwest::blocking::Response::text).unwrap()
    });
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(service.signal(signal), Some(0));
    let results = under_way.join().unwrap();
    assert_eq!(results.lines().filter(|line| line.contains("\"created\"")).count(), 300, "{results}");
}

#[test]
fn a_second_service_on_the_same_data_folder_says_so_and_ends() {
    let service = Builder::new().embedded().start();
    let (code, said) = Builder::new().embedded().data(&service.data).fail_to_start();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&service.data.display().to_string()), "{said}");
}

#[test]
fn settings_that_are_wrong_are_named_and_end_with_2() {
    for (name, value, words) in [
        ("SERVER__LISTEN", "0.0.0.0:8005", "server.listen"),
        ("SERVER__LISTNE", "x", "listne"),
        ("SERVER__WORKERS", "many", "workers"),
        ("LOG__LEVEL", "instinct=loud", "log.level"),
        ("STORE__BACKEND", "floppy", "store.backend"),
    ] {
        let output = Command::new(binary()).arg("check-config").env(format!("INSTINCT_{name}"), value).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.to_lowercase().contains(words), "{name}: {said}");
    }
}

#[test]
fn a_missing_or_truncated_model_file_is_named_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    let (code, said) =
        Builder::new().with_the_real_model().set("EMBED__RUNTIME_DIR", &folder.path().display().to_string()).fail_to_start();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("make setup"), "{said}");

    let runtime = folder.path().join("runtime");
    let copied = Command::new("cp").arg("-rL").arg(project().join("runtime")).arg(&runtime).status().unwrap();
    assert!(copied.success());
    let model = runtime.join("all-minilm-l6-v2/model-int8.onnx");
    let bytes = fs::read(&model).unwrap();
    fs::write(&model, &bytes[..bytes.len() / 2]).unwrap();
    let (code, said) =
        Builder::new().with_the_real_model().set("EMBED__RUNTIME_DIR", &runtime.display().to_string()).fail_to_start();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("model-int8.onnx") && said.contains("make setup"), "{said}");
}

#[test]
fn ingest_reports_bad_lines_and_resumes_where_it_ended() {
    let folder = TempDir::new().unwrap();
    let (data, file) = (folder.path().join("d"), folder.path().join("e.ndjson"));
    let mut lines: Vec<String> = (0..200).map(|i| entry(&format!("headline {i}"), 1).to_string()).collect();
    lines.insert(100, "broken".to_owned());
    fs::write(&file, lines.join("\n")).unwrap();
    let ingest = |more: &[&str]| {
        let output = Command::new(binary())
            .args(["ingest", "--json", "--data-dir"])
            .arg(&data)
            .args(more)
            .arg(&file)
            .env("INSTINCT_EMBED__MODEL", "hashing-384")
            .env("INSTINCT_STRATEGIES__DIR", project().join("strategies"))
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report[0].clone(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, report, said) = ingest(&[]);
    assert_eq!((code, report["created"].as_u64(), report["bad"].as_u64()), (Some(1), Some(200), Some(1)), "{said}");
    assert!(said.contains(":101: "), "{said}");
    let (code, report, _) = ingest(&[]);
    assert_eq!((code, report["created"].as_u64(), report["skipped"].as_u64()), (Some(0), Some(0), Some(201)));
    let (_, report, _) = ingest(&["--again"]);
    assert_eq!((report["created"].as_u64(), report["replaced"].as_u64()), (Some(0), Some(200)));

    let service = Builder::new().embedded().data(&data).start();
    assert_eq!(service.decide(&json!({"text": "headline 7"}))["path"], "exact");
    service.remember(&json!({"text": "after", "decision": trade(1)}));
}

/// Enough entries for a graph where partitions are searched exactly up to 100.
const GRAPH_ENTRIES: usize = 600;

fn with_graph(data: &std::path::Path) -> super::service::Service {
    Builder::new().set("INDEX__FLAT_MAX", "100").data(data).start()
}

#[test]
fn a_graph_is_kept_for_the_next_start_and_a_damaged_one_is_built_anew() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let text = |i: usize| format!("the price of asset number {i} moves by {} percent", i * 7 % 101);
    let lines: Vec<String> = (0..GRAPH_ENTRIES).map(|i| entry(&text(i), 1).to_string()).collect();
    let first = with_graph(&data);
    first.request("POST", "/v1/entries", lines.join("\n"));
    let since = std::time::Instant::now();
    while first.get("/health/ready").json()["parts"]["cache"]["indexes_building"] != 0 {
        assert!(since.elapsed().as_secs() < 60, "the graph was never built");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(first.terminate(), Some(0));

    let finds_all = |service: &super::service::Service| {
        for i in (0..GRAPH_ENTRIES).step_by(50) {
            let found = service.post("/v1/entries/search", &json!({"text": text(i), "limit": 1})).json();
            assert_eq!(found["candidates"][0]["text"], json!(text(i)), "{found}");
        }
    };
    let second = with_graph(&data);
    let cache = second.get("/health/ready").json()["parts"]["cache"].clone();
    assert_eq!((cache["restored_entries"].as_u64(), cache["restored_from_graphs"].as_u64()), (Some(600), Some(600)), "{cache}");
    finds_all(&second);
    second.kill();

    let graph = fs::read_dir(data.join("graphs")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&graph).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&graph, bytes).unwrap();
    let third = with_graph(&data);
    let cache = third.get("/health/ready").json()["parts"]["cache"].clone();
    assert_eq!((cache["restored_entries"].as_u64(), cache["restored_from_graphs"].as_u64()), (Some(600), Some(0)), "{cache}");
    finds_all(&third);
}
