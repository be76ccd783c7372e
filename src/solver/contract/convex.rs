//! What a solver of convex programs must do.

use super::{INF, close, column, empty, limits, real, row, solve};
use crate::solver::program::{Affine, Class, Cone, ConeKind, Program, Sense};
use crate::solver::{Cancel, Name, SolveStatus, Solver, SolverError};

fn member(terms: &[(u32, f64)], constant: f64) -> Affine {
    Affine { terms: terms.to_vec(), constant }
}

fn cone(kind: ConeKind, members: Vec<Affine>) -> Cone {
    Cone { name: "c".to_owned(), kind, members }
}

/// The nearest point to (1, 2) on the line x + y = 1: (0, 1), at a squared distance of 2.
fn nearest() -> Program {
    let mut program = empty(Class::Convex);
    program.columns = vec![column(-INF, INF); 2];
    program.quadratic = vec![(0, 0, 1.0), (1, 1, 1.0)];
    program.objective = vec![(0, -2.0), (1, -4.0)];
    program.offset = 5.0;
    program.rows = vec![row(&[(0, 1.0), (1, 1.0)], 1.0, 1.0)];
    program
}

#[test]
fn a_quadratic_objective_has_its_optimum_and_its_dual() {
    let solution = solve(real(), &nearest());
    assert_eq!(solution.status, SolveStatus::Optimal);
    assert!(close(solution.objective.unwrap(), 2.0), "{solution:?}");
    assert!(solution.values[0].abs() < 1e-6 && (solution.values[1] - 1.0).abs() < 1e-6, "{solution:?}");
    assert!((solution.duals.unwrap()[0] + 2.0).abs() < 1e-5);
    let error = real().named(Name::Highs).solve(&nearest(), &limits(), &Cancel::default()).unwrap_err();
    assert!(matches!(error, SolverError::Refused(_)), "{error:?}");
}

#[test]
fn a_mixed_quadratic_term_counts_once_and_a_concave_objective_is_maximised() {
    let mut program = nearest();
    program.sense = Sense::Maximize;
    program.quadratic = vec![(0, 0, -1.0), (0, 1, -1.0), (1, 1, -1.0)];
    program.objective = vec![(0, 4.0), (1, 5.0)];
    program.rows.clear();
    let solution = solve(real(), &program);
    // Where 2x + y = 4 and x + 2y = 5.
    assert!((solution.values[0] - 1.0).abs() < 1e-5 && (solution.values[1] - 2.0).abs() < 1e-5, "{solution:?}");
    assert!(close(solution.objective.unwrap(), 12.0), "{solution:?}");
}

#[test]
fn a_second_order_cone_bounds_a_norm() {
    // Maximise x + y where the norm of (x, y) is at most 5.
    let mut program = empty(Class::Convex);
    program.sense = Sense::Maximize;
    program.columns = vec![column(-INF, INF); 2];
    program.objective = vec![(0, 1.0), (1, 1.0)];
    program.cones = vec![cone(ConeKind::SecondOrder, vec![member(&[], 5.0), member(&[(0, 1.0)], 0.0), member(&[(1, 1.0)], 0.0)])];
    let solution = solve(real(), &program);
    assert!(close(solution.objective.unwrap(), 5.0 * 2_f64.sqrt()), "{solution:?}");
    let error = real().named(Name::Highs).solve(&program, &limits(), &Cancel::default()).unwrap_err();
    assert!(matches!(error, SolverError::Refused(_)), "{error:?}");
}

#[test]
fn an_exponential_and_a_power_cone_are_what_they_say() {
    let mut program = empty(Class::Convex);
    program.columns = vec![column(2.0, INF), column(-INF, INF)];
    program.objective = vec![(1, 1.0)];
    program.cones = vec![cone(ConeKind::Exponential, vec![member(&[(0, 1.0)], 0.0), member(&[], 1.0), member(&[(1, 1.0)], 0.0)])];
    assert!(close(solve(real(), &program).objective.unwrap(), 2_f64.exp()));
    program.sense = Sense::Maximize;
    program.columns = vec![column(0.0, 16.0), column(-INF, INF)];
    program.cones = vec![cone(ConeKind::Power(0.25), vec![member(&[(0, 1.0)], 0.0), member(&[], 1.0), member(&[(1, 1.0)], 0.0)])];
    assert!(close(solve(real(), &program).objective.unwrap(), 2.0));
}

#[test]
fn a_semidefinite_cone_is_refused_and_one_of_order_one_is_a_bound() {
    let mut program = empty(Class::Convex);
    program.columns = vec![column(-INF, INF)];
    program.objective = vec![(0, 1.0)];
    let of = |order, count| cone(ConeKind::Semidefinite(order), vec![member(&[(0, 1.0)], -3.0); count]);
    program.cones = vec![of(1, 1)];
    assert!(close(solve(real(), &program).objective.unwrap(), 3.0));
    program.cones = vec![of(2, 3)];
    let error = real().solve(&program, &limits(), &Cancel::default()).unwrap_err();
    assert!(error.to_string().contains("semidefinite"), "{error}");
    program.cones = vec![of(2, 2)];
    let error = real().solve(&program, &limits(), &Cancel::default()).unwrap_err();
    assert!(error.to_string().contains("not a cone"), "{error}");
}

#[test]
fn a_convex_program_without_an_end_has_a_ray_and_one_without_values_is_infeasible() {
    let mut program = empty(Class::Convex);
    program.columns = vec![column(-INF, INF); 2];
    program.objective = vec![(0, 1.0)];
    program.quadratic = vec![(1, 1, 1.0)];
    let solution = solve(real(), &program);
    assert_eq!(solution.status, SolveStatus::Unbounded, "{solution:?}");
    let ray = solution.ray.unwrap();
    assert!(ray[0] < 0.0 && ray[1].abs() < 1e-6, "{ray:?}");
    program.rows = vec![row(&[(1, 1.0)], 3.0, INF), row(&[(1, 2.0)], -INF, 4.0)];
    assert_eq!(solve(real(), &program).status, SolveStatus::Infeasible);
}
