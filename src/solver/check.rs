//! Whether a program is one at all, and whether it is settled before any solver sees it.

use super::Name;
use super::program::{Affine, Class, Cone, ConeKind, Program, RuleKind};
use super::solution::{Solution, SolveStatus, SolverError};

/// Columns, rows, cones or rules; ten times what the service promises to take.
const PARTS_MAX: usize = 1_000_000;
/// Largest magnitude of a coefficient or constant. HiGHS refuses larger ones in a matrix, and a float has no digits left there.
const COEFFICIENT_MAX: f64 = 1e15;
/// Bounds from here on are no bounds: the convention of HiGHS and of MPS files.
pub(super) const INFINITE: f64 = 1e20;

/// Refuses what no solver should be given.
pub(super) fn check(program: &Program) -> Result<(), SolverError> {
    flaw(program).map_or(Ok(()), |flaw| Err(SolverError::Refused(flaw)))
}

fn flaw(program: &Program) -> Option<String> {
    counts(program)
        .or_else(|| belongs(program))
        .or_else(|| columns(program))
        .or_else(|| objective(program))
        .or_else(|| rows(program))
        .or_else(|| program.cones.iter().find_map(|cone| self::cone(program, cone)))
        .or_else(|| program.rules.iter().find_map(|rule| self::rule(program, &rule.name, &rule.kind)))
}

fn counts(program: &Program) -> Option<String> {
    let parts = [
        ("columns", program.columns.len()),
        ("rows", program.rows.len()),
        ("cones", program.cones.len()),
        ("rules", program.rules.len()),
    ];
    let (what, count) = parts.into_iter().find(|(_, count)| *count > PARTS_MAX)?;
    Some(format!("{count} {what}, and {PARTS_MAX} are allowed"))
}

/// Which parts a class has is said by [`Program`].
fn belongs(program: &Program) -> Option<String> {
    let class = program.class;
    let has = |what: &str| Some(format!("a program of the class {class:?} has no {what}"));
    if class != Class::Convex && !(program.quadratic.is_empty() && program.cones.is_empty()) {
        return has("cones and no quadratic terms");
    }
    if class != Class::Cp && !(program.rules.is_empty() && program.rows.iter().all(|row| row.only_if.is_empty())) {
        return has("rules and no conditions on rows");
    }
    if matches!(class, Class::Lp | Class::Convex) && program.columns.iter().any(|column| column.integer) {
        return has("integer columns");
    }
    None
}

fn columns(program: &Program) -> Option<String> {
    program.columns.iter().find_map(|column| bounds(&column.name, column.lower, column.upper))
}

fn bounds(name: &str, lower: f64, upper: f64) -> Option<String> {
    if lower.is_nan() || upper.is_nan() {
        return Some(format!("a bound of {name} is not a number"));
    }
    if lower >= INFINITE || upper <= -INFINITE {
        return Some(format!(
            "the bounds of {name}, {lower} and {upper}, leave nothing: from {INFINITE:e} on a bound is infinite"
        ));
    }
    None
}

fn objective(program: &Program) -> Option<String> {
    if !program.offset.is_finite() {
        return Some("what is added to the objective is not a finite number".to_owned());
    }
    let quadratic = program.quadratic.iter().find_map(|&(i, j, q)| {
        number("the objective", q).or_else(|| {
            let ordered = i <= j && (j as usize) < program.columns.len();
            (!ordered).then(|| format!("the objective has a quadratic term of the columns {i} and {j}"))
        })
    });
    terms("the objective", &program.objective, program.columns.len(), &mut Seen::new(program)).or(quadratic)
}

fn rows(program: &Program) -> Option<String> {
    let mut seen = Seen::new(program);
    program.rows.iter().find_map(|row| {
        bounds(&row.name, row.lower, row.upper)
            .or_else(|| terms(&row.name, &row.terms, program.columns.len(), &mut seen))
            .or_else(|| literals(program, &row.name, &row.only_if))
    })
}

fn cone(program: &Program, cone: &Cone) -> Option<String> {
    let count = cone.members.len();
    let fits = match cone.kind {
        ConeKind::SecondOrder => count >= 1,
        ConeKind::Exponential => count == 3,
        ConeKind::Power(a) => count == 3 && a > 0.0 && a < 1.0,
        ConeKind::Semidefinite(order) => u64::from(order) * (u64::from(order) + 1) / 2 == count as u64,
    };
    if !fits {
        return Some(format!("{} is not a cone: {:?} with {count} members", cone.name, cone.kind));
    }
    affines(program, &cone.name, &cone.members)
}

fn rule(program: &Program, name: &str, kind: &RuleKind) -> Option<String> {
    match kind {
        RuleKind::AllDifferent(of) => affines(program, name, of),
        RuleKind::AnyOf(of) | RuleKind::AtMostOne(of) | RuleKind::ExactlyOne(of) => literals(program, name, of),
        RuleKind::MaxOf { target, of } | RuleKind::Product { target, of } => {
            affines(program, name, std::slice::from_ref(target)).or_else(|| affines(program, name, of))
        }
        RuleKind::NoOverlap(intervals) => intervals.iter().find_map(|interval| self::interval(program, name, interval)),
        RuleKind::Cumulative { intervals, demands, capacity } => {
            if intervals.len() != demands.len() {
                return Some(format!("{name} has {} intervals and {} demands", intervals.len(), demands.len()));
            }
            let of = intervals.iter().find_map(|interval| self::interval(program, name, interval));
            of.or_else(|| affines(program, name, demands)).or_else(|| affines(program, name, std::slice::from_ref(capacity)))
        }
    }
}

fn interval(program: &Program, name: &str, interval: &super::program::Interval) -> Option<String> {
    let present: Vec<(u32, bool)> = interval.present.map(|column| (column, true)).into_iter().collect();
    affines(program, name, std::slice::from_ref(&interval.start))
        .or_else(|| affines(program, name, std::slice::from_ref(&interval.length)))
        .or_else(|| literals(program, name, &present))
}

fn affines(program: &Program, name: &str, of: &[Affine]) -> Option<String> {
    of.iter().find_map(|affine| number(name, affine.constant).or_else(|| few_terms(name, &affine.terms, program.columns.len())))
}

/// A literal is a column that is 0 or 1.
fn literals(program: &Program, name: &str, of: &[(u32, bool)]) -> Option<String> {
    of.iter().find_map(|&(column, _)| match program.columns.get(column as usize) {
        None => Some(format!("{name} has the column {column}, and there are {}", program.columns.len())),
        Some(given) if !given.integer || given.lower < 0.0 || given.upper > 1.0 => {
            Some(format!("{name} asks whether {} is 0 or 1, and it may be something else", given.name))
        }
        Some(_) => None,
    })
}

/// Which columns a list has named already, without clearing anything between lists.
struct Seen {
    in_list: Vec<u32>,
    list: u32,
}

impl Seen {
    fn new(program: &Program) -> Self {
        Self { in_list: vec![0; program.columns.len()], list: 0 }
    }
}

fn terms(name: &str, of: &[(u32, f64)], columns: usize, seen: &mut Seen) -> Option<String> {
    seen.list += 1;
    of.iter().find_map(|&(column, coefficient)| {
        let Some(list) = seen.in_list.get_mut(column as usize) else {
            return Some(format!("{name} has the column {column}, and there are {columns}"));
        };
        if std::mem::replace(list, seen.list) == seen.list {
            return Some(format!("{name} has the column {column} twice"));
        }
        number(name, coefficient)
    })
}

/// As [`terms`], for lists that are short one by one and many.
fn few_terms(name: &str, of: &[(u32, f64)], columns: usize) -> Option<String> {
    of.iter().find_map(|&(column, coefficient)| {
        let known = (column as usize) < columns;
        if known { number(name, coefficient) } else { Some(format!("{name} has the column {column}, and there are {columns}")) }
    })
}

fn number(name: &str, value: f64) -> Option<String> {
    let fine = value.abs() <= COEFFICIENT_MAX;
    (!fine).then(|| format!("{name} has the number {value}, and numbers go to {COEFFICIENT_MAX:e}"))
}

/// The answer where no solver is needed: bounds that leave nothing, or nothing to decide.
pub(super) fn settled(program: &Program, name: Name) -> Option<Solution> {
    let crossed = program.columns.iter().any(|column| match column.integer {
        true => column.lower.ceil() > column.upper.floor(),
        false => column.lower > column.upper,
    });
    let always = |row: &&super::program::Row| row.only_if.is_empty();
    let empty = |row: &super::program::Row| row.terms.is_empty() && (row.lower > 0.0 || row.upper < 0.0);
    if crossed || program.rows.iter().filter(always).any(|row| row.lower > row.upper || empty(row)) {
        return Some(without_solver(SolveStatus::Infeasible, program, name));
    }
    let nothing = program.columns.is_empty() && program.cones.is_empty() && program.rules.is_empty();
    nothing.then(|| without_solver(SolveStatus::Optimal, program, name))
}

fn without_solver(status: SolveStatus, program: &Program, name: Name) -> Solution {
    let optimal = status == SolveStatus::Optimal;
    let continuous = optimal && matches!(program.class, Class::Lp | Class::Convex);
    Solution {
        status,
        values: Vec::new(),
        objective: optimal.then_some(program.offset),
        bound: optimal.then_some(program.offset),
        duals: continuous.then(|| vec![0.0; program.rows.len()]),
        reduced_costs: continuous.then(Vec::new),
        ray: None,
        solver: format!("{name} (not needed)"),
        solve_ms: 0.0,
        nodes: None,
    }
}

/// Whether what a worker says has the shape of an answer to this program. It may have been taken over: only the shape is trusted after.
pub(super) fn shape(solution: &Solution, program: &Program) -> Result<(), &'static str> {
    let (columns, rows) = (program.columns.len(), program.rows.len());
    let has_values = matches!(solution.status, SolveStatus::Optimal | SolveStatus::Feasible);
    let fits = |list: &Option<Vec<f64>>, count: usize| list.as_ref().is_none_or(|l| l.len() == count && finite(l));
    let rules = [
        (solution.values.len() == if has_values { columns } else { 0 }, "the number of values"),
        (finite(&solution.values), "a value is not a finite number"),
        (fits(&solution.duals, rows), "the duals"),
        (fits(&solution.reduced_costs, columns), "the reduced costs"),
        (fits(&solution.ray, columns), "the ray"),
        ([solution.objective, solution.bound].into_iter().flatten().all(f64::is_finite), "the objective or its bound"),
        (solution.solver.len() <= 100, "the name of the solver"),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, what)| Err(what))
}

fn finite(list: &[f64]) -> bool {
    list.iter().all(|value| value.is_finite())
}
