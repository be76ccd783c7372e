//! Writing components: embedded, stored, then found.

use super::{DecideError, Decider};
use crate::cache::embedding::Full;
use crate::domain::component::{Component, Role};
use crate::domain::deadline::Deadline;
use crate::domain::ids::{ComponentId, TenantId};
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use crate::embed::EmbedError;
use crate::store::{Record, StoreError, Write};
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
}

impl From<ComponentError> for DecideError {
    fn from(error: ComponentError) -> Self {
        match error {
            ComponentError::Embed(e) => Self::Embed(e),
            ComponentError::Store(e) => Self::Store(e),
            ComponentError::Full(e) => Self::ComponentsFull(e),
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

    /// Writes components durably, all or none, and then lets requests find them. Returns for each whether it is new.
    ///
    /// # Errors
    /// [`ComponentError`]; nothing was written where the store failed or there is no room.
    pub async fn put_components(&self, components: Vec<Arc<Component>>) -> Result<Vec<bool>, ComponentError> {
        self.embeddings.room_for(components.len())?;
        let mut writes = Vec::with_capacity(components.len());
        for component in &components {
            let old = self.embeddings.own_component(&component.tenant, &component.id);
            // The role is part of a record's key, so a component that changes its role leaves a record behind under the old key.
            if let Some(old) = old.filter(|old| old.role.key_family() != component.role.key_family()) {
                writes.push(Write::Delete(Record::Component(old).key()));
            }
            writes.push(Write::Put(Record::Component(Arc::clone(component))));
        }
        self.store.commit(writes).await?;
        components.into_iter().map(|c| Ok(self.embeddings.put(c)?.is_none())).collect()
    }

    /// Deletes a component for good; `false` where there is none.
    ///
    /// # Errors
    /// [`StoreError`] where the deletion could not be made durable; requests have stopped finding it all the same.
    pub async fn delete_component(&self, tenant: &TenantId, id: &ComponentId) -> Result<bool, StoreError> {
        let Some(old) = self.embeddings.remove(tenant, id) else { return Ok(false) };
        self.store.commit(vec![Write::Delete(Record::Component(old).key())]).await?;
        Ok(true)
    }
}
