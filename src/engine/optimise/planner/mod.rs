//! From a model to a plan that a person can approve: solved, checked, explained.
//!
//! Invariants:
//! - a decision that the checker does not pass is never given: the plan fails instead, and says what is broken;
//! - every number of a plan was computed by a solver and confirmed by the checker, or by the checker alone; its words are written by rule;
//! - the decision is worth more than what is said about it: what explains it is left out, and named as left out, where time runs short.

mod advice;
mod binding;
mod chart;
mod conflict;
mod draft;
mod figures;
mod found;
mod narrative;
mod others;
mod problem;
mod ray;
mod report;
mod runs;
mod sensitivity;
#[cfg(test)]
mod tests;

pub use sensitivity::ParameterChange;

use self::advice::Known;
use self::found::{Found, Outcome};
use self::problem::Problem;
use self::report::{Job, blank};
use self::runs::{Runs, Stop};
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::plan::{Assumption, CheckReport, PlanReport};
use crate::modelling::{Model, ModelError};
use crate::solver::{Cancel, Limits, Solution, SolveStatus, Solver, SolverError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How far a constraint may be off, relative to its size, to count as held. Solvers work to about a tenth of it.
const TOLERANCE: f64 = 1e-6;

/// The title of a plan whose model has none.
const UNTITLED: &str = "Optimisation plan";

/// The settings of the planner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Changes of parameters that one plan tries of its own, 0 to 1,000, each by one solve.
    pub sensitivity_max: usize,
    /// Solves that one plan may take to explain a decision, or that there is none, 0 to 10,000.
    pub explaining_solves_max: u32,
    /// Milliseconds that explaining a decision may take once it stands, 0 to 600,000. That there is none is explained until the deadline.
    pub explaining_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { sensitivity_max: 16, explaining_solves_max: 200, explaining_ms: 10_000 }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// The field that is out of it and the rule that it breaks.
    pub fn check(&self) -> Result<(), FieldError> {
        if self.sensitivity_max > 1_000 {
            return Err(FieldError::new("/sensitivity_max", format!("{} is not 0 to 1,000", self.sensitivity_max)));
        }
        if self.explaining_solves_max > 10_000 {
            return Err(FieldError::new("/explaining_solves_max", format!("{} is not 0 to 10,000", self.explaining_solves_max)));
        }
        if self.explaining_ms > 600_000 {
            return Err(FieldError::new("/explaining_ms", format!("{} is not 0 to 600,000", self.explaining_ms)));
        }
        Ok(())
    }
}

/// What is asked beside the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What the plan is called; the model's own title without.
    pub title: Option<String>,
    /// Decisions of the caller's own to compare with, by name.
    pub alternatives: Vec<(String, BTreeMap<String, f64>)>,
    /// Changes of parameters that the caller wants tried.
    pub sensitivity: Vec<ParameterChange>,
    /// What is assumed beside what the model says, as by the template that it was made with.
    pub assumptions: Vec<Assumption>,
    /// How far each solve may go.
    pub limits: Limits,
    /// Whether the decision is to be explained by further solves; the caller's own changes are tried all the same.
    pub explained: bool,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            title: None,
            alternatives: Vec::new(),
            sensitivity: Vec::new(),
            assumptions: Vec::new(),
            limits: Limits { time: Duration::from_secs(60), memory_bytes: 2 << 30, nodes: None, gap: 1e-6 },
            explained: true,
        }
    }
}

/// Why there is no plan. That a model has no solution is none of these: it is what the plan then says.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The model can't be written out as a program.
    #[error("the model can't be planned: {}", .0.first().map_or_else(String::new, ToString::to_string))]
    Model(Vec<ModelError>),
    /// What was asked beside the model is wrong.
    #[error("{0}")]
    Asked(FieldError),
    /// The solver gave no answer.
    #[error(transparent)]
    Solver(SolverError),
    /// The solver's decision does not hold in the caller's own model.
    #[error("the solver's decision was refused by the checker: {detail}")]
    Refused {
        /// What is wrong with it.
        detail: String,
        /// All that the checker says.
        check: Box<CheckReport>,
    },
    /// The deadline came before the solver was asked.
    #[error("the deadline came before the solver was asked")]
    Late,
    /// Nobody waits for it any more.
    #[error("the plan was cancelled")]
    Cancelled,
}

/// Makes plans.
#[derive(Debug, Clone)]
pub struct Planner {
    solver: Arc<dyn Solver>,
    config: Config,
}

impl Planner {
    /// A planner with this solver.
    pub fn new(solver: Arc<dyn Solver>, config: Config) -> Self {
        Self { solver, config }
    }

    /// Whether these values hold in the model, by the same checker that every plan has to pass.
    ///
    /// # Errors
    /// A variable has no value, a value is of no variable, or an expression can't be computed.
    pub fn check(&self, model: &Model, values: &BTreeMap<String, f64>) -> Result<CheckReport, Vec<ModelError>> {
        model.check(values, TOLERANCE)
    }

    /// Plans. Blocks until it is done, at the deadline at the latest, or soon after it is cancelled.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn plan(&self, model: &Model, asked: &Asked, deadline: Deadline, cancel: &Cancel) -> Result<PlanReport, PlanError> {
        if let Some((at, change)) =
            asked.sensitivity.iter().enumerate().find(|(_, change)| sensitivity::named(model, &change.parameter).is_none())
        {
            let detail = format!("the model has no parameter `{}`", change.parameter);
            return Err(PlanError::Asked(FieldError::new(format!("/sensitivity/{at}/parameter"), detail)));
        }
        let (problem, expanded) = Problem::of(model).map_err(PlanError::Model)?;
        let extra = if asked.explained { self.config.explaining_solves_max } else { 0 };
        let extra = extra.saturating_add(u32::try_from(asked.sensitivity.len()).unwrap_or(u32::MAX));
        let runs = Runs::new(&*self.solver, (asked.limits, extra), deadline, cancel);
        let solution = runs.first(&problem.program).map_err(stopped)?;
        let report = blank(model, asked, &solution);
        let job = Job { config: self.config, model, problem: &problem, asked, runs: &runs };
        match solution.status {
            SolveStatus::Infeasible => job.infeasible(report),
            SolveStatus::Unbounded => job.unbounded(report),
            SolveStatus::Unknown => Ok(job.told(report, &[], Known::default())),
            SolveStatus::Optimal | SolveStatus::Feasible => {
                let outcome = found::settle(model, (&problem, &expanded), &solution, &runs).map_err(stopped)?;
                let settled = match outcome {
                    Outcome::Passed(settled) => settled,
                    Outcome::Refused(check, detail) => return Err(PlanError::Refused { detail, check }),
                    Outcome::None => return Ok(job.told(report, &[], Known::default())),
                };
                let report = PlanReport { objective: Some(settled.objective), check: Some(settled.check), ..report };
                let solution = Solution { values: settled.columns, objective: Some(settled.objective), ..solution };
                let found = Found {
                    model,
                    problem: &problem,
                    expanded: &expanded,
                    solution,
                    values: settled.values,
                    objective: settled.objective,
                };
                job.solved(report, &found)
            }
        }
    }
}

fn stopped(stop: Stop) -> PlanError {
    match stop {
        Stop::Cancelled => PlanError::Cancelled,
        Stop::Enough => PlanError::Late,
        Stop::Solver(error) => PlanError::Solver(error),
    }
}
