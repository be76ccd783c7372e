//! The JSON of chat completions, as OpenAI's API reference has it and vLLM and llama.cpp speak it.
//!
//! Fields that are not known are passed over, for every server has some of its own.

use super::structured::beginning;
use super::{Chat, EndpointConfig, Finish, Usage};
use crate::limits::LLM_ANSWER_SHOWN_BYTES_MAX;
use serde::Deserialize;
use serde_json::{Value, json};

/// The body of a request.
pub(super) fn request_body(chat: &Chat, endpoint: &EndpointConfig) -> Value {
    let mut system = chat.system.clone();
    if let Some(schema) = chat.schema.as_ref().filter(|_| !endpoint.json_schema) {
        system.push_str("\n\nAnswer with JSON of this schema and nothing else:\n");
        system.push_str(&schema.schema.to_string());
    }
    let mut messages = Vec::with_capacity(4);
    if !system.is_empty() {
        messages.push(json!({"role": "system", "content": system}));
    }
    messages.push(json!({"role": "user", "content": chat.user}));
    if let Some(repair) = &chat.repair {
        let fault =
            format!("That answer can't be used: {}. Answer again, with the corrected JSON and nothing else.", repair.fault);
        messages.push(json!({"role": "assistant", "content": repair.answer}));
        messages.push(json!({"role": "user", "content": fault}));
    }
    let mut body = json!({
        "model": endpoint.model,
        "messages": messages,
        "max_tokens": chat.max_tokens,
        "temperature": chat.temperature,
        "stream": endpoint.stream,
    });
    if let Some(fields) = body.as_object_mut() {
        if endpoint.stream {
            fields.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
        if let Some(schema) = chat.schema.as_ref().filter(|_| endpoint.json_schema) {
            let named = json!({"name": schema.name, "schema": schema.schema, "strict": true});
            fields.insert("response_format".to_owned(), json!({"type": "json_schema", "json_schema": named}));
        }
    }
    body
}

/// One event of a stream, or a whole answer: the two differ in where the text is.
#[derive(Debug, Deserialize)]
pub(super) struct Completion {
    #[serde(default)]
    pub(super) model: Option<String>,
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<UsageCounts>,
    #[serde(default)]
    pub(super) error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    #[serde(default)]
    delta: Option<Piece>,
    #[serde(default)]
    message: Option<Piece>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Piece {
    #[serde(default)]
    pub(super) content: Option<String>,
    #[serde(default)]
    pub(super) refusal: Option<String>,
}

#[derive(Debug, Deserialize)]
struct UsageCounts {
    prompt_tokens: u64,
    /// Missing where nothing was written.
    #[serde(default)]
    completion_tokens: u64,
}

/// What an answer has said so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) text: String,
    pub(super) refusal: String,
    pub(super) finish: Option<Finish>,
    pub(super) usage: Option<Usage>,
    pub(super) model: Option<String>,
}

impl Gathered {
    /// Adds an event or a whole answer. Only the first choice counts, for one is all that was asked for.
    pub(super) fn add(&mut self, completion: Completion) {
        if let Some(usage) = completion.usage {
            self.usage = Some(Usage { prompt_tokens: usage.prompt_tokens, completion_tokens: usage.completion_tokens });
        }
        self.model = self.model.take().or(completion.model);
        for choice in completion.choices.into_iter().flatten().filter(|choice| choice.index == 0) {
            if let Some(piece) = choice.delta.or(choice.message) {
                self.text.push_str(&piece.content.unwrap_or_default());
                self.refusal.push_str(&piece.refusal.unwrap_or_default());
            }
            if let Some(reason) = choice.finish_reason {
                self.finish = Some(match reason.as_str() {
                    "stop" => Finish::Stop,
                    "length" => Finish::Length,
                    "content_filter" => Finish::ContentFilter,
                    _ => Finish::Other,
                });
            }
        }
    }
}

/// What an error's body says, in one line. Servers differ in its shape, and the `code` in it is a string, a number or null.
pub(super) fn error_detail(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let said = serde_json::from_slice::<Value>(body).ok().and_then(|value| {
        let inner = value.get("error").unwrap_or(&value);
        let message =
            [inner.get("message"), inner.get("detail"), Some(inner)].into_iter().flatten().find_map(Value::as_str)?.to_owned();
        Some(match inner.get("code") {
            Some(Value::String(code)) => format!("{message} (code {code})"),
            Some(Value::Number(code)) => format!("{message} (code {code})"),
            _ => message,
        })
    });
    let line = said.unwrap_or_else(|| text.into_owned()).split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "it said nothing".to_owned() } else { beginning(&line, LLM_ANSWER_SHOWN_BYTES_MAX).to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_errors_of_each_server_read_as_one_line() {
        for (body, said) in [
            (
                r#"{"error":{"message":"Invalid key","type":"auth","param":null,"code":"invalid_api_key"}}"#,
                "Invalid key (code invalid_api_key)",
            ),
            (r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#, "Loading model (code 503)"),
            (
                r#"{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}"#,
                "too long (code 400)",
            ),
            (r#"{"error":"model not found"}"#, "model not found"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (r#"{"error":{"message":"slow down","code":null}}"#, "slow down"),
            (r#"{"detail":[{"loc":["body"]}]}"#, r#"{"detail":[{"loc":["body"]}]}"#),
            ("<html>\n <h1>502 Bad Gateway</h1>", "<html> <h1>502 Bad Gateway</h1>"),
            ("", "it said nothing"),
        ] {
            assert_eq!(error_detail(body.as_bytes()), said);
        }
    }

    proptest! {
        #[test]
        fn any_body_reads_as_a_short_line(body in prop::collection::vec(any::<u8>(), 0..4_000)) {
            let line = error_detail(&body);
            prop_assert!(!line.is_empty() && line.len() <= LLM_ANSWER_SHOWN_BYTES_MAX && !line.contains('\n'));
        }
    }
}
