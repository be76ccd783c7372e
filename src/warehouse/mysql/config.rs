//! How a server that speaks MySQL's protocol is reached.

use crate::warehouse::server::{OpenError, Password, PoolConfig, TlsConfig, Writable};
use mysql_async::{ClientIdentity, Opts, OptsBuilder, SslOpts};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// Its settings' section.
pub(super) const SECTION: &str = "mysql";

/// How long a connection may lie idle before the system looks whether the server is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Bytes of the largest packet, which holds a row. Asked of the server otherwise, with each connection.
const PACKET_BYTES_MAX: usize = 64 << 20;
/// Seconds that a connection may lie idle before the client takes it for closed; servers close it after eight hours.
const IDLE_SEC_MAX: usize = 3_600;

/// The settings of StarRocks, MySQL or MariaDB as a warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `mysql://role@host[:3306]/database`, without a password. The database is that whose tables are read.
    pub url: String,
    /// A file whose first line is the role's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The variable of the environment that holds the role's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
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
            url: "mysql://reader@localhost/warehouse".to_owned(),
            password_file: None,
            password_env: None,
            writable: Writable::default(),
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
        self.tls.check(SECTION)?;
        self.pool.check(SECTION)
    }

    /// The database of the URL.
    pub(super) fn database(&self) -> Result<String, OpenError> {
        self.address().map(|address| address.db_name().unwrap_or_default().to_owned())
    }

    /// What the client makes of the settings, password and all.
    pub(super) fn client(&self) -> Result<Opts, OpenError> {
        let password = Password::read(SECTION, self.password_file.as_deref(), self.password_env.as_deref())?;
        let builder = OptsBuilder::from_opts(self.address()?)
            .pass(password.map(|password| password.reveal().to_owned()))
            .ssl_opts(self.encryption()?)
            // A server on this machine is asked by the way that the settings name, not by a socket that it tells of.
            .prefer_socket(false)
            .tcp_keepalive(Some(KEEPALIVE))
            .max_allowed_packet(Some(PACKET_BYTES_MAX))
            .wait_timeout(Some(IDLE_SEC_MAX))
            .stmt_cache_size(0);
        Ok(builder.into())
    }

    fn address(&self) -> Result<Opts, OpenError> {
        // What is wrong with it is not repeated, for it may hold a password all the same.
        let wrong = |rule: &str| OpenError::setting(format!("{SECTION}.url"), rule);
        if !self.url.starts_with("mysql://") {
            return Err(wrong("it begins with mysql://"));
        }
        if self.url.contains('?') {
            return Err(wrong("it must have no parameters: they are settings of their own"));
        }
        let read = Opts::from_url(&self.url).map_err(|_| wrong("it is not read as the URL of a server"))?;
        if read.pass().is_some() {
            return Err(wrong("it must have no password: that belongs into password_file or password_env"));
        }
        if read.ip_or_hostname().is_empty() || read.user().is_none() || read.db_name().is_none_or(str::is_empty) {
            return Err(wrong("it names a role, a host and a database"));
        }
        Ok(read)
    }

    fn encryption(&self) -> Result<Option<SslOpts>, OpenError> {
        // What is wrong with the files is found here, with the names of the settings, and not at the first connection.
        if self.tls.client(SECTION)?.is_none() {
            return Ok(None);
        }
        // The client takes the provider of the process, and there is but this one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let roots = match &self.tls.ca_file {
            Some(path) => vec![path.clone().into()],
            None => {
                // One that does not read would fail every connection.
                let reads = |root: &CertificateDer<'static>| RootCertStore::empty().add(root.clone()).is_ok();
                let found = rustls_native_certs::load_native_certs().certs;
                found.into_iter().filter(reads).map(|root| root.to_vec().into()).collect()
            }
        };
        let identity = self.tls.certificate_file.clone().zip(self.tls.key_file.clone());
        let identity = identity.map(|(chain, key)| ClientIdentity::new(chain.into(), key.into()));
        Ok(Some(SslOpts::default().with_disable_built_in_roots(true).with_root_certs(roots).with_client_identity(identity)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_one_with_a_password_or_parameters_is_refused_and_not_repeated() {
        let at = |url: &str| Config { url: url.to_owned(), ..Config::default() };
        assert_eq!(at("mysql://reader@db.example:9030/sales").database().unwrap(), "sales");
        assert!(at("mysql://reader@db/sales").check().is_ok());
        for url in [
            "",
            "postgres://reader@db/sales",
            "mysql://reader:hidden@db/sales",
            "mysql://reader@db/sales?require_ssl=hidden",
            "mysql://hidden@db",
            "mysql://db/hidden",
            "mysql://hidden@db:99999/x",
        ] {
            let said = at(url).check().unwrap_err().to_string();
            assert!(said.contains("warehouse.mysql.url") && !said.contains("hidden"), "{url}: {said}");
        }
    }

    #[test]
    fn a_file_that_is_missing_is_named_by_its_setting() {
        let tls = TlsConfig { ca_file: Some("/no/such/ca.pem".into()), ..TlsConfig::default() };
        let said = Config { tls, ..Config::default() }.client().unwrap_err().to_string();
        assert!(said.contains("warehouse.mysql.tls.ca_file: /no/such/ca.pem"), "{said}");
        assert!(toml::from_str::<Config>("schema = 'x'").is_err());
    }
}
