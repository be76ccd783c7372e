//! A ClickHouse server as a warehouse, over its HTTP interface.
//!
//! Every statement is sent with `readonly = 1` and with its limits, so that the server itself refuses to write and ends the query
//! at the deadline. Where the caller goes away or the result is too large, the server is told to end it, in a request of its own.
//!
//! Invariants:
//! - settings stand in the URL beside `readonly = 1`, which keeps a statement from changing any of them;
//! - a password goes to the server that it is for and to no other: no redirect is followed.

mod answer;
mod config;
mod request;
#[cfg(test)]
mod tests;

pub use config::Config;

use super::clickhouse_text::{self, Version};
use super::places::Places;
use super::server::{OpenError, Worker};
use super::{Bounds, Cost, Rows, Speaks, Statement, TableInfo, Warehouse, WarehouseError};
use crate::domain::deadline::Deadline;
use crate::domain::sql_value::{Binding, Scalar};
use async_trait::async_trait;
use request::{Asker, Ending};
use std::sync::Arc;

/// Rows and bytes of the catalogue of a database.
const CATALOGUE_ROWS_MAX: usize = 1_000_000;
const CATALOGUE_BYTES_MAX: usize = 256 << 20;

/// `ACCESS_DENIED`.
const DENIED: &str = "497";

/// A ClickHouse server.
#[derive(Debug)]
pub struct ClickHouse {
    asker: Arc<Asker>,
    places: Arc<Places>,
    database: String,
    // The last to go, for the connections are closed on it.
    worker: Worker,
}

impl ClickHouse {
    /// Checks the settings; connects to nothing yet.
    ///
    /// # Errors
    /// [`OpenError::Setting`].
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        config.check()?;
        let places = Places::new(config.pool.connections_max, config.pool.waiting_max);
        let (asker, worker) = (Asker::new(config)?, Worker::start(config::SECTION)?);
        Ok(Self { asker: Arc::new(asker), places: Arc::new(places), database: config.database.clone(), worker })
    }

    /// Connects, and so finds out whether the server is there and takes the user.
    ///
    /// # Errors
    /// [`WarehouseError`], whose text for the log says what is wrong.
    pub async fn probe(&self, deadline: Deadline) -> Result<(), WarehouseError> {
        let statement = Statement { sql: "SELECT 1".to_owned(), values: Vec::new() };
        self.rows(statement, &of_catalogue(deadline)).await.map(|_| ())
    }

    async fn rows(&self, statement: Statement, bounds: &Bounds) -> Result<Rows, WarehouseError> {
        let (asker, places, bounds) = (Arc::clone(&self.asker), Arc::clone(&self.places), *bounds);
        let asked = async move {
            if bounds.deadline.passed() {
                return Err(WarehouseError::Late);
            }
            let _place = places.take(bounds.deadline).await?;
            let ending = Ending::new(&asker);
            let asked = asker.rows(ending.query(), &statement, &bounds);
            let answered = tokio::time::timeout_at(bounds.deadline.at().into(), asked).await.unwrap_or(Err(WarehouseError::Late));
            // A server that refused has ended it already.
            if matches!(answered, Ok(_) | Err(WarehouseError::Refused { .. } | WarehouseError::Busy)) {
                ending.settle();
            }
            answered
        };
        self.worker.run(asked).await
    }
}

fn of_catalogue(deadline: Deadline) -> Bounds {
    Bounds { deadline, rows_max: CATALOGUE_ROWS_MAX, bytes_max: CATALOGUE_BYTES_MAX }
}

#[async_trait]
impl Warehouse for ClickHouse {
    fn speaks(&self) -> Speaks {
        Speaks::ClickHouse
    }

    async fn tables(&self, database: Option<&str>, deadline: Deadline) -> Result<Vec<TableInfo>, WarehouseError> {
        let value = Scalar::Text(database.unwrap_or(&self.database).to_owned());
        let binding = Binding { name: "p1".to_owned(), data_type: "String".to_owned(), value };
        let ask = async |version| {
            let statement = Statement { sql: clickhouse_text::catalogue(version), values: vec![binding.clone()] };
            self.rows(statement, &of_catalogue(deadline)).await.map(clickhouse_text::tables)
        };
        match ask(Version::OF_PARTS).await {
            // Who may read tables may still not see their parts.
            Err(WarehouseError::Refused { code, .. }) if code == DENIED => ask(Version::UNKNOWN).await,
            other => other,
        }
    }

    async fn run(&self, statement: &Statement, bounds: &Bounds) -> Result<Rows, WarehouseError> {
        self.rows(statement.clone(), bounds).await
    }

    async fn cost(&self, statement: &Statement, deadline: Deadline) -> Result<Option<Cost>, WarehouseError> {
        let explained =
            Statement { sql: format!("{}{}", clickhouse_text::ESTIMATE, statement.sql), values: statement.values.clone() };
        self.rows(explained, &of_catalogue(deadline)).await.map(|rows| clickhouse_text::estimate(&rows))
    }
}
