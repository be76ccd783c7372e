//! Two generations of the same knowledge under different embedding models, asked the same.
//!
//! Questions are what callers asked lately, or what a file says; each is put to both as a request is, without engines. Beside them, each of a
//! sample of remembered texts looks for its nearest neighbour other than itself: what a reworded or a similar text would meet. Nothing is
//! learnt or written.

use super::workbench::EvalError;
use crate::decide::Decider;
use crate::domain::answer::Outcome;
use crate::domain::deadline::Deadline;
use crate::domain::decision::Payload;
use crate::domain::ids::{ComponentId, StrategyName, TenantId};
use crate::domain::request::{Allow, Caller, Market, Request};
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Longer than any text takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Candidates among which a text looks for its neighbour.
const NEIGHBOURS: usize = 16;

/// Questions that were decided otherwise and are shown.
const SHOWN_MAX: usize = 20;

/// What a caller asked, as audit records and files of questions say it; what else they say is passed over.
#[derive(Debug, Clone, Deserialize)]
pub struct Question {
    /// The fresh text.
    pub text: String,
    /// By which strategy; the default where absent.
    pub strategy: Option<StrategyName>,
    /// The moment that it speaks of; now where absent.
    pub as_of: Option<Timestamp>,
    /// By what soft context is chosen.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Soft context by id.
    #[serde(default)]
    pub context: Vec<ComponentId>,
    /// The state of the market.
    #[serde(default)]
    pub market: Market,
    /// Whose question it is.
    #[serde(skip, default = "TenantId::default_tenant")]
    pub tenant: TenantId,
}

/// One generation, in memory.
#[derive(Debug)]
pub struct Side {
    /// Its number.
    pub generation: u32,
    /// The pipeline over it, without engines.
    pub decider: Arc<Decider>,
}

/// What one side made of a question.
#[derive(Debug, Default)]
struct Said {
    decision: Option<Payload>,
    similarity: Option<f32>,
    entry_text: Option<Arc<str>>,
}

/// How the answers of two sides compare.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Agreement {
    /// Questions that both could be asked.
    pub questions: usize,
    /// Questions that one of them could not answer at all, such as those of a strategy that is gone.
    pub unanswerable: usize,
    /// Served by the first, and by the second.
    pub hits: [usize; 2],
    /// Served by both, and of them with the same decision.
    pub both: usize,
    /// See [`Self::both`].
    pub same_decision: usize,
    /// Questions for which both had an entry in sight, that which was served or the nearest neighbour, and of them those with the same.
    pub both_near: usize,
    /// See [`Self::both_near`].
    pub same_entry: usize,
    /// Share of the questions that came to the same: the same decision, or none.
    pub same_share: f64,
    /// Mean similarity on each side: of what was served, or of the nearest neighbour.
    pub similarity: [f64; 2],
    /// The second's similarity less the first's, where both had one: the 5th, 50th and 95th percentile.
    pub shift: Option<[f64; 3]>,
    /// Some that were decided otherwise.
    pub otherwise: Vec<String>,
}

/// How two generations compare.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The generations.
    pub generations: [u32; 2],
    /// Their models.
    pub models: [String; 2],
    /// Entries that each has in memory.
    pub entries: [usize; 2],
    /// What was asked of both.
    pub asked: Agreement,
    /// What remembered texts meet other than themselves.
    pub neighbours: Agreement,
}

/// Asks both sides the same.
///
/// # Errors
/// [`EvalError`] where a text can't be embedded for another reason than the text.
pub async fn compare(sides: [&Side; 2], asked: &[Question], own: &[Question]) -> Result<Comparison, EvalError> {
    let [a, b] = sides;
    let mut tallies = [Tally::default(), Tally::default()];
    for (tally, (questions, itself)) in tallies.iter_mut().zip([(asked, true), (own, false)]) {
        for question in questions {
            let said = [a.ask(question, itself).await?, b.ask(question, itself).await?];
            tally.add(question, said);
        }
    }
    let [asked, neighbours] = tallies.map(Tally::end);
    Ok(Comparison {
        generations: [a.generation, b.generation],
        models: [a, b].map(|side| side.decider.embedder.model().to_string()),
        entries: [a, b].map(|side| side.decider.semantic.stats().entries),
        asked,
        neighbours,
    })
}

impl Side {
    /// What it says to a question; with `itself` as a request would be answered, otherwise what is nearest but the text itself. `None` where
    /// it can't be asked.
    async fn ask(&self, question: &Question, itself: bool) -> Result<Option<Said>, EvalError> {
        let Ok(text) = FreshText::stored(&question.text) else { return Ok(None) };
        let strategy = question.strategy.clone().unwrap_or_else(|| self.decider.strategies.default.clone());
        let as_of = question.as_of.unwrap_or_else(|| self.decider.clock.now());
        let own = text.hash();
        let request = Request {
            as_of_now: false,
            tags: question.tags.clone(),
            context: question.context.clone(),
            market: question.market.clone(),
            allow: Allow::Slow,
            pending: false,
            ..Request::plain(text, strategy, as_of, Deadline::after(PATIENCE))
        };
        if itself {
            let caller = Caller::trusted(question.tenant.clone());
            let Ok(decided) = self.decider.decide(&caller, &request).await else { return Ok(None) };
            let answer = decided.answer;
            let entry = answer.matched.as_ref().and_then(|matched| self.decider.semantic.entry(&question.tenant, &matched.entry));
            return Ok(Some(Said {
                similarity: answer.matched.as_ref().map(|matched| matched.similarity),
                entry_text: entry.map(|live| Arc::clone(&live.entry.text)),
                decision: answer.decision.filter(|_| answer.outcome == Outcome::Decided),
            }));
        }
        let Ok(probe) = self.decider.probe(&question.tenant, &request, NEIGHBOURS).await else { return Ok(None) };
        let others = || probe.candidates.iter().filter(|scored| scored.live.entry.text_hash != own);
        Ok(Some(Said {
            similarity: others().next().map(|scored| scored.near.similarity),
            entry_text: others().next().map(|scored| Arc::clone(&scored.live.entry.text)),
            decision: others().find(|scored| scored.refusal.is_none()).map(|scored| scored.live.entry.decision.clone()),
        }))
    }
}

#[derive(Default)]
struct Tally {
    agreement: Agreement,
    same: usize,
    sums: [(f64, usize); 2],
    shifts: Vec<f64>,
}

impl Tally {
    fn add(&mut self, question: &Question, said: [Option<Said>; 2]) {
        let told = &mut self.agreement;
        let [Some(a), Some(b)] = said else {
            told.unanswerable += 1;
            return;
        };
        told.questions += 1;
        for ((hits, sum), said) in told.hits.iter_mut().zip(&mut self.sums).zip([&a, &b]) {
            *hits += usize::from(said.decision.is_some());
            if let Some(similarity) = said.similarity {
                *sum = (sum.0 + f64::from(similarity), sum.1 + 1);
            }
        }
        if let (Some(a), Some(b)) = (a.similarity, b.similarity) {
            self.shifts.push(f64::from(b) - f64::from(a));
        }
        let keys = [&a, &b].map(|said| said.decision.as_ref().map(|decision| decision.agreement_key()));
        let same = keys[0] == keys[1];
        self.same += usize::from(same);
        if let [Some(_), Some(_)] = keys {
            told.both += 1;
            told.same_decision += usize::from(same);
        }
        if let (Some(a), Some(b)) = (&a.entry_text, &b.entry_text) {
            told.both_near += 1;
            told.same_entry += usize::from(a == b);
        }
        if !same && told.otherwise.len() < SHOWN_MAX {
            told.otherwise.push(question.text.clone());
        }
    }

    fn end(mut self) -> Agreement {
        let share = |count: usize, of: usize| if of == 0 { 0.0 } else { count as f64 / of as f64 };
        self.shifts.sort_by(f64::total_cmp);
        let last = self.shifts.len().saturating_sub(1);
        let at = |share: f64| self.shifts.get((last as f64 * share).round() as usize).copied().unwrap_or_default();
        Agreement {
            same_share: share(self.same, self.agreement.questions),
            similarity: self.sums.map(|(sum, count)| if count == 0 { 0.0 } else { sum / count as f64 }),
            shift: (!self.shifts.is_empty()).then(|| [at(0.05), at(0.5), at(0.95)]),
            ..self.agreement
        }
    }
}
