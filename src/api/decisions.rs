//! Past decisions and their audit records.

use super::access::caller;
use super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::json;
use crate::app::App;
use crate::decide::{RecentDecision, Work};
use crate::domain::audit::DecisionRecord;
use crate::domain::field::FieldError;
use crate::domain::ids::{DecisionId, TenantId};
use crate::limits::{RECENT_PAGE_MAX, WAIT_MS_MAX};
use actix_web::HttpRequest;
use actix_web::web::{self, Data};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long to wait for a pending decision.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    /// Milliseconds to wait for a pending decision, at most 60,000. A past one is answered at once.
    #[param(value_type = u64, required = false, maximum = 60_000)]
    wait_ms: Option<u64>,
}

/// The work for a decision that is pending, or was a moment ago.
pub(super) fn work(app: &App, tenant: &TenantId, id: &str) -> Option<Arc<Work>> {
    app.decider.work(tenant, DecisionId::parse(id).ok()?)
}

/// Waits for another process to decide, if one is at work.
pub(super) async fn decided_elsewhere(app: &App, tenant: &TenantId, id: &str, within: Duration) -> Result<(), Problem> {
    match DecisionId::parse(id) {
        Ok(id) => Ok(app.decider.decided_elsewhere(tenant, id, within).await?),
        Err(_) => Ok(()),
    }
}

/// The answer of a decision as it stands, with what was asked and when.
pub(super) async fn answer_of(app: &App, tenant: &TenantId, id: &str) -> Result<Value, Problem> {
    // Asked before the record is read, for what ends in between has its record written by then and not yet seen.
    let over = work(app, tenant, id).map(|work| work.is_over());
    let record = record(app, tenant, id).await?;
    let elsewhere = app.decider.may_be_under_way(&record).then_some(false);
    told(&record, over.or(elsewhere))
}

async fn record(app: &App, tenant: &TenantId, id: &str) -> Result<DecisionRecord, Problem> {
    let id = DecisionId::parse(id).map_err(|e| Problem::new(Kind::NOT_FOUND, e.to_string()))?;
    let found = app.decider.audit(tenant, id).await?;
    found.ok_or_else(|| Problem::new(Kind::NOT_FOUND, format!("there is no decision {id}, or its record is past its age")))
}

/// `over` is whether the work for it is, where there is any.
fn told(record: &DecisionRecord, over: Option<bool>) -> Result<Value, Problem> {
    let unreadable = |e: serde_json::Error| Problem::new(Kind::INTERNAL, format!("the record can't be read: {e}"));
    let mut answer: Map<String, Value> = serde_json::from_str(record.answer.get()).map_err(unreadable)?;
    let request: Value = serde_json::from_str(record.request.get()).map_err(unreadable)?;
    let lost = match over {
        None => Some("the service stopped before the engine was done; ask again"),
        Some(true) => Some("the engine was done, and its answer could not be kept; ask again"),
        Some(false) => None,
    };
    if answer.get("outcome") == Some(&json!("pending"))
        && let Some(why) = lost
    {
        answer.insert("outcome".to_owned(), json!("abstained"));
        answer.insert("reason".to_owned(), json!(why));
        answer.remove("location");
    }
    answer.insert("audit".to_owned(), json!({"at": record.at, "tenant": record.tenant, "request": request}));
    Ok(Value::Object(answer))
}

/// The answer of a decision, with what was asked and when; one that is pending is waited for.
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
        let tenant = caller(&http)?.tenant;
        // Where it isn't there by then the answer is still "pending".
        if let Some(within) = wait.wait_ms.map(Duration::from_millis) {
            match work(&app, &tenant, &id) {
                Some(work) => drop(timeout(within, work.ended()).await),
                None => decided_elsewhere(&app, &tenant, &id, within).await?,
            }
        }
        Ok(json::ok(&answer_of(&app, &tenant, &id).await?))
    };
    answered.await.at(&http)
}

/// Which of the latest decisions.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// How many, 1 to 200; 50 where absent.
    // Read as a text: what reads a query doesn't say which of two parameters is no number.
    #[param(value_type = u64, required = false, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// The id that they come before, as `next` gives it.
    #[param(value_type = String, required = false, pattern = "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$")]
    before: Option<String>,
}

impl Page {
    fn checked(&self) -> Result<(usize, Option<DecisionId>), Problem> {
        let bad = |kind, pointer: &str, detail: String| Problem::field(kind, FieldError::new(pointer, detail));
        let read = |text: &String| text.parse::<usize>().map_err(|e| bad(Kind::BAD_REQUEST, "/limit", e.to_string()));
        let limit = self.limit.as_ref().map(read).transpose()?.unwrap_or(50);
        if !(1..=RECENT_PAGE_MAX).contains(&limit) {
            return Err(bad(Kind::NOT_ALLOWED, "/limit", format!("{limit} is not 1 to {RECENT_PAGE_MAX}")));
        }
        let read = |text: &String| DecisionId::parse(text).map_err(|e| bad(Kind::BAD_REQUEST, "/before", e.to_string()));
        Ok((limit, self.before.as_ref().map(read).transpose()?))
    }
}

/// The latest decisions in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PageAnswer {
    /// Newest first.
    #[schema(value_type = Vec<RecentDecision>)]
    decisions: Vec<Arc<RecentDecision>>,
    /// What to give as `before` for those that come after them; null where there are no more.
    #[schema(value_type = Option<String>)]
    next: Option<DecisionId>,
}

/// The latest decisions of the caller's tenant in short, at most 512 since the service started; each whole under its id.
#[utoipa::path(
    get, path = "/v1/decisions", operation_id = "list_decisions", tag = "decide", params(Page),
    responses(
        (status = 200, description = "The decisions, newest first", body = PageAnswer),
        (status = 400, description = "An unknown or bad parameter", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A limit out of range", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(app: Data<App>, http: HttpRequest) -> Answered {
    let answered = query::<Page>(&http).and_then(|page| {
        let ((limit, before), tenant) = (page.checked()?, caller(&http)?.tenant);
        // One more tells whether there is a further page.
        let mut decisions = app.decider.recent.latest(&tenant, before, limit + 1);
        let more = decisions.len() > limit;
        decisions.truncate(limit);
        let next = decisions.last().filter(|_| more).map(|last| last.id);
        Ok(json::ok(&PageAnswer { decisions, next }))
    });
    answered.at(&http)
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
