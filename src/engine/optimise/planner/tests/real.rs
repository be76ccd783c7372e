//! The worked examples with the real solvers, each in its worker.

use super::models::{cases, fees, fund, model, routing};
use super::soon;
use crate::domain::plan::{PlanReport, PlanStatus};
use crate::engine::optimise::planner::{Asked, Config, Planner};
use crate::solver::{self, Cancel, Chosen};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

fn plan(json: &Value) -> PlanReport {
    static REAL: LazyLock<Chosen> = LazyLock::new(|| {
        let runtime = std::env::var_os("INSTINCT_RUNTIME_DIR");
        let runtime = runtime.map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/runtime")), PathBuf::from);
        let config = solver::Config { waiting_max: 1_000, wait_ms: 60_000, ..solver::Config::default() };
        solver::open(&config, &runtime).unwrap_or_else(|error| panic!("the solvers did not open, run `make setup`: {error}"))
    });
    let planner = Planner::new(Arc::new(REAL.clone()), Config::default());
    planner.plan(&model(json), &Asked::default(), soon(), &Cancel::default()).unwrap()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-5 * b.abs().max(1.0)
}

fn binding(report: &PlanReport) -> Vec<&str> {
    report.binding.iter().map(|one| one.constraint.as_str()).collect()
}

#[test]
fn the_fund_comes_out_the_same_from_a_solver_of_inner_points_and_one_of_corners() {
    let mut linear = fund();
    linear["model_type"] = json!("lp");
    for (json, solver) in [(fund(), "Clarabel"), (linear, "HiGHS")] {
        let report = plan(&json);
        assert!(report.solver.name.starts_with(solver), "{}", report.solver.name);
        assert!(near(report.objective.unwrap(), 14e6));
        let decision: Vec<f64> = report.decision.iter().map(|row| row.value).collect();
        assert!(decision.iter().zip([20e6, 20e6, 10e6]).all(|(a, b)| near(*a, b)), "{decision:?}");
        assert_eq!(binding(&report), ["budget", "max_pct[btc]", "max_pct[eth]"], "{solver}");
        let cap = report.sensitivity.iter().find(|entry| entry.parameter == "max_pct").unwrap();
        assert!(cap.to == 0.5 && near(cap.objective.unwrap(), 12.525e6));
        assert!(report.sensitivity.iter().filter(|entry| entry.parameter == "cvar[sol]").all(|entry| !entry.decision_changes));
        let others: Vec<_> =
            report.alternatives.iter().map(|other| (other.name.as_str(), (other.objective.unwrap() / 1e4).round())).collect();
        assert_eq!(others, [("equal weights", 1517.0), ("next best", 1510.0)], "{solver}");
        assert!(report.text.contains("x_btc: 20.0M (40% — at ceiling)"), "{}", report.text);
    }
}

#[test]
fn a_fund_that_cannot_be_is_explained_whatever_solves_it() {
    let mut tight = fund();
    tight["parameters"]["max_pct"] = json!(0.3);
    for class in ["lp", "convex", "mip"] {
        tight["model_type"] = json!(class);
        let report = plan(&tight);
        assert_eq!(report.status, PlanStatus::Infeasible, "{class}");
        let names: Vec<_> = report.conflict.iter().map(|one| one.constraint.as_str()).collect();
        assert_eq!(names, ["budget", "max_pct[btc]", "max_pct[eth]", "max_pct[sol]"], "{class}");
        assert!(report.risks.is_empty(), "it is proven irreducible: {:?}", report.risks);
    }
}

#[test]
fn the_25_cases_are_routed_one_by_one_and_drafts_stay_with_seniors() {
    let report = plan(&cases());
    assert_eq!(report.status, PlanStatus::Optimal, "{}", report.text);
    assert_eq!(report.decision.iter().map(|row| row.value).sum::<f64>(), 25.0);
    let juniors = |name: &str| ["eve", "frank", "grace", "henry"].iter().any(|junior| name.ends_with(&format!("{junior}]")));
    let drafts = report.decision.iter().filter(|row| row.variable.starts_with("x[sar") && juniors(&row.variable));
    assert_eq!(drafts.map(|row| row.value).sum::<f64>(), 0.0);
    assert!(report.text.contains("  alice: "), "{}", report.text);
    assert!(binding(&report).contains(&"hours_available[alice]"), "{:?}", report.binding);
    assert!(report.alternatives.iter().any(|other| other.name == "next best" && other.objective >= report.objective));
}

#[test]
fn the_routing_by_counts_is_infeasible_with_long_drafts_and_planned_with_short_ones() {
    let report = plan(&routing([11.0 / 3.0, 5.0 / 3.0, 5.0 / 3.0]));
    assert_eq!((report.status, report.conflict.len()), (PlanStatus::Infeasible, 9), "{}", report.text);
    let report = plan(&routing([2.0, 2.0, 2.0]));
    assert_eq!(report.status, PlanStatus::Optimal);
    assert!(
        report.sensitivity.iter().any(|entry| entry.parameter == "shift") && !report.text.contains("senior[alice] "),
        "{}",
        report.text
    );
}

#[test]
fn the_fees_come_with_what_another_elasticity_would_do() {
    let report = plan(&fees());
    assert_eq!(report.status, PlanStatus::Optimal);
    assert!(report.sensitivity.iter().any(|entry| entry.parameter == "elasticity"), "{}", report.text);
    assert!(report.assumptions.iter().any(|one| one.source == "NR-07"));
}

#[test]
fn an_unbounded_model_has_a_ray_whatever_solves_it() {
    for class in ["lp", "convex", "mip"] {
        let report = plan(&json!({
            "model_type": class,
            "decision_variables": [{"name": "make", "lb": 0}, {"name": "buy", "lb": 0, "ub": 4}],
            "objective": {"sense": "maximize", "expression": "3 * make + buy"},
            "constraints": [{"name": "least", "expression": "make + buy >= 2"}]
        }));
        assert_eq!(report.status, PlanStatus::Unbounded, "{class}: {}", report.text);
        assert!((report.ray["make"] - 1.0).abs() < 1e-6 && report.ray.len() == 1, "{class}: {:?}", report.ray);
    }
}
