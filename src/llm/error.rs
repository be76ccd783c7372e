//! Why there is no answer.

use super::Usage;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why there is no answer. None of it holds a key or the prompt.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LlmError {
    /// The chat is out of its bounds and was sent to nobody.
    #[error("the chat can't be sent: {detail}")]
    BadChat {
        /// What is wrong with it.
        detail: String,
    },
    /// The deadline passed before the answer was whole.
    #[error("the deadline passed while the call waited for {waiting}")]
    DeadlinePassed {
        /// For what it waited.
        waiting: Waiting,
    },
    /// An endpoint took longer than its own limit; the deadline had not passed.
    #[error("endpoint {endpoint} was too slow: no {waiting} within {limit_ms} ms")]
    TooSlow {
        /// Which one.
        endpoint: String,
        /// For what the call waited.
        waiting: Waiting,
        /// The limit.
        limit_ms: u64,
    },
    /// As many calls as may wait for an endpoint do so already.
    #[error("endpoint {endpoint} is overloaded: {waiting_max} calls wait already")]
    Overloaded {
        /// Which one.
        endpoint: String,
        /// How many may wait.
        waiting_max: usize,
    },
    /// The breakers of all endpoints are open, so none was asked.
    #[error("no endpoint is asked for now, for they kept failing; the next is tried in {retry_in_ms} ms")]
    AllBroken {
        /// When the first breaker lets a call through again.
        retry_in_ms: u64,
    },
    /// No connection came about, or the server failed.
    #[error("endpoint {endpoint} is not available: {detail}")]
    Unavailable {
        /// Which one.
        endpoint: String,
        /// The HTTP status, where there was one.
        status: Option<u16>,
        /// What it said.
        detail: String,
        /// How long it asked to be left alone.
        retry_after_ms: Option<u64>,
    },
    /// The server wants fewer calls.
    #[error("endpoint {endpoint} wants fewer calls: {detail}")]
    RateLimited {
        /// Which one.
        endpoint: String,
        /// What it said.
        detail: String,
        /// How long it asked to be left alone.
        retry_after_ms: Option<u64>,
    },
    /// The server refused the call, and would refuse it again: a bad key, an unknown model, a prompt that is too long.
    #[error("endpoint {endpoint} refused the call with status {status}: {detail}")]
    Rejected {
        /// Which one.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        detail: String,
    },
    /// What came back is not the protocol.
    #[error("endpoint {endpoint} does not speak the protocol: {detail}")]
    Protocol {
        /// Which one.
        endpoint: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The answer broke off before its end.
    #[error("the answer of endpoint {endpoint} broke off: {detail}")]
    BrokenOff {
        /// Which one.
        endpoint: String,
        /// How.
        detail: String,
    },
    /// The model will not answer this.
    #[error("the model at endpoint {endpoint} declined: {detail}")]
    Declined {
        /// Which one.
        endpoint: String,
        /// Its words.
        detail: String,
    },
    /// The answer is not the JSON that was asked for, nor was the second one.
    #[error("the model's answer can't be used: {detail}")]
    Unparsable {
        /// What is wrong with it.
        detail: String,
        /// How it begins.
        answer: String,
        /// The tokens that it took all the same, where they are known.
        usage: Option<Usage>,
        /// What it cost all the same, where that is known.
        cost_usd: Option<f64>,
    },
    /// The recording has no such chat.
    #[error("this chat was not recorded (request {request}): record it again")]
    NotRecorded {
        /// The hash that was looked for.
        request: String,
    },
}

/// For what a call waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// Its turn at an endpoint that has as many calls as it may.
    Turn,
    /// The connection and the head of the answer.
    Response,
    /// The first piece of the text.
    FirstToken,
    /// A further piece, or the end.
    NextToken,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Turn => "its turn",
            Self::Response => "a response",
            Self::FirstToken => "the first token",
            Self::NextToken => "the next token",
        })
    }
}

impl LlmError {
    /// A word for each cause, for metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::BadChat { .. } => "bad_chat",
            Self::DeadlinePassed { .. } => "deadline",
            Self::TooSlow { .. } => "too_slow",
            Self::Overloaded { .. } => "overloaded",
            Self::AllBroken { .. } => "all_broken",
            Self::Unavailable { .. } => "unavailable",
            Self::RateLimited { .. } => "rate_limited",
            Self::Rejected { .. } => "rejected",
            Self::Protocol { .. } => "protocol",
            Self::BrokenOff { .. } => "broken_off",
            Self::Declined { .. } => "declined",
            Self::Unparsable { .. } => "unparsable",
            Self::NotRecorded { .. } => "not_recorded",
        }
    }
}
