//! The fast path with the real model: what is served, what is refused, and why.

use super::service::{Builder, entry, trade};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

#[test]
fn another_wording_is_answered_from_the_entry_and_an_unrelated_text_is_not() {
    let service = Builder::new().with_the_real_model().start();
    let id = service.remember(&entry("Federal Reserve cuts interest rates by 50 basis points", 1));
    let answer = service.decide(&json!({"text": "The Federal Reserve has cut interest rates by 50 basis points"}));
    assert_eq!((answer["path"].as_str(), answer["match"]["entry"].as_str()), (Some("fast"), Some(&*id)), "{answer}");
    assert_eq!(answer["decision"]["signal"], 1);
    let other = service.decide(&json!({"text": "Tesla recalls cars over a braking fault"}));
    assert_eq!((other["outcome"].as_str(), other["refused"][0]["entry"].as_str()), (Some("abstained"), Some(&*id)), "{other}");
}

/// The trap of the composition: shared parts push unrelated texts over τ, and only the floor on the fresh vector keeps them apart.
#[test]
fn an_unrelated_headline_under_one_instruction_and_context_is_not_served_though_its_composed_similarity_exceeds_tau() {
    let folder = TempDir::new().unwrap();
    let strategy = r#"
        name = "news-impact"
        version = 1
        composition = "sum"
        deadline_ms = 5000
        thresholds = { tau = 0.90, tau_fresh = 0.84 }
        slots = [
            { role = "instruction", bind = "hard", component = "i", weight = 0.5, text = "Judge what the headline does to the price of the asset." },
            { role = "context", latest = 1, weight = 0.3 },
            { role = "fresh", weight = 0.2 },
        ]
    "#;
    fs::write(folder.path().join("s.toml"), strategy).unwrap();
    let service = Builder::new().with_the_real_model().strategies(folder.path()).start();
    let context = json!({"role": "context", "text": "Markets wait for the Federal Reserve.", "tags": ["rates"], "as_of": "2026-01-01T00:00:00Z"});
    assert_eq!(service.request("PUT", "/v1/components/c", context.to_string()).status, 201);
    let mut remembered = entry("Federal Reserve cuts interest rates by 50 basis points", 1);
    remembered["tags"] = json!(["rates"]);
    let id = service.remember(&remembered);

    let unrelated = json!({"text": "Tesla recalls cars over a braking fault", "tags": ["rates"]});
    let answer = service.decide(&unrelated);
    assert_eq!((answer["outcome"].as_str(), answer["match"].is_null()), (Some("abstained"), true), "{answer}");
    let refused = &answer["refused"][0];
    let (composed, fresh) = (refused["similarity"].as_f64().unwrap(), refused["fresh_similarity"].as_f64().unwrap());
    println!("composed similarity {composed:.3} exceeds tau 0.90; fresh similarity {fresh:.3} is below tau_fresh 0.84");
    assert_eq!(refused["entry"], json!(id));
    assert!(composed >= 0.90, "the trap was not set: {composed}");
    assert!(fresh < 0.84, "{fresh}");
    assert_eq!(refused["gate"], "floors");

    let near = service.decide(&json!({"text": "The Federal Reserve cuts interest rates by 50 basis points", "tags": ["rates"]}));
    assert_eq!(near["path"], "fast", "{near}");
}

#[test]
fn an_entry_serves_no_request_that_speaks_of_a_time_before_its_own() {
    let service = Builder::new().start();
    service.remember(&json!({"text": "Gold rises", "decision": trade(1), "as_of": "2026-05-01T00:00:00Z"}));
    let before = service.decide(&json!({"text": "Gold rises", "as_of": "2026-04-30T23:59:59Z"}));
    assert_eq!(
        (before["outcome"].as_str(), before["refused"][0]["gate"].as_str()),
        (Some("abstained"), Some("validity")),
        "{before}"
    );
    let after = service.decide(&json!({"text": "Gold rises", "as_of": "2026-05-01T00:00:00Z"}));
    assert_eq!(after["outcome"], "decided");
}

#[test]
fn a_hit_never_renews_a_time_to_live() {
    let service = Builder::new().start();
    service.remember(&json!({"text": "Gold rises", "decision": trade(1), "ttl_sec": 2}));
    let since = std::time::Instant::now();
    let mut hits = 0;
    // Asked again and again, so that a renewal by hits would keep the entry alive for ever.
    loop {
        let answer = service.decide(&json!({"text": "Gold rises"}));
        if answer["outcome"] == "abstained" {
            break;
        }
        hits += 1;
        assert!(since.elapsed().as_secs() < 30, "the entry outlived its time");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(hits > 0);
}

#[test]
fn conditions_of_validity_that_are_not_met_refuse() {
    let service = Builder::new().start();
    let validity =
        json!({"price": {"ETH": {"min": 3000.0, "max": 4000.0}}, "regime": "calm", "valid_until": "2030-01-01T00:00:00Z"});
    service.remember(&json!({"text": "Ether rises", "decision": trade(1), "validity": validity}));
    let ask = |market: Value| service.decide(&json!({"text": "Ether rises", "market": market}));
    assert_eq!(ask(json!({"price": {"ETH": 3500.0}, "regime": "calm"}))["outcome"], "decided");
    for market in [
        json!({}),
        json!({"price": {"ETH": 2999.9}, "regime": "calm"}),
        json!({"price": {"ETH": 3500.0}, "regime": "wild"}),
        json!({"price": {"ETH": 3500.0}}),
    ] {
        let answer = ask(market.clone());
        assert_eq!(
            (answer["outcome"].as_str(), answer["refused"][0]["gate"].as_str()),
            (Some("abstained"), Some("validity")),
            "{market}"
        );
    }
}

#[test]
fn a_text_that_is_cut_says_so_and_is_never_reused_for_one_that_differs_after_the_cut() {
    let service = Builder::new().with_the_real_model().start();
    let head = "the committee met and spoke of rates ".repeat(40);
    service.remember(&entry(&format!("{head} and then it cut them"), 1));
    let answer = service.decide(&json!({"text": format!("{head} and then it raised them")}));
    assert_eq!(answer["outcome"], "abstained", "{answer}");
    assert_eq!(answer["truncated"]["kept"], 256);
    assert!(answer["truncated"]["tokens"].as_u64().unwrap() > 256);
    assert!(answer["refused"][0]["similarity"].as_f64().unwrap() > 0.99, "{answer}");
    let same = service.decide(&json!({"text": format!("{head} and then it cut them")}));
    assert_eq!((same["path"].as_str(), same["truncated"]["kept"].as_u64()), (Some("exact"), Some(256)));
}

#[test]
fn a_changed_instruction_starts_an_empty_memory_and_the_old_one_brings_it_back() {
    let service = Builder::new().start();
    service.remember(&entry("Gold rises", 1));
    assert_eq!(service.decide(&json!({"text": "Gold rises"}))["outcome"], "decided");
    let changed = json!({"role": "instruction", "text": "Judge the opposite."});
    assert_eq!(service.request("PUT", "/v1/components/news-impact.instruction", changed.to_string()).status, 201);
    let answer = service.decide(&json!({"text": "Gold rises"}));
    assert_eq!(
        (answer["outcome"].as_str(), answer["refused"].as_array().map(Vec::len)),
        (Some("abstained"), Some(0)),
        "{answer}"
    );
    assert_eq!(service.request("DELETE", "/v1/components/news-impact.instruction", "").status, 204);
    assert_eq!(service.decide(&json!({"text": "Gold rises"}))["outcome"], "decided");
}

#[test]
fn a_search_shows_every_score_and_verdict_and_counts_nothing() {
    let service = Builder::new().with_the_real_model().start();
    service.remember(&entry("Federal Reserve cuts interest rates by 50 basis points", 1));
    service.remember(&entry("Tesla recalls cars over a braking fault", -1));
    let found = service
        .post("/v1/entries/search", &json!({"text": "The Federal Reserve has cut interest rates by 50 basis points", "limit": 5}))
        .json();
    let candidates = found["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 2);
    assert_eq!((candidates[0]["servable"].as_bool(), candidates[1]["servable"].as_bool()), (Some(true), Some(false)));
    assert_eq!(candidates[1]["gates"], json!([{"gate": "floors", "passed": false}]));
    assert_eq!(candidates[0]["gates"].as_array().unwrap().len(), 6);
    let metrics = service.get("/metrics").text;
    assert!(metrics.contains("semantic_cache_hits_total 0"), "a search is no hit");
    assert_eq!(service.post("/v1/entries/search", &json!({"text": "a", "limit": 0})).pointers(), ["/limit"]);
    assert_eq!(service.post("/v1/entries/search", &json!({"text": "a", "allow": "fast"})).pointers(), ["/allow"]);
}

#[test]
fn the_same_text_decided_in_another_named_context_does_not_answer() {
    let service = Builder::new().start();
    for id in ["c1", "c2"] {
        let component = json!({"role": "context", "text": format!("the context {id}"), "as_of": "2026-01-01T00:00:00Z"});
        assert_eq!(service.request("PUT", &format!("/v1/components/{id}"), component.to_string()).status, 201);
    }
    for (id, signal) in [("c1", 1), ("c2", -1)] {
        service.remember(
            &json!({"text": "Gold rises", "decision": trade(signal), "context": [id], "as_of": "2026-02-01T00:00:00Z"}),
        );
    }
    for (id, signal) in [("c1", 1), ("c2", -1)] {
        let answer = service.decide(&json!({"text": "Gold rises", "context": [id]}));
        assert_eq!((answer["path"].as_str(), answer["decision"]["signal"].as_i64()), (Some("exact"), Some(signal)), "{answer}");
    }
    assert_eq!(service.post("/v1/decide", &json!({"text": "Gold rises", "context": ["nope"]})).status, 404);
}

#[test]
fn what_may_be_served_is_found_behind_many_that_may_not() {
    // The texts differ by a number only, so the fact gate, which would refuse them all, is switched off.
    let folder = TempDir::new().unwrap();
    let shipped = fs::read_to_string(super::service::project().join("strategies/news-impact.toml")).unwrap();
    fs::write(folder.path().join("s.toml"), format!("facts = false\nbudget = {{ start = \"open\" }}\n{shipped}")).unwrap();
    let service = Builder::new().strategies(folder.path()).start();
    let text = |i: usize| format!("the central bank of the country held its main rate at the meeting, said speaker {i}");
    for i in 0..20 {
        let as_of = if i == 7 { "2024-01-01T00:00:00Z" } else { "2026-01-01T00:00:00Z" };
        service.remember(&json!({"text": text(i), "decision": trade(1), "as_of": as_of}));
    }
    let answer = service.decide(&json!({"text": text(99), "as_of": "2025-01-01T00:00:00Z"}));
    assert_eq!(
        (answer["path"].as_str(), answer["match"]["as_of"].as_str()),
        (Some("fast"), Some("2024-01-01T00:00:00Z")),
        "{answer}"
    );
}
