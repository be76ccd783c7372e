//! The ClickHouse engine in this process, over tables that the service fills.
//!
//! Invariants:
//! - nothing is loaded before the first use, and then once for the process; what is wrong with the library is
//!   [`WarehouseError::Away`], every time anew until it is put right;
//! - what comes through the seam runs on a connection that may only read, by a user without any right to files or URLs, after a look for what
//!   the engine would do as its own client (`guard.rs`);
//! - at most so many queries run at a time, each on a thread of its own, and a place is given back only when its query has ended.

mod engine;
mod fill;
mod guard;
mod library;
mod native;
#[cfg(test)]
pub(super) mod tests;

use super::config::Config;
use super::places::Places;
use super::{
    Bounds, Cost, Filled, NewTable, Rows, Speaks, Statement, TableInfo, Warehouse, WarehouseError, clickhouse_text, made,
};
use crate::domain::deadline::Deadline;
use crate::domain::sql_value::{Binding, Scalar};
use async_trait::async_trait;
use engine::{Engine, Limits, Running};
use library::{Connection, Fault};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Mutex, oneshot};

/// The database that is meant where none is named.
const DATABASE: &str = "default";

/// Bytes of the stack of a query's thread, on which the engine reads the statement.
const STACK_BYTES: usize = 8 << 20;

/// Tables or columns that a catalogue is read of.
const CATALOGUE_ROWS_MAX: usize = 1_000_000;
const CATALOGUE_BYTES_MAX: usize = 256 << 20;

/// The engine in process. Clones are one.
#[derive(Debug, Clone)]
pub struct Embedded(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    library: PathBuf,
    folder: PathBuf,
    engine: OnceLock<Arc<Engine>>,
    places: Places,
    /// Tables are put one after another: each takes as much of the machine as it can.
    puts: Arc<Mutex<()>>,
}

/// Ends a query when who asked goes away.
struct Leave<'a>(&'a Engine, Running);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.end(&self.1);
    }
}

fn thread_failed(error: impl std::fmt::Display) -> WarehouseError {
    WarehouseError::Away { said: format!("no thread for a query: {error}") }
}

fn refused(fault: &Fault) -> WarehouseError {
    clickhouse_text::fault(&fault.0)
}

impl Embedded {
    /// The engine of this runtime folder over the tables in this data folder. Nothing is loaded yet.
    pub fn new(config: &Config, runtime_dir: &Path, data_dir: &Path) -> Self {
        Self(Arc::new(Inner {
            config: config.clone(),
            library: runtime_dir.join("chdb").join("libchdb.so"),
            folder: data_dir.join(&config.folder),
            engine: OnceLock::new(),
            places: Places::new(config.queries_max, config.waiting_max),
            puts: Arc::default(),
        }))
    }

    /// Loads the engine ahead of the first use.
    ///
    /// # Errors
    /// [`WarehouseError::Away`] with what is wrong with the library or the folder.
    pub async fn warm(&self) -> Result<(), WarehouseError> {
        self.engine().await.map(|_| ())
    }

    async fn engine(&self) -> Result<Arc<Engine>, WarehouseError> {
        if let Some(engine) = self.0.engine.get() {
            return Ok(Arc::clone(engine));
        }
        let inner = Arc::clone(&self.0);
        let engine = apart(move || Engine::get(&inner.library, &inner.folder, &inner.config)).await?;
        Ok(Arc::clone(self.0.engine.get_or_init(|| engine)))
    }

    /// Runs something on a connection that may only read.
    async fn read<T: Send + 'static>(
        &self,
        bounds: &Bounds,
        work: impl FnOnce(&mut Connection) -> Result<T, WarehouseError> + Send + 'static,
    ) -> Result<T, WarehouseError> {
        let (deadline, at) = (bounds.deadline, bounds.deadline.at().into());
        if deadline.passed() {
            return Err(WarehouseError::Late);
        }
        let engine = tokio::time::timeout_at(at, self.engine()).await.map_err(|_| WarehouseError::Late)??;
        let place = self.0.places.take(deadline).await?;
        let query = engine.register();
        let leave = Leave(&engine, query.clone());
        let (rows_max, bytes_max, its) = (bounds.rows_max, bounds.bytes_max, Arc::clone(&engine));
        let answer = apart(move || {
            let _place = place;
            its.read(&query, &Limits { time: deadline.remaining(), rows_max, bytes_max }, work)
        });
        let answer = tokio::time::timeout_at(at, answer).await.unwrap_or(Err(WarehouseError::Late));
        drop(leave);
        answer
    }

    async fn rows(&self, statement: Statement, bounds: &Bounds) -> Result<Rows, WarehouseError> {
        let within = *bounds;
        self.read(bounds, move |connection| {
            let values = clickhouse_text::parameters(&statement);
            let answer =
                connection.query(statement.sql.as_bytes(), clickhouse_text::FORMAT, &values).map_err(|fault| refused(&fault))?;
            let mut decoder = clickhouse_text::Decoder::new(&within);
            decoder.feed(answer.bytes())?;
            decoder.finish()
        })
        .await
    }

    /// Does something that writes, one after another. It goes on where who asked goes away.
    async fn write(
        &self,
        work: impl FnOnce(&mut Connection, &Config) -> Result<(), WarehouseError> + Send + 'static,
    ) -> Result<(), WarehouseError> {
        let engine = self.engine().await?;
        let (turn, inner) = (Arc::clone(&self.0.puts).lock_owned().await, Arc::clone(&self.0));
        apart(move || {
            let _turn = turn;
            work(&mut engine.connect()?, &inner.config)
        })
        .await
    }
}

/// Runs something on a thread of its own.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WarehouseError> + Send + 'static,
) -> Result<T, WarehouseError> {
    let (tell, told) = oneshot::channel();
    let thread = std::thread::Builder::new().name("warehouse".to_owned()).stack_size(STACK_BYTES);
    let run = move || {
        // Who asked may be gone.
        let _ = tell.send(work());
    };
    thread.spawn(run).map_err(thread_failed)?;
    told.await.unwrap_or_else(|error| Err(thread_failed(error)))
}

/// Refuses what must not run here.
fn guarded(statement: &Statement) -> Result<(), WarehouseError> {
    let fault = guard::fault(&statement.sql);
    fault.map_or(Ok(()), |said| Err(WarehouseError::Refused { code: "guard".to_owned(), said: said.to_owned() }))
}

fn of_catalogue(deadline: Deadline) -> Bounds {
    Bounds { deadline, rows_max: CATALOGUE_ROWS_MAX, bytes_max: CATALOGUE_BYTES_MAX }
}

#[async_trait]
impl Warehouse for Embedded {
    fn speaks(&self) -> Speaks {
        Speaks::ClickHouse
    }

    async fn tables(&self, database: Option<&str>, deadline: Deadline) -> Result<Vec<TableInfo>, WarehouseError> {
        let value = Scalar::Text(database.unwrap_or(DATABASE).to_owned());
        let binding = Binding { name: "p1".to_owned(), data_type: "String".to_owned(), value };
        let statement = Statement { sql: clickhouse_text::catalogue(clickhouse_text::Version::OF_TABLE), values: vec![binding] };
        self.rows(statement, &of_catalogue(deadline)).await.map(clickhouse_text::tables)
    }

    async fn run(&self, statement: &Statement, bounds: &Bounds) -> Result<Rows, WarehouseError> {
        guarded(statement)?;
        self.rows(statement.clone(), bounds).await
    }

    async fn cost(&self, statement: &Statement, deadline: Deadline) -> Result<Option<Cost>, WarehouseError> {
        guarded(statement)?;
        let explained =
            Statement { sql: format!("{}{}", clickhouse_text::ESTIMATE, statement.sql), values: statement.values.clone() };
        self.rows(explained, &of_catalogue(deadline)).await.map(|rows| clickhouse_text::estimate(&rows))
    }
}

#[async_trait]
impl Filled for Embedded {
    async fn put(&self, database: &str, table: NewTable) -> Result<(), WarehouseError> {
        let database = made::checked_name(database)?.to_owned();
        made::columns(&table)?;
        self.write(move |connection, config| fill::put(connection, config, &database, &table)).await
    }

    async fn drop_table(&self, database: &str, table: &str) -> Result<(), WarehouseError> {
        let (database, table) = (made::checked_name(database)?.to_owned(), made::checked_name(table)?.to_owned());
        self.write(move |connection, _| fill::drop_table(connection, &database, &table)).await
    }
}
