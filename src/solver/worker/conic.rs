//! Clarabel for convex programs.

use super::tidy::tidy;
use crate::solver::check::INFINITE;
use crate::solver::frame::Reply;
use crate::solver::program::{ConeKind, Program, Sense};
use crate::solver::solution::{Limits, Solution, SolveStatus};
use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSettingsBuilder, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};
use std::time::Instant;

/// Its version, which the crate does not say.
const SOLVER: &str = "Clarabel 0.11.1";

/// Solves a program.
pub(super) fn solve(program: &Program, limits: &Limits) -> Reply {
    if program.columns.iter().any(|column| column.integer) {
        return Reply::Refused("Clarabel takes no integer columns".to_owned());
    }
    let semidefinite = |kind| matches!(kind, ConeKind::Semidefinite(order) if order > 1);
    if let Some(cone) = program.cones.iter().find(|cone| semidefinite(cone.kind)) {
        let why = "this build has no solver for semidefinite cones, which want a BLAS of the system";
        return Reply::Refused(format!("{}: {why}", cone.name));
    }
    let begin = Instant::now();
    match conic(program, limits, begin, true) {
        Ok(solution) => Reply::Solved(Box::new(Solution { solve_ms: begin.elapsed().as_secs_f64() * 1e3, ..solution })),
        Err(why) => Reply::Failed(why),
    }
}

/// Where the two bounds of a row or column went: the position of each in the list of rows, and whether it is an equation.
#[derive(Debug, Clone, Copy, Default)]
struct Bounded {
    lower: Option<usize>,
    upper: Option<usize>,
}

/// A conic program `A x + s = b`, `s` in a product of cones, being written.
#[derive(Debug, Default)]
struct Rows {
    row: Vec<usize>,
    column: Vec<usize>,
    value: Vec<f64>,
    right: Vec<f64>,
}

impl Rows {
    /// Adds `factor * terms + s = right`.
    fn add<'a>(&mut self, terms: impl IntoIterator<Item = &'a (u32, f64)>, factor: f64, right: f64) -> usize {
        let row = self.right.len();
        for &(column, coefficient) in terms {
            self.row.push(row);
            self.column.push(column as usize);
            self.value.push(factor * coefficient);
        }
        self.right.push(right);
        row
    }
}

/// A program as Clarabel takes it, and the way back to the duals.
struct Conic {
    rows: Rows,
    cones: Vec<SupportedConeT<f64>>,
    of_rows: Vec<Bounded>,
    of_columns: Vec<Bounded>,
}

fn written(program: &Program) -> Conic {
    let units: Vec<[(u32, f64); 1]> = (0_u32..).zip(&program.columns).map(|(column, _)| [(column, 1.0)]).collect();
    let bounds = program.rows.iter().map(|row| (&row.terms[..], row.lower, row.upper));
    let bounds = bounds.chain(units.iter().zip(&program.columns).map(|(unit, column)| (&unit[..], column.lower, column.upper)));
    let mut rows = Rows::default();
    let mut all: Vec<Bounded> = vec![Bounded::default(); program.rows.len() + program.columns.len()];
    for ((terms, lower, upper), bounded) in bounds.clone().zip(&mut all) {
        if equals(lower, upper) {
            bounded.upper = Some(rows.add(terms, 1.0, upper));
        }
    }
    let equations = rows.right.len();
    for ((terms, lower, upper), bounded) in bounds.zip(&mut all) {
        if equals(lower, upper) {
            continue;
        }
        if lower > -INFINITE {
            bounded.lower = Some(rows.add(terms, -1.0, -lower));
        }
        if upper < INFINITE {
            bounded.upper = Some(rows.add(terms, 1.0, upper));
        }
    }
    let mut cones = vec![SupportedConeT::ZeroConeT(equations), SupportedConeT::NonnegativeConeT(rows.right.len() - equations)];
    for cone in &program.cones {
        for member in &cone.members {
            rows.add(&member.terms, -1.0, member.constant);
        }
        cones.push(match cone.kind {
            ConeKind::SecondOrder => SupportedConeT::SecondOrderConeT(cone.members.len()),
            ConeKind::Exponential => SupportedConeT::ExponentialConeT(),
            ConeKind::Power(a) => SupportedConeT::PowerConeT(a),
            // Of order 1 alone, which is a number that is not negative; larger ones were refused.
            ConeKind::Semidefinite(_) => SupportedConeT::NonnegativeConeT(cone.members.len()),
        });
    }
    cones.retain(|cone| !matches!(cone, SupportedConeT::ZeroConeT(0) | SupportedConeT::NonnegativeConeT(0)));
    let of_columns = all.split_off(program.rows.len());
    Conic { rows, cones, of_rows: all, of_columns }
}

fn equals(lower: f64, upper: f64) -> bool {
    lower >= upper
}

/// The objective to minimise: the upper triangle of twice its quadratic part, and its linear part.
fn objective(program: &Program, counts: bool) -> (CscMatrix<f64>, Vec<f64>) {
    let columns = program.columns.len();
    let factor = match (counts, program.sense) {
        (false, _) => 0.0,
        (true, Sense::Minimize) => 1.0,
        (true, Sense::Maximize) => -1.0,
    };
    let mut linear = vec![0.0; columns];
    for &(column, coefficient) in &program.objective {
        linear[column as usize] = factor * coefficient;
    }
    let (mut row, mut column, mut value) = (Vec::new(), Vec::new(), Vec::new());
    for &(i, j, q) in program.quadratic.iter().filter(|_| counts) {
        row.push(i as usize);
        column.push(j as usize);
        value.push(factor * if i == j { 2.0 * q } else { q });
    }
    (CscMatrix::new_from_triplets(columns, columns, row, column, value), linear)
}

/// Solves it with its objective, or where that does not count, only for values that hold every constraint.
fn conic(program: &Program, limits: &Limits, begin: Instant, counts: bool) -> Result<Solution, String> {
    let Conic { rows, cones, of_rows, of_columns } = written(program);
    let (quadratic, linear) = objective(program, counts);
    let left = limits.time.saturating_sub(begin.elapsed()).as_secs_f64();
    let settings = settings(left)?;
    let matrix = CscMatrix::new_from_triplets(rows.right.len(), program.columns.len(), rows.row, rows.column, rows.value);
    let solver = DefaultSolver::new(&quadratic, &linear, &matrix, &rows.right, &cones, settings);
    let mut solver = solver.map_err(|error| format!("Clarabel does not take the program: {error}"))?;
    solver.solve();
    let found = &solver.solution;
    let nothing = |status| Solution::without_values(status, SOLVER);
    match found.status {
        SolverStatus::Solved | SolverStatus::AlmostSolved => {
            let values = tidy(program, found.x.clone());
            let objective = program.objective_at(&values);
            let sign = if program.sense == Sense::Minimize { 1.0 } else { -1.0 };
            let dual = |at: Option<usize>| at.map_or(0.0, |at| found.z[at]);
            let duals = |of: Vec<Bounded>| Some(of.into_iter().map(|b| sign * (dual(b.lower) - dual(b.upper)) + 0.0).collect());
            let (duals, reduced_costs) = (duals(of_rows), duals(of_columns));
            let (objective, bound) = (Some(objective), Some(objective));
            Ok(Solution { values, objective, bound, duals, reduced_costs, ..nothing(SolveStatus::Optimal) })
        }
        SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => Ok(nothing(SolveStatus::Infeasible)),
        // The objective has no end along this direction, if any values hold every constraint at all.
        SolverStatus::DualInfeasible | SolverStatus::AlmostDualInfeasible if counts => {
            let ray = Some(found.x.clone());
            let feasible = conic(program, limits, begin, false)?;
            let unbounded = Solution { ray, ..nothing(SolveStatus::Unbounded) };
            Ok(if feasible.status == SolveStatus::Optimal { unbounded } else { feasible })
        }
        SolverStatus::MaxTime | SolverStatus::MaxIterations => Ok(nothing(SolveStatus::Unknown)),
        other => Err(format!("Clarabel did not converge ({other:?}); numbers of very different size are the usual cause")),
    }
}

/// Tighter than its defaults, for amounts of money are compared to the last unit; what comes near enough to that counts as solved.
fn settings(time_limit: f64) -> Result<DefaultSettings<f64>, String> {
    DefaultSettingsBuilder::default()
        .verbose(false)
        .max_threads(1)
        .time_limit(time_limit)
        .tol_gap_abs(1e-10)
        .tol_gap_rel(1e-10)
        .tol_feas(1e-10)
        .reduced_tol_gap_abs(1e-7)
        .reduced_tol_gap_rel(1e-7)
        .reduced_tol_feas(1e-7)
        .build()
        .map_err(|error| format!("Clarabel does not take its settings: {error}"))
}
