//! The fitted models in memory: of each the latest version whole, of the others their numbers, for charts are large and few are looked at.

use super::usage::{Usage, Used};
use crate::domain::fit_record::{FitKey, FitRecord};
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The versions of one fit, all but the latest without their charts.
type Versions = BTreeMap<u64, Arc<FitRecord>>;

#[derive(Debug, Default)]
struct OfTenant {
    fits: BTreeMap<FitKey, Versions>,
}

/// The fits in memory.
#[derive(Debug, Default)]
pub struct FitIndex {
    tenants: papaya::HashMap<TenantId, Arc<RwLock<OfTenant>>>,
    count: AtomicUsize,
    usage: Usage,
}

impl FitIndex {
    fn of(&self, tenant: &TenantId) -> Option<Arc<RwLock<OfTenant>>> {
        self.tenants.pin().get(tenant).cloned()
    }

    /// The latest version of a fit.
    pub fn latest(&self, tenant: &TenantId, key: &FitKey) -> Option<Arc<FitRecord>> {
        self.of(tenant)?.read().fits.get(key)?.last_key_value().map(|(_, fit)| Arc::clone(fit))
    }

    /// The latest version that was there at a moment, without its chart where there is a later one.
    pub fn at(&self, tenant: &TenantId, key: &FitKey, moment: Timestamp) -> Option<Arc<FitRecord>> {
        let of_tenant = self.of(tenant)?;
        let held = of_tenant.read();
        held.fits.get(key)?.values().rev().find(|fit| fit.created_at <= moment).cloned()
    }

    /// All versions of a fit, the latest first, all but that without their charts.
    pub fn versions(&self, tenant: &TenantId, key: &FitKey) -> Vec<Arc<FitRecord>> {
        let Some(of_tenant) = self.of(tenant) else { return Vec::new() };
        let held = of_tenant.read();
        held.fits.get(key).map(|versions| versions.values().rev().cloned().collect()).unwrap_or_default()
    }

    /// The latest version of each fit of a tenant, of one case where that is given.
    pub fn all_latest(&self, tenant: &TenantId, case: Option<&str>) -> Vec<Arc<FitRecord>> {
        let Some(of_tenant) = self.of(tenant) else { return Vec::new() };
        let held = of_tenant.read();
        let wanted = held.fits.iter().filter(|(key, _)| case.is_none_or(|case| *key.case == *case));
        wanted.filter_map(|(_, versions)| versions.last_key_value().map(|(_, fit)| Arc::clone(fit))).collect()
    }

    /// The tenants that have fits.
    pub fn tenants(&self) -> Vec<TenantId> {
        self.tenants.pin().keys().cloned().collect()
    }

    /// Takes a version in.
    pub fn put(&self, fit: &Arc<FitRecord>) {
        let of_tenant = Arc::clone(self.tenants.pin().get_or_insert_with(fit.tenant.clone(), Arc::default));
        let mut held = of_tenant.write();
        let versions = held.fits.entry(fit.key.clone()).or_default();
        let before = versions.last_key_value().map(|(version, _)| *version);
        let gone = versions.insert(fit.version, Arc::clone(fit));
        self.usage.changed(&fit.tenant, gone.as_ref().map(|gone| gone.bytes()), Some(fit.bytes()));
        if gone.is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        let outdated = match before {
            Some(before) if before < fit.version => before,
            Some(before) if before > fit.version => fit.version,
            _ => return,
        };
        if let Some(older) = versions.get_mut(&outdated) {
            let bytes = older.bytes();
            Arc::make_mut(older).chart = None;
            self.usage.changed(&fit.tenant, Some(bytes), Some(older.bytes()));
        }
    }

    /// Forgets a version.
    pub fn remove(&self, tenant: &TenantId, key: &FitKey, version: u64) {
        let Some(of_tenant) = self.of(tenant) else { return };
        let mut held = of_tenant.write();
        let Some(versions) = held.fits.get_mut(key) else { return };
        if let Some(gone) = versions.remove(&version) {
            self.usage.changed(tenant, Some(gone.bytes()), None);
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        if versions.is_empty() {
            held.fits.remove(key);
        }
    }

    /// Forgets those that have ended by `now`.
    pub fn expire(&self, now: Timestamp) {
        for (tenant, key, version) in self.ids() {
            let ended = |fit: &Arc<FitRecord>| fit.expires_at().is_some_and(|end| end <= now);
            if self.versions(&tenant, &key).iter().any(|fit| fit.version == version && ended(fit)) {
                self.remove(&tenant, &key, version);
            }
        }
    }

    /// Whether memory has this version as it is.
    pub fn holds(&self, fit: &FitRecord) -> bool {
        self.versions(&fit.tenant, &fit.key).iter().any(|held| held.version == fit.version && held.created_at == fit.created_at)
    }

    /// Every version of every fit.
    pub fn ids(&self) -> Vec<(TenantId, FitKey, u64)> {
        let mut ids = Vec::new();
        for (tenant, held) in &self.tenants.pin() {
            for (key, versions) in &held.read().fits {
                ids.extend(versions.keys().map(|version| (tenant.clone(), key.clone(), *version)));
            }
        }
        ids
    }

    /// The versions of a tenant's fits, and the bytes that they take in memory.
    pub fn used(&self, tenant: &TenantId) -> Used {
        self.usage.of(tenant)
    }

    /// How many versions there are.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fit_record::{FitAbout, FitMade};
    use serde_json::value::RawValue;

    fn fit(version: u64, at: i64) -> Arc<FitRecord> {
        let made = FitMade { instinct: "0".into(), method: "m".into(), entry: "e".into(), seed: 1, took_ms: 1 };
        Arc::new(FitRecord {
            tenant: TenantId::new("a").unwrap(),
            key: key(),
            version,
            parameters: serde_json::Map::new(),
            created_at: Timestamp::from_micros(at),
            next_run_at: Timestamp::from_micros(at),
            stale_at: Timestamp::from_micros(at),
            values: serde_json::Map::new(),
            about: FitAbout::default(),
            chart: Some(RawValue::from_string("{}".into()).unwrap().into()),
            sources: Vec::new(),
            made,
            by: None,
            ttl_sec: Some(1),
        })
    }

    fn key() -> FitKey {
        FitKey { case: "NR-01".into(), parameters: "0".repeat(16).into() }
    }

    #[test]
    fn the_latest_version_answers_whole_and_a_past_moment_is_answered_with_what_was_there() {
        let (index, a) = (FitIndex::default(), TenantId::new("a").unwrap());
        for (version, at) in [(2, 20), (1, 10), (3, 30)] {
            index.put(&fit(version, at));
        }
        let latest = index.latest(&a, &key()).unwrap();
        assert!(latest.version == 3 && latest.chart.is_some());
        assert_eq!(index.at(&a, &key(), Timestamp::from_micros(25)).unwrap().version, 2);
        assert!(index.at(&a, &key(), Timestamp::from_micros(5)).is_none());
        let versions: Vec<_> = index.versions(&a, &key()).iter().map(|fit| (fit.version, fit.chart.is_some())).collect();
        assert_eq!(versions, [(3, true), (2, false), (1, false)]);
        index.remove(&a, &key(), 2);
        assert_eq!((index.len(), index.used(&a).count), (2, 2));
        index.expire(Timestamp::from_micros(1_000_010));
        assert_eq!(index.versions(&a, &key()).len(), 1);
        assert!(index.latest(&TenantId::new("b").unwrap(), &key()).is_none());
    }
}
