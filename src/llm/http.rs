//! One try at one endpoint: the request, the head of the answer, and the answer in pieces or as a whole.

use super::endpoint::Endpoint;
use super::sse::{Event, Parser};
use super::wire::{Completion, Gathered, error_detail, request_body};
use super::{Chat, Finish, LlmError, Usage, Waiting};
use crate::domain::deadline::Deadline;
use crate::limits::{LLM_BODY_BYTES_MAX, LLM_ERROR_BYTES_MAX, LLM_LINE_BYTES_MAX, LLM_STREAM_BYTES_MAX};
use crate::telemetry::{metrics, traces};
use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use std::error::Error;
use std::time::{Duration, Instant};

/// How long the end of a stream is waited for after its last event. Only a body that was read to its end leaves a connection that can be
/// used again; the answer is whole already and does not wait for it.
const STREAM_END_WAIT: Duration = Duration::from_secs(1);

/// An answer of one try.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) finish: Finish,
    pub(super) usage: Option<Usage>,
    pub(super) model: String,
    /// When the first piece of text came.
    pub(super) first_token_at: Option<Instant>,
}

/// A try under way.
pub(super) struct Asking<'a> {
    endpoint: &'a Endpoint,
    deadline: Deadline,
    began: Instant,
    first_token_by: Instant,
}

/// How a call may go on after a try that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Not at all.
    Stop,
    /// At other endpoints alone.
    Elsewhere,
    /// At others first, and then here again.
    Again,
}

impl Next {
    /// What may be gone a moment later is tried again; what another server, key or model would not mind is tried elsewhere.
    pub(super) fn after(error: &LlmError) -> Self {
        match error {
            LlmError::TooSlow { .. }
            | LlmError::Overloaded { .. }
            | LlmError::Unavailable { .. }
            | LlmError::RateLimited { .. }
            | LlmError::BrokenOff { .. } => Self::Again,
            LlmError::Rejected { status: 400 | 413 | 422, .. } => Self::Stop,
            LlmError::Rejected { .. } | LlmError::Protocol { .. } => Self::Elsewhere,
            LlmError::BadChat { .. }
            | LlmError::DeadlinePassed { .. }
            | LlmError::AllBroken { .. }
            | LlmError::Declined { .. }
            | LlmError::Unparsable { .. }
            | LlmError::NotRecorded { .. } => Self::Stop,
        }
    }
}

impl<'a> Asking<'a> {
    pub(super) fn new(endpoint: &'a Endpoint, deadline: Deadline) -> Self {
        let began = Instant::now();
        Self { endpoint, deadline, began, first_token_by: began + endpoint.first_token_timeout }
    }

    pub(super) async fn ask(&self, chat: &Chat) -> Result<Answer, LlmError> {
        let accept = if self.endpoint.config.stream { "text/event-stream" } else { "application/json" };
        let mut request = self.endpoint.client.post(self.endpoint.url.clone()).header(ACCEPT, accept);
        if let Some(authorization) = &self.endpoint.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(parent) = traces::current() {
            request = request.header("traceparent", parent.to_string());
        }
        let sent = request.json(&request_body(chat, &self.endpoint.config)).send();
        let response = match self.in_time(Waiting::Response, self.first_token_by, sent).await? {
            Ok(response) => response,
            Err(error) => return Err(self.unavailable(None, causes(&error), None)),
        };
        let status = response.status();
        if !status.is_success() {
            return Err(self.refused(status, response).await);
        }
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match content_type.as_str() {
            "text/event-stream" => self.read_stream(response).await,
            // Some gateways pass over the wish for a stream.
            "application/json" => self.read_whole(response).await,
            other => Err(self.protocol(format!("the answer is {other:?} and not JSON or an event stream"))),
        }
    }

    async fn read_stream(&self, mut response: Response) -> Result<Answer, LlmError> {
        let mut parser = Parser::new(LLM_LINE_BYTES_MAX, LLM_LINE_BYTES_MAX);
        let (mut gathered, mut events) = (Gathered::default(), Vec::new());
        let (mut waiting, mut next_by) = (Waiting::FirstToken, self.first_token_by);
        let (mut bytes, mut first_token_at) = (0, None);
        loop {
            let Some(piece) = self.piece(&mut response, waiting, next_by).await? else {
                return Err(self.broken_off("the stream ended before its mark of the end".to_owned()));
            };
            bytes += piece.len();
            if bytes > LLM_STREAM_BYTES_MAX {
                return Err(self.protocol(format!("the stream has more than {LLM_STREAM_BYTES_MAX} bytes")));
            }
            let fed = parser.feed(&piece, &mut events);
            for event in events.drain(..) {
                if event.data.trim() == "[DONE]" {
                    tokio::spawn(async move { tokio::time::timeout(STREAM_END_WAIT, response.chunk()).await.map(drop) });
                    return self.answer(gathered, first_token_at);
                }
                self.take(&event, &mut gathered)?;
                if first_token_at.is_none() && !gathered.text.is_empty() {
                    first_token_at = Some(Instant::now());
                    metrics::llm::first_token(&self.endpoint.config.name, self.began.elapsed());
                }
                (waiting, next_by) = (Waiting::NextToken, Instant::now() + self.endpoint.token_gap_timeout);
            }
            fed.map_err(|error| self.protocol(error.to_string()))?;
        }
    }

    fn take(&self, event: &Event, gathered: &mut Gathered) -> Result<(), LlmError> {
        let unread = |error: serde_json::Error| self.protocol(format!("an event of the stream does not read: {error}"));
        let completion: Completion = serde_json::from_str(&event.data).map_err(unread)?;
        if completion.error.is_some() || event.name == "error" {
            return Err(self.failed_within(completion.error.as_ref(), event.data.as_bytes()));
        }
        gathered.add(completion);
        if gathered.text.len() + gathered.refusal.len() > LLM_BODY_BYTES_MAX {
            return Err(self.protocol(format!("the answer has more than {LLM_BODY_BYTES_MAX} bytes")));
        }
        Ok(())
    }

    async fn read_whole(&self, mut response: Response) -> Result<Answer, LlmError> {
        let mut body = Vec::new();
        loop {
            let next_by = Instant::now() + self.endpoint.token_gap_timeout;
            let Some(piece) = self.piece(&mut response, Waiting::NextToken, next_by).await? else { break };
            if body.len() + piece.len() > LLM_BODY_BYTES_MAX {
                return Err(self.protocol(format!("the answer has more than {LLM_BODY_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        let completion: Completion =
            serde_json::from_slice(&body).map_err(|error| self.protocol(format!("the answer does not read: {error}")))?;
        if completion.error.is_some() {
            return Err(self.failed_within(completion.error.as_ref(), &body));
        }
        let mut gathered = Gathered::default();
        gathered.add(completion);
        if gathered.finish.is_none() {
            return Err(self.protocol("the answer has no choice that came to an end".to_owned()));
        }
        self.answer(gathered, None)
    }

    fn answer(&self, gathered: Gathered, first_token_at: Option<Instant>) -> Result<Answer, LlmError> {
        let Some(finish) = gathered.finish else {
            return Err(self.broken_off("the stream said that it is done and not how the text ended".to_owned()));
        };
        if !gathered.refusal.is_empty() {
            let detail = error_detail(gathered.refusal.as_bytes());
            return Err(LlmError::Declined { endpoint: self.name(), detail: self.endpoint.without_key(detail) });
        }
        let model = gathered.model.unwrap_or_else(|| self.endpoint.config.model.clone());
        Ok(Answer { text: gathered.text, finish, usage: gathered.usage, model, first_token_at })
    }

    /// The error of a status that is not a success.
    async fn refused(&self, status: StatusCode, mut response: Response) -> LlmError {
        let retry_after_ms = retry_after_ms(response.headers());
        let mut body = Vec::new();
        // What it says is worth a moment; the status alone decides what happens.
        let next_by = Instant::now() + Duration::from_millis(500);
        while let Ok(Some(piece)) = self.piece(&mut response, Waiting::Response, next_by).await {
            let room = LLM_ERROR_BYTES_MAX - body.len();
            body.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
            if body.len() == LLM_ERROR_BYTES_MAX {
                break;
            }
        }
        self.by_status(Some(status.as_u16()), error_detail(&body), retry_after_ms)
    }

    /// The error of an object inside an answer whose status was a success.
    fn failed_within(&self, error: Option<&serde_json::Value>, body: &[u8]) -> LlmError {
        let code = error.and_then(|error| error.get("code"));
        let number = code.and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
        let status = number.and_then(|number| u16::try_from(number).ok()).filter(|status| (400..600).contains(status));
        self.by_status(status, error_detail(body), None)
    }

    fn by_status(&self, status: Option<u16>, detail: String, retry_after_ms: Option<u64>) -> LlmError {
        match status {
            None | Some(408 | 500 | 502 | 503 | 504) => self.unavailable(status, detail, retry_after_ms),
            Some(429) => {
                LlmError::RateLimited { endpoint: self.name(), detail: self.endpoint.without_key(detail), retry_after_ms }
            }
            Some(status) => LlmError::Rejected { endpoint: self.name(), status, detail: self.endpoint.without_key(detail) },
        }
    }

    /// The next piece of a body, or its end.
    async fn piece(&self, response: &mut Response, waiting: Waiting, by: Instant) -> Result<Option<Bytes>, LlmError> {
        let piece = self.in_time(waiting, by, response.chunk()).await?;
        piece.map_err(|error| self.broken_off(causes(&error)))
    }

    /// Waits for `step` until the deadline or `by`, whichever is first. The clock is read before as well, because a server that always has
    /// something to say would never let the timer be asked.
    async fn in_time<T>(&self, waiting: Waiting, by: Instant, step: impl Future<Output = T>) -> Result<T, LlmError> {
        let until = self.deadline.at().min(by);
        if Instant::now() < until
            && let Ok(done) = tokio::time::timeout_at(until.into(), step).await
        {
            return Ok(done);
        }
        if self.deadline.passed() {
            return Err(LlmError::DeadlinePassed { waiting });
        }
        let limit = match waiting {
            Waiting::NextToken => self.endpoint.token_gap_timeout,
            Waiting::Turn | Waiting::Response | Waiting::FirstToken => self.endpoint.first_token_timeout,
        };
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        Err(LlmError::TooSlow { endpoint: self.name(), waiting, limit_ms })
    }

    fn name(&self) -> String {
        self.endpoint.config.name.clone()
    }

    fn unavailable(&self, status: Option<u16>, detail: String, retry_after_ms: Option<u64>) -> LlmError {
        LlmError::Unavailable { endpoint: self.name(), status, detail: self.endpoint.without_key(detail), retry_after_ms }
    }

    fn protocol(&self, detail: String) -> LlmError {
        LlmError::Protocol { endpoint: self.name(), detail: self.endpoint.without_key(detail) }
    }

    fn broken_off(&self, detail: String) -> LlmError {
        LlmError::BrokenOff { endpoint: self.name(), detail }
    }
}

/// What the client says went wrong, from the outside in: its own words alone do not say why.
fn causes(error: &reqwest::Error) -> String {
    let mut said = Vec::new();
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(inner) = cause {
        said.push(inner.to_string());
        cause = inner.source();
    }
    // The outermost names the URL and little else.
    if said.is_empty() { "the connection failed".to_owned() } else { said.join(": ") }
}

/// How long a server asks to be left alone: seconds or a date (RFC 9110, section 10.2.3).
fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let said = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = said.parse::<u64>() {
        return Some(seconds.saturating_mul(1_000));
    }
    let date = jiff::fmt::rfc2822::parse(said).ok()?.timestamp();
    u64::try_from(date.as_millisecond() - jiff::Timestamp::now().as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())])
    }

    #[test]
    fn seconds_and_dates_to_retry_after_are_read_and_nonsense_is_not() {
        assert_eq!(retry_after_ms(&headers("7")), Some(7_000));
        assert_eq!(retry_after_ms(&headers("soon")), None);
        assert_eq!(retry_after_ms(&headers("-1")), None);
        assert_eq!(retry_after_ms(&headers("Sun, 06 Nov 1994 08:49:37 GMT")), None, "a date that has passed");
        let later = jiff::Timestamp::now() + Duration::from_secs(30);
        let date = later.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let millis = retry_after_ms(&headers(&date)).unwrap();
        assert!((28_000..=30_000).contains(&millis), "{millis} ms for {date}");
    }
}
