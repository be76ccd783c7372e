//! The wire contract: statuses, named fields, shapes.

use super::service::{Builder, entry, start, trade};
use serde_json::{Value, json};

#[test]
fn bad_input_of_every_kind_gets_its_status_and_names_the_field() {
    let service = start();
    let long = "x".repeat(8_193);
    let cases: Vec<(Value, u16, &str)> = vec![
        (json!({"text": "a", "mood": 1}), 400, "/mood"),
        (json!({"text": 7}), 400, "/text"),
        (json!({}), 400, "/text"),
        (json!({"text": "a", "as_of": "yesterday"}), 400, "/as_of"),
        (json!({"text": "a", "as_of": "2025-03-14T12:30:00"}), 400, "/as_of"),
        (json!({"text": "a", "allow": "think"}), 400, "/allow"),
        (json!({"text": "a", "deadline_ms": "1"}), 400, "/deadline_ms"),
        (json!({"text": "a", "market": {"price": {"ETH": "high"}}}), 400, "/market/price/ETH"),
        (json!({"text": "a", "market": {"mood": 1}}), 400, "/market/mood"),
        (json!({"text": "a", "strategy": "nobody"}), 404, "/strategy"),
        (json!({"text": "a", "strategy": "no body"}), 404, "/strategy"),
        (json!({"text": "a", "context": ["nothing"]}), 404, "/context"),
        (json!({"text": ""}), 422, "/text"),
        (json!({"text": " \n\t "}), 422, "/text"),
        (json!({"text": long}), 422, "/text"),
        (json!({"text": "a", "as_of": "2999-01-01T00:00:00Z"}), 422, "/as_of"),
        (json!({"text": "a", "deadline_ms": 0}), 422, "/deadline_ms"),
        (json!({"text": "a", "deadline_ms": 120_001}), 422, "/deadline_ms"),
        (json!({"text": "a", "tags": [""]}), 422, "/tags/0"),
        (json!({"text": "a", "tags": vec!["t"; 33]}), 422, "/tags"),
        (json!({"text": "a", "session": ""}), 422, "/session"),
        (json!({"text": "a", "engine": "trading"}), 422, "/engine"),
        (json!({"text": "a", "pending": "no"}), 400, "/pending"),
    ];
    for (body, status, pointer) in cases {
        let reply = service.post("/v1/decide", &body);
        assert_eq!(reply.status, status, "{body}: {}", reply.text);
        assert_eq!(reply.pointers(), [pointer], "{body}: {}", reply.text);
        assert_eq!(reply.headers["content-type"], "application/problem+json");
        assert_eq!(reply.headers["x-trace-id"].len(), 32);
        let problem = reply.json();
        for field in ["type", "title", "status", "detail", "instance"] {
            assert!(!problem[field].is_null(), "{field} is missing: {problem}");
        }
    }
    for body in ["", "not json", "[1]", "{\"text\": \"a\"} {}", "\u{1}"] {
        assert_eq!(service.request("POST", "/v1/decide", body).status, 400, "{body}");
    }
}

#[test]
fn a_body_over_the_cap_is_413_whether_its_length_is_said_or_not() {
    let service = start();
    let body = format!("{{\"text\": \"{}\"}}", "x".repeat(1_100_000));
    assert_eq!(service.request("POST", "/v1/decide", body.clone()).status, 413);
    let chunked = reqwest::blocking::Body::new(std::io::Cursor::new(body.into_bytes()));
    assert_eq!(service.request("POST", "/v1/decide", chunked).status, 413);
}

#[test]
fn an_unknown_path_is_404_and_a_wrong_method_405_both_as_problems() {
    let service = start();
    for (method, path, status) in [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/decide", 405),
        ("DELETE", "/v1/strategies", 405),
        ("GET", "/v1/decisions/01M7Y7SN0QWQEDWEHJW43WHQ92", 404),
        ("GET", "/v1/decisions/none", 404),
        ("GET", "/v1/entries/sc:combo:00", 404),
        ("GET", "/v1/components/none", 404),
        ("DELETE", "/v1/components/none", 404),
        ("GET", "/v1/strategies/none", 404),
    ] {
        let reply = service.request(method, path, "");
        assert_eq!(reply.status, status, "{method} {path}");
        assert_eq!(reply.headers["content-type"], "application/problem+json", "{method} {path}");
        assert_eq!(reply.json()["status"], status);
    }
    let refused = service.request("GET", "/v1/entries", "");
    assert_eq!(refused.headers["allow"], "POST, DELETE");
}

#[test]
fn a_field_in_the_query_is_refused_by_name_and_not_passed_over() {
    let reply = start().post("/v1/decide?strategy=nobody", &json!({"text": "a"}));
    assert_eq!((reply.status, reply.pointers()), (400, vec!["/strategy".to_owned()]));
}

#[test]
fn a_field_in_the_query_of_a_bulk_write_is_refused_by_name() {
    let service = start();
    let line = entry("one", 1).to_string();
    for path in ["/v1/entries?strategy=news-impact", "/v1/components?strategy=news-impact"] {
        let reply = service.request("POST", path, line.clone());
        assert_eq!((reply.status, reply.pointers()), (400, vec!["/strategy".to_owned()]), "{path}");
    }
    assert_eq!(service.get("/health/ready").json()["parts"]["cache"]["entries"], 0);
}

#[test]
fn an_array_is_no_object_and_an_object_no_word_and_both_are_refused_where_they_stand() {
    let service = start();
    for (body, pointer) in [
        (json!(["a"]), ""),
        (json!(["a", null, null, [], [], {}, "fast", null, null, false, null, true]), ""),
        (json!({"text": "a", "market": [{"ETH": 1.0}]}), "/market"),
        (json!({"text": "a", "market": {"risk": [null, null]}}), "/market/risk"),
        (json!({"text": "a", "market": {"risk": {"limits": [1.0]}}}), "/market/risk/limits"),
        (json!({"text": "a", "allow": {"fast": null}}), "/allow"),
    ] {
        let reply = service.post("/v1/decide", &body);
        assert_eq!((reply.status, reply.pointers()), (400, vec![pointer.to_owned()]), "{body}: {}", reply.text);
    }
}

#[test]
fn a_whole_number_is_an_integer_however_it_is_written() {
    let service = start();
    assert_eq!(service.post("/v1/decide", &json!({"text": "a", "allow": "fast", "deadline_ms": 500.0})).status, 200);
    for bad in [json!(500.5), json!(-1.0), json!(1e300), json!("500")] {
        let reply = service.post("/v1/decide", &json!({"text": "a", "deadline_ms": bad}));
        assert_eq!((reply.status, reply.pointers()), (400, vec!["/deadline_ms".to_owned()]), "{bad}");
    }
    let row = json!({"input_report": "a", "output_report": "up", "signal": 1.0, "conviction": 1});
    assert_eq!(service.post("/insert_data", &row).status, 200);
    let mut decision = trade(1);
    decision["signal"] = json!(-1.0);
    service.remember(&json!({"text": "b", "decision": decision}));
    assert_eq!(service.decide(&json!({"text": "b"}))["decision"]["signal"], -1);
}

#[test]
fn what_is_wrong_within_a_decision_is_named_where_it_stands() {
    let service = start();
    let agent = json!({"name": "n", "signal": 1, "conviction": 0.5, "source": "local", "latency_ms": 1, "outcome": "ok"});
    let with = |agent: Value| json!({"kind": "trade", "signal": 1, "conviction": 0.5, "agents": [agent]});
    let changed = |name: &str, value: Value| {
        let mut agent = agent.clone();
        agent[name] = value;
        with(agent)
    };
    service.remember(&json!({"text": "good", "decision": with(agent.clone())}));
    for (decision, pointer) in [
        (changed("signal", json!("up")), "/decision/agents/0/signal"),
        (changed("source", json!("oracle")), "/decision/agents/0/source"),
        (changed("mood", json!(1)), "/decision/agents/0/mood"),
        (with(json!(["n", 1, 0.5, "", "local", 1, "ok"])), "/decision/agents/0"),
        (json!(["trade", 1, 0.5, "", [], {}, {}]), "/decision"),
        (json!({"signal": 1, "conviction": 0.5}), "/decision/kind"),
        (json!({"kind": "wish", "signal": 1}), "/decision/kind"),
        (json!({"kind": "report"}), "/decision/text"),
    ] {
        let line = &service.post("/v1/entries", &json!({"text": "a", "decision": decision})).lines()[0];
        let error = &line["error"];
        assert_eq!((error["status"].as_u64(), error["errors"][0]["pointer"].as_str()), (Some(400), Some(pointer)), "{line}");
    }
}

#[test]
fn a_deadline_that_passes_before_the_answer_is_504() {
    let service = Builder::new().with_the_real_model().start();
    service.remember(&entry("Oil falls as OPEC lifts its quota", -1));
    let text = "headline ".repeat(600);
    let mut late = 0;
    for i in 0..20 {
        let reply = service.post("/v1/decide", &json!({"text": format!("{text} {i}"), "deadline_ms": 1}));
        assert!([200, 504].contains(&reply.status), "{}", reply.text);
        late += usize::from(reply.status == 504);
    }
    assert!(late > 0, "a text of 600 tokens is not embedded within a millisecond");
}

#[test]
fn an_answer_has_the_shape_of_the_contract() {
    let service = start();
    let text = "SEC approves spot ETH ETF";
    let id = service.remember(&json!({"text": text, "decision": trade(1), "as_of": "2025-03-14T12:30:00Z", "tags": ["ETH"]}));
    let answer = service.decide(
        &json!({"text": text, "explain": true, "session": "s1", "market": {"price": {"ETH": 3510.2}, "regime": "high-vol"}}),
    );
    assert_eq!(answer["outcome"], "decided");
    assert_eq!(answer["path"], "exact");
    assert_eq!(answer["strategy"], "news-impact");
    assert_eq!(answer["strategy_version"], 3);
    assert_eq!(answer["confidence"], "HIGH");
    assert_eq!(answer["decision"]["kind"], "trade");
    assert_eq!(answer["decision"]["agents"], json!([]));
    assert_eq!(answer["match"]["entry"], json!(id));
    assert_eq!(answer["match"]["as_of"], "2025-03-14T12:30:00Z");
    assert_eq!(answer["match"]["gates"][0]["gate"], "floors");
    for field in ["similarity", "tau", "fresh_similarity", "tau_fresh", "age_ms"] {
        assert!(answer["match"][field].is_number(), "{field}");
    }
    for stage in ["embed", "context", "compose", "search", "gates", "slow", "engine", "total"] {
        assert!(answer["timing_us"][stage].is_u64(), "{stage}");
    }
    assert_eq!(answer["explanation"]["partition"].as_str().map(str::len), Some(64));
    let abstained = service.decide(&json!({"text": "Cocoa harvest in Ghana is late", "allow": "fast"}));
    assert_eq!(abstained["outcome"], "abstained");
    assert_eq!(abstained["decision"], Value::Null);
    assert_eq!(abstained["match"], Value::Null);
    assert_eq!(abstained["confidence"], "UNABLE");
    assert!(abstained["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    assert_eq!(abstained["refused"][0]["gate"], "floors");
    assert!(abstained["refused"][0]["saw"].is_string());
    assert!(abstained["explanation"].is_null(), "nobody asked for it");
    let explained = service.decide(&json!({"text": "Cocoa harvest in Ghana is late", "explain": true}))["explanation"].clone();
    assert_eq!((explained["candidates"].as_u64(), explained["composed_of"][0]["type"].as_str()), (Some(1), Some("instruction")));
}

#[test]
fn every_decision_has_an_audit_record_under_its_id() {
    let service = start();
    let answer = service.decide(&json!({"text": "Gold rises", "tags": ["XAU"], "session": "s1"}));
    let id = answer["id"].as_str().unwrap();
    let record = service.get(&format!("/v1/decisions/{id}?wait_ms=10"));
    assert_eq!(record.status, 200, "{}", record.text);
    let record = record.json();
    assert_eq!(record["id"], answer["id"]);
    assert_eq!(record["reason"], answer["reason"]);
    assert_eq!(record["audit"]["request"]["text"], "Gold rises");
    assert_eq!(record["audit"]["request"]["session"], "s1");
    let events = service.get(&format!("/v1/decisions/{id}/events"));
    assert_eq!(events.headers["content-type"], "text/event-stream");
    assert!(events.text.starts_with("event: answer\ndata: {"), "{}", events.text);
    assert_eq!(service.get(&format!("/v1/decisions/{id}?wait_ms=60001")).status, 422);
    let unknown = service.get(&format!("/v1/decisions/{id}?mood=1"));
    assert_eq!((unknown.status, unknown.pointers()), (400, vec!["/mood".to_owned()]));
}

#[test]
fn a_trace_id_is_taken_from_the_caller_and_given_back() {
    let service = start();
    let http = reqwest::blocking::Client::new();
    let response = http
        .post(format!("{}/v1/decide", service.url))
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .body(r#"{"text": "a"}"#)
        .send()
        .unwrap();
    assert_eq!(response.headers()["x-trace-id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(response.json::<Value>().unwrap()["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
}

#[test]
fn a_bad_line_fails_alone_and_keeps_its_number() {
    let service = start();
    let lines = [
        entry("one", 1).to_string(),
        "not json".to_owned(),
        String::new(),
        entry("two", 1).to_string(),
        json!({"text": "three", "decision": {"kind": "trade", "signal": 9, "conviction": 0.5}}).to_string(),
        json!({"text": "", "decision": trade(1)}).to_string(),
        json!({"text": "four", "decision": trade(1), "strategy": "nobody"}).to_string(),
        json!({"text": "five", "decision": trade(1), "mood": 1}).to_string(),
        entry("one", -1).to_string(),
    ];
    let results = service.request("POST", "/v1/entries", lines.join("\n")).lines();
    let told: Vec<(u64, &str)> = results.iter().map(|r| (r["line"].as_u64().unwrap(), r["status"].as_str().unwrap())).collect();
    let expected =
        [(1, "created"), (2, "error"), (4, "created"), (5, "error"), (6, "error"), (7, "error"), (8, "error"), (9, "replaced")];
    assert_eq!(told, expected);
    assert_eq!(
        (results[3]["error"]["errors"][0]["pointer"].as_str(), results[3]["error"]["status"].as_u64()),
        (Some("/decision/signal"), Some(422))
    );
    assert_eq!(results[4]["error"]["errors"][0]["pointer"], "/text");
    assert_eq!(results[6]["error"]["errors"][0]["pointer"], "/mood");
    assert_eq!(service.decide(&json!({"text": "one"}))["decision"]["signal"], -1, "of two lines for one entry the later holds");
}

#[test]
fn components_are_written_read_and_deleted() {
    let service = start();
    let body = json!({"role": "context", "text": "ETH funding is high", "tags": ["ETH"], "as_of": "2026-01-01T00:00:00Z", "meta": {"by": "desk"}});
    let put = |body: &Value| service.request("PUT", "/v1/components/ctx.eth", body.to_string());
    assert_eq!(put(&body).status, 201);
    assert_eq!(put(&body).status, 200);
    let read = service.get("/v1/components/ctx.eth").json();
    assert_eq!(
        (read["text"].as_str(), read["meta"]["by"].as_str(), read["dim"].as_u64()),
        (Some("ETH funding is high"), Some("desk"), Some(384))
    );
    assert_eq!(put(&json!({"role": "mood", "text": "a"})).pointers(), ["/role"]);
    assert_eq!(put(&json!({"role": "context", "text": "a", "ttl_sec": 0})).status, 422);
    let bulk = format!("{}\n{}\n", json!({"id": "a", "role": "news", "text": "b"}), json!({"role": "news", "text": "b"}));
    let results = service.request("POST", "/v1/components", bulk).lines();
    assert_eq!((results[0]["status"].as_str(), results[1]["status"].as_str()), (Some("created"), Some("error")));
    assert_eq!(service.request("DELETE", "/v1/components/ctx.eth", "").status, 204);
    assert_eq!(service.get("/v1/components/ctx.eth").status, 404);
}

#[test]
fn entries_are_deleted_by_filter_and_only_when_it_is_confirmed() {
    let service = start();
    let old = json!({"text": "old", "decision": trade(1), "tags": ["NVDA"], "as_of": "2025-01-01T00:00:00Z"});
    let id = service.remember(&old);
    service.remember(&json!({"text": "new", "decision": trade(1), "tags": ["NVDA"], "provenance": "operator"}));
    let delete = |body: Value| service.request("DELETE", "/v1/entries", body.to_string());
    assert_eq!(delete(json!({})).status, 422);
    assert_eq!(delete(json!({"confirm": true})).status, 422);
    let dry = delete(json!({"tags": ["NVDA"], "older_than": "2026-01-01T00:00:00Z"})).json();
    assert_eq!((dry["matched"].as_u64(), dry["deleted"].as_u64(), dry["dry_run"].as_bool()), (Some(1), Some(0), Some(true)));
    assert_eq!(service.decide(&json!({"text": "old"}))["path"], "exact");
    assert_eq!(delete(json!({"ids": [id], "confirm": true})).json()["deleted"], 1);
    assert_eq!(service.decide(&json!({"text": "old"}))["outcome"], "abstained");
    assert_eq!(service.get(&format!("/v1/entries/{id}")).status, 404);
    assert_eq!(delete(json!({"provenance": "operator", "confirm": true})).json()["deleted"], 1);
    assert_eq!(delete(json!({"ids": ["nonsense"]})).status, 400);
}

#[test]
fn health_metrics_and_documents_answer() {
    let service = start();
    service.decide(&json!({"text": "a"}));
    assert_eq!(service.get("/health/live").status, 200);
    let ready = service.get("/health/ready").json();
    assert_eq!(ready["status"], "ready");
    assert!(ready["parts"]["store"]["writable"].as_bool().unwrap());
    let metrics = service.get("/metrics").text;
    for name in
        ["http_requests_total", "semantic_cache_misses_total 1", "decide_stage_duration_seconds_bucket", "instinct_build_info"]
    {
        assert!(metrics.contains(name), "{name}");
    }
    let openapi = service.get("/openapi.json").json();
    assert_eq!(openapi["openapi"], "3.1.0");
    for path in [
        "/v1/decide",
        "/v1/decisions/{id}",
        "/v1/components/{id}",
        "/v1/entries",
        "/v1/entries/search",
        "/decide",
        "/insert_data",
        "/clear",
        "/health/ready",
        "/metrics",
    ] {
        assert!(openapi["paths"][path].is_object(), "{path}");
    }
    let docs = service.get("/docs");
    assert_eq!(docs.status, 200);
    assert!(docs.text.contains("swagger-ui"), "{}", docs.text);
    let strategies = service.get("/v1/strategies").json();
    assert!(strategies.as_array().unwrap().iter().any(|strategy| strategy["name"] == "news-impact"), "{strategies}");
}

#[test]
fn one_bulk_write_too_many_is_503_with_retry_after_and_a_place_is_given_back() {
    let service = Builder::new().set("SERVER__BULK_WRITES_MAX", "1").start();
    let lines: Vec<String> = (0..3_000).map(|i| entry(&format!("headline {i}"), 1).to_string()).collect();
    let (url, body) = (service.url.clone(), lines.join("\n"));
    let first = std::thread::spawn(move || {
        let http = reqwest::blocking::Client::new();
        http.post(format!("{url}/v1/entries")).body(body).send().unwrap().text().unwrap()
    });
    while service.get("/health/ready").json()["parts"]["cache"]["entries"] == 0 {
        assert!(!first.is_finished(), "nothing was written");
    }
    let refused = service.post("/v1/entries", &entry("one", 1));
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(first.join().unwrap().lines().count(), 3_000);
    assert_eq!(service.post("/v1/entries", &entry("two", 1)).status, 200);
}

#[test]
fn of_two_components_with_one_id_in_one_batch_the_later_holds_after_a_restart_too() {
    let folder = tempfile::TempDir::new().unwrap();
    let service = Builder::new().data(&folder.path().join("d")).start();
    let lines = [json!({"id": "rc", "role": "instruction", "text": "one"}), json!({"id": "rc", "role": "news", "text": "two"})];
    service.request("POST", "/v1/components", format!("{}\n{}", lines[0], lines[1]));
    assert_eq!(service.get("/v1/components/rc").json()["text"], "two");
    let data = service.kill();
    let again = Builder::new().data(&data).start();
    assert_eq!(again.get("/v1/components/rc").json()["text"], "two");
    assert_eq!(again.request("DELETE", "/v1/components/rc", "").status, 204);
    let data = again.kill();
    assert_eq!(Builder::new().data(&data).start().get("/v1/components/rc").status, 404);
}
