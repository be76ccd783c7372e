//! A PostgreSQL server as a warehouse.
//!
//! A statement runs in a transaction of its own that is read-only, with a `statement_timeout` that ends it in the server at the
//! deadline. Where the caller goes away or the result is too large, the server is told to cancel it, on a connection of its own, and the
//! connection that it ran on is given up: a cancellation that comes late would hit the next statement.
//!
//! Invariants:
//! - every transaction is `READ ONLY` and rolled back, so that not even a setting outlives it;
//! - a role whose rights would let it write is refused, unless the settings say to warn only;
//! - a value of a type that is not known here comes as the text that PostgreSQL makes of it.

mod config;
mod connection;
mod cost;
mod error;
mod moment;
mod numeric;
mod query;
mod schema;
#[cfg(test)]
mod tests;
mod value;

pub use config::{Config, Versions};

use super::server::{OpenError, Worker};
use super::{Bounds, Cost, Rows, Speaks, Statement, TableInfo, Warehouse, WarehouseError};
use crate::domain::deadline::Deadline;
use async_trait::async_trait;
use connection::{Connections, Running};
use std::sync::Arc;
use tokio::time::timeout_at;

/// A PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    connections: Connections,
    schema: String,
    versions: Versions,
    // The last to go, for the connections are closed on it.
    worker: Worker,
}

impl Postgres {
    /// Checks the settings; connects to nothing yet.
    ///
    /// # Errors
    /// [`OpenError::Setting`].
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        config.check()?;
        let (connections, worker) = (Connections::new(config)?, Worker::start(config::SECTION)?);
        Ok(Self { connections, schema: config.schema.clone(), versions: config.versions, worker })
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
                // Nothing is ever written, so asking again does no harm.
                Err(WarehouseError::Away { .. }) if kept => work(connections.take(deadline).await?).await,
                other => other,
            }
        };
        self.worker.run(asked).await
    }
}

#[async_trait]
impl Warehouse for Postgres {
    fn speaks(&self) -> Speaks {
        Speaks::PostgreSql
    }

    async fn tables(&self, database: Option<&str>, deadline: Deadline) -> Result<Vec<TableInfo>, WarehouseError> {
        let (schema, versions) = (Arc::<str>::from(database.unwrap_or(&self.schema)), self.versions);
        let work = move |running: Running| {
            let schema = Arc::clone(&schema);
            async move {
                let result =
                    timeout_at(deadline.at().into(), schema::tables(running.client()?, &schema, versions, deadline)).await;
                running.end(result)
            }
        };
        self.ask(deadline, work).await
    }

    async fn run(&self, statement: &Statement, bounds: &Bounds) -> Result<Rows, WarehouseError> {
        let (statement, bounds) = (Arc::new(statement.clone()), *bounds);
        let work = move |running: Running| {
            let statement = Arc::clone(&statement);
            async move {
                let result = timeout_at(bounds.deadline.at().into(), query::rows(running.client()?, &statement, &bounds)).await;
                running.end(result)
            }
        };
        self.ask(bounds.deadline, work).await
    }

    async fn cost(&self, statement: &Statement, deadline: Deadline) -> Result<Option<Cost>, WarehouseError> {
        let statement = Arc::new(statement.clone());
        let work = move |running: Running| {
            let statement = Arc::clone(&statement);
            async move {
                let result = timeout_at(deadline.at().into(), cost::of(running.client()?, &statement, deadline)).await;
                running.end(result)
            }
        };
        self.ask(deadline, work).await
    }
}
