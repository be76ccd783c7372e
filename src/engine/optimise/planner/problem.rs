//! What the planner works on: the program for the solver, and which parts of it are whose in the caller's model.

use crate::modelling::{Expanded, Model, ModelError};
use crate::solver::Program;
use crate::solver::program::{Class, Row};

/// How near to a bound counts as on it, relative to the size of the bound.
pub(super) const TIGHT: f64 = 1e-6;

/// A program with the way back to the caller's words.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) program: Program,
    /// The caller's variables, in the order of the model.
    pub(super) variables: Vec<Variable>,
    /// The caller's constraints, one for each instance, in the order of the model.
    pub(super) constraints: Vec<Statement>,
}

/// One of the caller's variables.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variable {
    /// With its index, as in `x_btc` or `x[btc]`.
    pub(super) name: String,
    /// Of which family it is.
    pub(super) family: String,
    /// Its index within the family.
    pub(super) index: Vec<String>,
    pub(super) unit: Option<String>,
    pub(super) column: u32,
}

/// One instance of one of the caller's constraints, with what it became.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Statement {
    /// With its index, as in `max_pct[btc]`.
    pub(super) name: String,
    /// Without.
    pub(super) family: String,
    /// As the model states it.
    pub(super) states: String,
    pub(super) rows: Vec<u32>,
    pub(super) cones: Vec<u32>,
    pub(super) rules: Vec<u32>,
}

/// At which end of a row or of a column something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Side {
    /// At the least that it may be.
    Floor,
    /// At the most that it may be.
    Ceiling,
    /// At the only value that it may have.
    Equal,
}

/// On which side `value` stands between `lower` and `upper`, where it stands on one.
pub(super) fn side(value: f64, lower: f64, upper: f64) -> Option<Side> {
    let near = |bound: f64| bound.is_finite() && (value - bound).abs() <= TIGHT * bound.abs().max(1.0);
    match (near(lower), near(upper)) {
        (true, true) => Some(Side::Equal),
        (true, false) => Some(Side::Floor),
        (false, true) => Some(Side::Ceiling),
        (false, false) => None,
    }
}

impl Problem {
    /// A model written out, with what the checker's values are read from.
    pub(super) fn of(model: &Model) -> Result<(Self, Expanded), Vec<ModelError>> {
        let expanded = model.expand()?;
        let variables = expanded.variables.iter().map(|instance| Variable {
            name: instance.name.clone(),
            family: instance.family.clone().unwrap_or_else(|| instance.variable.clone()),
            index: instance.index.clone(),
            unit: instance.unit.clone(),
            column: instance.column,
        });
        let constraints = expanded.constraints.iter().map(|one| Statement {
            name: one.name.clone(),
            family: one.constraint.clone(),
            states: one.states.clone(),
            rows: one.rows.clone(),
            cones: one.cones.clone(),
            rules: one.rules.clone(),
        });
        let (variables, constraints) = (variables.collect(), constraints.collect());
        Ok((Self { program: expanded.program.clone(), variables, constraints }, expanded))
    }

    /// The row at this position.
    pub(super) fn row(&self, at: u32) -> Option<&Row> {
        self.program.rows.get(at as usize)
    }

    /// Whether it has linear rows that always hold, and nothing else but bounds and whole numbers.
    pub(super) fn is_linear(&self) -> bool {
        let program = &self.program;
        program.class != Class::Cp
            && program.cones.is_empty()
            && program.rules.is_empty()
            && program.quadratic.is_empty()
            && program.rows.iter().all(|row| row.only_if.is_empty())
    }

    /// Whether any column takes whole values only.
    pub(super) fn has_integers(&self) -> bool {
        self.program.columns.iter().any(|column| column.integer)
    }

    /// Whether the column is a yes or no.
    pub(super) fn is_binary(&self, column: u32) -> bool {
        self.program
            .columns
            .get(column as usize)
            .is_some_and(|column| column.integer && column.lower >= 0.0 && column.upper <= 1.0)
    }

    /// The bounds of a column.
    pub(super) fn bounds(&self, column: u32) -> (f64, f64) {
        self.program
            .columns
            .get(column as usize)
            .map_or((f64::NEG_INFINITY, f64::INFINITY), |column| (column.lower, column.upper))
    }

    /// Which of the caller's variables each column is.
    pub(super) fn owners(&self) -> Vec<Option<usize>> {
        let mut owners = vec![None; self.program.columns.len()];
        for (at, variable) in self.variables.iter().enumerate() {
            if let Some(owner) = owners.get_mut(variable.column as usize) {
                *owner = Some(at);
            }
        }
        owners
    }

    /// The side on which the rows of a constraint stand at these values of the columns, where any does.
    pub(super) fn stands(&self, statement: &Statement, columns: &[f64]) -> Option<Side> {
        let sides = statement.rows.iter().filter_map(|&at| self.row(at)).filter(|row| row.only_if.is_empty());
        sides.filter_map(|row| side(row.at(columns), row.lower, row.upper)).next()
    }
}
