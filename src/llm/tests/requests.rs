//! What is sent and what is read, and the settings that say so.

use super::super::faults::{Act, Server, answer, config, endpoint, json_response, response, stream_end, whole_answer};
use super::*;

#[tokio::test]
async fn the_key_reaches_the_server_and_no_error_log_or_debug() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "sk-very-secret\n").unwrap();
    let server = Server::start(|_, seen| {
        assert!(seen.head.to_lowercase().contains("authorization: bearer sk-very-secret"), "{}", seen.head);
        json_response(401, &json!({"error": {"message": "Incorrect API key provided: sk-very-secret."}}))
    })
    .await;
    let endpoint = EndpointConfig { api_key_file: Some(path), ..server.endpoint("one") };
    let model = open(&config(vec![endpoint])).unwrap().unwrap();
    let error = model.complete(&chat(), in_ms(5_000)).await.unwrap_err();
    assert!(error.to_string().contains("Incorrect API key provided: [key]."), "{error}");
    let shown = format!("{error:?} {model:?}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn the_request_is_what_the_protocol_asks_for() {
    let server = Server::start(|_, seen| if seen.body["stream"] == true { answer("{}") } else { whole_answer("{}") }).await;
    let plain = EndpointConfig { stream: false, json_schema: false, ..server.endpoint("plain") };
    let asked = chat().with_schema("opinion", json!({"type": "object"})).with_max_tokens(77);
    let streamed = open(&config(vec![server.endpoint("one")])).unwrap().unwrap().complete(&asked, in_ms(5_000)).await.unwrap();
    let whole = open(&config(vec![plain])).unwrap().unwrap().complete(&asked, in_ms(5_000)).await.unwrap();
    assert_eq!((streamed.text, streamed.usage, streamed.cost_usd), (whole.text, whole.usage, whole.cost_usd));
    assert_eq!((streamed.ttft.is_some(), whole.ttft), (true, None));
    let seen = server.seen();
    assert!(seen[0].head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{}", seen[0].head);
    let expected = json!({
        "model": "asked-for", "max_tokens": 77, "temperature": 0.0, "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "system", "content": "You are brief."}, {"role": "user", "content": "Hello"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "opinion", "strict": true, "schema": {"type": "object"}}},
    });
    assert_eq!(seen[0].body, expected);
    assert!(seen[1].body.get("response_format").is_none() && seen[1].body.get("stream_options").is_none());
    assert!(seen[1].body["messages"][0]["content"].as_str().unwrap().ends_with("{\"type\":\"object\"}"));
}

#[tokio::test]
async fn what_the_server_does_not_tell_is_not_known() {
    let server = Server::start(|_, _| {
        let end = json!({"choices": [{"delta": {"content": "x"}, "finish_reason": "length"}]});
        stream_of(vec![faults::chunk(&format!("data: {end}\n\ndata: [DONE]\n\n")), Act::Send(b"0\r\n\r\n".to_vec())])
    })
    .await;
    let reply = one(&server, 5_000, kept).await.unwrap();
    assert_eq!((reply.usage, reply.cost_usd, reply.finish, reply.model.as_str()), (None, None, Finish::Length, "asked-for"));
}

#[tokio::test]
async fn a_model_that_declines_is_an_error() {
    let server = Server::start(|_, _| {
        let refusal = json!({"choices": [{"delta": {"refusal": "I won't."}}]});
        let mut acts = vec![faults::chunk(&format!("data: {refusal}\n\n"))];
        acts.extend(stream_end("stop"));
        stream_of(acts)
    })
    .await;
    assert_eq!(one(&server, 5_000, kept).await, Err(LlmError::Declined { endpoint: "one".into(), detail: "I won't.".into() }));
}

/// What a test does to settings that are good.
type Change = fn(&mut Config);

#[test]
fn settings_that_can_not_work_are_refused_with_their_field() {
    let base = || config(vec![endpoint("one", "http://127.0.0.1:1/v1")]);
    let with = |change: Change| {
        let mut config = base();
        change(&mut config);
        open(&config).err().map_or_else(String::new, |error| error.to_string())
    };
    let cases: [(Change, &str); 13] = [
        (|c| c.attempts_max = 0, "llm.attempts_max: "),
        (|c| c.token_gap_timeout_ms = 0, "llm.token_gap_timeout_ms: "),
        (|c| c.breaker.failure_share = f64::NAN, "llm.breaker.failure_share: "),
        (|c| c.replay = Some("x".into()), "llm.replay: "),
        (|c| c.endpoints[0].name = "a b".into(), "llm.endpoints[0].name: "),
        (|c| c.endpoints.push(c.endpoints[0].clone()), "llm.endpoints[1].name: "),
        (|c| c.endpoints[0].base = "127.0.0.1:1".into(), "llm.endpoints[0].base: "),
        (|c| c.endpoints[0].base = "http://user:pass@host/v1".into(), "llm.endpoints[0].base: "),
        (|c| c.endpoints[0].weight = 0, "llm.endpoints[0].weight: "),
        (|c| c.endpoints[0].concurrency_max = 0, "llm.endpoints[0].concurrency_max: "),
        (|c| c.endpoints[0].prompt_usd_per_million = Some(-1.0), "llm.endpoints[0].prompt_usd_per_million: "),
        (|c| c.endpoints[0].api_key_file = Some("/no/such".into()), "llm.endpoints[0].api_key_file: /no/such"),
        (|c| c.endpoints[0].api_key_env = Some("INSTINCT_NO_SUCH".into()), "llm.endpoints[0].api_key_env: the variable"),
    ];
    for (change, begins) in cases {
        let error = with(change);
        assert!(error.starts_with(begins), "{begins}… and not {error:?}");
    }
    assert_eq!(with(kept), "");
    assert!(open(&Config::default()).unwrap().is_none(), "no endpoints, no model");
    let unknown = serde_json::from_value::<Config>(json!({"endpoint": []})).unwrap_err().to_string();
    assert!(unknown.contains("unknown field"), "{unknown}");
}

#[tokio::test]
async fn over_tls_nothing_is_said_to_who_does_not_speak_it() {
    let server = Server::start(|_, _| answer("in the open")).await;
    let model = open(&config(vec![endpoint("one", &server.base.replace("http:", "https:"))])).unwrap().unwrap();
    let error = model.complete(&chat(), in_ms(1_000)).await.unwrap_err();
    assert!(matches!(error, LlmError::Unavailable { status: None, .. } | LlmError::DeadlinePassed { .. }), "{error}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn tokens_cost_and_times_are_counted_by_endpoint() {
    let server = Server::start(|number, _| if number == 0 { response(503, "", "") } else { answer("counted") }).await;
    let model = open(&config(vec![server.endpoint("counted")])).unwrap().unwrap();
    model.complete(&chat(), in_ms(5_000)).await.unwrap();
    let metrics = String::from_utf8(crate::telemetry::metrics::exposition().unwrap()).unwrap();
    for line in [
        "llm_calls_total{endpoint=\"counted\",outcome=\"answered\"} 1",
        "llm_calls_total{endpoint=\"counted\",outcome=\"unavailable\"} 1",
        "llm_retries_total{endpoint=\"counted\",reason=\"unavailable\"} 1",
        "llm_tokens_total{endpoint=\"counted\",kind=\"prompt\"} 1000",
        "llm_tokens_total{endpoint=\"counted\",kind=\"completion\"} 200",
        "llm_cost_usd_total{endpoint=\"counted\"} 0.004",
        "llm_call_duration_seconds_count{endpoint=\"counted\"} 2",
        "llm_first_token_seconds_count{endpoint=\"counted\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is missing");
    }
}

#[tokio::test]
async fn a_chat_that_was_not_recorded_and_a_file_that_is_no_recording_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chats.ndjson");
    let open_text = |text: &str| {
        std::fs::write(&path, text).unwrap();
        open(&Config { replay: Some(path.clone()), ..Config::default() }).map_err(|error| error.to_string())
    };
    let header = "{\"format\":\"instinct-llm-recording\",\"version\":1}\n";
    let model = open_text(header).unwrap().unwrap();
    let error = model.complete(&chat(), in_ms(1_000)).await.unwrap_err();
    assert!(matches!(&error, LlmError::NotRecorded { request } if request.len() == 64), "{error}");
    let line = format!(
        "{{\"request\":\"00\",\"chat\":{},\"error\":{{\"kind\":\"declined\",\"endpoint\":\"e\",\"detail\":\"d\"}}}}\n",
        json!(chat())
    );
    for (text, said) in [
        (String::new(), "line 1: this is no recording"),
        (header.replace('1', "2"), "version 2, and version 1"),
        (format!("{header}{line}"), "line 2: the chat was changed"),
        (format!("{header}{{}}\n"), "line 2: missing field"),
    ] {
        let error = open_text(&text).unwrap_err();
        assert!(error.starts_with("llm.replay: ") && error.contains(said), "{said}: {error}");
    }
}
