//! What a tenant may keep, held against what it keeps.
//!
//! Writers that ask at the same time may each be told that there is room; what that passes a quota by is bounded by the writes at one time.

use super::Decider;
use crate::cache::usage::Used;
use crate::domain::component::Component;
use crate::domain::entry::StoredEntry;
use crate::domain::ids::TenantId;
use crate::telemetry::metrics;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of an entry where memory has none to go by.
const ENTRY_BYTES_ABOUT: u64 = 3_000;

/// Why a tenant may keep no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{held} {what} are held, {more} more would come, and the quota of the tenant is {max}: delete some, or have it raised")]
pub struct QuotaReached {
    /// Of what.
    pub what: &'static str,
    /// How much the tenant keeps.
    pub held: u64,
    /// How much would come.
    pub more: u64,
    /// How much it may.
    pub max: u64,
}

/// What a tenant holds, of all kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Entries.
    pub entries: u64,
    /// Components.
    pub components: u64,
    /// Plans.
    pub plans: u64,
    /// Datasets.
    pub datasets: u64,
    /// Bytes of all of them, and of bars.
    pub bytes: u64,
}

impl Decider {
    /// What a tenant holds. Where memory is a working set, as many entries as the server's indexes had when they were last looked at, each of
    /// the mean size of those in memory.
    pub fn holdings(&self, tenant: &TenantId) -> Holdings {
        let (in_memory, components) = (self.semantic.used(tenant), self.embeddings.used(tenant));
        let entries = match self.recall.as_ref().map(|recall| recall.entries_of(tenant).max(in_memory.count)) {
            Some(count) => {
                let each = in_memory.bytes.checked_div(in_memory.count).unwrap_or(ENTRY_BYTES_ABOUT);
                Used { count, bytes: count.saturating_mul(each) }
            }
            None => in_memory,
        };
        let (plans, datasets) = (self.plans.index.used(tenant), self.datasets.index.used(tenant));
        let bytes = entries.bytes
            + components.bytes
            + plans.bytes
            + datasets.bytes
            + self.numeric.index.used(tenant).bytes
            + self.market.used(tenant).bytes;
        Holdings { entries: entries.count, components: components.count, plans: plans.count, datasets: datasets.count, bytes }
    }

    /// What all tenants hold, by their labels in metrics.
    pub fn holdings_by_label(&self) -> BTreeMap<String, Holdings> {
        let mut all: BTreeMap<String, Holdings> = BTreeMap::new();
        let mut add = |held: Vec<(TenantId, Used)>, count: fn(&mut Holdings) -> Option<&mut u64>| {
            for (tenant, used) in held {
                let of_label = all.entry(self.tenants.label(&tenant).to_owned()).or_default();
                of_label.bytes += used.bytes;
                if let Some(count) = count(of_label) {
                    *count += used.count;
                }
            }
        };
        add(self.semantic.used_by_all(), |held| Some(&mut held.entries));
        add(self.embeddings.used_by_all(), |held| Some(&mut held.components));
        add(self.plans.index.used_by_all(), |held| Some(&mut held.plans));
        add(self.datasets.index.used_by_all(), |held| Some(&mut held.datasets));
        add(self.market.used_by_all(), |_| None);
        all
    }

    /// Whether entries of one tenant fit.
    pub(super) fn room_for_entries(&self, entries: &[StoredEntry]) -> Result<(), QuotaReached> {
        let Some(tenant) = entries.first().map(|stored| &stored.entry.tenant) else { return Ok(()) };
        self.room(tenant, "entries", || self.semantic.more_with(tenant, entries))
    }

    /// Whether components of one tenant fit.
    pub(super) fn room_for_components(&self, components: &[Arc<Component>]) -> Result<(), QuotaReached> {
        let Some(tenant) = components.first().map(|component| &component.tenant) else { return Ok(()) };
        self.room(tenant, "components", || self.embeddings.more_with(components))
    }

    /// Whether so many bytes of bars fit.
    pub(super) fn room_for_bars(&self, tenant: &TenantId, bytes: u64) -> Result<(), QuotaReached> {
        self.room(tenant, "bars", || Used { count: 0, bytes })
    }

    /// Whether one more plan of so many bytes fits.
    pub(super) fn room_for_plans(&self, tenant: &TenantId, bytes: u64) -> Result<(), QuotaReached> {
        self.room(tenant, "plans", || Used { count: 1, bytes })
    }

    /// Whether so many more datasets fit, and so many more bytes of them.
    pub(super) fn room_for_datasets(&self, tenant: &TenantId, count: u64, bytes: u64) -> Result<(), QuotaReached> {
        self.room(tenant, "datasets", || Used { count, bytes })
    }

    fn room(&self, tenant: &TenantId, what: &'static str, more: impl FnOnce() -> Used) -> Result<(), QuotaReached> {
        let quota = self.tenants.quota(tenant);
        let most = match what {
            "entries" => quota.entries,
            "components" => quota.components,
            "plans" => quota.plans,
            "datasets" => quota.datasets,
            _ => None,
        };
        if most.is_none() && quota.bytes.is_none() {
            return Ok(());
        }
        let (more, held) = (more(), self.holdings(tenant));
        let count = match what {
            "entries" => held.entries,
            "plans" => held.plans,
            "datasets" => held.datasets,
            _ => held.components,
        };
        for (what, held, more, most) in [(what, count, more.count, most), ("bytes", held.bytes, more.bytes, quota.bytes)] {
            if let Some(max) = most.filter(|max| more > 0 && held.saturating_add(more) > *max) {
                metrics::tenants::over_quota(self.tenants.label(tenant), what);
                return Err(QuotaReached { what, held, more, max });
            }
        }
        Ok(())
    }
}
