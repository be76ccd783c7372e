//! What an optimisation plan says: plain data, as it is stored and as callers read it.
//!
//! Every number in it is computed: by a solver and checked, or by the checker from the caller's own model. Nothing in it is acted on by
//! this service.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A plan, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanReport {
    /// What it is a plan for, in a few words.
    pub title: String,
    /// `lp`, `mip`, `convex` or `cp`.
    pub model_type: String,
    /// How the search for the best values ended.
    pub status: PlanStatus,
    /// Which solver it was, with its version, and how long it ran.
    pub solver: SolverRun,
    /// `minimize` or `maximize`.
    pub sense: String,
    /// The objective at the decision; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub objective: Option<f64>,
    /// What no decision can be better than, where the solver knows and it differs from the objective.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bound: Option<f64>,
    /// The unit of the objective, where the model has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<String>,
    /// The decision: one row for each variable, in the order of the model. Empty where there is none.
    pub decision: Vec<DecisionRow>,
    /// The constraints and bounds that hold with equality and keep the objective from being better.
    pub binding: Vec<Binding>,
    /// What re-solving with a changed parameter gave.
    pub sensitivity: Vec<Sensitivity>,
    /// Other decisions, and what they would cost.
    pub alternatives: Vec<Alternative>,
    /// Of an infeasible model: constraints that cannot all hold, of which none can be left out (an irreducible infeasible set).
    pub conflict: Vec<Conflict>,
    /// Of an unbounded model: the variables that can grow for ever together, and how they move.
    pub ray: BTreeMap<String, f64>,
    /// What it rests on, and where each comes from.
    pub assumptions: Vec<Assumption>,
    /// What a person should look at before approving.
    pub risks: Vec<String>,
    /// What to ask next.
    pub next: Vec<String>,
    /// What the checker, which knows nothing of the solver, says of the decision.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub check: Option<CheckReport>,
    /// The whole in words.
    pub text: String,
    /// A Plotly figure, where looking beats reading.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub chart: Option<serde_json::Value>,
}

/// How the search for the best values ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanStatus {
    /// Nothing is better, and the checker agrees that every constraint holds.
    Optimal,
    /// A limit came first; every constraint holds, and something better may exist.
    Feasible,
    /// The constraints cannot all hold.
    Infeasible,
    /// The objective has no end.
    Unbounded,
    /// A limit came first, and no decision was found.
    Unknown,
}

impl PlanStatus {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Optimal => "optimal",
            Self::Feasible => "feasible",
            Self::Infeasible => "infeasible",
            Self::Unbounded => "unbounded",
            Self::Unknown => "unknown",
        }
    }
}

/// Which solver ran.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SolverRun {
    /// Its name and version.
    pub name: String,
    /// Milliseconds that it ran for the decision itself, without sensitivity and alternatives.
    pub solve_ms: f64,
    /// Solves in all, those for sensitivity, alternatives and conflicts included.
    pub solves: u32,
}

/// The value of one variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionRow {
    /// The variable, as in `x_btc` or `x[btc]`.
    pub variable: String,
    /// Its value.
    pub value: f64,
    /// Its unit, where the model has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<String>,
    /// What part it is of the sum over its family, where all of the family are at least 0 and share a unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub share: Option<f64>,
    /// The bound or constraint that it stands at, such as `x_i <= max_pct * budget`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<String>,
}

/// A constraint that binds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = BindingConstraint)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Its name, with its index where it has one, such as `ceiling[btc]`.
    pub constraint: String,
    /// As the model states it.
    pub states: String,
    /// By how much the objective rises for each unit by which its right-hand side rises, where a dual exists.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dual: Option<f64>,
}

/// What re-solving with a changed parameter gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sensitivity {
    /// Which parameter, such as `max_pct` or `cvar[sol]`.
    pub parameter: String,
    /// What it is in the model.
    pub from: f64,
    /// What it was changed to.
    pub to: f64,
    /// How that search ended.
    pub status: PlanStatus,
    /// The objective then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub objective: Option<f64>,
    /// The change of the objective relative to that of the plan, such as −0.105.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub change: Option<f64>,
    /// Whether the decision is another one.
    pub decision_changes: bool,
}

/// Another decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    /// What it is, such as `equal weights`.
    pub name: String,
    /// The objective at it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub objective: Option<f64>,
    /// The change of the objective relative to that of the plan.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub change: Option<f64>,
    /// The constraints that it breaks; empty where it holds all.
    pub breaks: Vec<String>,
    /// Its values by variable.
    pub values: BTreeMap<String, f64>,
}

/// A constraint of an irreducible infeasible set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Conflict {
    /// Its name, or the variable whose bound it is.
    pub constraint: String,
    /// As the model states it, with numbers in place of parameters where that helps.
    pub states: String,
}

/// What a plan rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assumption {
    /// What is assumed.
    pub text: String,
    /// Where it comes from, such as `caller`, `template allocation` or `NR-04`.
    pub source: String,
}

/// What the checker says of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckReport {
    /// Whether every constraint, bound and integrality holds within the tolerance.
    pub passed: bool,
    /// The objective at the decision, computed from the model.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub objective: Option<f64>,
    /// How many constraints, bounds and integralities were looked at.
    pub checked: u64,
    /// The largest violation relative to the size of what it breaks, 0 where all hold exactly.
    pub worst: f64,
    /// What does not hold, the worst first, at most 100.
    pub violations: Vec<Violation>,
}

/// What does not hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// The constraint with its index, or the variable.
    pub constraint: String,
    /// As the model states it.
    pub states: String,
    /// What the left side is.
    pub left: f64,
    /// What the right side is.
    pub right: f64,
}

/// Something that a question in words did not say and that a plan can't do without. It is asked for, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MissingSlot {
    /// Its name in the template.
    pub slot: String,
    /// One sentence.
    pub question: String,
    /// What may be said.
    pub example: String,
}

/// The source of what a language model read into a question or added to it.
pub const LANGUAGE_MODEL: &str = "language model";
