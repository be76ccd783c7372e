//! Fits on record, and what memory knows of them.

use super::NumericError;
use crate::decide::Decider;
use crate::decide::follow::readable;
use crate::domain::fit_record::{FitKey, FitRecord};
use crate::domain::ids::TenantId;
use crate::store::{Record, RecordKey, Shared, StoreError};
use crate::telemetry::metrics::numeric as metrics;
use std::sync::Arc;

/// Fits that are read in one round trip: one may have a megabyte.
const TOGETHER: usize = 8;

impl Decider {
    /// One version of a fit, whole.
    ///
    /// # Errors
    /// [`NumericError::UnknownVersion`], and [`NumericError::Store`] where the store is away.
    pub async fn fit_version(&self, tenant: &TenantId, key: &FitKey, version: u64) -> Result<Arc<FitRecord>, NumericError> {
        if let Some(latest) = self.numeric.index.latest(tenant, key).filter(|fit| fit.version == version) {
            return Ok(latest);
        }
        let found = self.store.get(&RecordKey::Fit { tenant: tenant.clone(), key: key.clone(), version }).await?;
        match found {
            Some(Record::Fit(fit)) => Ok(fit),
            _ => Err(NumericError::UnknownVersion { version }),
        }
    }

    /// Has memory hold of these fits what the store holds of them.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    pub(in crate::decide) async fn apply_fits(&self, shared: &dyn Shared, keys: &[RecordKey]) -> Result<(), StoreError> {
        for some in keys.chunks(TOGETHER) {
            let names = some.iter().filter_map(|key| match key {
                RecordKey::Fit { tenant, key, .. } => Some(("fit", tenant, key.to_string())),
                _ => None,
            });
            // Read while no write of ours is between its two steps.
            let _held = self.order.hold(names).await;
            for (record, read) in some.iter().zip(shared.get_many(some).await?) {
                match (readable(read), record) {
                    (Some(Record::Fit(fit)), _) => self.numeric.index.put(&fit),
                    (_, RecordKey::Fit { tenant, key, version }) => self.numeric.index.remove(tenant, key, *version),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

impl Decider {
    /// Tells the metrics how many fits there are, and how many of them are stale by their age.
    pub fn tell_fits(&self) {
        let now = self.clock.now();
        let stale =
            |tenant: TenantId| self.numeric.index.all_latest(&tenant, None).iter().filter(|fit| fit.stale_at <= now).count();
        let stale = self.numeric.index.tenants().into_iter().map(stale).sum();
        metrics::state(self.numeric.under_way(), self.numeric.index.len(), stale);
    }
}
