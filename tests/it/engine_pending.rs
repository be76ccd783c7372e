//! Engines that take longer than their callers wait, over HTTP: `pending`, the wait, the events, going away, stopping, and being killed.

use super::chat_server::{ChatServer, Manner};
use super::engine_faults::{Asking, metric, models_alone, over};
use super::service::{Builder, Service};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const TEXT: &str = "Nvidia raises its dividend by 10 percent after record profit";
const DECIDED: &str = "engine_runs_total{engine=\"trading\",outcome=\"decided\"}";

/// A service whose agents have a model alone, which takes so many milliseconds.
fn slow(takes_ms: u64) -> Asking {
    over(Manner::Answers(takes_ms), &models_alone(20_000))
}

fn body(deadline_ms: u64) -> Value {
    json!({"text": TEXT, "allow": "engine", "deadline_ms": deadline_ms})
}

/// Asks with a deadline of 300 ms, and gives the path of the pending decision.
fn pending(service: &Service) -> String {
    let since = Instant::now();
    let answer = service.decide(&body(300));
    let took = since.elapsed();
    assert_eq!((answer["outcome"].as_str(), answer["path"].as_str()), (Some("pending"), Some("engine")), "{answer}");
    assert_eq!((&answer["decision"], answer["confidence"].as_str()), (&Value::Null, Some("UNABLE")));
    assert!(answer["timing_us"]["total"].as_u64().unwrap() < 300_000 && took < Duration::from_millis(400), "{took:?}: {answer}");
    let location = answer["location"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/v1/decisions/{}", answer["id"].as_str().unwrap()));
    location
}

/// Opens a GET and reads nothing yet.
fn open(service: &Service, path: &str) -> TcpStream {
    let address = service.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    stream
}

#[test]
fn a_pending_decision_is_there_for_who_waits() {
    let asking = slow(3_000);
    let location = pending(&asking.service);
    let at_once = asking.service.get(&location).json();
    assert_eq!((at_once["outcome"].as_str(), at_once["location"].as_str()), (Some("pending"), Some(&*location)), "{at_once}");
    assert_eq!(asking.service.get(&format!("{location}?wait_ms=10")).json()["outcome"], "pending");
    let since = Instant::now();
    let there = asking.service.get(&format!("{location}?wait_ms=15000")).json();
    assert!((1_500..6_000).contains(&since.elapsed().as_millis()), "{:?}", since.elapsed());
    assert_eq!((there["outcome"].as_str(), there["decision"]["signal"].as_i64()), (Some("decided"), Some(1)), "{there}");
    assert_eq!(there["audit"]["request"]["text"], TEXT);
    assert!(there["location"].is_null());
    assert_eq!(asking.service.decide(&body(300))["path"], "exact");
    assert!((metric(&asking.service, DECIDED) - 1.0).abs() < 1e-9);
}

#[test]
fn steps_stream_while_the_engine_is_at_work_and_the_answer_comes_last() {
    let asking = slow(3_000);
    let location = pending(&asking.service);
    let mut events = Vec::new();
    for line in BufReader::new(open(&asking.service, &format!("{location}/events"))).lines() {
        let line = line.unwrap();
        if let Some(name) = line.strip_prefix("event: ") {
            events.push((Instant::now(), name.to_owned()));
        }
    }
    let names: Vec<&str> = events.iter().map(|(_, name)| &**name).collect();
    assert_eq!(names.iter().filter(|name| **name == "answer").count(), 1, "{names:?}");
    assert_eq!((names.first(), names.last()), (Some(&"step"), Some(&"answer")), "{names:?}");
    let apart = events.last().unwrap().0 - events[0].0;
    assert!(apart > Duration::from_secs(1), "the first step came with the answer, {apart:?} apart");
    let again = asking.service.get(&format!("{location}/events")).text;
    assert!(again.contains("event: step") && again.trim_end().contains("event: answer"), "its steps can still be read: {again}");
}

#[test]
fn clients_that_go_away_neither_stop_the_engine_nor_start_another() {
    let asking = slow(1_500);
    let location = pending(&asking.service);
    for path in ["", "?wait_ms=10000", "/events"] {
        drop(open(&asking.service, &format!("{location}{path}")));
    }
    let address = asking.service.url.strip_prefix("http://").unwrap().to_owned();
    for _ in 0..3 {
        let asked = body(60_000).to_string();
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "POST /v1/decide HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{asked}", asked.len()).unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
    let there = asking.service.get(&format!("{location}?wait_ms=15000")).json();
    assert_eq!(there["outcome"], "decided", "{there}");
    // Two agents have something to ask; nobody asked for them twice.
    assert_eq!((metric(&asking.service, DECIDED) as u64, asking.server.asked()), (1, 1));
    assert_eq!(metric(&asking.service, "decisions_pending") as u64, 1, "it lingers, so that its steps can still be read");
}

#[test]
fn a_burst_of_one_headline_is_pending_for_all_and_one_run_delivers_to_all() {
    let asking = slow(2_000);
    let service = &asking.service;
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..24)
            .map(|n| {
                let text = if n % 2 == 0 { TEXT } else { "Nvidia has raised its dividend by 10 percent after record profit" };
                scope.spawn(move || {
                    let answer = service.decide(&json!({"text": text, "allow": "engine", "deadline_ms": 600}));
                    let location = answer["location"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
                    service.get(&format!("{location}?wait_ms=15000")).json()
                })
            })
            .collect();
        let there: Vec<Value> = asking.into_iter().map(|one| one.join().unwrap()).collect();
        assert!(there.iter().all(|answer| answer["outcome"] == "decided"), "{there:?}");
        assert_eq!(there.iter().filter(|answer| answer["path"] == "engine").count(), 1, "{there:?}");
    });
    assert_eq!((metric(service, DECIDED) as u64, asking.server.asked()), (1, 1));
    assert!((metric(service, "engine_runs_shared_total") - 23.0).abs() < 1e-9);
}

#[test]
fn whatever_the_deadline_a_model_that_hangs_holds_nobody_up_beyond_it() {
    let asking = over(Manner::Hangs, &models_alone(1_500));
    let mut random = fastrand::Rng::with_seed(7);
    let deadlines: Vec<u64> = (0..40).map(|_| random.u64(100..2_000)).collect();
    let service = &asking.service;
    let asked = |n: usize, deadline_ms: u64| {
        // Not all in one moment, for what is shown here is not how many texts can be embedded at once.
        std::thread::sleep(Duration::from_millis(25 * n as u64));
        let text = format!("Company number {n} raises its dividend by {n} percent");
        let since = Instant::now();
        let body = json!({"text": text, "allow": "engine", "deadline_ms": deadline_ms});
        let reply = service.post("/v1/decide", &body);
        let late = since.elapsed().as_secs_f64() - deadline_ms as f64 / 1e3;
        let answer = reply.json();
        let outcome = answer["outcome"].as_str().unwrap_or_default();
        // Once the breakers are open it abstains at once; and on a machine that is too busy to embed the text in time there is nothing yet
        // that could be pending.
        let fits = ["pending", "abstained"].contains(&outcome) || reply.status == 504;
        assert!(fits, "{deadline_ms} ms: {answer}");
        late
    };
    let mut late: Vec<f64> = std::thread::scope(|scope| {
        let asking: Vec<_> = deadlines.iter().enumerate().map(|(n, ms)| scope.spawn(move || asked(n, *ms))).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    late.sort_by(f64::total_cmp);
    println!("seconds after the deadline: median {:.4}, latest {:.4}", late[late.len() / 2], late[late.len() - 1]);
    // A machine that is shared may wake one late, and not most of them.
    assert!(late[late.len() * 3 / 4] < 0.0 && late[late.len() - 1] < 1.0, "{late:?}");
}

#[test]
fn who_will_not_come_back_is_told_that_the_deadline_passed() {
    let asking = slow(3_000);
    let mut asked = body(300);
    asked["pending"] = json!(false);
    let reply = asking.service.post("/v1/decide", &asked);
    assert_eq!(reply.status, 504, "{}", reply.text);
    asked["pending"] = json!("no");
    assert_eq!(asking.service.post("/v1/decide", &asked).status, 400);
    asked["pending"] = Value::Null;
    assert_eq!(asking.service.post("/v1/decide", &asked).status, 400);
    assert_eq!(metric(&asking.service, "decisions_pending") as u64, 0);
}

#[test]
fn bad_waits_and_unknown_decisions_are_refused() {
    let service = Builder::new().start();
    for (path, status) in [
        ("/v1/decisions/nonsense", 404),
        ("/v1/decisions/01ARZ3NDEKTSV4RRFFQ69G5FAV", 404),
        ("/v1/decisions/01ARZ3NDEKTSV4RRFFQ69G5FAV/events", 404),
        ("/v1/decisions/01ARZ3NDEKTSV4RRFFQ69G5FAV?wait_ms=60001", 422),
        ("/v1/decisions/01ARZ3NDEKTSV4RRFFQ69G5FAV?wait_ms=-1", 400),
        ("/v1/decisions/01ARZ3NDEKTSV4RRFFQ69G5FAV?wait=1", 400),
    ] {
        assert_eq!(service.get(path).status, status, "{path}");
    }
}

#[test]
fn the_document_tells_of_pending() {
    let document: Value = serde_json::from_str(instinct::api::openapi()).unwrap();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["DecideRequest"]["properties"]["pending"]["type"], "boolean", "{}", schemas["DecideRequest"]);
    let required = schemas["DecideRequest"]["required"].to_string();
    assert!(!required.contains("pending"), "{required}");
    assert!(schemas["Answer"]["properties"]["location"].is_object(), "{}", schemas["Answer"]);
    assert!(document["paths"]["/v1/decide"]["post"]["responses"]["504"].is_object());
    let wait = &document["paths"]["/v1/decisions/{id}"]["get"]["parameters"];
    assert!(wait.as_array().unwrap().iter().any(|parameter| parameter["name"] == "wait_ms"), "{wait}");
}

/// A service over data that outlives it.
fn lasting(data: &Path, server: &ChatServer, more: &str) -> Service {
    let settings = data.with_extension("toml");
    std::fs::write(&settings, server.settings(&format!("{more}{}", models_alone(20_000)))).unwrap();
    Builder::new().with_the_real_model().data(data).set("CONFIG", settings.to_str().unwrap()).start()
}

#[test]
fn what_was_pending_when_the_service_was_killed_is_an_abstention_that_says_so() {
    let folder = TempDir::new().unwrap();
    let (data, server) = (folder.path().join("d"), ChatServer::start(Manner::Hangs));
    let first = lasting(&data, &server, "");
    let location = pending(&first);
    assert_eq!(first.get(&location).json()["outcome"], "pending");
    first.kill();
    let second = lasting(&data, &server, "");
    let told = second.get(&format!("{location}?wait_ms=10000")).json();
    assert_eq!(told["outcome"], "abstained", "{told}");
    assert_eq!(told["reason"], "the service stopped before the engine was done; ask again");
    assert!(told["location"].is_null());
    let events = second.get(&format!("{location}/events")).text;
    assert!(events.starts_with("event: answer") && events.contains("the service stopped"), "{events}");
}

#[test]
fn an_engine_at_work_ends_before_the_service_does() {
    let folder = TempDir::new().unwrap();
    let (data, server) = (folder.path().join("d"), ChatServer::start(Manner::Answers(2_000)));
    let first = lasting(&data, &server, "");
    let location = pending(&first);
    assert_eq!(first.terminate(), Some(0));
    let second = lasting(&data, &server, "");
    assert_eq!(second.get(&location).json()["outcome"], "decided");
    assert_eq!(second.decide(&body(300))["path"], "exact");
    assert_eq!(server.asked(), 1);
}

#[test]
fn an_engine_that_hangs_does_not_hold_up_the_end_for_longer_than_it_may() {
    let folder = TempDir::new().unwrap();
    let (data, server) = (folder.path().join("d"), ChatServer::start(Manner::Hangs));
    let service = lasting(&data, &server, "[server]\ndrain_sec = 2\n");
    let location = pending(&service);
    // Somebody still follows it, so that the connections too take as long as they may.
    let _follows = open(&service, &format!("{location}/events"));
    let _waits = open(&service, &format!("{location}?wait_ms=60000"));
    std::thread::sleep(Duration::from_millis(100));
    let since = Instant::now();
    assert_eq!(service.terminate(), Some(0));
    assert!(since.elapsed() < Duration::from_millis(3_500), "{:?}", since.elapsed());
}
