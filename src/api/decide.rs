//! `POST /v1/decide`.

use super::access::caller;
use super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::json::Json;
use super::trace::Arrival;
use crate::app::App;
use crate::domain::answer::Answer;
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::ids::{ComponentId, StrategyName};
use crate::domain::request::{Allow, Market, Request};
use crate::domain::strategy::Strategy;
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use crate::engine::Engines;
use crate::limits::{CLOCK_SKEW_MS_MAX, CONTEXT_IDS_MAX, DEADLINE_MS_MAX, ID_BYTES_MAX, TAG_BYTES_MAX, TAGS_MAX};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// A decision request, as it comes over the wire.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DecideRequest {
    /// The fresh text, 1 to 8,192 bytes.
    #[schema(min_length = 1, max_length = 8192, example = "SEC approves spot ETH ETF")]
    pub text: String,
    /// By which strategy; the configured one where absent.
    pub strategy: Option<String>,
    /// The moment that the question speaks of, RFC 3339; now where absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
    /// By what soft context is chosen.
    #[serde(default)]
    #[schema(max_items = 32)]
    pub tags: Vec<String>,
    /// Soft context by component id, instead of by tags.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub context: Vec<String>,
    /// The state of the market that the caller sees.
    #[serde(default)]
    pub market: Market,
    /// How far it may go.
    #[serde(default)]
    pub allow: Allow,
    /// Milliseconds, 1 to 120,000; the strategy's where absent.
    #[schema(minimum = 1, maximum = 120_000)]
    pub deadline_ms: Option<u32>,
    /// The session that it belongs to.
    #[schema(min_length = 1, max_length = 128)]
    pub session: Option<String>,
    /// Whether the answer explains itself at length.
    #[serde(default)]
    pub explain: bool,
    /// Which engine the request is for, where the strategy says `engine = "auto"`: the answer to a clarifying question.
    #[schema(min_length = 1, max_length = 64)]
    pub engine: Option<String>,
    /// Whether an answer that is not there by the deadline may be `pending`; where it may not, the status is 504.
    #[serde(default = "yes")]
    pub pending: bool,
}

pub(super) fn yes() -> bool {
    true
}

/// Decide: answer from memory, or say why not.
#[utoipa::path(
    post, path = "/v1/decide", operation_id = "decide", tag = "decide", request_body = DecideRequest,
    responses(
        (status = 200, description = "The one answer", body = Answer),
        (status = 400, description = "Not JSON, an unknown field, a wrong type, a bad time", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such strategy or component", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Well formed but not allowed", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or a required part is away; see Retry-After", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 504, description = "The deadline passed", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn decide(app: Data<App>, http: HttpRequest, arrival: Arrival, Json(wire): Json<DecideRequest>) -> Answered {
    let answered = async {
        let request = wire.checked(&app, arrival)?;
        let decided = app.decider.decide(&caller(&http)?, &request).await?;
        Ok::<_, Problem>(HttpResponse::Ok().content_type("application/json").body(decided.json.get().to_owned()))
    };
    answered.await.at(&http)
}

fn refuse<T>(pointer: &str, detail: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::field(Kind::NOT_ALLOWED, FieldError::new(pointer, detail)))
}

/// Finds the strategy of a request, or the default one.
pub(super) fn strategy_of<'a>(app: &'a App, name: Option<&str>) -> Result<&'a Arc<Strategy>, Problem> {
    let strategies = &app.decider.strategies;
    let Some(given) = name else { return Ok(strategies.named(&strategies.default)?) };
    match StrategyName::new(given) {
        Ok(name) => Ok(strategies.named(&name)?),
        Err(error) => Err(Problem::field(Kind::NOT_FOUND, FieldError::new("/strategy", error.to_string()))),
    }
}

/// Checks the tags of a request, a component or an entry.
///
/// # Errors
/// The tag that is not allowed.
pub(super) fn checked_tags(tags: Vec<String>) -> Result<Vec<String>, FieldError> {
    if tags.len() > TAGS_MAX {
        return Err(FieldError::new("/tags", format!("{} tags are more than the {TAGS_MAX} that are allowed", tags.len())));
    }
    match tags.iter().position(|tag| tag.trim().is_empty() || tag.len() > TAG_BYTES_MAX) {
        Some(i) => Err(FieldError::new(format!("/tags/{i}"), format!("a tag has 1 to {TAG_BYTES_MAX} bytes"))),
        None => Ok(tags),
    }
}

/// Checks the ids of soft context.
///
/// # Errors
/// The id that is not allowed.
pub(super) fn checked_context(ids: &[String]) -> Result<Vec<ComponentId>, FieldError> {
    if ids.len() > CONTEXT_IDS_MAX {
        return Err(FieldError::new(
            "/context",
            format!("{} ids are more than the {CONTEXT_IDS_MAX} that are allowed", ids.len()),
        ));
    }
    let id =
        |(i, id): (usize, &String)| ComponentId::new(id).map_err(|e| FieldError::new(format!("/context/{i}"), e.to_string()));
    ids.iter().enumerate().map(id).collect()
}

/// Checks that a request may choose this engine.
fn checked_engine(engine: Option<String>, strategy: &Strategy, engines: &Engines) -> Result<Option<String>, FieldError> {
    let Some(name) = engine else { return Ok(None) };
    if !strategy.triages() {
        return Err(FieldError::new("/engine", format!("strategy \"{}\" leaves no choice of its engine", strategy.name)));
    }
    if engines.named(&name).is_none() {
        let known: Vec<&str> = engines.names().collect();
        return Err(FieldError::new("/engine", format!("there is no engine of that name; there are {}", known.join(", "))));
    }
    Ok(Some(name))
}

/// Checks that a moment is not in the future.
///
/// # Errors
/// Where it is later than `now` by more than clocks may differ.
pub(super) fn checked_as_of(as_of: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, FieldError> {
    match as_of {
        Some(given) if given > now.plus_millis(CLOCK_SKEW_MS_MAX) => {
            Err(FieldError::new("/as_of", format!("{given} is in the future; it is {now}")))
        }
        Some(given) => Ok(given),
        None => Ok(now),
    }
}

impl DecideRequest {
    /// The request as the pipeline takes it.
    pub(super) fn checked(self, app: &App, arrival: Arrival) -> Result<Request, Problem> {
        let not_allowed = |error| Problem::field(Kind::NOT_ALLOWED, error);
        let strategy = strategy_of(app, self.strategy.as_deref())?;
        let text = FreshText::new(&self.text).map_err(|e| not_allowed(FieldError::new("/text", e.to_string())))?;
        let deadline_ms = self.deadline_ms.unwrap_or(strategy.deadline_ms);
        if !(1..=DEADLINE_MS_MAX).contains(&deadline_ms) {
            return refuse("/deadline_ms", format!("{deadline_ms} is not 1 to {DEADLINE_MS_MAX}"));
        }
        self.market.check().map_err(|e| not_allowed(FieldError::new(format!("/market{}", e.pointer), e.detail)))?;
        if self.session.as_ref().is_some_and(|session| session.is_empty() || session.len() > ID_BYTES_MAX) {
            return refuse("/session", format!("a session has 1 to {ID_BYTES_MAX} bytes"));
        }
        Ok(Request {
            text,
            strategy: strategy.name.clone(),
            as_of: checked_as_of(self.as_of, app.decider.clock.now()).map_err(not_allowed)?,
            as_of_now: self.as_of.is_none(),
            tags: checked_tags(self.tags).map_err(not_allowed)?,
            context: checked_context(&self.context).map_err(not_allowed)?,
            market: self.market,
            allow: self.allow,
            session: self.session,
            explain: self.explain,
            engine: checked_engine(self.engine, strategy, &app.decider.engines).map_err(not_allowed)?,
            pending: self.pending,
            deadline: Deadline::from_start(arrival.at, Duration::from_millis(u64::from(deadline_ms))),
            trace: arrival.trace,
            span: arrival.span,
        })
    }
}
