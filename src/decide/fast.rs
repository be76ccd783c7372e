//! The first two steps: the same text, and the nearest text.

use super::budgets::{self, Budget, Weighed};
use super::recall::Look;
use super::situation::{Context, Setting};
use super::{DecideError, Decider, Found, Hit, Run, micros};
use crate::admission::Class;
use crate::budget::evidence::Neighbour;
use crate::budget::neighbourhood::Neighbourhood;
use crate::cache::embedding::KnownText;
use crate::cache::partition::{Candidate, LiveEntry};
use crate::domain::answer::{Gate, GateVerdict, Match, Path, Refused};
use crate::domain::component::EmbeddedText;
use crate::domain::deadline::Deadline;
use crate::domain::entry::Entry;
use crate::domain::facts::Facts;
use crate::domain::ids::{ComponentId, TenantId};
use crate::domain::text::{FreshText, TextHash};
use crate::domain::vector::UnitVector;
use crate::embed::EmbedError;
use crate::facts;
use crate::gates::{self, Circumstances, Nearness, Reading, Refusal};
use crate::limits::{EVIDENCE_NEIGHBOURS_MAX, FAST_CANDIDATES, REFUSED_SHOWN_MAX};
use crate::store::{Record, Write};
use crate::telemetry::metrics;
use crate::verify::confidence;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where a request lies.
#[derive(Debug)]
pub(super) struct Situated {
    /// The vector of its text alone.
    pub known: KnownText,
    /// Composed with its context.
    pub vector: UnitVector,
    /// Of its whole prompt, where the slow step got as far.
    pub prompt: Option<UnitVector>,
}

impl Decider {
    /// The decision of the very same text, the latest that the gates let through; one that was decided in the same soft context
    /// stands before the others. Where the request names its context, no other will do.
    pub(super) async fn exact(&self, run: &mut Run<'_>, setting: &Setting, context: &Context) -> Option<Hit> {
        let since = Instant::now();
        let versions = self.same_text(Look::of(run, setting), run.request.text.hash()).await;
        let soft: Vec<&str> = context.soft_ids(&setting.strategy).map(ComponentId::as_str).collect();
        let same_context = |live: &Arc<LiveEntry>| live.entry.soft_ids(&setting.strategy).eq(soft.iter().copied());
        let (same, other): (Vec<_>, Vec<_>) = versions.iter().partition(|live| same_context(live));
        let other = if run.request.context.is_empty() { other } else { Vec::new() };
        let found = same.into_iter().chain(other).find(|live| self.passes(run, live, Nearness::SAME, Path::Exact)).cloned();
        let hit = found.map(|live| same_text(run, &live));
        run.timing.exact = micros(since.elapsed());
        hit
    }

    /// Where the text of a request lies: embedded, and composed with its context.
    pub(super) async fn situate(&self, run: &mut Run<'_>, setting: &Setting, context: &Context) -> Result<Situated, DecideError> {
        let request = run.request;
        let since = Instant::now();
        // While a worker embeds the text this thread reads it, which costs the answer nothing then.
        let (known, facts) = tokio::join!(
            biased;
            self.vector_of(&run.caller.tenant, &request.text, (Class::Decision, request.deadline)),
            async { setting.strategy.facts.enabled.then(|| facts::read(request.text.as_str(), request.as_of, &self.lexicon)) }
        );
        let known = match known {
            Err(DecideError::Embed(EmbedError::DeadlinePassed)) => return Err(run.too_late()),
            other => other?,
        };
        run.facts = facts;
        run.timing.embed = micros(since.elapsed());
        run.cut = known.cut;
        let since = Instant::now();
        let vector = self.compose(&setting.strategy, context, &known.vector)?;
        run.timing.compose = micros(since.elapsed());
        if let Some(explanation) = &mut run.explanation {
            explanation.composed_of = context.parts(&setting.strategy, &request.text.hash().to_string());
        }
        Ok(Situated { known, vector, prompt: None })
    }

    /// The decision of the nearest text that the gates let through.
    pub(super) async fn fast(&self, run: &mut Run<'_>, setting: &Setting, situated: &Situated) -> Found {
        let Situated { known, vector, prompt: _ } = situated;
        // The nearest few nearly always hold what may be served. Where all of them are near enough and were refused for their time or
        // their conditions, what may be served lies behind them.
        let mut judged = 0;
        for wanted in FAST_CANDIDATES {
            let since = Instant::now();
            let Some(candidates) = self.nearest(Look::of(run, setting), vector, wanted).await else {
                return Found::Nothing("nothing is remembered for this strategy yet".to_owned());
            };
            run.timing.search += micros(since.elapsed());
            let since = Instant::now();
            let hit = self.first_servable(run, known, &candidates, judged);
            run.timing.gates += micros(since.elapsed());
            if let Some(explanation) = &mut run.explanation {
                explanation.candidates = candidates.len();
            }
            if let Some(hit) = hit {
                return Found::Hit(Box::new(hit));
            }
            let more_are_near = candidates.last().is_some_and(|c| c.similarity >= run.strategy.floors().tau);
            if candidates.len() < wanted || !more_are_near || run.held_back.is_some() {
                break;
            }
            judged = candidates.len();
        }
        Found::Nothing(nothing_near(run))
    }

    fn first_servable(&self, run: &mut Run<'_>, known: &KnownText, found: &[Candidate], judged: usize) -> Option<Hit> {
        let near = |candidate: &Candidate| Nearness {
            similarity: candidate.similarity,
            fresh_similarity: candidate.live.fresh_similarity(&known.vector),
        };
        let neighbours: Vec<Neighbour> = match run.budget {
            Some(_) => found.iter().take(EVIDENCE_NEIGHBOURS_MAX).map(|c| budgets::neighbour(&c.live.entry, near(c))).collect(),
            None => Vec::new(),
        };
        found.get(judged..).unwrap_or_default().iter().find_map(|candidate| {
            // The budget weighs the nearest that may be served at all and no other. What is proven of those is not proven of the best of
            // many.
            if run.held_back.is_some() {
                return None;
            }
            let (live, near) = (&candidate.live, near(candidate));
            if run.refused.is_empty() {
                metrics::nearest_candidate(near.similarity, near.fresh_similarity);
            }
            if !self.passes(run, live, near, Path::Fast) || !question_is_open(run, known, live, near) {
                return None;
            }
            let weighed = match run.budget.clone() {
                Some(budget) => Some(within_budget(run, &budget, (live, near), &neighbours)?),
                None => None,
            };
            Some(hit(run, live, near, weighed))
        })
    }

    /// The vector of a fresh text: known from before, or embedded now and remembered.
    pub(super) async fn vector_of(
        &self,
        tenant: &TenantId,
        text: &FreshText,
        (class, deadline): (Class, Deadline),
    ) -> Result<KnownText, DecideError> {
        let hash = text.hash();
        if let Some(known) = self.embeddings.text(tenant, hash) {
            metrics::text_known();
            return Ok(known);
        }
        let admitted = self.admission.enter((class, self.tenants.priority(tenant).share()), deadline)?;
        let since = Instant::now();
        let embedded = self.embedder.embed(text, deadline).await?;
        admitted.done(Duration::from_micros(embedded.queue_us), Duration::from_micros(embedded.tokenize_us + embedded.run_us));
        metrics::text_embedded(since.elapsed());
        let known = KnownText { vector: embedded.vector, cut: embedded.cut };
        self.embeddings.remember_text(tenant, hash, known.clone());
        self.keep_text(tenant, hash, &known);
        Ok(known)
    }

    /// Queues the vector for the store. A full queue costs a later embedding and nothing else.
    fn keep_text(&self, tenant: &TenantId, text_hash: TextHash, known: &KnownText) {
        let record = Record::Text(EmbeddedText {
            tenant: tenant.clone(),
            text_hash,
            model: self.embedder.model().clone(),
            vector: known.vector.clone(),
            cut: known.cut,
            created_at: self.clock.now(),
            ttl_sec: Some(self.text_ttl_sec),
        });
        if let Err(error) = self.store.record(Write::Put(record)) {
            tracing::debug!(%error, "the vector of a text was not kept");
        }
    }

    /// Runs the gates on a candidate; a refusal is noted in the run.
    fn passes(&self, run: &mut Run<'_>, live: &LiveEntry, near: Nearness, path: Path) -> bool {
        self.let_through(run, live, near, |seen| match path {
            Path::Exact => gates::judge(&live.entry, near, &Circumstances { text_hash: live.entry.text_hash, ..*seen }),
            Path::Fast | Path::Slow | Path::Engine => gates::judge(&live.entry, near, seen),
        })
    }

    /// Runs every gate but the floors on a candidate; a refusal is noted in the run.
    pub(super) fn passes_beyond_floors(&self, run: &mut Run<'_>, live: &LiveEntry, near: Nearness) -> bool {
        self.let_through(run, live, near, |seen| gates::judge_beyond_floors(&live.entry, seen))
    }

    fn let_through(
        &self,
        run: &mut Run<'_>,
        live: &LiveEntry,
        near: Nearness,
        judge: impl FnOnce(&Circumstances<'_>) -> Result<(), Refusal>,
    ) -> bool {
        // An entry that was deleted since it was found is neither served nor told of.
        if live.removed() {
            return false;
        }
        let reading = run.facts.as_ref().map(|asked| Reading {
            text: run.request.text.as_str(),
            asked,
            lexicon: &self.lexicon,
            rules: &run.strategy.facts,
        });
        let judged = judge(&Circumstances {
            strategy: &run.strategy,
            reading,
            as_of: if run.request.as_of_now { self.clock.now() } else { run.request.as_of },
            now: run.now,
            market: &run.request.market,
            text_hash: run.request.text.hash(),
            cut: run.cut,
        });
        judged.map_err(|refusal| refuse(run, live, near, refusal)).is_ok() && !live.removed()
    }
}

/// Notes that a candidate was turned away.
fn refuse(run: &mut Run<'_>, live: &LiveEntry, near: Nearness, refusal: Refusal) {
    metrics::candidate_refused(refusal.gate);
    let refused = Refused {
        entry: live.entry.id,
        similarity: near.similarity,
        fresh_similarity: near.fresh_similarity,
        gate: refusal.gate,
        saw: refusal.saw,
    };
    // A refused exact text comes up again among the nearest, and a near miss among the voters. It is named once: a voter may be further
    // than the floors, so why it has no vote says more.
    if let Some(named) = run.refused.iter_mut().find(|named| named.entry == refused.entry) {
        if named.gate == Gate::Floors {
            *named = refused;
        }
    } else if run.refused.len() < REFUSED_SHOWN_MAX {
        run.refused.push(refused);
    }
}

/// Whether the question is not one that was answered wrongly with this very decision before.
pub(super) fn question_is_open(run: &mut Run<'_>, known: &KnownText, live: &LiveEntry, near: Nearness) -> bool {
    let closed = run.neighbourhood.as_deref().and_then(|hard| closed_question(hard, known, live));
    closed.map(|refusal| refuse(run, live, near, refusal)).is_none()
}

/// Why a question may not get the decision of this entry from anyone: it was wrong for a question that is nearly the same.
pub(super) fn closed_question(hard: &Neighbourhood, known: &KnownText, live: &LiveEntry) -> Option<Refusal> {
    let too_near = hard.refuses(&known.vector, live.entry.decision.agreement_key())?;
    Some(Refusal { gate: Gate::Trust, saw: too_near.saw() })
}

/// What speaks for a candidate, where that is enough for the strategy's error budget.
fn within_budget(
    run: &mut Run<'_>,
    budget: &Budget,
    (live, near): (&Arc<LiveEntry>, Nearness),
    neighbours: &[Neighbour],
) -> Option<Weighed> {
    let unread = run.facts.as_ref().map_or(0.0, Facts::unread_share);
    let weighed = budget.weigh(&live.entry, near, neighbours, (run.now, unread));
    if weighed.verdict.accepted {
        return Some(weighed);
    }
    refuse(run, live, near, budget.refusal(&weighed.verdict));
    run.held_back = Some((Arc::clone(live), weighed));
    None
}

fn hit(run: &mut Run<'_>, live: &Arc<LiveEntry>, near: Nearness, weighed: Option<Weighed>) -> Hit {
    let (entry, floors) = (&live.entry, run.strategy.floors());
    let budgeted = weighed.map(|_| GateVerdict { gate: Gate::Budget, passed: true });
    Hit {
        path: Path::Fast,
        decision: entry.decision.clone(),
        confidence: confidence::of_near(near.similarity, near.fresh_similarity, floors),
        matched: Some(Match {
            evidence: weighed.map(|weighed| weighed.evidence),
            right_at_least: weighed.map(|weighed| weighed.verdict.lower_bound).filter(|bound| *bound > 0.0),
            ..matched(run, entry, near, gates::PASSED.into_iter().chain(budgeted).collect())
        }),
        weighed: weighed.map(|weighed| (Arc::clone(live), weighed)),
    }
}

/// What an answer says of the entry that it was taken from.
pub(super) fn matched(run: &Run<'_>, entry: &Entry, near: Nearness, gates: Vec<GateVerdict>) -> Match {
    let floors = run.strategy.floors();
    Match {
        entry: entry.id,
        similarity: near.similarity,
        tau: floors.tau,
        fresh_similarity: near.fresh_similarity,
        tau_fresh: floors.tau_fresh,
        age_ms: run.now.millis_since(entry.created_at).max(0),
        as_of: entry.as_of,
        gates,
        evidence: None,
        right_at_least: None,
        vote: None,
    }
}

/// A hit on the very same text.
fn same_text(run: &mut Run<'_>, live: &Arc<LiveEntry>) -> Hit {
    run.cut = live.entry.cut;
    Hit { path: Path::Exact, confidence: confidence::EXACT, ..hit(run, live, Nearness::SAME, None) }
}

fn nothing_near(run: &Run<'_>) -> String {
    match run.refused.first() {
        Some(nearest) => format!(
            "nothing remembered may be reused: the nearest entry was refused by {} ({})",
            nearest.gate.as_str(),
            nearest.saw
        ),
        None => "nothing is remembered that could be compared".to_owned(),
    }
}
