//! What was remembered under one embedding model, put under another.
//!
//! Nothing is decided anew: text, decision, conditions and moments stay as they were. Vectors are made anew, soft context is composed anew from
//! the same components, and with the model the partition and the id of an entry change. What a strategy would not find today it would not
//! find under another model either, and is left behind.

use super::prompt::End;
use super::{DecideError, Decider};
use crate::admission::Class;
use crate::compose::composed_dim;
use crate::domain::component::{Component, ModelRef};
use crate::domain::deadline::Deadline;
use crate::domain::entry::{Entry, StoredEntry};
use crate::domain::ids::{EntryId, TenantId};
use crate::domain::judgement::Judgement;
use crate::domain::partition::{PartitionKey, entry_id};
use crate::domain::strategy::Strategy;
use crate::domain::text::FreshText;
use crate::embed::EmbedError;
use std::sync::Arc;

/// What became of an entry.
#[derive(Debug)]
pub enum Reembedded {
    /// It is to be remembered so.
    Made {
        /// With its new vectors.
        stored: Box<StoredEntry>,
        /// Whether a component that it was composed with is gone, and it was composed without.
        without_context: bool,
    },
    /// It is here already, under this id.
    Here(EntryId),
    /// No strategy of today finds it: it was written under another version, or with another text in a hard slot.
    OfAnotherVersion,
}

impl Decider {
    /// A component with a vector of this model.
    ///
    /// # Errors
    /// [`EmbedError`] where its text can't be embedded by `deadline`.
    pub async fn reembed_component(&self, old: &Component, deadline: Deadline) -> Result<Arc<Component>, EmbedError> {
        let text = stored_text(&old.text)?;
        let embedded = self.embedder.embed_document(&text, deadline).await?;
        let model = self.embedder.model().clone();
        Ok(Arc::new(Component { model, vector: embedded.vector, chunks: embedded.chunks, ..old.clone() }))
    }

    /// An entry with vectors of this model. Nothing is written.
    ///
    /// # Errors
    /// [`DecideError`] where a text can't be embedded by `deadline`.
    pub async fn reembed_entry(&self, old: &StoredEntry, deadline: Deadline) -> Result<Reembedded, DecideError> {
        let was = &old.entry;
        let now = self.clock.now();
        let strategy = self.strategies.by_name.get(&was.strategy).filter(|strategy| strategy.version == was.strategy_version);
        let Some(strategy) = strategy.map(Arc::clone) else { return Ok(Reembedded::OfAnotherVersion) };
        let Some(partition) = self.partition_today((&was.tenant, &was.partition, &was.model), &strategy, Some(old))? else {
            return Ok(Reembedded::OfAnotherVersion);
        };
        let (context, without_context) = self.context_of(&strategy, was, now);
        let model = self.embedder.model().clone();
        let id = entry_id(&partition, context.ids(), &model, &strategy.name, was.text_hash);
        let parts = context.parts(&strategy, &was.text_hash.to_string());
        let entry = Entry { id, partition, model, parts, tau: strategy.thresholds.tau, ..(**was).clone() };
        if let Some(held) = self.semantic.entry(&was.tenant, &id)
            && *held.entry == (Entry { cut: held.entry.cut, ..entry.clone() })
        {
            return Ok(Reembedded::Here(id));
        }
        let text = stored_text(&was.text)?;
        let known = self.vector_of(&was.tenant, &text, (Class::Write, deadline)).await?;
        let vector = self.compose(&strategy, &context, &known.vector)?;
        let end = End { tenant: &was.tenant, text: &text, known: &known };
        let prompt = self.prompt_to_keep(&strategy, &context, end, deadline).await?;
        let entry = Arc::new(Entry { cut: known.cut, ..entry });
        let stored = Box::new(StoredEntry { entry, vector, fresh: known.vector, prompt, facts: old.facts.clone() });
        Ok(Reembedded::Made { stored, without_context })
    }

    /// A judgement that closes its question under this model too; `None` where it closes none that is asked today. What its candidate scored
    /// under the other model says nothing under this one and is left out.
    ///
    /// # Errors
    /// [`DecideError`] where its text can't be embedded by `deadline`.
    pub async fn reembed_judgement(&self, old: &Judgement, deadline: Deadline) -> Result<Option<Judgement>, DecideError> {
        if old.right || old.fresh.is_none() {
            return Ok(None);
        }
        let strategy = self.strategies.by_name.get(&old.strategy).filter(|strategy| strategy.version == old.strategy_version);
        let Some(strategy) = strategy.map(Arc::clone) else { return Ok(None) };
        let Some(partition) = self.partition_today((&old.tenant, &old.partition, &old.model), &strategy, None)? else {
            return Ok(None);
        };
        let known = self.vector_of(&old.tenant, &stored_text(&old.text)?, (Class::Write, deadline)).await?;
        let model = self.embedder.model().clone();
        Ok(Some(Judgement { partition, model, fresh: Some(known.vector), evidence: None, ..old.clone() }))
    }

    /// The partition of a strategy under this model, where `was` is its partition of today under the other.
    fn partition_today(
        &self,
        (tenant, was, model): (&TenantId, &PartitionKey, &ModelRef),
        strategy: &Arc<Strategy>,
        entry: Option<&StoredEntry>,
    ) -> Result<Option<PartitionKey>, DecideError> {
        let now = self.clock.now();
        let today = match self.setting(tenant, strategy, now) {
            Ok(setting) => setting.partition,
            Err(DecideError::MissingComponent { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let whole = self.whole_partition(tenant, strategy, (model, now))?;
        let projected = self.strategies.projections.get(&strategy.name).map(|projection| whole.projected(&projection.digest));
        // The projection of the other model's calibration is known no more. An entry that lost dimensions was under one.
        let whole_dim = composed_dim(strategy.composition, strategy.slots.len(), entry.map_or(0, |entry| entry.fresh.dim()));
        let lost_dimensions = entry.is_some_and(|entry| entry.vector.dim() < whole_dim);
        Ok((*was == whole || Some(*was) == projected || lost_dimensions).then_some(today))
    }
}

fn stored_text(text: &str) -> Result<FreshText, EmbedError> {
    FreshText::stored(text).map_err(|error| EmbedError::TextNotEmbeddable { detail: error.to_string() })
}
