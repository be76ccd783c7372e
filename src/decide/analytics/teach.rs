//! What people teach: an answer was right, or wrong; a word means this. Each change is durable before its teacher is told, and of two at one
//! time, in whichever processes, none is lost.

use super::floor::bare;
use super::{Analyst, AnalyticsError, Found, Judgeable};
use crate::decide::follow::readable;
use crate::decide::{Decider, order};
use crate::domain::field::FieldError;
use crate::domain::ids::{QueryId, TenantId};
use crate::domain::knowledge_record::{KnowledgeKey, KnowledgeKind, KnowledgeRecord};
use crate::domain::request::Caller;
use crate::domain::role::Role;
use crate::engine::analytics::knowledge::{
    Act, Candidate, Check, FORMAT, Knowledge, Meaning, NotKept, NotMoved, Proposal, State, VerifiedPair,
};
use crate::engine::analytics::library::Reader;
use crate::limits::KNOWLEDGE_TURN_MS;
use crate::sql::{Scalar, Who};
use crate::store::{Record, RecordKey, Shared, StoreError, Write};
use crate::telemetry::metrics::analytics as metrics;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Records that are read in one round trip.
const TOGETHER: usize = 64;

/// What somebody says of an answer.
#[derive(Debug, Clone)]
pub struct AnswerVerdict {
    /// Of which.
    pub query: QueryId,
    /// Whether it is right.
    pub right: bool,
    /// Why, in words.
    pub comment: String,
}

/// A meaning that somebody proposes for a phrase.
#[derive(Debug, Clone)]
pub struct TermProposal {
    /// The layer that it is for; where there is only one it need not be said.
    pub layer: Option<String>,
    /// The phrase.
    pub phrase: String,
    /// What it is to mean.
    pub meaning: Meaning,
}

/// Why nothing was learnt.
#[derive(Debug, thiserror::Error)]
pub enum TeachError {
    /// There is no such answer.
    #[error("no answer {query} is remembered; ask the question again")]
    UnknownAnswer {
        /// The id that was given.
        query: QueryId,
    },
    /// There was one, and it is forgotten.
    #[error("the answer {query} was given too long ago to be judged; ask the question again")]
    PastAnswer {
        /// The id that was given.
        query: QueryId,
    },
    /// There is no such layer.
    #[error(transparent)]
    Layer(FieldError),
    /// The answer is not kept so.
    #[error(transparent)]
    NotKept(#[from] NotKept),
    /// The proposal stays where it is.
    #[error(transparent)]
    NotMoved(#[from] NotMoved),
    /// It can't be written.
    #[error("it can't be written: {0}")]
    Unwritten(FieldError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something broke off.
    #[error("{detail}")]
    Broken {
        /// For the log.
        detail: String,
    },
}

impl Decider {
    /// Takes a verdict on an answer, and gives the pair that it made, with its name.
    ///
    /// # Errors
    /// [`TeachError`], and nothing is changed.
    pub async fn judge_answer(
        self: &Arc<Self>,
        caller: &Caller,
        verdict: AnswerVerdict,
    ) -> Result<(String, Arc<VerifiedPair>), TeachError> {
        let AnswerVerdict { query, right, comment } = verdict;
        let answer = match self.answer_of(&caller.tenant, query).await? {
            Found::There(answer) => answer,
            Found::Past => return Err(TeachError::PastAnswer { query }),
            Found::Unknown => return Err(TeachError::UnknownAnswer { query }),
        };
        let candidate = self.analyst.whole(&caller.tenant, &answer).await;
        let by = self.act(caller);
        let judged = self.teach(&caller.tenant, move |knowledge| {
            let id = match right {
                true => knowledge.found_right(candidate, by)?,
                false => knowledge.found_wrong(candidate, by, &comment)?,
            };
            let pair = knowledge.pairs().get(&id).cloned().ok_or(NotKept::Unknown)?;
            Ok((id, pair))
        });
        let judged = judged.await?;
        metrics::judged(if right { "up" } else { "down" });
        Ok(judged)
    }

    /// Releases an answer that was found wrong, and gives what it was.
    ///
    /// # Errors
    /// [`TeachError`], and nothing is changed.
    pub async fn release_pair(self: &Arc<Self>, tenant: &TenantId, id: String) -> Result<Arc<VerifiedPair>, TeachError> {
        self.teach(tenant, move |knowledge| Ok(knowledge.released(&id)?)).await
    }

    /// Takes a proposal of what a phrase means, and gives its name.
    ///
    /// # Errors
    /// [`TeachError`], and nothing is changed.
    pub async fn propose_term(
        self: &Arc<Self>,
        caller: &Caller,
        proposal: TermProposal,
    ) -> Result<(String, Arc<Proposal>), TeachError> {
        let TermProposal { layer, phrase, meaning } = proposal;
        // It has to fit beside the terms that apply already.
        let reader = self.analyst.layer_of(&caller.tenant, layer.as_deref())?;
        let by = self.act(caller);
        let proposed = self.teach(&caller.tenant, move |knowledge| {
            let id = knowledge.propose(&reader.layer, &phrase, meaning, by)?;
            let proposal = knowledge.proposals().get(&id).cloned().ok_or(NotMoved::Unknown)?;
            Ok((id, proposal))
        });
        let proposed = proposed.await?;
        metrics::term_moved(State::Proposed.as_str());
        Ok(proposed)
    }

    /// Moves a proposal on.
    ///
    /// # Errors
    /// [`TeachError`], and nothing is changed.
    pub async fn move_term(self: &Arc<Self>, caller: &Caller, id: String, to: State) -> Result<Arc<Proposal>, TeachError> {
        let (by, operator) = (self.act(caller), caller.roles.may(Role::Operate));
        let moved = self.teach(&caller.tenant, move |knowledge| {
            knowledge.moved(&id, to, by, operator)?;
            knowledge.proposals().get(&id).cloned().ok_or(TeachError::NotMoved(NotMoved::Unknown))
        });
        let proposal = moved.await?;
        metrics::term_moved(to.as_str());
        self.index_words(&caller.tenant).await?;
        Ok(proposal)
    }

    fn act(&self, caller: &Caller) -> Act {
        Act { who: caller.user.as_deref().unwrap_or_default().to_owned(), at: self.clock.now() }
    }

    /// Makes one change after the other among all processes, to its end also where the caller goes away.
    async fn teach<T: Send + 'static>(
        self: &Arc<Self>,
        tenant: &TenantId,
        change: impl FnOnce(&mut Knowledge) -> Result<T, TeachError> + Send + 'static,
    ) -> Result<T, TeachError> {
        let (decider, tenant) = (Arc::clone(self), tenant.clone());
        let written = order::to_its_end(async move {
            let lease = decider.alone(&tenant, "knowledge", Duration::from_millis(KNOWLEDGE_TURN_MS)).await?;
            let _held = decider.order.hold(std::iter::once(("knowledge", &tenant))).await;
            let before = decider.analyst.taught(&tenant);
            let mut after = before.knowledge.clone();
            let done = change(&mut after)?;
            let changed = after.since(&before.knowledge).map_err(TeachError::Unwritten)?;
            if !changed.is_empty() {
                let at = decider.clock.now();
                let write = |(key, data): (KnowledgeKey, Option<Box<RawValue>>)| match data {
                    Some(data) => Write::Put(Record::Knowledge(Arc::new(KnowledgeRecord {
                        tenant: tenant.clone(),
                        key,
                        changed_at: at,
                        version: FORMAT,
                        data: data.into(),
                    }))),
                    None => Write::Delete(RecordKey::Knowledge { tenant: tenant.clone(), key }),
                };
                decider.commit_in_turn(lease, changed.into_iter().map(write).collect()).await?;
                decider.analyst.taught.set(&tenant, after);
            }
            Ok(done)
        });
        written.await.unwrap_or_else(|error| Err(TeachError::Broken { detail: error.to_string() }))
    }

    /// Has memory hold of these what the store holds of them.
    ///
    /// # Errors
    /// [`StoreError`] where the store is away.
    pub(in crate::decide) async fn apply_knowledge(
        self: &Arc<Self>,
        shared: &dyn Shared,
        keys: &[RecordKey],
    ) -> Result<(), StoreError> {
        for some in keys.chunks(TOGETHER) {
            // Read while no write of ours is between its two steps.
            let tenants: BTreeSet<&TenantId> = some.iter().map(RecordKey::tenant).collect();
            let _held = self.order.hold(tenants.into_iter().map(|tenant| ("knowledge", tenant))).await;
            for (key, read) in some.iter().zip(shared.get_many(some).await?) {
                let RecordKey::Knowledge { tenant, key } = key else { continue };
                match readable(read) {
                    Some(Record::Knowledge(record)) => self.analyst.taught.put(&record),
                    _ => self.analyst.taught.remove(tenant, *key),
                }
            }
        }
        let is_term = |key: &&RecordKey| matches!(key, RecordKey::Knowledge { key, .. } if key.kind == KnowledgeKind::Term);
        let reread: BTreeSet<TenantId> = keys.iter().filter(is_term).map(|key| key.tenant().clone()).collect();
        for tenant in reread {
            let decider = Arc::clone(self);
            self.background.spawn(async move { drop(decider.index_words(&tenant).await) });
        }
        Ok(())
    }

    /// Indexes the words of a tenant's layers anew, which nobody's question is to wait for.
    async fn index_words(self: &Arc<Self>, tenant: &TenantId) -> Result<(), TeachError> {
        let (decider, tenant) = (Arc::clone(self), tenant.clone());
        let indexed = tokio::task::spawn_blocking(move || drop(decider.analyst.vocabulary(&tenant))).await;
        indexed.map_err(|error| TeachError::Broken { detail: error.to_string() })
    }
}

impl Analyst {
    /// The layer of a name as a tenant's questions are read by it; the only one where no name is said.
    fn layer_of(&self, tenant: &TenantId, name: Option<&str>) -> Result<Arc<Reader>, TeachError> {
        let library = self.library_of(tenant);
        let wrong = |detail: String| TeachError::Layer(FieldError::new("/layer", detail));
        if let Some(name) = name {
            return library.named(name).cloned().ok_or_else(|| wrong(format!("there is no layer `{name}`")));
        }
        let mut all = library.all();
        match (all.next(), all.next()) {
            (Some(only), None) => Ok(Arc::clone(only)),
            (None, _) => Err(wrong("there is no layer".to_owned())),
            (Some(_), Some(_)) => Err(wrong("there are several layers; say for which it is".to_owned())),
        }
    }

    /// An answer with the columns that its SQL reads, as the gate sees them.
    async fn whole(&self, tenant: &TenantId, answer: &Judgeable) -> Candidate {
        let mut candidate = answer.candidate.clone();
        match self.columns(tenant, answer).await {
            Ok(columns) => {
                candidate.checks.insert(Check::Gate);
                candidate.columns = columns;
            }
            // Then the columns are not known, and what was not run has not passed the gate.
            Err(error) => tracing::debug!(%error, "the gate was not asked about an answer that is judged"),
        }
        candidate
    }

    async fn columns(&self, tenant: &TenantId, answer: &Judgeable) -> Result<BTreeSet<(String, String)>, AnalyticsError> {
        let source = self.source.as_ref().ok_or(AnalyticsError::NoWarehouse)?;
        let gate = self.floors.of(tenant, source).tables.read().await.gate.clone().ok_or(AnalyticsError::Busy)?;
        let who =
            Who { tenant: Scalar::Text(tenant.as_str().to_owned()), role: answer.role.to_string(), attributes: BTreeMap::new() };
        let passed = gate.pass(&answer.candidate.sql, &who).map_err(AnalyticsError::Gate)?;
        Ok(passed.columns.into_iter().map(|(table, column)| (bare(&table).to_owned(), column)).collect())
    }
}
