//! The gate between whoever writes SQL and a warehouse: one SELECT goes through, over known tables and columns, each table behind its row
//! filter; everything else is refused with a reason.
//!
//! Invariants:
//! - the warehouse never sees the text that was given, only what is printed from the syntax tree that was passed, and the parser reads that
//!   print as the same tree;
//! - what no rule names is refused: kinds of nodes are matched one by one, functions and types are on lists;
//! - every reference to a table is replaced by a sub-query over the columns that the role may see and the rows that the caller may see, so
//!   that a column or a row outside them does not exist for the rest of the statement, whatever names in it resolve to;
//! - values of the caller are literals of the tree or parameters, never text.
//!
//! What it cannot do: a warehouse may evaluate an expression on a row before it drops the row, and quote the value in an error. So the text of
//! a warehouse's error is for the log, never for the caller. What a statement costs is for the warehouse's own limits.

mod binding;
mod call;
mod catalogue;
mod dialect;
mod expression;
mod filter;
mod from;
mod functions;
mod limit;
mod printing;
mod projection;
mod query;
mod reading;
mod refusal;
mod scope;
mod text;
mod types;
mod walk;

#[cfg(test)]
mod tests;

pub use binding::{Binding, Scalar, Values};
pub use catalogue::{Catalogue, Column, Rows, Table, Who};
pub use dialect::Dialect;
pub use refusal::{Position, RefusalKind, Refused};

use filter::Filter;
use serde::{Deserialize, Serialize};
use sqlparser::ast::Query;
use std::collections::{BTreeMap, BTreeSet};
use text::{Depth, nameable};
use walk::Walk;

/// What an operator may tune of the gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Rows of a result.
    pub rows_max: u64,
    /// Tables and sub-queries of all FROMs of a statement.
    pub tables_max: usize,
    /// How values of row filters are put in.
    pub values: Values,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows_max: 10_000, tables_max: 24, values: Values::Bound }
    }
}

/// A catalogue that no gate can be built from.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A name or a type with characters that the gate does not print.
    #[error("{0:?} is not a name that the gate can write")]
    Name(String),
    /// Two tables, or two columns of one, have one name.
    #[error("{0} is there twice")]
    Twice(String),
    /// A column that a row filter or a role names is not the table's.
    #[error("table {table} has no column {column}")]
    NoColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A row filter that is not an expression over the table's columns.
    #[error("the row filter of {table}: {refused}")]
    Filter {
        /// The table.
        table: String,
        /// Why not.
        refused: Refused,
    },
}

/// What is passed on the caller's own stack. Measured: without optimisation twice this depth fits 2 MiB.
const SHALLOW: Depth = Depth { operators: 60, nesting: 10 };

/// The stack for what is deeper, up to the limits of a statement.
const DEEP_STACK_BYTES: usize = 64 << 20;

/// A statement that may go to the warehouse.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Passed {
    /// The text for the warehouse, with placeholders for the bindings.
    pub sql: String,
    /// The tables that it reads.
    pub tables: BTreeSet<String>,
    /// The columns that it names, with their tables. What only the row filter reads is not among them.
    pub columns: BTreeSet<(String, String)>,
    /// The values beside the statement, in the order of the placeholders.
    pub bindings: Vec<Binding>,
}

/// The gate of one warehouse.
#[derive(Debug, Clone)]
pub struct Gate {
    catalogue: Catalogue,
    dialect: Dialect,
    limits: Limits,
    /// In step with the tables of the catalogue.
    filters: Vec<Filter>,
    template: Query,
}

impl Gate {
    /// A gate over a catalogue, whose names and row filters are checked here.
    pub fn new(catalogue: Catalogue, dialect: Dialect, limits: Limits) -> Result<Self, CatalogueError> {
        check(&catalogue, dialect)?;
        let mut gate = Self { catalogue, dialect, limits, filters: Vec::new(), template: filter::template(dialect)? };
        gate.filters = gate.catalogue.tables.iter().map(|table| Filter::read(&gate, table)).collect::<Result<_, _>>()?;
        Ok(gate)
    }

    /// Passes a statement for a caller, rewritten, or refuses it.
    pub fn pass(&self, sql: &str, who: &Who) -> Result<Passed, Refused> {
        let depth = text::look(sql, self.dialect)?;
        if depth.operators <= SHALLOW.operators && depth.nesting <= SHALLOW.nesting {
            return self.pass_text(sql, who);
        }
        // A tree is printed, compared and dropped by descent, and the caller's stack may be small.
        let no_thread = || Refused::new(RefusalKind::Size, "there is no room for so deep a statement now");
        std::thread::scope(|scope| {
            let deep = std::thread::Builder::new().name("sql-gate".into()).stack_size(DEEP_STACK_BYTES);
            let pass = deep.spawn_scoped(scope, || self.pass_text(sql, who)).map_err(|_| no_thread())?;
            pass.join().unwrap_or_else(|_| Err(no_thread()))
        })
    }

    fn pass_text(&self, sql: &str, who: &Who) -> Result<Passed, Refused> {
        let mut reading = reading::read(sql, self.dialect)?;
        let mut walk = Walk::new(self, who);
        walk.query(&mut reading.query, None, true)?;
        self.limit_groups(&mut reading);
        let printed = printing::print(&reading, self.dialect)?;
        if printed.len() > crate::limits::SQL_BYTES_MAX {
            return refusal::refuse(RefusalKind::Size, "the statement is too long with the columns of its tables written out");
        }
        let (sql, bindings) = printing::with_placeholders(printed, walk.bindings.bound(), self.dialect)?;
        Ok(Passed { sql, tables: walk.tables, columns: walk.columns, bindings })
    }

    /// The dialect of the warehouse.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The columns that a role may see, by their tables, as the warehouse keeps their names.
    pub fn shows(&self, role: &str) -> BTreeMap<String, BTreeSet<String>> {
        let columns = |table: &Table| table.visible(role).into_iter().map(|column| column.name.clone()).collect::<BTreeSet<_>>();
        let tables = self.catalogue.tables.iter().map(|table| (table.name.clone(), columns(table)));
        tables.filter(|(_, columns)| !columns.is_empty()).collect()
    }

    /// The rows of a statement with LIMIT BY are limited behind it.
    fn limit_groups(&self, reading: &mut reading::Reading) {
        let by = matches!(&reading.query.limit_clause, Some(sqlparser::ast::LimitClause::LimitOffset { limit_by, .. }) if !limit_by.is_empty());
        if by || reading.last_limit.is_some() {
            let rows_max = self.limits.rows_max;
            reading.last_limit = Some(reading.last_limit.map_or(rows_max, |asked| asked.min(rows_max)));
        }
    }
}

/// Refuses names that could not be printed, doubles, and roles over columns that are not there.
fn check(catalogue: &Catalogue, dialect: Dialect) -> Result<(), CatalogueError> {
    let mut tables = BTreeSet::new();
    for table in &catalogue.tables {
        for name in table.schema.iter().chain([&table.name]).chain(table.columns.iter().map(|column| &column.name)) {
            if name.is_empty() || name.len() > 128 || !name.chars().all(nameable) {
                return Err(CatalogueError::Name(name.clone()));
            }
        }
        if !tables.insert((
            table.schema.as_deref().map(|schema| dialect.fold_stored_table(schema)),
            dialect.fold_stored_table(&table.name),
        )) {
            return Err(CatalogueError::Twice(table.full_name()));
        }
        let mut columns = BTreeSet::new();
        for column in &table.columns {
            if !columns.insert(dialect.fold_stored(&column.name)) {
                return Err(CatalogueError::Twice(format!("{}.{}", table.full_name(), column.name)));
            }
            if !column.data_type.chars().all(|c| c.is_ascii_alphanumeric() || "_(), '/[]".contains(c)) {
                return Err(CatalogueError::Name(column.data_type.clone()));
            }
        }
        for name in table.roles.values().flatten() {
            if !table.columns.iter().any(|column| column.name == *name) {
                return Err(CatalogueError::NoColumn { table: table.full_name(), column: name.clone() });
            }
        }
    }
    Ok(())
}
