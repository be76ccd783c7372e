//! What it costs to walk a model once, before anything is walked: a bomb of nested sums is refused without a step.

use super::error::ModelError;
use super::node::{Items, Node, NodeKind, Over};
use super::parts::{Formula, Parts};
use crate::limits::MODEL_STEPS_MAX;

/// Refuses a model that would take too many steps.
pub(super) fn check(parts: &Parts) -> Option<ModelError> {
    let mut total = 0_u64;
    let constraints = parts
        .constraints
        .iter()
        .map(|constraint| (&constraint.formula, parts.steps(&constraint.over), filters(parts, &constraint.over)));
    let bounds = parts.variables.iter().flat_map(|variable| {
        [&variable.lower, &variable.upper].into_iter().flatten().map(|bound| (bound, u64::from(variable.len), 0))
    });
    let all = std::iter::once((&parts.objective.formula, 1, 0)).chain(constraints).chain(bounds);
    for (formula, times, own) in all {
        let steps = times.saturating_mul(steps(parts, &formula.node)).saturating_add(own);
        total = total.saturating_add(steps);
        if total > MODEL_STEPS_MAX {
            return Some(too_many(formula, steps));
        }
    }
    None
}

fn too_many(formula: &Formula, steps: u64) -> ModelError {
    let detail = format!(
        "the sums over index sets here take {steps} steps, and a whole model may take {MODEL_STEPS_MAX}; smaller sets, or a set of the tuples \
         that are meant in place of a condition on all of them, take fewer"
    );
    ModelError::new(formula.pointer.clone(), detail)
}

fn steps(parts: &Parts, node: &Node) -> u64 {
    let items: u64 = match &node.kind {
        NodeKind::Call(_, items) | NodeKind::Piecewise(_, items) => {
            items.iter().map(|items| over(parts, items)).fold(0, u64::saturating_add)
        }
        _ => return node.kind.parts().into_iter().map(|part| steps(parts, part)).fold(1, u64::saturating_add),
    };
    match &node.kind {
        NodeKind::Piecewise(x, _) => items.saturating_add(steps(parts, x)),
        _ => items.saturating_add(1),
    }
}

fn over(parts: &Parts, items: &Items) -> u64 {
    let bodies: u64 = items.of.iter().map(|body| steps(parts, body)).fold(0, u64::saturating_add);
    parts.steps(&items.over).saturating_mul(bodies).saturating_add(filters(parts, &items.over))
}

/// What the conditions on indices cost: each is asked for every choice of the indices up to it.
fn filters(parts: &Parts, over: &[Over]) -> u64 {
    let mut total = 0_u64;
    for (place, one) in over.iter().enumerate() {
        if let Some(filter) = &one.filter {
            total = total.saturating_add(parts.steps(&over[..=place]).saturating_mul(steps(parts, filter)));
        }
    }
    total
}
