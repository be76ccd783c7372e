//! What binds, and which other decisions there are.

use super::{FREE, fund, problem, with_runs};
use crate::engine::optimise::planner::binding::{self, Barrier};
use crate::engine::optimise::planner::conflict::Member;
use crate::engine::optimise::planner::others::{AS_GOOD, NEXT_BEST, equal_weights, next_best};
use crate::engine::optimise::planner::problem::{Problem, Side};
use crate::solver::Solution;
use crate::solver::program::{Affine, Class, Rule, RuleKind, Sense};
use proptest::prelude::*;

fn solved(problem: &Problem) -> Solution {
    with_runs(1, |runs| runs.first(&problem.program)).unwrap()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * b.abs().max(1.0)
}

#[test]
fn the_fund_is_held_by_its_budget_and_two_ceilings_with_their_prices() {
    let (fund, solution) = (fund(), solved(&fund()));
    assert!(near(solution.objective.unwrap(), 14e6));
    let bounds = with_runs(9, |runs| binding::find(&fund, &solution, runs)).unwrap();
    let seen: Vec<_> =
        bounds.iter().map(|bound| (bound.what.clone(), bound.side, (bound.dual.unwrap() * 100.0).round())).collect();
    let one = |at| Barrier::One(Member::Constraint(at));
    assert_eq!(seen, [(one(0), Side::Equal, 42.0), (one(4), Side::Ceiling, -24.0), (one(5), Side::Ceiling, -11.0)]);
}

#[test]
fn a_bound_of_a_variable_binds_with_its_reduced_cost() {
    let shop = problem(
        Class::Lp,
        Sense::Maximize,
        &[3.0, 2.0, 1.0],
        &[(0.0, 4.0), (0.0, FREE), (0.0, FREE)],
        &[(&[1.0, 1.0, 1.0], -FREE, 10.0)],
    );
    let bounds = with_runs(9, |runs| binding::find(&shop, &solved(&shop), runs)).unwrap();
    let seen: Vec<_> = bounds.iter().map(|bound| (bound.what.clone(), bound.dual.unwrap().round())).collect();
    let one = Barrier::One;
    assert_eq!(seen, [(one(Member::Constraint(0)), 2.0), (one(Member::Upper(0)), 1.0), (one(Member::Lower(2)), -1.0)]);
}

#[test]
fn over_whole_numbers_only_what_stands_in_the_way_binds() {
    // The first row is tight and in the way, the second tight and not, the third slack.
    let pack = problem(
        Class::Mip,
        Sense::Maximize,
        &[5.0, 4.0],
        &[(0.0, 1.0), (0.0, 1.0)],
        &[(&[1.0, 1.0], -FREE, 1.0), (&[1.0, 2.0], -FREE, 1.0), (&[1.0, 1.0], -FREE, 7.0)],
    );
    let mut alone = pack.clone();
    alone.program.rows.remove(1);
    alone.constraints.remove(1);
    alone.constraints[1].rows = vec![1];
    let bounds = with_runs(9, |runs| binding::find(&alone, &solved(&alone), runs)).unwrap();
    assert_eq!(bounds.iter().map(|bound| &bound.what).collect::<Vec<_>>(), [&Barrier::One(Member::Constraint(0))]);
    let both = with_runs(9, |runs| binding::find(&pack, &solved(&pack), runs)).unwrap();
    assert!(both.is_empty(), "each alone stands in nobody's way while the other is there: {both:?}");
}

#[test]
fn equal_weights_share_the_budget() {
    let (fund, solution) = (fund(), solved(&fund()));
    let equal = equal_weights(&fund, &solution.values).unwrap();
    assert!(equal.len() == 3 && equal.values().all(|&each| near(each, 50e6 / 3.0)));
}

#[test]
fn what_is_yes_or_no_or_uneven_is_not_shared_equally() {
    let pack = problem(Class::Mip, Sense::Maximize, &[5.0, 4.0], &[(0.0, 1.0); 2], &[(&[1.0, 1.0], -FREE, 1.0)]);
    assert_eq!(equal_weights(&pack, &[1.0, 0.0]), None);
    let uneven = problem(Class::Lp, Sense::Maximize, &[5.0, 4.0], &[(0.0, 1.0); 2], &[(&[1.0, 2.0], -FREE, 1.0)]);
    assert_eq!(equal_weights(&uneven, &[1.0, 0.0]), None);
    let part = problem(Class::Lp, Sense::Maximize, &[5.0, 4.0, 1.0], &[(0.0, 1.0); 3], &[(&[1.0, 1.0], -FREE, 1.0)]);
    assert_eq!(equal_weights(&part, &[1.0, 0.0, 1.0]), None, "a part of a family is no budget for all of it");
}

#[test]
fn the_next_best_corner_of_the_fund_moves_ten_million_from_the_second_to_the_third() {
    let (fund, solution) = (fund(), solved(&fund()));
    let others = with_runs(20, |runs| next_best(&fund, &solution, runs)).unwrap();
    assert_eq!(others.len(), 1);
    assert_eq!(others[0].name, NEXT_BEST);
    assert!(near(fund.program.objective_at(&others[0].columns), 15.1e6));
}

#[test]
fn another_decision_that_is_as_good_is_found() {
    let even = problem(Class::Lp, Sense::Minimize, &[1.0, 1.0], &[(0.0, 4.0); 2], &[(&[1.0, 1.0], 5.0, 5.0)]);
    let others = with_runs(20, |runs| next_best(&even, &solved(&even), runs)).unwrap();
    assert_eq!(others[0].name, AS_GOOD);
    assert!(near(even.program.objective_at(&others[0].columns), 5.0));
}

#[test]
fn the_next_best_of_a_packing_takes_another_set() {
    let pack = problem(Class::Mip, Sense::Maximize, &[5.0, 4.0, 3.0], &[(0.0, 1.0); 3], &[(&[2.0, 1.0, 1.0], -FREE, 3.0)]);
    let others = with_runs(20, |runs| next_best(&pack, &solved(&pack), runs)).unwrap();
    assert_eq!(others[0].columns, [1.0, 0.0, 1.0]);
}

#[test]
fn a_rule_that_keeps_the_objective_from_being_better_binds() {
    let mut order = problem(Class::Cp, Sense::Minimize, &[1.0, 1.0], &[(0.0, 3.0); 2], &[]);
    let column = |j| Affine { terms: vec![(j, 1.0)], constant: 0.0 };
    order.program.rules.push(Rule { name: "differ".to_owned(), kind: RuleKind::AllDifferent(vec![column(0), column(1)]) });
    order.constraints.push(crate::engine::optimise::planner::problem::Statement {
        name: "differ".to_owned(),
        family: "differ".to_owned(),
        rules: vec![0],
        ..Default::default()
    });
    let solution = solved(&order);
    let bounds = with_runs(20, |runs| binding::find(&order, &solution, runs)).unwrap();
    assert_eq!(bounds[0].what, Barrier::One(Member::Constraint(0)));
    let others = with_runs(20, |runs| next_best(&order, &solution, runs)).unwrap();
    assert_eq!(order.program.objective_at(&others[0].columns), 1.0, "the other of the two is as good");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_next_best_over_whole_numbers_is_the_best_of_all_others(
        costs in prop::collection::vec(-5i32..6, 3),
        terms in prop::collection::vec(0i32..4, 3),
        uppers in prop::collection::vec(1i32..4, 3),
        most in 0i32..9,
    ) {
        let f = |of: &[i32]| of.iter().map(|&a| f64::from(a)).collect::<Vec<_>>();
        let bounds: Vec<(f64, f64)> = uppers.iter().map(|&upper| (0.0, f64::from(upper))).collect();
        let (costs, terms) = (f(&costs), f(&terms));
        let problem = problem(Class::Mip, Sense::Minimize, &costs, &bounds, &[(&terms, -FREE, f64::from(most))]);
        let solution = solved(&problem);
        let others = with_runs(9, |runs| next_best(&problem, &solution, runs)).unwrap();
        let mut best = f64::INFINITY;
        for at in 0..(uppers[0] + 1) * (uppers[1] + 1) * (uppers[2] + 1) {
            let (a, rest) = (at % (uppers[0] + 1), at / (uppers[0] + 1));
            let point = f(&[a, rest % (uppers[1] + 1), rest / (uppers[1] + 1)]);
            let differs = point.iter().zip(&solution.values).any(|(a, b)| (a - b).abs() > 0.5);
            if differs && problem.program.rows[0].at(&point) <= f64::from(most) {
                best = best.min(problem.program.objective_at(&point));
            }
        }
        match others.first() {
            Some(other) => prop_assert!(near(problem.program.objective_at(&other.columns), best)),
            None => prop_assert!(best.is_infinite()),
        }
    }

    #[test]
    fn duals_predict_what_a_small_change_of_a_right_hand_side_does(
        costs in prop::collection::vec(1i32..9, 3),
        rows in prop::collection::vec((prop::collection::vec(0i32..5, 3), 1i32..20), 1..4),
        which in 0usize..3,
    ) {
        let f = |of: &[i32]| of.iter().map(|&a| f64::from(a)).collect::<Vec<_>>();
        let written: Vec<(Vec<f64>, f64)> = rows.iter().map(|(terms, right)| (f(terms), f64::from(*right))).collect();
        let rows: Vec<(&[f64], f64, f64)> = written.iter().map(|(terms, right)| (terms.as_slice(), -FREE, *right)).collect();
        let problem = problem(Class::Lp, Sense::Maximize, &f(&costs), &[(0.0, 10.0); 3], &rows);
        let which = which % problem.program.rows.len();
        let base = solved(&problem);
        let moved = |by: f64| {
            let mut moved = problem.clone();
            moved.program.rows[which].upper += by;
            solved(&moved).objective.unwrap() - base.objective.unwrap()
        };
        let (up, down, dual) = (moved(1e-4), moved(-1e-4), base.duals.as_ref().unwrap()[which]);
        // At a corner that is degenerate the two sides differ, and a dual lies between them.
        let (low, high) = (up.min(-down) / 1e-4, up.max(-down) / 1e-4);
        prop_assert!(dual >= low - 1e-4 && dual <= high + 1e-4, "{low} <= {dual} <= {high}");
        let bounds = with_runs(9, |runs| binding::find(&problem, &base, runs)).unwrap();
        let binds = bounds.iter().any(|bound| bound.what == Barrier::One(Member::Constraint(which)));
        prop_assert_eq!(binds, dual.abs() > 1e-5, "it binds where it has a price");
    }
}
