//! Against a real server, MariaDB.

mod bounds;
mod contracted;
mod types;
mod world;

use super::{Config, MySql};
use crate::domain::deadline::Deadline;
use crate::domain::sql_value::{Binding, Cell, Scalar};
use crate::warehouse::server::processes::MariaDbServer;
use crate::warehouse::server::{PoolConfig, TlsConfig, Writable};
use crate::warehouse::{Bounds, Rows, Statement, Warehouse, WarehouseError};
use std::sync::Arc;
use std::time::Duration;

/// A statement that runs for minutes.
const LONG: &str = "SELECT BENCHMARK(100000000000, MD5('x'))";

/// A database of the test's own on the server that tests share, and a role that may read it.
struct Place {
    server: Arc<MariaDbServer>,
    name: &'static str,
}

impl Place {
    fn new(name: &'static str, sql: &str) -> Self {
        let server = MariaDbServer::shared();
        server.say(&format!(
            "CREATE DATABASE {name}; CREATE USER {name}@'%'; GRANT SELECT ON {name}.* TO {name}@'%'; USE {name}; {sql}"
        ));
        Self { server, name }
    }

    fn say(&self, sql: &str) -> Vec<String> {
        self.server.say(&format!("USE {}; {sql}", self.name))
    }

    fn config(&self) -> Config {
        Config {
            url: self.server.url(self.name, self.name),
            tls: TlsConfig { on: false, ..TlsConfig::default() },
            pool: PoolConfig { connections_max: 2, ..PoolConfig::default() },
            ..Config::default()
        }
    }

    fn open(&self) -> MySql {
        MySql::open(&self.config()).unwrap()
    }
}

/// How many statements of a role run in the server.
fn running(server: &MariaDbServer, role: &str) -> usize {
    server.say(&format!("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{role}' AND COMMAND <> 'Sleep'")).len()
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

fn bound(value: Scalar) -> Binding {
    Binding { name: "1".to_owned(), data_type: "text".to_owned(), value }
}

async fn rows(mysql: &MySql, sql: &str) -> Rows {
    mysql.run(&plain(sql), &bounds()).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
}

async fn refused(mysql: &MySql, sql: &str) -> String {
    match mysql.run(&plain(sql), &bounds()).await {
        Err(WarehouseError::Refused { code, .. }) => code,
        other => panic!("{sql}: {other:?}"),
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}
