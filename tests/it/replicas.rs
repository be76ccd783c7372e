//! Three services over one Redis: what one is told the others know, and where one dies the others go on.

use super::chat_server::{ChatServer, Manner};
use super::engine_faults::models_alone;
use super::redis::RedisServer;
use super::service::{Builder, Reply, Service, entry};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Entries that are written.
const WRITES: usize = 10_000;

fn over(server: &RedisServer) -> Builder {
    Builder::new().set("STORE__BACKEND", &server.url())
}

fn three(server: &RedisServer) -> Vec<Service> {
    std::thread::scope(|scope| {
        let starting: Vec<_> = (0..3).map(|_| scope.spawn(|| over(server).start())).collect();
        starting.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn text(n: usize) -> String {
    format!("Company {n} raises its dividend by {} cents in quarter {}", n % 97, n / 97)
}

fn metric(service: &Service, name: &str) -> Option<f64> {
    let text = service.get("/metrics").text;
    text.lines().find_map(|line| line.strip_prefix(&format!("{name} "))?.parse().ok())
}

fn until(what: &str, mut so: impl FnMut() -> bool) -> Duration {
    let since = Instant::now();
    while !so() {
        assert!(since.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    since.elapsed()
}

/// The upper end of the bucket that a share of the observations lies below.
fn quantile(service: &Service, name: &str, share: f64) -> f64 {
    let all = metric(service, &format!("{name}_count")).unwrap();
    let text = service.get("/metrics").text;
    let mut buckets = text.lines().filter_map(|line| {
        let (bound, count) = line.strip_prefix(&format!("{name}_bucket{{le=\""))?.split_once("\"} ")?;
        Some((bound.parse::<f64>().unwrap_or(f64::INFINITY), count.parse::<f64>().ok()?))
    });
    buckets.find(|(_, count)| *count >= share * all).map_or(f64::INFINITY, |(bound, _)| bound)
}

fn write(service: &Service, from: usize, to: usize) {
    let lines: String = (from..to).map(|n| entry(&text(n), 1).to_string() + "\n").collect();
    let reply: Reply = service.request("POST", "/v1/entries", lines);
    assert!(reply.status == 200 && reply.lines().iter().all(|line| line["status"] == "created"), "{}", reply.text);
}

#[test]
fn all_that_one_replica_writes_is_served_by_the_others_and_a_successor_of_a_killed_one_serves_it_in_seconds() {
    let server = RedisServer::start(&["--appendonly", "yes"]);
    let mut all = three(&server);
    let since = Instant::now();
    for from in (0..WRITES).step_by(500) {
        write(&all[0], from, (from + 500).min(WRITES));
    }
    let took = since.elapsed();
    let has_all = |service: &Service| metric(service, "semantic_cache_entries") == Some(WRITES as f64);
    let behind = until("the others have all", || all.iter().all(has_all));
    for service in &all {
        for n in (0..WRITES).step_by(WRITES / 50) {
            assert_eq!(service.decide(&json!({"text": text(n), "deadline_ms": 20_000}))["path"], "exact", "{n}");
        }
    }
    for (n, service) in all.iter().enumerate().skip(1) {
        let [p50, p99] = [0.5, 0.99].map(|share| quantile(service, "replica_lag_seconds", share));
        println!(
            "replica {n}: {WRITES} entries written in {took:?}, lag p50 < {p50} s, p99 < {p99} s, all there {behind:?} after"
        );
        assert_eq!(metric(service, "follow_changes_total{kind=\"entry\"}"), Some(WRITES as f64));
    }

    all.remove(2).kill();
    let since = Instant::now();
    let successor = over(&server).start();
    assert_eq!(successor.decide(&json!({"text": text(7), "deadline_ms": 20_000}))["path"], "exact");
    println!("a successor serves after {:?}", since.elapsed());
    // A deletion by tag and one by id, each by another replica.
    let tagged = json!({"text": "tagged", "decision": {"kind": "trade", "signal": 1, "conviction": 0.5}, "tags": ["T"]});
    successor.remember(&tagged);
    let id = all[0].remember(&entry("named", 1));
    let serves = |service: &Service, text: &str| service.decide(&json!({"text": text, "deadline_ms": 20_000}))["path"] == "exact";
    for service in [&all[0], &all[1], &successor] {
        until("both are there", || serves(service, "tagged") && serves(service, "named"));
    }
    all[1].request("DELETE", "/v1/entries", json!({"tags": ["T"], "confirm": true}).to_string());
    all[1].request("DELETE", "/v1/entries", json!({"ids": [id], "confirm": true}).to_string());
    for service in [&all[0], &all[1], &successor] {
        let took = until("both are gone", || !serves(service, "tagged") && !serves(service, "named"));
        println!("both are gone after {took:?}");
    }
}

#[test]
fn single_writes_are_seen_within_moments() {
    let server = RedisServer::start(&[]);
    // Of a tenant that never wrote anything there is nothing yet to wait for.
    write(&over(&server).start(), 200, 201);
    let all = three(&server);
    for n in 0..200 {
        all[n % 3].remember(&entry(&text(n), 1));
    }
    let has_all = |service: &Service| metric(service, "semantic_cache_entries") == Some(201.0);
    until("all have all", || all.iter().all(has_all));
    for (n, service) in all.iter().enumerate() {
        let [p50, p99] = [0.5, 0.99].map(|share| quantile(service, "replica_lag_seconds", share));
        println!("replica {n}: single writes, lag p50 < {p50} s, p99 < {p99} s");
        assert!(p50 <= 0.1, "half of them took longer than {p50} s");
    }
}

#[test]
fn three_replicas_that_are_asked_one_headline_run_one_engine() {
    let (server, chat, folder) = (RedisServer::start(&[]), ChatServer::start(Manner::Answers(1_500)), TempDir::new().unwrap());
    let settings = folder.path().join("s.toml");
    std::fs::write(&settings, chat.settings(&models_alone(20_000))).unwrap();
    let start = || over(&server).with_the_real_model().set("CONFIG", settings.to_str().unwrap()).start();
    let all = [start(), start(), start()];
    let asked =
        json!({"text": "Nvidia raises its dividend by 10 percent after record profit", "allow": "engine", "deadline_ms": 30_000});
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let asking: Vec<_> = all.iter().map(|service| scope.spawn(|| service.decide(&asked))).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(
        answers.iter().all(|answer| answer["outcome"] == "decided" && answer["decision"] == answers[0]["decision"]),
        "{answers:?}"
    );
    assert_eq!(answers.iter().filter(|answer| answer["path"] == "engine").count(), 1, "{answers:?}");
    let runs = |service| metric(service, "engine_runs_total{engine=\"trading\",outcome=\"decided\"}").unwrap_or(0.0);
    assert!((all.iter().map(runs).sum::<f64>() - 1.0).abs() < 1e-9);
    assert_eq!(chat.asked(), 1);
}

#[test]
fn redis_away_for_some_seconds_under_load_fails_no_hit_and_all_are_in_step_again_after() {
    let mut server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let all = three(&server);
    write(&all[0], 0, 100);
    let has_all = |service: &Service| metric(service, "semantic_cache_entries") == Some(100.0);
    until("all have all", || all.iter().all(has_all));
    let (hits, slowest) = std::thread::scope(|scope| {
        let (told, stop) = (std::sync::mpsc::channel::<()>(), &all);
        let (ends, ended) = told;
        let asking = scope.spawn(move || {
            let (mut hits, mut slowest) = (0_usize, Duration::ZERO);
            while ended.try_recv().is_err() {
                for service in stop {
                    let since = Instant::now();
                    assert_eq!(service.decide(&json!({"text": text(hits % 100), "deadline_ms": 20_000}))["path"], "exact");
                    slowest = slowest.max(since.elapsed());
                    hits += 1;
                }
            }
            (hits, slowest)
        });
        server.stop();
        let refused =
            all[0].request("PUT", "/v1/components/fed", json!({"role": "context", "text": "The Fed meets"}).to_string());
        assert_eq!(refused.status, 503, "{}", refused.text);
        assert!(refused.headers.contains_key("retry-after"));
        until("readiness tells of it", || all.iter().all(|service| service.get("/health/ready").status == 503));
        std::thread::sleep(Duration::from_secs(3));
        server.restart();
        until("all are in step", || all.iter().all(|service| service.get("/health/ready").status == 200));
        ends.send(()).unwrap();
        asking.join().unwrap()
    });
    println!("{hits} hits while Redis was away for some seconds, the slowest in {slowest:?}");
    // Its way to write may find back a moment after its way to read.
    let body = json!({"role": "context", "text": "The Fed meets"}).to_string();
    until("writes are taken again", || all[0].request("PUT", "/v1/components/fed", body.clone()).status < 300);
    until("the others have it", || all.iter().all(|service| service.get("/v1/components/fed").status == 200));
}
