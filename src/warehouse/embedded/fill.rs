//! Tables put in place: filled where nobody looks, then exchanged with the one that is there.

use super::super::config::Config;
use super::super::{Holds, NewTable, WarehouseError, made};
use super::engine::STAGING;
use super::library::{Connection, Fault};
use super::{clickhouse_text, native, refused};
use crate::domain::frame::Column;
use std::collections::HashSet;
use std::io::{self, PipeWriter, Write, pipe};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};

/// Rows of a block.
const BLOCK_ROWS: usize = 65_536;

/// Texts of a column that are kept once each; the engine has blocks of as many.
const DISTINCT_MAX: usize = 8_192;

/// `UNKNOWN_TABLE` and `UNKNOWN_DATABASE`.
const NO_TABLE: &str = "60";
const NO_DATABASE: &str = "81";

fn is(fault: &Fault, wanted: &str) -> bool {
    matches!(refused(fault), WarehouseError::Refused { code, .. } if code == wanted)
}

/// Puts a table in place of that of its name.
pub(super) fn put(connection: &mut Connection, config: &Config, database: &str, table: &NewTable) -> Result<(), WarehouseError> {
    static PUTS: AtomicU64 = AtomicU64::new(0);
    if database == STAGING {
        return Err(WarehouseError::Refused {
            code: "name".to_owned(),
            said: format!("the database {STAGING} is the warehouse's own"),
        });
    }
    let fresh = format!("{STAGING}.`{}`", PUTS.fetch_add(1, Ordering::Relaxed));
    let done = fill(connection, config, &fresh, table).and_then(|()| exchange(connection, &fresh, database, &table.name));
    // What is there now is the table that was in the place before, or what could not be filled.
    let dropped = connection.execute(&format!("DROP TABLE IF EXISTS {fresh}")).map_err(|fault| refused(&fault));
    done.and(dropped)
}

fn fill(connection: &mut Connection, config: &Config, name: &str, table: &NewTable) -> Result<(), WarehouseError> {
    let columns = made::columns(table)?;
    let declared = columns.iter().map(|column| format!("{} {}", clickhouse_text::quoted(column.0), kept_as(column)));
    let declared = declared.collect::<Vec<_>>().join(", ");
    let memory = config.query_memory_bytes_max;
    let first = [
        format!("SET max_memory_usage = {memory}, max_insert_threads = 1"),
        format!("CREATE TABLE {name} ({declared}) ENGINE = MergeTree ORDER BY tuple()"),
    ];
    for sql in first {
        connection.execute(&sql).map_err(|fault| refused(&fault))?;
    }
    let rows = table.rows.rows();
    if rows == 0 { Ok(()) } else { insert(connection, name, &columns, rows) }
}

fn insert(connection: &mut Connection, name: &str, columns: &[native::Put<'_>], rows: usize) -> Result<(), WarehouseError> {
    let (reader, writer) = pipe().map_err(|error| broken_pipe(&error))?;
    let insert =
        format!("INSERT INTO {name} FROM INFILE '/proc/self/fd/{}' COMPRESSION 'none' FORMAT Native", reader.as_raw_fd());
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| write(writer, columns, rows));
        let inserted = connection.execute(&insert).map_err(|fault| refused(&fault));
        // An engine that gave up reads no more, and then the writer must not wait for it.
        drop(reader);
        let written = writing.join().map_err(|_| broken_pipe(&"the rows can't be written"))?;
        inserted.and(written.map_err(|error| broken_pipe(&error)))
    })
}

/// The type of a column in the table. Texts that come again and again are kept once and counted by their number, which is several times
/// faster; the engine converts what it is handed.
fn kept_as((_, holds, column): &native::Put<'_>) -> String {
    let plain = native::data_type(*holds);
    let (Holds::Text, Column::Text(values)) = (holds, column) else { return plain.to_owned() };
    let (most, mut distinct) = (DISTINCT_MAX.min(values.len() / 10), HashSet::new());
    for value in values.iter().flatten() {
        if distinct.insert(&**value) && distinct.len() > most {
            return plain.to_owned();
        }
    }
    format!("LowCardinality({plain})")
}

fn broken_pipe(error: &dyn std::fmt::Display) -> WarehouseError {
    WarehouseError::Away { said: format!("the rows of a table did not reach the engine: {error}") }
}

/// Writes the rows, block after block, to where the engine reads them. Behind the statement itself they could not stand: there the engine
/// takes two line ends in a row for their end, whatever the format.
fn write(mut to: PipeWriter, columns: &[native::Put<'_>], rows: usize) -> io::Result<()> {
    let (mut block, mut from) = (Vec::new(), 0);
    while from < rows {
        let next = (from + BLOCK_ROWS).min(rows);
        block.clear();
        native::append(&mut block, columns, from..next);
        to.write_all(&block)?;
        from = next;
    }
    Ok(())
}

/// Whoever reads the old table goes on reading it to the end.
fn exchange(connection: &mut Connection, fresh: &str, database: &str, table: &str) -> Result<(), WarehouseError> {
    let (database, table) = (clickhouse_text::quoted(database), clickhouse_text::quoted(table));
    let mut execute = |sql: String| connection.execute(&sql);
    let exchanged = execute(format!("CREATE DATABASE IF NOT EXISTS {database}"))
        .and_then(|()| execute(format!("EXCHANGE TABLES {fresh} AND {database}.{table}")));
    let done = match exchanged {
        Err(fault) if is(&fault, NO_TABLE) => execute(format!("RENAME TABLE {fresh} TO {database}.{table}")),
        other => other,
    };
    done.map_err(|fault| refused(&fault))
}

/// Takes a table away.
pub(super) fn drop_table(connection: &mut Connection, database: &str, table: &str) -> Result<(), WarehouseError> {
    let sql = format!("DROP TABLE IF EXISTS {}.{}", clickhouse_text::quoted(database), clickhouse_text::quoted(table));
    match connection.execute(&sql) {
        Err(fault) if !is(&fault, NO_DATABASE) => Err(refused(&fault)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::embedded::tests::connection;

    #[test]
    fn an_engine_that_takes_no_rows_is_no_reason_to_wait_for_it() {
        let numbers = Column::Number(vec![1.0; 500_000]);
        let inserted = insert(&mut connection(), "default.no_such_table", &[("n", Holds::Number, &numbers)], 500_000);
        assert!(matches!(inserted, Err(WarehouseError::Refused { code, .. }) if code == NO_TABLE));
    }
}
