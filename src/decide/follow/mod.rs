//! Keeping in step with the other processes over one store.
//!
//! Memory is filled once, from a [`Position`] that was taken before, and then follows the stream of changes from there. A change names a
//! record; what memory holds of it then is what the store holds of it, read anew while nobody of this process writes it. So a change that
//! is applied twice, late, or after a newer one of its record does no harm, and memory ends up as the store is.
//!
//! What memory holds is at most as old as [`Follow::behind`] says, whatever happens to the store or to the way there: that time grows until
//! the store has answered that nothing followed, or all that followed is applied.

mod apply;
mod doubts;
mod judged;
mod prices;
mod resync;
mod settings;

pub(super) use self::apply::readable;
pub(super) use self::judged::Counted;
pub use self::settings::{PastBound, Replicas};

use self::doubts::Doubts;
use super::{DecideError, Decider};
use crate::store::shared::{CHANGES_MAX, Change, Changes, Position};
use crate::store::{RecordKey, Shared, StoreError, Write};
use crate::telemetry::metrics;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long the store may take to answer beyond the wait that it was asked for.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// The bound of the first wait after a failure, and of the longest.
const RETRY_BASE: Duration = Duration::from_millis(50);
const RETRY_CAP: Duration = Duration::from_secs(1);

/// How far this process has followed the others.
#[derive(Debug)]
pub struct Follow {
    pub(super) settings: Replicas,
    // Held for one step at a time; `None` before the first and where no other process shares the store.
    position: tokio::sync::Mutex<Option<Position>>,
    begun: Instant,
    // Microseconds from `begun` to the latest moment of which it is known that memory had all that was stored.
    in_step_us: AtomicU64,
    trouble: Mutex<Option<String>>,
    reached: watch::Sender<Position>,
    doubts: Mutex<Doubts>,
}

/// Where a process stands with the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What memory holds is not older than this.
    pub behind: Duration,
    /// What it may be.
    pub bound: Duration,
    /// What comes past that.
    pub past_bound: PastBound,
    /// Why the store last gave no changes; `None` where it did.
    pub trouble: Option<String>,
}

impl Standing {
    /// Whether memory is known to be no older than it may be.
    pub fn in_step(&self) -> bool {
        self.behind <= self.bound
    }
}

/// What one look at the stream came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// So many changes were read, those of this process among them, and memory has them.
    Changes(usize),
    /// The stream had lost some, and memory was held against the whole store.
    Resynced,
}

impl Follow {
    /// Nothing is followed yet.
    pub fn new(settings: Replicas) -> Self {
        Self {
            settings,
            position: tokio::sync::Mutex::default(),
            begun: Instant::now(),
            in_step_us: AtomicU64::new(0),
            trouble: Mutex::default(),
            reached: watch::Sender::default(),
            doubts: Mutex::default(),
        }
    }

    /// How old what memory holds may be.
    pub fn behind(&self) -> Duration {
        self.begun.elapsed().saturating_sub(Duration::from_micros(self.in_step_us.load(Ordering::Acquire)))
    }

    /// Whether the store did not answer when it was last asked for changes.
    pub(super) fn cut_off(&self) -> bool {
        self.trouble.lock().is_some()
    }

    /// Told whenever memory has more of the stream.
    pub(super) fn reached(&self) -> watch::Receiver<Position> {
        self.reached.subscribe()
    }

    /// Nobody knows whether these records were stored: memory is held against the store once it answers.
    pub(super) fn doubt(&self, keys: impl IntoIterator<Item = RecordKey>) {
        self.doubts.lock().add(keys);
    }

    /// Memory has these records, and they are stored later, by whatever keeps them meanwhile.
    pub(super) fn expect(&self, keys: impl IntoIterator<Item = RecordKey>) {
        self.doubts.lock().expect(keys);
    }

    fn in_step_at(&self, moment: Instant) {
        let us = moment.saturating_duration_since(self.begun).as_micros();
        self.in_step_us.fetch_max(u64::try_from(us).unwrap_or(u64::MAX), Ordering::AcqRel);
    }

    fn failed(&self, error: &StoreError) {
        self.doubts.lock().store_failed();
        let mut trouble = self.trouble.lock();
        if trouble.is_none() {
            tracing::warn!(%error, "the store gives no changes; memory serves what it has");
        }
        *trouble = Some(error.to_string());
    }

    fn answered(&self) {
        if self.trouble.lock().take().is_some() {
            tracing::info!("the store gives changes again");
        }
    }
}

impl Decider {
    /// Where this process stands with the others over its store; `None` where it has the store for itself.
    pub fn standing(&self) -> Option<Standing> {
        self.store.shared()?;
        let Replicas { past_lag_bound, .. } = self.follow.settings;
        let trouble = self.follow.trouble.lock().clone();
        Some(Standing {
            behind: self.follow.behind(),
            bound: self.follow.settings.lag_bound(),
            past_bound: past_lag_bound,
            trouble,
        })
    }

    /// # Errors
    /// [`DecideError::OutOfStep`] where memory may be older than it may be and such answers are not wanted.
    pub(super) fn check_in_step(&self) -> Result<(), DecideError> {
        let Follow { settings, .. } = &self.follow;
        if settings.past_lag_bound == PastBound::Serve || self.store.shared().is_none() {
            return Ok(());
        }
        let (behind, bound) = (self.follow.behind(), settings.lag_bound());
        if behind <= bound { Ok(()) } else { Err(DecideError::OutOfStep { behind, bound }) }
    }

    /// Notes from where on changes are to be followed. To be called before memory is filled.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    pub async fn begin_to_follow(&self) -> Result<(), StoreError> {
        if let Some(shared) = self.store.shared() {
            let asked = Instant::now();
            let position = shared.position().await?;
            self.follow.reached.send_replace(position.clone());
            *self.follow.position.lock().await = Some(position);
            self.follow.in_step_at(asked);
        }
        Ok(())
    }

    /// Follows the others for as long as this is polled; ends at once where there are none.
    pub async fn keep_in_step(self: &Arc<Self>) {
        let mut failures = 0;
        while self.store.shared().is_some() {
            match self.follow_once(self.follow.settings.look()).await {
                Ok(_) => failures = 0,
                Err(_) => {
                    // Full jitter, so that replicas that lost the store together do not come back to it together.
                    let bound = RETRY_BASE.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(RETRY_CAP);
                    sleep(bound.mul_f64(fastrand::f64())).await;
                    failures = (failures + 1).min(16);
                }
            }
        }
    }

    /// Waits up to `wait` for changes and applies them.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away; the same changes come again then.
    pub async fn follow_once(self: &Arc<Self>, wait: Duration) -> Result<Followed, StoreError> {
        let Some(shared) = self.store.shared() else { return Ok(Followed::Changes(0)) };
        let mut place = self.follow.position.lock().await;
        let stepped = self.step(shared, &mut place, wait).await;
        match &stepped {
            Ok(_) => self.follow.answered(),
            Err(error) => self.follow.failed(error),
        }
        stepped
    }

    async fn step(
        self: &Arc<Self>,
        shared: &dyn Shared,
        place: &mut Option<Position>,
        wait: Duration,
    ) -> Result<Followed, StoreError> {
        let too_many_doubts = self.follow.doubts.lock().were_too_many();
        let Some(position) = place.as_ref().filter(|_| !too_many_doubts) else {
            *place = None;
            *place = Some(self.resync(shared).await?);
            return Ok(Followed::Resynced);
        };
        let asked = Instant::now();
        let silent = |_| StoreError::Away { detail: "it did not say in time what has changed".to_owned() };
        let found = timeout(wait + ANSWERS_WITHIN, shared.changes(position, wait)).await.map_err(silent)??;
        // A server that had nothing to tell waited for that long at the least.
        let quiet = if found.changes.is_empty() { asked.elapsed().min(wait) } else { Duration::ZERO };
        if found.gap {
            *place = Some(self.resync(shared).await?);
            return Ok(Followed::Resynced);
        }
        let looked = Instant::now();
        self.apply(shared, self.to_apply(&found)).await?;
        self.follow.doubts.lock().looked_at(looked);
        self.tell_lag(&found.changes);
        if !is_cut(&found.changes) {
            self.follow.in_step_at(asked + quiet);
        }
        if *position != found.position {
            self.follow.reached.send_replace(found.position.clone());
        }
        *place = Some(found.position);
        Ok(Followed::Changes(found.changes.len()))
    }

    /// What is to be read anew: what others wrote, and what this process does not know the end of.
    fn to_apply(&self, found: &Changes) -> Vec<RecordKey> {
        let doubts = self.follow.doubts.lock();
        let mut seen = HashSet::new();
        let meant = found.changes.iter().filter(|change| !change.own || doubts.has(&change.key)).map(|change| &change.key);
        meant.chain(doubts.unread()).filter(|key| seen.insert(*key)).cloned().collect()
    }

    fn tell_lag(&self, changes: &[Change]) {
        let now = self.clock.now();
        for change in changes.iter().filter(|change| !change.own) {
            // Clocks differ a little, and a change can't be seen before it was made.
            let millis = u64::try_from(now.millis_since(change.at)).unwrap_or(0);
            metrics::replicas::change_followed(change.key.kind().as_str(), Duration::from_millis(millis));
        }
    }

    /// Waits until memory has all that the store has now, and no longer than `within`; `false` where that was not enough.
    pub async fn catch_up(self: &Arc<Self>, within: Duration) -> bool {
        let Some(shared) = self.store.shared() else { return true };
        let caught_up = async {
            let end = shared.position().await?;
            while !self.follow.reached.borrow().covers(&end) {
                self.follow_once(Duration::from_millis(5)).await?;
            }
            Ok::<_, StoreError>(())
        };
        matches!(timeout(within, caught_up).await, Ok(Ok(())))
    }

    /// Stores `writes` as [`crate::store::Store::commit`] does. Where that fails nobody knows whether they are stored, and what memory
    /// holds of them is compared with the store later.
    pub(super) async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let keys: Option<Vec<RecordKey>> = self.store.shared().map(|_| writes.iter().map(Write::key).collect());
        let committed = self.store.commit(writes).await;
        if let (Err(_), Some(keys)) = (&committed, keys) {
            self.follow.doubt(keys);
        }
        committed
    }
}

/// Whether there may be more that the store had when it was asked.
fn is_cut(changes: &[Change]) -> bool {
    let mut of_tenant = BTreeMap::new();
    changes.iter().any(|change| {
        let count = of_tenant.entry(change.key.tenant()).or_insert(0);
        *count += 1;
        *count >= CHANGES_MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::TenantId;
    use crate::domain::time::Timestamp;

    #[test]
    fn who_has_not_heard_from_the_store_is_further_behind_with_every_moment() {
        let follow = Follow::new(Replicas::default());
        std::thread::sleep(Duration::from_millis(20));
        assert!(follow.behind() >= Duration::from_millis(20));
        follow.in_step_at(Instant::now());
        assert!(follow.behind() < Duration::from_millis(15));
        follow.in_step_at(follow.begun);
        assert!(follow.behind() < Duration::from_millis(15), "an earlier moment takes nothing back");
    }

    #[test]
    fn a_batch_that_is_full_for_one_tenant_may_have_more_behind_it() {
        let change = |tenant: &str| Change {
            key: RecordKey::TagEnd { tenant: TenantId::new(tenant).unwrap(), tag: String::new() },
            own: true,
            at: Timestamp::from_micros(0),
        };
        let mut changes: Vec<Change> = (1..CHANGES_MAX).map(|_| change("a")).collect();
        changes.push(change("b"));
        assert!(!is_cut(&changes));
        changes.push(change("a"));
        assert!(is_cut(&changes));
    }
}
