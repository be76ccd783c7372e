//! The tables of a plan: its decision, what binds, and its other decisions.

use super::binding::{Barrier, Bound};
use super::conflict::{self, Member};
use super::found::{Found, Settled, change};
use super::others::{EQUAL_WEIGHTS, Other, equal_weights};
use super::problem::{Problem, Side, side};
use crate::domain::plan::{Alternative, Binding, DecisionRow};
use std::collections::BTreeMap;

/// Binding constraints that a plan names. A plan over 100,000 variables has as many bounds.
const BINDING_MAX: usize = 1_000;

/// Values of alternatives in all, over which an alternative of the planner's own is left out.
const ALTERNATIVE_VALUES_MAX: usize = 20_000;

/// Where a variable stands, for the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// At a limit from above.
    Ceiling,
    /// At a limit from below that is not zero.
    Floor,
    /// At no limit worth a word.
    Free,
}

/// The decision, one row for each variable, and where each stands.
pub(super) fn decision(found: &Found<'_>) -> Vec<(DecisionRow, Stand)> {
    let problem = found.problem;
    let limits = own_limits(found);
    let shares = shares(found);
    let rows = problem.variables.iter().enumerate().map(|(at, variable)| {
        let value = found.values.get(&variable.name).copied().unwrap_or(f64::NAN);
        let (lower, upper) = problem.bounds(variable.column);
        let own = limits.get(&variable.column).cloned();
        let at_bound = || {
            let member = match side(value, lower, upper)? {
                Side::Floor => Member::Lower(at),
                Side::Ceiling | Side::Equal => Member::Upper(at),
            };
            let stand = if matches!(member, Member::Upper(_)) { Stand::Ceiling } else { Stand::Floor };
            Some((conflict::told(problem, member).1, stand))
        };
        // That a yes or no is yes or no is no news.
        let stands = own.or_else(|| if problem.is_binary(variable.column) { None } else { at_bound() });
        let stand = match stands {
            Some((_, stand)) if value != 0.0 => stand,
            _ => Stand::Free,
        };
        let row = DecisionRow {
            variable: variable.name.clone(),
            value,
            unit: variable.unit.clone(),
            share: shares.get(variable.family.as_str()).map(|sum| value / sum),
            at: stands.map(|(states, _)| states),
        };
        (row, stand)
    });
    rows.collect()
}

/// For each column that a constraint over it alone holds where it is: that constraint.
fn own_limits(found: &Found<'_>) -> BTreeMap<u32, (String, Stand)> {
    let mut limits = BTreeMap::new();
    for statement in &found.problem.constraints {
        let ([at], true) = (statement.rows.as_slice(), statement.cones.is_empty() && statement.rules.is_empty()) else {
            continue;
        };
        let Some(row) = found.problem.row(*at).filter(|row| row.only_if.is_empty()) else { continue };
        let [(column, factor)] = row.terms.as_slice() else { continue };
        let Some(stands) = side(row.at(&found.solution.values), row.lower, row.upper) else { continue };
        let stand = if (stands == Side::Floor) == (*factor > 0.0) { Stand::Floor } else { Stand::Ceiling };
        limits.entry(*column).or_insert_with(|| (statement.states.clone(), stand));
    }
    limits
}

/// For each family of amounts that can be shared out: their sum.
fn shares<'a>(found: &Found<'a>) -> BTreeMap<&'a str, f64> {
    let problem: &'a Problem = found.problem;
    let mut sums: BTreeMap<&str, (usize, f64, bool, Option<&str>)> = BTreeMap::new();
    for variable in &problem.variables {
        let value = found.values.get(&variable.name).copied().unwrap_or(f64::NAN);
        let whole = problem.program.columns.get(variable.column as usize).is_some_and(|column| column.integer);
        let entry = sums.entry(&variable.family).or_insert((0, 0.0, true, variable.unit.as_deref()));
        entry.0 += 1;
        entry.1 += value;
        entry.2 &= value >= 0.0 && !whole && entry.3 == variable.unit.as_deref();
    }
    sums.into_iter()
        .filter(|(_, (count, sum, even, _))| *count >= 2 && *even && *sum > 0.0)
        .map(|(family, (_, sum, ..))| (family, sum))
        .collect()
}

/// What binds, in the caller's names; the strongest where there are too many.
pub(super) fn binding(problem: &Problem, bounds: &[Bound]) -> Vec<Binding> {
    let named = |bound: &Bound| {
        let (constraint, states) = match &bound.what {
            Barrier::One(Member::Constraint(at)) => {
                problem.constraints.get(*at).map(|one| (one.name.clone(), one.states.clone())).unwrap_or_default()
            }
            Barrier::One(member) => conflict::told(problem, *member),
            Barrier::Family(family) => {
                let states = problem.constraints.iter().find(|one| one.family == *family).map(|one| one.states.clone());
                (family.clone(), states.unwrap_or_default())
            }
        };
        Binding { constraint, states, dual: bound.dual }
    };
    let mut kept: Vec<usize> = (0..bounds.len()).collect();
    if kept.len() > BINDING_MAX {
        let weight = |at: &usize| bounds[*at].dual.map_or(f64::INFINITY, f64::abs);
        kept.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
        kept.truncate(BINDING_MAX);
        kept.sort_unstable();
    }
    kept.into_iter().map(|at| named(&bounds[at])).collect()
}

/// Equal weights, where they make sense.
pub(super) fn equal(found: &Found<'_>) -> Option<Alternative> {
    let changed = equal_weights(found.problem, &found.solution.values)?;
    let mut values = found.values.clone();
    values.extend(changed);
    let alternative = judged(found, EQUAL_WEIGHTS, values);
    (alternative.change != Some(0.0) && found.values.len() <= ALTERNATIVE_VALUES_MAX).then_some(alternative)
}

/// A decision by the caller, with what it costs and what it breaks.
pub(super) fn judged(found: &Found<'_>, name: &str, values: BTreeMap<String, f64>) -> Alternative {
    let (objective, breaks) = match found.model.check(&values, super::TOLERANCE) {
        Ok(check) => {
            let mut breaks: Vec<String> = Vec::new();
            for violation in check.violations {
                if !breaks.contains(&violation.constraint) {
                    breaks.push(violation.constraint);
                }
            }
            (check.objective, breaks)
        }
        Err(errors) => (None, errors.into_iter().map(|error| error.detail).collect()),
    };
    let change = objective.and_then(|objective| change(objective, found.objective));
    Alternative { name: name.to_owned(), objective, change, breaks, values }
}

/// A decision that was found by solving, as far as it holds everything.
pub(super) fn another(found: &Found<'_>, other: &Other, settled: Option<Settled>) -> Option<Alternative> {
    let settled = settled.filter(|settled| settled.values.len() <= ALTERNATIVE_VALUES_MAX && !found.agrees(&settled.values))?;
    Some(Alternative {
        name: other.name.to_owned(),
        objective: Some(settled.objective),
        change: change(settled.objective, found.objective),
        breaks: Vec::new(),
        values: settled.values,
    })
}
