//! A real language model behind a real server: small enough for a processor, and far too small to be right. What is shown is the protocol,
//! the deadline, the strict parse, and the honest failure when it babbles.

use super::service::project;
use futures_util::StreamExt;
use instinct::domain::deadline::Deadline;
use instinct::domain::field::FieldError;
use instinct::llm::sse::Parser;
use instinct::llm::{self, Chat, ChatModel, Finish, LlmError, structured};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the server may take to load its model on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(120);

/// The server, which ends with the test.
struct Server {
    child: Child,
    base: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where `make llm` puts the server and its model. Where they are missing the test fails: one that skips itself proves nothing.
fn file(name: &str) -> PathBuf {
    let runtime = std::env::var_os("INSTINCT_RUNTIME_DIR").map_or_else(|| project().join("runtime"), PathBuf::from);
    let path = runtime.join("llm").join(name);
    assert!(path.is_file(), "{} is missing: run `make llm`, which builds it in some minutes", path.display());
    path
}

async fn start() -> Server {
    let http = reqwest::Client::new();
    // Another process may take the port between our look and the start.
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(file("llama-server"));
        command.arg("--model").arg(file("SmolLM2-135M-Instruct.Q4_1.gguf")).args(["--alias", "smollm2", "--host", "127.0.0.1"]);
        command.args(["--port", &port.to_string(), "--ctx-size", "4096", "--parallel", "2", "--threads", "1", "--seed", "1"]);
        // On one thread, for several wait for one another by spinning, which is many times slower where other tests want the cores too.
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut server = Server { child, base: format!("http://127.0.0.1:{port}") };
        let since = Instant::now();
        while server.child.try_wait().unwrap().is_none() {
            if http.get(format!("{}/health", server.base)).send().await.is_ok_and(|response| response.status() == 200) {
                return server;
            }
            assert!(since.elapsed() < START_WITHIN, "the model was not loaded within {START_WITHIN:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    panic!("llama-server ended again and again instead of serving");
}

fn model(server: &Server, stream: bool) -> Arc<dyn ChatModel> {
    let config: llm::Config = serde_json::from_value(json!({
        "endpoints": [{
            "name": "smollm2", "base": format!("{}/v1", server.base), "model": "smollm2", "stream": stream,
            "prompt_usd_per_million": 1.0, "completion_usd_per_million": 3.0,
        }],
        "first_token_timeout_ms": 60_000, "token_gap_timeout_ms": 60_000,
    }))
    .unwrap();
    llm::open(&config).unwrap().unwrap()
}

fn in_time() -> Deadline {
    Deadline::after(Duration::from_secs(120))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opinion {
    direction: Direction,
    sure: bool,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Up,
    Down,
    Flat,
}

fn opinion_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"direction": {"type": "string", "enum": ["up", "down", "flat"]}, "sure": {"type": "boolean"}},
        "required": ["direction", "sure"],
        "additionalProperties": false,
    })
}

fn news() -> Chat {
    Chat::new("You judge what news does to a share price.", "Acme raises its dividend and its forecast.").with_max_tokens(48)
}

async fn a_chat_completes_with_its_tokens_and_its_cost(server: &Server) {
    for stream in [true, false] {
        let reply = model(server, stream).complete(&news(), in_time()).await.unwrap();
        let usage = reply.usage.unwrap();
        assert!(
            !reply.text.trim().is_empty() && usage.prompt_tokens > 10 && (1..=48).contains(&usage.completion_tokens),
            "{reply:?}"
        );
        let cost = (usage.prompt_tokens as f64 + 3.0 * usage.completion_tokens as f64) / 1e6;
        assert!((reply.cost_usd.unwrap() - cost).abs() < 1e-12);
        assert_eq!(reply.ttft.is_some(), stream);
        assert!(reply.ttft.is_none_or(|ttft| ttft < reply.took), "{reply:?}");
        assert!(usage.completion_tokens < 48 || reply.finish == Finish::Length, "{reply:?}");
    }
}

async fn a_stream_arrives_in_more_than_one_piece(server: &Server) {
    let body = json!({"messages": [{"role": "user", "content": "Count to ten."}], "max_tokens": 32, "stream": true});
    let response = reqwest::Client::new().post(format!("{}/v1/chat/completions", server.base)).json(&body).send().await.unwrap();
    let (mut bytes, mut parser, mut events, mut pieces) = (response.bytes_stream(), Parser::new(65_536, 65_536), Vec::new(), 0);
    while let Some(piece) = bytes.next().await {
        parser.feed(&piece.unwrap(), &mut events).unwrap();
        pieces += 1;
    }
    assert!(pieces > 1 && events.len() > 3, "{pieces} pieces with {} events", events.len());
    assert_eq!(events.last().unwrap().data, "[DONE]");
}

async fn an_answer_under_a_strict_schema_parses(server: &Server) {
    let chat = news().with_schema("opinion", opinion_schema());
    for stream in [true, false] {
        let found = structured::<Opinion>(&*model(server, stream), &chat, in_time(), |_| Ok(())).await.unwrap();
        assert!(!found.repaired && found.reply.finish == Finish::Stop, "{found:?}");
        let Opinion { direction, sure } = found.value;
        assert!([Direction::Up, Direction::Down, Direction::Flat].contains(&direction), "{direction:?} {sure}");
    }
}

async fn babble_is_unparsable_and_costs_two_calls(server: &Server) {
    let chat = Chat::new("You are a poet.", "Write about the sea.").with_max_tokens(24);
    let error = structured::<Opinion>(&*model(server, true), &chat, in_time(), |_| Ok(())).await.unwrap_err();
    let LlmError::Unparsable { answer, usage, .. } = &error else { panic!("{error:?}") };
    assert!(!answer.is_empty() && usage.unwrap().completion_tokens > 1, "{error:?}");
}

async fn a_check_that_no_answer_passes_is_unparsable_under_a_schema_too(server: &Server) {
    let never = |opinion: &Opinion| Err(FieldError::new("/sure", format!("{} is not what was asked", opinion.sure)));
    let chat = news().with_schema("opinion", opinion_schema());
    let error = structured::<Opinion>(&*model(server, true), &chat, in_time(), never).await.unwrap_err();
    assert!(error.to_string().contains("/sure"), "{error}");
}

async fn a_deadline_of_a_few_milliseconds_is_kept_and_the_next_call_is_answered(server: &Server) {
    let model = model(server, true);
    let long = Chat::new("", "Tell a long story. ".repeat(100)).with_max_tokens(512);
    for millis in [3, 30] {
        let began = Instant::now();
        let error = model.complete(&long, Deadline::after(Duration::from_millis(millis))).await.unwrap_err();
        let late = began.elapsed().saturating_sub(Duration::from_millis(millis));
        assert!(matches!(error, LlmError::DeadlinePassed { .. }) && late < Duration::from_millis(100), "{error}, {late:?} late");
    }
    assert!(model.complete(&news(), in_time()).await.is_ok());
}

async fn a_prompt_that_is_too_long_for_the_model_is_rejected_and_not_tried_again(server: &Server) {
    let error = model(server, true).complete(&Chat::new("", "word ".repeat(20_000)), in_time()).await.unwrap_err();
    assert!(matches!(error, LlmError::Rejected { status: 400, .. }), "{error}");
}

#[tokio::test]
async fn a_real_small_model_is_spoken_with() {
    let server = start().await;
    a_chat_completes_with_its_tokens_and_its_cost(&server).await;
    a_stream_arrives_in_more_than_one_piece(&server).await;
    an_answer_under_a_strict_schema_parses(&server).await;
    babble_is_unparsable_and_costs_two_calls(&server).await;
    a_check_that_no_answer_passes_is_unparsable_under_a_schema_too(&server).await;
    a_deadline_of_a_few_milliseconds_is_kept_and_the_next_call_is_answered(&server).await;
    a_prompt_that_is_too_long_for_the_model_is_rejected_and_not_tried_again(&server).await;
}
