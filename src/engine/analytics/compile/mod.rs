//! From an intent to SQL: each measure aggregated at its own grain first, then joined by what they are taken by, then ranked.
//!
//! That order is the whole defence against fan-out: a join never comes before the aggregate whose rows it would multiply (Kimball's
//! drill-across, *The Data Warehouse Toolkit*, 2013).

mod assemble;
mod expression;
mod grain;
mod select;
pub mod sql;
#[cfg(test)]
mod tests;

use self::assemble::Assembly;
pub(super) use self::assemble::{decimals, level_name};
use self::grain::{Grain, Part, detours};
use self::sql::{Binding, Dialect, Sql};
use super::intent::period::Window;
use super::intent::{Filter, Intent};
use super::layer::{Layer, Measure, Unit};
use serde::{Deserialize, Serialize};

/// Rows that a query returns at most.
pub const ROWS_MAX: u32 = 1_000;

/// Why an intent has no SQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A name that the layer does not have.
    #[error("the layer has no {kind} `{name}`")]
    Unknown {
        /// Of what.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// No join leads there.
    #[error("nothing joins `{wanted}` to `{measure}`")]
    Unreached {
        /// From this measure.
        measure: String,
        /// To this.
        wanted: String,
    },
    /// A window on a measure that no moment belongs to.
    #[error("`{measure}` belongs to no moment in time")]
    Untimed {
        /// The measure.
        measure: String,
    },
    /// Something asked for that makes no sense of this measure.
    #[error("{0}")]
    Senseless(String),
}

/// An intent as SQL.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compiled {
    /// The answer.
    pub primary: Query,
    /// The same by other definitions, to be held against it.
    pub siblings: Vec<Query>,
    /// Where the question has a threshold: the same without, so that an empty answer can be explained.
    pub relaxed: Option<Query>,
}

/// One query.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Query {
    /// Which definition of the first measure it is by.
    pub definition: String,
    /// With a mark for each value.
    pub sql: String,
    /// The values, in the order of their marks.
    pub bindings: Vec<Binding>,
    /// With its values written into it, for a parser or a reader.
    pub inlined: String,
    /// What comes back.
    pub columns: Vec<Column>,
    /// A row may stand in several groups, so the groups do not add up to the whole.
    pub overlapping: bool,
    /// A row counts whole though only a part of what belongs to it passed a filter.
    pub attributed: bool,
    /// What was taken for granted beside the question, in words.
    pub assumptions: Vec<String>,
    /// The names of tables and columns in it.
    #[serde(skip)]
    pub names: Vec<String>,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: ColumnRole,
    /// Its unit, where it is a number that was measured.
    pub unit: Option<Unit>,
    /// The least and the greatest value that can be true.
    pub range: Option<(f64, f64)>,
}

/// What a column of a result is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnRole {
    /// It tells the rows apart.
    Key,
    /// It was asked for.
    Value,
    /// It says how much stands behind the value.
    Support,
    /// It belongs to the value: what a share is a share of, how much something changed.
    Aside,
}

/// Turns an intent into SQL.
///
/// # Errors
/// [`CompileError`] where the layer can't say it.
pub fn compile(layer: &Layer, intent: &Intent, dialect: Dialect) -> Result<Compiled, CompileError> {
    let first = intent.measures.first().ok_or_else(|| CompileError::Senseless("nothing is measured".to_owned()))?;
    let asked = measure(layer, first)?;
    let compiler = Compiler { layer, intent, dialect };
    let mut definitions = Vec::new();
    for name in std::iter::once(first).chain(&asked.siblings) {
        let windows = compiler.windows();
        if let Some(count) = detours(&compiler.grain(&intent.dimensions, &intent.filters, &windows), measure(layer, name)?) {
            definitions.push((count, name));
        }
    }
    // The definition that reaches everything without a detour, the layer's own first among equals.
    definitions.sort_by_key(|(count, _)| *count);
    let Some((_, chosen)) = definitions.first() else {
        let wanted = intent.dimensions.iter().chain(intent.filters.iter().map(filtered)).cloned().collect::<Vec<_>>().join(", ");
        return Err(CompileError::Unreached { measure: first.clone(), wanted });
    };
    let primary = compiler.query(chosen, true)?;
    let others = definitions.iter().skip(1).map(|(_, name)| compiler.query(name, true));
    let siblings = others.collect::<Result<Vec<_>, _>>()?;
    let relaxed = if primary.thresholded { Some(compiler.query(chosen, false)?.query) } else { None };
    Ok(Compiled { primary: primary.query, siblings: siblings.into_iter().map(|sibling| sibling.query).collect(), relaxed })
}

fn filtered(filter: &Filter) -> &String {
    match filter {
        Filter::Values { dimension, .. } => dimension,
        Filter::Term { term, .. } => term,
    }
}

fn measure<'a>(layer: &'a Layer, name: &str) -> Result<&'a Measure, CompileError> {
    layer.measures.get(name).ok_or_else(|| CompileError::Unknown { kind: "measure", name: name.to_owned() })
}

struct Compiler<'a> {
    layer: &'a Layer,
    intent: &'a Intent,
    dialect: Dialect,
}

struct Written {
    query: Query,
    thresholded: bool,
}

impl<'a> Compiler<'a> {
    fn windows(&self) -> Vec<Window> {
        match &self.intent.comparison {
            Some(comparison) => vec![comparison.before, comparison.after],
            None => self.intent.window.into_iter().collect(),
        }
    }

    fn grain<'g>(&'g self, dimensions: &'g [String], filters: &'g [Filter], windows: &'g [Window]) -> Grain<'g> {
        let time = self.intent.time.as_deref();
        Grain { layer: self.layer, dialect: self.dialect, dimensions, by_time: self.intent.by_time, filters, time, windows }
    }

    /// The query by one definition of the first measure, with its thresholds or without.
    fn query(&self, definition: &str, thresholds: bool) -> Result<Written, CompileError> {
        let intent = self.intent;
        let windows = self.windows();
        let mut filters = intent.filters.clone();
        filters.extend(intent.share.iter().flat_map(|share| share.of.iter().cloned()));
        let grain = self.grain(&intent.dimensions, &filters, &windows);
        let mut parts = vec![grain.part(definition)?];
        for name in intent.measures.iter().skip(1) {
            parts.push(grain.part(name)?);
        }
        let whole = match &intent.share {
            Some(share) => Some(self.whole(share, definition, &windows)?),
            None => None,
        };
        let asked: Vec<&str> = std::iter::once(definition).chain(intent.measures.iter().skip(1).map(String::as_str)).collect();
        let mut assembly = Assembly::new(self.layer, intent, self.dialect, &asked)?;
        let thresholded = thresholds && assembly.thresholds(&grain)?;
        let overlapping = parts.iter().any(|part| part.overlapping);
        let attributed = parts.iter().any(|part| part.attributed);
        let sql = assembly.assemble(parts, whole, thresholds)?;
        let query = Query {
            definition: definition.to_owned(),
            sql: sql.marked(self.dialect),
            bindings: sql.bindings(),
            inlined: sql.inlined(self.dialect),
            columns: assembly.columns,
            overlapping,
            attributed,
            assumptions: assembly.assumptions,
            names: names(&sql),
        };
        Ok(Written { query, thresholded })
    }

    /// What a share is a share of: the same rows without the intent's filters, or where it has none, without its groups.
    fn whole(&self, share: &super::intent::Share, definition: &str, windows: &[Window]) -> Result<Part, CompileError> {
        let found = measure(self.layer, definition)?;
        let counted = matches!(found.unit, Unit::Count | Unit::Money) && !found.aggregation.has_support();
        if !counted || self.intent.measures.len() > 1 {
            return Err(CompileError::Senseless(format!("`{definition}` is not something that one takes a share of")));
        }
        if self.intent.comparison.is_some() {
            return Err(CompileError::Senseless("a share can't be compared between periods yet; ask for it by year".to_owned()));
        }
        match self.intent.filters.is_empty() {
            true => Grain { by_time: None, ..self.grain(&[], &share.of, windows) }.part(definition),
            false => self.grain(&self.intent.dimensions, &share.of, windows).part(definition),
        }
    }
}

fn names(sql: &Sql) -> Vec<String> {
    let mut names: Vec<String> = sql.names().map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}
