//! What differs between warehouses: how a name folds, how it is quoted, what a backslash means.

use super::functions::Functions;
use serde::{Deserialize, Serialize};
use sqlparser::ast::Ident;
use sqlparser::dialect::{ClickHouseDialect, Dialect as Grammar, DuckDbDialect, MySqlDialect, PostgreSqlDialect};

/// The dialect of a warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// ClickHouse, a server or the engine in process.
    ClickHouse,
    /// DuckDB.
    DuckDb,
    /// MySQL and what speaks its protocol, StarRocks first.
    MySql,
    /// PostgreSQL.
    PostgreSql,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 4] = [Self::ClickHouse, Self::DuckDb, Self::MySql, Self::PostgreSql];

    /// The dialect's name in settings and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClickHouse => "clickhouse",
            Self::DuckDb => "duckdb",
            Self::MySql => "mysql",
            Self::PostgreSql => "postgresql",
        }
    }

    pub(super) fn grammar(self) -> &'static dyn Grammar {
        match self {
            Self::ClickHouse => &ClickHouseDialect {},
            Self::DuckDb => &DuckDbDialect,
            Self::MySql => &MySqlDialect {},
            Self::PostgreSql => &PostgreSqlDialect {},
        }
    }

    pub(super) fn functions(self) -> &'static Functions {
        Functions::of(self)
    }

    /// Whether a backslash escapes inside a string.
    pub(super) const fn backslash_escapes(self) -> bool {
        matches!(self, Self::ClickHouse | Self::MySql)
    }

    /// Whether an alias of the projection is known in every clause, not only after grouping.
    pub(super) const fn aliases_everywhere(self) -> bool {
        matches!(self, Self::ClickHouse | Self::DuckDb)
    }

    /// The quote of a name that the gate writes.
    pub(super) const fn quote(self) -> char {
        match self {
            Self::ClickHouse | Self::MySql => '`',
            Self::DuckDb | Self::PostgreSql => '"',
        }
    }

    /// Whether a name may be quoted so.
    pub(super) const fn quotes_names_with(self, quote: char) -> bool {
        match self {
            Self::ClickHouse => matches!(quote, '`' | '"'),
            Self::MySql => quote == '`',
            Self::DuckDb | Self::PostgreSql => quote == '"',
        }
    }

    /// A column's or an alias's name as the warehouse compares it.
    pub(super) fn fold(self, ident: &Ident) -> String {
        match self {
            Self::ClickHouse => ident.value.clone(),
            Self::DuckDb | Self::MySql => ident.value.to_lowercase(),
            Self::PostgreSql if ident.quote_style.is_some() => ident.value.clone(),
            Self::PostgreSql => ident.value.to_lowercase(),
        }
    }

    /// A name of the catalogue, which is written as the warehouse keeps it.
    pub(super) fn fold_stored(self, name: &str) -> String {
        match self {
            Self::ClickHouse | Self::PostgreSql => name.to_owned(),
            Self::DuckDb | Self::MySql => name.to_lowercase(),
        }
    }

    /// A table's name as the warehouse compares it: MySQL keeps the case of tables where its files do.
    pub(super) fn fold_table(self, ident: &Ident) -> String {
        if self == Self::MySql { ident.value.clone() } else { self.fold(ident) }
    }

    /// A table's name of the catalogue.
    pub(super) fn fold_stored_table(self, name: &str) -> String {
        if self == Self::MySql { name.to_owned() } else { self.fold_stored(name) }
    }

    /// A name that the gate writes itself, always quoted.
    pub(super) fn ident(self, name: &str) -> Ident {
        Ident::with_quote(self.quote(), name)
    }

    /// The placeholder inside the gate of the binding with this number, from one; the parser reads it back.
    pub(super) fn inner_placeholder(self, number: usize) -> String {
        match self {
            Self::PostgreSql => format!("${number}"),
            Self::ClickHouse | Self::DuckDb | Self::MySql => format!("?{number}"),
        }
    }
}
