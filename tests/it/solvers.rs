//! Solvers in workers of the binary itself.

use super::service::project;
use instinct::solver::program::{Column, Row, Sense};
use instinct::solver::{self, Cancel, Class, Config, Limits, Program, SolveStatus, Solver};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

fn solvers() -> solver::Chosen {
    let runtime = std::env::var_os("INSTINCT_RUNTIME_DIR").map_or_else(|| project().join("runtime"), PathBuf::from);
    let config = Config { worker: Some(env!("CARGO_BIN_EXE_instinct").into()), ..Config::default() };
    solver::open(&config, &runtime).unwrap()
}

/// The allocation of the specification's example 3.1, in whole millions for CP.
fn allocation(class: Class) -> Program {
    let integer = matches!(class, Class::Mip | Class::Cp);
    let column = |name: &str| Column { name: name.to_owned(), lower: 2.0, upper: 20.0, integer };
    let terms = vec![(0, 1.0), (1, 1.0), (2, 1.0)];
    Program {
        class,
        sense: Sense::Minimize,
        columns: vec![column("x_btc"), column("x_eth"), column("x_sol")],
        objective: vec![(0, 0.18), (1, 0.31), (2, 0.42)],
        offset: 0.0,
        quadratic: Vec::new(),
        rows: vec![Row { name: "budget".to_owned(), terms, lower: 50.0, upper: 50.0, only_if: Vec::new() }],
        cones: Vec::new(),
        rules: Vec::new(),
    }
}

#[test]
fn every_class_is_solved_by_a_worker_of_the_binary() {
    let limits = Limits { time: Duration::from_secs(20), memory_bytes: 256 << 20, nodes: None, gap: 0.0 };
    for (class, wanted) in [(Class::Lp, "HiGHS"), (Class::Mip, "HiGHS"), (Class::Convex, "Clarabel"), (Class::Cp, "CP-SAT")] {
        let solution = solvers().solve(&allocation(class), &limits, &Cancel::default()).unwrap();
        assert_eq!(solution.status, SolveStatus::Optimal, "{class:?}");
        assert!((solution.objective.unwrap() - 14.0).abs() < 1e-6, "{class:?}: {solution:?}");
        let off = solution.values.iter().zip([20.0, 20.0, 10.0]).map(|(value, right)| (value - right).abs()).fold(0.0, f64::max);
        assert!(solution.values.len() == 3 && off < 1e-6, "{class:?}: {solution:?}");
        assert!(solution.solver.starts_with(wanted), "{}", solution.solver);
    }
}

#[test]
fn a_worker_that_a_person_starts_says_that_it_is_none() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_instinct"));
    command.args(["solve-worker", "{}"]).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("argument does not read"));
    let help = Command::new(env!("CARGO_BIN_EXE_instinct")).arg("--help").output().unwrap();
    assert!(!String::from_utf8_lossy(&help.stdout).contains("solve-worker"));
}
