//! Deleting a dataset.

use super::DatasetsError;
use super::stored::deletes;
use crate::decide::{Decider, order};
use crate::domain::dataset::{DatasetHead, Unfinished};
use crate::domain::ids::{DatasetName, TenantId};
use crate::limits::DATASET_TURN_MS;
use crate::store::{RecordKey, Write};
use std::sync::Arc;
use std::time::Duration;

impl Decider {
    /// Forgets a dataset for good, and gives what was known of it.
    ///
    /// # Errors
    /// [`DatasetsError::Unknown`] where there is none, and [`DatasetsError::Store`]; then it is as it was.
    pub async fn delete_dataset(
        self: &Arc<Self>,
        tenant: &TenantId,
        name: &DatasetName,
    ) -> Result<Arc<DatasetHead>, DatasetsError> {
        let (decider, tenant, name) = (Arc::clone(self), tenant.clone(), name.clone());
        let deleted = order::to_its_end(async move {
            let lease = decider.alone(&tenant, &super::put::turn(&name), Duration::from_millis(DATASET_TURN_MS)).await?;
            let _writing = decider.datasets.writing.hold(std::iter::once((&tenant, &name))).await;
            let Some(head) = decider.dataset(&tenant, &name) else { return Err(DatasetsError::Unknown { name }) };
            let _held = decider.order.hold(std::iter::once(("dataset", &tenant, &name))).await;
            let head_goes = Write::Delete(RecordKey::Dataset { tenant: tenant.clone(), name: name.clone() });
            let gone = head.unfinished.iter().copied().chain([own_parts(&head)]);
            let writes = std::iter::once(head_goes).chain(gone.flat_map(|one| deletes(&tenant, &one))).collect();
            decider.commit_in_turn(lease, writes).await?;
            decider.datasets.index.remove(&tenant, &name);
            decider.datasets.changed(&tenant, &name);
            Ok(head)
        });
        deleted.await.unwrap_or_else(|error| Err(DatasetsError::broken(error)))
    }
}

/// The parts of a head, as something to be removed.
pub(super) fn own_parts(head: &DatasetHead) -> Unfinished {
    Unfinished { upload: head.upload, parts: u32::try_from(head.parts.len()).unwrap_or(u32::MAX), since: head.created_at }
}
