//! What cannot all hold, and how unbounded models run away.

use super::{FREE, fund, problem, with_runs};
use crate::domain::deadline::Deadline;
use crate::engine::optimise::planner::conflict::{ConflictSet, Member, find, only, told};
use crate::engine::optimise::planner::problem::Problem;
use crate::engine::optimise::planner::ray;
use crate::engine::optimise::planner::runs::{Runs, Stop};
use crate::solver::program::{Class, Sense};
use crate::solver::twin::Twin;
use crate::solver::{Cancel, SolveStatus, Solver};
use proptest::prelude::*;
use std::time::Duration;

fn names(problem: &Problem, set: &ConflictSet) -> Vec<String> {
    set.members.iter().map(|&member| told(problem, member).0).collect()
}

#[test]
fn a_fund_whose_ceilings_are_too_low_conflicts_with_its_budget() {
    let mut fund = fund();
    fund.program.rows[4..].iter_mut().for_each(|row| row.upper = 15e6);
    let set = with_runs(200, |runs| find(&fund, runs)).unwrap();
    assert!(set.irreducible);
    assert_eq!(names(&fund, &set), ["c0", "c4", "c5", "c6"]);
    assert_eq!(told(&fund, set.members[0]).1, "c0 (x0 + x1 + x2 == 50.0M)");
}

#[test]
fn bounds_take_part_in_a_conflict_under_the_name_of_their_variable() {
    let bad = problem(
        Class::Lp,
        Sense::Minimize,
        &[1.0, 1.0],
        &[(0.0, 3.0), (0.0, 4.0)],
        &[(&[1.0, 1.0], 8.0, FREE), (&[1.0], 1.0, FREE)],
    );
    let set = with_runs(200, |runs| find(&bad, runs)).unwrap();
    assert_eq!(set.members, [Member::Constraint(0), Member::Upper(0), Member::Upper(1)]);
    assert_eq!(told(&bad, Member::Upper(1)), ("x1".to_owned(), "x1 <= 4".to_owned()));
}

#[test]
fn bounds_that_contradict_each_other_are_the_whole_conflict() {
    let bad = problem(Class::Lp, Sense::Minimize, &[1.0, 1.0], &[(0.0, 3.0), (5.0, 4.0)], &[(&[1.0, 1.0], 2.0, FREE)]);
    let set = with_runs(200, |runs| find(&bad, runs)).unwrap();
    assert_eq!(set.members, [Member::Lower(1), Member::Upper(1)]);
}

#[test]
fn whole_numbers_alone_can_make_a_conflict() {
    // 2x + 2y is even.
    let rows: &[(&[f64], f64, f64)] = &[(&[2.0, 2.0], 3.0, 3.0), (&[1.0, 0.0], 0.0, FREE)];
    let odd = problem(Class::Cp, Sense::Minimize, &[1.0], &[(0.0, 4.0), (0.0, 4.0)], rows);
    let set = with_runs(200, |runs| find(&odd, runs)).unwrap();
    assert_eq!(set.members, [Member::Constraint(0)]);
}

#[test]
fn a_search_that_runs_out_of_solves_gives_a_conflict_and_says_that_it_may_be_too_large() {
    let mut fund = fund();
    fund.program.rows[4..].iter_mut().for_each(|row| row.upper = 15e6);
    let (set, solves) = with_runs(3, |runs| (find(&fund, runs), runs.made()));
    assert!(!set.unwrap().irreducible);
    assert!(solves <= 3);
}

#[test]
fn a_cancelled_search_ends() {
    let cancel = Cancel::default();
    cancel.cancel();
    let runs = Runs::new(&Twin as &dyn Solver, (super::limits(), 10), super::soon(), &cancel);
    assert_eq!(find(&fund(), &runs), Err(Stop::Cancelled));
    let late = Runs::new(&Twin as &dyn Solver, (super::limits(), 10), Deadline::after(Duration::ZERO), &cancel);
    assert!(late.late() && late.extra(&fund().program).is_err());
}

#[test]
fn what_can_grow_for_ever_is_named_with_the_bound_that_it_lacks() {
    let mut open = problem(
        Class::Lp,
        Sense::Maximize,
        &[1.0, 1.0, -1.0],
        &[(0.0, FREE), (0.0, 5.0), (0.0, FREE)],
        &[(&[1.0, 0.0, -2.0], -FREE, 3.0)],
    );
    let found = with_runs(5, |runs| ray::find(&open, runs)).unwrap();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [("x0".to_owned(), 1.0), ("x2".to_owned(), 0.5)]);
    let found = with_runs(5, |runs| ray::find(&open, runs)).unwrap();
    let upper = |name: &str| (name.to_owned(), "upper");
    assert_eq!(ray::open(&open, &found), [upper("x0"), upper("x2")]);
    open.program.columns[0].upper = 10.0;
    assert!(with_runs(5, |runs| ray::find(&open, runs)).unwrap().is_empty(), "a bounded program has no ray");
}

prop_compose! {
    /// A program of small whole numbers over a box, often infeasible.
    fn any_program()(class in prop_oneof![Just(Class::Lp), Just(Class::Mip)], columns in 1usize..4, rows in 1usize..6)(
        class in Just(class),
        bounds in prop::collection::vec((0i32..3, 0i32..6), columns),
        rows in prop::collection::vec((prop::collection::vec(-3i32..4, columns), -8i32..9, 0u8..3), rows),
    ) -> Problem {
        let bounds: Vec<(f64, f64)> = bounds.iter().map(|&(lower, wide)| (f64::from(lower), f64::from(lower + wide))).collect();
        let written: Vec<(Vec<f64>, f64, f64)> = rows.iter().map(|(terms, right, kind)| {
            let right = f64::from(*right);
            let (lower, upper) = match kind { 0 => (right, FREE), 1 => (-FREE, right), _ => (right, right) };
            (terms.iter().map(|&a| f64::from(a)).collect(), lower, upper)
        }).collect();
        let rows: Vec<(&[f64], f64, f64)> = written.iter().map(|(terms, lower, upper)| (terms.as_slice(), *lower, *upper)).collect();
        problem(class, Sense::Minimize, &[], &bounds, &rows)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_conflict_is_infeasible_and_loses_that_with_any_member(problem in any_program()) {
        let status = |members: &[Member]| with_runs(1, |runs| runs.extra(&only(&problem, members))).unwrap().status;
        let solved = with_runs(1, |runs| runs.first(&problem.program)).unwrap();
        prop_assume!(solved.status == SolveStatus::Infeasible);
        let set = with_runs(300, |runs| find(&problem, runs)).unwrap();
        prop_assume!(set.irreducible || problem.program.class == Class::Lp);
        prop_assert!(set.irreducible);
        prop_assert_eq!(status(&set.members), SolveStatus::Infeasible);
        for gone in &set.members {
            let rest: Vec<Member> = set.members.iter().filter(|member| *member != gone).copied().collect();
            prop_assert!(status(&rest) != SolveStatus::Infeasible, "{:?} holds without {:?}", set.members, gone);
        }
    }
}
