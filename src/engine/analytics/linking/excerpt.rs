//! The part of a schema that a question is about, small enough for a prompt, with all that a query over it needs.

use super::super::layer::Layer;
use super::documents::Place;
use super::{Linked, Linker};
use crate::warehouse::TableInfo;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Tables of an excerpt at most, those on the ways between others included.
const TABLES_MAX: usize = 12;

/// Characters of one comment.
const COMMENT_CHARS_MAX: usize = 240;

/// Values of a dimension that are told.
const VALUES_MAX: usize = 12;

/// The part of a schema that a question is about.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Excerpt {
    /// Tables by name.
    pub tables: BTreeMap<String, TableExcerpt>,
    /// Which columns two tables are joined by, as `table.column`, the side of many first.
    pub joins: Vec<(String, String)>,
    /// What the business means by its words.
    pub definitions: Vec<Defined>,
    /// Questions that were answered and found right, the likest first, by the names of their pairs.
    pub pairs: Vec<String>,
}

/// A table of an excerpt.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TableExcerpt {
    /// What one row is.
    pub comment: String,
    /// Its columns: types, and what is said of them.
    pub columns: BTreeMap<String, String>,
}

/// What the business means by a word.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Defined {
    /// `measure`, `dimension`, `term` or `moment`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What it is.
    pub comment: String,
    /// Over the rows of this table.
    pub table: String,
    /// The expression.
    pub value: String,
    /// The condition on rows.
    pub condition: Option<String>,
    /// Some of its values.
    pub values: Vec<String>,
}

impl Linker {
    /// The part of the schema that these places need: columns in the order of their links up to `columns_max`, and where there is room, their
    /// tables whole, for a column that is missing costs more than one too many. Keys and columns of joins come beside them. `tables` tells
    /// types of what is in no layer.
    pub fn excerpt(&self, linked: &[Linked], (layer, tables): (&Layer, &[TableInfo]), columns_max: usize) -> Excerpt {
        let mut wanted: BTreeSet<(String, String)> = BTreeSet::new();
        let mut named: BTreeSet<String> = BTreeSet::new();
        let mut excerpt = Excerpt::default();
        for link in linked {
            let Some(document) = self.documents.iter().find(|document| document.place == link.place) else { continue };
            if let Place::Table { table } = &document.place {
                named.insert(table.clone());
            }
            for column in &document.columns {
                if wanted.len() < columns_max {
                    wanted.insert(column.clone());
                }
            }
            if let Place::Pair { id } = &document.place {
                excerpt.pairs.push(id.clone());
            }
            if let Some(defined) = defined(layer, &document.place)
                && !excerpt.definitions.contains(&defined)
            {
                excerpt.definitions.push(defined);
            }
        }
        named.extend(wanted.iter().map(|(table, _)| table.clone()));
        for table in &named {
            let whole = columns_of(layer, tables, table);
            if wanted.union(&whole).count() <= columns_max {
                wanted.extend(whole);
            }
        }
        let named = between(layer, named);
        for join in &layer.joins {
            if named.contains(&join.many.table) && named.contains(&join.one.table) {
                for side in [&join.many, &join.one] {
                    wanted.insert((side.table.clone(), side.column.clone()));
                }
                let written = |side: &super::super::layer::ColumnName| format!("{}.{}", side.table, side.column);
                excerpt.joins.push((written(&join.many), written(&join.one)));
            }
        }
        excerpt.tables = named.into_iter().map(|table| (table.clone(), told(layer, tables, &table, &wanted))).collect();
        excerpt
    }
}

/// All columns of a table.
fn columns_of(layer: &Layer, tables: &[TableInfo], table: &str) -> BTreeSet<(String, String)> {
    let known = layer.tables.get(table).into_iter().flat_map(|known| known.columns.keys());
    let info = tables.iter().filter(|info| info.name == table).flat_map(|info| info.columns.iter().map(|column| &column.name));
    known.chain(info).map(|column| (table.to_owned(), column.clone())).collect()
}

/// These tables and those on the shortest ways between them.
fn between(layer: &Layer, named: BTreeSet<String>) -> BTreeSet<String> {
    let mut all = named.clone();
    for from in &named {
        for to in &named {
            let way =
                layer.way(from, to).or_else(|| layer.bridge(from, to).map(|bridge| [bridge.approach, bridge.onward].concat()));
            for hop in way.into_iter().flatten() {
                if all.len() < TABLES_MAX {
                    all.extend([hop.from.table, hop.to.table]);
                }
            }
        }
    }
    all
}

fn told(layer: &Layer, tables: &[TableInfo], table: &str, wanted: &BTreeSet<(String, String)>) -> TableExcerpt {
    let (known, info) = (layer.tables.get(table), tables.iter().find(|info| info.name == table));
    let comment = known.map(|known| known.comment.as_str()).or(info.map(|info| info.comment.as_str())).unwrap_or_default();
    let is_key = |column: &str| known.is_some_and(|known| known.key.iter().any(|key| key == column));
    let mut columns = BTreeMap::new();
    for (name, kind) in known.into_iter().flat_map(|known| &known.columns) {
        if is_key(name) || wanted.contains(&(table.to_owned(), name.clone())) {
            let kind = serde_json::to_value(kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
            let comment = known.and_then(|known| known.comments.get(name)).map_or("", String::as_str);
            let key = if is_key(name) { ", key" } else { "" };
            columns.insert(name.clone(), short(&format!("{kind}{key}. {comment}")));
        }
    }
    for column in info.into_iter().flat_map(|info| &info.columns) {
        if wanted.contains(&(table.to_owned(), column.name.clone())) {
            let said = || short(&format!("{}. {}", column.data_type, column.comment));
            columns.entry(column.name.clone()).or_insert_with(said);
        }
    }
    TableExcerpt { comment: short(comment), columns }
}

fn short(text: &str) -> String {
    text.trim().chars().take(COMMENT_CHARS_MAX).collect()
}

/// What the layer says of a place, in the language of its expressions.
fn defined(layer: &Layer, place: &Place) -> Option<Defined> {
    let with = |kind, name: &str, comment: &str, table: &str, value: String| Defined {
        kind,
        name: name.to_owned(),
        comment: short(comment),
        table: table.to_owned(),
        value,
        condition: None,
        values: Vec::new(),
    };
    match place {
        Place::Measure { name } => {
            let measure = layer.measures.get(name)?;
            let inner = measure.per.iter().flat_map(|per| {
                per.values.iter().map(|(value, of)| format!("; {value} is {of} for each {}.{}", per.key.table, per.key.column))
            });
            let value = format!("{}{}", measure.value, inner.collect::<String>());
            let condition = measure.filter.as_ref().map(ToString::to_string);
            Some(Defined { condition, ..with("measure", name, &measure.comment, &measure.table, value) })
        }
        Place::Dimension { name } | Place::Value { dimension: name, .. } => {
            let dimension = layer.dimensions.get(name)?;
            let values = dimension.values.keys().take(VALUES_MAX).cloned().collect();
            let condition = dimension.filter.as_ref().map(ToString::to_string);
            let told = with("dimension", name, &dimension.comment, &dimension.table, dimension.value.to_string());
            Some(Defined { condition, values, ..told })
        }
        Place::Term { name } => {
            let term = layer.glossary.get(name)?;
            Some(with("term", name, &term.comment, &term.table, term.filter.to_string()))
        }
        Place::Time { name } => {
            let time = layer.times.get(name)?;
            let value = format!("{}.{}", time.column.table, time.column.column);
            Some(with("moment", name, &time.comment, &time.column.table, value))
        }
        Place::Table { .. } | Place::Column { .. } | Place::Pair { .. } => None,
    }
}
