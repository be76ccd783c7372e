//! The service with its memory in Redis and its search there too.

use super::redis::{Cluster, RedisServer, file, wait_until};
use super::service::{Builder, Service, trade};
use serde_json::{Value, json};

const ENTRIES_MAX: usize = 4_096;

fn over(url: &str) -> Builder {
    Builder::new()
        .set("STORE__BACKEND", url)
        .set("INDEX__SEARCH", "server")
        .set("INDEX__SERVER__ENTRIES_MAX", &ENTRIES_MAX.to_string())
        // What is tested here is what is found, on machines that do much else meanwhile.
        .set("INDEX__SERVER__TIMEOUT_MS", "10000")
}

fn headline(n: usize) -> String {
    format!("company number{n} reports earnings above what analysts{n} expected for quarter{n}")
}

fn remember_all(service: &Service, count: usize) {
    let lines: Vec<String> = (0..count)
        .map(|n| json!({"text": headline(n), "decision": trade(1), "as_of": "2026-01-01T00:00:00Z"}).to_string())
        .collect();
    let reply = service.request("POST", "/v1/entries", lines.join("\n"));
    assert!(reply.lines().iter().all(|line| line["status"] == "created"), "{}", reply.text);
}

/// What is decided in all the time that a busy machine needs.
fn asked(service: &Service, text: &str) -> Value {
    service.decide(&json!({"text": text, "deadline_ms": 30_000}))
}

fn parts(service: &Service) -> Value {
    service.get("/health/ready").json()["parts"].clone()
}

fn indexed(service: &Service) -> Option<u64> {
    let search = parts(service)["search"].clone();
    search["indexes"].as_array()?.iter().filter_map(|index| index["entries"].as_u64()).max()
}

#[test]
fn entries_beyond_what_memory_holds_are_found_by_text_and_by_meaning_after_a_restart_too() {
    let redis = RedisServer::start_with_search(&[]);
    let service = over(&redis.url()).start();
    remember_all(&service, ENTRIES_MAX + 500);
    assert_eq!(service.terminate(), Some(0));
    let service = over(&redis.url()).start();
    let ready = parts(&service);
    assert_eq!((ready["cache"]["entries"].as_u64(), ready["search"]["where"].as_str()), (Some(0), Some("server")), "{ready}");
    assert_eq!(indexed(&service), Some(ENTRIES_MAX as u64 + 500));
    for n in [0, ENTRIES_MAX + 499] {
        let same = asked(&service, &headline(n));
        assert_eq!(same["path"], "exact", "{same}");
        let near = asked(&service, &headline(n).replace("reports", "has reported"));
        assert_eq!((near["path"].as_str(), &near["match"]["entry"]), (Some("fast"), &same["match"]["entry"]), "{near}");
    }
    let held = parts(&service)["cache"]["entries"].as_u64().unwrap();
    assert!(held > 0 && held < 100, "{held}");
    let id = asked(&service, &headline(7))["match"]["entry"].as_str().unwrap().to_owned();
    let deleted = service.request("DELETE", "/v1/entries", json!({"ids": [id], "confirm": true}).to_string()).json();
    assert_eq!(deleted["deleted"], 1);
    assert_eq!(asked(&service, &headline(7))["match"]["entry"].as_str(), None);
    assert_eq!(service.get(&format!("/v1/entries/{id}")).status, 404);
}

#[test]
fn what_a_service_wrote_that_searched_in_process_is_indexed_when_the_server_searches() {
    let redis = RedisServer::start_with_search(&[]);
    let service = Builder::new().set("STORE__BACKEND", &redis.url()).start();
    remember_all(&service, 300);
    assert_eq!(redis.say(&["FT._LIST"]), "");
    assert_eq!(service.terminate(), Some(0));
    let service = over(&redis.url()).start();
    assert_eq!(asked(&service, &headline(299))["path"], "exact");
    wait_until("all are indexed", || indexed(&service) == Some(300));
}

#[test]
fn an_index_that_was_lost_is_built_again_while_the_service_runs() {
    let redis = RedisServer::start_with_search(&[]);
    let service = over(&redis.url()).start();
    remember_all(&service, 10);
    for index in redis.say(&["FT._LIST"]).lines() {
        redis.say(&["FT.DROPINDEX", index]);
    }
    wait_until("it is found again", || asked(&service, &headline(3))["path"] == "exact");
}

#[test]
fn a_redis_that_can_not_search_is_refused_at_the_start_in_words_that_say_what_to_do() {
    let plain = RedisServer::start(&[]);
    let (code, said) = over(&plain.url()).fail_to_start();
    assert!(code == Some(1) && said.contains("load RediSearch 2.8.0 or later"), "{said}");
    let module = file("redisearch.so").display().to_string();
    let cluster = Cluster::start(3, 0, &["--loadmodule", &module]);
    let (code, said) = over(&cluster.url()).fail_to_start();
    assert!(code == Some(1) && said.contains("has no coordinator"), "{said}");
    let (code, said) = Builder::new().set("INDEX__SEARCH", "server").fail_to_start();
    assert!(code == Some(2) && said.contains("store.backend must be a Redis too"), "{said}");
}
