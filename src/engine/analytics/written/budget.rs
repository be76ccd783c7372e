//! What one question may cost: calls and tokens, counted for all that ask the model on its behalf, and no wait beyond the deadline.

use crate::domain::deadline::Deadline;
use crate::llm::{Chat, ChatModel, LlmError, Reply, Waiting};
use async_trait::async_trait;
use parking_lot::Mutex;
use serde::Serialize;

/// Bytes of a prompt for one token: few for a model of English, so that the count is rather too high.
const BYTES_PER_TOKEN: usize = 3;

/// What was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Spent {
    /// Calls to the model, repairs included.
    pub calls: u32,
    /// Tokens read and written; estimated from above where the server does not tell.
    pub tokens: u64,
    /// Whether something was left out because the budget was used up.
    pub used_up: bool,
}

/// A model that stops answering once a budget is used up.
#[derive(Debug)]
pub(super) struct Metered<'m> {
    model: &'m dyn ChatModel,
    calls_max: u32,
    tokens_max: u64,
    spent: Mutex<Spent>,
}

impl<'m> Metered<'m> {
    pub(super) fn new(model: &'m dyn ChatModel, calls_max: u32, tokens_max: u64) -> Self {
        Self { model, calls_max, tokens_max, spent: Mutex::default() }
    }

    pub(super) fn spent(&self) -> Spent {
        *self.spent.lock()
    }

    /// Sets aside what a call may cost at most; tells how much, or nothing where the budget has no room for it.
    fn reserve(&self, chat: &Chat) -> Option<u64> {
        let repair = chat.repair.as_ref().map_or(0, |repair| repair.answer.len() + repair.fault.len());
        let schema = chat.schema.as_ref().map_or(0, |schema| schema.schema.to_string().len());
        let bytes = chat.system.len() + chat.user.len() + repair + schema;
        let most = (bytes / BYTES_PER_TOKEN) as u64 + u64::from(chat.max_tokens);
        let mut spent = self.spent.lock();
        if spent.calls >= self.calls_max || spent.tokens.saturating_add(most) > self.tokens_max {
            spent.used_up = true;
            return None;
        }
        spent.calls += 1;
        spent.tokens += most;
        Some(most)
    }
}

#[async_trait]
impl ChatModel for Metered<'_> {
    async fn complete(&self, chat: &Chat, deadline: Deadline) -> Result<Reply, LlmError> {
        let Some(most) = self.reserve(chat) else {
            return Err(LlmError::BadChat { detail: "the budget of the question is used up".to_owned() });
        };
        let answer = tokio::time::timeout_at(deadline.at().into(), self.model.complete(chat, deadline)).await;
        let reply = answer.unwrap_or(Err(LlmError::DeadlinePassed { waiting: Waiting::Response }))?;
        if let Some(usage) = reply.usage {
            let mut spent = self.spent.lock();
            spent.tokens = spent.tokens.saturating_sub(most).saturating_add(usage.prompt_tokens + usage.completion_tokens);
        }
        Ok(reply)
    }
}
