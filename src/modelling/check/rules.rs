//! Rules of scheduling and logic, checked at given values.

use super::Gap;
use crate::modelling::error::Fault;
use crate::modelling::function::Function;
use crate::modelling::node::Items;
use crate::modelling::scope::Scope;
use crate::modelling::syntax::Relation;

/// How far a rule is from holding.
pub(super) fn gap(scope: &mut Scope<'_>, function: Function, items: &[Items], tolerance: f64) -> Result<Gap, Fault> {
    match function {
        Function::AllDifferent => {
            let mut values = Vec::new();
            scope.each_item(items, &mut |scope, of| {
                values.push(scope.number(&of[0])?);
                Ok(())
            })?;
            values.sort_by(f64::total_cmp);
            let near =
                values.windows(2).map(|pair| Gap::between(pair[0], Relation::Differs, pair[1])).filter(|gap| gap.size > 0.0);
            Ok(near.max_by(|a, b| a.size.total_cmp(&b.size)).unwrap_or(Gap::NONE))
        }
        Function::NoOverlap => {
            let mut intervals = intervals(scope, items)?;
            intervals.retain(|interval| interval.1 > 0.0);
            intervals.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut worst = Gap::NONE;
            let mut end = f64::NEG_INFINITY;
            for (start, length, _) in intervals {
                let found = Gap::between(start, Relation::AtLeast, end.max(f64::MIN));
                worst = if found.size > worst.size { found } else { worst };
                end = end.max(start + length);
            }
            Ok(worst)
        }
        Function::Cumulative => {
            let (jobs, capacity) = items.split_at(1);
            let intervals = intervals(scope, jobs)?;
            let capacity = scope.number(&capacity[0].of[0])?;
            let mut worst = Gap::NONE;
            // The load can only rise where an interval starts.
            for (moment, ..) in intervals.iter().filter(|interval| interval.1 > 0.0) {
                let under_way = intervals
                    .iter()
                    .filter(|(start, length, _)| *start <= moment + tolerance && start + length > moment + tolerance);
                let load: f64 = under_way.map(|(_, _, demand)| demand).sum();
                let found = Gap::between(load, Relation::AtMost, capacity);
                worst = if found.size > worst.size { found } else { worst };
            }
            Ok(worst)
        }
        Function::Semidefinite => semidefinite(scope, items),
        _ => {
            let (mut holding, mut all) = (0, 0);
            scope.each_item(items, &mut |scope, of| {
                all += 1;
                holding += usize::from(super::gap(scope, &of[0], tolerance)?.size <= tolerance);
                Ok(())
            })?;
            Ok(if function.counts(holding, all) { Gap::NONE } else { Gap::broken() })
        }
    }
}

/// Start, length and demand of each interval that is there. The third part of `no_overlap` says whether it is there.
fn intervals(scope: &mut Scope<'_>, items: &[Items]) -> Result<Vec<(f64, f64, f64)>, Fault> {
    let mut found = Vec::new();
    scope.each_item(items, &mut |scope, of| {
        let third = match of.get(2) {
            Some(node) => scope.number(node)?,
            None => 1.0,
        };
        let (start, length) = (scope.number(&of[0])?, scope.number(&of[1])?);
        if third > 1e-6 {
            found.push((start, length, third));
        }
        Ok(())
    })?;
    Ok(found)
}

/// How far below 0 the smallest eigenvalue is.
fn semidefinite(scope: &mut Scope<'_>, items: &[Items]) -> Result<Gap, Fault> {
    let mut entries = Vec::new();
    scope.each_item(items, &mut |scope, of| {
        entries.push(scope.number(&of[0])?);
        Ok(())
    })?;
    let order = entries.len().isqrt();
    let matrix = nalgebra::DMatrix::from_row_slice(order, order, &entries);
    let skew = (&matrix - matrix.transpose()).amax();
    if skew > 0.0 {
        let found = Gap::between(skew, Relation::AtMost, 0.0);
        if found.size > 1e-9 {
            return Ok(found);
        }
    }
    let least = matrix.symmetric_eigen().eigenvalues.min();
    Ok(Gap::between(least, Relation::AtLeast, 0.0))
}
