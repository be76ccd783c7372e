//! A server with TLS, which Debian's has, and its certificates, which last as long as the test.

use super::{RedisServer, free_port};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::path::PathBuf;
use tempfile::TempDir;

/// An authority and what it vouches for, as files.
#[derive(Debug)]
pub struct Certificates {
    dir: TempDir,
}

impl Certificates {
    /// New ones for 127.0.0.1 and localhost.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        // One of the same name as what it vouches for would count as vouched for by itself.
        params.distinguished_name.push(DnType::CommonName, "the authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
        write("ca.pem", authority.pem());
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
            let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
            write(&format!("{name}.pem"), certificate.pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        Self { dir }
    }

    /// `ca.pem`, `server.pem`, `server.key`, `client.pem` or `client.key`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

impl RedisServer {
    /// Redis 7 that takes TLS on the port that is given as well; its own port stays open to the test's orders. Where `of_clients` it
    /// asks clients for a certificate.
    pub fn start_with_tls(certificates: &Certificates, of_clients: bool, arguments: &[&str]) -> (Self, u16) {
        let port = free_port();
        let file = |name: &str| certificates.file(name).to_string_lossy().into_owned();
        let tls = ["--tls-port", &port.to_string(), "--tls-auth-clients", if of_clients { "yes" } else { "no" }];
        let (authority, own, key) = (file("ca.pem"), file("server.pem"), file("server.key"));
        let files = ["--tls-ca-cert-file", &authority, "--tls-cert-file", &own, "--tls-key-file", &key];
        (Self::start_older(&[&tls[..], &files, arguments].concat()), port)
    }
}
