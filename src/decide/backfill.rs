//! Remembering decisions: from a text and what was decided to an entry that searches find.

use super::lease::Leased;
use super::prompt::End;
use super::situation::{Context, ContextChoice};
use super::think::Place;
use super::{DecideError, Decider, QuotaReached, Run, order};
use crate::admission::Class;
use crate::cache::semantic::CacheError;
use crate::domain::deadline::Deadline;
use crate::domain::decision::Payload;
use crate::domain::entry::{Entry, Provenance, StoredEntry, Validity};
use crate::domain::ids::{ComponentId, StrategyName, TenantId};
use crate::domain::partition::entry_id;
use crate::domain::strategy::Strategy;
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use crate::domain::vector::UnitVector;
use crate::embed::EmbedError;
use crate::facts;
use crate::limits::PROMPT_BACKFILL_MS;
use crate::store::{Record, StoreError, Write};
use crate::telemetry::metrics;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A decision to remember.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// The fresh text.
    pub text: FreshText,
    /// What was decided.
    pub decision: Payload,
    /// Under which strategy.
    pub strategy: StrategyName,
    /// The moment that the decision speaks of.
    pub as_of: Timestamp,
    /// Seconds to live; the strategy's where absent.
    pub ttl_sec: Option<u64>,
    /// By what it can be found and deleted, and by what its soft context is chosen.
    pub tags: Vec<String>,
    /// Soft context by id, instead of by tags.
    pub context: Vec<ComponentId>,
    /// Under which conditions it may be used again.
    pub validity: Validity,
    /// Who decided.
    pub provenance: Provenance,
}

/// What an engine decided, on its way into the store.
pub(super) struct Backfill<'a> {
    pub entry: StoredEntry,
    /// The right to decide it, where several processes could.
    pub lease: Option<&'a Leased>,
}

/// Why a decision is not remembered.
#[derive(Debug, thiserror::Error)]
pub enum RememberError {
    /// It could not be made into an entry.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The write broke off.
    #[error("the write broke off: {detail}")]
    Broken {
        /// For the log.
        detail: String,
    },
    /// A quota of the tenant is reached.
    #[error(transparent)]
    Quota(#[from] QuotaReached),
    /// Memory did not take it; the store has it.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl Decider {
    /// Makes an entry: embeds the text where its vector is not known, chooses the context, composes. Nothing is written.
    ///
    /// # Errors
    /// [`DecideError`] where the strategy or a component is not there, or the text can't be embedded by `deadline`.
    pub async fn prepare(&self, tenant: &TenantId, new: NewEntry, deadline: Deadline) -> Result<StoredEntry, DecideError> {
        let now = self.clock.now();
        // Read first: a deletion by tag that comes while this is being made ends it as well.
        // And read where all processes see it, or what is acknowledged here after a deletion elsewhere would be ended by it.
        // Where the store is away the write that follows fails by itself.
        let elsewhere = match self.store.shared() {
            Some(shared) => shared.generation().await.unwrap_or_default(),
            None => 0,
        };
        let generation = elsewhere.max(self.semantic.generations().current());
        let strategy = Arc::clone(self.strategies.named(&new.strategy)?);
        let setting = self.setting(tenant, &strategy, now)?;
        let choice = ContextChoice { tenant, tags: &new.tags, named: &new.context, as_of: new.as_of, now };
        let context = self.context(&strategy, &choice)?;
        let known = self.vector_of(tenant, &new.text, (Class::Write, deadline)).await?;
        let vector = self.compose(&strategy, &context, &known.vector)?;
        let end = End { tenant, text: &new.text, known: &known };
        let prompt = self.prompt_to_keep(&strategy, &context, end, deadline).await?;
        let model = self.embedder.model().clone();
        let text_hash = new.text.hash();
        let entry = Entry {
            id: entry_id(&setting.partition, context.ids(), &model, &strategy.name, text_hash),
            tenant: tenant.clone(),
            strategy: strategy.name.clone(),
            strategy_version: strategy.version,
            partition: setting.partition,
            model,
            text: new.text.as_str().into(),
            text_hash,
            cut: known.cut,
            parts: context.parts(&strategy, &text_hash.to_string()),
            tau: strategy.thresholds.tau,
            decision: new.decision,
            validity: new.validity,
            provenance: new.provenance,
            as_of: new.as_of,
            created_at: now,
            ttl_sec: new.ttl_sec.or(strategy.validity.ttl_sec),
            tags: new.tags,
            generation,
            quarantine: None,
        };
        let facts = strategy.facts.enabled.then(|| Arc::new(facts::read(&entry.text, entry.as_of, &self.lexicon)));
        Ok(StoredEntry { entry: Arc::new(entry), vector, fresh: known.vector, prompt, facts })
    }

    /// The entry of what an engine decided for a request.
    pub(super) async fn entry_of(&self, run: &Run<'_>, place: &Place, decision: Payload) -> StoredEntry {
        let Place { setting, context, situated } = place;
        let (request, strategy) = (run.request, &setting.strategy);
        let prompt = match &situated.prompt {
            Some(prompt) => Some(prompt.clone()),
            None => {
                let end = End { tenant: &run.caller.tenant, text: &request.text, known: &situated.known };
                let deadline = Deadline::after(Duration::from_millis(PROMPT_BACKFILL_MS));
                let kept = self.prompt_to_keep(strategy, context, end, deadline).await;
                kept.inspect_err(|error| tracing::debug!(%error, "an entry is kept without its prompt")).ok().flatten()
            }
        };
        let text_hash = request.text.hash();
        let model = self.embedder.model().clone();
        let entry = Entry {
            id: entry_id(&setting.partition, context.ids(), &model, &strategy.name, text_hash),
            tenant: run.caller.tenant.clone(),
            strategy: strategy.name.clone(),
            strategy_version: strategy.version,
            partition: setting.partition,
            model,
            text: request.text.as_str().into(),
            text_hash,
            cut: situated.known.cut,
            parts: context.parts(strategy, &text_hash.to_string()),
            tau: strategy.thresholds.tau,
            decision,
            validity: strategy.validity.of_engine(&request.market, &strategy.versions),
            provenance: Provenance::Engine,
            as_of: request.as_of,
            created_at: self.clock.now(),
            ttl_sec: strategy.validity.ttl_sec,
            tags: request.tags.clone(),
            generation: run.generation,
            quarantine: None,
        };
        StoredEntry {
            entry: Arc::new(entry),
            vector: situated.vector.clone(),
            fresh: situated.known.vector.clone(),
            prompt,
            facts: run.facts.clone().map(Arc::new),
        }
    }

    /// The vector of the prompt, for strategies that match prompts; absent too where a prompt is longer than can be read.
    pub(super) async fn prompt_to_keep(
        &self,
        strategy: &Strategy,
        context: &Context,
        end: End<'_>,
        deadline: Deadline,
    ) -> Result<Option<UnitVector>, EmbedError> {
        if strategy.slow.is_none() {
            return Ok(None);
        }
        match self.prompt(strategy, context, end, deadline).await {
            Err(EmbedError::TextNotEmbeddable { .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Whether the entry that this one would take the place of decided the same and was closed for that.
    pub(super) async fn is_closed(&self, stored: &StoredEntry) -> bool {
        let Entry { tenant, id, decision, .. } = &*stored.entry;
        let same = |held: &Entry| held.quarantine.is_some() && held.decision.agreement_key() == decision.agreement_key();
        // Where the store can't say, memory does.
        let held = self.entry(tenant, id).await.unwrap_or_else(|_| self.semantic.entry(tenant, id).map(|l| Arc::clone(&l.entry)));
        held.is_some_and(|held| same(&held))
    }

    /// Stores what an engine decided together with the record of the answer, both or neither, and lets searches find it. Where the store
    /// is away the answer stands all the same, and memory has it until the next start. `false`, and nothing was done, where another
    /// process has taken over the right to decide it.
    pub(super) async fn backfill(&self, Backfill { entry, lease }: Backfill<'_>, record: Write) -> bool {
        let _held = self.order.hold(std::iter::once(entry.entry.id)).await;
        let since = Instant::now();
        let writes = || vec![Write::Put(Record::Entry(entry.clone())), record.clone()];
        let committed = match lease {
            Some(lease) => lease.commit(writes()).await,
            None => Ok(false),
        };
        let stored = match (committed, lease) {
            (Ok(true), _) => Ok(true),
            (Ok(false), Some(_)) => return false,
            (Ok(false), None) | (Err(_), _) => self.store.backfill(writes()).await,
        };
        match stored {
            Ok(true) => metrics::entries_stored(1, since.elapsed()),
            Ok(false) => self.follow.expect([Write::Put(Record::Entry(entry.clone())).key()]),
            Err(error) => {
                self.follow.expect([Write::Put(Record::Entry(entry.clone())).key()]);
                metrics::backfill_not_stored();
                tracing::warn!(%error, "what an engine decided could not be stored; it is remembered until the service stops");
            }
        }
        if let Err(error) = self.semantic.insert(&entry) {
            tracing::warn!(%error, "what an engine decided could not be taken into memory");
        }
        true
    }

    /// Writes entries durably, all or none, and then lets searches find them.
    ///
    /// # Errors
    /// [`RememberError::Store`] and [`RememberError::Quota`] where nothing was written; [`RememberError::Cache`] where they are stored and one could not be taken
    /// into memory.
    pub async fn remember(self: &Arc<Self>, entries: Vec<StoredEntry>) -> Result<(), RememberError> {
        let decider = Arc::clone(self);
        let written = order::to_its_end(async move {
            let _held = decider.order.hold(entries.iter().map(|e| e.entry.id)).await;
            decider.room_for_entries(&entries)?;
            let since = Instant::now();
            let writes = entries.iter().map(|entry| Write::Put(Record::Entry(entry.clone()))).collect();
            decider.commit(writes).await?;
            metrics::entries_stored(entries.len(), since.elapsed());
            for entry in &entries {
                // A working set takes in what is asked for; what is written in bulk would drive that out.
                if decider.recall.is_none() || decider.semantic.entry(&entry.entry.tenant, &entry.entry.id).is_some() {
                    decider.semantic.insert(entry)?;
                }
            }
            Ok(())
        });
        written.await.unwrap_or_else(|error| Err(RememberError::Broken { detail: error.to_string() }))
    }
}
