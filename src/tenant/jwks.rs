//! Where the signing keys of an issuer come from: an address or a file, read on a schedule, and once in a while for a token of a key that
//! is not known yet.
//!
//! Invariants:
//! - strangers can't make us ask the issuer more often than once in `refetch_min_sec`, however many unknown keys they name, nor hold more than
//!   [`KEY_WAITERS_MAX`] requests open meanwhile;
//! - while the issuer is away, slow or talks nonsense the keys stay as they were, and past `max_age_sec` they are no longer believed;
//! - a set that reads takes the place of the one before, whatever it leaves out: that is how an issuer takes a key back.

use super::config::JwtConfig;
use super::jwk::SigningKeys;
use super::refusal::Refusal;
use crate::limits::{JWKS_BYTES_MAX, KEY_WAITERS_MAX};
use crate::telemetry::metrics::tenants as metrics;
use arc_swap::ArcSwapOption;
use futures_util::StreamExt;
use reqwest::Url;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, Semaphore};

#[derive(Debug)]
enum Source {
    Url { client: reqwest::Client, url: Url },
    File(PathBuf),
}

/// A set, and when it was last seen.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub keys: Arc<SigningKeys>,
    /// Which set this is, counted; one that is read again and is the same keeps its number.
    pub number: u64,
    digest: blake3::Hash,
    seen: Instant,
}

/// The signing keys of an issuer.
#[derive(Debug)]
pub(super) struct Jwks {
    source: Source,
    refresh: Duration,
    refetch_min: Duration,
    max_age: Duration,
    timeout: Duration,
    held: ArcSwapOption<Held>,
    /// Held by whoever reads the keys; when that was begun, or done, last.
    reading: Mutex<Option<Instant>>,
    room: Semaphore,
}

impl Jwks {
    pub(super) fn open(config: &JwtConfig) -> Result<Self, String> {
        let timeout = Duration::from_millis(config.timeout_ms);
        let source = match (&config.jwks_url, &config.jwks_file) {
            (Some(url), None) => at(url, timeout)?,
            (_, Some(file)) => Source::File(file.clone()),
            (None, None) => return Err("one of jwks_url and jwks_file says where the signing keys are".to_owned()),
        };
        Ok(Self {
            source,
            refresh: Duration::from_secs(config.refresh_sec),
            refetch_min: Duration::from_secs(config.refetch_min_sec),
            max_age: Duration::from_secs(config.max_age_sec),
            timeout,
            held: ArcSwapOption::empty(),
            reading: Mutex::new(None),
            room: Semaphore::new(KEY_WAITERS_MAX),
        })
    }

    /// The keys, as long as they are believed.
    pub(super) fn held(&self) -> Result<Arc<Held>, Refusal> {
        let held = self.held.load_full().ok_or(Refusal::SigningKeysAway)?;
        if held.seen.elapsed() > self.max_age { Err(Refusal::SigningKeysAway) } else { Ok(held) }
    }

    /// Reads the keys for a token of an unknown one. `false` where that is not due, and nothing can have changed.
    pub(super) async fn look_again(&self) -> bool {
        let asked = Instant::now();
        let Ok(_place) = self.room.try_acquire() else { return false };
        let mut last = self.reading.lock().await;
        match *last {
            Some(at) if at >= asked => true,
            Some(at) if at.elapsed() < self.refetch_min => false,
            _ => self.read(&mut last).await,
        }
    }

    /// Reads the keys.
    pub(super) async fn refresh(&self) -> bool {
        let mut last = self.reading.lock().await;
        self.read(&mut last).await
    }

    /// Reads the keys again and again, sooner after it failed; never ends.
    pub(super) async fn keep_fresh(&self) {
        loop {
            let good = self.held().is_ok() && self.held.load().as_ref().is_some_and(|held| held.seen.elapsed() < self.refresh);
            tokio::time::sleep(if good { self.refresh } else { self.refetch_min.min(self.refresh) }).await;
            self.refresh().await;
        }
    }

    async fn read(&self, last: &mut Option<Instant>) -> bool {
        // Noted before as well: a caller that goes away in the middle must not make the next one ask again at once.
        *last = Some(Instant::now());
        let read = tokio::time::timeout(self.timeout, self.bytes()).await.unwrap_or_else(|_| Err("it took too long".to_owned()));
        let taken = read.and_then(|bytes| self.take(&bytes));
        *last = Some(Instant::now());
        metrics::signing_keys_read(taken.is_ok());
        match taken {
            Ok(true) => tracing::info!(keys = self.held().map_or(0, |held| held.keys.len()), "the signing keys have changed"),
            Ok(false) => {}
            Err(error) => tracing::warn!(error, "the signing keys can't be read and stay as they were"),
        }
        self.held().is_ok()
    }

    /// Takes a set in; `true` where it is another than before.
    fn take(&self, bytes: &[u8]) -> Result<bool, String> {
        let digest = blake3::hash(bytes);
        let before = self.held.load_full();
        let seen = Instant::now();
        let same = before.as_ref().filter(|held| held.digest == digest);
        let next = match same {
            Some(held) => Held { seen, ..Held::clone(held) },
            None => Held {
                keys: Arc::new(SigningKeys::parse(bytes)?),
                number: before.as_ref().map_or(0, |held| held.number) + 1,
                digest,
                seen,
            },
        };
        let changed = same.is_none();
        self.held.store(Some(Arc::new(next)));
        Ok(changed)
    }

    async fn bytes(&self) -> Result<Vec<u8>, String> {
        let too_long = || format!("it has more than the {JWKS_BYTES_MAX} bytes that are allowed");
        let mut bytes = Vec::new();
        match &self.source {
            Source::File(path) => {
                let failed = |e: std::io::Error| format!("{}: {e}", path.display());
                let file = File::open(path).map_err(failed)?;
                file.take(JWKS_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
            }
            Source::Url { client, url } => {
                let sent = client.get(url.clone()).header("accept", "application/jwk-set+json, application/json").send();
                let answer = sent.await.map_err(|e| e.without_url().to_string())?;
                if !answer.status().is_success() {
                    return Err(format!("the issuer answered {}", answer.status()));
                }
                let mut pieces = answer.bytes_stream();
                while let Some(piece) = pieces.next().await {
                    bytes.extend_from_slice(&piece.map_err(|e| e.without_url().to_string())?);
                    if bytes.len() > JWKS_BYTES_MAX {
                        return Err(too_long());
                    }
                }
            }
        }
        if bytes.len() > JWKS_BYTES_MAX { Err(too_long()) } else { Ok(bytes) }
    }
}

/// An address. Whoever can change what comes from it signs in as anybody, so that it has to be TLS, or this machine.
fn at(text: &str, timeout: Duration) -> Result<Source, String> {
    let url = Url::parse(text).map_err(|e| format!("jwks_url is no address: {e}"))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let plain = url.scheme() == "http" && local;
    if url.scheme() != "https" && !plain {
        return Err("jwks_url begins with https://; http:// is taken for this machine alone".to_owned());
    }
    let mut client = reqwest::Client::builder()
        .user_agent(concat!("instinct/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeout)
        // The keys come from where the settings say, and not from where an answer points.
        .redirect(reqwest::redirect::Policy::none());
    if plain {
        // Without TLS no certificates are needed, which a container may not even have; and a proxy would not be this machine.
        client = client.tls_certs_only([]).no_proxy();
    }
    let client = client.build().map_err(|e| format!("no client could be made: {e}"))?;
    Ok(Source::Url { client, url })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_or_this_machine_may_say_which_keys_sign() {
        for good in ["https://issuer.example/jwks", "http://127.0.0.1:1/jwks", "http://[::1]/jwks", "http://localhost/jwks"] {
            assert!(at(good, Duration::from_secs(1)).is_ok(), "{good}");
        }
        for bad in
            ["http://issuer.example/jwks", "http://localhost.example/", "http://127.0.0.1.example/", "file:///etc/jwks", "jwks"]
        {
            assert!(at(bad, Duration::from_secs(1)).is_err(), "{bad}");
        }
    }
}
