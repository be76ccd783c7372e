//! What a model is asked and what it answers.

use super::LlmError;
use crate::limits::{LLM_ANSWER_TOKENS_MAX, LLM_PROMPT_BYTES_MAX};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a model is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// Who the model is and what it must do.
    pub system: String,
    /// What it is asked now.
    pub user: String,
    /// The shape that the answer must have; without one it is free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// Tokens that the answer may have, 1 to [`LLM_ANSWER_TOKENS_MAX`].
    pub max_tokens: u32,
    /// How freely the next token is drawn, 0 to 2; at 0 it is the likeliest one.
    pub temperature: f32,
    /// The answer that could not be used, where this asks for a better one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
}

/// A JSON Schema under a name, which the protocol asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Letters, digits, `_` and `-`, at most 64 of them.
    pub name: String,
    /// The schema. Servers in strict mode want `additionalProperties: false` and every property `required`.
    pub schema: serde_json::Value,
}

/// An answer that could not be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// What the model had answered.
    pub answer: String,
    /// What it is told about that.
    pub fault: String,
}

impl Chat {
    /// A chat for free text of at most 1,024 tokens, at temperature 0.
    pub fn new(system: impl Into<String>, user: impl Into<String>) -> Self {
        Self { system: system.into(), user: user.into(), schema: None, max_tokens: 1_024, temperature: 0.0, repair: None }
    }

    /// Asks for JSON of this schema.
    #[must_use]
    pub fn with_schema(mut self, name: impl Into<String>, schema: serde_json::Value) -> Self {
        self.schema = Some(Schema { name: name.into(), schema });
        self
    }

    /// Lets the answer have so many tokens.
    #[must_use]
    pub fn with_max_tokens(mut self, max_tokens: u32) -> Self {
        self.max_tokens = max_tokens;
        self
    }

    /// Refuses what no server should be sent.
    ///
    /// # Errors
    /// [`LlmError::BadChat`], which says what is wrong.
    pub fn check(&self) -> Result<(), LlmError> {
        let bad = |detail: String| Err(LlmError::BadChat { detail });
        let repair = self.repair.as_ref().map_or(0, |repair| repair.answer.len() + repair.fault.len());
        let bytes = self.system.len() + self.user.len() + repair;
        if bytes > LLM_PROMPT_BYTES_MAX {
            return bad(format!("the prompt has {bytes} bytes, and {LLM_PROMPT_BYTES_MAX} are the most"));
        }
        if !(1..=LLM_ANSWER_TOKENS_MAX).contains(&self.max_tokens) {
            return bad(format!("max_tokens is {}, and it must be 1 to {LLM_ANSWER_TOKENS_MAX}", self.max_tokens));
        }
        if !(0.0..=2.0).contains(&self.temperature) {
            return bad(format!("temperature is {}, and it must be 0 to 2", self.temperature));
        }
        match &self.schema {
            Some(schema) if !schema.name_is_good() => bad(format!("{:?} is no name of a schema", schema.name)),
            Some(schema) if !schema.schema.is_object() => bad(format!("the schema {} is not an object", schema.name)),
            _ => Ok(()),
        }
    }
}

impl Schema {
    fn name_is_good(&self) -> bool {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        (1..=64).contains(&self.name.len()) && self.name.bytes().all(good)
    }
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The text, as the model wrote it.
    pub text: String,
    /// Why it ended there.
    pub finish: Finish,
    /// The tokens that it took, where the server told.
    pub usage: Option<Usage>,
    /// What it cost by the prices of the endpoint, where those and the tokens are known.
    pub cost_usd: Option<f64>,
    /// Which endpoint answered.
    pub endpoint: String,
    /// The model, by the server's word for it.
    pub model: String,
    /// From the call to the end of the answer; tries that failed and waits between them included.
    #[serde(with = "micros", rename = "took_us")]
    pub took: Duration,
    /// From the call to the first piece of text, where it came in pieces.
    #[serde(with = "micros_or_none", rename = "ttft_us")]
    pub ttft: Option<Duration>,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model was done.
    Stop,
    /// It had [`Chat::max_tokens`] or its context was full: the text is cut.
    Length,
    /// The server held something back.
    ContentFilter,
    /// Something else.
    Other,
}

/// The tokens of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Tokens that the model read.
    pub prompt_tokens: u64,
    /// Tokens that it wrote.
    pub completion_tokens: u64,
}

impl Usage {
    /// The tokens of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            completion_tokens: self.completion_tokens.saturating_add(other.completion_tokens),
        }
    }
}

/// Durations as whole microseconds.
mod micros {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_micros)
    }
}

/// The same where there may be none.
mod micros_or_none {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(took: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        took.map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX)).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_micros))
    }
}
