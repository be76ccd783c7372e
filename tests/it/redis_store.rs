//! The service over Redis: the same doors, another place where records last.

use super::redis::RedisServer;
use super::service::{Builder, binary, project};
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn over(server: &RedisServer) -> Builder {
    Builder::new().set("STORE__BACKEND", &server.url()).set("REDIS__COMMAND_TIMEOUT_MS", "400")
}

fn entry(text: &str) -> Value {
    json!({"text": text, "decision": {"kind": "trade", "signal": 1, "conviction": 0.7}})
}

#[test]
fn what_one_service_stored_another_without_its_folder_serves() {
    let server = RedisServer::start(&[]);
    let service = over(&server).start();
    let written = service.post("/v1/entries", &entry("SEC approves spot ETH ETF"));
    assert_eq!(written.status, 200, "{}", written.text);
    let ready = service.get("/health/ready").json();
    assert_eq!(ready["parts"]["store"]["server"], server.url());
    drop(service);
    let service = over(&server).start();
    let decided = service.post("/v1/decide", &json!({"text": "SEC approves spot ETH ETF"})).json();
    assert_eq!(decided["outcome"], "decided", "{decided}");
    assert_eq!(service.get("/health/ready").json()["parts"]["cache"]["restored_entries"], 1);
    assert!(service.get("/metrics").text.contains("store_connected 1"));
}

#[test]
fn while_redis_is_away_memory_serves_and_writes_are_refused_at_once() {
    let mut server = RedisServer::start(&["--appendonly", "yes"]);
    let service = over(&server).start();
    assert_eq!(service.post("/v1/entries", &entry("SEC approves spot ETH ETF")).status, 200);
    server.stop();
    let since = Instant::now();
    let refused = service.post("/v1/entries", &entry("Fed cuts rates by 50 basis points"));
    let error = &refused.lines()[0]["error"];
    assert_eq!(error["status"], 503, "{}", refused.text);
    assert!(error["detail"].as_str().unwrap().contains("Redis"), "{}", refused.text);
    for _ in 0..50 {
        let decided = service.post("/v1/decide", &json!({"text": "SEC approves spot ETH ETF"})).json();
        assert_eq!(decided["outcome"], "decided", "{decided}");
    }
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    server.restart();
    // A write whose answer was lost on the way may be there already: the next one then says so, and the memory follows.
    let text = "Fed cuts rates by 50 basis points";
    let since = Instant::now();
    loop {
        let written = service.post("/v1/entries", &entry(text));
        if written.lines()[0]["status"].is_string()
            && service.post("/v1/decide", &json!({"text": text})).json()["outcome"] == "decided"
        {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "it is not used again: {}", written.text);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_other_commands_use_it_too_and_no_password_is_said() {
    let server = RedisServer::start(&[]);
    server.say(&["ACL", "SETUSER", "desk", "on", ">s3cret", "~*", "+@all"]);
    let folder = TempDir::new().unwrap();
    let run = |arguments: &[&str], password: &str| {
        let url = format!("redis://desk:{password}@127.0.0.1:{}", server.port());
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .args(["--store", &url])
            .arg("--data-dir")
            .arg(folder.path())
            .env("INSTINCT_EMBED__MODEL", "hashing-384");
        command.current_dir(project()).output().unwrap()
    };
    let loaded = run(&["ingest", "sample/components.ndjson"], "s3cret");
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    let stored = server.say(&["KEYS", "{default}:ec:*"]);
    let id = stored.lines().next().unwrap().splitn(4, ':').last().unwrap().to_owned();
    let shown = run(&["inspect", &id], "s3cret");
    assert!(String::from_utf8_lossy(&shown.stdout).contains(&id), "{}", String::from_utf8_lossy(&shown.stderr));
    let refused = run(&["inspect", &id], "hidden");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("does not accept the user or the password"), "{said}");
    let unread = run(&["inspect", &id], "hidden@:x/");
    for output in [&loaded, &shown, &refused, &unread] {
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains("s3cret") && !said.contains("hidden"), "{said}");
    }
}
