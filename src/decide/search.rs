//! Looking without serving: every candidate with its scores and verdicts; nothing is counted.

use super::situation::ContextChoice;
use super::{DecideError, Decider};
use crate::cache::partition::LiveEntry;
use crate::domain::answer::Gate;
use crate::domain::component::Cut;
use crate::domain::facts::Facts;
use crate::domain::ids::TenantId;
use crate::domain::partition::PartitionKey;
use crate::domain::request::Request;
use crate::facts;
use crate::gates::{self, Circumstances, Nearness, Reading, Refusal};
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
    /// What the entry's text says; absent where the strategy reads none.
    pub facts: Option<Facts>,
}

impl Scored {
    /// The gates that ran, with whether each let the candidate pass.
    pub fn verdicts(&self) -> impl Iterator<Item = (Gate, bool)> {
        let refused_at = self.refusal.as_ref().map(|r| r.gate);
        let upto = gates::PASSED.iter().position(|v| Some(v.gate) == refused_at).unwrap_or(gates::PASSED.len());
        let passed = gates::PASSED.iter().take(upto).map(|v| (v.gate, true));
        passed.chain(refused_at.map(|gate| (gate, false)))
    }
}

impl Decider {
    /// The `k` nearest entries to a request, each judged by the gates.
    ///
    /// # Errors
    /// [`DecideError`] as for a decision.
    pub async fn probe(&self, tenant: &TenantId, request: &Request, k: usize) -> Result<Probe, DecideError> {
        let now = self.clock.now();
        let strategy = Arc::clone(self.strategies.named(&request.strategy)?);
        let setting = self.setting(tenant, &strategy, now)?;
        let choice = ContextChoice { tenant, tags: &request.tags, named: &request.context, as_of: request.as_of, now };
        let context = self.context(&strategy, &choice)?;
        let known = self.vector_of(tenant, &request.text, request.deadline).await?;
        let vector = self.compose(&strategy, &context, &known.vector)?;
        let facts = strategy.facts.enabled.then(|| facts::read(request.text.as_str(), request.as_of, &self.lexicon));
        let reading = facts.as_ref().map(|asked| Reading { asked, lexicon: &self.lexicon, rules: &strategy.facts });
        let seen = Circumstances {
            strategy: &strategy,
            reading,
            as_of: request.as_of,
            now,
            market: &request.market,
            text_hash: request.text.hash(),
            cut: known.cut,
        };
        let nearest = self.semantic.partition(&setting.partition).map(|p| p.nearest(&vector, k)).unwrap_or_default();
        let candidates = nearest
            .into_iter()
            .map(|candidate| {
                let near = Nearness {
                    similarity: candidate.similarity,
                    fresh_similarity: candidate.live.fresh_similarity(&known.vector),
                };
                let refusal = gates::judge(&candidate.live.entry, near, &seen).err();
                let entry = &candidate.live.entry;
                let facts = strategy.facts.enabled.then(|| facts::read(&entry.text, entry.as_of, &self.lexicon));
                Scored { live: candidate.live, near, refusal, facts }
            })
            .collect();
        let context = context.soft_ids(&strategy).map(ToString::to_string).collect();
        Ok(Probe { partition: setting.partition, context, cut: known.cut, facts, candidates })
    }
}
