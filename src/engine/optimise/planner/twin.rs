//! A solver for tests: the two-phase simplex method on a dense tableau with Bland's rule, and a tree over whole numbers above it.

use crate::solver::program::{Class, Program, RuleKind, Sense};
use crate::solver::{Cancel, Limits, Solution, SolveStatus, Solver, SolverError};
use std::sync::atomic::{AtomicU32, Ordering};

const EPSILON: f64 = 1e-9;

/// A search over whole numbers without bounds need not end.
const NODES_MAX: u32 = 300;

/// Counts how often it was asked.
#[derive(Debug, Default)]
pub(super) struct Twin {
    pub(super) solves: AtomicU32,
}

impl Solver for Twin {
    fn solve(&self, program: &Program, _: &Limits, cancel: &Cancel) -> Result<Solution, SolverError> {
        self.solves.fetch_add(1, Ordering::Relaxed);
        if cancel.is_cancelled() {
            return Err(SolverError::Cancelled);
        }
        let whole = program.columns.iter().any(|column| column.integer);
        if program.class == Class::Cp {
            return Ok(enumerate(program));
        }
        Ok(if whole { branch(program) } else { relaxed(program) })
    }
}

fn ended(status: SolveStatus) -> Solution {
    Solution {
        status,
        values: Vec::new(),
        objective: None,
        bound: None,
        duals: None,
        reduced_costs: None,
        ray: None,
        solver: "twin 1".to_owned(),
        solve_ms: 0.5,
        nodes: None,
    }
}

fn better(sense: Sense, a: f64, b: f64) -> bool {
    if sense == Sense::Minimize { a < b - EPSILON } else { a > b + EPSILON }
}

fn branch(program: &Program) -> Solution {
    let mut open = vec![program.clone()];
    let mut best = ended(SolveStatus::Infeasible);
    let mut nodes = 0;
    while let Some(node) = open.pop() {
        nodes += 1;
        if nodes > NODES_MAX {
            return ended(SolveStatus::Unknown);
        }
        let solved = relaxed(&node);
        match solved.status {
            SolveStatus::Optimal => {}
            SolveStatus::Unbounded => return solved,
            _ => continue,
        }
        if best.objective.is_some_and(|found| !better(program.sense, solved.objective.unwrap(), found)) {
            continue;
        }
        let split = (0..node.columns.len())
            .find(|&j| node.columns[j].integer && (solved.values[j] - solved.values[j].round()).abs() > 1e-6);
        let Some(j) = split else {
            best = Solution { duals: None, reduced_costs: None, bound: solved.objective, ..solved };
            continue;
        };
        let (mut down, mut up) = (node.clone(), node);
        down.columns[j].upper = solved.values[j].floor();
        up.columns[j].lower = solved.values[j].ceil();
        open.push(down);
        open.push(up);
    }
    best
}

/// Tries every point of the box, which must be small.
fn enumerate(program: &Program) -> Solution {
    let mut at: Vec<f64> = program.columns.iter().map(|column| column.lower).collect();
    let mut best = ended(SolveStatus::Infeasible);
    if program.columns.iter().any(|column| column.lower > column.upper) {
        return best;
    }
    loop {
        if holds(program, &at) {
            let objective = program.objective_at(&at);
            if best.objective.is_none_or(|found| better(program.sense, objective, found)) {
                best = Solution {
                    values: at.clone(),
                    objective: Some(objective),
                    bound: Some(objective),
                    ..ended(SolveStatus::Optimal)
                };
            }
        }
        let Some(j) = (0..at.len()).find(|&j| at[j] < program.columns[j].upper) else { return best };
        at[j] += 1.0;
        for (k, value) in at.iter_mut().enumerate().take(j) {
            *value = program.columns[k].lower;
        }
    }
}

fn holds(program: &Program, at: &[f64]) -> bool {
    let is = |&(column, value): &(u32, bool)| (at[column as usize] > 0.5) == value;
    program.rows.iter().all(|row| {
        let sum = row.at(at);
        !row.only_if.iter().all(is) || (sum >= row.lower - EPSILON && sum <= row.upper + EPSILON)
    }) && program.rules.iter().all(|rule| match &rule.kind {
        RuleKind::AllDifferent(of) => of.iter().enumerate().all(|(i, a)| of[..i].iter().all(|b| a.at(at) != b.at(at))),
        RuleKind::ExactlyOne(of) => of.iter().filter(|one| is(one)).count() == 1,
        RuleKind::AtMostOne(of) => of.iter().filter(|one| is(one)).count() <= 1,
        RuleKind::AnyOf(of) => of.iter().any(is),
        RuleKind::NoOverlap(of) => of.iter().enumerate().all(|(i, a)| {
            of[..i].iter().all(|b| {
                let (start, other) = (a.start.at(at), b.start.at(at));
                start + a.length.at(at) <= other || other + b.length.at(at) <= start
            })
        }),
        other => panic!("the twin knows no {other:?}"),
    })
}

/// Where a column of the program stands in the tableau: `x = shift + sign * u[at] (- u[at + 1] where it is free)`.
struct Place {
    at: usize,
    shift: f64,
    sign: f64,
    free: bool,
}

struct Equation {
    terms: Vec<(usize, f64)>,
    right: f64,
    /// Of which row of the program, and by what that was divided.
    row: Option<(usize, f64)>,
}

fn relaxed(program: &Program) -> Solution {
    let (places, mut equations, mut width) = lay_out(program);
    for (i, row) in program.rows.iter().enumerate() {
        let mut terms = Vec::new();
        let mut shift = 0.0;
        let size = row.terms.iter().fold(0.0, |most: f64, (_, a)| most.max(a.abs())).max(1.0);
        for (j, a) in row.terms.iter().map(|&(j, a)| (j, a / size)) {
            let place = &places[j as usize];
            shift += a * place.shift;
            terms.push((place.at, a * place.sign));
            if place.free {
                terms.push((place.at + 1, -a));
            }
        }
        let mut sides = vec![(row.lower, -1.0), (row.upper, 1.0)];
        if row.lower == row.upper {
            sides = vec![(row.lower, 0.0)];
        }
        for (right, slack) in sides.into_iter().filter(|(right, _)| right.is_finite()) {
            let mut terms = terms.clone();
            if slack != 0.0 {
                terms.push((width, slack));
                width += 1;
            }
            equations.push(Equation { terms, right: right / size - shift, row: Some((i, size)) });
        }
    }
    solve(program, &places, &equations, width)
}

fn lay_out(program: &Program) -> (Vec<Place>, Vec<Equation>, usize) {
    let (mut places, mut width) = (Vec::new(), 0);
    for column in &program.columns {
        let (shift, sign, free) = match (column.lower.is_finite(), column.upper.is_finite()) {
            (true, _) => (column.lower, 1.0, false),
            (false, true) => (column.upper, -1.0, false),
            (false, false) => (0.0, 1.0, true),
        };
        places.push(Place { at: width, shift, sign, free });
        width += 1 + usize::from(free);
    }
    let mut equations = Vec::new();
    for (column, place) in program.columns.iter().zip(&places) {
        if column.lower.is_finite() && column.upper.is_finite() {
            equations.push(Equation {
                terms: vec![(place.at, 1.0), (width, 1.0)],
                right: column.upper - column.lower,
                row: None,
            });
            width += 1;
        }
    }
    (places, equations, width)
}

fn solve(program: &Program, places: &[Place], equations: &[Equation], width: usize) -> Solution {
    let (rows, sign) = (equations.len(), if program.sense == Sense::Minimize { 1.0 } else { -1.0 });
    let mut tableau = vec![vec![0.0; width + rows + 1]; rows];
    let mut basis: Vec<usize> = (width..width + rows).collect();
    let mut flips = vec![1.0; rows];
    for (i, equation) in equations.iter().enumerate() {
        flips[i] = if equation.right < 0.0 { -1.0 } else { 1.0 };
        for &(j, a) in &equation.terms {
            tableau[i][j] += flips[i] * a;
        }
        tableau[i][width + i] = 1.0;
        tableau[i][width + rows] = flips[i] * equation.right;
    }
    let mut first = vec![0.0; width + rows];
    first[width..].fill(1.0);
    optimise(&mut tableau, &mut basis, &first, width);
    let infeasible: f64 = basis.iter().zip(&tableau).filter(|(j, _)| **j >= width).map(|(_, row)| row[width + rows]).sum();
    if infeasible > 1e-7 {
        return ended(SolveStatus::Infeasible);
    }
    for i in 0..rows {
        if basis[i] >= width
            && let Some(j) = (0..width).find(|&j| tableau[i][j].abs() > EPSILON)
        {
            pivot(&mut tableau, &mut basis, i, j);
        }
    }
    let mut costs = vec![0.0; width + rows];
    for &(j, c) in &program.objective {
        let place = &places[j as usize];
        costs[place.at] += sign * c * place.sign;
        if place.free {
            costs[place.at + 1] -= sign * c;
        }
    }
    if !optimise(&mut tableau, &mut basis, &costs, width) {
        return ended(SolveStatus::Unbounded);
    }
    let mut at = vec![0.0; width + rows];
    for (&j, row) in basis.iter().zip(&tableau) {
        at[j] = row[width + rows];
    }
    let values: Vec<f64> = places
        .iter()
        .map(|place| place.shift + place.sign * at[place.at] - if place.free { at[place.at + 1] } else { 0.0 })
        .collect();
    let mut duals = vec![0.0; program.rows.len()];
    for (i, equation) in equations.iter().enumerate() {
        if let Some((row, size)) = equation.row {
            let priced: f64 = basis.iter().zip(&tableau).map(|(&j, line)| costs[j] * line[width + i]).sum();
            duals[row] += sign * priced * flips[i] / size;
        }
    }
    let mut reduced = vec![0.0; program.columns.len()];
    program.objective.iter().for_each(|&(j, c)| reduced[j as usize] += c);
    for (row, dual) in program.rows.iter().zip(&duals) {
        row.terms.iter().for_each(|&(j, a)| reduced[j as usize] -= a * dual);
    }
    let objective = program.objective_at(&values);
    Solution {
        values,
        objective: Some(objective),
        bound: Some(objective),
        duals: Some(duals),
        reduced_costs: Some(reduced),
        ..ended(SolveStatus::Optimal)
    }
}

/// Pivots to the optimum; false where there is none. Artificial columns, from `width` on, never come in.
fn optimise(tableau: &mut [Vec<f64>], basis: &mut [usize], costs: &[f64], width: usize) -> bool {
    loop {
        let reduced = |j: usize| costs[j] - basis.iter().zip(tableau.iter()).map(|(&b, row)| costs[b] * row[j]).sum::<f64>();
        let Some(enters) = (0..width).find(|&j| reduced(j) < -EPSILON) else { return true };
        let last = tableau.first().map_or(0, |row| row.len() - 1);
        let leaves = (0..tableau.len())
            .filter(|&i| tableau[i][enters] > EPSILON)
            .map(|i| (tableau[i][last] / tableau[i][enters], basis[i], i))
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let Some((_, _, i)) = leaves else { return false };
        pivot(tableau, basis, i, enters);
    }
}

fn pivot(tableau: &mut [Vec<f64>], basis: &mut [usize], i: usize, j: usize) {
    let by = tableau[i][j];
    tableau[i].iter_mut().for_each(|value| *value /= by);
    let line = tableau[i].clone();
    for (k, row) in tableau.iter_mut().enumerate() {
        let factor = row[j];
        if k != i && factor != 0.0 {
            row.iter_mut().zip(&line).for_each(|(value, pivot)| *value -= factor * pivot);
        }
    }
    basis[i] = j;
}
