//! The right to do what one process does for all who share a store: a lease that is renewed while the work goes on.
//!
//! A process that dies renews nothing, and the next one takes over. A process that only seemed dead, because it was stopped or cut off for
//! longer than the lease lasts, is not heard any more: what it commits under the lease is refused.

use super::Decider;
use crate::domain::decision::Payload;
use crate::domain::ids::TenantId;
use crate::limits::{ABSTENTION_LINGERS_MS, LEASE_ANSWERS_WITHIN_MS, LEASE_POLL_MS, LEASE_WORD_BYTES_MAX};
use crate::store::shared::{Acquired, Lease};
use crate::store::{StoreError, Write};
use crate::telemetry::metrics;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// What a holder leaves behind for those who waited, where the store doesn't say it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    /// There was nothing to say, and why.
    Abstained(String),
    /// This was decided, and is not to be remembered.
    Decided(Payload),
}

/// A word as the store keeps it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Written {
    Abstained(String),
    Decided(Box<RawValue>),
}

impl Word {
    /// `None` where it is too long to be told.
    fn write(&self) -> Option<String> {
        let written = match self {
            Self::Abstained(why) => Written::Abstained(why.clone()),
            Self::Decided(decision) => Written::Decided(serde_json::value::to_raw_value(decision).ok()?),
        };
        serde_json::to_string(&written).ok().filter(|text| text.len() <= LEASE_WORD_BYTES_MAX)
    }

    fn read(text: &str) -> Option<Self> {
        match serde_json::from_str(text).ok()? {
            Written::Abstained(why) => Some(Self::Abstained(why)),
            Written::Decided(json) => Payload::parse(json.get()).ok().map(Self::Decided),
        }
    }
}

/// What came of asking for a lease.
#[derive(Debug)]
pub(super) enum Asked {
    Mine(Leased),
    /// Another process holds it.
    Held,
    /// Another process is done.
    Done(Word),
}

/// A lease that is renewed until this is dropped, and then given back.
#[derive(Debug)]
pub(super) struct Leased {
    decider: Arc<Decider>,
    lease: Lease,
    lasts: Duration,
    // Until when it is held at the least by this process's clock; `None` once it is lost.
    until: Arc<Mutex<Option<Instant>>>,
    renewing: JoinHandle<()>,
    word: Option<String>,
}

impl Drop for Leased {
    /// Nobody waits for it: where it can't be given back it ends by itself.
    fn drop(&mut self) {
        self.renewing.abort();
        let (decider, lease, word) = (Arc::clone(&self.decider), self.lease.clone(), self.word.take());
        self.decider.background.spawn(async move {
            let Some(shared) = decider.store.shared() else { return };
            let word = word.as_deref().map(|word| (word, Duration::from_millis(ABSTENTION_LINGERS_MS)));
            if let Err(error) = within(shared.release(&lease, word)).await {
                tracing::debug!(%error, "a lease could not be given back");
            }
        });
    }
}

impl Decider {
    /// Asks for a lease.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away or was never shared.
    pub(super) async fn ask_lease(self: &Arc<Self>, tenant: &TenantId, name: &str) -> Result<Asked, StoreError> {
        let away = |detail: &str| StoreError::Away { detail: detail.to_owned() };
        let shared = self.store.shared().ok_or(StoreError::Closed)?;
        if self.follow.cut_off() {
            return Err(away("it did not answer a moment ago"));
        }
        let (asked, lasts) = (Instant::now(), Duration::from_millis(self.follow.settings.lease_ms));
        let acquired = within(shared.acquire(tenant, name, lasts)).await?;
        match acquired {
            Acquired::Mine(lease) => Ok(Asked::Mine(Leased::hold(self, lease, (asked, lasts)))),
            Acquired::Held => Ok(Asked::Held),
            Acquired::Done(word) => Word::read(&word).map(Asked::Done).ok_or_else(|| away("its word can't be read")),
        }
    }

    /// Waits until no other process has this lease, and until memory has what the last one did; `None` where this process has the store
    /// for itself.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away, or others held the lease for all of `within`.
    pub(super) async fn alone(
        self: &Arc<Self>,
        tenant: &TenantId,
        name: &str,
        within: Duration,
    ) -> Result<Option<Leased>, StoreError> {
        if self.store.shared().is_none() {
            return Ok(None);
        }
        let until = Instant::now() + within;
        loop {
            if let Asked::Mine(leased) = self.ask_lease(tenant, name).await? {
                let behind = StoreError::Away { detail: "memory could not catch up with it in time".to_owned() };
                let left = until.saturating_duration_since(Instant::now());
                return if self.catch_up(left).await { Ok(Some(leased)) } else { Err(behind) };
            }
            if Instant::now() >= until {
                return Err(StoreError::Away { detail: "others are writing the same".to_owned() });
            }
            sleep(poll() / 4).await;
        }
    }
}

impl Leased {
    fn hold(decider: &Arc<Decider>, lease: Lease, (asked, lasts): (Instant, Duration)) -> Self {
        let until = Arc::new(Mutex::new(Some(asked + lasts)));
        let renewing = tokio::spawn(renew(Arc::clone(decider), lease.clone(), lasts, Arc::clone(&until)));
        Self { decider: Arc::clone(decider), lease, lasts, until, renewing, word: None }
    }

    /// Whether it is still held. Asks the store only where this process can't know by itself; where the store is away nobody else can have
    /// got it since.
    pub(super) async fn is_held(&self) -> bool {
        let until = *self.until.lock();
        match until {
            None => false,
            Some(until) if Instant::now() < until => true,
            Some(_) => renew_once(&self.decider, &self.lease, self.lasts, &self.until).await,
        }
    }

    /// Whether it is known to have gone.
    pub(super) fn is_lost(&self) -> bool {
        self.until.lock().is_none()
    }

    /// Stores `writes` where the lease is still held; `false`, and nothing is stored, where it has gone.
    ///
    /// # Errors
    /// [`StoreError`]; then it is not known to be stored.
    pub(super) async fn commit(&self, writes: Vec<Write>) -> Result<bool, StoreError> {
        let keys: Vec<_> = writes.iter().map(Write::key).collect();
        let shared = self.decider.store.shared().ok_or(StoreError::Closed)?;
        let committed = shared.commit_under(&self.lease, writes).await;
        if matches!(committed, Ok(false)) {
            lose(&self.until);
        }
        if !matches!(committed, Ok(true)) {
            self.decider.follow.doubt(keys);
        }
        committed
    }

    /// Gives it back, with a word for those who waited.
    pub(super) fn release(mut self, word: &Word) {
        self.word = word.write();
    }
}

/// How long to wait before a lease is asked for again, around [`LEASE_POLL_MS`], so that those who wait do not come all at once.
pub(super) fn poll() -> Duration {
    Duration::from_millis(LEASE_POLL_MS).mul_f64(0.5 + fastrand::f64())
}

async fn renew(decider: Arc<Decider>, lease: Lease, lasts: Duration, until: Arc<Mutex<Option<Instant>>>) {
    loop {
        sleep(lasts / 3).await;
        if !renew_once(&decider, &lease, lasts, &until).await {
            return;
        }
    }
}

/// Renews a lease; `false` where it has gone. A store that doesn't answer gives it to nobody else either.
async fn renew_once(decider: &Decider, lease: &Lease, lasts: Duration, until: &Mutex<Option<Instant>>) -> bool {
    let (Some(shared), asked) = (decider.store.shared(), Instant::now()) else { return false };
    match within(shared.renew(lease, lasts)).await {
        Ok(true) => *until.lock() = Some(asked + lasts),
        Ok(false) => {
            lose(until);
            return false;
        }
        Err(error) => tracing::debug!(%error, "a lease could not be renewed"),
    }
    true
}

fn lose(until: &Mutex<Option<Instant>>) {
    if until.lock().take().is_some() {
        metrics::replicas::lease("lost");
    }
}

async fn within<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let silent = |_| StoreError::Away { detail: format!("it did not answer within {LEASE_ANSWERS_WITHIN_MS} ms") };
    timeout(Duration::from_millis(LEASE_ANSWERS_WITHIN_MS), asked).await.map_err(silent)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reads_back_as_it_was_and_a_strange_one_is_none() {
        let decision = Payload::parse(r#"{"kind":"trade","signal":1,"conviction":0.6,"reasoning":"told"}"#).unwrap();
        for word in [Word::Abstained("no bars, \"none\"".to_owned()), Word::Decided(decision)] {
            assert_eq!(Word::read(&word.write().unwrap()), Some(word));
        }
        assert!(Word::Abstained("x".repeat(LEASE_WORD_BYTES_MAX)).write().is_none());
        for strange in ["", "hold", r#"{"decided":{"kind":"nonsense"}}"#, r#"{"abstained":1}"#] {
            assert_eq!(Word::read(strange), None);
        }
    }
}
