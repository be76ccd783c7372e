//! Which models there are and how they are asked.

use super::recorded::RecordingError;
use crate::limits::LLM_ENDPOINTS_MAX;
use reqwest::Url;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Which models there are and how they are asked. Without endpoints there is no model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The servers, which are tried by [`EndpointConfig::order`].
    pub endpoints: Vec<EndpointConfig>,
    /// Tries of one call, all endpoints together, 1 to 20.
    pub attempts_max: u32,
    /// Milliseconds of the longest wait before every endpoint is tried a second time; it doubles with each round.
    pub backoff_base_ms: u64,
    /// Milliseconds that no wait between rounds exceeds.
    pub backoff_cap_ms: u64,
    /// Milliseconds to connect, from 1.
    pub connect_timeout_ms: u64,
    /// Milliseconds from the sending of a try to the first token; of a whole answer that does not come in pieces, to its head. From 1.
    pub first_token_timeout_ms: u64,
    /// Milliseconds between two pieces of an answer, from 1.
    pub token_gap_timeout_ms: u64,
    /// When an endpoint that fails is left alone.
    pub breaker: BreakerConfig,
    /// A recording that answers in place of the endpoints.
    pub replay: Option<PathBuf>,
    /// A file to which every chat and its answer is written, for [`Self::replay`]. It holds the prompts.
    pub record: Option<PathBuf>,
}

/// When an endpoint that fails is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerConfig {
    /// Milliseconds that it looks back, from 10.
    pub window_ms: u64,
    /// Calls within the window below which it stays closed, from 1.
    pub calls_min: u32,
    /// Share of failures, above 0 and at most 1, at which it opens.
    pub failure_share: f64,
    /// Milliseconds for which it is open before one call may probe, from 1.
    pub open_ms: u64,
    /// Milliseconds that an endpoint must have had so that a try counts as a failure where the caller's deadline cut it short.
    pub slow_ms: u64,
}

/// One server that speaks the chat completions of OpenAI.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointConfig {
    /// Its name in metrics and answers: letters, digits, `_` and `-`.
    pub name: String,
    /// Where it is, such as `http://127.0.0.1:8000/v1`; `/chat/completions` is added.
    pub base: String,
    /// The model to ask for.
    pub model: String,
    /// Endpoints of a higher order are asked only where those of a lower one can't be.
    #[serde(default)]
    pub order: u32,
    /// Its share of the calls among those of its order, 1 to 1,000.
    #[serde(default = "one")]
    pub weight: u32,
    /// A file that holds the key.
    #[serde(default)]
    pub api_key_file: Option<PathBuf>,
    /// A variable of the environment that holds the key.
    #[serde(default)]
    pub api_key_env: Option<String>,
    /// Whether the answer is asked for in pieces.
    #[serde(default = "yes")]
    pub stream: bool,
    /// Whether the server takes a JSON Schema (`response_format`). Where it does not, the schema is told in the prompt.
    #[serde(default = "yes")]
    pub json_schema: bool,
    /// Calls at once, from 1.
    #[serde(default = "sixteen")]
    pub concurrency_max: usize,
    /// Calls that may wait for their turn; one more is refused or goes to another endpoint.
    #[serde(default = "many")]
    pub waiting_max: usize,
    /// USD for a million tokens that the model reads.
    #[serde(default)]
    pub prompt_usd_per_million: Option<f64>,
    /// USD for a million tokens that it writes.
    #[serde(default)]
    pub completion_usd_per_million: Option<f64>,
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn sixteen() -> usize {
    16
}

fn many() -> usize {
    256
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            attempts_max: 3,
            backoff_base_ms: 100,
            backoff_cap_ms: 2_000,
            connect_timeout_ms: 1_000,
            first_token_timeout_ms: 10_000,
            token_gap_timeout_ms: 5_000,
            breaker: BreakerConfig::default(),
            replay: None,
            record: None,
        }
    }
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { window_ms: 30_000, calls_min: 5, failure_share: 0.5, open_ms: 5_000, slow_ms: 1_000 }
    }
}

/// Why no model could be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A setting is out of its range.
    #[error("llm.{field}: {detail}")]
    Setting {
        /// The field of [`Config`], such as `endpoints[0].base`.
        field: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The HTTP client could not be made.
    #[error("the HTTP client for language models could not be made: {detail}")]
    Client {
        /// What it said.
        detail: String,
    },
}

impl OpenError {
    pub(super) fn setting(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Setting { field: field.into(), detail: detail.into() }
    }

    pub(super) fn recording(field: &str, error: RecordingError) -> Self {
        Self::setting(field, error.to_string())
    }
}

impl Config {
    /// Checks every setting against its range. Reads no file and no variable.
    ///
    /// # Errors
    /// [`OpenError::Setting`] for the first that is out of it.
    pub fn check(&self) -> Result<(), OpenError> {
        within("attempts_max", u64::from(self.attempts_max), 1, 20)?;
        within("backoff_base_ms", self.backoff_base_ms, 0, 60_000)?;
        within("backoff_cap_ms", self.backoff_cap_ms, 0, 60_000)?;
        within("connect_timeout_ms", self.connect_timeout_ms, 1, 600_000)?;
        within("first_token_timeout_ms", self.first_token_timeout_ms, 1, 600_000)?;
        within("token_gap_timeout_ms", self.token_gap_timeout_ms, 1, 600_000)?;
        within("breaker.window_ms", self.breaker.window_ms, 10, 3_600_000)?;
        within("breaker.calls_min", u64::from(self.breaker.calls_min), 1, 1_000_000)?;
        within("breaker.open_ms", self.breaker.open_ms, 1, 3_600_000)?;
        if !(self.breaker.failure_share > 0.0 && self.breaker.failure_share <= 1.0) {
            return Err(OpenError::setting("breaker.failure_share", "it must be above 0 and at most 1"));
        }
        if self.replay.is_some() && (!self.endpoints.is_empty() || self.record.is_some()) {
            return Err(OpenError::setting("replay", "a recording answers in place of endpoints, and is not recorded again"));
        }
        within("endpoints", self.endpoints.len() as u64, 0, LLM_ENDPOINTS_MAX as u64)?;
        let mut names = BTreeSet::new();
        for (at, endpoint) in self.endpoints.iter().enumerate() {
            endpoint.check(at)?;
            if !names.insert(endpoint.name.as_str()) {
                return Err(OpenError::setting(
                    format!("endpoints[{at}].name"),
                    format!("a second one is called {}", endpoint.name),
                ));
            }
        }
        Ok(())
    }
}

impl EndpointConfig {
    fn check(&self, at: usize) -> Result<(), OpenError> {
        let field = |name: &str| format!("endpoints[{at}].{name}");
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(1..=64).contains(&self.name.len()) || !self.name.bytes().all(letter) {
            return Err(OpenError::setting(field("name"), "it must be 1 to 64 letters, digits, `_` and `-`"));
        }
        self.url().map_err(|detail| OpenError::setting(field("base"), detail))?;
        if self.model.is_empty() || self.model.len() > 256 {
            return Err(OpenError::setting(field("model"), "it must be 1 to 256 bytes"));
        }
        if self.api_key_file.is_some() && self.api_key_env.is_some() {
            return Err(OpenError::setting(field("api_key_env"), "the key comes from a file or a variable, not from both"));
        }
        within(&field("weight"), u64::from(self.weight), 1, 1_000)?;
        within(&field("concurrency_max"), self.concurrency_max as u64, 1, 100_000)?;
        within(&field("waiting_max"), self.waiting_max as u64, 0, 1_000_000)?;
        for (name, price) in [
            ("prompt_usd_per_million", self.prompt_usd_per_million),
            ("completion_usd_per_million", self.completion_usd_per_million),
        ] {
            if price.is_some_and(|price| !(0.0..=1e6).contains(&price)) {
                return Err(OpenError::setting(field(name), "it must be 0 to 1,000,000"));
            }
        }
        if self.prompt_usd_per_million.is_some() != self.completion_usd_per_million.is_some() {
            return Err(OpenError::setting(field("prompt_usd_per_million"), "either both prices are known or neither"));
        }
        Ok(())
    }

    /// Where the completions are.
    pub(super) fn url(&self) -> Result<Url, String> {
        let base = self.base.trim_end_matches('/');
        let url = Url::parse(&format!("{base}/chat/completions")).map_err(|error| format!("it is no URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("it must begin with http:// or https:// and a host".to_owned());
        }
        // What is in a URL gets into logs, so a password has no place there; and a query would swallow the path that is added.
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(
                "it must have no user, password, query or fragment; a key belongs into api_key_file or api_key_env".to_owned()
            );
        }
        Ok(url)
    }
}

fn within(field: &str, given: u64, min: u64, max: u64) -> Result<(), OpenError> {
    let fits = (min..=max).contains(&given);
    if fits { Ok(()) } else { Err(OpenError::setting(field, format!("it is {given}, and it must be {min} to {max}"))) }
}
