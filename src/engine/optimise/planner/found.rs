//! A decision that was found and checked.

use super::problem::Problem;
use super::runs::{Runs, Stop};
use crate::domain::plan::{CheckReport, PlanStatus};
use crate::modelling::{Expanded, Model};
use crate::solver::program::{Class, Program};
use crate::solver::{Solution, SolveStatus};
use std::collections::BTreeMap;

/// The plan's decision, with what it was found in.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) model: &'a Model,
    pub(super) problem: &'a Problem,
    pub(super) expanded: &'a Expanded,
    /// What the solver found, its values settled.
    pub(super) solution: Solution,
    /// By the caller's names.
    pub(super) values: BTreeMap<String, f64>,
    /// As the checker computes it.
    pub(super) objective: f64,
}

/// Values that were looked at by the checker.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The solver gave no values.
    None,
    /// They hold everything.
    Passed(Settled),
    /// They don't, or the objective is not what the solver says.
    Refused(Box<CheckReport>, String),
}

/// Values that hold everything.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) columns: Vec<f64>,
    pub(super) values: BTreeMap<String, f64>,
    pub(super) objective: f64,
    pub(super) status: PlanStatus,
    pub(super) check: CheckReport,
}

impl Outcome {
    pub(super) fn passed(self) -> Option<Settled> {
        match self {
            Self::Passed(settled) => Some(settled),
            Self::None | Self::Refused(..) => None,
        }
    }
}

/// Puts what a solver found before the checker: whole numbers are made whole, which a solver leaves off by its tolerance, and where
/// that breaks something, the rest is solved again around them.
pub(super) fn settle(
    model: &Model,
    (problem, expanded): (&Problem, &Expanded),
    solution: &Solution,
    runs: &Runs<'_>,
) -> Result<Outcome, Stop> {
    let status = match solution.status {
        SolveStatus::Optimal => PlanStatus::Optimal,
        SolveStatus::Feasible => PlanStatus::Feasible,
        SolveStatus::Infeasible | SolveStatus::Unbounded | SolveStatus::Unknown => return Ok(Outcome::None),
    };
    let columns = whole(&problem.program, &solution.values);
    let first = look_at(model, expanded, columns.clone(), status);
    if matches!(first, Outcome::Passed(_)) || problem.program.class != Class::Mip {
        return Ok(agreeing(first, solution));
    }
    let fixed = match runs.extra(&with_whole_fixed(&problem.program, &columns)) {
        Ok(fixed) => fixed,
        Err(stop) => return stop.soft().map(|()| first),
    };
    if !matches!(fixed.status, SolveStatus::Optimal | SolveStatus::Feasible) {
        return Ok(first);
    }
    let second = look_at(model, expanded, whole(&problem.program, &fixed.values), status);
    Ok(agreeing(if matches!(second, Outcome::Passed(_)) { second } else { first }, solution))
}

/// A decision whose objective is another than the solver says was misunderstood on the way.
fn agreeing(outcome: Outcome, solution: &Solution) -> Outcome {
    let Outcome::Passed(settled) = outcome else { return outcome };
    let Some(said) = solution.objective else { return Outcome::Passed(settled) };
    let size = said.abs().max(settled.objective.abs()).max(1.0);
    if (said - settled.objective).abs() <= 1e-5 * size {
        return Outcome::Passed(settled);
    }
    let detail = format!("the solver says that the objective is {said}, and at its values the model's is {}", settled.objective);
    Outcome::Refused(Box::new(settled.check), detail)
}

fn look_at(model: &Model, expanded: &Expanded, columns: Vec<f64>, status: PlanStatus) -> Outcome {
    let values = expanded.values(&columns);
    match model.check(&values, super::TOLERANCE) {
        Ok(check) => match check.objective.filter(|_| check.passed) {
            Some(objective) => Outcome::Passed(Settled { columns, values, objective, status, check }),
            None => {
                let detail = check.violations.first().map_or_else(
                    || "its objective is no number".to_owned(),
                    |worst| {
                        format!("`{}` ({}) does not hold: {} against {}", worst.constraint, worst.states, worst.left, worst.right)
                    },
                );
                Outcome::Refused(Box::new(check), detail)
            }
        },
        Err(errors) => {
            let detail = errors.first().map_or_else(String::new, ToString::to_string);
            let check = CheckReport { passed: false, objective: None, checked: 0, worst: 0.0, violations: Vec::new() };
            Outcome::Refused(Box::new(check), detail)
        }
    }
}

fn whole(program: &Program, values: &[f64]) -> Vec<f64> {
    // A bound that is missed by rounding is meant.
    let onto = |value: f64, bound: f64| {
        if bound.is_finite() && (value - bound).abs() <= 1e-9 * bound.abs().max(1.0) { bound } else { value }
    };
    let settled = values.iter().zip(&program.columns).map(|(&value, column)| {
        let value = if column.integer { value.round() } else { onto(onto(value, column.lower), column.upper) };
        if value == 0.0 { 0.0 } else { value }
    });
    settled.collect()
}

fn with_whole_fixed(program: &Program, columns: &[f64]) -> Program {
    let mut fixed = program.clone();
    fixed.class = Class::Lp;
    for (column, &value) in fixed.columns.iter_mut().zip(columns) {
        if column.integer {
            (column.lower, column.upper, column.integer) = (value, value, false);
        }
    }
    fixed
}

/// The change from one objective to another, relative to the first.
pub(super) fn change(to: f64, from: f64) -> Option<f64> {
    let by = (to - from) / from.abs();
    // Below the tolerance of the checker two objectives are the same.
    let by = if by.abs() < super::TOLERANCE { 0.0 } else { by };
    by.is_finite().then_some(by)
}

impl Found<'_> {
    /// Whether these values are the plan's, but for rounding.
    pub(super) fn agrees(&self, values: &BTreeMap<String, f64>) -> bool {
        let most = self.values.values().fold(1.0, |most: f64, value| most.max(value.abs()));
        self.values.iter().all(|(name, value)| values.get(name).is_some_and(|other| (value - other).abs() <= 1e-5 * most))
    }
}
