//! What a model is made of, once it is read.

use super::members::{Members, Set};
use super::node::{Node, Over};
use crate::domain::plan::Assumption;
use crate::solver::program::{Class, Sense};
use std::collections::HashMap;

/// All of a model but the values of its parameters.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    pub(super) title: Option<String>,
    pub(super) class: Class,
    pub(super) assumptions: Vec<Assumption>,
    pub(super) members: Members,
    pub(super) sets: Vec<Set>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) variables: Vec<Variable>,
    pub(super) families: Vec<Family>,
    /// Which family of variables, or of parameters, has a prefix; none where it was looked for in vain.
    pub(super) family_of: HashMap<(bool, String), Option<usize>>,
    pub(super) objective: Objective,
    pub(super) constraints: Vec<Constraint>,
    /// What each name stands for.
    pub(super) names: HashMap<String, Thing>,
    /// How many instances all variables have.
    pub(super) instances: u32,
    /// How many values all parameters have.
    pub(super) values: u32,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    Set(usize),
    Param(usize),
    Var(usize),
    Family(usize),
}

/// A parameter: one value, or one for each member of its index sets.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) sets: Vec<ParamSet>,
    /// The position of its first value.
    pub(super) base: u32,
    pub(super) len: u32,
    pub(super) unit: Option<String>,
    pub(super) source: Option<String>,
    pub(super) pointer: String,
}

/// An index set of a parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct ParamSet {
    pub(super) set: usize,
    /// A list whose set is not known yet: the first use says which it is, and `set` has the positions.
    pub(super) open: bool,
}

/// A decision variable, or one for each member of its index sets.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) kind: VariableKind,
    pub(super) sets: Vec<usize>,
    /// The position of its first instance.
    pub(super) base: u32,
    pub(super) len: u32,
    pub(super) lower: Option<Formula>,
    pub(super) upper: Option<Formula>,
    pub(super) unit: Option<String>,
    pub(super) family: Option<String>,
    pub(super) pointer: String,
}

/// Which values a variable takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableKind {
    /// Any.
    Continuous,
    /// Whole numbers.
    Integer,
    /// 0 or 1.
    Binary,
}

/// Scalars whose names share all before their last part, as `x_btc` and `x_eth` do: `x_i` means each of them.
#[derive(Debug, Clone)]
pub(super) struct Family {
    pub(super) prefix: String,
    /// Whether they are variables; else they are parameters.
    pub(super) variables: bool,
    pub(super) set: usize,
    /// The instance or the value of each member.
    pub(super) list: Vec<u32>,
    /// The number of the variable or the parameter that each member is.
    pub(super) of: Vec<usize>,
}

/// An expression with the words that it was read from.
#[derive(Debug, Clone)]
pub(super) struct Formula {
    pub(super) text: String,
    pub(super) pointer: String,
    pub(super) node: Node,
    /// How many indices it has, those that it is stated for included.
    pub(super) slots: usize,
}

/// What is to be as small or as large as can be.
#[derive(Debug, Clone)]
pub(super) struct Objective {
    pub(super) sense: Sense,
    pub(super) formula: Formula,
    pub(super) unit: Option<String>,
}

/// A constraint, or one for each member of what it is stated for.
#[derive(Debug, Clone)]
pub(super) struct Constraint {
    pub(super) name: String,
    pub(super) formula: Formula,
    pub(super) over: Vec<Over>,
    /// The caller's words for that, where they stand apart from the expression.
    pub(super) stated_for: String,
    pub(super) unit: Option<String>,
}

impl Parts {
    /// The index of an instance as it is written: `btc` or `btc,binance`.
    pub(super) fn index_texts(&self, sets: &[usize], mut offset: u32) -> Vec<String> {
        let mut found = Vec::with_capacity(sets.len());
        for set in sets.iter().rev() {
            let set = &self.sets[*set];
            let size = u32::try_from(set.len()).unwrap_or(u32::MAX).max(1);
            found.push(self.members.text(set.members[(offset % size) as usize]));
            offset /= size;
        }
        found.reverse();
        found
    }

    /// How many steps it takes to run through these indices.
    pub(super) fn steps(&self, over: &[Over]) -> u64 {
        over.iter().map(|over| self.sets[over.set].len() as u64).fold(1, u64::saturating_mul)
    }

    /// The name of an instance of a variable, such as `x_btc` or `x[btc,eth]`.
    pub(super) fn instance_name(&self, variable: &Variable, offset: u32) -> String {
        if variable.sets.is_empty() {
            return variable.name.clone();
        }
        format!("{}[{}]", variable.name, self.index_texts(&variable.sets, offset).join(","))
    }
}
