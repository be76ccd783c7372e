//! A store that is looked at and left as it is.

use super::{Record, RecordKey, RecordKind, Store, StoreError, StoreHealth, Visit, Write};
use crate::domain::time::Timestamp;
use async_trait::async_trait;
use std::sync::Arc;

/// Reads what the inner store has, and keeps nothing of what is written.
#[derive(Debug)]
pub(super) struct ReadOnly {
    pub(super) inner: Arc<dyn Store>,
}

#[async_trait]
impl Store for ReadOnly {
    async fn commit(&self, _: Vec<Write>) -> Result<(), StoreError> {
        Ok(())
    }

    fn record(&self, _: Write) -> Result<(), StoreError> {
        Ok(())
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        self.inner.get(key).await
    }

    fn scan(&self, kind: RecordKind, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.inner.scan(kind, visit)
    }

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn prune(&self, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn sweep(&self) -> Result<Vec<RecordKey>, StoreError> {
        Ok(Vec::new())
    }

    fn health(&self) -> StoreHealth {
        self.inner.health()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Clock;
    use crate::store::{in_memory, read_only, sample};

    #[tokio::test]
    async fn what_is_there_is_read_and_what_is_written_leaves_no_trace() {
        let inner = in_memory(Clock::manual(sample::moment()));
        inner.commit(vec![Write::Put(sample::fixed_entry())]).await.unwrap();
        let store = read_only(Arc::clone(&inner));
        let (there, new) = (sample::fixed_entry().key(), sample::fixed_component());
        store.commit(vec![Write::Delete(there.clone()), Write::Put(new.clone())]).await.unwrap();
        store.record(Write::Put(new.clone())).unwrap();
        for store in [&store, &inner] {
            assert!(store.get(&there).await.unwrap().is_some() && store.get(&new.key()).await.unwrap().is_none());
        }
    }
}
