//! Rows of datasets as frames.

use super::{BARS, DatasetsError};
use crate::dataset;
use crate::decide::Decider;
use crate::domain::dataset::{DatasetHead, DatasetPart, DatasetVersion};
use crate::domain::frame::Frame;
use crate::domain::ids::{DatasetName, TenantId};
use crate::store::{Record, RecordKey, StoreError};
use std::ops::Range;
use std::sync::Arc;

/// Parts that are read in one round trip.
const TOGETHER: usize = 8;

/// Times that a dataset is looked up anew, where it was replaced while its parts were read.
const TRIES: usize = 4;

/// Parts of a dataset, or that some are gone.
type Parts = Result<Option<Vec<Arc<DatasetPart>>>, DatasetsError>;

impl Decider {
    /// What is known of a dataset.
    pub fn dataset(&self, tenant: &TenantId, name: &DatasetName) -> Option<Arc<DatasetHead>> {
        self.datasets.index.get(tenant, name).filter(|head| head.is_there(self.clock.now()))
    }

    /// The datasets of a tenant, by name.
    pub fn list_datasets(&self, tenant: &TenantId) -> Vec<Arc<DatasetHead>> {
        self.datasets.index.list(tenant, self.clock.now())
    }

    /// Which content is under a name now, from memory: what was estimated from another is stale. `ohlcv` are the bars of the tenant where
    /// nothing was put under that name.
    pub fn dataset_version(&self, tenant: &TenantId, name: &DatasetName) -> Option<DatasetVersion> {
        match self.dataset(tenant, name) {
            Some(head) => Some(head.current()),
            None if name.as_str() == BARS => self.bars_version(tenant),
            None => None,
        }
    }

    /// All rows under a name, and which version they are. `ohlcv` are the bars of the tenant where nothing was put under that name.
    ///
    /// # Errors
    /// [`DatasetsError::Store`] and [`DatasetsError::Damaged`].
    pub async fn frame_of(
        &self,
        tenant: &TenantId,
        name: &DatasetName,
    ) -> Result<Option<(Arc<Frame>, DatasetVersion)>, DatasetsError> {
        for _ in 0..TRIES {
            let Some(head) = self.dataset(tenant, name) else {
                return Ok(if name.as_str() == BARS { self.bars_frame(tenant).await? } else { None });
            };
            let read = self.datasets.frames.get_or_read(tenant, head.hash, self.read_frame(&head, 0..head.rows)).await;
            match read {
                Ok(frame) => return Ok(Some((frame, head.current()))),
                Err(Unread::Gone) => self.look_up_anew(&head).await?,
                Err(Unread::Error(error)) => return Err(error),
            }
        }
        Err(DatasetsError::Damaged { name: name.clone(), detail: "some of its parts are not there".to_owned() })
    }

    /// Some rows under a name, counted from 0, with the head that they are of. Only the parts that they are in are read.
    ///
    /// # Errors
    /// [`DatasetsError::Store`] and [`DatasetsError::Damaged`].
    pub async fn rows_of(
        &self,
        tenant: &TenantId,
        name: &DatasetName,
        rows: Range<u64>,
    ) -> Result<Option<(Frame, Arc<DatasetHead>)>, DatasetsError> {
        for _ in 0..TRIES {
            let Some(head) = self.dataset(tenant, name) else { return Ok(None) };
            let rows = rows.start.min(head.rows)..rows.end.min(head.rows);
            let index = |row: u64| usize::try_from(row).unwrap_or(usize::MAX);
            if let Some(frame) = self.datasets.frames.get(tenant, head.hash) {
                return Ok(Some((frame.take(&(index(rows.start)..index(rows.end)).collect::<Vec<_>>()), head)));
            }
            match self.read_frame(&head, rows).await {
                Ok((frame, _)) => return Ok(Some((Frame::clone(&frame), head))),
                Err(Unread::Gone) => self.look_up_anew(&head).await?,
                Err(Unread::Error(error)) => return Err(error),
            }
        }
        Err(DatasetsError::Damaged { name: name.clone(), detail: "some of its parts are not there".to_owned() })
    }

    /// Has memory know what the store has under a name, where its parts were gone: another process has replaced it and we didn't hear yet.
    async fn look_up_anew(&self, head: &DatasetHead) -> Result<(), DatasetsError> {
        let key = RecordKey::Dataset { tenant: head.tenant.clone(), name: head.name.clone() };
        match self.store.get(&key).await? {
            Some(Record::Dataset(found)) => self.datasets.index.put(found),
            _ => drop(self.datasets.index.remove(&head.tenant, &head.name)),
        }
        Ok(())
    }

    /// The rows of a head, read and put together, with the bytes that they take.
    async fn read_frame(&self, head: &Arc<DatasetHead>, rows: Range<u64>) -> Result<(Arc<Frame>, u64), Unread> {
        let (mut first, mut numbers, mut skipped) = (0, Vec::new(), 0);
        for (number, part) in (0..).zip(&head.parts) {
            let end = first + u64::from(part.rows);
            if end <= rows.start {
                skipped = end;
            } else if first < rows.end {
                numbers.push(number);
            }
            first = end;
        }
        let parts = self.read_parts(head, &numbers).await.map_err(Unread::Error)?.ok_or(Unread::Gone)?;
        let (head, whole) = (Arc::clone(head), rows == (0..head.rows));
        let wanted = rows.start - skipped..rows.end - skipped;
        let work = move || {
            let frame = dataset::unpacked(&head.columns, parts.iter().map(|part| &*part.data))
                .map_err(|error| DatasetsError::damaged(&head.name, &error))?;
            let other = |detail: &str| DatasetsError::Damaged { name: head.name.clone(), detail: detail.to_owned() };
            if !whole {
                let of = |row: u64| usize::try_from(row).unwrap_or(usize::MAX).min(frame.rows());
                let frame = frame.take(&(of(wanted.start)..of(wanted.end)).collect::<Vec<_>>());
                return Ok((Arc::new(frame), 0));
            }
            if frame.rows() as u64 != head.rows || dataset::content_hash(&frame) != head.hash {
                return Err(other("its rows are not those that were written"));
            }
            let bytes = dataset::memory_of(&frame);
            Ok((Arc::new(frame), bytes))
        };
        let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(DatasetsError::broken(error)));
        done.map_err(Unread::Error)
    }

    async fn read_parts(&self, head: &DatasetHead, numbers: &[u32]) -> Parts {
        let key = |number: &u32| RecordKey::DatasetPart { tenant: head.tenant.clone(), upload: head.upload, number: *number };
        let keys: Vec<RecordKey> = numbers.iter().map(key).collect();
        let mut parts = Vec::with_capacity(keys.len());
        for some in keys.chunks(TOGETHER) {
            let read = match self.store.shared() {
                Some(shared) => shared.get_many(some).await?,
                None => {
                    let mut read = Vec::with_capacity(some.len());
                    for key in some {
                        read.push(match self.store.get(key).await {
                            Err(StoreError::Codec(error)) => Err(error),
                            other => Ok(other?),
                        });
                    }
                    read
                }
            };
            for read in read {
                match read {
                    Ok(Some(Record::DatasetPart(part))) => parts.push(part),
                    Ok(_) => return Ok(None),
                    Err(error) => return Err(DatasetsError::Damaged { name: head.name.clone(), detail: error.to_string() }),
                }
            }
        }
        Ok(Some(parts))
    }
}

/// Why rows could not be read.
#[derive(Debug)]
enum Unread {
    /// Their parts are not there.
    Gone,
    Error(DatasetsError),
}
