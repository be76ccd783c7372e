//! A stream through the pipeline: ask, compare, store on a miss.

use super::dataset::Row;
use super::decision::{label, same_decision};
use super::observe::{Near, Observer, Sample};
use super::statistics::{Judged, Latencies, Served, Stage};
use super::workbench::{EvalError, Pipeline, Question, Workbench};
use crate::decide::NewComponent;
use crate::domain::answer::{Answer, Gate, Path};
use crate::domain::decision::Payload;
use crate::domain::strategy::{SlotSource, Strategy, Thresholds};
use crate::domain::time::Timestamp;
use crate::domain::vector::UnitVector;
use crate::embed::EmbedError;
use serde::Serialize;

/// Microseconds since the epoch at the first row of a stream without times, 2026-01-01T00:00:00Z. Its rows are a second apart.
const START_MICROS: i64 = 1_767_225_600_000_000;

/// Examples of each sort that a replay keeps.
const EXAMPLES_MAX: usize = 25;

/// Characters of a text that an example shows.
const SHOWN_CHARS: usize = 300;

/// One request worth a look: an answer that is wrong, or a right one that a gate refused.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// The line of its row.
    pub line: usize,
    /// What was asked.
    pub asked: String,
    /// What was remembered.
    pub remembered: String,
    /// The right decision, in short.
    pub expected: String,
    /// The decision of what was remembered, in short.
    pub found: String,
    /// Cosine of the composed vectors.
    pub similarity: f32,
    /// Cosine of the fresh vectors.
    pub fresh_similarity: f32,
    /// The gate that refused it; absent where it was served.
    pub gate: Option<Gate>,
    /// What that gate saw.
    pub saw: Option<String>,
}

/// A replay of a stream or of pairs.
#[derive(Debug, Default)]
pub struct Replay {
    /// What became of each request.
    pub judged: Vec<Judged>,
    /// How long each stage took.
    pub latency: Vec<Stage>,
    /// Answers that are wrong, the first few.
    pub wrong: Vec<Example>,
    /// Right answers that a gate after the floors refused, the first few.
    pub refused_right: Vec<Example>,
}

/// The moment of the first row of a stream without times, and of every pair.
pub fn start() -> Timestamp {
    Timestamp::from_micros(START_MICROS)
}

/// What a row asks under a strategy. Where the strategy has a slot for its pieces, they are the context and the headline is the fresh
/// text; else the row is one text.
pub fn question(row: &Row, strategy: &Strategy, at: usize) -> Question {
    let as_of = row.at.unwrap_or_else(|| start().plus_seconds(at as u64));
    let takes = |slot: &SlotSource| match slot {
        SlotSource::Latest { role, max } if row.pieces.iter().any(|piece| piece.role == *role) => Some(*max),
        _ => None,
    };
    let room = strategy.slots.iter().find_map(|slot| takes(&slot.source));
    match (room, &row.headline) {
        (Some(max), Some(headline)) => {
            let nearest = row.pieces.iter().skip(row.pieces.len().saturating_sub(max));
            let context = nearest.map(|piece| piece.id.clone()).collect();
            Question { text: headline.clone(), as_of, tags: row.tags.clone(), context }
        }
        _ => Question { text: row.text.clone(), as_of, tags: row.tags.clone(), context: Vec::new() },
    }
}

/// Replays a stream into an empty memory under these floors.
///
/// # Errors
/// [`EvalError`]; a text that the model makes nothing of is no error but a request without an answer.
pub async fn replay(
    bench: &Workbench,
    rows: &[Row],
    floors: Thresholds,
    observer: &mut dyn Observer,
    tick: &mut dyn FnMut(usize),
) -> Result<Replay, EvalError> {
    let pipeline = bench.pipeline(floors, begins(rows)).await?;
    replay_through(&pipeline, rows, observer, &mut |index, _| tick(index)).await
}

/// The moment at which the replay of a stream begins.
pub fn begins(rows: &[Row]) -> Timestamp {
    rows.iter().find_map(|row| row.at).unwrap_or_else(start)
}

/// The same into a memory that holds every one of the rows `before` already.
///
/// # Errors
/// As [`replay`].
pub async fn replay_after(
    bench: &Workbench,
    (before, rows): (&[Row], &[Row]),
    floors: Thresholds,
    observer: &mut dyn Observer,
    tick: &mut dyn FnMut(usize),
) -> Result<Replay, EvalError> {
    let pipeline = opened(bench, before.iter().chain(rows), floors).await?;
    for (index, row) in before.iter().enumerate() {
        let question = arrive(&pipeline, row, index).await?;
        remember(&pipeline, &question, row).await?;
    }
    replay_from(&pipeline, (before.len(), rows), observer, &mut |index, _| tick(index)).await
}

/// Replays a stream through a pipeline that is there already. `tick` is told of each row before it is asked.
///
/// # Errors
/// [`EvalError`]; a text that the model makes nothing of is no error but a request without an answer.
pub async fn replay_through(
    pipeline: &Pipeline,
    rows: &[Row],
    observer: &mut dyn Observer,
    tick: &mut dyn FnMut(usize, &Pipeline),
) -> Result<Replay, EvalError> {
    replay_from(pipeline, (0, rows), observer, tick).await
}

/// The same, where so many rows of the stream were there before.
async fn replay_from(
    pipeline: &Pipeline,
    (before, rows): (usize, &[Row]),
    observer: &mut dyn Observer,
    tick: &mut dyn FnMut(usize, &Pipeline),
) -> Result<Replay, EvalError> {
    let (mut replay, mut latencies) = (Replay::default(), Latencies::default());
    for (index, row) in rows.iter().enumerate() {
        let question = arrive(pipeline, row, before + index).await?;
        tick(index, pipeline);
        pipeline.expect(&row.decision);
        let answer = match pipeline.ask(&question).await {
            Err(error) if error.is_unembeddable_text() => {
                replay.judged.push(Judged::default());
                continue;
            }
            other => other?,
        };
        latencies.record(&answer.timing_us);
        let right = |found: &Payload| same_decision(found, &row.decision);
        let judged = judge(pipeline, &answer, &right);
        replay.keep_examples(pipeline, &answer, &Expected { line: row.line, decision: &row.decision, right: &right }, &question);
        if observer.candidates() > 0 {
            let candidates = candidates(pipeline, &question, observer.candidates(), &right).await?;
            let served = judged.served.map(|served| served.right);
            observer.observe(&Sample { index, text: &question.text, as_of: question.as_of, candidates: &candidates, served });
        }
        if judged.served.is_none() {
            pipeline.remember(&question, row.decision.clone()).await?;
        }
        replay.judged.push(judged);
    }
    replay.latency = latencies.stages();
    Ok(replay)
}

/// An empty pipeline whose clock stands at the first time that a row has.
pub(super) async fn opened<'a>(
    bench: &Workbench,
    mut rows: impl Iterator<Item = &'a Row>,
    floors: Thresholds,
) -> Result<Pipeline, EvalError> {
    bench.pipeline(floors, rows.find_map(|row| row.at).unwrap_or_else(start)).await
}

/// What a row asks, once the clock stands at its moment and its pieces are written.
pub(super) async fn arrive(pipeline: &Pipeline, row: &Row, index: usize) -> Result<Question, EvalError> {
    let question = question(row, &pipeline.strategy, index);
    pipeline.move_clock(question.as_of);
    if !question.context.is_empty() {
        write_pieces(pipeline, row).await?;
    }
    Ok(question)
}

/// Stores a row with its own decision. A text that the model makes nothing of is left out.
pub(super) async fn remember(pipeline: &Pipeline, question: &Question, row: &Row) -> Result<(), EvalError> {
    match pipeline.remember(question, row.decision.clone()).await {
        Err(error) if error.is_unembeddable_text() => Ok(()),
        stored => stored.map(drop),
    }
}

/// The vector that a baseline without composition compares: of the row's one text, or the mean of its pieces.
///
/// # Errors
/// [`EvalError`]; a text that the model makes nothing of has no vector, which is no error.
pub async fn plain_vector(bench: &Workbench, row: &Row, question: &Question) -> Result<Option<UnitVector>, EvalError> {
    let not_embeddable = |error: &EvalError| matches!(error, EvalError::Text(EmbedError::TextNotEmbeddable { .. }));
    if question.context.is_empty() {
        return match bench.vector(&question.text).await {
            Err(error) if not_embeddable(&error) => Ok(None),
            vector => vector.map(Some),
        };
    }
    let mut vectors = Vec::with_capacity(row.pieces.len());
    for piece in &row.pieces {
        match bench.document(&piece.text).await {
            Err(error) if not_embeddable(&error) => {}
            vector => vectors.push(vector?),
        }
    }
    Ok(crate::compose::mean(vectors.iter()))
}

async fn write_pieces(pipeline: &Pipeline, row: &Row) -> Result<(), EvalError> {
    for piece in &row.pieces {
        let new = NewComponent {
            id: piece.id.clone(),
            role: piece.role,
            text: piece.text.clone(),
            tags: Vec::new(),
            as_of: piece.at,
            ttl_sec: None,
            meta: serde_json::Map::new(),
        };
        pipeline.write_component(new).await?;
    }
    Ok(())
}

/// Holds an answer, and the candidates that were refused on the way to it, against what is right.
pub(super) fn judge(pipeline: &Pipeline, answer: &Answer, right: &dyn Fn(&Payload) -> bool) -> Judged {
    let served = answer.decision.as_ref().map(|decision| Served { path: answer.path, right: right(decision) });
    let refused = answer.refused.iter().filter_map(|refused| {
        let live = pipeline.decider.semantic.entry(pipeline.tenant(), &refused.entry)?;
        Some((refused.gate, right(&live.entry.decision)))
    });
    Judged { served, refused: refused.collect() }
}

/// The nearest entries to a question, each judged by the gates and by what is right.
pub(super) async fn candidates(
    pipeline: &Pipeline,
    question: &Question,
    k: usize,
    right: &dyn Fn(&Payload) -> bool,
) -> Result<Vec<Near>, EvalError> {
    let probe = pipeline.decider.probe(pipeline.tenant(), &pipeline.request(question), k).await?;
    let near = probe.candidates.into_iter().map(|scored| {
        let entry = &scored.live.entry;
        Near {
            similarity: scored.near.similarity,
            fresh_similarity: scored.near.fresh_similarity,
            same_text: entry.text_hash == question.text.hash(),
            decision: entry.decision.clone(),
            age_ms: question.as_of.millis_since(entry.as_of),
            refused: scored.refusal.map(|refusal| refusal.gate),
            right: right(&entry.decision),
        }
    });
    Ok(near.collect())
}

/// What a row expects.
pub(super) struct Expected<'a> {
    pub line: usize,
    pub decision: &'a Payload,
    pub right: &'a dyn Fn(&Payload) -> bool,
}

impl Replay {
    /// Keeps what a person would look at, up to a bound.
    pub(super) fn keep_examples(&mut self, pipeline: &Pipeline, answer: &Answer, expected: &Expected<'_>, question: &Question) {
        let example = |entry, similarity, fresh_similarity| {
            let live = pipeline.decider.semantic.entry(pipeline.tenant(), entry)?;
            let (gate, saw) = (None, None);
            let (asked, remembered) = (shown(question.text.as_str()), shown(&live.entry.text));
            let right = (expected.right)(&live.entry.decision);
            let (line, expected) = (expected.line, shown(&label(expected.decision)));
            let found = shown(&label(&live.entry.decision));
            Some((Example { line, asked, remembered, expected, found, similarity, fresh_similarity, gate, saw }, right))
        };
        if let Some(matched) = answer.matched.as_ref().filter(|_| self.wrong.len() < EXAMPLES_MAX)
            && let Some((example, false)) = example(&matched.entry, matched.similarity, matched.fresh_similarity)
        {
            self.wrong.push(example);
        }
        let past_floors = answer.refused.iter().find(|refused| refused.gate != Gate::Floors);
        if let Some(refused) = past_floors.filter(|_| answer.path != Path::Exact && self.refused_right.len() < EXAMPLES_MAX)
            && answer.decision.is_none()
            && let Some((example, true)) = example(&refused.entry, refused.similarity, refused.fresh_similarity)
        {
            let (gate, saw) = (Some(refused.gate), Some(refused.saw.clone()));
            self.refused_right.push(Example { gate, saw, ..example });
        }
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
