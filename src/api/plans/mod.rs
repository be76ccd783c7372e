//! `/v1/plans`: optimisation plans, which people approve or reject. An approved one is still acted on by nothing here.

mod answer;
mod body;
mod problem;

pub(super) use answer::{PlanAnswer, PlanInShort, PlansAnswer, ReplayAnswer};
pub(super) use body::optional as read_optional;
pub(super) use body::{CheckRequest, Large, PlanRequest, ReplayRequest, ReviewRequest};

use self::problem::placed;
use super::access::caller;
use super::audit::Audited;
use super::decisions::query;
use super::error::{Answered, At, Kind, Problem, ProblemDetails};
use super::json;
use super::trace::Arrival;
use crate::app::App;
use crate::cache::plans::PlanFilter;
use crate::decide::plans::{PlanInput, PlanQuestion, Planned};
use crate::domain::audit_chain::Action;
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::ids::PlanId;
use crate::domain::plan::CheckReport;
use crate::domain::plan_record::PlanState;
use crate::limits::{PLAN_PAGE_MAX, WAIT_MS_MAX};
use crate::telemetry::metrics;
use actix_web::HttpRequest;
use actix_web::web::{self, Data};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Ask for a plan: from memory where the same model with the same numbers was planned before, else by a solver.
///
/// The body is the model itself, a question around it, or a model in MPS as `text/plain`. That a model is infeasible or unbounded is a plan
/// that says why. A plan is a proposal: people approve it, and nothing here acts on it.
#[utoipa::path(
    post, path = "/v1/plans", operation_id = "ask_plan", tag = "plans",
    request_body(content((PlanRequest = "application/json"), (String = "text/plain"))),
    responses(
        (status = 200, description = "The plan; it is stored", body = PlanAnswer),
        (status = 202, description = "It is being made, and can be asked for under `Location`", body = PlanAnswer, headers(("Location" = String, description = "Where it will be"))),
        (status = 400, description = "Not JSON, an unknown field, a wrong type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The model can't be used, each place of it that is wrong under `errors`; or the words leave something open", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "The solver failed", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "All solvers are busy, or a required part is away; see Retry-After", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 504, description = "The deadline passed and `pending` is false", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn ask(app: Data<App>, http: HttpRequest, arrival: Arrival, Large(bytes): Large) -> Answered {
    let answered = async {
        let read = body::question(&http, bytes).await?;
        let words = read.asked.text.clone().unwrap_or_default();
        let (at, input) = match read.model {
            Some(model) => (read.at, PlanInput::Model(model)),
            None => ("/text", PlanInput::Words(words)),
        };
        let question = PlanQuestion {
            input,
            asked: read.asked,
            from: read.from,
            fresh: read.fresh,
            pending: read.pending,
            deadline: Deadline::from_start(arrival.at, Duration::from_millis(u64::from(read.deadline_ms))),
            trace: arrival.trace,
        };
        let planned = app.decider.plan(&caller(&http)?, question).await.map_err(|error| placed(error, at))?;
        Ok::<_, Problem>(match planned {
            Planned::Made(record, path) => PlanAnswer::of(&record, Some(path), arrival.trace).told(),
            Planned::Pending(record) => PlanAnswer::of(&record, None, arrival.trace).told(),
        })
    };
    answered.await.at(&http)
}

/// Hold a decision that somebody brings against a model: every constraint, bound and integrality, evaluated as the model states it.
#[utoipa::path(
    post, path = "/v1/plans/check", operation_id = "check_plan", tag = "plans", request_body = CheckRequest,
    responses(
        (status = 200, description = "Whether it holds, and what does not", body = CheckReport),
        (status = 400, description = "Not JSON, an unknown field, a wrong type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "The model or the values can't be used", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Too many models are being read", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 504, description = "It took too long", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn check(app: Data<App>, http: HttpRequest, arrival: Arrival, Large(bytes): Large) -> Answered {
    let answered = async {
        let mut wire: CheckRequest = json::read(&bytes).map_err(|error| Problem::field(Kind::BAD_REQUEST, error))?;
        drop(bytes);
        let (model, at, tolerance) = wire.checked()?;
        let deadline = Deadline::from_start(arrival.at, Duration::from_millis(u64::from(body::DEADLINE_MS)));
        let checked = app.decider.check_plan(model, wire.values, tolerance, deadline).await;
        let report = checked.map_err(|error| placed(error, at))?;
        metrics::plans::checked(report.passed);
        Ok::<_, Problem>(json::ok(&report))
    };
    answered.await.at(&http)
}

/// How long to wait for a plan that is being made.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanWait {
    /// Milliseconds to wait for a plan that is being made, at most 60,000.
    #[param(value_type = u64, required = false, maximum = 60_000)]
    wait_ms: Option<u64>,
}

/// A plan as it stands, with its model.
#[utoipa::path(
    get, path = "/v1/plans/{id}", operation_id = "get_plan", tag = "plans",
    params(("id" = String, Path, description = "The id of the plan"), PlanWait),
    responses(
        (status = 200, description = "The plan", body = PlanAnswer),
        (status = 202, description = "It is being made", body = PlanAnswer, headers(("Location" = String, description = "Where it will be"))),
        (status = 400, description = "An unknown or bad parameter", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such plan", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A wait that is too long", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(app: Data<App>, http: HttpRequest, arrival: Arrival, id: web::Path<String>) -> Answered {
    let answered = async {
        let wait: PlanWait = query(&http)?;
        if wait.wait_ms.is_some_and(|ms| ms > WAIT_MS_MAX) {
            return Err(Problem::field(Kind::NOT_ALLOWED, FieldError::new("/wait_ms", format!("it is more than {WAIT_MS_MAX}"))));
        }
        let (id, tenant) = (plan_id(&id)?, caller(&http)?.tenant);
        if let Some(within) = wait.wait_ms.map(Duration::from_millis) {
            app.decider.plan_ended(&tenant, id, within).await;
        }
        let record = app.decider.plan_record(&tenant, id).await?.ok_or_else(|| unknown(id))?;
        Ok(PlanAnswer::whole(&record, arrival.trace).told())
    };
    answered.await.at(&http)
}

/// Which plans.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PlansPage {
    /// Those in this state alone.
    #[param(value_type = PlanState, required = false)]
    state: Option<String>,
    /// How many, 1 to 200; 50 where absent.
    #[param(value_type = u64, required = false, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// The id that they come before, as `next` gives it.
    #[param(value_type = String, required = false, pattern = "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$")]
    before: Option<String>,
}

impl PlansPage {
    fn checked(&self) -> Result<(PlanFilter, usize), Problem> {
        let bad = |kind, pointer: &str, detail: String| Problem::field(kind, FieldError::new(pointer, detail));
        let read = |text: &String| text.parse::<usize>().map_err(|e| bad(Kind::BAD_REQUEST, "/limit", e.to_string()));
        let limit = self.limit.as_ref().map(read).transpose()?.unwrap_or(50);
        if !(1..=PLAN_PAGE_MAX).contains(&limit) {
            return Err(bad(Kind::NOT_ALLOWED, "/limit", format!("{limit} is not 1 to {PLAN_PAGE_MAX}")));
        }
        let known = || PlanState::ALL.map(PlanState::as_str).join(", ");
        let state = |word: &String| {
            PlanState::parse(word).ok_or_else(|| bad(Kind::BAD_REQUEST, "/state", format!("it is one of {}", known())))
        };
        let read = |text: &String| PlanId::parse(text).map_err(|e| bad(Kind::BAD_REQUEST, "/before", e.to_string()));
        let filter = PlanFilter {
            state: self.state.as_ref().map(state).transpose()?,
            before: self.before.as_ref().map(read).transpose()?,
        };
        Ok((filter, limit))
    }
}

/// The plans of the caller's tenant in short; each whole under its id.
#[utoipa::path(
    get, path = "/v1/plans", operation_id = "list_plans", tag = "plans", params(PlansPage),
    responses(
        (status = 200, description = "The plans, newest first", body = PlansAnswer),
        (status = 400, description = "An unknown or bad parameter", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A limit out of range", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(app: Data<App>, http: HttpRequest) -> Answered {
    let answered = query::<PlansPage>(&http).and_then(|page| {
        let ((filter, limit), tenant) = (page.checked()?, caller(&http)?.tenant);
        let (found, more) = app.decider.list_plans(&tenant, filter, limit);
        let next = found.last().filter(|_| more).map(|last| last.id);
        Ok(json::ok(&PlansAnswer { plans: found.iter().map(|brief| PlanInShort::from(&**brief)).collect(), next }))
    });
    answered.at(&http)
}

/// Approve a draft, for good. This is a note of who found it right and when: nothing in this service acts on it.
#[utoipa::path(
    post, path = "/v1/plans/{id}/approve", operation_id = "approve_plan", tag = "plans",
    params(("id" = String, Path, description = "The id of the plan")),
    request_body(content = ReviewRequest, description = "A note, or nothing"),
    responses(
        (status = 200, description = "The plan; the approval is durable", body = PlanAnswer),
        (status = 400, description = "Not JSON, an unknown field, a wrong type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such plan", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "It is no draft any more, or has no decision in it", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A note that is too long", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn approve(app: Data<App>, http: HttpRequest, arrival: Arrival, id: web::Path<String>, body: Large) -> Answered {
    review(&app, (&http, arrival), (&id, PlanState::Approved), body).await.at(&http)
}

/// Reject a draft, for good.
#[utoipa::path(
    post, path = "/v1/plans/{id}/reject", operation_id = "reject_plan", tag = "plans",
    params(("id" = String, Path, description = "The id of the plan")),
    request_body(content = ReviewRequest, description = "A note, or nothing"),
    responses(
        (status = 200, description = "The plan; the rejection is durable", body = PlanAnswer),
        (status = 400, description = "Not JSON, an unknown field, a wrong type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such plan", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "It is no draft any more", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A note that is too long", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "The store is away", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn reject(app: Data<App>, http: HttpRequest, arrival: Arrival, id: web::Path<String>, body: Large) -> Answered {
    review(&app, (&http, arrival), (&id, PlanState::Rejected), body).await.at(&http)
}

async fn review(
    app: &Data<App>,
    (http, arrival): (&HttpRequest, Arrival),
    (id, to): (&str, PlanState),
    Large(bytes): Large,
) -> Answered {
    let (id, caller) = (plan_id(id)?, caller(http)?);
    let note = body::optional::<ReviewRequest>(&bytes)?.checked()?;
    let action = if to == PlanState::Approved { Action::PlansApprove } else { Action::PlansReject };
    let audited = Audited::of(http, action, json!({ "plan": id, "noted": note.is_some() }))?;
    let decider = Arc::clone(&app.decider);
    let work = async move {
        let record = decider.review_plan(&caller, id, to, note).await?;
        let came = json!({ "key": record.key.to_string(), "objective": record.headline().and_then(|found| found.objective) });
        Ok((record, came))
    };
    let record = audited.run(app, work).await?;
    Ok(PlanAnswer::of(&record, None, arrival.trace).told())
}

/// Make a plan again from what is on record, and say whether the same comes out. Nothing of it is stored.
#[utoipa::path(
    post, path = "/v1/plans/{id}/replay", operation_id = "replay_plan", tag = "plans",
    params(("id" = String, Path, description = "The id of the plan")),
    request_body(content = ReplayRequest, description = "How long to wait, or nothing"),
    responses(
        (status = 200, description = "Whether the same came out", body = ReplayAnswer),
        (status = 400, description = "Not JSON, an unknown field, a wrong type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such plan", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "There is no report that could be made again", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 422, description = "A deadline out of range, or a model that this version can't use", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 500, description = "The solver failed", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "All solvers are busy, or a required part is away; see Retry-After", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 504, description = "The deadline passed", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn replay(app: Data<App>, http: HttpRequest, arrival: Arrival, id: web::Path<String>, body: Large) -> Answered {
    let answered = async {
        let (id, tenant) = (plan_id(&id)?, caller(&http)?.tenant);
        let deadline_ms = body::checked_deadline(body::optional::<ReplayRequest>(&body.0)?.deadline_ms)?;
        let deadline = Deadline::from_start(arrival.at, Duration::from_millis(u64::from(deadline_ms)));
        let replayed = app.decider.replay_plan(&tenant, id, deadline).await?;
        Ok::<_, Problem>(json::ok(&ReplayAnswer::from(replayed)))
    };
    answered.await.at(&http)
}

fn plan_id(id: &str) -> Result<PlanId, Problem> {
    PlanId::parse(id).map_err(|error| Problem::new(Kind::NOT_FOUND, error.to_string()))
}

fn unknown(id: PlanId) -> Problem {
    Problem::new(Kind::NOT_FOUND, format!("there is no plan {id}, or it is past its age"))
}
