//! What a solver of CP programs must do; CP-SAT and the twin, which tries everything.

use super::{close, empty, integer, limits, real, row, solve};
use crate::solver::program::{Affine, Class, Interval, Program, Rule, RuleKind, Sense};
use crate::solver::twin::Twin;
use crate::solver::{Cancel, SolveStatus, Solver, SolverError};
use proptest::collection::vec;
use proptest::prelude::*;

const INF: f64 = f64::INFINITY;

fn of(column: u32) -> Affine {
    Affine { terms: vec![(column, 1.0)], constant: 0.0 }
}

fn whole(constant: f64) -> Affine {
    Affine { terms: Vec::new(), constant }
}

fn rule(kind: RuleKind) -> Rule {
    Rule { name: "rule".to_owned(), kind }
}

/// Four columns from 0 to 3 and four that are 0 or 1.
fn columns() -> Program {
    let mut program = empty(Class::Cp);
    program.columns = [vec![integer(0.0, 3.0); 4], vec![integer(0.0, 1.0); 4]].concat();
    program
}

fn agrees(program: &Program) {
    let (wanted, given) = (solve(&Twin, program), solve(real(), program));
    assert_eq!(given.status, wanted.status, "{program:?}");
    if wanted.status == SolveStatus::Optimal {
        assert!(close(given.objective.unwrap(), wanted.objective.unwrap()), "{given:?} {wanted:?}");
        let mut fixed = program.clone();
        for (column, value) in fixed.columns.iter_mut().zip(&given.values) {
            (column.lower, column.upper) = (*value, *value);
        }
        assert_eq!(solve(&Twin, &fixed).status, SolveStatus::Optimal, "the values break a rule: {given:?} {program:?}");
    }
}

#[test]
fn each_rule_means_what_the_twin_says() {
    let interval = |start, length: Affine, present| Interval { start: of(start), length, present };
    let sum = |a: u32, b: u32| Affine { terms: vec![(a, 1.0), (b, 2.0)], constant: -1.0 };
    let rules = [
        RuleKind::AllDifferent(vec![of(0), of(1), sum(2, 3)]),
        RuleKind::AnyOf(vec![(4, false), (5, true)]),
        RuleKind::AtMostOne(vec![(4, false), (5, false), (6, true)]),
        RuleKind::ExactlyOne(vec![(4, true), (5, true), (6, false)]),
        RuleKind::MaxOf { target: of(0), of: vec![of(1), sum(2, 4)] },
        RuleKind::Product { target: sum(0, 1), of: vec![of(2), sum(3, 4)] },
        RuleKind::NoOverlap(vec![interval(0, whole(2.0), None), interval(1, of(2), Some(4)), interval(3, whole(1.0), Some(5))]),
        RuleKind::Cumulative {
            intervals: vec![interval(0, whole(2.0), None), interval(1, sum(2, 4), Some(5)), interval(3, whole(2.0), None)],
            demands: vec![whole(1.0), whole(2.0), of(6)],
            capacity: whole(2.0),
        },
    ];
    for kind in rules {
        for (sense, costs) in [(Sense::Minimize, [3.0, -2.0, 1.5, -1.0, -4.0, 2.0, -0.5, 1.0]), (Sense::Maximize, [1.0; 8])] {
            let mut program = columns();
            program.sense = sense;
            program.offset = 0.25;
            program.objective = (0..8).zip(costs).collect();
            program.rules = vec![rule(kind.clone())];
            agrees(&program);
        }
    }
}

#[test]
fn a_row_holds_only_where_its_condition_does() {
    let mut program = columns();
    program.sense = Sense::Maximize;
    program.objective = vec![(0, 1.0), (4, 0.5)];
    program.rows = vec![row(&[(0, 1.0)], -INF, 1.0)];
    program.rows[0].only_if = vec![(4, true), (5, false)];
    agrees(&program);
    program.columns[5].upper = 0.0;
    agrees(&program);
    // 2x between 2.5 and 3.5 holds for no whole number, so the condition must be false.
    program.rows.push(row(&[(1, 2.0)], 2.5, 3.5));
    program.rows[1].only_if = vec![(4, true)];
    agrees(&program);
    program.rows[1].only_if.clear();
    agrees(&program);
}

#[test]
fn coefficients_with_decimals_are_exact() {
    let mut program = columns();
    program.sense = Sense::Maximize;
    program.objective = vec![(0, 0.1), (1, 0.25), (2, 1.0 / 3.0)];
    program.rows = vec![row(&[(0, 0.1), (1, 0.2), (2, 0.3)], -INF, 0.6)];
    agrees(&program);
}

#[test]
fn a_column_without_bounds_and_a_third_in_a_row_are_refused() {
    let mut program = columns();
    program.columns[0].upper = INF;
    let refused = |program: &Program| real().solve(program, &limits(), &Cancel::default()).unwrap_err();
    assert!(matches!(refused(&program), SolverError::Refused(_)));
    let mut program = columns();
    program.rows = vec![row(&[(0, 1.0 / 3.0)], 0.0, 1.0)];
    assert!(matches!(refused(&program), SolverError::Refused(_)));
    let mut program = columns();
    program.rules = vec![rule(RuleKind::AnyOf(vec![(0, true)]))];
    assert!(refused(&program).to_string().contains("0 or 1"));
}

#[test]
fn the_same_program_gives_the_same_values_each_time() {
    // Nine queens, with many solutions.
    let mut program = empty(Class::Cp);
    program.columns = vec![integer(0.0, 8.0); 9];
    let shifted = |by: f64| (0_u32..9).map(|at| Affine { constant: by * f64::from(at), ..of(at) }).collect();
    program.rules = [0.0, 1.0, -1.0].map(|by| rule(RuleKind::AllDifferent(shifted(by)))).to_vec();
    let first = solve(real(), &program);
    assert_eq!(first.status, SolveStatus::Optimal);
    for _ in 0..3 {
        assert_eq!(solve(real(), &program).values, first.values);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn cp_sat_agrees_with_every_assignment_tried(
        costs in vec(-5..6_i8, 8),
        rows in vec((vec(-3..4_i8, 8), -6..6_i8, 0..9_i8, proptest::option::of((4..8_u32, any::<bool>()))), 0..4),
        max in any::<bool>(),
    ) {
        let mut program = columns();
        let sparse = |list: &[i8]| (0_u32..).zip(list.iter().map(|c| f64::from(*c))).filter(|(_, c)| *c != 0.0).collect::<Vec<_>>();
        program.sense = if max { Sense::Maximize } else { Sense::Minimize };
        program.objective = sparse(&costs);
        for (terms, lower, width, only_if) in rows {
            let mut row = row(&sparse(&terms), f64::from(lower), f64::from(lower) + f64::from(width));
            row.only_if = only_if.into_iter().collect();
            program.rows.push(row);
        }
        agrees(&program);
    }
}
