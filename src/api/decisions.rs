//! Past decisions and their audit records.

use super::decide::caller;
use super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::json;
use crate::app::App;
use crate::domain::audit::DecisionRecord;
use crate::domain::field::FieldError;
use crate::domain::ids::DecisionId;
use crate::limits::WAIT_MS_MAX;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// How long to wait for a pending decision.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    /// Milliseconds to wait for a pending decision, at most 60,000. A past one is answered at once.
    #[param(maximum = 60_000)]
    wait_ms: Option<u64>,
}

async fn record(app: &App, id: &str) -> Result<DecisionRecord, Problem> {
    let id = DecisionId::parse(id).map_err(|e| Problem::new(Kind::NOT_FOUND, e.to_string()))?;
    let found = app.decider.audit(&caller().tenant, id).await?;
    found.ok_or_else(|| Problem::new(Kind::NOT_FOUND, format!("there is no decision {id}, or its record is past its age")))
}

fn told(record: &DecisionRecord) -> Result<Value, Problem> {
    let unreadable = |e: serde_json::Error| Problem::new(Kind::INTERNAL, format!("the record can't be read: {e}"));
    let mut answer: Map<String, Value> = serde_json::from_str(record.answer.get()).map_err(unreadable)?;
    let request: Value = serde_json::from_str(record.request.get()).map_err(unreadable)?;
    answer.insert("audit".to_owned(), json!({"at": record.at, "tenant": record.tenant, "request": request}));
    Ok(Value::Object(answer))
}

/// The answer of a past decision, with what was asked and when.
#[utoipa::path(
    get, path = "/v1/decisions/{id}", operation_id = "get_decision", tag = "decide",
    params(("id" = String, Path, description = "The id of the answer"), Wait),
    responses(
        (status = 200, description = "The answer, with its audit record under `audit`", body = Object),
        (status = 400, description = "An unknown or bad parameter", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such decision", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A wait that is too long", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn decision(app: Data<App>, http: HttpRequest, id: web::Path<String>) -> Answered {
    let answered = async {
        let wait: Wait = query(&http)?;
        if wait.wait_ms.is_some_and(|ms| ms > WAIT_MS_MAX) {
            return Err(Problem::field(Kind::NOT_ALLOWED, FieldError::new("/wait_ms", format!("it is more than {WAIT_MS_MAX}"))));
        }
        Ok(json::ok(&told(&record(&app, &id).await?)?))
    };
    answered.await.at(&http)
}

/// The answer as server-sent events. A past decision has one event, `answer`, and then the stream ends.
#[utoipa::path(
    get, path = "/v1/decisions/{id}/events", operation_id = "get_decision_events", tag = "decide",
    params(("id" = String, Path, description = "The id of the answer")),
    responses(
        (status = 200, description = "Events", body = String, content_type = "text/event-stream"),
        (status = 404, description = "No such decision", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn events(app: Data<App>, http: HttpRequest, id: web::Path<String>) -> Answered {
    let answered = async {
        let answer = told(&record(&app, &id).await?)?;
        let event = format!("event: answer\ndata: {answer}\n\n");
        Ok::<_, Problem>(
            HttpResponse::Ok().content_type("text/event-stream").insert_header(("cache-control", "no-cache")).body(event),
        )
    };
    answered.await.at(&http)
}

/// Reads the query of a request strictly.
pub(super) fn query<T: serde::de::DeserializeOwned>(http: &HttpRequest) -> Result<T, Problem> {
    let read = web::Query::<T>::from_query(http.query_string());
    read.map(web::Query::into_inner).map_err(|error| {
        let detail = error.to_string();
        // serde names an unknown parameter in backquotes; for a bad value it is the one parameter that was given.
        let named = detail.split('`').nth(1).filter(|_| detail.contains("unknown field"));
        let given = http.query_string().split(['=', '&']).next().unwrap_or_default();
        Problem::field(Kind::BAD_REQUEST, FieldError::new(format!("/{}", named.unwrap_or(given)), detail.clone()))
    })
}
