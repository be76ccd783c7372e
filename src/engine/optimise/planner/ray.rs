//! How an unbounded model can improve for ever: a direction in the caller's variables.

use super::problem::Problem;
use super::runs::{Runs, Stop};
use crate::solver::SolveStatus;
use crate::solver::program::{Affine, Class, Cone, Program, Row, Sense};
use std::collections::BTreeMap;

/// Below this a part of a direction is rounding.
const STILL: f64 = 1e-7;

/// A direction of the caller's variables along which the objective improves for ever, its largest part 1. Empty where none was found in time.
///
/// It is looked for in the recession cone of the constraints, cut to a box (Bertsimas and Tsitsiklis, *Introduction to Linear
/// Optimization*, 1997, section 4.8), whatever the solver says: so it is known to be one.
pub(super) fn find(problem: &Problem, runs: &Runs<'_>) -> Result<BTreeMap<String, f64>, Stop> {
    let solution = match runs.extra(&recession(&problem.program)) {
        Ok(solution) => solution,
        Err(stop) => return stop.soft().map(|()| BTreeMap::new()),
    };
    if !matches!(solution.status, SolveStatus::Optimal | SolveStatus::Feasible) || !improves(&problem.program, &solution.values) {
        return Ok(BTreeMap::new());
    }
    let parts = problem.variables.iter().map(|variable| {
        let part = solution.values.get(variable.column as usize).copied().unwrap_or(0.0);
        (variable.name.clone(), part)
    });
    let parts: BTreeMap<String, f64> = parts.filter(|(_, part)| part.abs() > STILL).collect();
    let most = parts.values().fold(0.0, |most: f64, part| most.max(part.abs()));
    Ok(parts.into_iter().map(|(name, part)| (name, tidy(part / most))).collect())
}

/// The variables of a direction that have no bound in it, and which bound that would be.
pub(super) fn open(problem: &Problem, ray: &BTreeMap<String, f64>) -> Vec<(String, &'static str)> {
    let open = problem.variables.iter().filter_map(|variable| {
        let part = *ray.get(&variable.name)?;
        let (lower, upper) = problem.bounds(variable.column);
        match part {
            part if part > 0.0 && upper.is_infinite() => Some((variable.name.clone(), "upper")),
            part if part < 0.0 && lower.is_infinite() => Some((variable.name.clone(), "lower")),
            _ => None,
        }
    });
    open.collect()
}

fn tidy(part: f64) -> f64 {
    let whole = (part * 1e9).round() / 1e9;
    if (whole - whole.round()).abs() < 1e-6 { whole.round() } else { whole }
}

fn recession(program: &Program) -> Program {
    let mut columns = program.columns.clone();
    for column in &mut columns {
        column.integer = false;
        column.lower = if column.lower.is_finite() { 0.0 } else { -1.0 };
        column.upper = if column.upper.is_finite() { 0.0 } else { 1.0 };
    }
    let mut rows: Vec<Row> = program.rows.iter().map(level).collect();
    // Along a direction on which a quadratic objective curves it does not improve for ever.
    let mut curves: BTreeMap<u32, Vec<(u32, f64)>> = BTreeMap::new();
    for &(i, j, q) in &program.quadratic {
        curves.entry(i).or_default().push((j, if i == j { 2.0 * q } else { q }));
        if i != j {
            curves.entry(j).or_default().push((i, q));
        }
    }
    rows.extend(curves.into_values().map(|terms| Row {
        name: "curvature".to_owned(),
        terms,
        lower: 0.0,
        upper: 0.0,
        only_if: Vec::new(),
    }));
    let homogeneous = |member: &Affine| Affine { terms: member.terms.clone(), constant: 0.0 };
    let cones = program
        .cones
        .iter()
        .map(|cone| Cone { members: cone.members.iter().map(homogeneous).collect(), ..cone.clone() })
        .collect();
    Program {
        class: if program.class == Class::Mip { Class::Lp } else { program.class },
        sense: program.sense,
        columns,
        objective: program.objective.clone(),
        offset: 0.0,
        quadratic: Vec::new(),
        rows,
        cones,
        rules: Vec::new(),
    }
}

fn level(row: &Row) -> Row {
    let lower = if row.lower.is_finite() { 0.0 } else { f64::NEG_INFINITY };
    let upper = if row.upper.is_finite() { 0.0 } else { f64::INFINITY };
    Row { lower, upper, ..row.clone() }
}

/// Whether a direction of the columns improves the objective.
fn improves(program: &Program, direction: &[f64]) -> bool {
    let slope: f64 = program.objective.iter().map(|&(j, c)| c * direction.get(j as usize).copied().unwrap_or(0.0)).sum();
    if program.sense == Sense::Minimize { slope < -STILL } else { slope > STILL }
}
