//! `/v1/query`: questions about data.

mod answer;
pub(super) mod feedback;
mod page;
mod problem;
mod stream;
pub(super) mod terms;

pub(super) use answer::{LayersAnswer, QueryAnswer};

use self::answer::LayerAnswer;
use super::access::caller;
use super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::events::ServerEvent;
use super::json::{self, Json};
use super::trace::Arrival;
use crate::app::App;
use crate::decide::analytics::{Came, DataQuestion};
use crate::domain::answer::Confidence;
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::time::Timestamp;
use crate::engine::analytics::answer::ChartHint;
use crate::engine::analytics::columns::asks_as;
use crate::engine::steps::Steps;
use crate::limits::{DEADLINE_MS_MAX, ID_BYTES_MAX, PROMPT_CHARS_MAX};
use crate::telemetry::metrics;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Milliseconds that a caller waits for an answer who does not say.
const DEADLINE_MS: u32 = 30_000;

/// A question about data.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryRequest {
    /// The question, 1 to 2,000 characters.
    #[schema(min_length = 1, max_length = 2_000)]
    prompt: String,
    /// The conversation that it belongs to.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    session_id: Option<String>,
    /// A BCP 47 tag. Answers are in English; what begins otherwise is refused.
    #[serde(default)]
    locale: Option<String>,
    /// The chart that is wanted; chosen by rule where absent.
    #[serde(default)]
    chart_hint: Option<ChartHint>,
    /// The semantic layer to read it by; found from the words where absent.
    #[serde(default)]
    layer: Option<String>,
    /// The moment that `last month` is counted from; now where absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
    /// Whether a kept result is passed over.
    #[serde(default)]
    fresh: bool,
    /// Milliseconds to wait; the query is ended in the warehouse then. 30,000 where absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 120_000)]
    deadline_ms: Option<u32>,
}

impl QueryRequest {
    fn checked(&self) -> Result<(), Problem> {
        let refuse =
            |field: &str, detail: String| Err(Problem::field(Kind::NOT_ALLOWED, FieldError::new(format!("/{field}"), detail)));
        let characters = self.prompt.trim().chars().count();
        if characters == 0 || self.prompt.chars().count() > PROMPT_CHARS_MAX {
            return refuse(
                "prompt",
                format!("it has {characters} characters that are not blank; 1 to {PROMPT_CHARS_MAX} are allowed"),
            );
        }
        if self.session_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > ID_BYTES_MAX) {
            return refuse("session_id", format!("it has to have 1 to {ID_BYTES_MAX} bytes"));
        }
        if let Some(locale) = &self.locale
            && !(locale.eq_ignore_ascii_case("en") || locale.to_ascii_lowercase().starts_with("en-"))
        {
            return refuse("locale", "answers are in English: `en`, or a tag that begins with `en-`".to_owned());
        }
        if self.deadline_ms.is_some_and(|ms| !(1..=DEADLINE_MS_MAX).contains(&ms)) {
            return refuse("deadline_ms", format!("it is not 1 to {DEADLINE_MS_MAX}"));
        }
        Ok(())
    }
}

/// Ask a question about data: from what was found out before where the meaning and the rows are the same, else by a query.
///
/// A question that these tables can't answer, or that was not understood to its last word, is answered with `UNABLE` and the reason, and no
/// query is run.
#[utoipa::path(
    post, path = "/v1/query", operation_id = "query_data", tag = "query", request_body = QueryRequest,
    responses(
        (status = 200, description = "The answer, or why there is none", body = QueryAnswer),
        (status = 400, description = "Not JSON, an unknown field, a wrong type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such semantic layer", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A field is out of its range", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "The warehouse failed at the query", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Too many questions at once, or the warehouse or the store is away", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 504, description = "The deadline passed; the query was ended", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn ask(app: Data<App>, http: HttpRequest, arrival: Arrival, Json(wire): Json<QueryRequest>) -> Answered {
    let answered = async {
        let question = question(&app, (&http, arrival), &wire)?;
        answer(&app, &question, (wire.chart_hint, arrival)).await
    };
    answered.await.map(|answer| json::ok(&answer)).at(&http)
}

/// The same as it comes about: an event `step` for each part of the work, then one event `answer`, or `error`, and the stream ends. Who goes
/// away ends the query.
#[utoipa::path(
    post, path = "/v1/query/stream", operation_id = "stream_query_data", tag = "query", request_body = QueryRequest,
    responses(
        (status = 200, description = "Events", body = ServerEvent, content_type = "text/event-stream"),
        (status = 400, description = "Not JSON, an unknown field, a wrong type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A field is out of its range", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "As many streams are open as may be", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn follow(app: Data<App>, http: HttpRequest, arrival: Arrival, Json(wire): Json<QueryRequest>) -> Answered {
    let answered = question(&app, (&http, arrival), &wire).and_then(|question| {
        let Ok(room) = Arc::clone(&app.streams).try_acquire_owned() else {
            return Err(Problem::new(Kind::OVERLOADED, "as many streams of events are open as may be"));
        };
        let mut response = HttpResponse::Ok();
        response.content_type("text/event-stream").insert_header(("cache-control", "no-cache"));
        Ok(response.streaming(stream::events(app, question, (wire.chart_hint, arrival), room)))
    });
    answered.at(&http)
}

fn question(app: &App, (http, arrival): (&HttpRequest, Arrival), wire: &QueryRequest) -> Result<DataQuestion, Problem> {
    wire.checked()?;
    let deadline_ms = wire.deadline_ms.unwrap_or(DEADLINE_MS);
    let caller = caller(http)?;
    Ok(DataQuestion {
        tenant: caller.tenant,
        role: Arc::from(asks_as(caller.roles).as_str()),
        text: wire.prompt.clone(),
        as_of: wire.as_of.unwrap_or_else(|| app.decider.clock.now()),
        layer: wire.layer.clone(),
        session: wire.session_id.as_deref().map(Arc::from),
        deadline: Deadline::from_start(arrival.at, Duration::from_millis(u64::from(deadline_ms))),
        fresh: wire.fresh,
        steps: Steps::new(arrival.at),
    })
}

async fn answer(
    app: &App,
    question: &DataQuestion,
    (hint, arrival): (Option<ChartHint>, Arrival),
) -> Result<QueryAnswer, Problem> {
    let mut told = app.decider.tell_data(question, hint).await.inspect_err(|_| metrics::analytics::failed())?;
    metrics::analytics::answered(label(told.answer.label), told.came.map_or("none", Came::as_str));
    let judgeable = told.judgeable.take();
    let id = judgeable.map(|judgeable| app.decider.remember_answer(&question.tenant, *judgeable));
    Ok(QueryAnswer::of((told, id), question, arrival))
}

/// The semantic layers, with what can be asked of each; terms that the people of the tenant taught are among them.
#[utoipa::path(
    get, path = "/v1/query/layers", operation_id = "list_layers", tag = "query",
    responses((status = 200, description = "Every layer with its measures, dimensions and terms", body = LayersAnswer))
)]
pub(super) async fn layers(app: Data<App>, http: HttpRequest) -> Answered {
    let answered = caller(&http).map(|caller| {
        let library = app.decider.analyst.library_of(&caller.tenant);
        json::ok(&LayersAnswer { layers: library.all().map(|reader| LayerAnswer::of(&reader.layer)).collect() })
    });
    answered.at(&http)
}

fn label(label: Confidence) -> &'static str {
    match label {
        Confidence::High => "high",
        Confidence::Medium => "medium",
        Confidence::Low => "low",
        Confidence::Unable => "unable",
    }
}
