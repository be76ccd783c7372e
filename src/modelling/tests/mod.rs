//! The model language, from the outside.

mod cones;
mod errors;
mod forms;
mod grid;
mod schema;
mod soup;
mod units;

use super::{Expanded, Model, ModelError};
use crate::solver::program::{Class, Row, Sense};
use crate::solver::twin::Twin;
use crate::solver::{Cancel, Limits, SolveStatus, Solver};
use std::collections::BTreeMap;
use std::time::Duration;

fn model(json: &str) -> Model {
    Model::parse(json.as_bytes()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn stored(name: &str) -> Model {
    let path = format!("{}/tests/data/models/{name}.json", env!("CARGO_MANIFEST_DIR"));
    model(&std::fs::read_to_string(path).unwrap())
}

fn expand(model: &Model) -> Expanded {
    model.expand().unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn values(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

fn row<'e>(expanded: &'e Expanded, name: &str) -> &'e Row {
    expanded.program.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row {name}"))
}

/// What is wrong with a model that can't be read or written out.
fn wrong(json: &str) -> Vec<ModelError> {
    match Model::parse(json.as_bytes()) {
        Err(errors) => errors,
        Ok(model) => model.expand().err().unwrap_or_else(|| panic!("nothing is wrong with {json}")),
    }
}

/// A model of type `class` with these variables, objective and constraints, each as JSON without its braces.
fn small(class: &str, variables: &[&str], objective: &str, constraints: &[&str]) -> String {
    let variables: Vec<String> = variables.iter().map(|variable| format!("{{{variable}}}")).collect();
    let (sense, expression) = objective.split_once(' ').unwrap();
    let constraints = serde_json::to_string(constraints).unwrap();
    let variables = variables.join(", ");
    let expression = serde_json::to_string(expression).unwrap();
    format!(
        r#"{{"model_type": "{class}", "decision_variables": [{variables}],
            "objective": {{"sense": "{sense}", "expression": {expression}}}, "constraints": {constraints}}}"#
    )
}

/// The best values by the exact solver of small programs, which the checker must agree with; nothing where there are none.
fn best(model: &Model) -> Option<(f64, BTreeMap<String, f64>)> {
    let expanded = expand(model);
    let limits = Limits { time: Duration::from_secs(60), memory_bytes: 1 << 30, nodes: None, gap: 0.0 };
    let solution = Twin.solve(&expanded.program, &limits, &Cancel::default()).unwrap();
    if solution.status == SolveStatus::Infeasible {
        return None;
    }
    assert_eq!(solution.status, SolveStatus::Optimal);
    let values = expanded.values(&solution.values);
    let report = model.check(&values, 1e-6).unwrap();
    assert!(report.passed, "the checker refuses what the solver found: {report:#?}");
    let objective = report.objective.unwrap();
    assert!(
        (objective - solution.objective.unwrap()).abs() <= 1e-6 * objective.abs().max(1.0),
        "{objective} is not {solution:?}"
    );
    Some((objective, values))
}

mod seed {
    use super::*;

    #[test]
    fn the_insurance_fund_is_read_as_it_is_printed() {
        let model = stored("insurance_fund");
        assert_eq!((model.class(), model.sense()), (Class::Convex, Sense::Minimize));
        let names: Vec<String> = model.constraints().into_iter().map(|constraint| constraint.name).collect();
        assert_eq!(names, ["budget", "min_pct", "max_pct"]);
        let expanded = expand(&model);
        let program = &expanded.program;
        assert_eq!(program.objective, [(0, 0.18), (1, 0.31), (2, 0.42)]);
        assert_eq!(program.rows.len(), 7);
        let budget = row(&expanded, "budget");
        assert_eq!((budget.terms.clone(), budget.lower, budget.upper), (vec![(0, 1.0), (1, 1.0), (2, 1.0)], 5e7, 5e7));
        let ceiling = row(&expanded, "max_pct[eth]");
        assert_eq!((ceiling.terms.clone(), ceiling.upper), (vec![(1, 1.0)], 2e7));
        let floor = row(&expanded, "min_pct[sol]");
        assert_eq!((floor.terms.clone(), floor.lower), (vec![(2, 1.0)], 2.5e6));
        assert!(expanded.variables.iter().all(|variable| variable.family.as_deref() == Some("x")));
    }

    #[test]
    fn the_printed_plan_of_the_insurance_fund_passes_and_costs_14_million() {
        let model = stored("insurance_fund");
        let plan = values(&[("x_btc", 2e7), ("x_eth", 2e7), ("x_sol", 1e7)]);
        let report = model.check(&plan, 1e-9).unwrap();
        assert!(report.passed, "{report:?}");
        assert_eq!(report.objective, Some(14_000_000.0));
        let equal = 5e7 / 3.0;
        let third = values(&[("x_btc", equal), ("x_eth", equal), ("x_sol", equal)]);
        assert!((model.objective_at(&third).unwrap() - 15_166_666.67).abs() < 1.0);
        let over = values(&[("x_btc", 2.5e7), ("x_eth", 2e7), ("x_sol", 5e6)]);
        let report = model.check(&over, 1e-9).unwrap();
        assert_eq!(report.violations.len(), 1);
        assert_eq!(report.violations[0].constraint, "max_pct[btc]");
        assert_eq!((report.violations[0].left, report.violations[0].right), (2.5e7, 2e7));
    }

    #[test]
    fn the_insurance_fund_is_solved_to_14_million_and_to_12_525_under_a_ceiling_of_half() {
        let model = stored("insurance_fund");
        let (objective, plan) = best(&model).unwrap();
        assert!((objective - 14e6).abs() < 1e-3);
        assert_eq!(plan, values(&[("x_btc", 2e7), ("x_eth", 2e7), ("x_sol", 1e7)]));
        let (relaxed, _) = best(&model.with_parameter("max_pct", &[], 0.5).unwrap()).unwrap();
        assert!((relaxed - 12.525e6).abs() < 1e-3, "{relaxed}");
        let (free, _) = best(&model.without(&["max_pct"])).unwrap();
        assert!((free - (0.18 * 45e6 + 0.31 * 2.5e6 + 0.42 * 2.5e6)).abs() < 1e-3);
    }

    #[test]
    fn the_parameters_of_the_insurance_fund_are_known_by_market() {
        let names: Vec<String> = stored("insurance_fund").parameters().iter().map(super::super::Leaf::name).collect();
        assert_eq!(names, ["cvar[btc]", "cvar[eth]", "cvar[sol]", "budget", "min_pct", "max_pct"]);
        let dearer = stored("insurance_fund").with_parameter("cvar", &["sol".into()], 0.462).unwrap();
        let (objective, plan) = best(&dearer).unwrap();
        assert!(
            (objective - 14.42e6).abs() < 1e-3 && (plan["x_sol"] - 1e7).abs() < 1e-3,
            "the ceiling binds, the allocation stays"
        );
    }

    #[test]
    fn the_printed_routing_of_cases_is_refused_and_a_right_one_passes() {
        for name in ["case_routing", "case_routing_cp"] {
            let model = stored(name);
            let expanded = expand(&model);
            assert_eq!(expanded.variables.len(), 25 * 8 + 25);
            let mut plan: BTreeMap<String, f64> =
                expanded.variables.iter().map(|variable| (variable.name.clone(), 0.0)).collect();
            let assign = |plan: &mut BTreeMap<String, f64>, case: &str, to: &str| {
                *plan.get_mut(&format!("assign[{case},{to}]")).unwrap() = 1.0;
            };
            // Two SAR drafts to each of the four seniors, four wait; the rest within eight hours each.
            for (place, senior) in ["alice", "carol", "eve", "henry"].iter().enumerate() {
                for number in [2 * place + 1, 2 * place + 2] {
                    assign(&mut plan, &format!("sar_{number}"), senior);
                }
                assign(&mut plan, &format!("kyc_{}", place + 1), senior);
            }
            for (place, junior) in ["bob", "dan", "frank", "grace"].iter().enumerate() {
                assign(&mut plan, &format!("audit_{}", place + 1), junior);
                assign(&mut plan, &format!("kyc_{}", place + 5), junior);
            }
            assign(&mut plan, "audit_5", "bob");
            (9..=12).for_each(|number| *plan.get_mut(&format!("put_off[sar_{number}]")).unwrap() = 1.0);
            let report = model.check(&plan, 1e-6).unwrap();
            assert!(report.passed, "{report:#?}");
            // The seed gives a SAR draft to juniors as well, and leaves cases out without saying so.
            assign(&mut plan, "sar_9", "bob");
            *plan.get_mut("put_off[sar_9]").unwrap() = 0.0;
            *plan.get_mut("put_off[sar_10]").unwrap() = 0.0;
            let report = model.check(&plan, 1e-6).unwrap();
            let broken: Vec<&str> = report.violations.iter().map(|violation| violation.constraint.as_str()).collect();
            assert!(broken.contains(&"sar_needs_senior[sar_9,bob]"), "{broken:?}");
            assert!(broken.contains(&"each_case_once[sar_10]") && broken.contains(&"hours_available[bob]"), "{broken:?}");
        }
    }

    #[test]
    fn fee_tiers_move_in_half_steps_within_the_volume_that_may_be_lost() {
        let model = stored("fee_tiers");
        assert_eq!(model.unit().as_deref(), Some("MUSD"));
        let (revenue, plan) = best(&model).unwrap();
        let mut today: BTreeMap<String, f64> = plan.keys().map(|name| (name.clone(), 0.0)).collect();
        let earned = [("t1", 2.3), ("t2", 1.32), ("t3", 0.45), ("t4", -0.83), ("t5", -2.1)];
        today.extend(earned.map(|(tier, earned)| (format!("revenue[{tier}]"), earned)));
        let today = model.check(&today, 1e-6).unwrap();
        assert!(today.passed && today.objective.unwrap() < revenue, "{today:?} {plan:?}");
        let loss: f64 = ["t1", "t2", "t3", "t4", "t5"].iter().map(|tier| plan[&format!("steps[{tier}]")] * 0.5 * 0.012).sum();
        assert!(loss > 0.0 && loss <= 5.0 * 0.05, "{plan:?}");
        let (tighter, _) = best(&model.with_parameter("max_volume_drop", &[], 0.005).unwrap()).unwrap();
        assert!(tighter < revenue);
    }

    #[test]
    fn plain_problems_of_two_variables_are_solved() {
        let (coconuts, plan) = best(&stored("coconuts")).unwrap();
        assert!((coconuts - 8000.0 / 9.0).abs() < 1e-6, "{plan:?}");
        let names: Vec<String> = stored("coconuts").constraints().into_iter().map(|constraint| constraint.name).collect();
        assert_eq!(names, ["rickshaws_ox_carts_max", "ox_carts_rickshaws_max"]);
        let (profit, plan) = best(&stored("ratio")).unwrap();
        assert_eq!((profit, plan["chairs"], plan["tables"]), (6830.0, 90.0, 80.0));
    }
}
