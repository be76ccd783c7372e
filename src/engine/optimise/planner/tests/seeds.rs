//! The seed's worked examples, as far as their own numbers carry.

use super::models::{INVESTIGATORS, PRINTED, fees, fund, model, routing};
use super::{planner, soon};
use crate::domain::plan::{PlanReport, PlanStatus};
use crate::engine::optimise::planner::{Asked, ParameterChange};
use crate::solver::Cancel;
use std::collections::BTreeMap;

fn plan(json: &serde_json::Value, asked: &Asked) -> PlanReport {
    planner().plan(&model(json), asked, soon(), &Cancel::default()).unwrap()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * b.abs().max(1.0)
}

#[test]
fn the_fund_is_allocated_as_the_seed_says() {
    let report = plan(&fund(), &Asked::default());
    assert_eq!(report.status, PlanStatus::Optimal);
    assert!(near(report.objective.unwrap(), 14e6));
    let decision: Vec<_> =
        report.decision.iter().map(|row| (row.variable.as_str(), row.value.round(), row.share.unwrap())).collect();
    assert_eq!(decision, [("x_btc", 20e6, 0.4), ("x_eth", 20e6, 0.4), ("x_sol", 10e6, 0.2)]);
    assert_eq!(report.decision[0].at.as_deref(), Some("x_i <= max_pct * budget"));
    assert_eq!(report.decision[2].at, None);
    let binding: Vec<_> = report.binding.iter().map(|one| one.constraint.as_str()).collect();
    assert_eq!(binding, ["budget", "max_pct[btc]", "max_pct[eth]"]);
    assert!(near(report.binding[1].dual.unwrap(), -0.24));
    assert!(report.check.unwrap().passed);
}

#[test]
fn a_ceiling_of_half_takes_a_tenth_off_the_loss_and_sol_changes_nothing_in_the_allocation() {
    let report = plan(&fund(), &Asked::default());
    let cap = report.sensitivity.iter().find(|entry| entry.parameter == "max_pct").unwrap();
    assert_eq!((cap.from, cap.to, cap.status), (0.4, 0.5, PlanStatus::Optimal));
    assert!(near(cap.objective.unwrap(), 12.525e6), "{cap:?}");
    assert!((cap.change.unwrap() + 0.105).abs() < 0.0005 && cap.decision_changes);
    let sol: Vec<_> = report.sensitivity.iter().filter(|entry| entry.parameter.starts_with("cvar[sol")).collect();
    assert_eq!(sol.iter().map(|entry| (entry.to, entry.decision_changes)).collect::<Vec<_>>(), [(0.378, false), (0.462, false)]);
    let effects: Vec<f64> = report.sensitivity.iter().map(|entry| entry.change.unwrap().abs()).collect();
    assert!(effects[0] >= effects[effects.len() - 1], "the greatest effect first: {effects:?}");
}

#[test]
fn equal_weights_cost_an_eighth_more_and_hold_everything() {
    let report = plan(&fund(), &Asked::default());
    let equal = report.alternatives.iter().find(|other| other.name == "equal weights").unwrap();
    assert!((equal.objective.unwrap() / 1e6 - 15.166_667).abs() < 1e-5 && (equal.change.unwrap() - 0.0833).abs() < 0.0001);
    assert!(equal.breaks.is_empty());
    let next = report.alternatives.iter().find(|other| other.name == "next best").unwrap();
    assert!(near(next.objective.unwrap(), 15.1e6), "{next:?}");
}

#[test]
fn what_the_caller_asks_for_comes_first_and_is_judged_like_the_rest() {
    let mine = BTreeMap::from([("x_btc".to_owned(), 30e6), ("x_eth".to_owned(), 15e6), ("x_sol".to_owned(), 5e6)]);
    let asked = Asked {
        title: Some("Fund".to_owned()),
        alternatives: vec![("all on BTC".to_owned(), mine), ("nothing".to_owned(), BTreeMap::new())],
        sensitivity: vec![
            ParameterChange { parameter: "min_pct".to_owned(), to: 0.25 },
            ParameterChange { parameter: "max_pct".to_owned(), to: 0.3 },
        ],
        ..Asked::default()
    };
    let report = plan(&fund(), &asked);
    assert_eq!(report.alternatives[0].breaks, ["max_pct[btc]"]);
    assert!(near(report.alternatives[0].objective.unwrap(), 12.15e6));
    assert!(report.alternatives[1].objective.is_none() && !report.alternatives[1].breaks.is_empty());
    assert!(near(report.sensitivity[0].objective.unwrap(), 0.18 * 20e6 + 0.31 * 17.5e6 + 0.42 * 12.5e6));
    assert_eq!((report.sensitivity[1].to, report.sensitivity[1].status), (0.3, PlanStatus::Infeasible));
}

#[test]
fn the_text_of_the_fund_reads_as_the_seed_prints_it() {
    let report = plan(&fund(), &Asked { title: Some("Insurance Fund Allocation".to_owned()), ..Asked::default() });
    for line in [
        "Plan — Insurance Fund Allocation\nStatus: optimal · Solver: twin · Solve time: ",
        "  x_btc: 20.0M (40% — at ceiling)\n  x_eth: 20.0M (40% — at ceiling)\n  x_sol: 10.0M (20%)",
        "Objective (minimised): 14.0M",
        "Binding constraints: budget, max_pct[btc], max_pct[eth]",
        "  max_pct 40% → 50%: objective drops to 12.5M (-10.5%)",
        "  equal weights (16.7M each): 15.2M (+8.3%)",
        "  - max_pct = 40% (from caller)",
    ] {
        assert!(report.text.contains(line), "{line}\nis not in\n{}", report.text);
    }
}

#[test]
fn the_printed_routing_is_refused_because_it_routes_other_cases_and_lets_juniors_draft() {
    let routing = model(&routing([2.0, 2.0, 2.0]));
    let mut values = BTreeMap::new();
    for (who, cases) in INVESTIGATORS.iter().zip(PRINTED) {
        for (kind, count) in ["sar", "kyc", "audit"].iter().zip(cases) {
            values.insert(format!("n[{kind},{who}]"), f64::from(count));
        }
    }
    let check = planner().check(&routing, &values).unwrap();
    assert!(!check.passed);
    let found = |name: &str| check.violations.iter().find(|violation| violation.constraint == name).map(|v| (v.left, v.right));
    assert_eq!(found("every_case[sar]"), Some((7.0, 12.0)));
    assert_eq!(found("every_case[kyc]"), Some((13.0, 8.0)));
    assert_eq!(found("every_case[audit]"), None);
    for junior in ["frank", "grace", "henry"] {
        assert!(found(&format!("senior_only[{junior}]")).is_some(), "{junior}");
    }
}

#[test]
fn the_routing_with_the_hours_that_its_loads_imply_is_infeasible_because_of_the_seniors() {
    // 1 SAR + 2 KYC take 7 hours and 2 KYC + 1 audit 5, an audit as long as a review: then a draft takes 11/3.
    let report = plan(&routing([11.0 / 3.0, 5.0 / 3.0, 5.0 / 3.0]), &Asked::default());
    assert_eq!(report.status, PlanStatus::Infeasible);
    let names: Vec<_> = report.conflict.iter().map(|one| one.constraint.as_str()).collect();
    assert!(names.contains(&"every_case[sar]"), "{names:?}");
    for senior in ["alice", "bob", "carol", "dan"] {
        assert!(names.contains(&format!("hours_available[{senior}]").as_str()), "{names:?}");
    }
    for junior in ["eve", "frank", "grace", "henry"] {
        assert!(names.contains(&format!("senior_only[{junior}]").as_str()), "{names:?}");
    }
    assert!(report.text.contains("cannot all hold, and without any one of them the others can"), "{}", report.text);
    assert!(report.objective.is_none() && report.decision.is_empty() && report.next[0].starts_with("Which of"));
}

#[test]
fn the_routing_with_short_drafts_has_a_right_plan() {
    let report = plan(&routing([2.0, 2.0, 2.0]), &Asked { explained: false, ..Asked::default() });
    assert_eq!(report.status, PlanStatus::Optimal, "{}", report.text);
    let sum = |of: &str| report.decision.iter().filter(|row| row.variable.contains(of)).map(|row| row.value).sum::<f64>();
    assert_eq!((sum("[sar,"), sum("[kyc,"), sum("[audit,")), (12.0, 8.0, 5.0));
    let juniors = report
        .decision
        .iter()
        .filter(|row| ["eve", "frank", "grace", "henry"].iter().any(|who| row.variable == format!("n[sar,{who}]")));
    assert!(juniors.map(|row| row.value).sum::<f64>() == 0.0);
}

#[test]
fn the_fees_are_the_best_of_all_3125_within_the_stated_elasticity_and_the_printed_ones_are_not() {
    let fees = fees();
    let report = plan(&fees, &Asked { explained: false, ..Asked::default() });
    assert_eq!(report.status, PlanStatus::Optimal);
    let (volumes, current) = ([12e3, 10e3, 9e3, 7e3, 4.3e3], [2.5, 1.5, 0.5, -1.0, -3.0]);
    let outcome = |moves: &[f64; 5]| {
        let volume: Vec<f64> = volumes.iter().zip(moves).map(|(volume, by)| volume * (1.0 - 0.012 * by)).collect();
        let revenue: f64 = volume.iter().zip(current).zip(moves).map(|((volume, fee), by)| volume * (fee + by) / 1e4).sum();
        (revenue, volume.iter().sum::<f64>() / 42.3e3)
    };
    let mut best = f64::NEG_INFINITY;
    for at in 0..3125_u32 {
        let moves: [f64; 5] = std::array::from_fn(|tier| f64::from(at / 5_u32.pow(tier as u32) % 5) * 0.5 - 1.0);
        let (revenue, kept) = outcome(&moves);
        if kept >= 0.95 {
            best = best.max(revenue);
        }
    }
    assert!(near(report.objective.unwrap(), best));
    let printed = outcome(&[-0.5; 5]);
    assert!(
        printed.1 > 1.0 && printed.0 < outcome(&[0.0; 5]).0,
        "lower fees raise the volume and take revenue, against what the seed prints"
    );
}
