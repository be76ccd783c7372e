//! A model as its caller states it.

use super::error::ModelError;
use super::parts::{Parts, VariableKind};
use super::read;
use crate::domain::plan::Assumption;
use crate::solver::Program;
use crate::solver::program::{Class, Sense};
use std::sync::Arc;

/// A mathematical model: sets, parameters, variables, an objective and constraints, in its caller's own names. Clones share all but the values
/// of the parameters.
#[derive(Debug, Clone)]
pub struct Model {
    pub(super) body: Body,
    /// Constraints that were left out, by their place.
    pub(super) dropped: Vec<bool>,
    pub(super) class: Class,
}

/// Where a model comes from.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// Expressions.
    Stated { parts: Arc<Parts>, params: Arc<Vec<f64>> },
    /// A program that was written out already, as in an MPS file.
    Written(Arc<Program>),
}

/// One value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// The name of the parameter.
    pub parameter: String,
    /// Which of its values, such as `["btc"]`; empty where it has one.
    pub index: Vec<String>,
    /// The value.
    pub value: f64,
    /// Its unit, where the model says one.
    pub unit: Option<String>,
    /// Where it comes from, where the model says so.
    pub source: Option<String>,
}

impl Leaf {
    /// The parameter with its index, such as `cvar[btc]`.
    pub fn name(&self) -> String {
        if self.index.is_empty() { self.parameter.clone() } else { format!("{}[{}]", self.parameter, self.index.join(",")) }
    }
}

/// A decision variable as the model declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Which values it takes.
    pub kind: VariableKind,
    /// The names of its index sets.
    pub index: Vec<String>,
    /// Its lower bound in the caller's words, where it has one.
    pub lower: Option<String>,
    /// Its upper bound in the caller's words, where it has one.
    pub upper: Option<String>,
    /// Its unit, where the model says one.
    pub unit: Option<String>,
    /// What it is one of: its own name where it has index sets, what it shares with others before the first `_` where it is `x_btc`.
    pub family: Option<String>,
}

/// A constraint as the model states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// Its name, the caller's or one made from what it says.
    pub name: String,
    /// The expression in the caller's words.
    pub states: String,
    /// The names of the sets that it is stated for.
    pub over: Vec<String>,
}

impl Model {
    /// Reads a model from JSON.
    ///
    /// # Errors
    /// What is wrong with it, at most [`crate::limits::MODEL_ERRORS_MAX`] things at one time.
    pub fn parse(json: &[u8]) -> Result<Self, Vec<ModelError>> {
        let (parts, params) = read::read(json)?;
        let dropped = vec![false; parts.constraints.len()];
        let class = parts.class;
        Ok(Self { body: Body::Stated { parts: Arc::new(parts), params: Arc::new(params) }, dropped, class })
    }

    /// A model that is a program already, as an MPS file has it: its columns are the variables and its rows the constraints.
    pub fn from_program(program: Program) -> Self {
        let dropped = vec![false; program.rows.len()];
        Self { class: program.class, dropped, body: Body::Written(Arc::new(program)) }
    }

    /// What it is called, where it says so.
    pub fn title(&self) -> Option<&str> {
        match &self.body {
            Body::Stated { parts, .. } => parts.title.as_deref(),
            Body::Written(_) => None,
        }
    }

    /// What kind of solver it is for.
    pub const fn class(&self) -> Class {
        self.class
    }

    /// The same model for another kind of solver.
    #[must_use]
    pub fn with_class(&self, class: Class) -> Self {
        let mut other = self.clone();
        other.class = class;
        if let Body::Written(program) = &mut other.body {
            Arc::make_mut(program).class = class;
        }
        other
    }

    /// Which way the objective is to go.
    pub fn sense(&self) -> Sense {
        match &self.body {
            Body::Stated { parts, .. } => parts.objective.sense,
            Body::Written(program) => program.sense,
        }
    }

    /// The objective in the caller's words.
    pub fn objective(&self) -> Option<&str> {
        match &self.body {
            Body::Stated { parts, .. } => Some(&parts.objective.formula.text),
            Body::Written(_) => None,
        }
    }

    /// The unit of the objective: the one that the model says, else the one that follows from the units of its parts.
    pub fn unit(&self) -> Option<String> {
        match &self.body {
            Body::Stated { parts, .. } => {
                let follows =
                    || super::units::of(parts, &parts.objective.formula.node).ok().flatten().filter(|unit| !unit.is_plain());
                parts.objective.unit.clone().or_else(|| follows().map(|unit| unit.to_string()))
            }
            Body::Written(_) => None,
        }
    }

    /// What the model assumes, and where that comes from.
    pub fn assumptions(&self) -> &[Assumption] {
        match &self.body {
            Body::Stated { parts, .. } => &parts.assumptions,
            Body::Written(_) => &[],
        }
    }

    /// The variables as they are declared.
    pub fn variables(&self) -> Vec<Declared> {
        match &self.body {
            Body::Stated { parts, .. } => parts.variables.iter().map(|variable| declared(parts, variable)).collect(),
            Body::Written(program) => program.columns.iter().map(from_column).collect(),
        }
    }

    /// The constraints as they are stated, those that were left out not among them.
    pub fn constraints(&self) -> Vec<Stated> {
        match &self.body {
            Body::Stated { parts, .. } => {
                let kept = parts.constraints.iter().zip(&self.dropped).filter(|(_, dropped)| !**dropped);
                let over = |over: &super::node::Over| parts.sets[over.set].name.clone();
                kept.map(|(constraint, _)| Stated {
                    name: constraint.name.clone(),
                    states: constraint.formula.text.clone(),
                    over: constraint.over.iter().map(over).collect(),
                })
                .collect()
            }
            Body::Written(program) => {
                let kept = program.rows.iter().zip(&self.dropped).filter(|(_, dropped)| !**dropped);
                kept.map(|(row, _)| Stated {
                    name: row.name.clone(),
                    states: super::written::states(program, row),
                    over: Vec::new(),
                })
                .collect()
            }
        }
    }

    /// All values of all parameters, in the order of the model.
    pub fn parameters(&self) -> Vec<Leaf> {
        let Body::Stated { parts, params } = &self.body else { return Vec::new() };
        let mut found = Vec::new();
        for parameter in &parts.parameters {
            let sets: Vec<usize> = parameter.sets.iter().map(|set| set.set).collect();
            for offset in 0..parameter.len {
                let value = params[(parameter.base + offset) as usize];
                if value.is_nan() {
                    continue;
                }
                found.push(Leaf {
                    parameter: parameter.name.clone(),
                    index: parts.index_texts(&sets, offset),
                    value,
                    unit: parameter.unit.clone(),
                    source: parameter.source.clone(),
                });
            }
        }
        found
    }

    /// The same model with another value of a parameter.
    ///
    /// # Errors
    /// There is no such parameter or no such entry of it, or the value is no number that a solver can work with.
    pub fn with_parameter(&self, name: &str, index: &[String], value: f64) -> Result<Self, ModelError> {
        let none = |detail: String| ModelError::new(format!("/parameters{}", read::step(name)), detail);
        let Body::Stated { parts, params } = &self.body else {
            return Err(none("a model from MPS has no parameters".into()));
        };
        if value.is_nan() || value.abs() > crate::limits::MODEL_NUMBER_MAX {
            return Err(none(format!("{value} is not a number that a solver can work with")));
        }
        let Some(parameter) = parts.parameters.iter().find(|parameter| parameter.name == name) else {
            let hint = super::names::did_you_mean(name, parts.parameters.iter().map(|parameter| parameter.name.as_str()));
            return Err(none(format!("there is no parameter `{name}`{hint}")));
        };
        let sets: Vec<usize> = parameter.sets.iter().map(|set| set.set).collect();
        let Some(offset) = (0..parameter.len).find(|offset| parts.index_texts(&sets, *offset) == index) else {
            return Err(none(format!("`{name}` has no entry `{}`", index.join(","))));
        };
        let mut changed = (**params).clone();
        changed[(parameter.base + offset) as usize] = value;
        Ok(Self { body: Body::Stated { parts: Arc::clone(parts), params: Arc::new(changed) }, ..self.clone() })
    }

    /// The same model without these constraints, all instances of each. A name that is none of a constraint changes nothing.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let mut other = self.clone();
        let all: Vec<&str> = match &self.body {
            Body::Stated { parts, .. } => parts.constraints.iter().map(|constraint| constraint.name.as_str()).collect(),
            Body::Written(program) => program.rows.iter().map(|row| row.name.as_str()).collect(),
        };
        let names: std::collections::HashSet<&str> = names.iter().copied().collect();
        for (dropped, name) in other.dropped.iter_mut().zip(all) {
            *dropped |= names.contains(name);
        }
        other
    }
}

fn declared(parts: &Parts, variable: &super::parts::Variable) -> Declared {
    let text = |formula: &super::parts::Formula| formula.text.clone();
    let (mut lower, mut upper) = (variable.lower.as_ref().map(text), variable.upper.as_ref().map(text));
    if variable.kind == VariableKind::Binary {
        lower = lower.or_else(|| Some("0".into()));
        upper = upper.or_else(|| Some("1".into()));
    }
    Declared {
        name: variable.name.clone(),
        kind: variable.kind,
        index: variable.sets.iter().map(|set| parts.sets[*set].name.clone()).collect(),
        lower,
        upper,
        unit: variable.unit.clone(),
        family: variable.family.clone(),
    }
}

fn from_column(column: &crate::solver::program::Column) -> Declared {
    let text = |value: f64| value.is_finite().then(|| value.to_string());
    let kind = match (column.integer, column.lower, column.upper) {
        (true, 0.0, 1.0) => VariableKind::Binary,
        (true, ..) => VariableKind::Integer,
        _ => VariableKind::Continuous,
    };
    Declared {
        name: column.name.clone(),
        kind,
        index: Vec::new(),
        lower: text(column.lower),
        upper: text(column.upper),
        unit: None,
        family: None,
    }
}
