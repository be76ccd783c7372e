//! How a PostgreSQL server is reached.

use crate::warehouse::server::{OpenError, Password, PoolConfig, TlsConfig, Writable};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tokio_postgres::config::{Host, SslMode};

/// Its settings' section.
pub(super) const SECTION: &str = "postgresql";

/// The settings of a PostgreSQL server as a warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `postgres://role@host[:5432]/database`, without a password.
    pub url: String,
    /// A file whose first line is the role's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The variable of the environment that holds the role's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// The schema whose tables are read; names without a schema are looked up there.
    pub schema: String,
    /// What tells that rows may have changed.
    pub versions: Versions,
    /// What becomes of a role whose rights would let it write.
    pub writable: Writable,
    /// Encryption.
    pub tls: TlsConfig,
    /// Connections.
    pub pool: PoolConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "postgres://localhost/postgres".to_owned(),
            password_file: None,
            password_env: None,
            schema: "public".to_owned(),
            versions: Versions::default(),
            writable: Writable::default(),
            tls: TlsConfig::default(),
            pool: PoolConfig::default(),
        }
    }
}

/// What tells that the rows of a table may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Versions {
    /// The snapshot of transactions: never misses a change, and changes whenever anything in the server was written.
    #[default]
    Snapshot,
    /// The counters of rows written, which are the table's own and come some ten seconds late.
    Counters,
}

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`OpenError::Setting`] for the first that can't be used.
    pub fn check(&self) -> Result<(), OpenError> {
        self.client()?;
        let wrong = |field: &str, rule: &str| Err(OpenError::setting(format!("{SECTION}.{field}"), rule));
        if self.schema.is_empty() || self.schema.len() > 63 || self.schema.contains('\0') {
            return wrong("schema", "it must have 1 to 63 bytes");
        }
        self.tls.check(SECTION)?;
        self.pool.check(SECTION)
    }

    /// What the client makes of the URL, without the password.
    pub(super) fn client(&self) -> Result<tokio_postgres::Config, OpenError> {
        // What is wrong with it is not repeated, for it may hold a password all the same.
        let wrong = |rule: &str| OpenError::setting(format!("{SECTION}.url"), rule);
        if !["postgres://", "postgresql://"].iter().any(|scheme| self.url.starts_with(scheme)) {
            return Err(wrong("it begins with postgres://"));
        }
        let mut client: tokio_postgres::Config =
            self.url.parse().map_err(|_| wrong("it is not read as the URL of a PostgreSQL server"))?;
        if client.get_password().is_some() {
            return Err(wrong("it must have no password: that belongs into password_file or password_env"));
        }
        if self.url.contains('?') {
            return Err(wrong("it must have no parameters: they are settings of their own"));
        }
        if client.get_hosts().is_empty() || client.get_user().is_none() || client.get_dbname().is_none() {
            return Err(wrong("it names a role, a host and a database"));
        }
        if self.tls.on && client.get_hosts().iter().any(|host| matches!(host, Host::Unix(_))) {
            return Err(wrong("a socket of this machine is not encrypted: set tls.on = false"));
        }
        client.ssl_mode(if self.tls.on { SslMode::Require } else { SslMode::Disable });
        client.connect_timeout(self.pool.connect_timeout()).tcp_user_timeout(self.pool.connect_timeout());
        client.application_name("instinct");
        Ok(client)
    }

    pub(super) fn password(&self) -> Result<Option<Password>, OpenError> {
        Password::read(SECTION, self.password_file.as_deref(), self.password_env.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(config: &Config) -> String {
        config.check().unwrap_err().to_string()
    }

    fn at(url: &str) -> Config {
        Config { url: url.to_owned(), ..Config::default() }
    }

    #[test]
    fn a_url_is_read_and_one_with_a_password_or_parameters_is_refused_and_not_repeated() {
        assert!(at("postgres://reader@db.example:6432/sales").check().is_ok());
        assert!(at("postgresql://reader@db/sales").check().is_ok());
        for url in [
            "",
            "mysql://reader@db/sales",
            "postgres://reader:hidden@db/sales",
            "postgres://reader@db/sales?password=hidden",
            "postgres://reader@db/sales?options=-c%20hidden",
            "postgres://hidden@db",
            "postgres://db/hidden",
            "postgres://reader@%2Frun%2Fhidden/sales",
        ] {
            let said = refused(&at(url));
            assert!(said.contains("warehouse.postgresql.url") && !said.contains("hidden"), "{url}: {said}");
        }
    }

    #[test]
    fn a_setting_out_of_its_range_is_named() {
        let good = at("postgres://reader@db/sales");
        assert!(refused(&Config { schema: String::new(), ..good.clone() }).contains("warehouse.postgresql.schema"));
        let pool = PoolConfig { connections_max: 0, ..PoolConfig::default() };
        assert!(refused(&Config { pool, ..good.clone() }).contains("warehouse.postgresql.pool.connections_max: 0"));
        let tls = TlsConfig { key_file: Some("/k".into()), ..TlsConfig::default() };
        assert!(refused(&Config { tls, ..good }).contains("warehouse.postgresql.tls.certificate_file"));
        let read =
            toml::from_str::<Config>("url = 'postgres://r@h/d'\nversions = 'counters'\nwritable = 'warn'\n[tls]\non = false");
        assert_eq!(read.unwrap().versions, Versions::Counters);
        assert!(toml::from_str::<Config>("pasword_file = '/x'").is_err());
    }
}
