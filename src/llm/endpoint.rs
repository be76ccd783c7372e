//! One endpoint: whose turn it is, whether its breaker lets a call through, and what became of a try.

use super::breaker::{Breaker, Leave, Sign};
use super::http::{Answer, Asking};
use super::key::ApiKey;
use super::{Chat, Config, EndpointConfig, LlmError, OpenError, Usage, Waiting};
use crate::domain::deadline::Deadline;
use crate::limits::LLM_REST_SEC_MAX;
use crate::telemetry::metrics;
use parking_lot::Mutex;
use reqwest::Url;
use reqwest::header::HeaderValue;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// One server with what is known of its health.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) config: EndpointConfig,
    pub(super) url: Url,
    pub(super) client: reqwest::Client,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) first_token_timeout: Duration,
    pub(super) token_gap_timeout: Duration,
    key: Option<ApiKey>,
    breaker: Breaker,
    /// How long a try must have had so that it counts when it is cut short.
    slow: Duration,
    slots: Semaphore,
    waiting: AtomicUsize,
    /// The moment until which the server asked to be left alone.
    resting_until: Mutex<Option<Instant>>,
}

impl Endpoint {
    pub(super) fn open(config: &Config, at: usize, client: reqwest::Client) -> Result<Self, OpenError> {
        let Some(own) = config.endpoints.get(at).cloned() else { return Err(OpenError::setting("endpoints", "there is none")) };
        let field = |name: &str| format!("endpoints[{at}].{name}");
        let url = own.url().map_err(|detail| OpenError::setting(field("base"), detail))?;
        let key = match (&own.api_key_file, &own.api_key_env) {
            (Some(path), _) => Some(ApiKey::from_file(path).map_err(|detail| OpenError::setting(field("api_key_file"), detail))?),
            (None, Some(name)) => {
                Some(ApiKey::from_env(name).map_err(|detail| OpenError::setting(field("api_key_env"), detail))?)
            }
            (None, None) => None,
        };
        let endpoint = Self {
            url,
            client,
            authorization: key.as_ref().and_then(ApiKey::header),
            key,
            first_token_timeout: Duration::from_millis(config.first_token_timeout_ms),
            token_gap_timeout: Duration::from_millis(config.token_gap_timeout_ms),
            breaker: Breaker::new(config.breaker),
            slow: Duration::from_millis(config.breaker.slow_ms),
            slots: Semaphore::new(own.concurrency_max),
            waiting: AtomicUsize::new(0),
            resting_until: Mutex::new(None),
            config: own,
        };
        endpoint.tell_breaker();
        Ok(endpoint)
    }

    /// How long its breaker keeps it closed to calls; nothing where one may go through.
    pub(super) fn broken_for(&self) -> Duration {
        self.breaker.closed_for(Instant::now())
    }

    /// How long it still asked to be left alone.
    pub(super) fn rests_for(&self) -> Duration {
        self.resting_until.lock().map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// What a server said, on one line and without the key.
    pub(super) fn without_key(&self, text: String) -> String {
        self.key.as_ref().map_or_else(|| text.clone(), |key| key.hidden_in(&text))
    }

    /// Makes one try. `None` where its breaker closed in the last moment.
    pub(super) async fn attempt(&self, chat: &Chat, deadline: Deadline) -> Option<Result<Answer, LlmError>> {
        let came = Instant::now();
        let _turn = match self.turn(deadline).await {
            Ok(turn) => turn,
            Err(error) => {
                metrics::llm::try_ended(&self.config.name, error.as_str(), came.elapsed());
                return Some(Err(error));
            }
        };
        let leave = self.breaker.admit(Instant::now())?;
        self.tell_breaker();
        let attempt = Attempt { endpoint: self, leave, began: Instant::now(), settled: false };
        let result = Asking::new(self, deadline).ask(chat).await;
        if let Err(
            LlmError::RateLimited { retry_after_ms: Some(millis), .. }
            | LlmError::Unavailable { retry_after_ms: Some(millis), .. },
        ) = &result
        {
            let rest = Duration::from_millis(*millis).min(Duration::from_secs(LLM_REST_SEC_MAX));
            *self.resting_until.lock() = Some(Instant::now() + rest);
        }
        attempt.end(&result);
        Some(result)
    }

    /// Waits until fewer calls than may be are under way.
    async fn turn(&self, deadline: Deadline) -> Result<SemaphorePermit<'_>, LlmError> {
        if let Ok(turn) = self.slots.try_acquire() {
            return Ok(turn);
        }
        let queue = Queue::enter(&self.waiting);
        if queue.place > self.config.waiting_max {
            return Err(LlmError::Overloaded { endpoint: self.config.name.clone(), waiting_max: self.config.waiting_max });
        }
        match tokio::time::timeout_at(deadline.at().into(), self.slots.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            // The semaphore is never closed, so the other case is the deadline alone.
            Ok(Err(_)) | Err(_) => Err(LlmError::DeadlinePassed { waiting: Waiting::Turn }),
        }
    }

    /// What so many tokens cost here.
    pub(super) fn cost(&self, usage: Usage) -> Option<f64> {
        let (prompt, completion) = self.config.prompt_usd_per_million.zip(self.config.completion_usd_per_million)?;
        Some((usage.prompt_tokens as f64 * prompt + usage.completion_tokens as f64 * completion) / 1e6)
    }

    fn tell_breaker(&self) {
        metrics::llm::breaker_state(&self.config.name, self.breaker.state(Instant::now()).gauge());
    }

    #[cfg(test)]
    pub(super) fn state(&self) -> super::State {
        self.breaker.state(Instant::now())
    }
}

/// A place in the queue of an endpoint, given up however the wait ends.
struct Queue<'a> {
    waiting: &'a AtomicUsize,
    place: usize,
}

impl<'a> Queue<'a> {
    fn enter(waiting: &'a AtomicUsize) -> Self {
        Self { waiting, place: waiting.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A try under way. Where its caller goes away it is dropped, and the breaker learns of that too.
struct Attempt<'a> {
    endpoint: &'a Endpoint,
    leave: Leave,
    began: Instant,
    settled: bool,
}

impl Attempt<'_> {
    fn end(mut self, result: &Result<Answer, LlmError>) {
        let sign = match result {
            Ok(_) => Sign::Answered,
            Err(LlmError::DeadlinePassed { .. }) => self.cut_short(),
            Err(
                LlmError::TooSlow { .. } | LlmError::Unavailable { .. } | LlmError::BrokenOff { .. } | LlmError::Protocol { .. },
            ) => Sign::Failed,
            Err(LlmError::RateLimited { .. } | LlmError::Rejected { .. } | LlmError::Declined { .. }) => Sign::Answered,
            Err(
                LlmError::BadChat { .. }
                | LlmError::Overloaded { .. }
                | LlmError::AllBroken { .. }
                | LlmError::Unparsable { .. }
                | LlmError::NotRecorded { .. },
            ) => Sign::Unknown,
        };
        self.settle(sign, result.as_ref().map_or_else(LlmError::as_str, |_| "answered"));
    }

    /// A caller in a hurry says nothing about the endpoint; one who was patient does.
    fn cut_short(&self) -> Sign {
        if self.began.elapsed() >= self.endpoint.slow { Sign::Failed } else { Sign::Unknown }
    }

    fn settle(&mut self, sign: Sign, outcome: &'static str) {
        self.settled = true;
        self.endpoint.breaker.settle(&self.leave, sign, Instant::now());
        self.endpoint.tell_breaker();
        metrics::llm::try_ended(&self.endpoint.config.name, outcome, self.began.elapsed());
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(self.cut_short(), "abandoned");
        }
    }
}
