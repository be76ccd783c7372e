//! What processes share, with what this one owes laid over it.

use super::{Journaled, later, replay};
use crate::domain::ids::TenantId;
use crate::domain::role::Role;
use crate::store::buckets::{Rate, SharedBuckets, Taken};
use crate::store::shared::{Acquired, Changes, Lease, Position};
use crate::store::{CodecError, Record, RecordKey, Shared, StoreError, Write};
use async_trait::async_trait;
use std::time::Duration;

impl Journaled {
    fn inner(&self) -> Result<&dyn Shared, StoreError> {
        self.core.inner.shared().ok_or(StoreError::Closed)
    }
}

#[async_trait]
impl SharedBuckets for Journaled {
    async fn take(&self, tenant: &TenantId, role: Role, rate: Rate) -> Result<Taken, StoreError> {
        self.inner()?.take(tenant, role, rate).await
    }
}

#[async_trait]
impl Shared for Journaled {
    async fn position(&self) -> Result<Position, StoreError> {
        self.inner()?.position().await
    }

    async fn changes(&self, after: &Position, wait: Duration) -> Result<Changes, StoreError> {
        self.inner()?.changes(after, wait).await
    }

    async fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Result<Option<Record>, CodecError>>, StoreError> {
        // Looked up before the store is asked: what is replayed in between is in one of the two.
        let owed: Vec<_> = keys.iter().map(|key| self.core.log.owed(key)).collect();
        let mut records = self.inner()?.get_many(keys).await?;
        let now = self.core.clock.now();
        for ((key, place), record) in keys.iter().zip(owed).zip(&mut records) {
            let Some(place) = place else { continue };
            let (at, wanted) = (place.at, key.clone());
            match replay::blocking(move || place.read(&wanted)).await {
                Ok(read) => *record = Ok(self.shows(later(record.clone().ok().flatten(), read, at), now)),
                Err(StoreError::Codec(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(records)
    }

    async fn generation(&self) -> Result<u64, StoreError> {
        self.inner()?.generation().await
    }

    async fn next_generation(&self, above: u64) -> Result<u64, StoreError> {
        self.inner()?.next_generation(above).await
    }

    async fn acquire(&self, tenant: &TenantId, name: &str, lasts: Duration) -> Result<Acquired, StoreError> {
        self.inner()?.acquire(tenant, name, lasts).await
    }

    async fn renew(&self, lease: &Lease, lasts: Duration) -> Result<bool, StoreError> {
        self.inner()?.renew(lease, lasts).await
    }

    async fn release(&self, lease: &Lease, word: Option<(&str, Duration)>) -> Result<bool, StoreError> {
        self.inner()?.release(lease, word).await
    }

    async fn leave_note(&self, tenant: &TenantId, name: &str, note: &str, lasts: Duration) -> Result<(), StoreError> {
        self.inner()?.leave_note(tenant, name, note, lasts).await
    }

    async fn note(&self, tenant: &TenantId, name: &str) -> Result<Option<String>, StoreError> {
        self.inner()?.note(tenant, name).await
    }

    async fn commit_under(&self, lease: &Lease, writes: Vec<Write>) -> Result<bool, StoreError> {
        let keys: Vec<RecordKey> = writes.iter().map(Write::key).collect();
        if self.core.log.owed_among(keys.iter()).is_empty() {
            return self.inner()?.commit_under(lease, writes).await;
        }
        let _turn = self.core.turn.lock().await;
        let held = self.inner()?.commit_under(lease, writes).await?;
        if held {
            self.supersede(&keys).await?;
        }
        Ok(held)
    }
}
