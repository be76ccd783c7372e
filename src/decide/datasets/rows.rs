//! Reading rows that were sent, beside the threads that serve.

use super::DatasetsError;
use crate::dataset::{self, ReadOptions, ReadRows};
use crate::decide::Decider;
use crate::domain::ids::{DatasetName, TenantId};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// How long an upload waits for its turn to be read.
const TURN_WITHIN: Duration = Duration::from_secs(30);

impl Decider {
    /// The same options for rows that come behind those that are there: what nobody says of them is as it was.
    #[must_use]
    pub fn options_to_append(&self, tenant: &TenantId, name: &DatasetName, mut options: ReadOptions) -> ReadOptions {
        let Some(head) = self.dataset(tenant, name) else { return options };
        options.before = head.columns.iter().map(|column| (column.name.to_string(), column.holds.into())).collect();
        let told = &mut options.settings;
        told.time_zone = told.time_zone.take().or_else(|| head.settings.time_zone.clone());
        options
    }

    /// Reads rows; `held` is let go of when they are read.
    ///
    /// # Errors
    /// [`DatasetsError::Read`], and [`DatasetsError::Busy`] where others are being read for long.
    pub async fn read_rows(
        &self,
        bytes: Bytes,
        options: ReadOptions,
        held: impl Send + 'static,
    ) -> Result<ReadRows, DatasetsError> {
        let turn = tokio::time::timeout(TURN_WITHIN, Arc::clone(&self.datasets.reads).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(DatasetsError::Busy) };
        let work = move || {
            let read = dataset::read(bytes, &options);
            drop((turn, held));
            read
        };
        let read = tokio::task::spawn_blocking(work).await.map_err(DatasetsError::broken)?;
        Ok(read?)
    }
}
