//! How a Redis is reached.

use super::RedisError;
use fred::types::config::{ConnectionConfig, PerformanceConfig, ReconnectPolicy, TlsConfig, TlsConnector, UnresponsiveConfig};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The settings of connections to Redis. Where it is, is not among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A file whose first line is the password, in place of one in the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The certificates (PEM) of the authorities that may vouch for the server, in place of those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_ca_file: Option<PathBuf>,
    /// This client's own certificate (PEM), where the server asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_certificate_file: Option<PathBuf>,
    /// The private key of that certificate (PEM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key_file: Option<PathBuf>,
    /// Milliseconds to connect, with encryption and password, 10 to 60,000.
    pub connect_timeout_ms: u64,
    /// Milliseconds for one command, 10 to 60,000.
    pub command_timeout_ms: u64,
    /// Milliseconds of the longest pause between two tries to connect again, 100 to 60,000.
    pub reconnect_pause_max_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            password_file: None,
            tls_ca_file: None,
            tls_certificate_file: None,
            tls_key_file: None,
            connect_timeout_ms: 2_000,
            command_timeout_ms: 1_000,
            reconnect_pause_max_ms: 2_000,
        }
    }
}

/// Milliseconds of the first pause before a lost connection is made again; each further pause is twice as long.
const RECONNECT_PAUSE_MIN_MS: u32 = 50;

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// [`RedisError::Setting`] for the first that is out of it.
    pub fn check(&self) -> Result<(), RedisError> {
        let within = |field, given: u64, min: u64, max: u64| {
            let fits = (min..=max).contains(&given);
            if fits {
                Ok(())
            } else {
                Err(RedisError::setting(field, format!("{given} can't be used: it must be {min} to {max}")))
            }
        };
        within("connect_timeout_ms", self.connect_timeout_ms, 10, 60_000)?;
        within("command_timeout_ms", self.command_timeout_ms, 10, 60_000)?;
        within("reconnect_pause_max_ms", self.reconnect_pause_max_ms, 100, 60_000)?;
        if self.tls_certificate_file.is_some() != self.tls_key_file.is_some() {
            return Err(RedisError::setting("tls_certificate_file", "it goes together with tls_key_file".to_owned()));
        }
        Ok(())
    }

    /// How long a command may take.
    pub fn command_timeout(&self) -> Duration {
        Duration::from_millis(self.command_timeout_ms)
    }

    pub(super) fn password(&self) -> Result<Option<String>, RedisError> {
        let Some(path) = &self.password_file else { return Ok(None) };
        let text = std::fs::read_to_string(path).map_err(|error| unreadable("password_file", path, error))?;
        let first = text.lines().next().map(str::trim_end).filter(|line| !line.is_empty());
        let first = first.ok_or_else(|| RedisError::setting("password_file", format!("{} is empty", path.display())))?;
        Ok(Some(first.to_owned()))
    }

    pub(super) fn connection(&self) -> ConnectionConfig {
        ConnectionConfig {
            connection_timeout: Duration::from_millis(self.connect_timeout_ms),
            internal_command_timeout: Duration::from_millis(self.connect_timeout_ms),
            // Sent once: a command whose connection broke may have been done, and only who asked knows whether it may be done again.
            max_command_attempts: 1,
            auto_client_setname: true,
            // A server that hangs is noticed by commands that time out, see `Link`.
            unresponsive: UnresponsiveConfig { max_timeout: None, ..UnresponsiveConfig::default() },
            ..ConnectionConfig::default()
        }
    }

    pub(super) fn performance(&self) -> PerformanceConfig {
        PerformanceConfig { default_command_timeout: self.command_timeout(), ..PerformanceConfig::default() }
    }

    pub(super) fn reconnecting(&self) -> ReconnectPolicy {
        let max = u32::try_from(self.reconnect_pause_max_ms).unwrap_or(u32::MAX);
        let mut policy = ReconnectPolicy::new_exponential(0, RECONNECT_PAUSE_MIN_MS, max, 2);
        policy.set_jitter(max / 4);
        policy
    }

    pub(super) fn tls(&self) -> Result<TlsConfig, RedisError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder =
            builder.map_err(|error| RedisError::Tls { detail: error.to_string() })?.with_root_certificates(self.authorities()?);
        let config = match (&self.tls_certificate_file, &self.tls_key_file) {
            (Some(certificate), Some(key)) => {
                let chain = certificates("tls_certificate_file", certificate)?;
                let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable("tls_key_file", key, error))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| RedisError::setting("tls_key_file", error.to_string()))?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(TlsConnector::from(config).into())
    }

    fn authorities(&self) -> Result<RootCertStore, RedisError> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = &self.tls_ca_file {
            for certificate in certificates("tls_ca_file", path)? {
                roots.add(certificate).map_err(|error| RedisError::setting("tls_ca_file", error.to_string()))?;
            }
            return Ok(roots);
        }
        let found = rustls_native_certs::load_native_certs();
        let (used, _) = roots.add_parsable_certificates(found.certs);
        if used == 0 {
            let rule = "this system has no certificates of authorities: name a file of them".to_owned();
            return Err(RedisError::setting("tls_ca_file", rule));
        }
        Ok(roots)
    }
}

fn certificates(field: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, RedisError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| unreadable(field, path, error))?;
    if found.is_empty() { Err(RedisError::setting(field, format!("{} has no certificate", path.display()))) } else { Ok(found) }
}

fn unreadable(field: &'static str, path: &Path, error: impl std::fmt::Display) -> RedisError {
    RedisError::setting(field, format!("{} can't be read: {error}", path.display()))
}
