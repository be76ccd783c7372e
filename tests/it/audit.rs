//! The audit trail: what is done over HTTP and by commands is on record, in a chain that nobody changes unnoticed.

use super::credentials::{ask, new_key};
use super::in_step::tenant;
use super::redis::RedisServer;
use super::service::{Builder, Reply, Service, binary, entry};
use super::stores::{Stores, over_each_store};
use instinct::audit::AuditLog;
use instinct::domain::audit_chain::{Action, Deed, Outcome};
use instinct::domain::role::Roles;
use instinct::domain::time::Clock;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn audit(data: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("audit").arg("--data-dir").arg(data).args(args);
    command.output().unwrap()
}

/// What `instinct audit --verify` says of a data folder.
fn verified(data: &Path) -> Value {
    let output = audit(data, &["--verify"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn trail(service: &Service) -> Vec<Value> {
    let reply = service.get("/v1/audit?limit=1000");
    assert_eq!((reply.status, reply.headers["content-type"].to_str().unwrap()), (200, "application/x-ndjson"), "{}", reply.text);
    reply.lines()
}

fn actions(trail: &[Value]) -> Vec<&str> {
    trail.iter().map(|event| event["action"].as_str().unwrap()).collect()
}

fn delete(service: &Service, filter: Value) -> Reply {
    service.request("DELETE", "/v1/entries", filter.to_string())
}

#[test]
fn what_is_written_in_bulk_deleted_and_judged_is_on_record_with_what_came_of_it_and_no_text_of_it() {
    let folder = TempDir::new().unwrap();
    let service = Builder::new().embedded().data(&folder.path().join("d")).start();
    let secret = "Quetzal dividend";
    let id = service.remember(&json!({"text": format!("{secret} rises"), "decision": super::service::trade(1), "tags": ["Q"]}));
    let asked = service.decide(&json!({"text": format!("{secret} rises")}));
    let feedback = json!({"decision_id": asked["id"], "verdict": "wrong", "note": format!("{secret} was a rumour")});
    assert_eq!(service.post("/v1/feedback", &feedback).status, 200);
    let component = json!({"id": "c1", "role": "context", "text": secret}).to_string();
    service.request("POST", "/v1/components", component);
    assert_eq!(delete(&service, json!({"tags": ["Q"]})).status, 200, "a dry run deletes nothing, and is not on record");
    assert_eq!(delete(&service, json!({"tags": ["Q"], "confirm": true})).status, 200);
    assert_eq!(service.request("DELETE", "/v1/components/c1", "").status, 204);
    assert_eq!(service.request("DELETE", "/v1/components/c1", "").status, 404, "and neither is what found nothing");
    assert_eq!(service.request("DELETE", "/v1/market/ETH", "").status, 404);
    assert_eq!(service.post("/clear", &json!({})).status, 200);
    let events = trail(&service);
    let expected = [
        "service.start",
        "entries.write",
        "feedback",
        "components.write",
        "entries.delete",
        "components.delete",
        "entries.clear",
    ];
    assert_eq!(actions(&events), expected);
    assert_eq!(events[1]["about"], json!({"created": 1, "replaced": 0, "failed": 0}));
    assert_eq!((&events[2]["about"]["verdict"], &events[2]["about"]["entry"]), (&json!("wrong"), &json!(id)));
    assert_eq!((&events[4]["about"]["tags"], &events[4]["about"]["deleted"]), (&json!(["Q"]), &json!(1)));
    assert_eq!(events[5]["about"]["ids"], json!(["c1"]));
    assert!(events.iter().skip(1).all(|event| event["trace_id"].as_str().is_some_and(|id| id.len() == 32)), "{events:?}");
    assert!(events.iter().all(|event| event["outcome"] == "done" && event["tenant"] == "default"), "{events:?}");
    let text = service.get("/v1/audit").text;
    assert!(!text.contains("Quetzal"), "{text}");
    assert!(events[0]["about"]["strategies"][0]["digest"].as_str().is_some_and(|digest| digest.len() == 64), "{}", events[0]);
    let data = service.kill();
    let told = verified(&data);
    assert_eq!((&told["whole"], &told["events"], &told["head"]), (&json!(true), &json!(7), &events[6]["hash"]));
    let exported = audit(&data, &["--since", events[4]["at"].as_str().unwrap()]);
    assert_eq!(String::from_utf8(exported.stdout).unwrap().lines().count(), 3);
}

#[test]
fn what_is_written_one_by_one_is_on_record_with_what_came_of_it() {
    let service = Builder::new().start();
    let component = json!({"role": "context", "text": "Quetzal dividend"}).to_string();
    assert_eq!(service.request("PUT", "/v1/components/c1", component.clone()).status, 201);
    assert_eq!(service.request("PUT", "/v1/components/c1", component).status, 200);
    assert_eq!(service.request("PUT", "/v1/components/c1", "{}").status, 400, "what was refused did nothing");
    let row = json!({"input_report": "Quetzal rises", "output_report": "up", "signal": 1});
    assert_eq!(service.post("/insert_data", &row).status, 200);
    let bar = json!({"at": "2025-03-14T12:00:00Z", "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1.0});
    assert_eq!(service.request("PUT", "/v1/market/ETH", bar.to_string()).status, 200);
    let events = trail(&service);
    assert_eq!(actions(&events), ["service.start", "components.write", "components.write", "entries.write", "market.write"]);
    let came = |created, replaced| json!({"created": created, "replaced": replaced, "failed": 0});
    let of = |ids: Value, mut came: Value| {
        came["ids"] = ids;
        came
    };
    assert_eq!(events[1]["about"], of(json!(["c1"]), came(1, 0)));
    assert_eq!(events[2]["about"], of(json!(["c1"]), came(0, 1)));
    assert_eq!(events[3]["about"], came(1, 0));
    assert!(!service.get("/v1/audit").text.contains("Quetzal"));
}

#[test]
fn writes_are_left_off_the_record_where_it_is_so_configured_and_deletes_are_not() {
    let service = Builder::new().set("AUDIT__WRITES", "false").start();
    service.remember(&entry("a headline", 1));
    let component = json!({"role": "context", "text": "a text"}).to_string();
    assert_eq!(service.request("PUT", "/v1/components/c1", component).status, 201);
    assert_eq!(service.request("DELETE", "/v1/components/c1", "").status, 204);
    assert_eq!(actions(&trail(&service)), ["service.start", "components.delete"]);
}

#[test]
fn pages_are_asked_for_by_number_and_bad_questions_are_refused() {
    let service = Builder::new().start();
    (0..4).for_each(|n| _ = service.remember(&entry(&format!("headline {n}"), 1)));
    let numbers =
        |path: &str| -> Vec<u64> { service.get(path).lines().iter().map(|event| event["number"].as_u64().unwrap()).collect() };
    assert_eq!(numbers("/v1/audit?after=1&limit=2"), [2, 3]);
    assert_eq!(numbers("/v1/audit?after=3"), [4, 5]);
    assert!(numbers("/v1/audit?after=5").is_empty());
    for (path, status, pointer) in [
        ("limit=0", 422, "/limit"),
        ("limit=1001", 422, "/limit"),
        ("after=-1", 400, "/after"),
        ("after=9223372036854775808", 400, "/after"),
        ("mood=1", 400, "/mood"),
    ] {
        let reply = service.get(&format!("/v1/audit?{path}"));
        assert_eq!((reply.status, reply.pointers()), (status, vec![pointer.to_owned()]), "{path}");
    }
}

#[test]
fn an_export_that_was_changed_is_found_out_and_one_that_was_not_is_whole() {
    let folder = TempDir::new().unwrap();
    let service = Builder::new().start();
    (0..5).for_each(|n| _ = service.remember(&entry(&format!("headline {n}"), 1)));
    let text = service.get("/v1/audit?after=1").text;
    let check = |text: &str| {
        let file = folder.path().join("export.ndjson");
        std::fs::write(&file, text).unwrap();
        let output = audit(folder.path(), &["--verify", "--file", file.to_str().unwrap()]);
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap())
    };
    let (code, told) = check(&text);
    assert_eq!((code, &told["first"], &told["last"]), (Some(0), &json!(2), &json!(6)), "{told}");
    let (code, told) = check(&text.replacen("\"created\":1", "\"created\":2", 1));
    assert_eq!((code, &told["whole"], &told["broken_at"]), (Some(1), &json!(false), &json!(2)), "{told}");
    let without: Vec<&str> = text.lines().enumerate().filter(|(n, _)| *n != 2).map(|(_, line)| line).collect();
    assert_eq!(check(&without.join("\n")).1["broken_at"], 4);
}

#[test]
fn only_an_admin_reads_the_trail_and_only_that_of_his_tenant_and_it_names_who_did_it() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keys.toml");
    let [admin, desk, other] =
        [("acme", "admin"), ("acme", "operate"), ("zenith", "admin")].map(|(t, role)| new_key(&file, t, &[role]));
    let service = Builder::new().set("AUTH__KEYS_FILE", file.to_str().unwrap()).set("AUTH__RELOAD_SEC", "1").start();
    let clear = |key: &str| ask(&service, &format!("Bearer {key}"), ("POST", "/clear"), "").status;
    let read = |key: &str| ask(&service, &format!("Bearer {key}"), ("GET", "/v1/audit"), "");
    assert_eq!((clear(&desk), clear(&other)), (200, 200));
    assert_eq!(read(&desk).status, 403);
    let events = read(&admin).lines();
    assert_eq!(actions(&events), ["entries.clear"]);
    let user = events[0]["user"].as_str().unwrap();
    assert!(user.starts_with("key:") && desk.contains(&user[4..]), "{user}");
    assert_eq!((&events[0]["roles"], &events[0]["tenant"]), (&json!(["decide", "operate"]), &json!("acme")));
    assert_eq!(read(&other).lines().len(), 1);
    let of_service = new_key(&file, "default", &["admin"]);
    let since = Instant::now();
    while read(&of_service).status == 401 || !read(&of_service).text.contains("keys.reload") {
        assert!(since.elapsed() < Duration::from_secs(20), "{}", read(&of_service).text);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn every_deletion_that_was_acknowledged_is_on_record_after_kills() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("d");
    let mut acknowledged = 0;
    for round in 0..10_u64 {
        let service = Builder::new().embedded().data(&data).start();
        let url = service.url.clone();
        let clearing = std::thread::spawn(move || {
            let http = reqwest::blocking::Client::new();
            let clear = || http.post(format!("{url}/clear")).send();
            std::iter::repeat_with(clear).take_while(|reply| reply.as_ref().is_ok_and(|r| r.status() == 200)).count()
        });
        std::thread::sleep(Duration::from_millis(30 + 37 * round % 150));
        service.kill();
        acknowledged += clearing.join().unwrap();
    }
    assert!(acknowledged > 10, "the kills came too early to show anything");
    let told = verified(&data);
    let exported = String::from_utf8(audit(&data, &[]).stdout).unwrap();
    let on_record = exported.lines().filter(|line| line.contains("entries.clear")).count();
    println!("{acknowledged} acknowledged, {on_record} on record, {told}");
    // One of each round may have been on its way back to its caller.
    assert!((acknowledged..=acknowledged + 10).contains(&on_record), "{acknowledged} and {on_record}");
}

#[test]
fn services_over_one_redis_write_one_chain() {
    let server = RedisServer::start(&[]);
    let over = || Builder::new().set("STORE__BACKEND", &server.url()).start();
    let services = [over(), over()];
    std::thread::scope(|scope| {
        for service in &services {
            for _ in 0..3 {
                scope.spawn(|| (0..10).for_each(|_| assert_eq!(service.post("/clear", &json!({})).status, 200)));
            }
        }
    });
    let (one, other) = (trail(&services[0]), trail(&services[1]));
    assert_eq!((one.len(), &one), (62, &other));
    let output = audit(Path::new("nowhere"), &["--verify", "--store", &server.url()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn while_redis_is_away_what_can_not_be_put_on_record_is_503() {
    let mut server = RedisServer::start(&["--appendonly", "yes"]);
    let service = Builder::new().set("STORE__BACKEND", &server.url()).set("REDIS__COMMAND_TIMEOUT_MS", "400").start();
    service.remember(&entry("one", 1));
    server.stop();
    assert_eq!(service.post("/clear", &json!({})).status, 503);
    assert_eq!(service.get("/v1/audit").status, 503);
    // Nothing is left to delete from the store, so that only the record of it fails.
    let cleared = service.post("/clear", &json!({}));
    assert!(cleared.status == 503, "{}", cleared.text);
    server.restart();
    let since = Instant::now();
    while service.post("/clear", &json!({})).status != 200 {
        assert!(since.elapsed() < Duration::from_secs(20), "it is not used again");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(actions(&trail(&service)).ends_with(&["entries.clear"]));
}

async fn two_processes_write_one_chain_also_where_one_is_cut_short(stores: Stores) {
    let logs: Vec<Arc<AuditLog>> = (0..2).map(|_| AuditLog::new(stores.join(), Clock::System)).collect();
    let deed = || Deed {
        tenant: tenant(),
        user: None,
        roles: Roles::ALL,
        action: Action::EntriesClear,
        about: instinct::audit::about(json!({})).unwrap(),
        outcome: Outcome::Done,
        trace: None,
    };
    let mut acknowledged = BTreeSet::new();
    for round in 0..40_u64 {
        let given_up = tokio::time::timeout(Duration::from_micros(50 * round), logs[0].append(deed()));
        let (given_up, written) = tokio::join!(given_up, logs[1].append(deed()));
        let places = [given_up.ok().map(Result::unwrap), Some(written.unwrap())];
        places.into_iter().flatten().for_each(|place| assert!(acknowledged.insert(place), "two deeds have the place {place}"));
    }
    stores.set_away(true);
    assert!(logs[0].append(deed()).await.is_err());
    stores.set_away(false);
    let since = Instant::now();
    while logs[0].append(deed()).await.is_err() {
        assert!(since.elapsed() < Duration::from_secs(20), "it is not used again");
    }
    let mut count = 0;
    let chain = logs[1].verify(&tenant(), &mut |_| count += 1).await.unwrap();
    // Those that were given up may have been on their way when the store went away.
    assert!(count > acknowledged.len() as u64 && count <= 82, "{count} of {}", acknowledged.len());
    assert_eq!((chain.first, chain.last), (1, count));
}

over_each_store!(two_processes_write_one_chain_also_where_one_is_cut_short);
