//! Other decisions: equal weights, and the next best.

use super::problem::{Problem, Side, TIGHT, side};
use super::runs::{Runs, Stop};
use crate::solver::program::{Column, Program, Row, Sense};
use crate::solver::{Solution, SolveStatus};
use std::collections::BTreeMap;

/// Edges that are walked from the corner of a linear program.
const EDGES_MAX: usize = 6;

/// A decision in the columns of the program.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Other {
    pub(super) name: &'static str,
    pub(super) columns: Vec<f64>,
}

/// The name of the decision that gives every variable of a family the same.
pub(super) const EQUAL_WEIGHTS: &str = "equal weights";
/// The name of the best decision that is not the plan's.
pub(super) const NEXT_BEST: &str = "next best";
/// The name of another decision with the same objective.
pub(super) const AS_GOOD: &str = "another that is as good";

/// The plan with what one family shares out shared out equally, where a constraint says how much that is in all. Its value for each
/// variable that changes, by name.
pub(super) fn equal_weights(problem: &Problem, columns: &[f64]) -> Option<BTreeMap<String, f64>> {
    let owners = problem.owners();
    let mut families: BTreeMap<&str, usize> = BTreeMap::new();
    problem.variables.iter().for_each(|variable| *families.entry(&variable.family).or_default() += 1);
    let rows = problem.constraints.iter().flat_map(|statement| &statement.rows).filter_map(|&at| problem.row(at));
    let shares = rows.filter(|row| row.only_if.is_empty() && row.terms.len() >= 2 && row.upper.is_finite()).filter_map(|row| {
        let (_, factor) = *row.terms.first()?;
        let even = factor > 0.0 && row.terms.iter().all(|(_, other)| (other - factor).abs() <= 1e-12 * factor);
        let of: Option<Vec<usize>> =
            row.terms.iter().map(|&(column, _)| owners.get(column as usize).copied().flatten()).collect();
        let of = of.filter(|_| even)?;
        let family = &problem.variables[*of.first()?].family;
        let whole =
            families.get(family.as_str()) == Some(&of.len()) && of.iter().all(|&at| problem.variables[at].family == *family);
        let total = if row.lower == row.upper { row.upper / factor } else { row.at(columns) / factor };
        whole.then_some((row.lower == row.upper, of, total))
    });
    // An equation says what there is to share; an upper limit leaves it to the plan.
    let (_, of, total) = shares.max_by_key(|(equation, _, _)| *equation)?;
    let each = total / of.len() as f64;
    let fits = of.iter().all(|&at| {
        let column = problem.variables[at].column;
        let whole = problem.program.columns.get(column as usize).is_some_and(|column| column.integer);
        !problem.is_binary(column) && (!whole || each == each.round())
    });
    fits.then(|| of.iter().map(|&at| (problem.variables[at].name.clone(), each)).collect())
}

/// The best decision that is not the plan's, and for a linear program one that is as good, where there is one.
pub(super) fn next_best(problem: &Problem, solution: &Solution, runs: &Runs<'_>) -> Result<Vec<Other>, Stop> {
    let found = if problem.variables.iter().any(|variable| is_whole(problem, variable.column)) {
        excluded(problem, solution, runs)
    } else if problem.is_linear() && !problem.has_integers() && solution.status == SolveStatus::Optimal {
        corners(problem, solution, runs)
    } else {
        Ok(Vec::new())
    };
    found.or_else(|stop| stop.soft().map(|()| Vec::new()))
}

fn is_whole(problem: &Problem, column: u32) -> bool {
    problem.program.columns.get(column as usize).is_some_and(|column| column.integer)
}

/// Over whole numbers: the same program with a cut that the found values alone do not pass (Balas and Jeroslow, "Canonical cuts on the
/// unit hypercube", 1972). What is no yes or no gets two: it must be less, or more.
fn excluded(problem: &Problem, solution: &Solution, runs: &Runs<'_>) -> Result<Vec<Other>, Stop> {
    let mut program = problem.program.clone();
    let mut cut = Row { name: "another".to_owned(), terms: Vec::new(), lower: 1.0, upper: f64::INFINITY, only_if: Vec::new() };
    for variable in problem.variables.iter().filter(|variable| is_whole(problem, variable.column)) {
        let Some(value) = solution.values.get(variable.column as usize).map(|value| value.round()) else { continue };
        if problem.is_binary(variable.column) {
            cut.terms.push((variable.column, if value > 0.5 { -1.0 } else { 1.0 }));
            cut.lower -= if value > 0.5 { 1.0 } else { 0.0 };
        } else {
            let (lower, upper) = problem.bounds(variable.column);
            // Where a side has no bound the cut can't be written with one, and that side stays closed.
            if lower.is_finite() && value > lower {
                either(&mut program, &mut cut, (variable.column, 1.0), (value - 1.0, upper.min(value + 1e6) - value + 1.0));
            }
            if upper.is_finite() && value < upper {
                either(&mut program, &mut cut, (variable.column, -1.0), (-value - 1.0, value - lower.max(value - 1e6) + 1.0));
            }
        }
    }
    if cut.terms.is_empty() {
        return Ok(Vec::new());
    }
    program.rows.push(cut);
    let found = runs.extra(&program)?;
    let there = matches!(found.status, SolveStatus::Optimal | SolveStatus::Feasible);
    let columns = found.values.into_iter().take(problem.program.columns.len()).collect();
    Ok(there.then_some(Other { name: NEXT_BEST, columns }).into_iter().collect())
}

/// A new yes or no of the cut that, where it is yes, keeps `factor * column` at `most` or less; `slack` is how far it may be over it
/// where it is no.
fn either(program: &mut Program, cut: &mut Row, (column, factor): (u32, f64), (most, slack): (f64, f64)) {
    let chosen = program.columns.len() as u32;
    program.columns.push(Column { name: format!("another[{chosen}]"), lower: 0.0, upper: 1.0, integer: true });
    let terms = vec![(column, factor), (chosen, slack)];
    program.rows.push(Row {
        name: format!("another[{chosen}]"),
        terms,
        lower: f64::NEG_INFINITY,
        upper: most + slack,
        only_if: Vec::new(),
    });
    cut.terms.push((chosen, 1.0));
}

/// What holds a corner in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Held {
    Row(usize, Side),
    Column(usize, Side),
}

/// Of a linear program: the best corner next to the plan's. The second best corner is a neighbour of the best one (Murty, "Solving the
/// fixed charge problem by ranking the extreme points", 1968), so the edges that lead away from it are walked to their ends, those with
/// the smallest duals first; an edge along which nothing is lost ends in a decision that is as good.
fn corners(problem: &Problem, solution: &Solution, runs: &Runs<'_>) -> Result<Vec<Other>, Stop> {
    let program = &problem.program;
    let (Some(duals), Some(reduced)) = (&solution.duals, &solution.reduced_costs) else { return Ok(Vec::new()) };
    let costs = program.objective.iter().fold(0.0, |most: f64, (_, c)| most.max(c.abs())).max(f64::MIN_POSITIVE);
    let mut held: Vec<(f64, Held)> = Vec::new();
    for (at, row) in program.rows.iter().enumerate() {
        let price = duals.get(at).copied().unwrap_or(0.0).abs();
        if let Some(side) = side(row.at(&solution.values), row.lower, row.upper).filter(|_| price > 1e-6 * costs) {
            held.push((price, Held::Row(at, side)));
        }
    }
    for (at, column) in program.columns.iter().enumerate() {
        let price = reduced.get(at).copied().unwrap_or(0.0).abs();
        let value = solution.values.get(at).copied().unwrap_or(f64::NAN);
        if let Some(side) = side(value, column.lower, column.upper).filter(|_| price > 1e-6 * costs) {
            held.push((price, Held::Column(at, side)));
        }
    }
    let mut found: Vec<Other> = as_good(problem, solution, &held, runs)?.into_iter().collect();
    let mut away: Vec<(f64, Held)> = held
        .iter()
        .filter(|(_, held)| !matches!(held, Held::Row(_, Side::Equal) | Held::Column(_, Side::Equal)))
        .copied()
        .collect();
    away.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut best: Option<(f64, Vec<f64>)> = None;
    for (_, leaves) in away.into_iter().take(EDGES_MAX) {
        let end = match runs.extra(&edge(program, &held, leaves)) {
            Ok(end) => end,
            Err(stop) => {
                stop.soft()?;
                break;
            }
        };
        if end.status != SolveStatus::Optimal || same(&end.values, &solution.values) {
            continue;
        }
        let objective = program.objective_at(&end.values);
        let better = |than: f64| if program.sense == Sense::Minimize { objective < than } else { objective > than };
        if best.as_ref().is_none_or(|(than, _)| better(*than)) {
            best = Some((objective, end.values));
        }
    }
    found.extend(best.map(|(_, columns)| Other { name: NEXT_BEST, columns }));
    Ok(found)
}

/// The edge that leaves one of what holds the corner and keeps the others: as far as it goes.
fn edge(program: &Program, held: &[(f64, Held)], leaves: Held) -> Program {
    let mut edge = held_in_place(program, held, Some(leaves));
    let (terms, side) = match leaves {
        Held::Row(at, side) => (program.rows[at].terms.clone(), side),
        Held::Column(at, side) => (vec![(at as u32, 1.0)], side),
    };
    edge.objective = terms;
    edge.sense = if side == Side::Ceiling { Sense::Minimize } else { Sense::Maximize };
    edge
}

/// The program with all that holds the corner made equations, but for one.
fn held_in_place(program: &Program, held: &[(f64, Held)], but: Option<Held>) -> Program {
    let mut program = Program { objective: Vec::new(), offset: 0.0, ..program.clone() };
    for (_, held) in held.iter().filter(|(_, held)| Some(*held) != but) {
        match *held {
            Held::Row(at, side) => pin(side, program.rows.get_mut(at).map(|row| (&mut row.lower, &mut row.upper))),
            Held::Column(at, side) => pin(side, program.columns.get_mut(at).map(|column| (&mut column.lower, &mut column.upper))),
        }
    }
    program
}

fn pin(side: Side, bounds: Option<(&mut f64, &mut f64)>) {
    match (side, bounds) {
        (Side::Floor, Some((lower, upper))) => *upper = *lower,
        (Side::Ceiling, Some((lower, upper))) => *lower = *upper,
        (Side::Equal, _) | (_, None) => {}
    }
}

/// Another decision with the same objective: what has a price stays where it is, the rest goes as far as it can away from the plan. By
/// complementary slackness everything that is left in reach is optimal. From a corner there is another way only off a limit without a
/// price; from a point within, almost every direction shows one.
fn as_good(problem: &Problem, solution: &Solution, held: &[(f64, Held)], runs: &Runs<'_>) -> Result<Option<Other>, Stop> {
    let face = held_in_place(&problem.program, held, None);
    let generic = problem.variables.iter().enumerate().map(|(at, variable)| {
        // The fractional parts of the multiples of the golden ratio: no two alike, no sum of few of them zero.
        let weight = 1.0 + (at as f64 * 0.618_033_988_749_895).fract();
        (variable.column, weight)
    });
    for objective in [off_limits(&problem.program, solution, held), generic.collect()] {
        if objective.is_empty() {
            continue;
        }
        let found = runs.extra(&Program { objective, sense: Sense::Maximize, ..face.clone() })?;
        if found.status == SolveStatus::Optimal && differs(problem, &found.values, &solution.values) {
            return Ok(Some(Other { name: AS_GOOD, columns: found.values }));
        }
    }
    Ok(None)
}

/// The sum of the distances from all limits that hold with equality and have no price.
fn off_limits(program: &Program, solution: &Solution, held: &[(f64, Held)]) -> Vec<(u32, f64)> {
    let priced: std::collections::HashSet<Held> = held.iter().map(|(_, held)| *held).collect();
    let priced = |what: Held| priced.contains(&what);
    let mut away: BTreeMap<u32, f64> = BTreeMap::new();
    let sign = |side: Side| match side {
        Side::Floor => 1.0,
        Side::Ceiling => -1.0,
        Side::Equal => 0.0,
    };
    for (at, row) in program.rows.iter().enumerate() {
        if let Some(side) = side(row.at(&solution.values), row.lower, row.upper).filter(|&side| !priced(Held::Row(at, side))) {
            row.terms.iter().for_each(|&(column, a)| *away.entry(column).or_default() += sign(side) * a);
        }
    }
    for (at, column) in program.columns.iter().enumerate() {
        let value = solution.values.get(at).copied().unwrap_or(f64::NAN);
        if let Some(side) = side(value, column.lower, column.upper).filter(|&side| !priced(Held::Column(at, side))) {
            // A program has fewer columns than 2^32, or it could not refer to them.
            *away.entry(at as u32).or_default() += sign(side);
        }
    }
    away.into_iter().filter(|(_, weight)| *weight != 0.0).collect()
}

fn differs(problem: &Problem, a: &[f64], b: &[f64]) -> bool {
    let of = |values: &[f64], column: u32| values.get(column as usize).copied().unwrap_or(f64::NAN);
    let most = problem.variables.iter().fold(1.0, |most: f64, variable| most.max(of(b, variable.column).abs()));
    // Ten times the tolerance of a bound: a solver of inner points ends that far from a corner.
    problem.variables.iter().any(|variable| (of(a, variable.column) - of(b, variable.column)).abs() > 10.0 * TIGHT * most)
}

fn same(a: &[f64], b: &[f64]) -> bool {
    let most = b.iter().fold(1.0, |most: f64, value| most.max(value.abs()));
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 10.0 * TIGHT * most)
}
