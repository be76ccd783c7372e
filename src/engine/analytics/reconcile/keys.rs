//! What a join relies on: that the key of the table on the side of one is one. Where it is not, the join counts rows several times, and
//! no look at the result alone can tell.

use super::super::compile::Query;
use super::super::compile::sql::{Dialect, Sql};
use super::super::intent::Intent;
use super::super::layer::{Cardinality, ColumnName, Layer};
use super::sanity::{Finding, Rule, Severity};
use serde::{Deserialize, Serialize};

/// A key to be counted: the query gives one row, how many rows have the key and how many different ones there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyProbe {
    /// The table.
    pub table: String,
    /// The column that is joined to.
    pub column: String,
    /// The query.
    pub sql: String,
    /// The names of tables and columns in it.
    pub names: Vec<String>,
}

/// A key as it is in its table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyCount {
    /// The table.
    pub table: String,
    /// The column that is joined to.
    pub column: String,
    /// Rows that have it.
    pub rows: u64,
    /// How many different ones there are.
    pub different: u64,
}

/// What is wrong with the keys that a query's joins rely on, to be weighed with what [`super::sane`] finds in its rows.
pub fn multiplied(keys: &[KeyCount]) -> Vec<Finding> {
    keys.iter().filter_map(KeyCount::finding).collect()
}

impl KeyCount {
    fn finding(&self) -> Option<Finding> {
        let Self { table, column, rows, different } = self;
        let detail =
            format!("{rows} rows of `{table}` have {different} different `{column}`, so a join to it counts rows several times");
        (different < rows).then_some(Finding { rule: Rule::FanOut, severity: Severity::Major, detail })
    }
}

/// The keys that the joins of a query rely on. What comes back changes with the tables alone, so it can be kept as long as they stand.
pub fn probes(layer: &Layer, query: &Query, dialect: Dialect) -> Vec<KeyProbe> {
    let in_query = |column: &ColumnName| query.names.contains(&column.table) && query.names.contains(&column.column);
    let mut keys: Vec<&ColumnName> = Vec::new();
    for join in layer.joins.iter().filter(|join| in_query(&join.many) && in_query(&join.one)) {
        keys.push(&join.one);
        // Of two tables whose rows stand for one another each can be the one that is joined to.
        keys.extend((join.cardinality == Cardinality::OneToOne).then_some(&join.many));
    }
    keys.sort();
    keys.dedup();
    keys.into_iter().map(|key| probe(key, dialect)).collect()
}

fn probe(key: &ColumnName, dialect: Dialect) -> KeyProbe {
    let mut sql = Sql::default();
    sql.text("SELECT COUNT(").column(&key.table, &key.column).text("), COUNT(DISTINCT ").column(&key.table, &key.column);
    sql.text(") FROM ").name(&key.table).text(" LIMIT 1");
    let names = vec![key.table.clone(), key.column.clone()];
    KeyProbe { table: key.table.clone(), column: key.column.clone(), sql: sql.marked(dialect), names }
}

/// The question whose one value no sum of the parts may exceed; none where the parts need not add up to less.
pub fn whole(layer: &Layer, intent: &Intent, primary: &Query) -> Option<Intent> {
    let measure = layer.measures.get(&primary.definition)?;
    let adds_up =
        measure.aggregation.is_additive() && measure.per.is_none() && measure.range.is_none_or(|(least, _)| least >= 0.0);
    let plain = intent.measures.len() == 1 && intent.share.is_none() && intent.comparison.is_none() && intent.is_grouped();
    (adds_up && plain && !primary.overlapping).then(|| Intent {
        dimensions: Vec::new(),
        by_time: None,
        ranking: None,
        thresholds: Vec::new(),
        ..intent.clone()
    })
}
