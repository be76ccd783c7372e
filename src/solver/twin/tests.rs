use super::*;
use crate::solver::contract::{column, empty, integer, limits, row};
use crate::solver::program::Sense;

const INF: f64 = f64::INFINITY;

#[test]
fn a_cycling_program_ends() {
    // Beale's, on which the simplex method without Bland's rule goes round for ever.
    let mut program = empty(Class::Lp);
    program.columns = vec![column(0.0, INF); 4];
    program.objective = vec![(0, -0.75), (1, 150.0), (2, -0.02), (3, 6.0)];
    program.rows = vec![
        row(&[(0, 0.25), (1, -60.0), (2, -0.04), (3, 9.0)], -INF, 0.0),
        row(&[(0, 0.5), (1, -90.0), (2, -0.02), (3, 3.0)], -INF, 0.0),
        row(&[(2, 1.0)], -INF, 1.0),
    ];
    let solution = Twin.solve(&program, &limits(), &Cancel::default()).unwrap();
    assert_eq!(solution.status, SolveStatus::Optimal);
    assert!((solution.objective.unwrap() + 0.05).abs() < 1e-9);
}

#[test]
fn a_knapsack_is_filled_as_well_as_can_be() {
    let mut program = empty(Class::Mip);
    program.sense = Sense::Maximize;
    program.columns = vec![integer(0.0, 1.0); 4];
    program.objective = vec![(0, 10.0), (1, 13.0), (2, 7.0), (3, 8.0)];
    program.rows = vec![row(&[(0, 3.0), (1, 4.0), (2, 2.0), (3, 3.0)], -INF, 7.0)];
    let solution = Twin.solve(&program, &limits(), &Cancel::default()).unwrap();
    assert_eq!((solution.objective, solution.values), (Some(23.0), vec![1.0, 1.0, 0.0, 0.0]));
}

#[test]
fn a_limit_of_nodes_ends_the_search() {
    let mut program = empty(Class::Mip);
    program.columns = vec![integer(0.0, 9.0); 6];
    program.rows = vec![row(&[(0, 2.0), (1, 4.0), (2, 6.0), (3, 8.0), (4, 2.0), (5, 4.0)], 33.0, 33.0)];
    let limits = Limits { nodes: Some(10), ..limits() };
    assert_eq!(Twin.solve(&program, &limits, &Cancel::default()).unwrap().status, SolveStatus::Unknown);
}

#[test]
fn a_cancelled_search_stops() {
    let cancel = Cancel::default();
    cancel.cancel();
    assert_eq!(Twin.solve(&program(), &limits(), &cancel), Err(SolverError::Cancelled));
}

fn program() -> Program {
    let mut program = empty(Class::Lp);
    program.columns = vec![column(0.0, 1.0)];
    program
}

#[test]
fn a_tree_without_end_takes_no_stack() {
    let mut program = empty(Class::Mip);
    program.columns = vec![integer(f64::NEG_INFINITY, INF); 2];
    // 2x - 2y = 1 has no whole solution, and every cut leaves one that is not.
    program.rows = vec![row(&[(0, 2.0), (1, -2.0)], 1.0, 1.0)];
    let limits = Limits { nodes: Some(20_000), ..limits() };
    assert_eq!(Twin.solve(&program, &limits, &Cancel::default()).unwrap().status, SolveStatus::Unknown);
}

#[test]
fn a_value_that_floats_push_past_its_bound_is_not_cut_into_itself() {
    assert!(!branching::is_fraction(&integer(0.0, 3.0), 3.00002));
    assert!(!branching::is_fraction(&integer(0.0, f64::INFINITY), 7e9 + 1e-3));
    assert!(branching::is_fraction(&integer(0.0, 9.0), 3.5));
}
