//! Writing components: embedded, stored, then found.

use super::{DecideError, Decider, QuotaReached, order};
use crate::cache::embedding::Full;
use crate::domain::component::{Component, Role};
use crate::domain::deadline::Deadline;
use crate::domain::ids::{ComponentId, TenantId};
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use crate::embed::EmbedError;
use crate::store::{Family, Record, RecordKey, StoreError, Write};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A reusable text to write.
#[derive(Debug, Clone)]
pub struct NewComponent {
    /// Its id.
    pub id: ComponentId,
    /// What it is for.
    pub role: Role,
    /// The text.
    pub text: FreshText,
    /// By what a request finds it.
    pub tags: Vec<String>,
    /// The moment that it speaks of.
    pub as_of: Timestamp,
    /// Seconds to live.
    pub ttl_sec: Option<u64>,
    /// What the writer attaches.
    pub meta: serde_json::Map<String, serde_json::Value>,
}

/// Why a component is not written.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// Its text can't be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are too many.
    #[error(transparent)]
    Full(#[from] Full),
    /// A quota of the tenant is reached.
    #[error(transparent)]
    Quota(#[from] QuotaReached),
    /// The write broke off.
    #[error("the write broke off: {detail}")]
    Broken {
        /// For the log.
        detail: String,
    },
}

impl From<ComponentError> for DecideError {
    fn from(error: ComponentError) -> Self {
        match error {
            ComponentError::Embed(e) => Self::Embed(e),
            ComponentError::Store(e) => Self::Store(e),
            ComponentError::Full(e) => Self::ComponentsFull(e),
            ComponentError::Quota(e) => Self::Quota(e),
            ComponentError::Broken { detail } => Self::Broken { detail },
        }
    }
}

impl Decider {
    /// Embeds a component. A text that the same model embedded before under this id is not embedded again. Nothing is written.
    ///
    /// # Errors
    /// [`EmbedError`] where the text can't be embedded by `deadline`.
    pub async fn embed_component(
        &self,
        tenant: &TenantId,
        new: NewComponent,
        deadline: Deadline,
    ) -> Result<Arc<Component>, EmbedError> {
        let now = self.clock.now();
        let text_hash = new.text.hash();
        let model = self.embedder.model().clone();
        let known = self.embeddings.component(tenant, &new.id, now).filter(|c| c.text_hash == text_hash && c.model == model);
        let (vector, chunks) = match known {
            Some(known) => (known.vector.clone(), known.chunks),
            None => {
                let embedded = self.embedder.embed_document(&new.text, deadline).await?;
                (embedded.vector, embedded.chunks)
            }
        };
        Ok(Arc::new(Component {
            tenant: tenant.clone(),
            id: new.id,
            role: new.role,
            text: new.text.as_str().into(),
            text_hash,
            tags: new.tags,
            as_of: new.as_of,
            created_at: now,
            ttl_sec: new.ttl_sec,
            meta: new.meta,
            model,
            vector,
            chunks,
        }))
    }

    /// Writes components durably, all or none, and then lets requests find them. Of several with one id the last holds. Returns for
    /// each whether it is new.
    ///
    /// # Errors
    /// [`ComponentError`]; nothing was written where the store failed or there is no room.
    pub async fn put_components(self: &Arc<Self>, components: Vec<Arc<Component>>) -> Result<Vec<bool>, ComponentError> {
        let decider = Arc::clone(self);
        let written = order::to_its_end(async move {
            let _held = decider.order.hold(components.iter().map(|c| c.id.clone())).await;
            decider.embeddings.room_for(&components)?;
            decider.room_for_components(&components)?;
            let mut last: BTreeMap<(TenantId, ComponentId), &Arc<Component>> = BTreeMap::new();
            for component in &components {
                last.insert((component.tenant.clone(), component.id.clone()), component);
            }
            let writes = last.values().flat_map(|component| {
                // The role is part of a record's key, so a component that changes its role would leave a record under the old one.
                let others = records_of(&component.tenant, &component.id)
                    .filter(|key| *key != Record::Component(Arc::clone(component)).key());
                others.map(Write::Delete).chain([Write::Put(Record::Component(Arc::clone(component)))]).collect::<Vec<_>>()
            });
            decider.commit(writes.collect()).await?;
            components.iter().map(|c| Ok(decider.embeddings.put(Arc::clone(c))?.is_none())).collect()
        });
        written.await.unwrap_or_else(|error| Err(ComponentError::Broken { detail: error.to_string() }))
    }

    /// Deletes a component for good; `false` where there is none.
    ///
    /// # Errors
    /// [`ComponentError`] where the deletion could not be made durable; requests have stopped finding it all the same.
    pub async fn delete_component(self: &Arc<Self>, tenant: &TenantId, id: &ComponentId) -> Result<bool, ComponentError> {
        let (decider, tenant, id) = (Arc::clone(self), tenant.clone(), id.clone());
        let written = order::to_its_end(async move {
            if let Some(shared) = decider.store.shared() {
                // Another process may have written it a moment ago.
                decider.apply_components(shared, &[(tenant.clone(), id.clone())]).await?;
            }
            let _held = decider.order.hold(std::iter::once(&id)).await;
            if decider.embeddings.remove(&tenant, &id).is_none() {
                return Ok(false);
            }
            decider.commit(records_of(&tenant, &id).map(Write::Delete).collect()).await?;
            Ok(true)
        });
        written.await.unwrap_or_else(|error| Err(ComponentError::Broken { detail: error.to_string() }))
    }
}

/// Every key under which a component of this id may be stored.
pub(super) fn records_of<'a>(tenant: &'a TenantId, id: &'a ComponentId) -> impl Iterator<Item = RecordKey> + 'a {
    Family::ALL.into_iter().map(|family| RecordKey::Component { tenant: tenant.clone(), family, id: id.clone() })
}
