//! What every warehouse must do, whichever it is. A subject says how to fill it and what differs in its SQL; [`contract!`] makes a test of
//! every part. It is filled beside the seam, for through it nothing is ever written.

mod bounded;
mod filled;
mod refused;
mod values;

pub(super) use bounded::*;
pub(super) use filled::*;
pub(super) use refused::*;
pub(super) use values::*;

use super::{Bounds, Filled, Holds, NewTable, Rows, Speaks, Statement, TableInfo, Warehouse, WarehouseError};
use crate::domain::deadline::Deadline;
use crate::domain::frame::{Column, Frame};
use crate::domain::sql_value::{Binding, Cell, Scalar};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A warehouse under test, and what its tests know beside the seam.
#[async_trait]
pub(super) trait Subject: Send + Sync {
    /// The warehouse.
    fn warehouse(&self) -> &dyn Warehouse;

    /// The same where the service fills it; `None` for a server.
    fn filled(&self) -> Option<&dyn Filled> {
        None
    }

    /// Puts a table in place, and makes its database or schema where there is none. `NewTable::holds` become the types that the
    /// warehouse has for them.
    async fn put(&self, database: &str, table: NewTable);

    /// A SELECT of one row that the warehouse is at for minutes.
    fn endless(&self) -> String;

    /// How many statements of the warehouse under test run in it now, other than the one that asks.
    async fn running(&self) -> usize;

    /// Statements that write, change settings or reach out of the database, in terms of the table `target`, already quoted, with its
    /// columns `id` and `name`. Each must be refused even though no gate was before it.
    fn attacks(&self, target: &str) -> Vec<String>;
}

/// Makes a test of every part of the contract, for the subject that an expression gives.
macro_rules! contract {
    ($($part:ident),* $(,)? => $subject:expr) => {
        $(#[tokio::test]
        async fn $part() {
            let subject = $subject;
            crate::warehouse::contract::$part(&subject).await;
        })*
    };
    ($subject:expr) => {
        crate::warehouse::contract::contract! {
            what_was_put_is_read_as_it_was,
            a_number_with_a_fraction_is_no_whole_one,
            sums_and_counts_are_numbers,
            a_result_without_rows_has_its_columns,
            names_and_values_of_every_script_are_kept,
            parameters_arrive_as_they_are,
            parameters_have_their_types,
            the_tables_are_told_with_their_columns,
            a_table_of_another_database_needs_its_name,
            a_result_that_is_too_large_is_told,
            a_deadline_ends_the_query_in_the_warehouse,
            a_deadline_that_has_passed_runs_nothing,
            who_goes_away_ends_the_query_in_the_warehouse,
            a_hundred_queries_at_once_are_all_answered,
            the_cost_is_told_where_it_is_known,
            a_write_is_refused_by_the_warehouse,
            what_is_said_of_an_error_keeps_the_data_out,
            a_put_is_seen_whole_or_not_at_all,
            a_put_changes_the_version_and_the_columns,
            a_table_that_was_dropped_is_gone => $subject
        }
    };
}
pub(super) use contract;

/// A name that no other test has.
pub(super) fn fresh(what: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{what}_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Bounds that no test comes to.
pub(super) fn bounds() -> Bounds {
    Bounds { deadline: soon(30_000), rows_max: 1_000_000, bytes_max: 256 << 20 }
}

pub(super) fn soon(ms: u64) -> Deadline {
    Deadline::after(Duration::from_millis(ms))
}

/// A name in the quotes of the dialect.
pub(super) fn quoted(speaks: Speaks, name: &str) -> String {
    match speaks {
        Speaks::ClickHouse | Speaks::MySql => format!("`{name}`"),
        Speaks::PostgreSql | Speaks::Sqlite => format!("\"{name}\""),
    }
}

/// A table with its database.
pub(super) fn table(speaks: Speaks, database: &str, name: &str) -> String {
    format!("{}.{}", quoted(speaks, database), quoted(speaks, name))
}

/// The placeholder of a value, from one, with the type that it has in ClickHouse and in PostgreSQL.
pub(super) fn placeholder(speaks: Speaks, number: usize, value: &Scalar) -> (String, Binding) {
    let data_type = match (speaks, value) {
        (Speaks::ClickHouse, Scalar::Boolean(_)) => "Bool",
        (Speaks::ClickHouse, Scalar::Integer(_)) => "Int64",
        (Speaks::ClickHouse, Scalar::Text(_)) => "String",
        (_, Scalar::Boolean(_)) => "boolean",
        (_, Scalar::Integer(_)) => "bigint",
        (_, Scalar::Text(_)) => "text",
    };
    let (name, text) = match speaks {
        Speaks::ClickHouse => (format!("p{number}"), format!("{{p{number}:{data_type}}}")),
        Speaks::PostgreSql => (number.to_string(), format!("${number}::{data_type}")),
        Speaks::MySql | Speaks::Sqlite => (number.to_string(), "?".to_owned()),
    };
    (text, Binding { name, data_type: data_type.to_owned(), value: value.clone() })
}

/// Runs a statement without values within bounds that it does not come to.
pub(super) async fn ask(subject: &dyn Subject, sql: impl Into<String>) -> Result<Rows, WarehouseError> {
    subject.warehouse().run(&Statement { sql: sql.into(), values: Vec::new() }, &bounds()).await
}

/// The same, which must be answered.
pub(super) async fn rows(subject: &dyn Subject, sql: impl Into<String>) -> Vec<Vec<Cell>> {
    let sql = sql.into();
    ask(subject, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).rows
}

/// A table of ids from one and names.
pub(super) fn people(name: &str, count: u32) -> NewTable {
    let ids = Column::Number((1..=count).map(f64::from).collect());
    let names = Column::Text((1..=count).map(|id| Some(Arc::from(format!("name {id}")))).collect());
    let rows = Frame::new(vec![("id".into(), ids), ("name".into(), names)]).unwrap();
    NewTable { name: name.to_owned(), holds: vec![Holds::Integer, Holds::Text], rows: Arc::new(rows) }
}

/// What is told of one table.
pub(super) async fn info(subject: &dyn Subject, database: &str, name: &str) -> Option<TableInfo> {
    let tables = subject.warehouse().tables(Some(database), soon(10_000)).await.unwrap();
    tables.into_iter().find(|table| table.name == name)
}

pub(super) fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}
