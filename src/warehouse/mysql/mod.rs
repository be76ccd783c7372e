//! A server that speaks MySQL's protocol as a warehouse: StarRocks, MySQL, MariaDB.
//!
//! A session is set to read-only transactions, and each statement has a limit of time of the server's own. Where the deadline passes, the
//! caller goes away or the result is too large, the connection is killed from a second one, which ends the statement wherever it is.
//!
//! On MySQL and MariaDB statements are prepared, and a prepared one is one statement alone; one that gives no columns is not run.
//! StarRocks prepares little of its SQL, so a statement without values goes to it as it is; there the rights of the role are the guard.
//!
//! Invariants:
//! - a role whose rights would let it write is refused, unless the settings say to warn only;
//! - a value of a type that is not known here comes as a text.

mod config;
mod connection;
mod cost;
mod error;
mod flavour;
mod query;
mod schema;
#[cfg(test)]
mod tests;
mod value;

pub use config::Config;

use super::server::{OpenError, Worker};
use super::{Bounds, Cost, Rows, Speaks, Statement, TableInfo, Warehouse, WarehouseError};
use crate::domain::deadline::Deadline;
use async_trait::async_trait;
use connection::{Connections, Running};
use std::sync::Arc;
use tokio::time::timeout_at;

/// A server that speaks MySQL's protocol.
#[derive(Debug)]
pub struct MySql {
    connections: Connections,
    database: String,
    // The last to go, for the connections are closed on it.
    worker: Worker,
}

impl MySql {
    /// Checks the settings; connects to nothing yet.
    ///
    /// # Errors
    /// [`OpenError::Setting`].
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        config.check()?;
        let (connections, worker) = (Connections::new(config)?, Worker::start(config::SECTION)?);
        Ok(Self { connections, database: config.database()?, worker })
    }

    /// Connects, and so finds out whether the server is there and the role may not write.
    ///
    /// # Errors
    /// [`WarehouseError`], whose text for the log says what to do.
    pub async fn probe(&self, deadline: Deadline) -> Result<(), WarehouseError> {
        let connections = self.connections.clone();
        self.worker.run(async move { connections.take(deadline).await.map(Running::settle) }).await
    }

    /// Has work done on a connection; once more on a new one where the first had been open for a while and was gone.
    async fn ask<T, F>(
        &self,
        deadline: Deadline,
        work: impl Fn(Running) -> F + Send + Sync + 'static,
    ) -> Result<T, WarehouseError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, WarehouseError>> + Send,
    {
        let connections = self.connections.clone();
        let asked = async move {
            let running = connections.take(deadline).await?;
            let kept = running.kept;
            match work(running).await {
                // Nothing is ever written, so asking again does no harm. Where one is gone the others that lie idle are gone too.
                Err(WarehouseError::Away { .. }) if kept => {
                    connections.forget_idle();
                    work(connections.take(deadline).await?).await
                }
                other => other,
            }
        };
        self.worker.run(asked).await
    }
}

#[async_trait]
impl Warehouse for MySql {
    fn speaks(&self) -> Speaks {
        Speaks::MySql
    }

    async fn tables(&self, database: Option<&str>, deadline: Deadline) -> Result<Vec<TableInfo>, WarehouseError> {
        let database = Arc::<str>::from(database.unwrap_or(&self.database));
        let work = move |mut running: Running| {
            let database = Arc::clone(&database);
            async move {
                let result = timeout_at(deadline.at().into(), schema::tables(running.session()?, &database, deadline)).await;
                running.end(result)
            }
        };
        self.ask(deadline, work).await
    }

    async fn run(&self, statement: &Statement, bounds: &Bounds) -> Result<Rows, WarehouseError> {
        let (statement, bounds) = (Arc::new(statement.clone()), *bounds);
        let work = move |mut running: Running| {
            let statement = Arc::clone(&statement);
            async move {
                let result = timeout_at(bounds.deadline.at().into(), query::rows(running.session()?, &statement, &bounds)).await;
                running.end(result)
            }
        };
        self.ask(bounds.deadline, work).await
    }

    async fn cost(&self, statement: &Statement, deadline: Deadline) -> Result<Option<Cost>, WarehouseError> {
        let statement = Arc::new(statement.clone());
        let work = move |mut running: Running| {
            let statement = Arc::clone(&statement);
            async move {
                let result = timeout_at(deadline.at().into(), cost::of(running.session()?, &statement, deadline)).await;
                running.end(result)
            }
        };
        self.ask(deadline, work).await
    }
}
