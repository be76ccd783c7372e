//! The facts about language models. Labels are the names of endpoints, which the settings bound, and words that are constants.

use super::{METRICS, SECONDS, counter_vec, gauge_vec, histogram_vec};
use prometheus::{CounterVec, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};
use std::time::Duration;

pub(super) struct Metrics {
    tries: IntCounterVec,
    seconds: HistogramVec,
    first_token: HistogramVec,
    tokens: IntCounterVec,
    cost: CounterVec,
    retries: IntCounterVec,
    breakers: IntGaugeVec,
    structured: IntCounterVec,
}

impl Metrics {
    pub(super) fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        let cost =
            CounterVec::new(Opts::new("llm_cost_usd_total", "Cost of answers by the prices of the settings."), &["endpoint"])?;
        r.register(Box::new(cost.clone()))?;
        let (endpoint, by_outcome) = (&["endpoint"], &["endpoint", "outcome"]);
        Ok(Self {
            tries: counter_vec(r, "llm_calls_total", "Tries of language model calls, by how they ended.", by_outcome)?,
            seconds: histogram_vec(r, "llm_call_duration_seconds", "Time of one try, however it ended.", endpoint, SECONDS)?,
            first_token: histogram_vec(r, "llm_first_token_seconds", "Time of a try to its first token.", endpoint, SECONDS)?,
            tokens: counter_vec(r, "llm_tokens_total", "Tokens read (prompt) and written (completion).", &["endpoint", "kind"])?,
            cost,
            retries: counter_vec(
                r,
                "llm_retries_total",
                "Tries after a first that failed, by why that failed.",
                &["endpoint", "reason"],
            )?,
            breakers: gauge_vec(r, "llm_breaker_state", "0 closed, 1 half-open, 2 open.", endpoint)?,
            structured: counter_vec(r, "llm_structured_answers_total", "Answers read as JSON, by result.", &["result"])?,
        })
    }
}

/// One try at an endpoint ended; `outcome` is a constant word.
pub fn try_ended(endpoint: &str, outcome: &'static str, took: Duration) {
    METRICS.llm.tries.with_label_values(&[endpoint, outcome]).inc();
    METRICS.llm.seconds.with_label_values(&[endpoint]).observe(took.as_secs_f64());
}

/// The first token of an answer came.
pub fn first_token(endpoint: &str, took: Duration) {
    METRICS.llm.first_token.with_label_values(&[endpoint]).observe(took.as_secs_f64());
}

/// An answer took so many tokens.
pub fn tokens(endpoint: &str, prompt: u64, completion: u64) {
    METRICS.llm.tokens.with_label_values(&[endpoint, "prompt"]).inc_by(prompt);
    METRICS.llm.tokens.with_label_values(&[endpoint, "completion"]).inc_by(completion);
}

/// An answer cost so much.
pub fn cost(endpoint: &str, usd: f64) {
    if usd > 0.0 {
        METRICS.llm.cost.with_label_values(&[endpoint]).inc_by(usd);
    }
}

/// A call is tried again at this endpoint, because the try before failed for `reason`, a constant word.
pub fn retried(endpoint: &str, reason: &'static str) {
    METRICS.llm.retries.with_label_values(&[endpoint, reason]).inc();
}

/// Where the breaker of an endpoint stands: 0 closed, 1 half-open, 2 open.
pub fn breaker_state(endpoint: &str, state: i64) {
    METRICS.llm.breakers.with_label_values(&[endpoint]).set(state);
}

/// An answer was read as JSON: `parsed`, `repaired` or `unparsable`.
pub fn structured_answer(result: &'static str) {
    METRICS.llm.structured.with_label_values(&[result]).inc();
}
