//! How a ClickHouse server is reached.

use super::super::server::{OpenError, Password, PoolConfig, TlsConfig};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Its settings' section.
pub(super) const SECTION: &str = "clickhouse";

/// The settings of a ClickHouse server as a warehouse. Its user needs the right to SELECT alone; settings are sent along with every
/// statement, so his profile is not `readonly = 1`, which would refuse them: every statement is made so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `https://host:8443`, the address of its HTTP interface, without a user or a password.
    pub url: String,
    /// The user.
    pub user: String,
    /// A file whose first line is the user's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The variable of the environment that holds the user's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// The database whose tables are read; names without a database are looked up there.
    pub database: String,
    /// Threads of one query in the server, 1 to 256.
    pub threads: u32,
    /// Bytes of memory that one query may take in the server.
    pub query_memory_bytes_max: u64,
    /// Files for encryption; whether there is any is said by the URL.
    pub tls: TlsConfig,
    /// Connections.
    pub pool: PoolConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "http://localhost:8123".to_owned(),
            user: "default".to_owned(),
            password_file: None,
            password_env: None,
            database: "default".to_owned(),
            threads: 4,
            query_memory_bytes_max: 4 << 30,
            tls: TlsConfig::default(),
            pool: PoolConfig::default(),
        }
    }
}

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`OpenError::Setting`] for the first that can't be used.
    pub fn check(&self) -> Result<(), OpenError> {
        self.address()?;
        let wrong = |field: &str, rule: &str| Err(OpenError::setting(format!("{SECTION}.{field}"), rule));
        let header = |text: &str| !text.is_empty() && text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !header(&self.user) {
            return wrong("user", "it must have 1 to 256 visible ASCII letters");
        }
        if self.database.is_empty() || self.database.len() > 256 || self.database.contains('\0') {
            return wrong("database", "it must have 1 to 256 bytes");
        }
        if !(1..=256).contains(&self.threads) {
            return wrong("threads", "it must be 1 to 256");
        }
        if self.query_memory_bytes_max < 16 << 20 {
            return wrong("query_memory_bytes_max", "it must be 16777216 at least");
        }
        self.tls.check(SECTION)?;
        self.pool.check(SECTION)
    }

    /// The address. What is wrong with it is not repeated, for it may hold a password all the same.
    pub(super) fn address(&self) -> Result<Url, OpenError> {
        let wrong = |rule: &str| OpenError::setting(format!("{SECTION}.url"), rule);
        let url = Url::parse(&self.url).map_err(|_| wrong("it is not read as a URL"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(wrong("it begins with http:// or https:// and names a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it must have no user and no password: these are settings of their own"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it must have no parameters: they are settings of their own"));
        }
        Ok(url)
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

    #[test]
    fn a_url_with_a_password_or_parameters_is_refused_and_not_repeated() {
        assert!(Config { url: "https://db.example:8443/click".to_owned(), ..Config::default() }.check().is_ok());
        for url in
            ["", "hidden", "tcp://hidden:9000", "http://hidden@db:8123", "http://u:hidden@db", "http://db/?password=hidden"]
        {
            let said = refused(&Config { url: url.to_owned(), ..Config::default() });
            assert!(said.contains("warehouse.clickhouse.url") && !said.contains("hidden"), "{url}: {said}");
        }
    }

    #[test]
    fn a_setting_out_of_its_range_is_named() {
        assert!(Config::default().check().is_ok());
        assert!(refused(&Config { user: "a\nb".to_owned(), ..Config::default() }).contains("warehouse.clickhouse.user"));
        assert!(refused(&Config { threads: 0, ..Config::default() }).contains("warehouse.clickhouse.threads"));
        assert!(refused(&Config { database: String::new(), ..Config::default() }).contains("warehouse.clickhouse.database"));
        assert!(toml::from_str::<Config>("pasword_file = '/x'").is_err());
        assert_eq!(toml::from_str::<Config>("user = 'reader'").unwrap().user, "reader");
    }
}
