//! What a server may do to us, and that every call ends in time with the right word for it.

mod choice;
mod requests;

use super::faults::{Act, Server, answer, config, endpoint, json_response, response, stream_head, token};
use super::*;
use serde_json::json;
use std::time::{Duration, Instant};

/// How late a call may end after its deadline on a machine that is busy.
const LATE: Duration = Duration::from_millis(250);

fn chat() -> Chat {
    Chat::new("You are brief.", "Hello")
}

fn in_ms(millis: u64) -> Deadline {
    Deadline::after(Duration::from_millis(millis))
}

async fn one(server: &Server, deadline_ms: u64, change: impl FnOnce(&mut Config)) -> Result<Reply, LlmError> {
    let mut config = config(vec![server.endpoint("one")]);
    change(&mut config);
    let model = open(&config).unwrap().unwrap();
    let began = Instant::now();
    let result = model.complete(&chat(), in_ms(deadline_ms)).await;
    assert!(began.elapsed() < Duration::from_millis(deadline_ms) + LATE, "{:?} at {deadline_ms} ms", began.elapsed());
    result
}

fn kept(_: &mut Config) {}

fn stream_of(acts: Vec<Act>) -> Vec<Act> {
    let mut all = vec![stream_head()];
    all.extend(acts);
    all
}

#[tokio::test]
async fn a_server_that_hangs_at_any_point_costs_the_deadline_and_no_more() {
    for (hangs, waiting) in [(0, Waiting::Response), (1, Waiting::FirstToken), (2, Waiting::NextToken)] {
        let server = Server::start(move |_, _| {
            let mut acts = vec![stream_head(), token("half an ")];
            acts.truncate(hangs);
            acts.push(Act::Hang);
            acts
        })
        .await;
        assert_eq!(one(&server, 150, kept).await, Err(LlmError::DeadlinePassed { waiting }));
    }
}

#[tokio::test]
async fn a_token_now_and_then_does_not_move_the_deadline() {
    let server = Server::start(|_, _| stream_of((0..100).flat_map(|_| [token("drip "), Act::Wait(40)]).collect())).await;
    assert_eq!(one(&server, 200, kept).await, Err(LlmError::DeadlinePassed { waiting: Waiting::NextToken }));
}

#[tokio::test]
async fn a_flood_without_an_answer_does_not_move_the_deadline_nor_the_limit_of_the_first_token() {
    let flood = |_: usize, _: &faults::Seen| vec![stream_head(), Act::Flood(b"8\r\n: hold\r\n\r\n".to_vec())];
    let server = Server::start(flood).await;
    assert_eq!(one(&server, 150, kept).await, Err(LlmError::DeadlinePassed { waiting: Waiting::FirstToken }));
    let slow = one(&server, 5_000, |config| (config.first_token_timeout_ms, config.attempts_max) = (100, 1)).await;
    let expected = LlmError::TooSlow { endpoint: "one".into(), waiting: Waiting::FirstToken, limit_ms: 100 };
    assert_eq!(slow, Err(expected));
}

#[tokio::test]
async fn a_try_that_is_too_slow_leaves_time_for_the_next_one() {
    let server = Server::start(|number, _| match number {
        0 => vec![Act::Hang],
        1 => stream_of(vec![token("half"), Act::Hang]),
        _ => answer("whole"),
    })
    .await;
    let reply = one(&server, 5_000, |config| (config.first_token_timeout_ms, config.token_gap_timeout_ms) = (100, 100)).await;
    assert_eq!(reply.unwrap().text, "whole");
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_stream_that_ends_before_its_mark_is_broken_off_and_tried_again() {
    let ends: [fn() -> Vec<Act>; 4] = [
        || vec![token("half"), Act::Close],
        || vec![token("half"), Act::Send(b"0\r\n\r\n".to_vec())],
        || vec![token("half"), faults::chunk("data: {\"choices\": [{\"del"), Act::Send(b"0\r\n\r\n".to_vec())],
        || vec![token("half"), faults::chunk("data: [DONE]\n\n"), Act::Send(b"0\r\n\r\n".to_vec())],
    ];
    for end in ends {
        let server = Server::start(move |_, _| stream_of(end())).await;
        assert!(matches!(one(&server, 5_000, kept).await, Err(LlmError::BrokenOff { .. })));
        assert_eq!(server.seen().len(), 3, "as many tries as may be");
        let server = Server::start(move |number, _| if number == 0 { stream_of(end()) } else { answer("whole") }).await;
        assert_eq!(one(&server, 5_000, kept).await.unwrap().text, "whole");
    }
}

#[tokio::test]
async fn each_status_has_its_error_and_only_some_are_tried_again() {
    for (status, body, tries, kind, said) in [
        (400, r#"{"error":{"message":"bad schema","code":400}}"#, 1, "rejected", "bad schema (code 400)"),
        (401, r#"{"error":{"message":"bad key","code":"invalid_api_key"}}"#, 1, "rejected", "bad key (code invalid_api_key)"),
        (403, r#"{"detail":"Forbidden"}"#, 1, "rejected", "Forbidden"),
        (404, r#"{"object":"error","message":"no such model","code":404}"#, 1, "rejected", "no such model (code 404)"),
        (408, "", 3, "unavailable", "it said nothing"),
        (413, "<html>too large</html>", 1, "rejected", "too large"),
        (422, r#"{"error":"no"}"#, 1, "rejected", "no"),
        (429, r#"{"error":{"message":"slow down","code":null}}"#, 3, "rate_limited", "slow down"),
        (500, r#"{"error":{"message":"oops","code":500}}"#, 3, "unavailable", "oops (code 500)"),
        (501, "", 1, "rejected", "nothing"),
        (502, "<h1>Bad Gateway</h1>", 3, "unavailable", "Bad Gateway"),
        (503, r#"{"error":{"message":"Loading model","code":503}}"#, 3, "unavailable", "Loading model (code 503)"),
        (504, "", 3, "unavailable", "nothing"),
        (302, "", 1, "rejected", "nothing"),
    ] {
        let server = Server::start(move |_, _| response(status, "location: http://127.0.0.1:1/\r\n", body)).await;
        let error = one(&server, 5_000, kept).await.unwrap_err();
        assert_eq!((error.as_str(), server.seen().len()), (kind, tries), "{status}: {error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn an_error_within_a_stream_is_an_error_by_its_code() {
    for (event, kind, tries) in [
        (json!({"error": {"message": "too long", "code": 400}}), "rejected", 1),
        (json!({"error": {"message": "slow down", "code": "429"}}), "rate_limited", 3),
        (json!({"error": {"message": "oops", "code": "server_error"}}), "unavailable", 3),
    ] {
        let server =
            Server::start(move |_, _| stream_of(vec![token("half"), faults::chunk(&format!("data: {event}\n\n")), Act::Hang]))
                .await;
        let error = one(&server, 5_000, kept).await.unwrap_err();
        assert_eq!((error.as_str(), server.seen().len()), (kind, tries), "{error}");
    }
}

/// A large chunk of short comments, of which no stream is made up.
fn comments() -> Vec<u8> {
    format!("{:x}\r\n{}\r\n", 0x4_0000, format!(": {}\n", "x".repeat(1_021)).repeat(256)).into_bytes()
}

#[tokio::test]
async fn what_is_not_the_protocol_is_said_and_not_asked_for_twice() {
    let events = |text: &'static str| move || vec![stream_head(), faults::chunk(text), Act::Hang];
    let answers: Vec<Box<dyn Fn() -> Vec<Act> + Send + Sync>> = vec![
        Box::new(|| response(200, "content-type: text/html\r\n", "<html>Welcome</html>")),
        Box::new(|| response(200, "", "{}")),
        Box::new(|| response(200, "content-type: application/json\r\n", "\u{0}garbage")),
        Box::new(|| json_response(200, &json!({"choices": []}))),
        Box::new(events("data: not json\n\n")),
        Box::new(|| vec![stream_head(), Act::Send(b"5\r\n\xff\xff\xff\xff\n\r\n".to_vec()), Act::Hang]),
        Box::new(|| vec![stream_head(), Act::Flood(b"10\r\nxxxxxxxxxxxxxxxx\r\n".to_vec())]),
        Box::new(|| vec![stream_head(), Act::Flood(comments())]),
        Box::new(|| response(200, "content-type: application/json\r\n", &format!("\"{}\"", "x".repeat(3_000_000)))),
    ];
    for (number, acts) in answers.into_iter().enumerate() {
        let server = Server::start(move |_, _| acts()).await;
        let error = one(&server, 20_000, kept).await.unwrap_err();
        assert_eq!((error.as_str(), server.seen().len()), ("protocol", 1), "answer {number}: {error}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_http_and_a_port_where_nobody_listens_are_not_available() {
    let server = Server::start(|_, _| vec![Act::Send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()), Act::Close]).await;
    assert_eq!(one(&server, 5_000, kept).await.unwrap_err().as_str(), "unavailable");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let model = open(&config(vec![endpoint("one", &format!("http://{closed}/v1"))])).unwrap().unwrap();
    let error = model.complete(&chat(), in_ms(5_000)).await.unwrap_err();
    assert!(matches!(error, LlmError::Unavailable { status: None, .. }) && error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn an_error_with_an_endless_body_is_still_that_error() {
    let server = Server::start(|_, _| {
        let head = b"HTTP/1.1 401 X\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        vec![Act::Send(head), Act::Flood(b"10\r\nxxxxxxxxxxxxxxxx\r\n".to_vec())]
    })
    .await;
    assert!(matches!(one(&server, 5_000, kept).await, Err(LlmError::Rejected { status: 401, .. })));
}

#[tokio::test]
async fn a_server_that_asks_to_be_left_alone_is_where_there_is_time_and_is_not_waited_for_where_there_is_none() {
    let limited = |number: usize, _: &faults::Seen| match number {
        0 => response(429, "retry-after: 1\r\n", ""),
        _ => answer("now"),
    };
    let server = Server::start(limited).await;
    let began = Instant::now();
    assert_eq!(one(&server, 5_000, kept).await.unwrap().text, "now");
    assert!(began.elapsed() >= Duration::from_secs(1));
    let server = Server::start(limited).await;
    let model = open(&config(vec![server.endpoint("one")])).unwrap().unwrap();
    for _ in 0..2 {
        let began = Instant::now();
        let error = model.complete(&chat(), in_ms(600)).await.unwrap_err();
        assert!(matches!(error, LlmError::RateLimited { retry_after_ms: Some(1..=1_000), .. }), "{error}");
        assert!(began.elapsed() < Duration::from_millis(300), "it is not waited for in vain");
    }
    assert_eq!(server.seen().len(), 1, "the second call does not even ask");
}
