//! A model that is a program already: its columns are the variables and its rows the constraints.

use super::check::Findings;
use super::error::ModelError;
use super::expand::{Constrained, Expanded, Instance};
use super::syntax::Relation;
use crate::domain::plan::CheckReport;
use crate::limits::MODEL_ERRORS_MAX;
use crate::solver::Program;
use crate::solver::program::Row;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Terms of a row that are shown.
const TERMS_SHOWN_MAX: usize = 12;

/// A row as a person would write it.
pub(super) fn states(program: &Program, row: &Row) -> String {
    let mut text = String::new();
    for (place, (column, coefficient)) in row.terms.iter().take(TERMS_SHOWN_MAX).enumerate() {
        let name = program.columns.get(*column as usize).map_or("?", |column| column.name.as_str());
        let sign = match (place, *coefficient < 0.0) {
            (0, false) => "",
            (0, true) => "-",
            (_, false) => " + ",
            (_, true) => " - ",
        };
        let size = coefficient.abs();
        // Writing to a text can't fail.
        let _ = if size == 1.0 { write!(text, "{sign}{name}") } else { write!(text, "{sign}{size} * {name}") };
    }
    if row.terms.len() > TERMS_SHOWN_MAX {
        let _ = write!(text, " + … ({} terms)", row.terms.len());
    }
    if text.is_empty() {
        text.push('0');
    }
    match (row.lower, row.upper) {
        (lower, upper) if lower == upper => format!("{text} == {lower}"),
        (lower, upper) if lower.is_finite() && upper.is_finite() => format!("{lower} <= {text} <= {upper}"),
        (lower, _) if lower.is_finite() => format!("{text} >= {lower}"),
        (_, upper) => format!("{text} <= {upper}"),
    }
}

/// Values in the order of the columns.
pub(super) fn ordered(program: &Program, values: &BTreeMap<String, f64>) -> Result<Vec<f64>, Vec<ModelError>> {
    let mut errors = Vec::new();
    let mut found = Vec::with_capacity(program.columns.len());
    for column in &program.columns {
        match values.get(&column.name) {
            Some(value) if value.is_finite() => found.push(*value),
            _ => errors.push(ModelError::new("/values", format!("the variable `{}` has no value", column.name))),
        }
    }
    if errors.is_empty() && values.len() > found.len() {
        let known: std::collections::HashSet<&str> = program.columns.iter().map(|column| column.name.as_str()).collect();
        let strangers = values.keys().filter(|name| !known.contains(name.as_str()));
        errors.extend(strangers.map(|name| ModelError::new("/values", format!("there is no variable `{name}`"))));
    }
    errors.truncate(MODEL_ERRORS_MAX);
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

/// Checks values against the program's own columns and rows.
pub(super) fn check(
    program: &Program,
    dropped: &[bool],
    values: &BTreeMap<String, f64>,
    mut findings: Findings,
) -> Result<CheckReport, Vec<ModelError>> {
    let values = ordered(program, values)?;
    for (column, value) in program.columns.iter().zip(&values) {
        let name = || column.name.clone();
        if column.lower.is_finite() {
            findings.compare(*value, Relation::AtLeast, column.lower, name, "lower bound");
        }
        if column.upper.is_finite() {
            findings.compare(*value, Relation::AtMost, column.upper, name, "upper bound");
        }
        if column.integer {
            findings.compare((value - value.round()).abs(), Relation::AtMost, 0.0, name, "integer");
        }
    }
    for (row, _) in program.rows.iter().zip(dropped).filter(|(_, dropped)| !**dropped) {
        let sum = row.at(&values);
        // What cancels out to nearly nothing is judged by what it is made of.
        let size: f64 = row.terms.iter().map(|(column, value)| (value * values[*column as usize]).abs()).sum();
        for (relation, side) in [(Relation::AtLeast, row.lower), (Relation::AtMost, row.upper)] {
            if side.is_finite() {
                findings.row((sum, relation, side), size, || (row.name.clone(), states(program, row)));
            }
        }
    }
    let objective = program.objective_at(&values);
    Ok(findings.report(Some(objective)))
}

/// The program itself, with the way back.
pub(super) fn expand(program: &Program, dropped: &[bool]) -> Expanded {
    let mut kept = program.clone();
    if dropped.contains(&true) {
        let mut dropped = dropped.iter();
        kept.rows.retain(|_| !dropped.next().copied().unwrap_or(false));
    }
    let variables = program.columns.iter().enumerate().map(|(at, column)| Instance {
        name: column.name.clone(),
        variable: column.name.clone(),
        index: Vec::new(),
        column: u32::try_from(at).unwrap_or(u32::MAX),
        unit: None,
        family: None,
    });
    let constraints = kept.rows.iter().enumerate().map(|(at, row)| Constrained {
        name: row.name.clone(),
        constraint: row.name.clone(),
        states: states(program, row),
        rows: vec![u32::try_from(at).unwrap_or(u32::MAX)],
        cones: Vec::new(),
        rules: Vec::new(),
    });
    let (variables, constraints) = (variables.collect(), constraints.collect());
    Expanded { program: kept, variables, constraints }
}
