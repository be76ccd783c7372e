//! Which warehouse questions about data are put to.

use super::clickhouse::{self, ClickHouse};
use super::config::Config as EmbeddedConfig;
use super::mysql::{self, MySql};
use super::postgres::{self, Postgres};
use super::server::OpenError;
use super::{Embedded, Filled, Warehouse};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;

/// Which warehouse it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The ClickHouse engine in this process, over the data sets of each tenant.
    #[default]
    Embedded,
    /// A ClickHouse server.
    Clickhouse,
    /// A PostgreSQL server.
    Postgresql,
    /// A server that speaks MySQL's protocol: StarRocks, MySQL, MariaDB.
    Mysql,
    /// None: questions about data are refused.
    None,
}

/// The settings of the warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which it is.
    pub kind: Kind,
    /// That in process.
    pub embedded: EmbeddedConfig,
    /// ClickHouse, over HTTP.
    pub clickhouse: clickhouse::Config,
    /// PostgreSQL.
    pub postgresql: postgres::Config,
    /// MySQL's protocol.
    pub mysql: mysql::Config,
}

/// A warehouse that is there.
#[derive(Debug, Clone)]
pub enum Opened {
    /// In process, filled by the service.
    Filled(Arc<dyn Filled>),
    /// In a server, whose tables are there.
    Served(Arc<dyn Warehouse>),
}

impl Settings {
    /// Checks what a type can't, for the warehouse that is used.
    ///
    /// # Errors
    /// The first setting that can't be used.
    pub fn check(&self) -> Result<(), OpenError> {
        match self.kind {
            Kind::Embedded => {
                self.embedded.check().map_err(|error| OpenError::setting(format!("embedded.{}", error.setting), error.rule))
            }
            Kind::Clickhouse => self.clickhouse.check(),
            Kind::Postgresql => self.postgresql.check(),
            Kind::Mysql => self.mysql.check(),
            Kind::None => Ok(()),
        }
    }

    /// Opens the warehouse; connects to none yet, and loads none.
    ///
    /// # Errors
    /// The first setting that can't be used.
    pub fn open(&self, runtime_dir: &Path, data_dir: &Path) -> Result<Option<Opened>, OpenError> {
        Ok(match self.kind {
            Kind::Embedded => Some(Opened::Filled(Arc::new(Embedded::new(&self.embedded, runtime_dir, data_dir)))),
            Kind::Clickhouse => Some(Opened::Served(Arc::new(ClickHouse::open(&self.clickhouse)?))),
            Kind::Postgresql => Some(Opened::Served(Arc::new(Postgres::open(&self.postgresql)?))),
            Kind::Mysql => Some(Opened::Served(Arc::new(MySql::open(&self.mysql)?))),
            Kind::None => None,
        })
    }
}
