//! Against a real server.

mod bounds;
mod contracted;
mod types;
mod world;

use super::{Config, Postgres, Versions};
use crate::domain::deadline::Deadline;
use crate::domain::sql_value::{Binding, Cell, Scalar};
use crate::warehouse::server::processes::PostgresServer;
use crate::warehouse::server::{PoolConfig, TlsConfig, Writable};
use crate::warehouse::{Bounds, Rows, Statement, Warehouse, WarehouseError};
use std::sync::Arc;
use std::time::Duration;

/// A schema of the test's own on the server that tests share, and a role that may read it.
struct Place {
    server: Arc<PostgresServer>,
    name: &'static str,
}

impl Place {
    fn new(name: &'static str, sql: &str) -> Self {
        Self::on(PostgresServer::shared(), name, sql)
    }

    fn on(server: Arc<PostgresServer>, name: &'static str, sql: &str) -> Self {
        server.say(&format!(
            "CREATE SCHEMA {name}; CREATE ROLE {name} LOGIN; GRANT USAGE ON SCHEMA {name} TO {name}; \
             ALTER DEFAULT PRIVILEGES IN SCHEMA {name} GRANT SELECT ON TABLES TO {name}; SET search_path = {name}; {sql}"
        ));
        Self { server, name }
    }

    fn say(&self, sql: &str) -> Vec<String> {
        self.server.say(&format!("SET search_path = {}; {sql}", self.name))
    }

    fn config(&self) -> Config {
        Config {
            url: self.server.url(self.name),
            schema: self.name.to_owned(),
            tls: TlsConfig { on: false, ..TlsConfig::default() },
            pool: PoolConfig { connections_max: 2, ..PoolConfig::default() },
            ..Config::default()
        }
    }

    fn open(&self) -> Postgres {
        Postgres::open(&self.config()).unwrap()
    }

    /// How many statements of the role run in the server.
    fn running(&self) -> usize {
        let sql = format!("SELECT pid FROM pg_stat_activity WHERE usename = '{}' AND state = 'active'", self.name);
        self.server.say(&sql).len()
    }
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn bounds() -> Bounds {
    Bounds { deadline: soon(), rows_max: 10_000, bytes_max: 10_000_000 }
}

fn plain(sql: &str) -> Statement {
    Statement { sql: sql.to_owned(), values: Vec::new() }
}

fn bound(data_type: &str, value: Scalar) -> Binding {
    Binding { name: "1".to_owned(), data_type: data_type.to_owned(), value }
}

async fn rows(postgres: &Postgres, sql: &str) -> Rows {
    postgres.run(&plain(sql), &bounds()).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
}

async fn refused(postgres: &Postgres, sql: &str) -> String {
    match postgres.run(&plain(sql), &bounds()).await {
        Err(WarehouseError::Refused { code, .. }) => code,
        other => panic!("{sql}: {other:?}"),
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}
