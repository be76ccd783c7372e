//! Encryption of the way to a server.

use super::OpenError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the way to a server is encrypted. There is no mode that falls back to plain text when the server offers nothing better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Whether it is. Off is for a server on this machine or on a network that is trusted.
    pub on: bool,
    /// The certificates (PEM) of the authorities that may vouch for the server, in place of those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// This client's own certificate (PEM), where the server asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_file: Option<PathBuf>,
    /// The private key of that certificate (PEM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self { on: true, ca_file: None, certificate_file: None, key_file: None }
    }
}

impl TlsConfig {
    pub(in crate::warehouse) fn check(&self, section: &str) -> Result<(), OpenError> {
        let wrong = |field: &str, rule: &str| Err(OpenError::setting(format!("{section}.tls.{field}"), rule));
        if self.certificate_file.is_some() != self.key_file.is_some() {
            return wrong("certificate_file", "it goes together with key_file");
        }
        if !self.on && (self.ca_file.is_some() || self.key_file.is_some()) {
            return wrong("on", "it is off, and files for it are named");
        }
        Ok(())
    }

    /// The client's side of it; none where it is off.
    pub(in crate::warehouse) fn client(&self, section: &str) -> Result<Option<ClientConfig>, OpenError> {
        if !self.on {
            return Ok(None);
        }
        let wrong = |field: &str, rule: String| OpenError::setting(format!("{section}.tls.{field}"), rule);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong("on", error.to_string()))?;
        let builder = builder.with_root_certificates(self.authorities().map_err(|rule| wrong("ca_file", rule))?);
        let client = match (&self.certificate_file, &self.key_file) {
            (Some(certificate), Some(key)) => {
                let chain = certificates(certificate).map_err(|rule| wrong("certificate_file", rule))?;
                let key = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong("key_file", unreadable(key, error)))?;
                builder.with_client_auth_cert(chain, key).map_err(|error| wrong("key_file", error.to_string()))?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(Some(client))
    }

    fn authorities(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = &self.ca_file {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| error.to_string())?;
            }
            return Ok(roots);
        }
        let (used, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if used == 0 { Err("this system has no certificates of authorities: name a file of them".to_owned()) } else { Ok(roots) }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| unreadable(path, error))?;
    if found.is_empty() { Err(format!("{} has no certificate", path.display())) } else { Ok(found) }
}

fn unreadable(path: &Path, error: impl std::fmt::Display) -> String {
    format!("{} can't be read: {error}", path.display())
}
