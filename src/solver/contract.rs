//! What every solver must do, the exact one in this process and the real ones alike.

mod convex;
mod logical;

use super::program::{Class, Column, Program, Row, Sense};
use super::twin::Twin;
use super::{Cancel, Chosen, Config, Limits, Name, Solution, SolveStatus, Solver, SolverError, open};
use proptest::collection::vec;
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

/// The runtime folder of the tests.
pub(super) fn runtime_dir() -> PathBuf {
    std::env::var_os("INSTINCT_RUNTIME_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/runtime")), PathBuf::from)
}

/// Where the test binary itself is started as a worker: it does a worker's work and never comes to its tests.
#[used]
#[unsafe(link_section = ".init_array")]
static WORKER: extern "C" fn() = {
    extern "C" fn work_where_asked() {
        let mut arguments = std::env::args().skip(1);
        if arguments.next().as_deref() == Some("solve-worker") {
            super::worker_main(&arguments.next().unwrap_or_default());
        }
    }
    work_where_asked
};

/// The real solvers, opened once: their libraries are read through once.
pub(super) fn real() -> &'static Chosen {
    static REAL: LazyLock<Chosen> = LazyLock::new(|| {
        let config = Config { workers_max: 4, waiting_max: 1_000, wait_ms: 60_000, ..Config::default() };
        open(&config, &runtime_dir()).unwrap_or_else(|error| panic!("the solvers did not open, run `make setup`: {error}"))
    });
    &REAL
}

/// Limits that no test comes to.
pub(super) fn limits() -> Limits {
    Limits { time: Duration::from_secs(30), memory_bytes: 1 << 30, nodes: None, gap: 1e-9 }
}

/// A program with nothing in it.
pub(super) fn empty(class: Class) -> Program {
    Program {
        class,
        sense: Sense::Minimize,
        columns: Vec::new(),
        objective: Vec::new(),
        offset: 0.0,
        quadratic: Vec::new(),
        rows: Vec::new(),
        cones: Vec::new(),
        rules: Vec::new(),
    }
}

/// A continuous column.
pub(super) fn column(lower: f64, upper: f64) -> Column {
    Column { name: "x".to_owned(), lower, upper, integer: false }
}

/// An integer column.
pub(super) fn integer(lower: f64, upper: f64) -> Column {
    Column { integer: true, ..column(lower, upper) }
}

/// A row.
pub(super) fn row(terms: &[(u32, f64)], lower: f64, upper: f64) -> Row {
    Row { name: "r".to_owned(), terms: terms.to_vec(), lower, upper, only_if: Vec::new() }
}

const INF: f64 = f64::INFINITY;

/// How near two solvers' objectives are, for each unit.
const WITHIN: f64 = 1e-6;

/// What to call one solver in a contract, and it.
type Subject = (&'static str, Box<dyn Solver>);

/// Every solver that takes linear programs.
fn linear() -> Vec<Subject> {
    vec![
        ("twin", Box::new(Twin)),
        ("highs", Box::new(real().named(Name::Highs))),
        ("clarabel", Box::new(real().named(Name::Clarabel))),
    ]
}

/// Every solver that takes programs with integers.
fn mixed() -> Vec<Subject> {
    vec![("twin", Box::new(Twin)), ("highs", Box::new(real().named(Name::Highs)))]
}

fn solve(solver: &dyn Solver, program: &Program) -> Solution {
    solver.solve(program, &limits(), &Cancel::default()).unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= WITHIN * a.abs().max(b.abs()).max(1.0)
}

/// Whether values hold every bound and row, within the tolerance that every solver has.
fn holds(program: &Program, values: &[f64]) -> bool {
    let within = |at: f64, lower: f64, upper: f64| {
        let slack = |bound: f64| 1e-6 * if bound.is_finite() { bound.abs().max(1.0) } else { 1.0 };
        at >= lower - slack(lower) && at <= upper + slack(upper)
    };
    let columns = program.columns.iter().zip(values).all(|(column, value)| {
        within(*value, column.lower, column.upper) && (!column.integer || (value - value.round()).abs() < 1e-6)
    });
    columns && program.rows.iter().all(|row| within(row.at(values), row.lower, row.upper))
}

/// Whether the objective improves along a direction that leaves every bound and row alone.
fn is_ray(program: &Program, ray: &[f64]) -> bool {
    let scale = ray.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let within = |at: f64, lower: f64, upper: f64| {
        (lower.is_infinite() || at >= -1e-6 * scale) && (upper.is_infinite() || at <= 1e-6 * scale)
    };
    let change: f64 = program.objective.iter().map(|&(column, c)| c * ray[column as usize]).sum();
    let improves = if program.sense == Sense::Minimize { change < -1e-6 * scale } else { change > 1e-6 * scale };
    let columns = program.columns.iter().zip(ray).all(|(column, value)| within(*value, column.lower, column.upper));
    improves && columns && program.rows.iter().all(|row| within(row.at(ray), row.lower, row.upper))
}

/// `maximise 3x + 2y` under three rows; 36 more of the first would be worth nothing, the others are binding.
fn textbook() -> Program {
    let mut program = empty(Class::Lp);
    program.sense = Sense::Maximize;
    program.offset = 5.0;
    program.columns = vec![column(0.0, INF), column(0.0, INF)];
    program.objective = vec![(0, 3.0), (1, 2.0)];
    program.rows = vec![
        row(&[(0, 1.0), (1, 4.0)], -INF, 40.0),
        row(&[(0, 2.0), (1, 1.0)], -INF, 18.0),
        row(&[(0, 1.0), (1, 1.0)], 1.0, 12.0),
    ];
    program
}

#[test]
fn a_linear_program_has_its_optimum_and_its_duals() {
    for (name, solver) in linear() {
        let solution = solve(&*solver, &textbook());
        assert_eq!(solution.status, SolveStatus::Optimal, "{name}");
        assert!(close(solution.objective.unwrap(), 35.0), "{name}: {solution:?}");
        assert!(close(solution.bound.unwrap(), 35.0), "{name}: {solution:?}");
        let near = |given: &[f64], wanted: &[f64]| given.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(near(&solution.values, &[6.0, 6.0]), "{name}: {solution:?}");
        assert!(near(solution.duals.as_ref().unwrap(), &[0.0, 1.0, 1.0]), "{name}: {solution:?}");
        assert!(near(solution.reduced_costs.as_ref().unwrap(), &[0.0, 0.0]), "{name}: {solution:?}");
    }
}

#[test]
fn duals_and_reduced_costs_are_the_change_of_the_objective() {
    for (name, solver) in linear() {
        for sense in [Sense::Minimize, Sense::Maximize] {
            let program = sloped(sense);
            let solution = solve(&*solver, &program);
            let (duals, reduced) = (solution.duals.unwrap(), solution.reduced_costs.unwrap());
            let step = 1e-3;
            let moved = |change: &dyn Fn(&mut Program)| {
                let mut program = program.clone();
                change(&mut program);
                (solve(&*solver, &program).objective.unwrap() - solution.objective.unwrap()) / step
            };
            for at in 0..program.rows.len() {
                let slope = moved(&|p| (p.rows[at].lower, p.rows[at].upper) = (p.rows[at].lower + step, p.rows[at].upper + step));
                assert!((slope - duals[at]).abs() < 1e-3, "{name}, {sense:?}, row {at}: {slope} and {duals:?}");
            }
            for at in 0..program.columns.len() {
                let slope = moved(&|p| {
                    (p.columns[at].lower, p.columns[at].upper) = (p.columns[at].lower + step, p.columns[at].upper + step);
                });
                assert!((slope - reduced[at]).abs() < 1e-3, "{name}, {sense:?}, column {at}: {slope} and {reduced:?}");
            }
        }
    }
}

/// A program in which a lower bound, an upper bound, an equation and a bound of a column are binding.
fn sloped(sense: Sense) -> Program {
    let mut program = empty(Class::Lp);
    program.sense = sense;
    program.columns = vec![column(-2.0, 4.0), column(1.0, 9.0), column(-INF, INF), column(3.0, 3.0)];
    program.objective = vec![(0, 1.5), (1, -2.0), (2, 0.75), (3, 4.0)];
    program.rows = vec![
        row(&[(0, 1.0), (1, 1.0), (2, 1.0)], 6.0, 6.0),
        row(&[(1, 2.0), (2, -1.0)], -5.0, 7.5),
        row(&[(0, 1.0), (2, 1.0), (3, 1.0)], 0.5, 30.0),
    ];
    program
}

#[test]
fn an_infeasible_program_is_said_to_be_that() {
    let mut program = textbook();
    program.rows.push(row(&[(0, 1.0), (1, 1.0)], 20.0, INF));
    for (name, solver) in linear() {
        let solution = solve(&*solver, &program);
        assert_eq!((solution.status, solution.values), (SolveStatus::Infeasible, vec![]), "{name}");
    }
}

#[test]
fn an_unbounded_program_has_a_ray() {
    let mut program = empty(Class::Lp);
    program.sense = Sense::Maximize;
    program.columns = vec![column(0.0, INF), column(0.0, INF), column(-INF, INF)];
    program.objective = vec![(0, 1.0), (2, -0.5)];
    program.rows = vec![row(&[(0, 1.0), (1, -1.0)], -INF, 3.0), row(&[(1, 1.0), (2, 1.0)], 2.0, INF)];
    for (name, solver) in linear() {
        let solution = solve(&*solver, &program);
        assert_eq!(solution.status, SolveStatus::Unbounded, "{name}");
        assert!(is_ray(&program, solution.ray.as_ref().unwrap()), "{name}: {solution:?}");
    }
}

#[test]
fn a_program_that_would_be_unbounded_if_it_were_feasible_is_infeasible() {
    let mut program = empty(Class::Lp);
    program.columns = vec![column(-INF, INF), column(0.0, INF), column(0.0, INF)];
    program.objective = vec![(0, 1.0)];
    program.rows = vec![row(&[(1, 1.0), (2, 1.0)], -INF, 1.0), row(&[(1, 1.0), (2, 2.0)], 4.0, INF)];
    for (name, solver) in linear() {
        assert_eq!(solve(&*solver, &program).status, SolveStatus::Infeasible, "{name}");
    }
}

#[test]
fn an_unbounded_program_with_integers_has_a_ray_and_an_infeasible_one_none() {
    let mut program = empty(Class::Mip);
    program.sense = Sense::Maximize;
    program.columns = vec![integer(0.0, INF), integer(0.0, INF)];
    program.objective = vec![(0, 1.0)];
    program.rows = vec![row(&[(0, 1.0), (1, -2.0)], -INF, 1.0)];
    for (name, solver) in mixed() {
        let solution = solve(&*solver, &program);
        assert_eq!(solution.status, SolveStatus::Unbounded, "{name}");
        assert!(is_ray(&program, solution.ray.as_ref().unwrap()), "{name}: {solution:?}");
    }
    program.columns[1].upper = 9.0;
    program.rows.push(row(&[(1, 2.0)], 3.0, 3.0));
    for (name, solver) in mixed() {
        assert_eq!(solve(&*solver, &program).status, SolveStatus::Infeasible, "{name}");
    }
}

#[test]
fn a_degenerate_program_is_solved() {
    let mut program = textbook();
    program.rows.push(row(&[(0, 1.0)], -INF, 6.0));
    program.rows.push(row(&[(0, 1.0), (1, 2.0)], -INF, 18.0));
    program.rows.push(program.rows[2].clone());
    for (name, solver) in linear() {
        assert!(close(solve(&*solver, &program).objective.unwrap(), 35.0), "{name}");
    }
}

#[test]
fn an_empty_program_is_optimal_and_one_without_rows_is_solved() {
    for (name, solver) in linear() {
        let mut program = empty(Class::Lp);
        program.offset = 7.0;
        let solution = solve(&*solver, &program);
        assert_eq!((solution.status, solution.objective), (SolveStatus::Optimal, Some(7.0)), "{name}");
        program.rows.push(row(&[], 1.0, 2.0));
        assert_eq!(solve(&*solver, &program).status, SolveStatus::Infeasible, "{name}");
        program.rows.clear();
        program.columns = vec![column(-1.0, 4.0), column(2.0, 2.0)];
        program.objective = vec![(0, 1.0), (1, 3.0)];
        let solution = solve(&*solver, &program);
        assert!(close(solution.objective.unwrap(), 12.0), "{name}: {solution:?}");
    }
}

#[test]
fn a_number_that_is_none_or_far_too_large_is_refused() {
    let broken: [fn(&mut Program); 7] = [
        |program| program.objective[0].1 = f64::NAN,
        |program| program.rows[0].terms[0].1 = 1e300,
        |program| program.rows[0].terms[0].0 = 77,
        |program| program.rows[0].terms.push((0, 1.0)),
        |program| program.columns[0].lower = 1e300,
        |program| program.offset = f64::INFINITY,
        |program| program.columns[0].integer = true,
    ];
    for (name, solver) in linear() {
        for (at, breaks) in broken.iter().enumerate() {
            let mut program = textbook();
            breaks(&mut program);
            let result = solver.solve(&program, &limits(), &Cancel::default());
            assert!(matches!(result, Err(SolverError::Refused(_))), "{name}, {at}: {result:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn solvers_agree_on_linear_programs(program in programs(false)) {
        let wanted = solve(&Twin, &program);
        for (name, solver) in linear() {
            let solution = solve(&*solver, &program);
            prop_assert_eq!(solution.status, wanted.status, "{}", name);
            if wanted.status == SolveStatus::Optimal {
                prop_assert!(close(solution.objective.unwrap(), wanted.objective.unwrap()), "{}: {:?} {:?}", name, solution, wanted);
                prop_assert!(holds(&program, &solution.values), "{}: {:?}", name, solution);
            }
            if wanted.status == SolveStatus::Unbounded {
                prop_assert!(solution.ray.as_ref().is_some_and(|ray| is_ray(&program, ray)), "{}: {:?}", name, solution);
            }
        }
    }

    #[test]
    fn solvers_agree_on_programs_with_integers(program in programs(true)) {
        let wanted = solve(&Twin, &program);
        let solution = solve(&real().named(Name::Highs), &program);
        prop_assert_eq!(solution.status, wanted.status);
        if wanted.status == SolveStatus::Optimal {
            prop_assert!(close(solution.objective.unwrap(), wanted.objective.unwrap()), "{:?} {:?}", solution, wanted);
            prop_assert!(holds(&program, &solution.values), "{:?}", solution);
        }
    }
}

/// Small programs of whole numbers, of which all ends occur. With integers the bounds are finite, so that the twin ends.
fn programs(integers: bool) -> impl Strategy<Value = Program> {
    let bounds = (-6..6_i8, 0..8_i8, 0..8_u8).prop_map(move |(lower, width, kind)| {
        let (lower, upper) = (f64::from(lower), f64::from(lower) + f64::from(width));
        match (kind, integers) {
            (0, false) => column(-INF, INF),
            (1, false) => column(lower, INF),
            (2, false) => column(-INF, upper),
            (0..4, true) => integer(lower, upper),
            _ => column(lower, upper),
        }
    });
    let terms = || vec(-5..6_i8, 5);
    let row_bounds = (-20..20_i8, 0..25_i8, 0..4_u8).prop_map(|(lower, width, kind)| {
        let (lower, upper) = (f64::from(lower), f64::from(lower) + f64::from(width));
        match kind {
            0 => (lower, lower),
            1 => (lower, INF),
            2 => (-INF, upper),
            _ => (lower, upper),
        }
    });
    let sense = any::<bool>().prop_map(|up| if up { Sense::Maximize } else { Sense::Minimize });
    (vec(bounds, 1..=5), vec((terms(), row_bounds), 0..5), terms(), sense).prop_map(move |(columns, lines, costs, sense)| {
        let sparse = |coefficients: Vec<i8>| -> Vec<(u32, f64)> {
            let numbered = (0_u32..).zip(coefficients).take(columns.len()).filter(|(_, coefficient)| *coefficient != 0);
            numbered.map(|(column, coefficient)| (column, f64::from(coefficient))).collect()
        };
        let mut program = empty(if integers { Class::Mip } else { Class::Lp });
        program.sense = sense;
        program.objective = sparse(costs);
        program.rows = lines.into_iter().map(|(terms, (lower, upper))| row(&sparse(terms), lower, upper)).collect();
        program.columns = columns.clone();
        program
    })
}
