//! The data sets of the service as the source of fits.

use crate::decide::Decider;
use crate::domain::ids::{DatasetName, TenantId};
use crate::engine::numeric::source::{Frames, Sourced};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::Weak;

/// The data sets of a service, which does not keep the service up.
#[derive(Debug)]
pub struct Rows(pub Weak<Decider>);

#[async_trait]
impl Frames for Rows {
    fn version(&self, tenant: &TenantId, dataset: &str) -> Option<String> {
        let name = DatasetName::new(dataset).ok()?;
        // The same content under another number is the same data.
        self.0.upgrade()?.dataset_version(tenant, &name).map(|version| version.hash.to_string())
    }

    fn known(&self) -> Vec<(TenantId, String)> {
        let Some(decider) = self.0.upgrade() else { return Vec::new() };
        let put = decider.datasets.index.all().into_iter().map(|head| (head.tenant.clone(), head.name.to_string()));
        let bars: BTreeSet<TenantId> = decider.market.instruments().into_iter().map(|(tenant, _)| tenant).collect();
        put.chain(bars.into_iter().map(|tenant| (tenant, crate::decide::datasets::BARS.to_owned()))).collect()
    }

    async fn frame(&self, tenant: &TenantId, dataset: &str) -> Result<Option<Sourced>, String> {
        let (Some(decider), Ok(name)) = (self.0.upgrade(), DatasetName::new(dataset)) else { return Ok(None) };
        let found = decider.frame_of(tenant, &name).await.map_err(|error| error.to_string())?;
        Ok(found.map(|(frame, version)| Sourced { frame, version: version.hash.to_string(), told: Vec::new() }))
    }
}
