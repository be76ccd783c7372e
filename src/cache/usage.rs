//! What each tenant holds in memory. Counted where memory itself changes, by what really came and went, so that no order of writes, deletions
//! and restarts lets the count drift.

use crate::domain::ids::TenantId;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// What one tenant holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// How many.
    pub count: u64,
    /// How many bytes they take, about.
    pub bytes: u64,
}

impl std::ops::Add for Used {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { count: self.count + other.count, bytes: self.bytes + other.bytes }
    }
}

#[derive(Debug, Default)]
struct Counters {
    count: AtomicI64,
    bytes: AtomicI64,
}

impl Counters {
    fn read(&self) -> Used {
        // One who takes away may be seen before the one who put.
        let now = |counter: &AtomicI64| u64::try_from(counter.load(Ordering::Relaxed)).unwrap_or(0);
        Used { count: now(&self.count), bytes: now(&self.bytes) }
    }
}

/// What all tenants hold.
#[derive(Debug, Default)]
pub(super) struct Usage {
    by_tenant: papaya::HashMap<TenantId, Arc<Counters>>,
}

impl Usage {
    /// Something of a tenant came in place of something else, each with its bytes, or of nothing.
    pub(super) fn changed(&self, tenant: &TenantId, gone: Option<u64>, came: Option<u64>) {
        let by_tenant = self.by_tenant.pin();
        let counters = by_tenant.get_or_insert_with(tenant.clone(), Arc::default);
        let signed = |bytes: Option<u64>| i64::try_from(bytes.unwrap_or(0)).unwrap_or(i64::MAX);
        counters.count.fetch_add(i64::from(came.is_some()) - i64::from(gone.is_some()), Ordering::Relaxed);
        counters.bytes.fetch_add(signed(came) - signed(gone), Ordering::Relaxed);
    }

    /// What a tenant holds.
    pub(super) fn of(&self, tenant: &TenantId) -> Used {
        self.by_tenant.pin().get(tenant).map(|counters| counters.read()).unwrap_or_default()
    }

    /// Every tenant that ever held something, and what it holds.
    pub(super) fn all(&self) -> Vec<(TenantId, Used)> {
        self.by_tenant.pin().iter().map(|(tenant, counters)| (tenant.clone(), counters.read())).collect()
    }
}
