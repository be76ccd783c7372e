//! The seam of warehouses: a statement that the gate passed in, rows out. Nothing is ever written through it.
//!
//! Invariants:
//! - a statement cannot write: the credentials or the settings of the connection forbid it, whatever the statement says;
//! - every run has a deadline that ends the query in the warehouse, not only the wait for it, and bounds on its rows and bytes;
//! - what a warehouse says of an error may quote the data: [`WarehouseError::Refused`] keeps it for the log and prints without it.

pub mod clickhouse;
mod clickhouse_text;
pub mod config;
#[cfg(test)]
mod contract;
pub mod embedded;
mod gathered;
mod made;
pub mod mysql;
mod places;
pub mod postgres;
pub mod server;
mod settings;
#[cfg(test)]
pub mod twin;

pub use config::Config;
pub use embedded::Embedded;
pub use made::first_lost;
pub use settings::{Kind, Opened, Settings};

use crate::domain::deadline::Deadline;
use crate::domain::frame::Frame;
use crate::domain::sql_value::{Binding, Cell};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::sync::Arc;

/// Whose SQL a warehouse speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaks {
    /// ClickHouse's, of a server or of the engine in process.
    ClickHouse,
    /// MySQL's, and that of what speaks its protocol.
    MySql,
    /// PostgreSQL's.
    PostgreSql,
    /// SQLite's: that of the twin.
    Sqlite,
}

/// A warehouse.
#[async_trait]
pub trait Warehouse: Send + Sync + Debug {
    /// Whose SQL it speaks.
    fn speaks(&self) -> Speaks;

    /// Its tables with their columns, in the order of their names: those of one database, or of that which its settings name.
    ///
    /// # Errors
    /// [`WarehouseError`].
    async fn tables(&self, database: Option<&str>, deadline: Deadline) -> Result<Vec<TableInfo>, WarehouseError>;

    /// Runs one SELECT.
    ///
    /// # Errors
    /// [`WarehouseError`]. A result that is larger than the bounds is one; it is never cut short in silence.
    async fn run(&self, statement: &Statement, bounds: &Bounds) -> Result<Rows, WarehouseError>;

    /// What a statement would cost, by the planner's estimate, without running it; `None` where the warehouse does not tell.
    ///
    /// # Errors
    /// [`WarehouseError`].
    async fn cost(&self, statement: &Statement, deadline: Deadline) -> Result<Option<Cost>, WarehouseError>;
}

/// A warehouse in process, whose tables the service fills.
#[async_trait]
pub trait Filled: Warehouse {
    /// Puts a table in place of that of its name, at once for all who ask; makes the database where there is none.
    ///
    /// # Errors
    /// [`WarehouseError`].
    async fn put(&self, database: &str, table: NewTable) -> Result<(), WarehouseError>;

    /// Takes a table away; that there is none is no error.
    ///
    /// # Errors
    /// [`WarehouseError`].
    async fn drop_table(&self, database: &str, table: &str) -> Result<(), WarehouseError>;
}

/// A table to be.
#[derive(Debug, Clone)]
pub struct NewTable {
    /// Its name.
    pub name: String,
    /// What its columns hold, in the order of the frame's; those of the frame are made so.
    pub holds: Vec<Holds>,
    /// Its rows.
    pub rows: Arc<Frame>,
}

/// What a column of a table in process holds. All may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// Texts.
    Text,
    /// Whole numbers; a number with a fraction becomes null.
    Integer,
    /// Numbers.
    Number,
    /// Moments to the microsecond, in UTC and without a time zone.
    Timestamp,
    /// Yes or no.
    Flag,
}

/// A table that there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableInfo {
    /// Its database or schema.
    pub database: String,
    /// Its name, as the warehouse keeps it.
    pub name: String,
    /// What the warehouse says of it.
    #[serde(default)]
    pub comment: String,
    /// Its columns, in order.
    pub columns: Vec<ColumnInfo>,
    /// About how many rows it has, where the warehouse knows.
    pub rows: Option<u64>,
    /// What changes whenever the rows may have changed, where the warehouse tells; two readings that are equal speak of the same rows.
    pub version: Option<String>,
}

/// A column that there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// Its name, as the warehouse keeps it.
    pub name: String,
    /// Its type in the words of the warehouse.
    pub data_type: String,
    /// What the warehouse says of it.
    #[serde(default)]
    pub comment: String,
}

/// A statement that the gate passed.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The text, with placeholders for the values: `{p1:String}` for ClickHouse, `$1` for PostgreSQL, `?` for the rest.
    pub sql: String,
    /// The values, in the order of their placeholders.
    pub values: Vec<Binding>,
}

/// How long, how much.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// By when the rows have to be there.
    pub deadline: Deadline,
    /// Rows that may come back.
    pub rows_max: usize,
    /// Bytes of the cells that may come back, about.
    pub bytes_max: usize,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Rows, each as long as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// What a statement would cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Rows that would be read.
    pub rows: u64,
}

/// Why a warehouse gave no rows.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WarehouseError {
    /// The deadline passed; the query was ended in the warehouse.
    #[error("the warehouse did not answer in time; the query was ended")]
    Late,
    /// More rows or bytes than the bounds allow.
    #[error("the result is larger than {0} allowed")]
    TooLarge(&'static str),
    /// The warehouse does not take the statement, or failed at it.
    #[error("the warehouse refused the statement")]
    Refused {
        /// Its own number or name of the fault.
        code: String,
        /// What it said: for the log, never for a caller, because it may quote the data.
        said: String,
    },
    /// The warehouse can't be reached, or the connection broke.
    #[error("the warehouse can't be reached")]
    Away {
        /// What happened: for the log.
        said: String,
    },
    /// Too many queries run or wait.
    #[error("too many queries are running")]
    Busy,
}
