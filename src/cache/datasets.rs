//! Datasets in memory: what is known of each, and the rows of those that were asked for lately.

use super::usage::{Usage, Used};
use crate::domain::dataset::{ContentHash, DatasetHead};
use crate::domain::frame::Frame;
use crate::domain::ids::{DatasetName, TenantId};
use crate::domain::time::Timestamp;
use crate::limits::DATASETS_MAX;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Why a further dataset is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{held} datasets are held of all tenants together, and no more than {DATASETS_MAX} may be")]
pub struct DatasetsFull {
    /// How many are held.
    pub held: usize,
}

/// The heads of datasets.
#[derive(Debug, Default)]
pub struct DatasetIndex {
    heads: papaya::HashMap<(TenantId, DatasetName), Arc<DatasetHead>>,
    usage: Usage,
}

impl DatasetIndex {
    /// What is known of a dataset, whether or not something was put under its name yet.
    pub fn get(&self, tenant: &TenantId, name: &DatasetName) -> Option<Arc<DatasetHead>> {
        self.heads.pin().get(&(tenant.clone(), name.clone())).cloned()
    }

    /// Puts what is known of a dataset in place of what was known before.
    pub fn put(&self, head: Arc<DatasetHead>) {
        let (key, came) = ((head.tenant.clone(), head.name.clone()), head.bytes());
        let held = self.heads.pin().insert(key.clone(), head).map(|held| held.bytes());
        self.usage.changed(&key.0, held, Some(came));
    }

    /// Forgets a dataset.
    pub fn remove(&self, tenant: &TenantId, name: &DatasetName) -> Option<Arc<DatasetHead>> {
        let held = self.heads.pin().remove(&(tenant.clone(), name.clone())).cloned();
        if let Some(held) = &held {
            self.usage.changed(tenant, Some(held.bytes()), None);
        }
        held
    }

    /// Forgets those that have ended by `now`, and gives their names.
    pub fn expire(&self, now: Timestamp) -> Vec<(TenantId, DatasetName)> {
        let all = self.all();
        let ended: Vec<_> = all.into_iter().filter(|head| head.expires_at().is_some_and(|end| end <= now)).collect();
        for head in &ended {
            self.remove(&head.tenant, &head.name);
        }
        ended.into_iter().map(|head| (head.tenant.clone(), head.name.clone())).collect()
    }

    /// The datasets of a tenant by name, those in which something is at `now`.
    pub fn list(&self, tenant: &TenantId, now: Timestamp) -> Vec<Arc<DatasetHead>> {
        let mut found: Vec<_> = self.all().into_iter().filter(|head| head.tenant == *tenant && head.is_there(now)).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Those of all tenants.
    pub fn all(&self) -> Vec<Arc<DatasetHead>> {
        self.heads.pin().values().cloned().collect()
    }

    /// Whether one more may join.
    ///
    /// # Errors
    /// [`DatasetsFull`].
    pub fn room(&self) -> Result<(), DatasetsFull> {
        let held = self.heads.pin().len();
        if held < DATASETS_MAX { Ok(()) } else { Err(DatasetsFull { held }) }
    }

    /// The datasets of a tenant, and the bytes that they take in the store.
    pub fn used(&self, tenant: &TenantId) -> Used {
        self.usage.of(tenant)
    }

    /// The same of every tenant.
    pub fn used_by_all(&self) -> Vec<(TenantId, Used)> {
        self.usage.all()
    }
}

/// Of which rows a frame is. The tenant is part of it, so that nobody can tell by the time of an answer what another tenant has.
type FrameKey = (TenantId, ContentHash);

/// A frame with the bytes that it takes.
#[derive(Debug, Clone)]
struct Weighed(Arc<Frame>, u64);

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<FrameKey, Weighed> for ByBytes {
    fn weight(&self, _: &FrameKey, frame: &Weighed) -> u64 {
        frame.1.max(1)
    }
}

/// Rows that were asked for lately, up to so many bytes. One that is larger than that is read whenever it is asked for.
#[derive(Debug)]
pub struct FrameCache {
    frames: Cache<FrameKey, Weighed, ByBytes>,
}

impl FrameCache {
    /// Frames of datasets at one time, about. So few are in one shard, which may then be as large as the whole.
    const FRAMES_ABOUT: usize = 32;

    /// No frames, and room for so many bytes of them.
    pub fn new(bytes_max: u64) -> Self {
        Self { frames: Cache::with_weighter(Self::FRAMES_ABOUT, bytes_max, ByBytes) }
    }

    /// The frame of this content, where it is held.
    pub fn get(&self, tenant: &TenantId, hash: ContentHash) -> Option<Arc<Frame>> {
        self.frames.get(&(tenant.clone(), hash)).map(|frame| frame.0)
    }

    /// Keeps a frame that takes so many bytes.
    pub fn put(&self, tenant: &TenantId, hash: ContentHash, (frame, bytes): (Arc<Frame>, u64)) {
        self.frames.insert((tenant.clone(), hash), Weighed(frame, bytes));
    }

    /// The frame of this content, read by `read` where it is not held; once for all who ask at the same time.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn get_or_read<E>(
        &self,
        tenant: &TenantId,
        hash: ContentHash,
        read: impl Future<Output = Result<(Arc<Frame>, u64), E>>,
    ) -> Result<Arc<Frame>, E> {
        let weighed = async { read.await.map(|(frame, bytes)| Weighed(frame, bytes)) };
        self.frames.get_or_insert_async(&(tenant.clone(), hash), weighed).await.map(|frame| frame.0)
    }

    /// Bytes of the frames that are held.
    pub fn bytes(&self) -> u64 {
        self.frames.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frame::Column;

    fn frame(rows: usize) -> (Arc<Frame>, u64) {
        let frame = Frame::new(vec![("n".into(), Column::Number(vec![0.0; rows]))]).unwrap();
        (Arc::new(frame), rows as u64 * 8)
    }

    #[test]
    fn frames_leave_when_others_need_their_room_and_one_that_is_too_large_is_not_kept() {
        let (cache, tenant) = (FrameCache::new(10_000), TenantId::default_tenant());
        for n in 0..100_u8 {
            cache.put(&tenant, ContentHash([n; 32]), frame(100));
        }
        assert!(cache.bytes() <= 10_000 && cache.bytes() > 5_000, "{}", cache.bytes());
        cache.put(&tenant, ContentHash([200; 32]), frame(2_000));
        assert!(cache.get(&tenant, ContentHash([200; 32])).is_none());
        assert!(cache.get(&tenant, ContentHash([99; 32])).is_some());
        assert!(cache.get(&TenantId::new("other").unwrap(), ContentHash([99; 32])).is_none());
    }
}
