//! What a solver is given: a mathematical program with its rows and columns written out, no names resolved and nothing left to expand.

use serde::{Deserialize, Serialize};

/// A mathematical program. Columns are decision variables, rows constraints; both are referred to by their position.
///
/// Which parts may be there depends on the [`Class`]: `cones` and `quadratic` only in a convex program, `rules` only in a CP program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// What kind of solver it wants.
    pub class: Class,
    /// Which way the objective is to go.
    pub sense: Sense,
    /// The decision variables.
    pub columns: Vec<Column>,
    /// Linear terms of the objective: column and coefficient, each column at most once.
    pub objective: Vec<(u32, f64)>,
    /// What is added to the objective, whatever the columns are.
    pub offset: f64,
    /// Quadratic terms of the objective: `(i, j, q)` with `i <= j` adds `q * x_i * x_j`. Positive semidefinite where the objective is
    /// minimised, negative where it is maximised.
    pub quadratic: Vec<(u32, u32, f64)>,
    /// Linear constraints.
    pub rows: Vec<Row>,
    /// Conic constraints.
    pub cones: Vec<Cone>,
    /// Logical constraints of CP.
    pub rules: Vec<Rule>,
}

/// What kind of program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Linear, continuous.
    Lp,
    /// Linear, some columns integer.
    Mip,
    /// Conic or quadratic, continuous.
    Convex,
    /// Integer columns with bounds, integer coefficients, linear rows and logical rules.
    Cp,
}

/// Which way the objective is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sense {
    /// As small as can be.
    Minimize,
    /// As large as can be.
    Maximize,
}

/// A decision variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name, for messages.
    pub name: String,
    /// Lower bound, or −∞.
    pub lower: f64,
    /// Upper bound, or ∞.
    pub upper: f64,
    /// Whether it takes whole values only.
    pub integer: bool,
}

/// `lower <= Σ coefficient * column <= upper`; equal bounds are an equation, an infinite one is no bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name, for messages. The rows of one constraint over an index set share what stands before the first `[`.
    pub name: String,
    /// Column and coefficient, each column at most once.
    pub terms: Vec<(u32, f64)>,
    /// The least that the sum may be, or −∞.
    pub lower: f64,
    /// The most that the sum may be, or ∞.
    pub upper: f64,
    /// The row holds only where all these columns have these values, 0 or 1. Empty for a row that always holds; CP programs alone.
    pub only_if: Vec<(u32, bool)>,
}

/// An affine expression, `Σ coefficient * column + constant`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Affine {
    /// Column and coefficient, each column at most once.
    pub terms: Vec<(u32, f64)>,
    /// What is added.
    pub constant: f64,
}

/// A conic constraint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cone {
    /// Its name, for messages.
    pub name: String,
    /// Which cone the members lie in, in their order.
    pub kind: ConeKind,
    /// The members.
    pub members: Vec<Affine>,
}

/// A cone (Boyd and Vandenberghe, *Convex Optimization*, 2004, chapter 2 and section 4.4; Clarabel's conventions for the order of members).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConeKind {
    /// `members[0] >= ‖members[1..]‖₂`.
    SecondOrder,
    /// Three members `(x, y, z)` with `y * exp(x / y) <= z` and `y > 0`.
    Exponential,
    /// Three members `(x, y, z)` with `x^a * y^(1 - a) >= |z|` and `x, y >= 0`, for this `a` in 0 to 1.
    Power(f64),
    /// The upper triangle, column by column, of a symmetric matrix of this order that is positive semidefinite; entries off the diagonal
    /// are not scaled.
    Semidefinite(u32),
}

/// A logical constraint of CP over integer columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name, for messages.
    pub name: String,
    /// What must hold.
    pub kind: RuleKind,
}

/// What a [`Rule`] says. All coefficients and constants in it are whole numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// No two of the expressions are equal.
    AllDifferent(Vec<Affine>),
    /// At least one of these columns has this value, 0 or 1.
    AnyOf(Vec<(u32, bool)>),
    /// At most one of these columns has this value.
    AtMostOne(Vec<(u32, bool)>),
    /// Exactly one of these columns has this value.
    ExactlyOne(Vec<(u32, bool)>),
    /// The target is the largest of the others.
    MaxOf {
        /// What equals the largest.
        target: Affine,
        /// Of which.
        of: Vec<Affine>,
    },
    /// The target is the product of the two.
    Product {
        /// What equals the product.
        target: Affine,
        /// The factors.
        of: Vec<Affine>,
    },
    /// Intervals that must not overlap: each starts and lasts. Where it has a presence column that is 0, it is not there.
    NoOverlap(Vec<Interval>),
    /// Intervals whose demands, where they overlap, may not be more than a capacity.
    Cumulative {
        /// The intervals.
        intervals: Vec<Interval>,
        /// What each takes of the capacity.
        demands: Vec<Affine>,
        /// How much there is at each moment.
        capacity: Affine,
    },
}

/// A stretch of time in a CP program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// When it starts.
    pub start: Affine,
    /// How long it lasts, from 0.
    pub length: Affine,
    /// A column that is 1 where the interval is there; always there without.
    pub present: Option<u32>,
}

impl Affine {
    /// What it is at these values of the columns. A column that is not among them makes it NaN.
    pub fn at(&self, values: &[f64]) -> f64 {
        sum(&self.terms, values) + self.constant
    }
}

impl Row {
    /// What its sum is at these values of the columns. A column that is not among them makes it NaN.
    pub fn at(&self, values: &[f64]) -> f64 {
        sum(&self.terms, values)
    }
}

impl Program {
    /// What the objective is at these values of the columns. A column that is not among them makes it NaN.
    pub fn objective_at(&self, values: &[f64]) -> f64 {
        let value = |column: u32| values.get(column as usize).copied().unwrap_or(f64::NAN);
        let quadratic: f64 = self.quadratic.iter().map(|&(i, j, q)| q * value(i) * value(j)).sum();
        sum(&self.objective, values) + quadratic + self.offset
    }
}

fn sum(terms: &[(u32, f64)], values: &[f64]) -> f64 {
    terms.iter().map(|&(column, coefficient)| coefficient * values.get(column as usize).copied().unwrap_or(f64::NAN)).sum()
}
