//! Why a model has no solution: constraints and bounds that cannot all hold, of which none can be left out.
//!
//! An elastic filter finds few constraints that hold such a set, a deletion filter makes it irreducible (Chinneck, *Feasibility and
//! Infeasibility in Optimization*, 2008, sections 6.2.1 and 6.2.3). Deletion tries halves before single members, so that many members that
//! play no part cost few solves.

use super::problem::{Problem, Statement};
use super::runs::{Runs, Stop};
use crate::solver::program::{Class, Column, Program, Row, Sense};
use crate::solver::{Solution, SolveStatus};
use std::collections::BTreeSet;

/// What may be part of a conflict, by its position in the problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Member {
    /// One of the constraints.
    Constraint(usize),
    /// The lower bound of one of the variables.
    Lower(usize),
    /// The upper bound of one of the variables.
    Upper(usize),
}

/// What cannot all hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ConflictSet {
    pub(super) members: Vec<Member>,
    /// Whether it was proven that none of them can be left out.
    pub(super) irreducible: bool,
}

/// Finds one of the conflicts of an infeasible problem. Stops early where it must, with a set that is infeasible but may be too large.
pub(super) fn find(problem: &Problem, runs: &Runs<'_>) -> Result<ConflictSet, Stop> {
    let mut constraints: Vec<usize> = (0..problem.constraints.len()).collect();
    if problem.is_linear() {
        match elastic(problem, runs) {
            Ok(Some(few)) => constraints = few,
            Ok(None) => {}
            Err(stop) => stop.soft()?,
        }
    }
    let mut members = bounds_of(problem, &constraints);
    members.extend(constraints.into_iter().map(Member::Constraint));
    delete(problem, runs, members)
}

/// What the set says, in the caller's names.
pub(super) fn told(problem: &Problem, member: Member) -> (String, String) {
    match member {
        Member::Constraint(at) => {
            problem.constraints.get(at).map(|statement| (statement.name.clone(), with_numbers(problem, statement)))
        }
        Member::Lower(at) => problem.variables.get(at).map(|variable| {
            let bound = super::figures::amount(problem.bounds(variable.column).0, variable.unit.as_deref());
            (variable.name.clone(), format!("{} >= {bound}", variable.name))
        }),
        Member::Upper(at) => problem.variables.get(at).map(|variable| {
            let bound = super::figures::amount(problem.bounds(variable.column).1, variable.unit.as_deref());
            (variable.name.clone(), format!("{} <= {bound}", variable.name))
        }),
    }
    .unwrap_or_default()
}

/// A constraint as the model states it, and behind it with its numbers where it is one short row over the caller's variables.
fn with_numbers(problem: &Problem, statement: &Statement) -> String {
    let written = match (statement.rows.as_slice(), statement.cones.is_empty() && statement.rules.is_empty()) {
        ([at], true) => problem.row(*at).and_then(|row| written(problem, row)),
        _ => None,
    };
    match written {
        Some(written) if written.replace(' ', "") != statement.states.replace(' ', "") => {
            format!("{} ({written})", statement.states)
        }
        _ => statement.states.clone(),
    }
}

/// A row in numbers, where it is short and over the caller's variables alone.
fn written(problem: &Problem, row: &Row) -> Option<String> {
    if row.terms.len() > 6 || !row.only_if.is_empty() {
        return None;
    }
    let mut left = String::new();
    for &(column, factor) in &row.terms {
        let variable = problem.variables.iter().find(|variable| variable.column == column)?;
        left.push_str(match (left.is_empty(), factor < 0.0) {
            (true, false) => "",
            (true, true) => "-",
            (false, false) => " + ",
            (false, true) => " - ",
        });
        if factor.abs() != 1.0 {
            left.push_str(&format!("{}*", super::figures::plain(factor.abs())));
        }
        left.push_str(&variable.name);
    }
    if left.is_empty() {
        left.push('0');
    }
    let number = super::figures::compact;
    Some(match (row.lower.is_finite(), row.upper.is_finite()) {
        (true, true) if row.lower == row.upper => format!("{left} == {}", number(row.lower)),
        (true, true) => format!("{} <= {left} <= {}", number(row.lower), number(row.upper)),
        (true, false) => format!("{left} >= {}", number(row.lower)),
        (false, true) => format!("{left} <= {}", number(row.upper)),
        (false, false) => return None,
    })
}

/// Few constraints that together with all bounds hold a conflict: each constraint may be stretched at a price; those that are
/// stretched in a cheapest solution are made firm, until nothing is left to stretch (Chinneck 2008, section 6.2.3). First over the
/// relaxation without whole numbers, which is cheaper and often infeasible already. `None` where it came to no end.
fn elastic(problem: &Problem, runs: &Runs<'_>) -> Result<Option<Vec<usize>>, Stop> {
    let relaxations: &[bool] = if problem.has_integers() { &[true, false] } else { &[true] };
    for &relaxed in relaxations {
        let mut firm = BTreeSet::new();
        loop {
            let (program, stretched) = stretchable(problem, &firm, relaxed);
            let solution = runs.extra(&program)?;
            match solution.status {
                SolveStatus::Infeasible => return Ok(Some(firm.into_iter().collect())),
                SolveStatus::Optimal | SolveStatus::Feasible => {}
                SolveStatus::Unbounded | SolveStatus::Unknown => return Ok(None),
            }
            let by = |column: u32| solution.values.get(column as usize).copied().unwrap_or(0.0);
            let most = stretched.iter().map(|&(_, column)| by(column)).fold(0.0, f64::max);
            let before = firm.len();
            // What the solver leaves above zero by rounding is no stretch.
            firm.extend(stretched.iter().filter(|&&(_, column)| most > 1e-9 && by(column) > 1e-6 * most).map(|&(at, _)| at));
            if firm.len() == before {
                break;
            }
        }
    }
    Ok(None)
}

/// The program with a column for each way to stretch a constraint that is not firm, and which constraint each such column stretches.
fn stretchable(problem: &Problem, firm: &BTreeSet<usize>, relaxed: bool) -> (Program, Vec<(usize, u32)>) {
    let mut program = without_objective(&problem.program);
    program.sense = Sense::Minimize;
    if relaxed {
        program.columns.iter_mut().for_each(|column| column.integer = false);
        if program.class == Class::Mip {
            program.class = Class::Lp;
        }
    }
    let mut stretched = Vec::new();
    for (at, statement) in problem.constraints.iter().enumerate().filter(|(at, _)| !firm.contains(at)) {
        for &row in &statement.rows {
            let Some(row) = program.rows.get_mut(row as usize) else { continue };
            for (bound, factor) in [(row.lower, 1.0), (row.upper, -1.0)] {
                if bound.is_finite() {
                    // A program has fewer columns than 2^32, or it could not refer to them.
                    let column = program.columns.len() as u32;
                    let name = format!("stretch[{column}]");
                    program.columns.push(Column { name, lower: 0.0, upper: f64::INFINITY, integer: false });
                    program.objective.push((column, 1.0));
                    row.terms.push((column, factor));
                    stretched.push((at, column));
                }
            }
        }
    }
    (program, stretched)
}

fn without_objective(program: &Program) -> Program {
    Program { objective: Vec::new(), quadratic: Vec::new(), offset: 0.0, ..program.clone() }
}

/// The finite bounds of the variables that these constraints touch, and of those whose bounds contradict each other. That a yes or no is
/// one of the two and that an amount is not negative is what they are, not a choice that might give way.
fn bounds_of(problem: &Problem, constraints: &[usize]) -> Vec<Member> {
    let program = &problem.program;
    let mut touched = vec![!problem.is_linear(); program.columns.len()];
    for statement in constraints.iter().filter_map(|&at| problem.constraints.get(at)) {
        for row in statement.rows.iter().filter_map(|&at| problem.row(at)) {
            for &(column, _) in &row.terms {
                if let Some(touched) = touched.get_mut(column as usize) {
                    *touched = true;
                }
            }
        }
    }
    let mut members = Vec::new();
    for (at, variable) in problem.variables.iter().enumerate() {
        let (lower, upper) = problem.bounds(variable.column);
        let matters = touched.get(variable.column as usize).copied().unwrap_or(false) || lower > upper;
        if matters && !problem.is_binary(variable.column) {
            members.extend((lower.is_finite() && lower != 0.0).then_some(Member::Lower(at)));
            members.extend(upper.is_finite().then_some(Member::Upper(at)));
        }
    }
    members
}

/// Leaves out what can be left out, halves first.
fn delete(problem: &Problem, runs: &Runs<'_>, members: Vec<Member>) -> Result<ConflictSet, Stop> {
    let mut irreducible = true;
    let mut kept = members;
    if infeasible(problem, &kept, runs)? == Some(false) {
        // The filter before kept too little, by rounding: all that there is is infeasible by the first solve.
        let all: Vec<usize> = (0..problem.constraints.len()).collect();
        kept = bounds_of(problem, &all);
        kept.extend(all.into_iter().map(Member::Constraint));
    }
    let mut size = kept.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        while at < kept.len() {
            let until = (at + size).min(kept.len());
            let rest: Vec<Member> = kept[..at].iter().chain(&kept[until..]).copied().collect();
            match infeasible(problem, &rest, runs)? {
                Some(true) => kept = rest,
                Some(false) => at = until,
                None => {
                    irreducible = false;
                    at = until;
                }
            }
        }
        if size == 1 {
            break;
        }
        size = size.div_ceil(4);
    }
    kept.sort_by_key(|member| !matches!(member, Member::Constraint(_)));
    Ok(ConflictSet { members: kept, irreducible })
}

/// Whether what is kept cannot all hold; `None` where that could not be found out.
fn infeasible(problem: &Problem, kept: &[Member], runs: &Runs<'_>) -> Result<Option<bool>, Stop> {
    match runs.extra(&only(problem, kept)) {
        Ok(Solution { status: SolveStatus::Infeasible, .. }) => Ok(Some(true)),
        Ok(Solution { status: SolveStatus::Unknown, .. }) => Ok(None),
        Ok(_) => Ok(Some(false)),
        Err(stop) => stop.soft().map(|()| None),
    }
}

/// The program with only these constraints and bounds, without an objective. What is nobody's, such as the rows that carry a part of
/// the objective, stays.
pub(super) fn only(problem: &Problem, kept: &[Member]) -> Program {
    let mut program = without_objective(&problem.program);
    let keep: BTreeSet<Member> = kept.iter().copied().collect();
    let (mut rows, mut cones, mut rules) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (_, statement) in problem.constraints.iter().enumerate().filter(|(at, _)| !keep.contains(&Member::Constraint(*at))) {
        rows.extend(statement.rows.iter().copied());
        cones.extend(statement.cones.iter().copied());
        rules.extend(statement.rules.iter().copied());
    }
    program.rows = left(program.rows, &rows);
    program.cones = left(program.cones, &cones);
    program.rules = left(program.rules, &rules);
    let far = if program.class == Class::Cp { far(&problem.program) } else { f64::INFINITY };
    for (at, variable) in problem.variables.iter().enumerate().filter(|(_, variable)| !problem.is_binary(variable.column)) {
        if let Some(column) = program.columns.get_mut(variable.column as usize) {
            if column.lower != 0.0 && !keep.contains(&Member::Lower(at)) {
                column.lower = column.lower.min(-far);
            }
            if !keep.contains(&Member::Upper(at)) {
                column.upper = column.upper.max(far);
            }
        }
    }
    program
}

fn left<T>(all: Vec<T>, gone: &BTreeSet<u32>) -> Vec<T> {
    all.into_iter().enumerate().filter(|(at, _)| !gone.contains(&(*at as u32))).map(|(_, one)| one).collect()
}

/// A bound that is as good as none for whole numbers, which must have one: ten times all sizes in the program.
fn far(program: &Program) -> f64 {
    let bounds = program.columns.iter().flat_map(|column| [column.lower, column.upper]);
    let rows = program.rows.iter().flat_map(|row| [row.lower, row.upper]);
    let most = bounds.chain(rows).filter(|bound| bound.is_finite()).fold(1.0, |most: f64, bound| most.max(bound.abs()));
    (most * 10.0).min(1e9).ceil()
}
