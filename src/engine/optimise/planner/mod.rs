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
mod runs;
mod sensitivity;
#[cfg(test)]
mod tests;

pub use sensitivity::ParameterChange;

use self::advice::Known;
use self::draft::Stand;
use self::found::{Found, Outcome};
use self::problem::{Problem, Side};
use self::runs::{Runs, Stop};
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::plan::{Assumption, CheckReport, Conflict, PlanReport, PlanStatus, SolverRun};
use crate::modelling::{Model, ModelError};
use crate::solver::program::{Class, Sense};
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
        let job = Job { planner: self, model, problem: &problem, asked, runs: &runs };
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

/// A report with what is known before anything is explained.
fn blank(model: &Model, asked: &Asked, solution: &Solution) -> PlanReport {
    PlanReport {
        title: asked.title.clone().or_else(|| model.title().map(ToOwned::to_owned)).unwrap_or_else(|| UNTITLED.to_owned()),
        model_type: match model.class() {
            Class::Lp => "lp",
            Class::Mip => "mip",
            Class::Convex => "convex",
            Class::Cp => "cp",
        }
        .to_owned(),
        status: match solution.status {
            SolveStatus::Optimal => PlanStatus::Optimal,
            SolveStatus::Feasible => PlanStatus::Feasible,
            SolveStatus::Infeasible => PlanStatus::Infeasible,
            SolveStatus::Unbounded => PlanStatus::Unbounded,
            SolveStatus::Unknown => PlanStatus::Unknown,
        },
        solver: SolverRun { name: solution.solver.clone(), solve_ms: solution.solve_ms, solves: 1 },
        sense: match model.sense() {
            Sense::Minimize => "minimize",
            Sense::Maximize => "maximize",
        }
        .to_owned(),
        objective: None,
        bound: solution.bound,
        unit: model.unit(),
        decision: Vec::new(),
        binding: Vec::new(),
        sensitivity: Vec::new(),
        alternatives: Vec::new(),
        conflict: Vec::new(),
        ray: BTreeMap::new(),
        assumptions: advice::assumptions(model, &asked.assumptions),
        risks: Vec::new(),
        next: Vec::new(),
        check: None,
        text: String::new(),
        chart: None,
    }
}

fn stopped(stop: Stop) -> PlanError {
    match stop {
        Stop::Cancelled => PlanError::Cancelled,
        Stop::Enough => PlanError::Late,
        Stop::Solver(error) => PlanError::Solver(error),
    }
}

/// One plan in the making.
struct Job<'a> {
    planner: &'a Planner,
    model: &'a Model,
    problem: &'a Problem,
    asked: &'a Asked,
    runs: &'a Runs<'a>,
}

impl Job<'_> {
    fn solved(&self, mut report: PlanReport, found: &Found<'_>) -> Result<PlanReport, PlanError> {
        self.runs.explain_for(Duration::from_millis(self.planner.config.explaining_ms));
        let differs = |bound: f64| found::change(bound, found.objective).is_none_or(|by| by != 0.0);
        report.bound = report.bound.filter(|bound| bound.is_finite() && differs(*bound));
        let (rows, stands): (Vec<_>, Vec<_>) = draft::decision(found).into_iter().unzip();
        report.decision = rows;
        let bounds = binding::find(self.problem, &found.solution, self.runs).map_err(stopped)?;
        report.binding = draft::binding(self.problem, &bounds);
        report
            .alternatives
            .extend(self.asked.alternatives.iter().map(|(name, values)| draft::judged(found, name, values.clone())));
        report.alternatives.extend(draft::equal(found));
        if self.asked.explained {
            for other in others::next_best(self.problem, &found.solution, self.runs).map_err(stopped)? {
                let solution = Solution {
                    status: SolveStatus::Optimal,
                    values: other.columns.clone(),
                    objective: None,
                    ..found.solution.clone()
                };
                let settled = found::settle(self.model, (self.problem, found.expanded), &solution, self.runs).map_err(stopped)?;
                report.alternatives.extend(draft::another(found, &other, settled.passed()));
            }
        }
        let most = if self.asked.explained { self.planner.config.sensitivity_max } else { 0 };
        let tried = sensitivity::find(found, &self.asked.sensitivity, (self.runs, most)).map_err(stopped)?;
        report.sensitivity = tried.entries;
        let known =
            Known { used_up: self.used_up(&found.solution), left_out: tried.left_out, late: tried.late, ..Known::default() };
        report.chart = chart::figure(&report.title, &report.decision, (self.problem, &found.solution.values));
        Ok(self.told(report, &stands, known))
    }

    fn infeasible(&self, mut report: PlanReport) -> Result<PlanReport, PlanError> {
        let mut known = Known::default();
        if self.asked.explained {
            let set = conflict::find(self.problem, self.runs).map_err(stopped)?;
            known.irreducible = set.irreducible;
            report.conflict = set
                .members
                .iter()
                .map(|&member| {
                    let (constraint, states) = conflict::told(self.problem, member);
                    Conflict { constraint, states }
                })
                .collect();
        }
        Ok(self.told(report, &[], known))
    }

    fn unbounded(&self, mut report: PlanReport) -> Result<PlanReport, PlanError> {
        report.ray = if self.asked.explained { ray::find(self.problem, self.runs).map_err(stopped)? } else { BTreeMap::new() };
        let known = Known { open: ray::open(self.problem, &report.ray), ..Known::default() };
        Ok(self.told(report, &[], known))
    }

    /// The report with its words.
    fn told(&self, mut report: PlanReport, stands: &[Stand], known: Known) -> PlanReport {
        let units = self.model.parameters().into_iter().filter_map(|leaf| Some((leaf.name(), leaf.unit?))).collect();
        let known = Known { units, ..known };
        report.bound = report.bound.filter(|bound| bound.is_finite());
        report.risks = advice::risks(&report, &known);
        report.next = advice::next(&report, &known);
        report.solver.solves = self.runs.made();
        report.text = narrative::text(&report, stands, (self.problem, &known));
        report
    }

    /// Constraints over an index set of which every instance stands at its ceiling.
    fn used_up(&self, solution: &Solution) -> Vec<String> {
        let mut families: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for statement in &self.problem.constraints {
            let entry = families.entry(&statement.family).or_default();
            entry.0 += 1;
            entry.1 += usize::from(self.problem.stands(statement, &solution.values) == Some(Side::Ceiling));
        }
        families.into_iter().filter(|(_, (all, full))| *all >= 2 && all == full).map(|(family, _)| family.to_owned()).collect()
    }
}
