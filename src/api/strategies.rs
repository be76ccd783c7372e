//! What is configured.

use super::access::caller;
use super::decide::strategy_of;
use super::error::{Answered, At, ProblemDetails};
use super::json;
use crate::app::App;
use crate::budget::ledger::BudgetState;
use crate::domain::calibration::Calibration;
use crate::domain::ids::TenantId;
use crate::domain::strategy::Strategy;
use actix_web::HttpRequest;
use actix_web::web::{self, Data};
use serde::Serialize;

/// A strategy with the state of its memory.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct StrategyAnswer {
    #[serde(flatten)]
    strategy: Strategy,
    /// Whether it decides for requests that name none.
    default: bool,
    /// The model that makes its vectors.
    model: String,
    /// Where its entries are; absent while a component of a hard slot is not there.
    partition: Option<String>,
    /// Entries that a search can find.
    entries: usize,
    /// Why it can't decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_ready: Option<String>,
    /// What was learnt about reusing its decisions; absent where its file names no calibration.
    calibration: Option<Calibration>,
    /// How it stands with its error budget; absent where it states none.
    error_budget: Option<BudgetState>,
}

fn told(app: &App, tenant: &TenantId, strategy: &Strategy) -> StrategyAnswer {
    let decider = &app.decider;
    let partition = decider.partition_of(tenant, &strategy.name);
    let in_memory = |key| decider.semantic.partition(key).map_or(0, |p| p.len());
    let entries = partition.as_ref().map_or(0, |key| decider.entries_in_server(tenant, *key).unwrap_or_else(|| in_memory(key)));
    StrategyAnswer {
        strategy: strategy.clone(),
        default: strategy.name == decider.strategies.default,
        model: decider.embedder.model().to_string(),
        not_ready: partition.as_ref().err().map(ToString::to_string),
        partition: partition.ok().map(|key| key.to_string()),
        entries,
        calibration: decider.budgets.calibration(&strategy.name).map(|calibration| calibration.in_short()),
        error_budget: decider.budget_state(tenant, strategy),
    }
}

/// Every strategy.
#[utoipa::path(get, path = "/v1/strategies", operation_id = "list_strategies", tag = "strategies",
    responses((status = 200, description = "Every strategy", body = Vec<StrategyAnswer>)))]
pub(super) async fn list(app: Data<App>, http: HttpRequest) -> Answered {
    let all = caller(&http).map(|caller| {
        let strategies = app.decider.strategies.by_name.values();
        json::ok(&strategies.map(|s| told(&app, &caller.tenant, s)).collect::<Vec<StrategyAnswer>>())
    });
    all.at(&http)
}

/// One strategy.
#[utoipa::path(get, path = "/v1/strategies/{name}", operation_id = "get_strategy", tag = "strategies",
    params(("name" = String, Path, description = "The name of the strategy")),
    responses(
        (status = 200, description = "The strategy", body = StrategyAnswer),
        (status = 404, description = "No such strategy", body = ProblemDetails, content_type = "application/problem+json"),
    ))]
pub(super) async fn get(app: Data<App>, http: HttpRequest, name: web::Path<String>) -> Answered {
    let one = caller(&http).and_then(|caller| Ok(json::ok(&told(&app, &caller.tenant, strategy_of(&app, Some(&name))?))));
    one.at(&http)
}
