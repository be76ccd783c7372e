//! Looking without serving: every candidate with its scores and verdicts; nothing is counted.

use super::budgets::{self, Budget};
use super::fast::closed_question;
use super::recall::Look;
use super::situation::ContextChoice;
use super::{DecideError, Decider};
use crate::admission::Class;
use crate::budget::evidence::Neighbour;
use crate::cache::partition::{Candidate, LiveEntry};
use crate::domain::answer::Gate;
use crate::domain::component::Cut;
use crate::domain::entry::Entry;
use crate::domain::facts::Facts;
use crate::domain::ids::TenantId;
use crate::domain::partition::PartitionKey;
use crate::domain::request::Request;
use crate::domain::time::Timestamp;
use crate::domain::vector::UnitVector;
use crate::facts;
use crate::gates::{self, Circumstances, Nearness, Reading, Refusal};
use crate::limits::EVIDENCE_NEIGHBOURS_MAX;
use std::sync::Arc;

/// What a search found.
#[derive(Debug)]
pub struct Probe {
    /// Where it looked.
    pub partition: PartitionKey,
    /// The components that the query was composed with.
    pub context: Vec<String>,
    /// Where the text was longer than the model reads.
    pub cut: Option<Cut>,
    /// What was read of the request's text; absent where the strategy reads none.
    pub facts: Option<Facts>,
    /// The candidates, nearest first.
    pub candidates: Vec<Scored>,
}

/// One candidate.
#[derive(Debug)]
pub struct Scored {
    /// The entry.
    pub live: Arc<LiveEntry>,
    /// How near it is.
    pub near: Nearness,
    /// The first gate that turns it away; `None` where it would be served.
    pub refusal: Option<Refusal>,
    /// Whether an error budget is in force, which then is the last of the gates.
    pub budgeted: bool,
    /// What the entry's text says; absent where the strategy reads none.
    pub facts: Option<Facts>,
}

impl Scored {
    /// The gates that ran, with whether each let the candidate pass.
    pub fn verdicts(&self) -> impl Iterator<Item = (Gate, bool)> {
        let refused_at = self.refusal.as_ref().map(|r| r.gate);
        let upto = gates::PASSED.iter().position(|v| Some(v.gate) == refused_at).unwrap_or(gates::PASSED.len());
        let passed = gates::PASSED.iter().take(upto).map(|v| (v.gate, true));
        let within_budget = (self.budgeted && refused_at.is_none()).then_some((Gate::Budget, true));
        passed.chain(within_budget).chain(refused_at.map(|gate| (gate, false)))
    }
}

/// The error budget while it looks at one candidate after the other.
struct Purse {
    budget: Arc<Budget>,
    neighbours: Vec<Neighbour>,
    unread: f32,
    spent: bool,
}

impl Purse {
    /// Why the budget would not let an entry be served that every gate let through. It weighs the nearest of those and no other: where
    /// that one is held back, nothing behind it is served.
    fn refuses(&mut self, entry: &Entry, near: Nearness, now: Timestamp) -> Option<Refusal> {
        if self.spent {
            return Some(Refusal { gate: Gate::Budget, saw: "a nearer entry was held back by the error budget".to_owned() });
        }
        let weighed = self.budget.weigh(entry, near, &self.neighbours, (now, self.unread));
        self.spent = !weighed.verdict.accepted;
        self.spent.then(|| self.budget.refusal(&weighed.verdict))
    }
}

impl Decider {
    /// The vector that a request is composed to.
    ///
    /// # Errors
    /// [`DecideError`] as for a decision.
    pub async fn composed(&self, tenant: &TenantId, request: &Request) -> Result<UnitVector, DecideError> {
        let strategy = Arc::clone(self.strategies.named(&request.strategy)?);
        let (tags, named) = (&request.tags[..], &request.context[..]);
        let choice = ContextChoice { tenant, tags, named, as_of: request.as_of, now: self.clock.now() };
        let context = self.context(&strategy, &choice)?;
        let known = self.vector_of(tenant, &request.text, (Class::Decision, request.deadline)).await?;
        self.compose(&strategy, &context, &known.vector)
    }

    /// The `k` nearest entries to a request, each judged as a decision would judge it.
    ///
    /// # Errors
    /// [`DecideError`] as for a decision.
    pub async fn probe(&self, tenant: &TenantId, request: &Request, k: usize) -> Result<Probe, DecideError> {
        let now = self.clock.now();
        let strategy = Arc::clone(self.strategies.named(&request.strategy)?);
        let setting = self.setting(tenant, &strategy, now)?;
        let choice = ContextChoice { tenant, tags: &request.tags, named: &request.context, as_of: request.as_of, now };
        let context = self.context(&strategy, &choice)?;
        let known = self.vector_of(tenant, &request.text, (Class::Decision, request.deadline)).await?;
        let vector = self.compose(&strategy, &context, &known.vector)?;
        let facts = strategy.facts.enabled.then(|| facts::read(request.text.as_str(), request.as_of, &self.lexicon));
        let reading = facts.as_ref().map(|asked| Reading {
            text: request.text.as_str(),
            asked,
            lexicon: &self.lexicon,
            rules: &strategy.facts,
        });
        let seen = Circumstances {
            strategy: &strategy,
            reading,
            as_of: request.as_of,
            now,
            market: &request.market,
            text_hash: request.text.hash(),
            cut: known.cut,
        };
        let look = Look { tenant, setting: &setting, deadline: request.deadline };
        let nearest = self.nearest(look, &vector, k).await.unwrap_or_default();
        let near = |candidate: &Candidate| Nearness {
            similarity: candidate.similarity,
            fresh_similarity: candidate.live.fresh_similarity(&known.vector),
        };
        let hard = self.budgets.neighbourhood(&setting.partition);
        let mut purse = self.budgets.of(tenant, &strategy, now).map(|budget| Purse {
            neighbours: nearest
                .iter()
                .take(EVIDENCE_NEIGHBOURS_MAX)
                .map(|c| budgets::neighbour(&c.live.entry, near(c)))
                .collect(),
            unread: facts.as_ref().map_or(0.0, Facts::unread_share),
            spent: false,
            budget,
        });
        let judge = |candidate: Candidate| {
            let (near, entry) = (near(&candidate), &candidate.live.entry);
            let closed = || hard.as_deref().and_then(|hard| closed_question(hard, &known, &candidate.live));
            let refusal = gates::judge(entry, near, &seen).err().or_else(closed);
            let refusal = refusal.or_else(|| purse.as_mut()?.refuses(entry, near, now));
            let facts = strategy.facts.enabled.then(|| facts::read(&entry.text, entry.as_of, &self.lexicon));
            Scored { near, refusal, budgeted: purse.is_some(), facts, live: candidate.live }
        };
        let candidates = nearest.into_iter().map(judge).collect();
        let context = context.soft_ids(&strategy).map(ToString::to_string).collect();
        Ok(Probe { partition: setting.partition, context, cut: known.cut, facts, candidates })
    }
}
