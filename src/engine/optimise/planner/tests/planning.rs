//! What the planner refuses, and what it does when time runs out.

use super::models::{fund, model};
use super::{limits, planner, soon};
use crate::domain::deadline::Deadline;
use crate::engine::optimise::planner::{Asked, Config, ParameterChange, PlanError, Planner};
use crate::modelling::Model;
use crate::solver::twin::Twin;
use crate::solver::{Cancel, Limits, Program, Solution, Solver, SolverError};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Solves as its twin does, then bends what it says.
#[derive(Debug)]
struct Bent(fn(&mut Solution));

impl Solver for Bent {
    fn solve(&self, program: &Program, limits: &Limits, cancel: &Cancel) -> Result<Solution, SolverError> {
        let mut solution = Twin.solve(program, limits, cancel)?;
        (self.0)(&mut solution);
        Ok(solution)
    }
}

/// Fails from the second solve on.
#[derive(Debug, Default)]
struct Once(AtomicU32);

impl Solver for Once {
    fn solve(&self, program: &Program, limits: &Limits, cancel: &Cancel) -> Result<Solution, SolverError> {
        if self.0.fetch_add(1, Ordering::Relaxed) > 0 {
            return Err(SolverError::Failed("it fell over".to_owned()));
        }
        Twin.solve(program, limits, cancel)
    }
}

fn plan_with(solver: impl Solver + 'static) -> Result<crate::domain::plan::PlanReport, PlanError> {
    Planner::new(Arc::new(solver), Config::default()).plan(&model(&fund()), &Asked::default(), soon(), &Cancel::default())
}

#[test]
fn a_solver_that_breaks_a_constraint_gets_no_plan_through() {
    let error = plan_with(Bent(|solution| solution.values[0] += 1e3)).unwrap_err();
    let PlanError::Refused { detail, check } = &error else { panic!("{error:?}") };
    assert!(detail.contains("does not hold") && !check.passed, "{detail}");
    assert!(error.to_string().starts_with("the solver's decision was refused by the checker: `"), "{error}");
}

#[test]
fn a_solver_that_is_wrong_about_the_objective_gets_no_plan_through() {
    let error = plan_with(Bent(|solution| solution.objective = Some(1.0))).unwrap_err();
    assert!(
        matches!(&error, PlanError::Refused { detail, .. } if detail.contains("the solver says that the objective is 1")),
        "{error:?}"
    );
}

#[test]
fn a_solver_that_says_nothing_of_its_values_or_no_numbers_gets_no_plan_through() {
    assert!(matches!(plan_with(Bent(|solution| solution.values.clear())), Err(PlanError::Refused { .. })));
    assert!(matches!(plan_with(Bent(|solution| solution.values[1] = f64::NAN)), Err(PlanError::Refused { .. })));
}

#[test]
fn a_solver_that_fails_later_leaves_the_plan_and_takes_what_explains_it() {
    let report = plan_with(Once::default()).unwrap();
    assert!(report.objective.is_some() && report.sensitivity.is_empty());
    assert!(
        report.risks.iter().any(|risk| risk.starts_with("Not tried for want of time") && risk.contains("`max_pct`")),
        "{:?}",
        report.risks
    );
}

#[test]
fn a_cancelled_plan_and_one_past_its_deadline_end_at_once() {
    let cancel = Cancel::default();
    cancel.cancel();
    let model = model(&fund());
    assert_eq!(planner().plan(&model, &Asked::default(), soon(), &cancel), Err(PlanError::Cancelled));
    let late = Deadline::after(Duration::ZERO);
    assert_eq!(planner().plan(&model, &Asked::default(), late, &Cancel::default()), Err(PlanError::Late));
}

#[test]
fn a_plan_that_is_not_to_be_explained_takes_one_solve() {
    let asked = Asked { explained: false, limits: limits(), ..Asked::default() };
    let report = planner().plan(&model(&fund()), &asked, soon(), &Cancel::default()).unwrap();
    assert_eq!(report.solver.solves, 1);
    assert_eq!(report.binding.len(), 3, "what a single solve says is said");
}

#[test]
fn a_decision_that_may_be_explained_for_no_time_stands_and_says_what_was_left_out() {
    let config = Config { explaining_ms: 0, ..Config::default() };
    let asked = Asked { sensitivity: vec![ParameterChange { parameter: "budget".to_owned(), to: 1e6 }], ..Asked::default() };
    let planner = Planner::new(Arc::new(Twin), config);
    let report = planner.plan(&model(&fund()), &asked, soon(), &Cancel::default()).unwrap();
    assert_eq!((report.solver.solves, report.binding.len(), report.sensitivity.len()), (1, 3, 0));
    assert!(
        report.risks.iter().any(|risk| risk.starts_with("Not tried for want of time") && risk.contains("`budget`")),
        "{:?}",
        report.risks
    );
}

#[test]
fn a_change_of_a_parameter_that_is_not_there_is_refused_by_its_place() {
    let asked = Asked { sensitivity: vec![ParameterChange { parameter: "cvar[doge]".to_owned(), to: 1.0 }], ..Asked::default() };
    let error = planner().plan(&model(&fund()), &asked, soon(), &Cancel::default()).unwrap_err();
    assert!(matches!(&error, PlanError::Asked(field) if field.pointer == "/sensitivity/0/parameter"), "{error:?}");
}

#[test]
fn settings_out_of_range_are_named() {
    assert!(Config::default().check().is_ok());
    assert_eq!(Config { sensitivity_max: 1_001, ..Config::default() }.check().unwrap_err().pointer, "/sensitivity_max");
    assert_eq!(
        Config { explaining_solves_max: 10_001, ..Config::default() }.check().unwrap_err().pointer,
        "/explaining_solves_max"
    );
}

/// A blend over three amounts: at most so much of each resource, at least so much in all.
fn blend(gains: &[i32], uses: &[Vec<i32>], most: &[i32]) -> Model {
    let rows = uses.iter().zip(most).enumerate().map(|(i, (of, most))| {
        json!({"name": format!("r{i}"), "expression": format!("{}*x_a + {}*x_b + {}*x_c <= {most}", of[0], of[1], of[2])})
    });
    let rows: Vec<_> = rows.chain([json!({"name": "all", "expression": "x_a + x_b + x_c >= 1"})]).collect();
    model(&json!({
        "model_type": "lp",
        "decision_variables": [{"name": "x_a", "lb": 0, "ub": 9}, {"name": "x_b", "lb": 0, "ub": 9}, {"name": "x_c", "lb": 0, "ub": 9}],
        "parameters": {"gain": gains},
        "objective": {"sense": "maximize", "expression": format!("{}*x_a + {}*x_b + {}*x_c", gains[0], gains[1], gains[2])},
        "constraints": rows
    }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_checker_refuses_whatever_breaks_a_constraint_by_more_than_the_tolerance(
        gains in prop::collection::vec(1i32..9, 3),
        uses in prop::collection::vec(prop::collection::vec(1i32..5, 3), 1..4),
        most in prop::collection::vec(3i32..20, 3),
        which in 0usize..3,
        by in prop_oneof![1e-5..1e-3, 0.1..5.0],
    ) {
        let model = blend(&gains, &uses, &most);
        let asked = Asked { explained: false, ..Asked::default() };
        let report = planner().plan(&model, &asked, soon(), &Cancel::default());
        prop_assume!(report.as_ref().is_ok_and(|report| report.objective.is_some()));
        let report = report.unwrap();
        let mut values: std::collections::BTreeMap<String, f64> = report.decision.iter().map(|row| (row.variable.clone(), row.value)).collect();
        prop_assert!(planner().check(&model, &values).unwrap().passed);
        let name = ["x_a", "x_b", "x_c"][which];
        *values.get_mut(name).unwrap() += by;
        // What it breaks, computed by hand.
        let at: Vec<f64> = ["x_a", "x_b", "x_c"].iter().map(|name| values[*name]).collect();
        let over = |left: f64, right: f64| (left - right) / left.abs().max(right.abs()).max(1.0);
        let rows = uses.iter().zip(&most).map(|(of, most)| over(of.iter().zip(&at).map(|(a, x)| f64::from(*a) * x).sum(), f64::from(*most)));
        let worst = rows.chain(at.iter().map(|x| over(*x, 9.0))).fold(0.0, f64::max);
        prop_assume!((worst - 1e-6).abs() > 1e-8);
        prop_assert_eq!(planner().check(&model, &values).unwrap().passed, worst < 1e-6);
    }

    #[test]
    fn a_plan_with_all_its_explanations_is_consistent(
        gains in prop::collection::vec(1i32..9, 3),
        uses in prop::collection::vec(prop::collection::vec(1i32..5, 3), 1..4),
        most in prop::collection::vec(3i32..20, 3),
    ) {
        let report = planner().plan(&blend(&gains, &uses, &most), &Asked::default(), soon(), &Cancel::default()).unwrap();
        let Some(objective) = report.objective else { return Ok(()) };
        for other in report.alternatives.iter().filter(|other| other.breaks.is_empty()) {
            prop_assert!(other.objective.unwrap() <= objective + 1e-6 * objective.abs().max(1.0), "{other:?} is better than the best");
        }
        prop_assert!(report.check.unwrap().passed && report.conflict.is_empty());
    }
}
