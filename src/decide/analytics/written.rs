//! Questions that could not be read by rule, answered with SQL that a language model writes: behind the same gate, for the same caller, within
//! the same bounds as any other, and kept by their very words.

use super::ask::day;
use super::behind::Behind;
use super::kept::{KeptKey, frame_bytes};
use super::linked::Shown;
use super::{AnalyticsError, Came, DataQuestion, dialects};
use crate::decide::Decider;
use crate::domain::deadline::Deadline;
use crate::engine::analytics::intent::Intent;
use crate::engine::analytics::library::Reader;
use crate::engine::analytics::reconcile::Frame;
use crate::engine::analytics::written::{
    Answered, Ask, Cited, Outcome, PROMPTS_VERSION, Review, Sibling, Silence, Spent, WhyMissing, Written, answer, folded,
    speaks_of_today,
};
use crate::llm::ChatModel;
use crate::telemetry::metrics::analytics as metrics;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Times that a question is begun anew because its tables were replaced meanwhile.
const TRIES: usize = 2;

/// What is left of the caller's time once the model has had its own, so that something else can still be said.
const RESERVE: Duration = Duration::from_millis(250);

/// Time below which no model is asked.
const WORTH_IT: Duration = Duration::from_millis(50);

/// For how long a failure is kept, so that those who wait for it do not go through it one after another.
const FAILED_FOR: Duration = Duration::from_secs(5);

/// What a language model made of a question.
#[derive(Debug)]
pub struct Wrote {
    /// The answer, or why there is none.
    pub outcome: Outcome,
    /// What it cost.
    pub spent: Spent,
    /// The versions of the tables that the model was shown.
    versions: Vec<(String, String)>,
    /// Until when it is kept, where that is not as long as there is room.
    until: Option<Instant>,
}

impl Wrote {
    /// The answer, where there is one.
    pub fn answered(&self) -> Option<&Answered> {
        match &self.outcome {
            Outcome::Answered(answered) => Some(answered),
            _ => None,
        }
    }

    /// Why there is no answer, where there is none.
    pub fn why_not(&self) -> Option<String> {
        let reason = match &self.outcome {
            Outcome::Answered(_) => return None,
            Outcome::Conversational => "it asks nothing of the data",
            Outcome::OutOfScope { reason } | Outcome::Unanswerable { reason } | Outcome::Failed { reason, .. } => reason,
        };
        Some(format!("a language model was asked too, without an answer: {reason}"))
    }

    /// Queries that were tried.
    pub fn attempts(&self) -> usize {
        match &self.outcome {
            Outcome::Answered(answered) => {
                let missing = answered.missing.iter().map(|part| part.attempts.len());
                answered.parts.iter().map(|part| part.attempts.len()).chain(missing).sum()
            }
            Outcome::Failed { missing, .. } => missing.iter().map(|part| part.attempts.len()).sum(),
            Outcome::Conversational | Outcome::OutOfScope { .. } | Outcome::Unanswerable { .. } => 0,
        }
    }

    fn bytes(&self) -> u64 {
        let parts = self.answered().map(|answered| answered.parts.as_slice()).unwrap_or_default();
        let texts = parts.iter().flat_map(|part| &part.attempts).map(|attempt| 2 * attempt.sql.len()).sum::<usize>();
        (parts.iter().map(|part| frame_bytes(&part.frame)).sum::<usize>() + texts + 4_096) as u64
    }

    /// The word in metrics.
    fn as_str(&self) -> &'static str {
        match &self.outcome {
            Outcome::Answered(_) => "answered",
            Outcome::Conversational => "conversational",
            Outcome::OutOfScope { .. } => "out_of_scope",
            Outcome::Unanswerable { .. } => "unanswerable",
            Outcome::Failed { reason, .. } if *reason == Silence::Late.to_string() => "late",
            Outcome::Failed { .. } => "failed",
        }
    }
}

/// How long an outcome is kept: as long as there is room, for a moment, or not at all.
#[derive(Debug, PartialEq, Eq)]
enum Keeps {
    Long,
    Moment,
    Not,
}

fn keeps(outcome: &Outcome) -> Keeps {
    match outcome {
        Outcome::Answered(answered) => {
            let reviewed = answered.parts.iter().all(|part| !matches!(part.review, Review::NotMade { .. }));
            let refused = answered.missing.iter().all(|part| matches!(part.because, WhyMissing::Refused { .. }));
            if reviewed && refused { Keeps::Long } else { Keeps::Moment }
        }
        Outcome::Conversational | Outcome::OutOfScope { .. } | Outcome::Unanswerable { .. } => Keeps::Long,
        // The next one may have more time.
        Outcome::Failed { reason, .. } if *reason == Silence::Late.to_string() => Keeps::Not,
        Outcome::Failed { .. } => Keeps::Moment,
    }
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<KeptKey, Arc<Wrote>> for ByBytes {
    fn weight(&self, _: &KeptKey, wrote: &Arc<Wrote>) -> u64 {
        wrote.bytes()
    }
}

/// What language models made of questions.
#[derive(Debug)]
pub(super) struct KeptWritten(Cache<KeptKey, Arc<Wrote>, ByBytes>);

impl KeptWritten {
    /// Answers at one time, about.
    const ANSWERS_ABOUT: usize = 512;

    pub fn new(bytes_max: u64) -> Self {
        Self(Cache::with_weighter(Self::ANSWERS_ABOUT, bytes_max, ByBytes))
    }

    fn get(&self, key: &KeptKey) -> Option<Arc<Wrote>> {
        let kept = self.0.get(key)?;
        if kept.until.is_some_and(|until| until <= Instant::now()) {
            self.0.remove(key);
            return None;
        }
        Some(kept)
    }
}

/// What is not kept.
enum Unkept {
    /// The tables were replaced while it was asked, so that it is an answer about nothing that is there.
    Replaced,
    /// It is for whoever asked alone.
    Own(Arc<Wrote>),
}

/// The answer of the compiler of intents to the same question.
pub(super) type Other<'a> = Option<(&'a Intent, &'a Frame)>;

impl Decider {
    /// What a language model makes of a question, where there is one, time for it, and something to show it.
    pub(super) async fn write(
        &self,
        question: &DataQuestion,
        reader: &Arc<Reader>,
        other: Other<'_>,
    ) -> Option<(Arc<Wrote>, Came)> {
        let model = self.analyst.model.as_deref()?;
        let left = question.deadline.remaining().saturating_sub(RESERVE);
        let most = Duration::from_millis(self.analyst.config.written.ms_max);
        if left < WORTH_IT {
            return None;
        }
        let (began, deadline) = (Instant::now(), Deadline::after(left.min(most)));
        match self.wrote(question, (reader, model), (other, deadline)).await {
            Ok(Some((wrote, came))) => {
                metrics::written(if came == Came::Kept { "kept" } else { wrote.as_str() });
                if came != Came::Kept {
                    metrics::wrote(began.elapsed());
                }
                Some((wrote, came))
            }
            Ok(None) => None,
            Err(error) => {
                // The caller is told what is told without a model.
                tracing::warn!(%error, "a language model could not be asked about data");
                metrics::written("error");
                None
            }
        }
    }

    async fn wrote(
        &self,
        question: &DataQuestion,
        (reader, model): (&Arc<Reader>, &dyn ChatModel),
        (other, deadline): (Other<'_>, Deadline),
    ) -> Result<Option<(Arc<Wrote>, Came)>, AnalyticsError> {
        let kept = &self.analyst.written;
        let key = key(question, reader, other.map(|(intent, _)| intent));
        if question.fresh {
            kept.0.remove(&key);
        }
        for _ in 0..TRIES {
            if let Some(found) = kept.get(&key) {
                // What somebody found wrong is written anew each time, as it is run anew where a rule read it.
                let wrong = self.analyst.doubted_of_model(question, reader, &found).is_some();
                if !wrong && self.stands(question, reader, (&found, deadline)).await? {
                    return Ok(Some((found, Came::Kept)));
                }
                kept.0.remove(&key);
            }
            let Some(shown) = self.shown(question, reader, deadline).await? else { return Ok(None) };
            let asked = self.ask_model(question, (reader, model), (&shown, other), deadline);
            // Who waits for another's answer has a deadline of his own; the little more is for one's own to end by itself.
            let within = deadline.remaining() + RESERVE / 2;
            match timeout(within, kept.0.get_or_insert_async(&key, asked)).await {
                Ok(Err(Unkept::Own(wrote))) => return Ok(Some((wrote, Came::Written))),
                // It may be another's answer, who began before the tables were replaced.
                Ok(Ok(wrote)) if self.stands(question, reader, (&wrote, deadline)).await? => {
                    return Ok(Some((wrote, Came::Written)));
                }
                Ok(Ok(_)) => drop(kept.0.remove(&key)),
                Ok(Err(Unkept::Replaced)) => {}
                Err(_) => return Err(AnalyticsError::Late),
            }
        }
        Err(AnalyticsError::Busy)
    }

    /// Whether the tables that an answer was written over are as they were.
    async fn stands(
        &self,
        question: &DataQuestion,
        reader: &Reader,
        (wrote, deadline): (&Wrote, Deadline),
    ) -> Result<bool, AnalyticsError> {
        let tables: Vec<String> = wrote.versions.iter().map(|(table, _)| table.clone()).collect();
        match self.table_versions(&question.tenant, (&reader.layer, &tables), deadline).await {
            Ok(now) => Ok(now == wrote.versions),
            Err(AnalyticsError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn ask_model(
        &self,
        question: &DataQuestion,
        (reader, model): (&Arc<Reader>, &dyn ChatModel),
        (shown, other): (&Shown, Other<'_>),
        deadline: Deadline,
    ) -> Result<Arc<Wrote>, Unkept> {
        let Some(source) = self.analyst.source.as_ref() else { return Err(Unkept::Replaced) };
        let Ok((_, dialect)) = dialects(source) else { return Err(Unkept::Replaced) };
        let config = &self.analyst.config.written;
        let behind = Behind::new(self, question, (reader, source), shown);
        let ask = Ask {
            question: &question.text,
            as_of: day(question.as_of),
            excerpt: &shown.excerpt,
            examples: &shown.examples,
            dialect,
            sibling: other.map(|(_, frame)| Sibling { frame }),
            runs: &behind,
            checks: &Cited,
            rows_shown: config.rows_shown,
            deadline,
            steps: &question.steps,
        };
        let Written { mut outcome, spent } = answer(model, config, &ask).await;
        if behind.were_replaced() {
            return Err(Unkept::Replaced);
        }
        if let Outcome::Answered(answered) = &mut outcome {
            for part in &mut answered.parts {
                part.query.names = behind.tables_of(&part.query.sql);
            }
        }
        tracing::debug!(calls = spent.calls, tokens = spent.tokens, "a language model was asked about data");
        let keeps = keeps(&outcome);
        let until = (keeps == Keeps::Moment).then(|| Instant::now() + FAILED_FOR);
        let wrote = Arc::new(Wrote { outcome, spent, versions: shown.versions.clone(), until });
        if keeps == Keeps::Not { Err(Unkept::Own(wrote)) } else { Ok(wrote) }
    }
}

/// Equal for the same words of the same caller, on the same day where they speak of it; for nothing else. Of which rows is looked at beside it,
/// for which tables a question is about may be known better the next time.
fn key(question: &DataQuestion, reader: &Reader, other: Option<&Intent>) -> KeptKey {
    let mut hasher = blake3::Hasher::new_derive_key("instinct 2026 analytics written");
    hasher.update(&reader.digest);
    hasher.update(&other.map_or([0; 32], Intent::digest));
    let today = if speaks_of_today(&question.text) { day(question.as_of).to_string() } else { String::new() };
    for part in [&*question.role, &folded(&question.text), &today, PROMPTS_VERSION] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    KeptKey { tenant: question.tenant.clone(), digest: *hasher.finalize().as_bytes() }
}

#[cfg(test)]
mod tests;
