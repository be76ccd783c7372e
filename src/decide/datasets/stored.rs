//! Heads of datasets that other processes wrote, and parts that ended processes left behind.

use super::DatasetsError;
use crate::decide::follow::readable;
use crate::decide::{Decider, order};
use crate::domain::dataset::{DatasetHead, Unfinished};
use crate::domain::ids::{DatasetName, TenantId};
use crate::limits::{DATASET_LEFT_BEHIND_SEC, DATASET_TURN_MS};
use crate::store::{Record, RecordKey, Shared, StoreError, Write};
use std::sync::Arc;
use std::time::Duration;

/// Heads that are read in one round trip.
const TOGETHER: usize = 32;

impl Decider {
    /// Has memory know of these datasets what the store holds of them.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    pub(in crate::decide) async fn apply_datasets(&self, shared: &dyn Shared, keys: &[RecordKey]) -> Result<(), StoreError> {
        for some in keys.chunks(TOGETHER) {
            let names: Vec<(TenantId, DatasetName)> = some.iter().filter_map(whose).collect();
            // Read while no write of ours is between its two steps.
            let _held = self.order.hold(names.iter().map(|(tenant, name)| ("dataset", tenant, name))).await;
            for ((tenant, name), read) in names.iter().zip(shared.get_many(some).await?) {
                let before = self.datasets.index.get(tenant, name).map(|head| (head.version, head.hash));
                let now = match readable(read) {
                    Some(Record::Dataset(head)) => {
                        let now = (head.version, head.hash);
                        self.datasets.index.put(head);
                        Some(now)
                    }
                    _ => {
                        self.datasets.index.remove(tenant, name);
                        None
                    }
                };
                if before != now {
                    self.datasets.changed(tenant, name);
                }
            }
        }
        Ok(())
    }

    /// Removes the parts that ended processes left behind, and what has ended by its time to live.
    ///
    /// # Errors
    /// [`DatasetsError`] where the store does not take it; the next call tries again.
    pub(in crate::decide) async fn sweep_datasets(self: &Arc<Self>) -> Result<(), DatasetsError> {
        for (tenant, name) in self.datasets.index.expire(self.clock.now()) {
            self.datasets.changed(&tenant, &name);
        }
        let left = |head: &Arc<DatasetHead>| head.unfinished.iter().any(|one| self.is_left_behind(one));
        for head in self.datasets.index.all().into_iter().filter(left) {
            self.clean_up(&head.tenant, &head.name).await?;
        }
        Ok(())
    }

    /// Whether whoever wrote these parts is no longer at it.
    fn is_left_behind(&self, unfinished: &Unfinished) -> bool {
        unfinished.since.plus_seconds(DATASET_LEFT_BEHIND_SEC) <= self.clock.now()
    }

    async fn clean_up(self: &Arc<Self>, tenant: &TenantId, name: &DatasetName) -> Result<(), DatasetsError> {
        let (decider, tenant, name) = (Arc::clone(self), tenant.clone(), name.clone());
        let cleaned = order::to_its_end(async move {
            let lease = decider.alone(&tenant, &super::put::turn(&name), Duration::from_millis(DATASET_TURN_MS)).await?;
            let _writing = decider.datasets.writing.hold(std::iter::once((&tenant, &name))).await;
            let _held = decider.order.hold(std::iter::once(("dataset", &tenant, &name))).await;
            let Some(head) = decider.datasets.index.get(&tenant, &name) else { return Ok(()) };
            // Nobody else is writing it now, so that no upload that is noted is still under way.
            let mut writes: Vec<Write> = head.unfinished.iter().flat_map(|one| deletes(&tenant, one)).collect();
            if head.version == 0 {
                writes.push(Write::Delete(RecordKey::Dataset { tenant: tenant.clone(), name: name.clone() }));
                decider.commit_in_turn(lease, writes).await?;
                decider.datasets.index.remove(&tenant, &name);
                return Ok(());
            }
            let clean = Arc::new(DatasetHead { unfinished: Vec::new(), ..DatasetHead::clone(&head) });
            writes.push(Write::Put(Record::Dataset(Arc::clone(&clean))));
            decider.commit_in_turn(lease, writes).await?;
            decider.datasets.index.put(clean);
            Ok(())
        });
        cleaned.await.unwrap_or_else(|error| Err(DatasetsError::broken(error)))
    }
}

fn whose(key: &RecordKey) -> Option<(TenantId, DatasetName)> {
    match key {
        RecordKey::Dataset { tenant, name } => Some((tenant.clone(), name.clone())),
        _ => None,
    }
}

/// What removes the parts of an upload.
pub(super) fn deletes(tenant: &TenantId, unfinished: &Unfinished) -> impl Iterator<Item = Write> + use<> {
    let (tenant, upload) = (tenant.clone(), unfinished.upload);
    (0..unfinished.parts).map(move |number| Write::Delete(RecordKey::DatasetPart { tenant: tenant.clone(), upload, number }))
}
