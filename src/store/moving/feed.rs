//! The records of a kind, in batches, read on a thread of their own while what came before is written.

use crate::store::{CodecError, Record, RecordKind, Store, StoreError};
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Records of one batch: one commit, and one sync.
const BATCH_RECORDS: usize = 128;

/// Batches that were read and wait.
const AHEAD: usize = 2;

/// What a scan shows.
pub type Batch = Vec<Result<Record, CodecError>>;

/// A scan on its way.
#[derive(Debug)]
pub struct Feed {
    batches: mpsc::Receiver<Batch>,
    scan: Option<JoinHandle<Result<(), StoreError>>>,
}

impl Feed {
    /// Starts a scan.
    pub fn start(store: &Arc<dyn Store>, kind: RecordKind) -> Self {
        let (sender, batches) = mpsc::channel(AHEAD);
        let store = Arc::clone(store);
        let scan = tokio::task::spawn_blocking(move || {
            let mut batch = Batch::new();
            let send = |batch: Batch| match sender.blocking_send(batch) {
                Ok(()) => ControlFlow::Continue(()),
                // Nobody wants more.
                Err(_) => ControlFlow::Break(()),
            };
            store.scan(kind, &mut |read| {
                batch.push(read);
                if batch.len() < BATCH_RECORDS { ControlFlow::Continue(()) } else { send(std::mem::take(&mut batch)) }
            })?;
            if !batch.is_empty() {
                let _ = send(batch);
            }
            Ok(())
        });
        Self { batches, scan: Some(scan) }
    }

    /// The next batch; `None` at the end.
    ///
    /// # Errors
    /// [`StoreError`] where the store can't be read.
    pub async fn next(&mut self) -> Result<Option<Batch>, StoreError> {
        if let Some(batch) = self.batches.recv().await {
            return Ok(Some(batch));
        }
        match self.scan.take() {
            Some(scan) => scan.await.unwrap_or(Err(StoreError::Closed)).map(|()| None),
            None => Ok(None),
        }
    }
}
