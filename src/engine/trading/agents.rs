//! How one agent is run: by a language model, by its local path, or by whichever has something to say first.

use super::opinion::{Abstention, Opinion};
use crate::domain::deadline::Deadline;
use crate::domain::decision::{AgentOutcome, AgentReport, AgentSource};
use crate::llm::{Breaker, BreakerConfig, Leave, LlmError, Sign};
use crate::telemetry::metrics;
use serde::{Deserialize, Serialize};
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// What is told of a model behind an open breaker, be it the agent's or that of every endpoint.
const LEFT_ALONE: &str = "the language model kept failing and is left alone for a while";

/// Which of an agent's two paths is taken, where there is a language model; without one there is the local path alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Paths {
    /// The local path alone.
    Local,
    /// The language model alone, also while it is left alone because it kept failing: the agent then has nothing to say.
    Llm,
    /// The language model; the local path where that has something to say and the model fails, can't tell, or is not done by the soft
    /// timeout.
    #[default]
    Fallback,
    /// Both at once; the first that has something to say.
    Race,
}

/// How an agent is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentConfig {
    /// Which path is taken.
    pub paths: Paths,
    /// Milliseconds after which what the local path says is taken in place of waiting on.
    pub soft_timeout_ms: u64,
    /// Milliseconds after which the agent is given up.
    pub hard_timeout_ms: u64,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self { paths: Paths::Fallback, soft_timeout_ms: 800, hard_timeout_ms: 1_500 }
    }
}

impl AgentConfig {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// The name of the first that is out of it, and the rule.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if !(1..=600_000).contains(&self.hard_timeout_ms) {
            return Err(("hard_timeout_ms", "it must be 1 to 600,000"));
        }
        if self.soft_timeout_ms > self.hard_timeout_ms {
            return Err(("soft_timeout_ms", "it must be at most the hard timeout"));
        }
        Ok(())
    }
}

/// Why a language model gave an agent nothing.
#[derive(Debug)]
pub(super) enum Silence {
    /// It says that it can't tell, and why.
    Abstained(String),
    /// It failed.
    Failed(LlmError),
}

/// What came of running an agent.
#[derive(Debug)]
pub(super) struct Heard<T> {
    pub value: Option<T>,
    pub source: AgentSource,
    pub outcome: AgentOutcome,
    /// Why there is no value.
    pub reason: String,
    pub took: Duration,
}

/// One agent with its breaker.
#[derive(Debug)]
pub(super) struct Agent {
    pub name: &'static str,
    pub config: AgentConfig,
    breaker: Breaker,
}

impl Agent {
    pub(super) fn new(name: &'static str, config: AgentConfig) -> Self {
        Self { name, config, breaker: Breaker::new(BreakerConfig::default()) }
    }

    /// The moment at which the agent is given up.
    pub(super) fn hard(&self, since: Instant, deadline: Deadline) -> Instant {
        (since + Duration::from_millis(self.config.hard_timeout_ms)).min(deadline.at())
    }

    /// Runs the agent. `local` is what its local path says, which takes no time worth counting; `model` asks the language model.
    pub(super) async fn run<T: Clone>(
        &self,
        (since, deadline): (Instant, Deadline),
        local: Result<T, Abstention>,
        model: Option<impl Future<Output = Result<T, Silence>>>,
    ) -> Heard<T> {
        let heard = self.listen((since, deadline), local, model).await;
        metrics::agent_heard(self.name, source_word(heard.source), outcome_word(heard.outcome));
        metrics::agent_breaker_state(self.name, self.breaker.state(Instant::now()).gauge());
        heard
    }

    async fn listen<T: Clone>(
        &self,
        (since, deadline): (Instant, Deadline),
        local: Result<T, Abstention>,
        model: Option<impl Future<Output = Result<T, Silence>>>,
    ) -> Heard<T> {
        let Some(model) = model.filter(|_| self.config.paths != Paths::Local) else {
            return heard(AgentSource::Local, local, since);
        };
        if self.config.paths == Paths::Race && local.is_ok() {
            return heard(AgentSource::Local, local, since);
        }
        let may_fall_back = self.config.paths != Paths::Llm;
        let Some(leave) = self.breaker.admit(since) else {
            if may_fall_back {
                return heard(AgentSource::Local, local, since);
            }
            return silent(AgentOutcome::Error, LEFT_ALONE.to_owned(), since);
        };
        let call = Call { breaker: &self.breaker, leave, sign: Sign::Unknown };
        let mut model = pin!(model);
        let (hard, patience) = (self.hard(since, deadline), since + Duration::from_millis(self.config.soft_timeout_ms));
        let soft = patience.min(hard);
        let said = tokio::select! {
            biased;
            said = &mut model => Some(said),
            () = sleep_until(soft.into()), if may_fall_back && local.is_ok() => None,
            () = sleep_until(hard.into()) => None,
        };
        call.end(sign(said.as_ref(), hard >= patience));
        match said {
            Some(Ok(value)) => heard(AgentSource::Llm, Ok(value), since),
            Some(Err(Silence::Abstained(reason))) if !(may_fall_back && local.is_ok()) => {
                heard(AgentSource::Llm, Err(Abstention::new(reason)), since)
            }
            _ if may_fall_back && local.is_ok() => heard(AgentSource::Local, local, since),
            Some(Err(Silence::Failed(LlmError::DeadlinePassed { .. } | LlmError::TooSlow { .. }))) | None => {
                silent(AgentOutcome::Timeout, "the language model was not done in time".to_owned(), since)
            }
            Some(Err(Silence::Failed(LlmError::AllBroken { .. }))) => silent(AgentOutcome::Error, LEFT_ALONE.to_owned(), since),
            Some(Err(Silence::Failed(error))) => {
                tracing::warn!(agent = self.name, %error, "the language model of an agent failed");
                silent(AgentOutcome::Error, "the language model failed".to_owned(), since)
            }
            Some(Err(Silence::Abstained(reason))) => heard(AgentSource::Llm, Err(Abstention::new(reason)), since),
        }
    }
}

/// A call of a language model. Where it is dropped on the way, the breaker has its leave back: a probe that nobody ends would keep the
/// agent from its model for ever.
struct Call<'a> {
    breaker: &'a Breaker,
    leave: Leave,
    sign: Sign,
}

impl Call<'_> {
    fn end(mut self, sign: Sign) {
        self.sign = sign;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.breaker.settle(&self.leave, self.sign, Instant::now());
    }
}

/// What an end says of the model's health. `patient` is whether it had its soft timeout: that a question in a hurry ended first says
/// nothing of the model.
fn sign<T>(said: Option<&Result<T, Silence>>, patient: bool) -> Sign {
    let failed = if patient { Sign::Failed } else { Sign::Unknown };
    match said {
        Some(Ok(_) | Err(Silence::Abstained(_))) => Sign::Answered,
        None | Some(Err(Silence::Failed(LlmError::DeadlinePassed { .. }))) => failed,
        Some(Err(Silence::Failed(LlmError::BadChat { .. } | LlmError::Overloaded { .. } | LlmError::NotRecorded { .. }))) => {
            Sign::Unknown
        }
        Some(Err(Silence::Failed(_))) => Sign::Failed,
    }
}

fn source_word(source: AgentSource) -> &'static str {
    match source {
        AgentSource::Llm => "llm",
        AgentSource::Local => "local",
    }
}

fn outcome_word(outcome: AgentOutcome) -> &'static str {
    match outcome {
        AgentOutcome::Ok => "ok",
        AgentOutcome::Timeout => "timeout",
        AgentOutcome::Error => "error",
        AgentOutcome::Abstained => "abstained",
    }
}

fn heard<T>(source: AgentSource, said: Result<T, Abstention>, since: Instant) -> Heard<T> {
    let (value, outcome, reason) = match said {
        Ok(value) => (Some(value), AgentOutcome::Ok, String::new()),
        Err(abstention) => (None, AgentOutcome::Abstained, abstention.reason),
    };
    Heard { value, source, outcome, reason, took: since.elapsed() }
}

fn silent<T>(outcome: AgentOutcome, reason: String, since: Instant) -> Heard<T> {
    Heard { value: None, source: AgentSource::Llm, outcome, reason, took: since.elapsed() }
}

impl<T> Heard<T> {
    /// The agent's part of the decision.
    pub(super) fn report(&self, name: &str, opinion: impl FnOnce(&T) -> Opinion) -> AgentReport {
        let silent = || Opinion { signal: 0, conviction: 0.0, reasoning: self.reason.clone() };
        let Opinion { signal, conviction, reasoning } = self.value.as_ref().map_or_else(silent, opinion);
        AgentReport {
            name: name.to_owned(),
            signal,
            conviction,
            reasoning,
            source: self.source,
            latency_ms: u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            outcome: self.outcome,
        }
    }
}

#[cfg(test)]
mod tests;
