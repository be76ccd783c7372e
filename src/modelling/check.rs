//! The checker: puts values into the caller's own expressions and says what does not hold. It knows nothing of how a model is expanded or
//! solved, so that a mistake there can't hide itself.

use super::error::{Fault, ModelError};
use super::function::Function;
use super::model::{Body, Model};
use super::names::did_you_mean;
use super::node::{Node, NodeKind};
use super::parts::{Parts, Variable, VariableKind};
use super::scope::Scope;
use super::syntax::Relation;
use super::written;
use crate::domain::plan::{CheckReport, Violation};
use crate::limits::MODEL_ERRORS_MAX;
use std::collections::BTreeMap;

mod rules;

/// Violations that a report names.
const SHOWN_MAX: usize = 100;

/// How far a statement is from holding.
#[derive(Debug, Clone, Copy)]
struct Gap {
    /// Relative to the size of its sides; 0 where it holds exactly.
    size: f64,
    left: f64,
    right: f64,
}

impl Gap {
    const NONE: Self = Self { size: 0.0, left: 0.0, right: 0.0 };

    fn between(left: f64, relation: Relation, right: f64) -> Self {
        let apart = match relation {
            Relation::AtMost => left - right,
            Relation::AtLeast => right - left,
            Relation::Equal => (left - right).abs(),
            // What is strict is of whole numbers.
            Relation::Less => left + 1.0 - right,
            Relation::More => right + 1.0 - left,
            Relation::Differs => 1.0 - (left - right).abs(),
        };
        // What is no number holds nothing.
        let found = Self { size: 0.0, left, right };
        let size = if apart.is_nan() { f64::MAX } else { (apart.max(0.0) / found.scale()).min(f64::MAX) };
        Self { size, ..found }
    }

    fn scale(&self) -> f64 {
        self.left.abs().max(self.right.abs()).max(1.0)
    }

    const fn broken() -> Self {
        Self { size: 1.0, left: 1.0, right: 0.0 }
    }
}

/// What a check has found so far.
pub(super) struct Findings {
    tolerance: f64,
    checked: u64,
    found: Vec<(f64, Violation)>,
    worst: f64,
}

impl Findings {
    pub(super) const fn new(tolerance: f64) -> Self {
        Self { tolerance, checked: 0, found: Vec::new(), worst: 0.0 }
    }

    fn add(&mut self, gap: Gap, constraint: impl FnOnce() -> String, states: &str) {
        self.checked += 1;
        self.worst = self.worst.max(gap.size);
        if gap.size > self.tolerance {
            let finite = |value: f64| if value.is_finite() { value } else { f64::MAX.copysign(value) };
            let violation = Violation {
                constraint: constraint(),
                states: states.to_owned(),
                left: finite(gap.left),
                right: finite(gap.right),
            };
            self.found.push((gap.size, violation));
        }
    }

    pub(super) fn compare(&mut self, left: f64, relation: Relation, right: f64, name: impl FnOnce() -> String, states: &str) {
        self.add(Gap::between(left, relation, right), name, states);
    }

    /// A row of a program, whose terms add up to `size` with nothing cancelling out.
    pub(super) fn row(
        &mut self,
        (left, relation, right): (f64, Relation, f64),
        size: f64,
        row: impl FnOnce() -> (String, String),
    ) {
        let mut gap = Gap::between(left, relation, right);
        gap.size *= gap.scale() / gap.scale().max(size);
        if gap.size > self.tolerance {
            let (name, states) = row();
            self.add(gap, || name, &states);
        } else {
            self.add(gap, String::new, "");
        }
    }

    pub(super) fn report(mut self, objective: Option<f64>) -> CheckReport {
        self.found.sort_by(|a, b| b.0.total_cmp(&a.0));
        self.found.truncate(SHOWN_MAX);
        CheckReport {
            passed: self.found.is_empty(),
            objective: objective.filter(|value| value.is_finite()),
            checked: self.checked,
            worst: self.worst,
            violations: self.found.into_iter().map(|(_, violation)| violation).collect(),
        }
    }
}

impl Model {
    /// Says whether these values of the variables, by the names of their instances, hold every bound, integrality and constraint, within
    /// `tolerance` relative to the size of what is compared.
    ///
    /// # Errors
    /// A variable has no value, a value is of no variable, or an expression can't be computed at all.
    pub fn check(&self, values: &BTreeMap<String, f64>, tolerance: f64) -> Result<CheckReport, Vec<ModelError>> {
        let mut findings = Findings::new(tolerance);
        match &self.body {
            Body::Stated { parts, params } => {
                let values = ordered(parts, values)?;
                let mut checker = Checker { scope: Scope::new(parts, params, &values), tolerance };
                checker.variables(&mut findings).map_err(|error| vec![error])?;
                for (constraint, dropped) in parts.constraints.iter().zip(&self.dropped) {
                    if !dropped {
                        checker.constraint(constraint, &mut findings).map_err(|error| vec![error])?;
                    }
                }
                let objective = checker.objective().ok();
                Ok(findings.report(objective))
            }
            Body::Written(program) => written::check(program, &self.dropped, values, findings),
        }
    }

    /// What the objective is at these values.
    ///
    /// # Errors
    /// A variable has no value, a value is of no variable, or the objective can't be computed.
    pub fn objective_at(&self, values: &BTreeMap<String, f64>) -> Result<f64, Vec<ModelError>> {
        match &self.body {
            Body::Stated { parts, params } => {
                let values = ordered(parts, values)?;
                let mut checker = Checker { scope: Scope::new(parts, params, &values), tolerance: 0.0 };
                checker.objective().map_err(|error| vec![error])
            }
            Body::Written(program) => Ok(program.objective_at(&written::ordered(program, values)?)),
        }
    }
}

/// Values in the order of the instances.
fn ordered(parts: &Parts, values: &BTreeMap<String, f64>) -> Result<Vec<f64>, Vec<ModelError>> {
    let (mut found, mut errors) = (Vec::with_capacity(parts.instances as usize), Vec::new());
    let mut used = 0;
    for variable in &parts.variables {
        for offset in 0..variable.len {
            let name = parts.instance_name(variable, offset);
            match values.get(&name) {
                Some(value) if value.is_finite() => {
                    used += 1;
                    found.push(*value);
                }
                Some(value) => {
                    errors.push(ModelError::new(format!("/values{}", super::read::step(&name)), format!("{value} is no number")))
                }
                None => errors.push(ModelError::new("/values", format!("the variable `{name}` has no value"))),
            }
            if errors.len() >= MODEL_ERRORS_MAX {
                return Err(errors);
            }
        }
    }
    if used < values.len() {
        let known: std::collections::HashSet<String> = parts
            .variables
            .iter()
            .flat_map(|variable| (0..variable.len).map(|offset| parts.instance_name(variable, offset)))
            .collect();
        for name in values.keys().filter(|name| !known.contains(*name)).take(MODEL_ERRORS_MAX) {
            let hint = did_you_mean(name, known.iter().map(String::as_str));
            errors.push(ModelError::new(
                format!("/values{}", super::read::step(name)),
                format!("there is no variable `{name}`{hint}"),
            ));
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

struct Checker<'a> {
    scope: Scope<'a>,
    tolerance: f64,
}

impl Checker<'_> {
    fn objective(&mut self) -> Result<f64, ModelError> {
        let formula = &self.scope.parts.objective.formula;
        self.scope.enter(formula.slots);
        let value = self.scope.number(&formula.node).map_err(|fault| fault.within(&formula.pointer))?;
        if value.is_finite() {
            return Ok(value);
        }
        Err(ModelError::new(formula.pointer.clone(), "the objective is not a finite number at these values"))
    }

    fn variables(&mut self, findings: &mut Findings) -> Result<(), ModelError> {
        let parts = self.scope.parts;
        for variable in &parts.variables {
            for offset in 0..variable.len {
                self.variable(variable, offset, findings)?;
            }
        }
        Ok(())
    }

    fn variable(&mut self, variable: &Variable, offset: u32, findings: &mut Findings) -> Result<(), ModelError> {
        let parts = self.scope.parts;
        let name = || parts.instance_name(variable, offset);
        let value = self.scope.values[(variable.base + offset) as usize];
        for (bound, relation) in [(&variable.lower, Relation::AtLeast), (&variable.upper, Relation::AtMost)] {
            let Some(formula) = bound else { continue };
            self.scope.enter_instance(formula.slots, &variable.sets, offset);
            let limit = self.scope.number(&formula.node).map_err(|fault| fault.within(&formula.pointer))?;
            let states = format!("{} {} {}", variable.name, relation.sign(), formula.text);
            findings.compare(value, relation, limit, name, &states);
        }
        if variable.kind == VariableKind::Binary {
            findings.compare(value, Relation::AtLeast, 0.0, name, "binary");
            findings.compare(value, Relation::AtMost, 1.0, name, "binary");
        }
        if variable.kind != VariableKind::Continuous {
            // How far from a whole number is judged as it is: a large number is no less whole for being large.
            let gap = Gap { size: (value - value.round()).abs(), left: value, right: value.round() };
            findings.add(gap, name, if variable.kind == VariableKind::Binary { "binary" } else { "integer" });
        }
        Ok(())
    }

    fn constraint(&mut self, constraint: &super::parts::Constraint, findings: &mut Findings) -> Result<(), ModelError> {
        let formula = &constraint.formula;
        self.scope.enter(formula.slots);
        let tolerance = self.tolerance;
        let found = self.scope.each(&constraint.over, &mut |scope| {
            // An expression without a value at these values, as the logarithm of what is negative, does not hold.
            let gap = gap(scope, &formula.node, tolerance).unwrap_or(Gap { size: f64::MAX, left: f64::MAX, right: 0.0 });
            findings.add(gap, || super::expand::instance(&constraint.name, &scope.index_text(&constraint.over)), &formula.text);
            Ok(())
        });
        found.map_err(|fault| fault.within(&formula.pointer))
    }
}

/// How far `node` is from holding.
fn gap(scope: &mut Scope<'_>, node: &Node, tolerance: f64) -> Result<Gap, Fault> {
    match &node.kind {
        NodeKind::Compare(sides, relations) => {
            let mut worst = Gap::NONE;
            let mut left = scope.number(&sides[0])?;
            for (place, (side, relation)) in sides[1..].iter().zip(relations).enumerate() {
                let right = scope.number(side)?;
                let mut found = Gap::between(left, *relation, right);
                if found.size > 0.0 {
                    // What cancels out to nearly nothing is judged by what it is made of, as `x - y <= 0` by `x` and `y`.
                    let size = magnitude(scope, &sides[place])?.max(magnitude(scope, side)?);
                    found.size *= found.scale() / found.scale().max(size);
                }
                if place == 0 || found.size > worst.size {
                    worst = found;
                }
                left = right;
            }
            Ok(worst)
        }
        NodeKind::Var(_) => Ok(Gap::between(scope.number(node)?, Relation::AtLeast, 1.0)),
        NodeKind::Not(inner) => opposite(scope, inner, tolerance),
        NodeKind::And(parts) => {
            let mut worst = Gap::NONE;
            for part in parts {
                let found = gap(scope, part, tolerance)?;
                worst = if found.size >= worst.size { found } else { worst };
            }
            Ok(worst)
        }
        NodeKind::Or(parts) => {
            let mut best = gap(scope, &parts[0], tolerance)?;
            for part in &parts[1..] {
                let found = gap(scope, part, tolerance)?;
                best = if found.size < best.size { found } else { best };
            }
            Ok(best)
        }
        NodeKind::Implies(when, then) => {
            if gap(scope, when, tolerance)?.size > tolerance {
                return Ok(Gap::NONE);
            }
            gap(scope, then, tolerance)
        }
        NodeKind::Same(a, b) => {
            let (a, b) = (gap(scope, a, tolerance)?.size <= tolerance, gap(scope, b, tolerance)?.size <= tolerance);
            Ok(if a == b { Gap::NONE } else { Gap::broken() })
        }
        NodeKind::Choose(when, then, other) => {
            let branch = if scope.holds(when)? { then } else { other };
            gap(scope, branch, tolerance)
        }
        NodeKind::Call(function, items) if function.is_rule() => rules::gap(scope, *function, items, tolerance),
        _ => Ok(if scope.holds(node)? { Gap::NONE } else { Gap::broken() }),
    }
}

/// How large an expression is with nothing in it cancelling out.
fn magnitude(scope: &mut Scope<'_>, node: &Node) -> Result<f64, Fault> {
    match &node.kind {
        NodeKind::Sum(terms) => terms.iter().try_fold(0.0, |total, (_, term)| Ok(total + magnitude(scope, term)?)),
        NodeKind::Call(Function::Sum, items) => {
            let mut total = 0.0;
            scope.each_item(items, &mut |scope, of| {
                total += magnitude(scope, &of[0])?;
                Ok(())
            })?;
            Ok(total)
        }
        _ => Ok(scope.number(node)?.abs()),
    }
}

/// How far `node` is from not holding.
fn opposite(scope: &mut Scope<'_>, node: &Node, tolerance: f64) -> Result<Gap, Fault> {
    match &node.kind {
        NodeKind::Compare(sides, relations) if relations.len() == 1 => {
            let (left, right) = (scope.number(&sides[0])?, scope.number(&sides[1])?);
            Ok(Gap::between(left, relations[0].negated(), right))
        }
        NodeKind::Var(_) => Ok(Gap::between(scope.number(node)?, Relation::AtMost, 0.0)),
        NodeKind::Not(inner) => gap(scope, inner, tolerance),
        _ => Ok(if gap(scope, node, tolerance)?.size > tolerance { Gap::NONE } else { Gap::broken() }),
    }
}

impl Function {
    const fn counts(self, holding: usize, all: usize) -> bool {
        match self {
            Self::AnyOf => holding >= 1,
            Self::AllOf => holding == all,
            Self::AtMostOne => holding <= 1,
            Self::ExactlyOne => holding == 1,
            _ => false,
        }
    }
}
