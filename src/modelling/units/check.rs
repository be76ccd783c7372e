//! The unit of each part of an expression.

use super::Unit;
use crate::modelling::error::{Fault, ModelError};
use crate::modelling::function::Function;
use crate::modelling::node::{Items, Node, NodeKind, Pick};
use crate::modelling::parts::{Formula, Parts};
use std::ops::Range;

/// The unit of an expression, or none where it is of numbers only, which have any.
type Found = Option<Unit>;

/// A unit for a message.
pub(super) fn named(unit: &Unit) -> String {
    if unit.is_plain() { "no unit".into() } else { format!("`{unit}`") }
}

/// Checks that a model adds and compares like with like, if it states any unit.
pub(in crate::modelling) fn check(parts: &Parts) -> Vec<ModelError> {
    let mut errors = Vec::new();
    for (unit, pointer) in stated(parts) {
        if let Err(detail) = Unit::read(unit) {
            errors.push(ModelError::new(pointer, detail));
        }
    }
    if stated(parts).next().is_none() || !errors.is_empty() {
        return errors;
    }
    let objective = &parts.objective;
    errors.extend(formula(parts, &objective.formula, objective.unit.as_deref()));
    for constraint in &parts.constraints {
        errors.extend(formula(parts, &constraint.formula, constraint.unit.as_deref()));
    }
    for variable in &parts.variables {
        let unit = variable.unit.as_deref().unwrap_or("1");
        errors.extend(
            [&variable.lower, &variable.upper].into_iter().flatten().filter_map(|bound| formula(parts, bound, Some(unit))),
        );
    }
    errors
}

/// All units that the model states, with where each stands.
fn stated(parts: &Parts) -> impl Iterator<Item = (&str, String)> {
    let parameters = parts.parameters.iter().filter_map(|parameter| {
        let pointer = format!("{}/unit", parameter.pointer.trim_end_matches("/value"));
        Some((parameter.unit.as_deref()?, pointer))
    });
    let variables =
        parts.variables.iter().filter_map(|variable| Some((variable.unit.as_deref()?, format!("{}/unit", variable.pointer))));
    let objective = parts.objective.unit.as_deref().map(|unit| (unit, "/objective/unit".to_owned()));
    let constraints = parts.constraints.iter().filter_map(|constraint| {
        let pointer = constraint.formula.pointer.trim_end_matches("/expression");
        Some((constraint.unit.as_deref()?, format!("{pointer}/unit")))
    });
    parameters.chain(variables).chain(objective).chain(constraints)
}

fn formula(parts: &Parts, formula: &Formula, wanted: Option<&str>) -> Option<ModelError> {
    let found = match sides(parts, &formula.node) {
        Ok(found) => found?,
        Err(fault) => return Some(fault.within(&formula.pointer)),
    };
    let wanted = Unit::read(wanted?).ok()?;
    if found.same(&wanted) {
        return None;
    }
    let detail = format!("this is in {}, and {} is stated{}", named(&found), named(&wanted), hint(&found, &wanted));
    Some(Fault::new(&formula.node.at, detail).within(&formula.pointer))
}

/// The unit of an expression, or of what a statement compares.
fn sides(parts: &Parts, node: &Node) -> Result<Found, Fault> {
    match &node.kind {
        NodeKind::Compare(sides, _) => {
            let mut all: Found = None;
            for (place, side) in sides.iter().enumerate() {
                let found = of(parts, side)?;
                let joint = join(all.clone(), found.clone());
                let Ok(joint) = joint else {
                    let (left, right) = (all.unwrap_or_default(), found.unwrap_or_default());
                    let before = if place == 1 { "the left side" } else { "what stands before" };
                    let detail =
                        format!("{before} is in {} and this side in {}{}", named(&left), named(&right), hint(&right, &left));
                    return Err(Fault::new(&side.at, detail));
                };
                all = joint;
            }
            Ok(all)
        }
        NodeKind::Not(inner) => sides(parts, inner),
        NodeKind::And(all) | NodeKind::Or(all) => {
            all.iter().try_for_each(|part| sides(parts, part).map(|_| ()))?;
            Ok(None)
        }
        NodeKind::Implies(a, b) | NodeKind::Same(a, b) => {
            sides(parts, a)?;
            sides(parts, b)?;
            Ok(None)
        }
        NodeKind::CompareMembers(..) | NodeKind::Among(..) => Ok(None),
        NodeKind::Call(function, items) if function.is_rule() => {
            rule(parts, *function, items)?;
            Ok(None)
        }
        _ => of(parts, node),
    }
}

/// The parts of a rule of scheduling: times with times, demands with the capacity.
fn rule(parts: &Parts, function: Function, items: &[Items]) -> Result<(), Fault> {
    let (times, demand) = match function {
        Function::NoOverlap => (2, None),
        Function::Cumulative => (2, Some((&items[0].of[2], &items[1].of[0]))),
        Function::AllDifferent | Function::Semidefinite => (1, None),
        _ => {
            return items.iter().flat_map(|items| &items.of).try_for_each(|node| sides(parts, node).map(|_| ()));
        }
    };
    for items in &items[..1] {
        same(parts, items.of.iter().take(times))?;
    }
    if let Some((demand, capacity)) = demand {
        same(parts, [demand, capacity].into_iter())?;
    }
    Ok(())
}

/// One unit of two, where they are one; else the two.
fn join(a: Found, b: Found) -> Result<Found, ()> {
    match (a, b) {
        (Some(a), Some(b)) => {
            if a.same(&b) {
                Ok(Some(a))
            } else {
                Err(())
            }
        }
        (a, b) => Ok(a.or(b)),
    }
}

/// How one unit would become the other.
fn hint(found: &Unit, wanted: &Unit) -> String {
    match found.factor(wanted) {
        Some(factor) => {
            format!("; 1 {found} is {factor} {wanted}, write `to(…, \"{wanted}\")`")
        }
        None if found.is_plain() || wanted.is_plain() => "; where a name has none, give it a \"unit\"".into(),
        None => String::new(),
    }
}

/// The one unit of all of these.
fn same<'n>(parts: &Parts, nodes: impl Iterator<Item = &'n Node>) -> Result<Found, Fault> {
    let mut all: Found = None;
    for node in nodes {
        let found = of(parts, node)?;
        all = match join(all.clone(), found.clone()) {
            Ok(joint) => joint,
            Err(()) => {
                let (before, this) = (all.unwrap_or_default(), found.unwrap_or_default());
                let detail = format!(
                    "this is in {} and is added to or set beside what is in {}{}",
                    named(&this),
                    named(&before),
                    hint(&this, &before)
                );
                return Err(Fault::new(&node.at, detail));
            }
        };
    }
    Ok(all)
}

/// The unit of an expression.
pub(in crate::modelling) fn of(parts: &Parts, node: &Node) -> Result<Found, Fault> {
    match &node.kind {
        NodeKind::Number(_) | NodeKind::Index(_) => Ok(None),
        NodeKind::Param(pick) => picked(parts, pick, false, &node.at).map(Some),
        NodeKind::Var(pick) => picked(parts, pick, true, &node.at).map(Some),
        NodeKind::Sum(terms) => same(parts, terms.iter().map(|(_, term)| term)),
        NodeKind::Product { times, over } => {
            let mut product: Found = None;
            for (factors, power) in [(times, 1), (over, -1)] {
                for factor in factors {
                    if let Some(unit) = of(parts, factor)? {
                        product = Some(product.unwrap_or_default().times(&unit, power));
                    }
                }
            }
            Ok(product)
        }
        NodeKind::Power(base, exponent) => power(parts, base, exponent),
        NodeKind::Call(function, items) => call(parts, node, *function, items),
        NodeKind::Piecewise(x, points) => {
            same(parts, std::iter::once(&**x).chain(points.iter().map(|point| &point.of[0])))?;
            same(parts, points.iter().map(|point| &point.of[1]))
        }
        NodeKind::To(_, _, unit) => Unit::read(unit).map(Some).map_err(|detail| Fault::new(&node.at, detail)),
        NodeKind::Choose(_, then, other) => same(parts, [&**then, &**other].into_iter()),
        _ => sides(parts, node),
    }
}

fn call(parts: &Parts, node: &Node, function: Function, items: &[Items]) -> Result<Found, Fault> {
    let bodies = items.iter().flat_map(|items| &items.of);
    match function {
        Function::Pow => power(parts, &items[0].of[0], &items[1].of[0]),
        Function::Square | Function::SumSquares => raised(same(parts, bodies)?, 2.0, &node.at),
        Function::Sqrt => raised(same(parts, bodies)?, 0.5, &node.at),
        Function::InvPos => raised(same(parts, bodies)?, -1.0, &node.at),
        Function::Exp | Function::Log | Function::LogSumExp | Function::Entropy => match same(parts, bodies)? {
            Some(unit) if !unit.same(&Unit::default()) => {
                let detail = format!("`{}` takes a plain number, and this is in {}", function.name(), named(&unit));
                Err(Fault::new(&node.at, detail))
            }
            found => Ok(found),
        },
        _ => same(parts, bodies),
    }
}

fn power(parts: &Parts, base: &Node, exponent: &Node) -> Result<Found, Fault> {
    let found = of(parts, base)?;
    match (&found, &exponent.kind) {
        (None, _) => Ok(found),
        (Some(unit), _) if unit.is_plain() => Ok(found),
        (Some(_), NodeKind::Number(value)) => raised(found, *value, &exponent.at),
        (Some(unit), _) => {
            Err(Fault::new(&exponent.at, format!("what is in {} can only have a written number as exponent", named(unit))))
        }
    }
}

fn raised(found: Found, power: f64, at: &Range<usize>) -> Result<Found, Fault> {
    let Some(unit) = found else { return Ok(None) };
    let raised = unit.power(power);
    raised.map(Some).ok_or_else(|| Fault::new(at, format!("{} to the power of {power} is no unit", named(&unit))))
}

/// The unit of a variable or a parameter, or of a whole family of them.
fn picked(parts: &Parts, pick: &Pick, variable: bool, at: &Range<usize>) -> Result<Unit, Fault> {
    let stated = |of: usize| {
        let unit = if variable { parts.variables[of].unit.as_deref() } else { parts.parameters[of].unit.as_deref() };
        Unit::read(unit.unwrap_or("1")).map_err(|detail| Fault::new(at, detail))
    };
    let unit = stated(pick.of)?;
    let Some(list) = &pick.list else { return Ok(unit) };
    let family = parts.families.iter().find(|family| family.variables == variable && family.list == *list);
    for other in family.iter().flat_map(|family| &family.of) {
        let other = stated(*other)?;
        if !unit.same(&other) {
            return Err(Fault::new(
                at,
                format!("the members of this family are in different units, {} and {}", named(&unit), named(&other)),
            ));
        }
    }
    Ok(unit)
}
