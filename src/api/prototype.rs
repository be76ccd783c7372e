//! The prototype's endpoints, kept for its clients.

use super::access::caller;
use super::audit::{Audited, written};
use super::decide::checked_as_of;
use super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::json::{self, Json};
use super::trace::Arrival;
use super::{decisions, entries};
use crate::app::App;
use crate::decide::{Forget, NewEntry};
use crate::domain::audit_chain::Action;
use crate::domain::deadline::Deadline;
use crate::domain::decision::{Decision, Payload, Report, Trade};
use crate::domain::entry::{Provenance, Validity};
use crate::domain::field::FieldError;
use crate::domain::request::{Allow, Request};
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use actix_web::HttpRequest;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What the prototype's `/decide` was asked.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PromptRequest {
    /// The prompt, 1 to 262,144 bytes.
    #[schema(min_length = 1, max_length = 262_144)]
    prompt: String,
}

/// The prototype's switch between two ways to embed, which are one here.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Embeddings {
    /// Accepted and without effect: the time of every stage is always told.
    #[param(value_type = String, required = false, pattern = "^([Tt]rue|[Ff]alse|0|1)$")]
    #[expect(dead_code, reason = "a client of the prototype sends it")]
    manual_embedding: Option<PythonBool>,
    /// The same under its other name.
    #[param(value_type = String, required = false, pattern = "^([Tt]rue|[Ff]alse|0|1)$")]
    #[expect(dead_code, reason = "a client of the prototype sends it")]
    manual_embeddings: Option<PythonBool>,
}

/// A truth value as Python and JavaScript clients spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum PythonBool {
    #[serde(alias = "true", alias = "1")]
    True,
    #[serde(alias = "false", alias = "0")]
    False,
}

/// The answer of the prototype's `/decide`.
#[derive(Serialize)]
struct PromptAnswer<'a> {
    /// The decision, or null.
    response: Option<&'a Payload>,
    /// Whether there is one.
    hit: bool,
    /// The whole answer, as `/v1/decide` gives it.
    #[serde(flatten)]
    answer: &'a crate::domain::answer::Answer,
}

/// Ask the fast path of the default strategy.
#[utoipa::path(post, path = "/decide", operation_id = "prototype_decide", tag = "prototype", params(Embeddings), request_body = PromptRequest,
    responses(
        (status = 200, description = "The answer as of `/v1/decide`, with `response`, the decision or null, and `hit`", body = Object),
        (status = 400, description = "Not JSON, an unknown field, a wrong type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Well formed but not allowed", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or a required part is away", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 504, description = "The deadline passed", body = ProblemDetails, content_type = "application/problem+json"),
    ))]
pub(super) async fn decide(app: Data<App>, http: HttpRequest, arrival: Arrival, Json(wire): Json<PromptRequest>) -> Answered {
    let answered = async {
        decisions::query::<Embeddings>(&http)?;
        let text = FreshText::stored(&wire.prompt)
            .map_err(|e| Problem::field(Kind::NOT_ALLOWED, FieldError::new("/prompt", e.to_string())))?;
        let strategies = &app.decider.strategies;
        let strategy = strategies.named(&strategies.default)?;
        let request = Request {
            allow: Allow::Fast,
            pending: false,
            trace: arrival.trace,
            span: arrival.span,
            ..Request::plain(
                text,
                strategy.name.clone(),
                app.decider.clock.now(),
                Deadline::from_start(arrival.at, Duration::from_millis(u64::from(strategy.deadline_ms))),
            )
        };
        let decided = app.decider.decide(&caller(&http)?, &request).await?;
        let answer = &decided.answer;
        Ok::<_, Problem>(json::ok(&PromptAnswer { response: answer.decision.as_ref(), hit: answer.decision.is_some(), answer }))
    };
    answered.await.at(&http)
}

/// A row of the prototype's dataset.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InsertRequest {
    /// The prompt, 1 to 262,144 bytes.
    #[schema(min_length = 1, max_length = 262_144)]
    pub input_report: String,
    /// What was answered to it: a text, or JSON.
    #[schema(value_type = serde_json::Value)]
    pub output_report: Box<RawValue>,
    /// The moment that it speaks of, `YYYY-MM-DD HH:MM:SS` in US Eastern time; now where absent.
    #[schema(example = "2025-03-01 03:00:00")]
    pub datetime_est: Option<String>,
    /// The closing price.
    pub close: Option<f64>,
    /// 1, 0 or −1.
    #[schema(minimum = -1, maximum = 1)]
    pub signal: Option<i8>,
    /// 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub conviction: Option<f64>,
    /// Why.
    pub causality: Option<String>,
}

/// Reads a moment in US Eastern time.
///
/// # Errors
/// Where it is not strictly `YYYY-MM-DD HH:MM:SS`, or no such moment was.
pub(crate) fn eastern(text: &str) -> Result<Timestamp, FieldError> {
    let refuse = |why: &str| FieldError::new("/datetime_est", format!("`{}` {why}", text.chars().take(40).collect::<String>()));
    let shape = "dddd-dd-dd dd:dd:dd";
    let fits = text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(b, s)| if s == b'd' { b.is_ascii_digit() } else { b == s });
    if !fits {
        return Err(refuse("is not a time of the form YYYY-MM-DD HH:MM:SS"));
    }
    let civil: jiff::civil::DateTime = text.parse().map_err(|_| refuse("is not a moment of the calendar"))?;
    let moment = civil.in_tz("America/New_York").map_err(|_| refuse("is not a moment in US Eastern time"))?;
    Ok(Timestamp::from_micros(moment.timestamp().as_microsecond()))
}

impl InsertRequest {
    /// The row as an entry of the default strategy.
    pub(crate) fn checked(self, app: &App) -> Result<NewEntry, FieldError> {
        let now = app.decider.clock.now();
        let text = FreshText::stored(&self.input_report).map_err(|e| FieldError::new("/input_report", e.to_string()))?;
        let as_of = self.datetime_est.as_deref().map(eastern).transpose()?;
        let as_of = checked_as_of(as_of, now).map_err(|e| FieldError::new("/datetime_est", e.detail))?;
        let report: String =
            serde_json::from_str(self.output_report.get()).unwrap_or_else(|_| self.output_report.get().to_owned());
        let decision = match self.signal {
            Some(signal) => Decision::Trade(Trade {
                signal,
                conviction: self.conviction.unwrap_or(0.0),
                reasoning: self.causality.unwrap_or_default(),
                agents: Vec::new(),
                versions: BTreeMap::new(),
                labels: [
                    Some(("output_report".to_owned(), report)),
                    self.close.map(|close| ("close".to_owned(), close.to_string())),
                ]
                .into_iter()
                .flatten()
                .collect(),
            }),
            None => Decision::Report(Report {
                text: report,
                sections: self.causality.map(|causality| ("causality".to_owned(), causality)).into_iter().collect(),
            }),
        };
        Ok(NewEntry {
            text,
            decision: Payload::new(&decision)?,
            strategy: app.decider.strategies.default.clone(),
            as_of,
            ttl_sec: None,
            tags: Vec::new(),
            context: Vec::new(),
            validity: Validity::default(),
            provenance: Provenance::Import,
        })
    }
}

/// Remember one row of the prototype's dataset.
#[utoipa::path(post, path = "/insert_data", operation_id = "prototype_insert_data", tag = "prototype", request_body = InsertRequest,
    responses(
        (status = 200, description = "It is stored", body = Object),
        (status = 400, description = "Not JSON, an unknown field, a wrong type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "Well formed but not allowed, such as a time that is not YYYY-MM-DD HH:MM:SS", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store is away", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 504, description = "Embedding took too long", body = ProblemDetails, content_type = "application/problem+json"),
    ))]
pub(super) async fn insert_data(app: Data<App>, http: HttpRequest, Json(wire): Json<InsertRequest>) -> Answered {
    let answered = async {
        let new = wire.checked(&app).map_err(|e| Problem::field(Kind::NOT_ALLOWED, e))?;
        let audited = Audited::of(&http, Action::EntriesWrite, json!({}))?;
        let (writing, tenant) = (Data::clone(&app), caller(&http)?.tenant);
        let work = async move {
            let (id, new) = entries::bulk::remember_one(&writing, &tenant, new).await?;
            Ok((id, written(new)))
        };
        let id = audited.run(&app, work).await?;
        Ok::<_, Problem>(json::ok(&json!({"response": "inserted", "entry": id})))
    };
    answered.await.at(&http)
}

/// Clear the caller's own tenant's cache.
#[utoipa::path(post, path = "/clear", operation_id = "prototype_clear", tag = "prototype",
    responses(
        (status = 200, description = "It is empty", body = Object),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    ))]
pub(super) async fn clear(app: Data<App>, http: HttpRequest) -> Answered {
    let answered = async {
        let tenant = caller(&http)?.tenant;
        let audited = Audited::of(&http, Action::EntriesClear, json!({}))?;
        let decider = Arc::clone(&app.decider);
        let work = async move {
            let deleted = decider.forget(&tenant, Forget::default()).await?.len();
            Ok((deleted, json!({ "deleted": deleted })))
        };
        let deleted = audited.run(&app, work).await?;
        Ok::<_, Problem>(json::ok(&json!({"response": "cleared", "deleted": deleted})))
    };
    answered.await.at(&http)
}

/// Clear the caller's own tenant's cache, as the prototype also allowed.
#[utoipa::path(get, path = "/clear", operation_id = "prototype_clear_by_get", tag = "prototype",
    responses(
        (status = 200, description = "It is empty", body = Object),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    ))]
pub(super) async fn clear_by_get(app: Data<App>, http: HttpRequest) -> Answered {
    clear(app, http).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn eastern_time_knows_of_summer() {
        assert_eq!(eastern("2025-03-01 03:00:00").unwrap().to_string(), "2025-03-01T08:00:00Z");
        assert_eq!(eastern("2025-07-01 03:00:00").unwrap().to_string(), "2025-07-01T07:00:00Z");
    }

    #[test]
    fn any_other_form_of_time_is_refused() {
        for text in [
            "2025-03-01",
            "2025-03-01T03:00:00",
            "2025-03-01 03:00",
            "2025-3-1 3:00:00",
            "2025-02-30 00:00:00",
            "2025-03-01 03:00:00Z",
        ] {
            assert_eq!(eastern(text).unwrap_err().pointer, "/datetime_est", "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_of_eastern_time_panic(text in "\\PC{0,30}") {
            let _ = eastern(&text);
        }
    }
}
