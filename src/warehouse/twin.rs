//! The exact twin: SQLite in memory, each database an attached schema. One query runs at a time.

#[cfg(test)]
mod tests;

use super::gathered::Gathered;
use super::{
    Bounds, ColumnInfo, Cost, Filled, Holds, NewTable, Rows, Speaks, Statement, TableInfo, Warehouse, WarehouseError, made,
};
use crate::domain::deadline::Deadline;
use crate::domain::frame::Column;
use crate::domain::sql_value::{Cell, Scalar};
use crate::domain::time::Timestamp;
use async_trait::async_trait;
use parking_lot::Mutex;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ffi, params_from_iter};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 1_000;

/// SQLite in memory.
#[derive(Debug, Clone)]
pub struct Twin(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connection: Mutex<Connection>,
    /// Of which put each table is.
    versions: Mutex<BTreeMap<(String, String), u64>>,
    puts: AtomicU64,
    running: AtomicUsize,
}

/// Raises the flag where who waits is dropped.
struct Leave(Arc<AtomicBool>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Twin {
    /// One without tables.
    ///
    /// # Errors
    /// [`WarehouseError`], where there is no memory for it.
    pub fn new() -> Result<Self, WarehouseError> {
        let connection = Mutex::new(Connection::open_in_memory().map_err(refused)?);
        let inner = Inner { connection, versions: Mutex::default(), puts: AtomicU64::new(1), running: AtomicUsize::new(0) };
        Ok(Self(Arc::new(inner)))
    }

    /// Queries that run now.
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::Relaxed)
    }

    /// Does what may take a while on a thread where it may.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, WarehouseError> + Send + 'static,
    ) -> Result<T, WarehouseError> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.unwrap_or_else(|error| Err(WarehouseError::Away { said: error.to_string() }))
    }
}

fn refused(error: rusqlite::Error) -> WarehouseError {
    let code = error.sqlite_error().map_or_else(|| "use".to_owned(), |error| error.extended_code.to_string());
    WarehouseError::Refused { code, said: error.to_string() }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Nothing but reading.
fn reading(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Function { .. } | AuthAction::Recursive => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

/// Does something that may only read, and is stopped once it has `ended`.
fn read_only<T>(
    connection: &mut Connection,
    ended: impl FnMut() -> bool + Send + 'static,
    work: impl FnOnce(&Connection) -> Result<T, WarehouseError>,
) -> Result<T, WarehouseError> {
    connection.authorizer(Some(reading)).map_err(refused)?;
    connection.progress_handler(STEPS, Some(ended)).map_err(refused)?;
    let done = work(connection);
    connection.progress_handler(0, None::<fn() -> bool>).map_err(refused)?;
    connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).map_err(refused)?;
    done
}

fn cell(value: ValueRef<'_>, declared: Option<&str>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) if declared == Some("BOOLEAN") => Cell::Text((number != 0).to_string()),
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) if number.is_finite() => Cell::Number(number),
        ValueRef::Real(_) => Cell::Null,
        ValueRef::Text(text) | ValueRef::Blob(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
    }
}

impl Inner {
    fn run(&self, statement: &Statement, bounds: &Bounds, left: &Arc<AtomicBool>) -> Result<Rows, WarehouseError> {
        let mut connection = self.connection.try_lock_until(bounds.deadline.at()).ok_or(WarehouseError::Busy)?;
        let (deadline, left) = (bounds.deadline, Arc::clone(left));
        let ended = move || deadline.passed() || left.load(Ordering::Relaxed);
        if ended() {
            return Err(WarehouseError::Late);
        }
        self.running.fetch_add(1, Ordering::Relaxed);
        let rows = read_only(&mut connection, ended, |connection| query(connection, statement, bounds));
        self.running.fetch_sub(1, Ordering::Relaxed);
        rows
    }

    fn put(&self, database: &str, table: &NewTable) -> Result<(), WarehouseError> {
        let columns = made::columns(table)?;
        let mut connection = self.connection.lock();
        if !databases(&connection)?.contains(&made::checked_name(database)?.to_owned()) {
            connection.execute(&format!("ATTACH ':memory:' AS {}", quoted(database)), []).map_err(refused)?;
        }
        let name = format!("{}.{}", quoted(database), quoted(&table.name));
        let declared: Vec<String> =
            columns.iter().map(|(name, holds, _)| format!("{} {}", quoted(name), declared(*holds))).collect();
        let all = connection.transaction().map_err(refused)?;
        all.execute(&format!("DROP TABLE IF EXISTS {name}"), []).map_err(refused)?;
        all.execute(&format!("CREATE TABLE {name} ({})", declared.join(", ")), []).map_err(refused)?;
        {
            let places = vec!["?"; columns.len()].join(", ");
            let mut insert = all.prepare(&format!("INSERT INTO {name} VALUES ({places})")).map_err(refused)?;
            for row in 0..table.rows.rows() {
                let values = columns.iter().map(|(_, holds, column)| value(*holds, column, row));
                insert.execute(params_from_iter(values)).map_err(refused)?;
            }
        }
        all.commit().map_err(refused)?;
        let put = self.puts.fetch_add(1, Ordering::Relaxed);
        self.versions.lock().insert((database.to_owned(), table.name.clone()), put);
        Ok(())
    }

    fn drop_table(&self, database: &str, table: &str) -> Result<(), WarehouseError> {
        let connection = self.connection.lock();
        if databases(&connection)?.iter().any(|one| one == database) {
            connection.execute(&format!("DROP TABLE IF EXISTS {}.{}", quoted(database), quoted(table)), []).map_err(refused)?;
            self.versions.lock().remove(&(database.to_owned(), table.to_owned()));
        }
        Ok(())
    }

    fn tables(&self, database: Option<&str>) -> Result<Vec<TableInfo>, WarehouseError> {
        let connection = self.connection.lock();
        let database = database.unwrap_or("main");
        if !databases(&connection)?.iter().any(|one| one == database) {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT name FROM {}.sqlite_schema WHERE type = 'table' ORDER BY name", quoted(database));
        let names: Vec<String> = texts(&connection, &sql, &[])?;
        names.into_iter().map(|name| self.table(&connection, database, name)).collect()
    }

    fn table(&self, connection: &Connection, database: &str, name: String) -> Result<TableInfo, WarehouseError> {
        let columns = |what| format!("SELECT {what} FROM pragma_table_info(?1, ?2) ORDER BY cid");
        let given = &[name.as_str(), database];
        let (names, types) = (texts(connection, &columns("name"), given)?, texts(connection, &columns("type"), given)?);
        let columns =
            names.into_iter().zip(types).map(|(name, data_type)| ColumnInfo { name, data_type, comment: String::new() });
        let count = format!("SELECT count(*) FROM {}.{}", quoted(database), quoted(&name));
        let rows: i64 = connection.query_row(&count, [], |row| row.get(0)).map_err(refused)?;
        let version = self.versions.lock().get(&(database.to_owned(), name.clone())).map(u64::to_string);
        let (database, rows) = (database.to_owned(), u64::try_from(rows).ok());
        Ok(TableInfo { database, name, comment: String::new(), columns: columns.collect(), rows, version })
    }
}

fn query(connection: &Connection, statement: &Statement, bounds: &Bounds) -> Result<Rows, WarehouseError> {
    let interrupted = |error: rusqlite::Error| {
        let late = error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_INTERRUPT);
        if late { WarehouseError::Late } else { refused(error) }
    };
    let mut prepared = connection.prepare(&statement.sql).map_err(interrupted)?;
    let columns = prepared.column_names().map(str::to_owned).collect();
    let types: Vec<Option<String>> = prepared.columns().map(|column| column.decl_type().map(str::to_owned)).collect();
    let mut gathered = Gathered::new(columns, bounds);
    let values = statement.values.iter().map(|binding| match &binding.value {
        Scalar::Boolean(flag) => Value::Integer(i64::from(*flag)),
        Scalar::Integer(number) => Value::Integer(*number),
        Scalar::Text(text) => Value::Text(text.clone()),
    });
    let mut rows = prepared.query(params_from_iter(values)).map_err(interrupted)?;
    while let Some(row) = rows.next().map_err(interrupted)? {
        let cells = types.iter().enumerate().map(|(at, declared)| Ok(cell(row.get_ref(at)?, declared.as_deref())));
        gathered.push(cells.collect::<Result<_, rusqlite::Error>>().map_err(interrupted)?)?;
    }
    Ok(gathered.done())
}

fn databases(connection: &Connection) -> Result<Vec<String>, WarehouseError> {
    texts(connection, "SELECT name FROM pragma_database_list", &[])
}

fn texts(connection: &Connection, sql: &str, given: &[&str]) -> Result<Vec<String>, WarehouseError> {
    let mut prepared = connection.prepare(sql).map_err(refused)?;
    let rows = prepared.query_map(params_from_iter(given), |row| row.get(0)).map_err(refused)?;
    rows.collect::<Result<_, _>>().map_err(refused)
}

fn declared(holds: Holds) -> &'static str {
    match holds {
        Holds::Text => "TEXT",
        Holds::Integer => "INTEGER",
        Holds::Number => "REAL",
        Holds::Timestamp => "TIMESTAMP",
        Holds::Flag => "BOOLEAN",
    }
}

fn value(holds: Holds, column: &Column, row: usize) -> Option<Value> {
    match holds {
        Holds::Text => made::text(column, row).map(|text| Value::Text(text.into_owned())),
        Holds::Integer => made::integer(column, row).map(Value::Integer),
        Holds::Number => made::number(column, row).map(Value::Real),
        Holds::Timestamp => made::micros(column, row)
            .map(|micros| Value::Text(Timestamp::from_micros(micros).to_string().trim_end_matches('Z').to_owned())),
        Holds::Flag => made::flag(column, row).map(|flag| Value::Integer(i64::from(flag))),
    }
}

#[async_trait]
impl Warehouse for Twin {
    fn speaks(&self) -> Speaks {
        Speaks::Sqlite
    }

    async fn tables(&self, database: Option<&str>, _deadline: Deadline) -> Result<Vec<TableInfo>, WarehouseError> {
        let database = database.map(str::to_owned);
        self.apart(move |inner| inner.tables(database.as_deref())).await
    }

    async fn run(&self, statement: &Statement, bounds: &Bounds) -> Result<Rows, WarehouseError> {
        let (statement, bounds, left) = (statement.clone(), *bounds, Arc::new(AtomicBool::new(false)));
        let _leave = Leave(Arc::clone(&left));
        self.apart(move |inner| inner.run(&statement, &bounds, &left)).await
    }

    async fn cost(&self, _statement: &Statement, _deadline: Deadline) -> Result<Option<Cost>, WarehouseError> {
        Ok(None)
    }
}

#[async_trait]
impl Filled for Twin {
    async fn put(&self, database: &str, table: NewTable) -> Result<(), WarehouseError> {
        let database = database.to_owned();
        self.apart(move |inner| inner.put(&database, &table)).await
    }

    async fn drop_table(&self, database: &str, table: &str) -> Result<(), WarehouseError> {
        let (database, table) = (database.to_owned(), table.to_owned());
        self.apart(move |inner| inner.drop_table(&database, &table)).await
    }
}
