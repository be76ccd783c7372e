//! Who is asking, for which tenant, and what the tenant may have.
//!
//! A credential is an API key or a JWT, in `Authorization: Bearer`. What comes of it is a [`Caller`] or a [`Refusal`]; the refusal is for
//! the log and for a count, and the caller learns only that there was one.
//!
//! # Invariants
//!
//! - What was not verified is never looked at further: no claim before the signature, no signature before the key is known, no key but
//!   those of the settings.
//! - Whatever a stranger sends costs a bounded time and a bounded memory, and at most one request to the issuer in a while.
//! - No secret is in a log, an error or a `Debug`.

mod config;
#[cfg(fuzzing)]
pub mod fuzz;
mod jwk;
mod jwks;
mod jwt;
mod keys;
mod members;
mod refusal;
mod registry;

pub use config::{AuthConfig, JwtConfig, MetricsReaders, Priority, QuotaConfig, RateConfig, TenantConfig, check_tenants};
pub use keys::{KeyTerms, KeysError, NewKey};
pub use refusal::Refusal;
pub use registry::{Quota, Rates, Tenants};

use self::jwt::Tokens;
use self::keys::{KeyRing, Shown};
use crate::domain::request::Caller;
use crate::limits::CREDENTIAL_BYTES_MAX;
use crate::telemetry::metrics::tenants as metrics;
use std::time::Duration;
use tokio::sync::watch;

/// Why credentials can't be checked.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file of API keys can't be used.
    #[error("auth.keys_file: {0}")]
    Keys(#[from] KeysError),
    /// The settings of tokens can't be used.
    #[error("auth.jwt: {0}")]
    Jwt(String),
}

/// How it stands with what credentials are checked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialsState {
    /// API keys.
    pub api_keys: usize,
    /// Signing keys of the issuer; `None` where no tokens are taken.
    pub signing_keys: Option<usize>,
}

/// What callers are let in by. Without any, nobody is asked.
#[derive(Debug, Default)]
pub struct Credentials {
    keys: Option<(KeyRing, Duration)>,
    tokens: Option<Tokens>,
}

impl Credentials {
    /// Reads the file of API keys; asks no issuer yet.
    ///
    /// # Errors
    /// [`OpenError`], which names the setting.
    pub fn open(config: &AuthConfig) -> Result<Self, OpenError> {
        config.check().map_err(|error| OpenError::Jwt(error.to_string()))?;
        metrics::refusals(Refusal::ALL.map(Refusal::as_str));
        let ring = config.keys_file.as_deref().map(KeyRing::open).transpose()?;
        Ok(Self {
            keys: ring.map(|ring| (ring, Duration::from_secs(config.reload_sec))),
            tokens: config.jwt.as_ref().map(Tokens::open).transpose().map_err(OpenError::Jwt)?,
        })
    }

    /// Whether callers are asked for any.
    pub fn asked_for(&self) -> bool {
        self.keys.is_some() || self.tokens.is_some()
    }

    /// Who shows this value of `Authorization`. Waits, no longer than `auth.jwt.timeout_ms`, where a signing key has to be looked up.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn caller(&self, authorization: &[u8]) -> Result<Caller, Refusal> {
        match (credential(authorization)?, &self.keys, &self.tokens) {
            (key, Some((ring, _)), _) if Shown::is_meant(key) => ring.caller(Shown::read(key).ok_or(Refusal::Malformed)?),
            (token, _, Some(tokens)) => tokens.caller(token).await,
            _ => Err(Refusal::Scheme),
        }
    }

    /// The same by what is known, without waiting.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn caller_now(&self, authorization: &[u8]) -> Result<Caller, Refusal> {
        match (credential(authorization)?, &self.keys, &self.tokens) {
            (key, Some((ring, _)), _) if Shown::is_meant(key) => ring.caller(Shown::read(key).ok_or(Refusal::Malformed)?),
            (token, _, Some(tokens)) => tokens.caller_now(token),
            _ => Err(Refusal::Scheme),
        }
    }

    /// Asks the issuer for its signing keys; `false` where tokens are taken and none of them can be checked.
    pub async fn refresh(&self) -> bool {
        match &self.tokens {
            Some(tokens) => tokens.jwks.refresh().await,
            None => true,
        }
    }

    /// Reads API keys and signing keys again and again; never ends.
    pub async fn keep_fresh(&self) {
        let keys = async {
            match &self.keys {
                Some((ring, every)) => ring.keep_fresh(*every).await,
                None => std::future::pending().await,
            }
        };
        let tokens = async {
            match &self.tokens {
                Some(tokens) => tokens.jwks.keep_fresh().await,
                None => std::future::pending().await,
            }
        };
        tokio::join!(keys, tokens);
    }

    /// Tells of each time that the API keys were read again; `None` where there are none.
    pub fn key_reloads(&self) -> Option<watch::Receiver<u64>> {
        self.keys.as_ref().map(|(ring, _)| ring.reloads())
    }

    /// How it stands.
    pub fn state(&self) -> CredentialsState {
        CredentialsState {
            api_keys: self.keys.as_ref().map_or(0, |(ring, _)| ring.len()),
            signing_keys: self.tokens.as_ref().map(|tokens| tokens.jwks.held().map_or(0, |held| held.keys.len())),
        }
    }
}

/// The credential in a value of `Authorization` (RFC 6750, 2.1).
fn credential(authorization: &[u8]) -> Result<&str, Refusal> {
    const SCHEME: &str = "Bearer ";
    if authorization.len() > CREDENTIAL_BYTES_MAX + SCHEME.len() {
        return Err(Refusal::TooLong);
    }
    let text = std::str::from_utf8(authorization).map_err(|_| Refusal::Malformed)?;
    let scheme = text.get(..SCHEME.len()).ok_or(Refusal::Scheme)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(Refusal::Scheme);
    }
    let credential = text.get(SCHEME.len()..).unwrap_or_default();
    if credential.is_empty() || !credential.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Refusal::Malformed);
    }
    Ok(credential)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_credential_stands_alone_behind_the_word_bearer() {
        assert_eq!((credential(b"Bearer abc"), credential(b"bEARER abc")), (Ok("abc"), Ok("abc")));
        for (given, why) in [
            (&b""[..], Refusal::Scheme),
            (b"Bearer", Refusal::Scheme),
            (b"Basic abc", Refusal::Scheme),
            (b"Bearer\tabc", Refusal::Scheme),
            (b"Bearer ", Refusal::Malformed),
            (b"Bearer  abc", Refusal::Malformed),
            (b"Bearer abc def", Refusal::Malformed),
            (b"Bearer abc,Bearer def\x80", Refusal::Malformed),
        ] {
            assert_eq!(credential(given), Err(why), "{}", String::from_utf8_lossy(given));
        }
        let long = |count| [&b"Bearer "[..], &vec![b'a'; count]].concat();
        assert!(credential(&long(CREDENTIAL_BYTES_MAX)).is_ok());
        assert_eq!(credential(&long(CREDENTIAL_BYTES_MAX + 1)), Err(Refusal::TooLong));
    }

    #[test]
    fn a_kind_of_credential_that_is_not_configured_is_refused() {
        let none = Credentials::default();
        assert!(!none.asked_for());
        assert_eq!(none.caller_now(b"Bearer ik_0123456789abcdef_0"), Err(Refusal::Scheme));
        assert_eq!(none.caller_now(b"Bearer a.b.c"), Err(Refusal::Scheme));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, tail in "\\PC{0,40}") {
            let _ = (credential(&bytes), credential(format!("Bearer {tail}").as_bytes()));
        }
    }
}
