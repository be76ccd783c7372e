//! Which endpoint is asked, and which next: by order, by weight within an order, past those that fail, and round again after a wait.

use super::backoff::{full_jitter, weighted};
use super::endpoint::Endpoint;
use super::http::{Answer, Next};
use super::{Chat, ChatModel, Config, LlmError, OpenError, Reply, Waiting};
use crate::domain::deadline::Deadline;
use crate::telemetry::metrics;
use async_trait::async_trait;
use std::time::{Duration, Instant};

/// How long an idle connection is kept. Servers commonly close theirs after a minute or more.
const IDLE_CONNECTION: Duration = Duration::from_secs(50);

/// All endpoints, behind one client that keeps their connections.
#[derive(Debug)]
pub(super) struct Router {
    endpoints: Vec<Endpoint>,
    attempts_max: u32,
    backoff_base: Duration,
    backoff_cap: Duration,
}

/// What a call has been through.
struct Course {
    /// Not asked again in this call.
    given_up: Vec<bool>,
    /// Not asked again in this round.
    tried: Vec<bool>,
    attempts: u32,
    rounds: u32,
    last: Option<LlmError>,
}

impl Router {
    /// Reads the keys and makes the client; connects to nobody.
    pub(super) fn open(config: &Config) -> Result<Self, OpenError> {
        let mut client = reqwest::Client::builder()
            .user_agent(concat!("instinct/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_millis(config.connect_timeout_ms))
            .pool_idle_timeout(IDLE_CONNECTION)
            // A key goes to the server that it is for and to no other.
            .redirect(reqwest::redirect::Policy::none());
        if config.endpoints.iter().all(|endpoint| endpoint.base.starts_with("http://")) {
            // Without TLS no certificates are needed, which a container may not even have.
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(|error| OpenError::Client { detail: error.to_string() })?;
        let open = |at| Endpoint::open(config, at, client.clone());
        Ok(Self {
            endpoints: (0..config.endpoints.len()).map(open).collect::<Result<_, _>>()?,
            attempts_max: config.attempts_max,
            backoff_base: Duration::from_millis(config.backoff_base_ms),
            backoff_cap: Duration::from_millis(config.backoff_cap_ms),
        })
    }

    /// The next endpoint of this round, where one may be asked now.
    fn choose(&self, course: &Course) -> Option<(usize, &Endpoint)> {
        let left = self.endpoints.iter().enumerate().filter(|(at, endpoint)| {
            let out = |flags: &[bool]| flags.get(*at).copied().unwrap_or(true);
            !out(&course.given_up) && !out(&course.tried) && endpoint.broken_for().is_zero() && endpoint.rests_for().is_zero()
        });
        let left: Vec<_> = left.collect();
        let order = left.iter().map(|(_, endpoint)| endpoint.config.order).min()?;
        let first: Vec<_> = left.into_iter().filter(|(_, endpoint)| endpoint.config.order == order).collect();
        let weights: Vec<u32> = first.iter().map(|(_, endpoint)| endpoint.config.weight).collect();
        first.get(weighted(&weights, fastrand::f64())).copied()
    }

    /// How long to wait until endpoints may be asked again, or the error where that is not worth it.
    fn pause(&self, course: &mut Course, deadline: Deadline) -> Result<Duration, LlmError> {
        let willing =
            || self.endpoints.iter().zip(&course.given_up).filter(|(_, given_up)| !**given_up).map(|(endpoint, _)| endpoint);
        let resting = willing().filter(|endpoint| endpoint.broken_for().is_zero());
        let Some(soonest) = resting.min_by_key(|endpoint| endpoint.rests_for()) else {
            let retry_in = willing().map(Endpoint::broken_for).min().unwrap_or_default();
            return Err(course.last.take().unwrap_or(LlmError::AllBroken { retry_in_ms: millis(retry_in) }));
        };
        let rest = soonest.rests_for();
        let wait = full_jitter(self.backoff_base, self.backoff_cap, course.rounds, fastrand::f64());
        // The random wait comes on top of a rest, for all who were sent away were told the same moment.
        let pause = rest + wait;
        if pause >= deadline.remaining() {
            return Err(course.last.take().unwrap_or_else(|| LlmError::RateLimited {
                endpoint: soonest.config.name.clone(),
                detail: "it asked to be left alone for longer than there is time".to_owned(),
                retry_after_ms: Some(millis(rest)),
            }));
        }
        course.rounds += 1;
        course.tried.fill(false);
        Ok(pause)
    }

    /// The reply of a call that began at `began`, and its account.
    fn reply(endpoint: &Endpoint, answer: Answer, began: Instant) -> Reply {
        let name = &endpoint.config.name;
        let cost_usd = answer.usage.and_then(|usage| endpoint.cost(usage));
        if let Some(usage) = answer.usage {
            metrics::llm::tokens(name, usage.prompt_tokens, usage.completion_tokens);
        }
        if let Some(usd) = cost_usd {
            metrics::llm::cost(name, usd);
        }
        let ttft = answer.first_token_at.map(|at| at.saturating_duration_since(began));
        Reply {
            text: answer.text,
            finish: answer.finish,
            usage: answer.usage,
            cost_usd,
            endpoint: name.clone(),
            model: answer.model,
            took: began.elapsed(),
            ttft,
        }
    }

    #[cfg(test)]
    pub(super) fn states(&self) -> Vec<super::breaker::State> {
        self.endpoints.iter().map(Endpoint::state).collect()
    }
}

#[async_trait]
impl ChatModel for Router {
    async fn complete(&self, chat: &Chat, deadline: Deadline) -> Result<Reply, LlmError> {
        chat.check()?;
        let began = Instant::now();
        let none = vec![false; self.endpoints.len()];
        let mut course = Course { given_up: none.clone(), tried: none, attempts: 0, rounds: 0, last: None };
        loop {
            if deadline.passed() {
                return Err(LlmError::DeadlinePassed { waiting: Waiting::Turn });
            }
            let Some((at, endpoint)) = self.choose(&course) else {
                tokio::time::sleep(self.pause(&mut course, deadline)?).await;
                continue;
            };
            if let Some(error) = &course.last {
                metrics::llm::retried(&endpoint.config.name, error.as_str());
            }
            let mark = |flags: &mut Vec<bool>| flags.iter_mut().skip(at).take(1).for_each(|flag| *flag = true);
            mark(&mut course.tried);
            let error = match endpoint.attempt(chat, deadline).await {
                Some(Ok(answer)) => return Ok(Self::reply(endpoint, answer, began)),
                Some(Err(error)) => error,
                None => continue,
            };
            course.attempts += 1;
            let next = Next::after(&error);
            if next == Next::Stop || course.attempts >= self.attempts_max {
                return Err(error);
            }
            if next == Next::Elsewhere {
                mark(&mut course.given_up);
            }
            tracing::debug!(endpoint = endpoint.config.name, %error, "a language model call failed and is tried again");
            course.last = Some(error);
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
