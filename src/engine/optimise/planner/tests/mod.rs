//! Small programs, and a twin of a solver.

mod conflict;
mod models;
mod others;
mod planning;
mod real;
mod seeds;
mod text;

use super::problem::{Problem, Statement, Variable};
use super::runs::Runs;
use super::{Config, Planner};
use crate::domain::deadline::Deadline;
use crate::solver::program::{Class, Column, Program, Row, Sense};
use crate::solver::twin::Twin;
use crate::solver::{Cancel, Limits, Solver};
use std::sync::Arc;
use std::time::Duration;

pub(super) const FREE: f64 = f64::INFINITY;

pub(super) fn limits() -> Limits {
    Limits { time: Duration::from_secs(30), memory_bytes: 1 << 30, nodes: Some(300), gap: 1e-6 }
}

pub(super) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// Columns by bounds, rows by terms and bounds; each row is a constraint of its own, `c0`, `c1` and so on.
pub(super) fn problem(class: Class, sense: Sense, costs: &[f64], bounds: &[(f64, f64)], rows: &[(&[f64], f64, f64)]) -> Problem {
    let integer = class != Class::Lp;
    let columns: Vec<Column> =
        bounds.iter().enumerate().map(|(j, &(lower, upper))| Column { name: format!("x{j}"), lower, upper, integer }).collect();
    let terms = |row: &[f64]| row.iter().enumerate().filter(|(_, a)| **a != 0.0).map(|(j, a)| (j as u32, *a)).collect();
    let rows: Vec<Row> = rows
        .iter()
        .enumerate()
        .map(|(i, &(row, lower, upper))| Row { name: format!("c{i}"), terms: terms(row), lower, upper, only_if: Vec::new() })
        .collect();
    let variables = columns
        .iter()
        .enumerate()
        .map(|(j, column)| Variable {
            name: column.name.clone(),
            family: "x".to_owned(),
            index: vec![j.to_string()],
            unit: None,
            column: j as u32,
        })
        .collect();
    let constraints = (0..rows.len())
        .map(|i| Statement {
            name: format!("c{i}"),
            family: format!("c{i}"),
            states: format!("c{i}"),
            rows: vec![i as u32],
            ..Statement::default()
        })
        .collect();
    let objective = terms(costs);
    let program =
        Program { class, sense, columns, objective, offset: 0.0, quadratic: vec![], rows, cones: vec![], rules: vec![] };
    Problem { program, variables, constraints }
}

/// The seed's fund: 50 million over three markets, none over 20 million.
pub(super) fn fund() -> Problem {
    let one = [1.0, 1.0, 1.0];
    problem(
        Class::Lp,
        Sense::Minimize,
        &[0.18, 0.31, 0.42],
        &[(0.0, FREE); 3],
        &[
            (&one, 50e6, 50e6),
            (&[1.0], 2.5e6, FREE),
            (&[0.0, 1.0], 2.5e6, FREE),
            (&[0.0, 0.0, 1.0], 2.5e6, FREE),
            (&[1.0], -FREE, 20e6),
            (&[0.0, 1.0], -FREE, 20e6),
            (&[0.0, 0.0, 1.0], -FREE, 20e6),
        ],
    )
}

pub(super) fn planner() -> Planner {
    Planner::new(Arc::new(Twin), Config::default())
}

/// Does something with a twin that may solve so often.
pub(super) fn with_runs<T>(extra: u32, job: impl FnOnce(&Runs<'_>) -> T) -> T {
    let cancel = Cancel::default();
    let runs = Runs::new(&Twin as &dyn Solver, (limits(), extra), soon(), &cancel);
    job(&runs)
}
