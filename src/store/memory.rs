//! The twin in memory, held to the same contract as the stores that last.

use super::{Record, RecordKey, RecordKind, SWEEP_RECORDS_MAX, Store, StoreError, StoreHealth, Visit, Write, codec};
use crate::domain::time::{Clock, Timestamp};
use async_trait::async_trait;
use parking_lot::RwLock;
use std::collections::HashMap;

/// Records in memory.
#[derive(Debug)]
pub(super) struct Memory {
    records: RwLock<HashMap<RecordKey, Record>>,
    clock: Clock,
}

impl Memory {
    pub(super) fn new(clock: Clock) -> Self {
        Self { records: RwLock::default(), clock }
    }

    fn apply(&self, writes: impl IntoIterator<Item = Write>) {
        let mut records = self.records.write();
        for write in writes {
            match write {
                Write::Put(record) => records.insert(record.key(), record),
                Write::Delete(key) => records.remove(&key),
            };
        }
    }
}

#[async_trait]
impl Store for Memory {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        // What the others can't store is refused here too, or a test would pass that production fails.
        for write in &writes {
            check(write)?;
        }
        self.apply(writes);
        Ok(())
    }

    fn record(&self, write: Write) -> Result<(), StoreError> {
        check(&write)?;
        self.apply([write]);
        Ok(())
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        let now = self.clock.now();
        Ok(self.records.read().get(key).filter(|record| !record.expired(now)).cloned())
    }

    fn scan(&self, kind: RecordKind, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let now = self.clock.now();
        // Copied first, so that a visitor may write.
        let wanted = |record: &&Record| record.kind() == kind && !record.expired(now);
        let records: Vec<Record> = self.records.read().values().filter(wanted).cloned().collect();
        let _ = records.into_iter().try_for_each(|record| visit(Ok(record)));
        Ok(())
    }

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn prune(&self, before: Timestamp) -> Result<(), StoreError> {
        let floor_millis = before.as_millis();
        self.records.write().retain(|key, _| match key {
            RecordKey::Decision { id, .. } => i64::try_from(id.millis()).unwrap_or(i64::MAX) >= floor_millis,
            _ => true,
        });
        Ok(())
    }

    async fn sweep(&self) -> Result<Vec<RecordKey>, StoreError> {
        let now = self.clock.now();
        let mut records = self.records.write();
        let ended = records.iter().filter(|(_, record)| record.expired(now)).map(|(key, _)| key.clone());
        let keys: Vec<RecordKey> = ended.take(SWEEP_RECORDS_MAX).collect();
        for key in &keys {
            records.remove(key);
        }
        Ok(keys)
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::default()
    }
}

fn check(write: &Write) -> Result<(), StoreError> {
    if let Write::Put(record) = write {
        codec::to_fields(record)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{contract, in_memory};

    #[tokio::test]
    async fn the_twin_in_memory_holds_the_contract_of_stores() {
        contract::hold(in_memory).await;
    }
}
