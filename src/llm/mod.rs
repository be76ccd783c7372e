//! Chat to answer: the seam to language models.
//!
//! One [`Chat`] goes in, one whole [`Reply`] comes out, by its deadline. The model is behind any server that speaks the chat completions
//! of OpenAI over HTTP, such as vLLM; several servers are tried in order. Its twin replays what was recorded ([`Recorded`]) and is held to
//! the same contract. [`structured()`] makes a typed value of an answer, or says honestly that there is none.
//!
//! # Invariants
//!
//! - Whatever a server does, a call ends by its deadline, with a reply or with an error that says what happened.
//! - An answer is whole or it is an error: a stream that ends before its mark of the end is never taken for an answer.
//! - Only what may be gone a moment later is tried again, a bounded number of times, after a random wait. An answer is only ever read, so
//!   to ask twice changes nothing but the cost.
//! - An endpoint that keeps failing is left alone for a while (its breaker opens) and costs a call nothing until it answers again.
//! - A key is never in a log, an error, a recording or a `Debug`.
//! - What a server did not tell, such as how many tokens it took, is `None` and never a guess.
//!
//! The timers are those of the caller's tokio runtime, and so are the connections: a call from a runtime that has ended leaves a
//! connection behind that the next call finds closed and opens anew.

mod backoff;
mod breaker;
mod chat;
mod config;
#[cfg(test)]
mod contract;
mod endpoint;
mod error;
#[cfg(test)]
mod faults;
#[cfg(fuzzing)]
pub mod fuzz;
mod http;
mod key;
mod recorded;
mod router;
pub mod sse;
mod structured;
#[cfg(test)]
mod tests;
mod wire;

pub use breaker::{Breaker, Leave, Sign, State};
pub use chat::{Chat, Finish, Repair, Reply, Schema, Usage};
pub use config::{BreakerConfig, Config, EndpointConfig, OpenError};
pub use error::{LlmError, Waiting};
pub use recorded::{Recorded, Recorder, RecordingError};
pub use structured::{Structured, structured};

use crate::domain::deadline::Deadline;
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;

/// A language model that answers one chat at a time.
#[async_trait]
pub trait ChatModel: Send + Sync + fmt::Debug {
    /// Answers `chat` by `deadline`. The future may be dropped at any await point, which ends the call at the server too.
    ///
    /// # Errors
    /// [`LlmError`]; what it says of each cause is all there is.
    async fn complete(&self, chat: &Chat, deadline: Deadline) -> Result<Reply, LlmError>;
}

/// Opens what `config` names: its endpoints, a recording, or nothing where it names neither.
///
/// # Errors
/// [`OpenError`], which names the field.
pub fn open(config: &Config) -> Result<Option<Arc<dyn ChatModel>>, OpenError> {
    config.check()?;
    if let Some(path) = &config.replay {
        return Ok(Some(Arc::new(Recorded::open(path).map_err(|error| OpenError::recording("replay", error))?)));
    }
    if config.endpoints.is_empty() {
        return Ok(None);
    }
    let router: Arc<dyn ChatModel> = Arc::new(router::Router::open(config)?);
    let Some(path) = &config.record else { return Ok(Some(router)) };
    Ok(Some(Arc::new(Recorder::create(path, router).map_err(|error| OpenError::recording("record", error))?)))
}
