//! Token buckets: who asks more often than a rate allows is told when to come again.
//!
//! The algorithm is GCRA, the generic cell rate algorithm of ITU-T I.371, a token bucket that keeps one number: the theoretical arrival
//! time, the moment by which all that was taken would have come at exactly the rate. What comes earlier than that by more than the burst
//! allows is refused, and then nothing is taken, so that who asks too often is not kept out for longer by asking.
//!
//! Invariants, of every kind of bucket:
//! - within any span of time `t` no more than `burst + t · rate` are let through;
//! - whoever waits for the time that a refusal states, and is alone, is let through;
//! - two buckets never take from one another.

use super::{Store, StoreError};
use crate::domain::ids::TenantId;
use crate::domain::role::Role;
use crate::limits::BUCKETS_MAX;
use async_trait::async_trait;
use quick_cache::sync::Cache;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How much may be taken of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Nanoseconds between two at the steady rate.
    pub interval_ns: u64,
    /// How many may come at once.
    pub burst: u32,
}

impl Rate {
    /// So many a second, and `burst` at once; `None` where either is out of range: 0.001 to 1,000,000 a second, and 1 to 10,000,000.
    pub fn new(per_second: f64, burst: u32) -> Option<Self> {
        let good = (0.001..=1e6).contains(&per_second) && (1..=10_000_000).contains(&burst);
        good.then(|| Self { interval_ns: (1e9 / per_second) as u64, burst })
    }

    /// What a bucket does at the moment `now` that all before have filled until `tat`, both in nanoseconds of any clock: until when it is
    /// filled then, or how long to wait.
    ///
    /// # Errors
    /// The time to wait, where nothing may be taken.
    pub fn take(self, tat: u64, now: u64) -> Result<u64, Duration> {
        let filled = tat.max(now).saturating_add(self.interval_ns);
        let room = self.interval_ns.saturating_mul(u64::from(self.burst));
        let earliest = filled.saturating_sub(room);
        if earliest <= now { Ok(filled) } else { Err(Duration::from_nanos(earliest - now)) }
    }
}

/// What came of taking from a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was let through.
    Yes,
    /// It was not; the bucket has room again after this time.
    NotFor(Duration),
}

/// Buckets that several processes take from.
#[async_trait]
pub trait SharedBuckets: Send + Sync + fmt::Debug {
    /// Takes one from the bucket of a tenant and a role.
    ///
    /// # Errors
    /// [`StoreError`] where the buckets are away; whoever asked then goes by buckets of his own.
    async fn take(&self, tenant: &TenantId, role: Role, rate: Rate) -> Result<Taken, StoreError>;
}

/// The buckets of a store that several processes share; `None` where this process has it for itself.
pub fn of(store: &Arc<dyn Store>) -> Option<Arc<dyn SharedBuckets>> {
    store.shared()?;
    Some(Arc::new(OfStore(Arc::clone(store))))
}

#[derive(Debug)]
struct OfStore(Arc<dyn Store>);

#[async_trait]
impl SharedBuckets for OfStore {
    async fn take(&self, tenant: &TenantId, role: Role, rate: Rate) -> Result<Taken, StoreError> {
        self.0.shared().ok_or(StoreError::Closed)?.take(tenant, role, rate).await
    }
}

/// Buckets of this process. Past [`BUCKETS_MAX`] the least used are forgotten, which fills them anew.
#[derive(Debug)]
pub struct LocalBuckets {
    since: Instant,
    filled: Cache<(TenantId, Role), Arc<AtomicU64>>,
}

impl Default for LocalBuckets {
    fn default() -> Self {
        Self { since: Instant::now(), filled: Cache::new(BUCKETS_MAX) }
    }
}

impl LocalBuckets {
    /// Takes one. Never waits.
    pub fn take_now(&self, tenant: &TenantId, role: Role, rate: Rate) -> Taken {
        // 584 years fit.
        let now = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.take_at(tenant, role, rate, now)
    }

    fn take_at(&self, tenant: &TenantId, role: Role, rate: Rate, now: u64) -> Taken {
        let key = (tenant.clone(), role);
        let bucket = match self.filled.get(&key) {
            Some(bucket) => bucket,
            None => self.filled.get_or_insert_with(&key, || Ok::<_, ()>(Arc::default())).unwrap_or_default(),
        };
        let taken = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tat| rate.take(tat, now).ok());
        taken.map_or_else(|tat| rate.take(tat, now).map_or_else(Taken::NotFor, |_| Taken::Yes), |_| Taken::Yes)
    }
}

#[async_trait]
impl SharedBuckets for LocalBuckets {
    async fn take(&self, tenant: &TenantId, role: Role, rate: Rate) -> Result<Taken, StoreError> {
        Ok(self.take_now(tenant, role, rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_is_let_through_and_then_one_each_interval() {
        let (buckets, rate) = (LocalBuckets::default(), Rate::new(10.0, 3).unwrap());
        let take = |now| buckets.take_at(&tenant("a"), Role::Decide, rate, now);
        assert_eq!([take(0), take(0), take(0)], [Taken::Yes; 3]);
        assert_eq!(take(0), Taken::NotFor(Duration::from_millis(100)));
        assert_eq!(take(SECOND / 20), Taken::NotFor(Duration::from_millis(50)));
        assert_eq!(take(SECOND / 10), Taken::Yes);
        assert!(matches!(take(SECOND / 10), Taken::NotFor(_)));
        assert_eq!([take(9 * SECOND), take(9 * SECOND), take(9 * SECOND)], [Taken::Yes; 3], "no more than a burst is saved up");
        assert!(matches!(take(9 * SECOND), Taken::NotFor(_)));
    }

    #[test]
    fn buckets_of_two_tenants_or_roles_take_nothing_from_one_another() {
        let (buckets, rate) = (LocalBuckets::default(), Rate::new(1.0, 1).unwrap());
        for (name, role) in [("a", Role::Decide), ("b", Role::Decide), ("a", Role::Write)] {
            assert_eq!(buckets.take_at(&tenant(name), role, rate, 0), Taken::Yes);
            assert!(matches!(buckets.take_at(&tenant(name), role, rate, 0), Taken::NotFor(_)));
        }
    }

    #[test]
    fn a_rate_out_of_range_is_none() {
        for (per_second, burst) in [(0.0, 1), (-1.0, 1), (f64::NAN, 1), (f64::INFINITY, 1), (1.0, 0), (1e7, 1)] {
            assert!(Rate::new(per_second, burst).is_none(), "{per_second} {burst}");
        }
    }

    proptest! {
        #[test]
        fn no_span_lets_more_through_than_burst_and_rate(
            per_second in 0.5_f64..5_000.0, burst in 1_u32..50, steps in prop::collection::vec(0_u64..400_000_000, 1..200)
        ) {
            let (buckets, rate) = (LocalBuckets::default(), Rate::new(per_second, burst).unwrap());
            let mut through = Vec::new();
            let mut now = 0;
            for step in steps {
                now += step;
                match buckets.take_at(&tenant("a"), Role::Decide, rate, now) {
                    Taken::Yes => through.push(now),
                    Taken::NotFor(wait) => {
                        let then = now + u64::try_from(wait.as_nanos()).unwrap();
                        prop_assert_eq!(buckets.take_at(&tenant("a"), Role::Decide, rate, then), Taken::Yes);
                        through.push(then);
                        now = then;
                    }
                }
            }
            for (first, from) in through.iter().enumerate() {
                for (count, to) in through[first..].iter().enumerate() {
                    let most = u64::from(burst) + (to - from) / rate.interval_ns;
                    prop_assert!((count as u64) < most, "{} in {} ns", count + 1, to - from);
                }
            }
        }
    }
}
