//! What every chat model must do, whatever it is made of.

use super::faults::{self, Server};
use super::{Chat, ChatModel, Finish, LlmError, Recorded, Recorder, Reply, Usage, structured};
use crate::domain::deadline::Deadline;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

fn passed() -> Deadline {
    Deadline::after(Duration::ZERO)
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Opinion {
    signal: f64,
}

fn opinion_chat(user: &str) -> Chat {
    Chat::new("You judge news.", user).with_schema("opinion", json!({"type": "object"}))
}

/// The contract: whoever is behind `model` answers with the user's own words, refuses "refuse", babbles at "babble", and repairs "repair".
async fn hold(model: Arc<dyn ChatModel>) {
    a_reply_tells_its_text_its_tokens_its_cost_and_who_wrote_it(&*model).await;
    the_same_chat_has_the_same_answer_and_another_has_its_own(&*model).await;
    a_deadline_that_has_passed_is_refused(&*model).await;
    a_chat_out_of_bounds_is_refused(&*model).await;
    a_refusal_is_an_error_and_stays_one(&*model).await;
    many_chats_at_once_each_have_their_own_answer(model.clone()).await;
    structured_answers_are_read_repaired_or_refused(&*model).await;
}

async fn a_reply_tells_its_text_its_tokens_its_cost_and_who_wrote_it(model: &dyn ChatModel) {
    let reply = model.complete(&Chat::new("", "Zürich 東京 \u{1F680} \"quoted\"\n"), soon()).await.unwrap();
    let Reply { took, ttft, .. } = reply;
    assert!(ttft.unwrap() <= took && took < Duration::from_secs(10));
    let usage = Some(Usage { prompt_tokens: 1_000, completion_tokens: 200 });
    let expected = Reply {
        text: "Zürich 東京 \u{1F680} \"quoted\"\n".to_owned(),
        finish: Finish::Stop,
        usage,
        cost_usd: Some(0.004),
        endpoint: "one".to_owned(),
        model: "m-1".to_owned(),
        took,
        ttft,
    };
    assert_eq!(reply, expected);
}

async fn the_same_chat_has_the_same_answer_and_another_has_its_own(model: &dyn ChatModel) {
    for _ in 0..3 {
        assert_eq!(model.complete(&Chat::new("s", "a"), soon()).await.unwrap().text, "a");
        assert_eq!(model.complete(&Chat::new("s", "b"), soon()).await.unwrap().text, "b");
    }
}

async fn a_deadline_that_has_passed_is_refused(model: &dyn ChatModel) {
    let error = model.complete(&Chat::new("s", "a"), passed()).await.unwrap_err();
    assert!(matches!(error, LlmError::DeadlinePassed { .. }), "{error}");
}

async fn a_chat_out_of_bounds_is_refused(model: &dyn ChatModel) {
    let good = Chat::new("s", "a");
    for bad in [
        Chat { max_tokens: 0, ..good.clone() },
        Chat { temperature: f32::NAN, ..good.clone() },
        Chat { temperature: -0.1, ..good.clone() },
        Chat { user: "x".repeat(2_000_000), ..good.clone() },
        good.clone().with_schema("two words", json!({})),
        good.clone().with_schema("list", json!([])),
    ] {
        let error = model.complete(&bad, soon()).await.unwrap_err();
        assert!(matches!(error, LlmError::BadChat { .. }), "{error}");
    }
}

async fn a_refusal_is_an_error_and_stays_one(model: &dyn ChatModel) {
    for _ in 0..2 {
        let error = model.complete(&Chat::new("s", "refuse"), soon()).await.unwrap_err();
        let expected = LlmError::Rejected { endpoint: "one".into(), status: 400, detail: "no (code 400)".into() };
        assert_eq!(error, expected);
    }
}

async fn many_chats_at_once_each_have_their_own_answer(model: Arc<dyn ChatModel>) {
    let asked = (0..40).map(|number| {
        let model = model.clone();
        tokio::spawn(async move { model.complete(&Chat::new("s", format!("number {number}")), soon()).await.unwrap().text })
    });
    for (number, asked) in asked.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(asked.await.unwrap(), format!("number {number}"));
    }
}

async fn structured_answers_are_read_repaired_or_refused(model: &dyn ChatModel) {
    let read = async |user: &str| structured::<Opinion>(model, &opinion_chat(user), soon(), |_| Ok(())).await;
    let found = read(" {\"signal\": 0.5}\n").await.unwrap();
    assert_eq!((found.value, found.repaired), (Opinion { signal: 0.5 }, false));
    let repaired = read("repair").await.unwrap();
    assert_eq!((repaired.value, repaired.repaired), (Opinion { signal: -1.0 }, true));
    assert_eq!(repaired.reply.usage.unwrap().prompt_tokens, 2_000);
    assert!(matches!(read("babble").await, Err(LlmError::Unparsable { usage: Some(_), cost_usd: Some(_), .. })));
}

/// A server that keeps the contract.
async fn server() -> Server {
    Server::start(|_, seen| {
        let messages = seen.body["messages"].as_array().unwrap();
        let users: Vec<&str> = messages.iter().filter(|m| m["role"] == "user").map(|m| m["content"].as_str().unwrap()).collect();
        match users.as_slice() {
            ["refuse"] => faults::json_response(400, &json!({"error": {"message": "no", "code": 400}})),
            ["repair", _] => faults::answer("{\"signal\": -1}"),
            [first, ..] => faults::answer(first),
            [] => panic!("a chat without words"),
        }
    })
    .await
}

async fn router(server: &Server) -> Arc<dyn ChatModel> {
    super::open(&faults::config(vec![server.endpoint("one")])).unwrap().unwrap()
}

#[tokio::test]
async fn models_over_http_keep_the_contract() {
    let server = server().await;
    hold(router(&server).await).await;
}

#[tokio::test]
async fn a_recorder_keeps_it_and_so_does_what_it_recorded() {
    let (server, folder) = (server().await, tempfile::tempdir().unwrap());
    let path = folder.path().join("chats.ndjson");
    hold(Arc::new(Recorder::create(&path, router(&server).await).unwrap())).await;
    let asked = server.seen().len();
    hold(Arc::new(Recorded::open(&path).unwrap())).await;
    assert_eq!(server.seen().len(), asked, "the twin asks nobody");
}
