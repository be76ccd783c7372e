//! What callers say afterwards: that a decision was right, or wrong.
//!
//! A wrong one closes its entry for good, and its question for every entry that would answer the same; what should have been said is
//! remembered where it is known. Either verdict is a sample of the strategy's error budget.

use super::recall::Look;
use super::{Decider, NewEntry, RememberError, Served, order, served_from};
use crate::admission::Class;
use crate::domain::audit::DecisionRecord;
use crate::domain::calibration::Evidence;
use crate::domain::deadline::Deadline;
use crate::domain::decision::Payload;
use crate::domain::entry::{Entry, Provenance, Validity};
use crate::domain::field::FieldError;
use crate::domain::ids::{ComponentId, DecisionId, EntryId, StrategyName, TenantId};
use crate::domain::judgement::{Judgement, Source};
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use crate::domain::trust::Quarantine;
use crate::limits::SERVED_SHOWN_MAX;
use crate::store::{Record, RecordKey, StoreError, Write};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;

/// How long a verdict waits for memory to have what is stored. Where that is not enough the verdict counts, and may find no entry.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(1);

/// A caller's verdict on a decision.
#[derive(Debug, Clone)]
pub struct Feedback {
    /// Which decision.
    pub decision: DecisionId,
    /// Whether it was right.
    pub right: bool,
    /// What should have been decided.
    pub expected: Option<Payload>,
    /// Why, in words.
    pub note: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub struct Consequences {
    /// The strategy of the decision.
    pub strategy: StrategyName,
    /// The entry that the decision was served from, or that it became where an engine decided.
    pub entry: Option<EntryId>,
    /// Whether that entry serves no more.
    pub quarantined: bool,
    /// The entry that remembers what should have been decided.
    pub remembered: Option<EntryId>,
    /// Who else was served from the entry.
    pub served: Served,
}

/// Why a verdict was not taken.
#[derive(Debug, thiserror::Error)]
pub enum FeedbackError {
    /// There is no such decision on record.
    #[error("there is no decision {decision}, or its record is past its age")]
    UnknownDecision {
        /// The id that was given.
        decision: DecisionId,
    },
    /// The verdict doesn't fit the decision.
    #[error(transparent)]
    NotAllowed(#[from] FieldError),
    /// What should have been decided could not be remembered.
    #[error(transparent)]
    Remember(#[from] RememberError),
    /// The record of the decision could not be read.
    #[error("the record of the decision can't be read: {0}")]
    Record(#[from] serde_json::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the audit record says of the answer.
#[derive(Deserialize)]
struct Answered {
    strategy: StrategyName,
    strategy_version: u32,
    decision: Option<Box<RawValue>>,
    #[serde(rename = "match")]
    matched: Option<Matched>,
}

#[derive(Deserialize)]
struct Matched {
    entry: EntryId,
    evidence: Option<Evidence>,
}

/// What the audit record says of the question.
#[derive(Deserialize)]
struct Asked {
    text: String,
    as_of: Timestamp,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    context: Vec<ComponentId>,
}

/// A decision on record.
struct Past {
    answered: Answered,
    asked: Asked,
    decided: Payload,
    text: FreshText,
}

impl Past {
    fn read(record: &DecisionRecord) -> Result<Self, FeedbackError> {
        let answered: Answered = serde_json::from_str(record.answer.get())?;
        let asked: Asked = serde_json::from_str(record.request.get())?;
        let Some(decision) = &answered.decision else {
            return Err(FieldError::new("/decision_id", "nothing was decided, so that there is nothing to judge").into());
        };
        let decided = Payload::parse(decision.get())?;
        let text = FreshText::stored(&asked.text).map_err(|e| FieldError::new("/decision_id", e.to_string()))?;
        Ok(Self { answered, asked, decided, text })
    }
}

impl Decider {
    /// Takes a caller's verdict. When this returns, all that follows from it is durable. The same verdict twice is one.
    ///
    /// # Errors
    /// [`FeedbackError`].
    pub async fn feedback(
        self: &Arc<Self>,
        tenant: &TenantId,
        feedback: Feedback,
        deadline: Deadline,
    ) -> Result<Consequences, FeedbackError> {
        let unknown = || FeedbackError::UnknownDecision { decision: feedback.decision };
        let past = Past::read(&self.audit(tenant, feedback.decision).await?.ok_or_else(unknown)?)?;
        if feedback.expected.as_ref().is_some_and(|e| (e.agreement_key() == past.decided.agreement_key()) != feedback.right) {
            let detail = if feedback.right {
                "it is another decision than the one that is called right"
            } else {
                "it is the very decision that is called wrong"
            };
            return Err(FieldError::new("/expected", detail).into());
        }
        // What another process decided a moment ago is in the store before its record is, and in memory soon.
        self.catch_up(CAUGHT_UP_WITHIN).await;
        let entry = match &past.answered.matched {
            Some(matched) => Some(matched.entry),
            None => self.became(tenant, &past, deadline).await?,
        };
        let (mut quarantined, mut remembered) = (false, None);
        if !feedback.right {
            if let Some(entry) = entry {
                let quarantine = Quarantine { since: self.clock.now(), decision: feedback.decision, note: feedback.note.clone() };
                quarantined = self.quarantine(tenant, entry, quarantine).await?;
            }
            remembered = self.remember_expected(tenant, &past, &feedback, deadline).await?;
        }
        let (decision, right) = (feedback.decision, feedback.right);
        self.take_verdict(tenant, &past, feedback, deadline).await?;
        self.recent.judged(tenant, decision, right);
        let served = match entry {
            Some(entry) if quarantined => self.served(tenant, entry).await?,
            _ => Served::default(),
        };
        Ok(Consequences { strategy: past.answered.strategy, entry, quarantined, remembered, served })
    }

    /// The entry that an engine's decision became, where it is still there.
    async fn became(&self, tenant: &TenantId, past: &Past, deadline: Deadline) -> Result<Option<EntryId>, FeedbackError> {
        let setting = self.setting_of(tenant, &past.answered.strategy).map_err(RememberError::from)?;
        let versions = self.same_text(Look { tenant, setting: &setting, deadline }, past.text.hash()).await;
        let is_it = |entry: &Entry| {
            entry.provenance == Provenance::Engine && entry.as_of == past.asked.as_of && entry.decision == past.decided
        };
        Ok(versions.iter().find(|live| is_it(&live.entry)).map(|live| live.entry.id))
    }

    /// Closes an entry for good; `false` where it is no longer there.
    async fn quarantine(self: &Arc<Self>, tenant: &TenantId, id: EntryId, quarantine: Quarantine) -> Result<bool, FeedbackError> {
        let (decider, key) = (Arc::clone(self), RecordKey::Entry { tenant: tenant.clone(), id });
        let written = order::to_its_end(async move {
            let _held = decider.order.hold([id].iter()).await;
            let Some(Record::Entry(mut stored)) = decider.store.get(&key).await? else { return Ok(false) };
            if stored.entry.quarantine.is_none() {
                stored.entry = Arc::new(Entry { quarantine: Some(quarantine), ..Entry::clone(&stored.entry) });
                decider.commit(vec![Write::Put(Record::Entry(stored.clone()))]).await?;
                decider.semantic.insert(&stored).map_err(RememberError::from)?;
            }
            Ok(true)
        });
        written.await.unwrap_or_else(|error| Err(RememberError::Broken { detail: error.to_string() })).map_err(Into::into)
    }

    /// Remembers what should have been decided.
    async fn remember_expected(
        self: &Arc<Self>,
        tenant: &TenantId,
        past: &Past,
        feedback: &Feedback,
        deadline: Deadline,
    ) -> Result<Option<EntryId>, FeedbackError> {
        let Some(expected) = &feedback.expected else { return Ok(None) };
        let new = NewEntry {
            text: past.text.clone(),
            decision: expected.clone(),
            strategy: past.answered.strategy.clone(),
            as_of: past.asked.as_of,
            ttl_sec: None,
            tags: past.asked.tags.clone(),
            context: past.asked.context.clone(),
            validity: Validity::default(),
            provenance: Provenance::Feedback,
        };
        let stored = self.prepare(tenant, new, deadline).await.map_err(RememberError::from)?;
        let id = stored.entry.id;
        self.remember(vec![stored]).await?;
        Ok(Some(id))
    }

    /// Counts the verdict, once.
    async fn take_verdict(
        self: &Arc<Self>,
        tenant: &TenantId,
        past: &Past,
        feedback: Feedback,
        deadline: Deadline,
    ) -> Result<(), FeedbackError> {
        let matched = past.answered.matched.as_ref();
        let evidence = matched.and_then(|matched| matched.evidence);
        let near = match matched {
            Some(matched) if evidence.is_none() => self.another_text(tenant, &matched.entry, &past.text).await?,
            _ => evidence.is_some(),
        };
        let fresh = match near && !feedback.right {
            true => Some(self.vector_of(tenant, &past.text, (Class::Write, deadline)).await.map_err(RememberError::from)?.vector),
            false => None,
        };
        let judgement = Judgement {
            tenant: tenant.clone(),
            decision: feedback.decision,
            source: Source::Feedback,
            right: feedback.right,
            strategy: past.answered.strategy.clone(),
            strategy_version: past.answered.strategy_version,
            partition: self.partition_of(tenant, &past.answered.strategy).map_err(RememberError::from)?,
            model: self.embedder.model().clone(),
            entry: matched.map(|matched| matched.entry),
            evidence,
            served: 0,
            text: past.text.as_str().into(),
            fresh,
            decided: past.decided.clone(),
            expected: feedback.expected,
            note: feedback.note,
            at: self.clock.now(),
        };
        let key = Record::Judgement(Arc::new(judgement.clone())).key();
        match self.store.get(&key).await? {
            Some(Record::Judgement(before)) if before.right == judgement.right => Ok(()),
            Some(_) => {
                // A verdict that was taken back can't be subtracted, so the budget is counted anew from what is on record.
                self.commit(vec![Write::Put(Record::Judgement(judgement.into()))]).await?;
                let (decider, tenant, name) = (Arc::clone(self), tenant.clone(), past.answered.strategy.clone());
                let recount = move || decider.replay_judgements(Some((&tenant, &name)));
                let counted = tokio::task::spawn_blocking(recount).await;
                counted.unwrap_or(Err(StoreError::Closed)).map(|_| ()).map_err(Into::into)
            }
            None => Ok(self.judge(judgement).await?),
        }
    }

    /// Whether an entry is of another text; it may be gone by now, and then it is not known to be.
    async fn another_text(&self, tenant: &TenantId, entry: &EntryId, text: &FreshText) -> Result<bool, StoreError> {
        Ok(self.entry(tenant, entry).await?.is_some_and(|entry| entry.text_hash != text.hash()))
    }

    async fn served(self: &Arc<Self>, tenant: &TenantId, entry: EntryId) -> Result<Served, StoreError> {
        // An audit record that is still in the queue belongs to the list too.
        self.store.flush().await?;
        let (decider, tenant) = (Arc::clone(self), tenant.clone());
        let look = move || served_from(&*decider.store, &tenant, &entry, SERVED_SHOWN_MAX);
        tokio::task::spawn_blocking(look).await.unwrap_or(Err(StoreError::Closed))
    }
}
