//! Datasets: rows that a tenant puts under a name, for whatever estimates from them.
//!
//! Invariants:
//! - what a caller was told of survives a kill, and a head is never there without its parts: parts are stored first, their head last;
//! - parts of a write that did not end are noted in the head before the first of them is stored, and removed by whoever finds them;
//! - memory knows every head, as the replicas follow them, and holds rows only while there is room for them;
//! - whoever subscribed is told of each change at least once.

mod bars;
mod delete;
mod frames;
mod put;
mod rows;
mod stored;

pub use put::NewRows;

use super::{Order, QuotaReached};
use crate::cache::datasets::{DatasetIndex, DatasetsFull, FrameCache};
use crate::dataset::{BadPart, ReadError};
use crate::domain::field::FieldError;
use crate::domain::ids::{DatasetName, TenantId};
use crate::limits::{DATASET_BODIES_BYTES_MAX, DATASETS_READ_AT_ONCE};
use crate::store::StoreError;
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::{Semaphore, broadcast};

/// Under which name the bars of `/v1/market` can be read, where nothing was put under it.
pub const BARS: &str = "ohlcv";

/// Changes that a subscriber may be behind before it is told that it missed some.
const CHANGES_KEPT: usize = 1_024;

/// The settings of datasets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Bytes of memory for rows that were asked for lately, 1 MiB to 64 GiB.
    pub cache_bytes: u64,
    /// Seconds for which a version is kept where its writer doesn't say, from 60; 0 keeps it for ever.
    pub retention_sec: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { cache_bytes: 256 << 20, retention_sec: 0 }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// A [`FieldError`] for the first that is out of it.
    pub fn check(&self) -> Result<(), FieldError> {
        if !(1 << 20..=64 << 30).contains(&self.cache_bytes) {
            return Err(FieldError::new("/cache_bytes", format!("{} is not 1 MiB to 64 GiB", self.cache_bytes)));
        }
        if self.retention_sec != 0 && !(60..=crate::limits::TTL_SEC_MAX).contains(&self.retention_sec) {
            return Err(FieldError::new("/retention_sec", "it must be at least 60, or 0 to keep datasets for ever"));
        }
        Ok(())
    }
}

/// That a dataset was written or deleted, by this process or by another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetChanged {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub name: DatasetName,
}

/// What datasets need.
#[derive(Debug)]
pub struct Datasets {
    /// What is known of them in memory.
    pub index: DatasetIndex,
    /// Rows that were asked for lately.
    pub frames: FrameCache,
    /// Bytes of uploads that may still come into memory.
    pub bodies: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    retention_sec: Option<u64>,
    // Who writes which now; apart from the order of all writes, since one takes seconds.
    writing: Order,
    changes: broadcast::Sender<DatasetChanged>,
    prints: bars::Prints,
}

impl Datasets {
    /// No datasets yet.
    pub fn new(config: &Config) -> Self {
        Self {
            index: DatasetIndex::default(),
            frames: FrameCache::new(config.cache_bytes),
            bodies: Arc::new(Semaphore::new(DATASET_BODIES_BYTES_MAX)),
            reads: Arc::new(Semaphore::new(DATASETS_READ_AT_ONCE)),
            retention_sec: Some(config.retention_sec).filter(|seconds| *seconds > 0),
            writing: Order::default(),
            changes: broadcast::Sender::new(CHANGES_KEPT),
            prints: bars::Prints::default(),
        }
    }

    /// Tells of every change from now on. One who falls behind is told that he did ([`broadcast::error::RecvError::Lagged`]), and has to
    /// look at what he knows anew.
    pub fn subscribe(&self) -> broadcast::Receiver<DatasetChanged> {
        self.changes.subscribe()
    }

    /// Tells whoever subscribed.
    pub(super) fn changed(&self, tenant: &TenantId, name: &DatasetName) {
        // It is no matter where nobody listens.
        let _ = self.changes.send(DatasetChanged { tenant: tenant.clone(), name: name.clone() });
    }
}

/// Why a dataset is not there, or not written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetsError {
    /// There is none of this name.
    #[error("there is no dataset \"{name}\"")]
    Unknown {
        /// The name that was given.
        name: DatasetName,
    },
    /// What was asked is wrong.
    #[error(transparent)]
    NotAllowed(#[from] FieldError),
    /// Its rows can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// As many are being read as may be.
    #[error("as many datasets are being read as may be at one time")]
    Busy,
    /// A quota of the tenant is reached.
    #[error(transparent)]
    Quota(#[from] QuotaReached),
    /// There is no room for more datasets.
    #[error(transparent)]
    Full(#[from] DatasetsFull),
    /// Its rows can't be read.
    #[error("the dataset \"{name}\" is damaged: {detail}")]
    Damaged {
        /// Which.
        name: DatasetName,
        /// What is wrong.
        detail: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something broke off.
    #[error("the write broke off: {detail}")]
    Broken {
        /// For the log.
        detail: String,
    },
}

impl DatasetsError {
    fn broken(error: impl ToString) -> Self {
        Self::Broken { detail: error.to_string() }
    }

    fn damaged(name: &DatasetName, error: &BadPart) -> Self {
        Self::Damaged { name: name.clone(), detail: error.to_string() }
    }
}
