//! Which constraints and bounds keep the objective from being better.
//!
//! A linear or convex program says so by its duals. A program over whole numbers has none: there what holds with equality is left out
//! and the rest solved again; what was in the way is what makes the objective better by its absence.

use super::conflict::Member;
use super::problem::{Problem, Side, Statement};
use super::runs::{Runs, Stop};
use crate::solver::program::{Program, Sense};
use crate::solver::{Solution, SolveStatus};
use std::collections::{BTreeMap, BTreeSet};

/// A dual below this, relative to the largest coefficient of the objective, is rounding.
const SLIGHT: f64 = 1e-6;

/// Solves for this question at most; a constraint of which more instances are tight is then named as a whole.
const TRIES_MAX: usize = 24;

/// Of the time for explaining a decision, this much at most goes to this question.
const TIME_SHARE: f64 = 1.0 / 3.0;

/// What is in the way of a better objective.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bound {
    pub(super) what: Barrier,
    pub(super) side: Side,
    /// By how much the objective rises for each unit by which the right-hand side rises.
    pub(super) dual: Option<f64>,
}

/// What bars the way.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Barrier {
    /// One constraint, or a bound of a variable.
    One(Member),
    /// A constraint over an index set, as a whole.
    Family(String),
}

/// All of them, the constraints first, each in the order of the model.
pub(super) fn find(problem: &Problem, solution: &Solution, runs: &Runs<'_>) -> Result<Vec<Bound>, Stop> {
    match &solution.duals {
        Some(duals) => Ok(priced(problem, solution, duals)),
        None if solution.status == SolveStatus::Optimal => tried(problem, solution, runs),
        // Of a decision that may be bettered anyway, nothing is known to be in its way.
        None => Ok(Vec::new()),
    }
}

fn priced(problem: &Problem, solution: &Solution, duals: &[f64]) -> Vec<Bound> {
    let program = &problem.program;
    let costs = program.objective.iter().map(|&(_, c)| c.abs());
    let curved = program.quadratic.iter().map(|&(i, _, q)| (q * solution.values.get(i as usize).copied().unwrap_or(0.0)).abs());
    let scale = costs.chain(curved).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let mut found = Vec::new();
    for (at, statement) in problem.constraints.iter().enumerate() {
        let of = |row: u32| duals.get(row as usize).copied().unwrap_or(0.0);
        let matters = |row: &&u32| {
            let most = problem.row(**row).map_or(0.0, |row| row.terms.iter().fold(0.0, |most: f64, (_, a)| most.max(a.abs())));
            of(**row).abs() * most > SLIGHT * scale
        };
        let priced: Vec<u32> = statement.rows.iter().filter(matches_tight(problem, solution)).filter(matters).copied().collect();
        if let Some(&row) = priced.first() {
            let dual = (priced.len() == 1 && statement.cones.is_empty()).then(|| of(row));
            found.push(Bound { what: Barrier::One(Member::Constraint(at)), side: side_of(problem, solution, row), dual });
        } else if statement.rows.is_empty() && statement.cones.iter().any(|&cone| on_its_edge(program, cone, &solution.values)) {
            found.push(Bound { what: Barrier::One(Member::Constraint(at)), side: Side::Ceiling, dual: None });
        }
    }
    let reduced = solution.reduced_costs.as_deref().unwrap_or_default();
    for (at, variable) in problem.variables.iter().enumerate() {
        let cost = reduced.get(variable.column as usize).copied().unwrap_or(0.0);
        if cost.abs() <= SLIGHT * scale {
            continue;
        }
        let (lower, upper) = problem.bounds(variable.column);
        let value = solution.values.get(variable.column as usize).copied().unwrap_or(f64::NAN);
        let Some(side) = super::problem::side(value, lower, upper) else { continue };
        // Where a variable is fixed, the sign says which of its bounds is in the way.
        let falls = (cost < 0.0) == (program.sense == Sense::Minimize);
        let member = if side == Side::Ceiling || (side == Side::Equal && falls) { Member::Upper(at) } else { Member::Lower(at) };
        found.push(Bound { what: Barrier::One(member), side, dual: Some(cost) });
    }
    found
}

fn matches_tight<'a>(problem: &'a Problem, solution: &'a Solution) -> impl Fn(&&u32) -> bool + 'a {
    |row| problem.row(**row).is_some_and(|row| super::problem::side(row.at(&solution.values), row.lower, row.upper).is_some())
}

fn side_of(problem: &Problem, solution: &Solution, row: u32) -> Side {
    problem.row(row).and_then(|row| super::problem::side(row.at(&solution.values), row.lower, row.upper)).unwrap_or(Side::Equal)
}

/// Whether the members lie on the edge of a second-order cone; of the others that is not asked.
fn on_its_edge(program: &Program, cone: u32, values: &[f64]) -> bool {
    let Some(cone) = program.cones.get(cone as usize) else { return false };
    if cone.kind != crate::solver::program::ConeKind::SecondOrder {
        return false;
    }
    let members: Vec<f64> = cone.members.iter().map(|member| member.at(values)).collect();
    let Some((head, rest)) = members.split_first() else { return false };
    let norm = rest.iter().map(|part| part * part).sum::<f64>().sqrt();
    (head - norm).abs() <= 1e-5 * head.abs().max(1.0)
}

fn tried(problem: &Problem, solution: &Solution, runs: &Runs<'_>) -> Result<Vec<Bound>, Stop> {
    let Some(objective) = solution.objective else { return Ok(Vec::new()) };
    let mut search = Search { problem, runs, objective, tries: TRIES_MAX };
    let tight: Vec<(usize, Side)> = problem
        .constraints
        .iter()
        .enumerate()
        .filter_map(|(at, statement)| Some((at, stands(problem, statement, &solution.values)?)))
        .collect();
    let mut members: BTreeMap<&str, Vec<Member>> = BTreeMap::new();
    for (at, statement) in problem.constraints.iter().enumerate() {
        members.entry(&statement.family).or_default().push(Member::Constraint(at));
    }
    let mut found = Vec::new();
    for of_it in tight.chunk_by(|a, b| problem.constraints[a.0].family == problem.constraints[b.0].family) {
        let family = problem.constraints[of_it[0].0].family.as_str();
        // One that was looked at comes up again where a model has its instances apart.
        let Some(whole) = members.remove(family) else { continue };
        if search.betters(&whole)? {
            found.extend(search.single_out(family, of_it)?);
        }
    }
    for (at, variable) in problem.variables.iter().enumerate().filter(|(_, variable)| !problem.is_binary(variable.column)) {
        let (lower, upper) = problem.bounds(variable.column);
        let value = solution.values.get(variable.column as usize).copied().unwrap_or(f64::NAN);
        let member = match super::problem::side(value, lower, upper) {
            Some(Side::Ceiling) => Member::Upper(at),
            Some(Side::Floor) if lower != 0.0 => Member::Lower(at),
            _ => continue,
        };
        if search.betters(&[member])? {
            let side = if matches!(member, Member::Upper(_)) { Side::Ceiling } else { Side::Floor };
            found.push(Bound { what: Barrier::One(member), side, dual: None });
        }
    }
    Ok(found)
}

/// Where a constraint stands; one of rules alone, of which nothing can be measured, may always be in the way.
fn stands(problem: &Problem, statement: &Statement, columns: &[f64]) -> Option<Side> {
    if statement.rows.is_empty() && !statement.rules.is_empty() {
        return Some(Side::Equal);
    }
    problem.stands(statement, columns)
}

struct Search<'a> {
    problem: &'a Problem,
    runs: &'a Runs<'a>,
    objective: f64,
    tries: usize,
}

impl Search<'_> {
    /// Which of the tight instances of a constraint that matters are in the way by themselves; the constraint as a whole where none is, or
    /// where there are too many to try.
    fn single_out(&mut self, family: &str, tight: &[(usize, Side)]) -> Result<Vec<Bound>, Stop> {
        let one = |&(at, side): &(usize, Side)| Bound { what: Barrier::One(Member::Constraint(at)), side, dual: None };
        if let [only] = tight {
            return Ok(vec![one(only)]);
        }
        let mut found = Vec::new();
        if tight.len() <= self.tries {
            for instance in tight {
                if self.betters(&[Member::Constraint(instance.0)])? {
                    found.push(one(instance));
                }
            }
        }
        if found.is_empty() {
            let side = tight.first().map_or(Side::Equal, |&(_, side)| side);
            found.push(Bound { what: Barrier::Family(family.to_owned()), side, dual: None });
        }
        Ok(found)
    }

    /// Whether the objective is better without these.
    fn betters(&mut self, gone: &[Member]) -> Result<bool, Stop> {
        if self.tries == 0 || self.runs.late() || self.runs.spent(TIME_SHARE) {
            return Ok(false);
        }
        self.tries -= 1;
        let solution = match self.runs.extra(&without(self.problem, gone)) {
            Ok(solution) => solution,
            Err(stop) => {
                self.tries = 0;
                return stop.soft().map(|()| false);
            }
        };
        if solution.status == SolveStatus::Unbounded {
            return Ok(true);
        }
        let Some(found) = solution.objective.filter(|_| matches!(solution.status, SolveStatus::Optimal | SolveStatus::Feasible))
        else {
            return Ok(false);
        };
        let slight = self.objective.abs().max(1e-9) * self.runs.gap().max(SLIGHT);
        Ok(match self.problem.program.sense {
            Sense::Minimize => found < self.objective - slight,
            Sense::Maximize => found > self.objective + slight,
        })
    }
}

/// The program, its objective included, without these constraints and bounds.
fn without(problem: &Problem, gone: &[Member]) -> Program {
    let gone: BTreeSet<Member> = gone.iter().copied().collect();
    let constraints = (0..problem.constraints.len()).map(Member::Constraint);
    let bounds = (0..problem.variables.len()).flat_map(|at| [Member::Lower(at), Member::Upper(at)]);
    let kept: Vec<Member> = constraints.chain(bounds).filter(|member| !gone.contains(member)).collect();
    let program = super::conflict::only(problem, &kept);
    Program {
        objective: problem.program.objective.clone(),
        quadratic: problem.program.quadratic.clone(),
        offset: problem.program.offset,
        ..program
    }
}
