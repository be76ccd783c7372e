//! A model, written out as the program that a solver is given.
//!
//! Affine expressions become rows. What is not affine is replaced by a helping column that stands on the right side of it: a convex function
//! where it is bounded above or minimised, a concave one where it is bounded below or maximised, which is the composition rule of disciplined
//! convex programming (Grant, Boyd and Ye, *Disciplined Convex Programming*, 2006). Where the direction is wrong a mixed-integer program takes
//! binary columns (Williams, *Model Building in Mathematical Programming*, 5th ed., chapters 7 and 9), and any other class refuses.

use super::error::{Fault, ModelError};
use super::model::{Body, Model};
use super::node::Node;
use super::parts::{Constraint, Formula, Parts, Variable, VariableKind};
use super::scope::Scope;
use super::written;
use crate::limits::{MODEL_ERRORS_MAX, PROGRAM_COLUMNS_MAX, PROGRAM_ROWS_MAX, PROGRAM_TERMS_MAX};
use crate::solver::Program;
use crate::solver::program::{Affine, Class, Column, Cone, ConeKind, Row, Rule, RuleKind, Sense};
use std::collections::BTreeMap;
use std::ops::Range;

mod affine;
mod choices;
mod compare;
mod cones;
mod extremes;
mod finish;
mod function;
mod logic;
mod products;
mod quadratic;
mod rules;

/// A model written out, and the way back to its caller's names.
#[derive(Debug, Clone, PartialEq)]
pub struct Expanded {
    /// What a solver is given. Its first columns are the instances of the variables, in their order; helping columns follow.
    pub program: Program,
    /// The instances of the variables.
    pub variables: Vec<Instance>,
    /// The instances of the constraints.
    pub constraints: Vec<Constrained>,
}

/// One variable of a model, such as `x_btc` or `x[btc]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// The name of the variable that it is an instance of.
    pub variable: String,
    /// Its index.
    pub index: Vec<String>,
    /// Its column in the program.
    pub column: u32,
    /// Its unit, where the model says one.
    pub unit: Option<String>,
    /// The family that it is of: all instances of one indexed variable, or scalars that share what stands before the first `_`.
    pub family: Option<String>,
}

/// One constraint of a model, such as `budget` or `ceiling[btc]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constrained {
    /// Its name with its index.
    pub name: String,
    /// The name of the constraint that it is an instance of.
    pub constraint: String,
    /// As the model states it.
    pub states: String,
    /// The rows that it became, those that define its helping columns among them.
    pub rows: Vec<u32>,
    /// The cones that it became.
    pub cones: Vec<u32>,
    /// The rules that it became.
    pub rules: Vec<u32>,
}

impl Expanded {
    /// The caller's variables by name, from values of the columns; a column without a value is left out.
    pub fn values(&self, columns: &[f64]) -> BTreeMap<String, f64> {
        let value = |instance: &Instance| columns.get(instance.column as usize).map(|value| (instance.name.clone(), *value));
        self.variables.iter().filter_map(value).collect()
    }
}

/// The name of an instance, such as `ceiling[btc]`.
pub(super) fn instance(name: &str, index: &str) -> String {
    if index.is_empty() { name.to_owned() } else { format!("{name}[{index}]") }
}

/// What may stand in place of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nothing but the same.
    Exact,
    /// Something that is never smaller: it is bounded above, or minimised.
    Above,
    /// Something that is never larger.
    Below,
}

impl Need {
    const fn turned(self) -> Self {
        match self {
            Self::Exact => Self::Exact,
            Self::Above => Self::Below,
            Self::Below => Self::Above,
        }
    }

    fn times(self, scale: f64) -> Self {
        if scale < 0.0 { self.turned() } else { self }
    }

    const fn wants(self) -> &'static str {
        match self {
            Self::Exact => "an affine expression, one without curvature,",
            Self::Above => "a convex expression",
            Self::Below => "a concave expression",
        }
    }
}

/// Columns that are 0 or 1, each with the value at which something is to hold.
type Literals = Vec<(u32, bool)>;

/// Writes out a program.
struct Builder<'a> {
    parts: &'a Parts,
    class: Class,
    columns: Vec<Column>,
    rows: Vec<Row>,
    cones: Vec<Cone>,
    rules: Vec<Rule>,
    terms: usize,
    /// The instance that is being written out, and how many names were given within it.
    label: String,
    given: usize,
    /// The words of the expression that is being written out.
    text: &'a str,
}

impl Model {
    /// Writes the model out.
    ///
    /// # Errors
    /// It does not fit its class, as a product of two variables in an `lp`; it is not convex; it is larger than what is taken; a table has no
    /// entry that it needs. Each names the place.
    pub fn expand(&self) -> Result<Expanded, Vec<ModelError>> {
        let (parts, params) = match &self.body {
            Body::Stated { parts, params } => (&**parts, &***params),
            Body::Written(program) => return Ok(written::expand(program, &self.dropped)),
        };
        let mut builder = Builder::new(parts, self.class);
        let mut scope = Scope::new(parts, params, &[]);
        let mut errors = Vec::new();
        let mut keep = |error: Result<(), ModelError>| {
            if let Err(error) = error {
                errors.push(error);
            }
            errors.len() < MODEL_ERRORS_MAX
        };
        for variable in &parts.variables {
            keep(builder.variable(&mut scope, variable));
        }
        // Without all columns nothing else can be written out.
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut keep = |error: Result<(), ModelError>| {
            if let Err(error) = error {
                errors.push(error);
            }
            errors.len() < MODEL_ERRORS_MAX
        };
        let variables = instances(parts);
        let objective = builder.objective(&mut scope, &parts.objective.formula);
        let objective = objective.map_err(|error| keep(Err(error))).ok();
        let mut constraints = Vec::new();
        for (constraint, dropped) in parts.constraints.iter().zip(&self.dropped) {
            if !dropped && !keep(builder.constraint(&mut scope, constraint, &mut constraints)) {
                break;
            }
        }
        match objective {
            Some(objective) if errors.is_empty() => {
                let program = builder.finish(parts.objective.sense, objective).map_err(|error| vec![error])?;
                Ok(Expanded { program, variables, constraints })
            }
            _ => Err(errors),
        }
    }
}

fn instances(parts: &Parts) -> Vec<Instance> {
    let mut found = Vec::with_capacity(parts.instances as usize);
    for variable in &parts.variables {
        for offset in 0..variable.len {
            found.push(Instance {
                name: parts.instance_name(variable, offset),
                variable: variable.name.clone(),
                index: parts.index_texts(&variable.sets, offset),
                column: variable.base + offset,
                unit: variable.unit.clone(),
                family: variable.family.clone(),
            });
        }
    }
    found
}

impl<'a> Builder<'a> {
    fn new(parts: &'a Parts, class: Class) -> Self {
        let label = String::new();
        let (columns, rows, cones, rules) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { parts, class, columns, rows, cones, rules, terms: 0, label, given: 0, text: "" }
    }

    fn variable(&mut self, scope: &mut Scope<'a>, variable: &Variable) -> Result<(), ModelError> {
        let whole = variable.kind != VariableKind::Continuous;
        let class = self.class_name();
        match self.class {
            Class::Lp | Class::Convex if whole => {
                let detail =
                    format!("`{}` takes whole values only, which model type `{class}` has not; use `mip` or `cp`", variable.name);
                return Err(ModelError::new(format!("{}/type", variable.pointer), detail));
            }
            Class::Cp if !whole => {
                let detail = format!(
                    "`{}` is continuous, and model type `cp` has whole numbers only; use `integer`, or `mip`",
                    variable.name
                );
                return Err(ModelError::new(format!("{}/type", variable.pointer), detail));
            }
            _ => {}
        }
        for offset in 0..variable.len {
            let mut ends = [f64::NEG_INFINITY, f64::INFINITY];
            for (end, bound) in ends.iter_mut().zip([&variable.lower, &variable.upper]) {
                if let Some(formula) = bound {
                    scope.enter_instance(formula.slots, &variable.sets, offset);
                    *end = scope.number(&formula.node).map_err(|fault| fault.within(&formula.pointer))?;
                }
            }
            let [mut lower, mut upper] = ends;
            if variable.kind == VariableKind::Binary {
                (lower, upper) = (lower.max(0.0), upper.min(1.0));
            }
            let name = self.parts.instance_name(variable, offset);
            if lower > upper {
                let detail = format!("the lower bound {lower} of `{name}` is above its upper bound {upper}");
                return Err(ModelError::new(variable.pointer.clone(), detail));
            }
            if self.class == Class::Cp && !(lower.is_finite() && upper.is_finite()) {
                let detail = format!("`{name}` needs both bounds, `lb` and `ub`, in a model of type `cp`");
                return Err(ModelError::new(variable.pointer.clone(), detail));
            }
            if whole {
                // A solver is given the whole numbers within the bounds.
                (lower, upper) = ((lower - 1e-9).ceil(), (upper + 1e-9).floor());
            }
            self.columns.push(Column { name, lower, upper, integer: whole });
        }
        Ok(())
    }

    const fn class_name(&self) -> &'static str {
        match self.class {
            Class::Lp => "lp",
            Class::Mip => "mip",
            Class::Convex => "convex",
            Class::Cp => "cp",
        }
    }

    fn objective(&mut self, scope: &mut Scope<'a>, formula: &'a Formula) -> Result<affine::Total, ModelError> {
        self.begin("objective".into(), &formula.text);
        scope.enter(formula.slots);
        let need = if self.parts.objective.sense == Sense::Minimize { Need::Above } else { Need::Below };
        let mut total = affine::Total::default();
        let added = self.add(scope, &formula.node, 1.0, need, &mut total).and_then(|()| {
            if total.product_at.is_some() {
                Self::fold(&mut total);
            }
            total.merge();
            self.fits(&total.affine, &formula.node.at)?;
            self.check_curvature(&total, need, &formula.node.at)
        });
        added.map(|()| total).map_err(|fault| fault.within(&formula.pointer))
    }

    fn constraint(
        &mut self,
        scope: &mut Scope<'a>,
        constraint: &'a Constraint,
        found: &mut Vec<Constrained>,
    ) -> Result<(), ModelError> {
        let formula = &constraint.formula;
        scope.enter(formula.slots);
        let mut any = false;
        let done = scope.each(&constraint.over, &mut |scope| {
            any = true;
            let name = instance(&constraint.name, &scope.index_text(&constraint.over));
            self.begin(name.clone(), &formula.text);
            let before = (self.rows.len(), self.cones.len(), self.rules.len());
            self.state(scope, &formula.node, true, &[])?;
            let (constraint, states) = (constraint.name.clone(), formula.text.clone());
            let (rows, cones, rules) =
                (since(before.0, self.rows.len()), since(before.1, self.cones.len()), since(before.2, self.rules.len()));
            found.push(Constrained { name, constraint, states, rows, cones, rules });
            Ok(())
        });
        done.map_err(|fault| fault.within(&formula.pointer))
    }

    fn begin(&mut self, label: String, text: &'a str) {
        (self.label, self.given, self.text) = (label, 0, text);
    }

    /// The words of a part of the expression.
    fn words(&self, at: &Range<usize>) -> String {
        let words: String = self.text.chars().skip(at.start).take(at.len()).collect();
        match words.char_indices().nth(80) {
            Some((end, _)) => format!("{}…", &words[..end]),
            None => words,
        }
    }

    /// A name for the next row: that of the instance for the first.
    fn next_name(&mut self, what: &str) -> String {
        self.given += 1;
        if self.given == 1 && what.is_empty() { self.label.clone() } else { format!("{}[{what}#{}]", self.label, self.given) }
    }

    /// A helping column.
    fn auxiliary(&mut self, (lower, upper): (f64, f64), integer: bool, at: &Range<usize>) -> Result<u32, Fault> {
        if self.columns.len() >= PROGRAM_COLUMNS_MAX {
            return Err(Fault::new(at, format!("with this the program has more than {PROGRAM_COLUMNS_MAX} columns")));
        }
        let name = self.next_name("column");
        self.columns.push(Column { name, lower, upper, integer });
        Ok(u32::try_from(self.columns.len() - 1).unwrap_or(u32::MAX))
    }

    fn binary(&mut self, at: &Range<usize>) -> Result<u32, Fault> {
        self.auxiliary((0.0, 1.0), true, at)
    }

    fn count(&mut self, terms: usize, at: &Range<usize>) -> Result<(), Fault> {
        self.terms += terms;
        if self.terms > PROGRAM_TERMS_MAX {
            return Err(Fault::new(at, format!("with this the program has more than {PROGRAM_TERMS_MAX} terms")));
        }
        if self.rows.len() + self.cones.len() + self.rules.len() >= PROGRAM_ROWS_MAX {
            return Err(Fault::new(at, format!("with this the program has more than {PROGRAM_ROWS_MAX} constraints")));
        }
        Ok(())
    }

    /// Whether the numbers of a sum are ones that a solver can work with.
    fn fits(&self, sum: &Affine, at: &Range<usize>) -> Result<(), Fault> {
        let numbers = sum.terms.iter().map(|(_, value)| *value).chain([sum.constant]);
        match numbers.into_iter().find(|value| value.is_nan() || value.abs() >= 1e20) {
            Some(value) => Err(Fault::new(at, format!("this comes to the number {value:e}, past what a solver can tell apart"))),
            None => Ok(()),
        }
    }

    /// Adds the row `lower <= sum <= upper`, the constant of `sum` taken to the other side.
    fn row(&mut self, sum: Affine, (lower, upper): (f64, f64), only_if: Literals, at: &Range<usize>) -> Result<(), Fault> {
        self.fits(&sum, at)?;
        self.count(sum.terms.len(), at)?;
        let name = self.next_name("");
        let mut row = Row { name, lower: lower - sum.constant, upper: upper - sum.constant, terms: sum.terms, only_if };
        if self.class == Class::Cp {
            finish::make_whole(&mut row).map_err(|detail| Fault::new(at, detail))?;
        }
        self.rows.push(row);
        Ok(())
    }

    fn cone(&mut self, kind: ConeKind, members: Vec<Affine>, at: &Range<usize>) -> Result<(), Fault> {
        for member in &members {
            self.fits(member, at)?;
        }
        self.count(members.iter().map(|member| member.terms.len()).sum(), at)?;
        let name = self.next_name("cone");
        self.cones.push(Cone { name, kind, members });
        Ok(())
    }

    fn rule(&mut self, kind: RuleKind, at: &Range<usize>) -> Result<(), Fault> {
        self.count(1, at)?;
        let name = self.next_name("");
        self.rules.push(Rule { name, kind });
        Ok(())
    }

    /// An error for what only other classes have.
    fn only(&self, node: &Node, classes: &str) -> Fault {
        let (words, class) = (self.words(&node.at), self.class_name());
        Fault::new(&node.at, format!("`{words}` can't stand in a model of type `{class}`; use {classes}"))
    }
}

fn since(from: usize, to: usize) -> Vec<u32> {
    (from..to).filter_map(|at| u32::try_from(at).ok()).collect()
}
