//! What goes over the wire of plans.

use super::super::json;
use crate::decide::plans::{PlanPath, Replayed};
use crate::domain::ids::{PlanId, TraceId};
use crate::domain::plan::{PlanReport, PlanStatus};
use crate::domain::plan_record::{MadeWith, PlanAsked, PlanBrief, PlanChange, PlanFailure, PlanLink, PlanRecord, PlanState};
use crate::domain::time::Timestamp;
use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// A plan. It is a proposal for people: nothing in this service acts on it, whatever its state.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct PlanAnswer<'a> {
    /// Its id.
    #[schema(value_type = String)]
    id: PlanId,
    /// What became of it.
    state: PlanState,
    /// Whether it was known (`exact`) or was made now (`engine`); in the answer to a question alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PlanPathWord>)]
    path: Option<PlanPathWord>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// By whom; absent where no credentials are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_by: Option<&'a str>,
    /// A digest of the model's structure and numbers and of what else of the question changes the answer: who asks the same gets the same.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    key: String,
    /// Where it can be asked for; while it is being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    /// What was found; absent while it is being made and where that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PlanReport>)]
    report: Option<&'a RawValue>,
    /// Why there is no report.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a PlanFailure>,
    /// Every change of the state, oldest first.
    history: &'a [PlanChange],
    /// Decisions and plans that it was made from.
    refers_to: &'a [PlanLink],
    /// Plans and decisions that were made from it.
    handed_to: &'a [PlanLink],
    /// What it was made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    made_with: Option<&'a MadeWith>,
    /// What was asked beside the model.
    asked: &'a PlanAsked,
    /// The model as it was given: an object in the model language, or a string in MPS. Where the plan itself is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    model: Option<&'a RawValue>,
    /// When it ends; absent for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// The trace of the request.
    #[schema(value_type = String)]
    trace_id: TraceId,
}

/// How a plan was come by.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::api) enum PlanPathWord {
    /// It was known.
    Exact,
    /// It was made.
    Engine,
}

impl From<PlanPath> for PlanPathWord {
    fn from(path: PlanPath) -> Self {
        match path {
            PlanPath::Exact => Self::Exact,
            PlanPath::Engine => Self::Engine,
        }
    }
}

impl<'a> PlanAnswer<'a> {
    pub(super) fn of(record: &'a PlanRecord, path: Option<PlanPath>, trace_id: TraceId) -> Self {
        Self {
            id: record.id,
            state: record.state,
            path: path.map(Into::into),
            created_at: record.created_at,
            asked_by: record.asked_by.as_deref(),
            key: record.key.to_string(),
            location: (record.state == PlanState::Pending).then(|| location(record.id)),
            report: record.report.as_deref(),
            failure: record.failure.as_ref(),
            history: &record.history,
            refers_to: &record.refers_to,
            handed_to: &record.handed_to,
            made_with: record.made_with.as_ref(),
            asked: &record.asked,
            model: None,
            expires_at: record.expires_at(),
            trace_id,
        }
    }

    /// The same with the model.
    pub(super) fn whole(record: &'a PlanRecord, trace_id: TraceId) -> Self {
        Self { model: Some(&record.model), ..Self::of(record, None, trace_id) }
    }

    /// The answer over HTTP: 202 where there is nothing more to tell than where to ask.
    pub(super) fn told(&self) -> HttpResponse {
        match &self.location {
            Some(location) => HttpResponse::Accepted().insert_header(("location", location.as_str())).json(self),
            None => json::ok(self),
        }
    }
}

pub(super) fn location(id: PlanId) -> String {
    format!("/v1/plans/{id}")
}

/// A plan in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct PlanInShort {
    #[schema(value_type = String)]
    id: PlanId,
    state: PlanState,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When its state last changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
    /// Who asked; absent where no credentials are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    asked_by: Option<Arc<str>>,
    /// What it is a plan for; absent where there is no report.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// `lp`, `mip`, `convex` or `cp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    model_type: Option<String>,
    /// How the search for the best values ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<PlanStatus>,
    /// The objective at the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    objective: Option<f64>,
    /// Its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
}

impl From<&PlanBrief> for PlanInShort {
    fn from(brief: &PlanBrief) -> Self {
        let found = brief.found.as_ref();
        Self {
            id: brief.id,
            state: brief.state,
            created_at: brief.created_at,
            changed_at: brief.changed_at,
            asked_by: brief.asked_by.clone(),
            title: found.map(|found| found.title.clone()),
            model_type: found.map(|found| found.model_type.clone()),
            status: found.map(|found| found.status),
            objective: found.and_then(|found| found.objective),
            unit: found.and_then(|found| found.unit.clone()),
        }
    }
}

/// Plans in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct PlansAnswer {
    /// Newest first.
    pub(super) plans: Vec<PlanInShort>,
    /// What to give as `before` for those that come after them; null where there are no more.
    #[schema(value_type = Option<String>)]
    pub(super) next: Option<PlanId>,
}

/// What making a plan again gave.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct ReplayAnswer {
    #[schema(value_type = String)]
    id: PlanId,
    /// Whether status, objective and every value are the same, to 1e-6 of their size.
    agrees: bool,
    /// Whether status and objective are.
    objective_agrees: bool,
    /// Whether every value is. Where the objective is the same and this is not, there are several best decisions.
    decision_agrees: bool,
    /// Whether the model on record has the digest that is on record.
    key_agrees: bool,
    /// How the search ended.
    status: Both<PlanStatus>,
    /// The objective.
    objective: Both<Option<f64>>,
    /// The solver, with its version.
    solver: Both<String>,
    /// Variables that came out otherwise, at most 100.
    differences: Vec<DifferenceAnswer>,
}

/// What is on record, and what came out now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StoredAndReplayed)]
pub(in crate::api) struct Both<T> {
    /// On record.
    stored: T,
    /// Now.
    replayed: T,
}

/// A variable that came out otherwise.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(in crate::api) struct DifferenceAnswer {
    /// Which.
    variable: String,
    /// On record; null where it was not there.
    stored: Option<f64>,
    /// Now; null where it is not there.
    replayed: Option<f64>,
}

impl From<Replayed> for ReplayAnswer {
    fn from(replayed: Replayed) -> Self {
        fn both<T>((stored, replayed): (T, T)) -> Both<T> {
            Both { stored, replayed }
        }
        let differences = replayed.differences.into_iter();
        Self {
            id: replayed.record.id,
            agrees: replayed.objective_agrees && replayed.decision_agrees,
            objective_agrees: replayed.objective_agrees,
            decision_agrees: replayed.decision_agrees,
            key_agrees: replayed.key_agrees,
            status: both(replayed.status),
            objective: both(replayed.objective),
            solver: both(replayed.solver),
            differences: differences
                .map(|d| DifferenceAnswer { variable: d.variable, stored: d.stored, replayed: d.replayed })
                .collect(),
        }
    }
}
