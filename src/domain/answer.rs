//! The one answer to a request.

use super::calibration::Evidence;
use super::component::Cut;
use super::decision::Payload;
use super::entry::Part;
use super::ids::{DecisionId, EntryId, StrategyName, TraceId};
use super::request::Allow;
use super::time::Timestamp;
use super::triage::{Clarify, Triaged};
use super::vote::Tally;
use serde::{Deserialize, Serialize};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// There is a decision.
    Decided,
    /// There is none, and the answer says why.
    Abstained,
    /// An engine is still at work.
    Pending,
}

impl Outcome {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Abstained => "abstained",
            Self::Pending => "pending",
        }
    }
}

/// Which step answered; for an abstention, the last one that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    /// The same text was decided before.
    Exact,
    /// A near text was decided before.
    Fast,
    /// A near prompt was decided before.
    Slow,
    /// An engine decided.
    Engine,
}

impl Path {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Fast => "fast",
            Self::Slow => "slow",
            Self::Engine => "engine",
        }
    }
}

/// How far an answer can be relied on: a pure function of typed signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the four labels are the contract's own words")]
pub enum Confidence {
    High,
    Medium,
    Low,
    Unable,
}

/// One reason to refuse a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// τ on the composed vector and τ_fresh on the fresh one.
    Floors,
    /// What embeddings can't see: instruments, amounts, dates, direction, negation, who did what to whom.
    Facts,
    /// Point in time, `valid_until`, time to live, price band, regime, position, versions.
    Validity,
    /// Who decided, and whether it was reported wrong since.
    Trust,
    /// An irreversible action is taken only from the very same text.
    Action,
    /// The share of wrong reuses that the strategy tolerates.
    Budget,
}

impl Gate {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Floors => "floors",
            Self::Facts => "facts",
            Self::Validity => "validity",
            Self::Trust => "trust",
            Self::Action => "action",
            Self::Budget => "budget",
        }
    }
}

/// That a gate let a candidate through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct GateVerdict {
    /// Which gate.
    pub gate: Gate,
    /// Whether it let the candidate pass.
    pub passed: bool,
}

/// The remembered entry that was served.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Match {
    /// Its id.
    #[schema(value_type = String)]
    pub entry: EntryId,
    /// Cosine of the composed vectors, or of the prompts where it was found by its prompt; 1 for an exact hit.
    pub similarity: f32,
    /// The floor for it.
    pub tau: f32,
    /// Cosine of the fresh vectors; 1 for an exact hit.
    pub fresh_similarity: f32,
    /// The floor for it.
    pub tau_fresh: f32,
    /// Milliseconds since the entry was written.
    pub age_ms: i64,
    /// The moment that the entry speaks of.
    #[schema(value_type = String, format = DateTime)]
    pub as_of: Timestamp,
    /// The gates that it passed, in order.
    pub gates: Vec<GateVerdict>,
    /// What spoke for it, where the strategy keeps an error budget and the text is not the very same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Lower confidence bound of the share of right ones among what is served like this; absent where nothing is known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right_at_least: Option<f64>,
    /// How the near misses voted; absent where one entry answered alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vote: Option<Tally>,
}

/// A candidate that a gate turned away.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Refused {
    /// Its id.
    #[schema(value_type = String)]
    pub entry: EntryId,
    /// Cosine of the composed vectors, or of the prompts where it was found by its prompt.
    pub similarity: f32,
    /// Cosine of the fresh vectors.
    pub fresh_similarity: f32,
    /// Which gate.
    pub gate: Gate,
    /// What it saw.
    pub saw: String,
}

/// How an answer came about, for a caller who asked to have it explained.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Explanation {
    /// The partition that was searched.
    pub partition: String,
    /// The strategy's description of itself.
    pub strategy: String,
    /// What the searched vector was composed of; empty for an exact hit, which searches none.
    pub composed_of: Vec<Part>,
    /// Candidates that the search gave, the refused ones among them.
    pub candidates: usize,
    /// How far the request was allowed to go.
    pub allowed: Allow,
}

/// Microseconds that each step took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, utoipa::ToSchema)]
pub struct TimingUs {
    /// Looking for the exact text.
    pub exact: u64,
    /// Embedding the fresh text, waiting for a worker included.
    pub embed: u64,
    /// Choosing the context.
    pub context: u64,
    /// Composing the vector.
    pub compose: u64,
    /// Searching the partition.
    pub search: u64,
    /// Running the gates.
    pub gates: u64,
    /// The slow path.
    pub slow: u64,
    /// The engine.
    pub engine: u64,
    /// All of it, from the request's arrival in the pipeline to its answer.
    pub total: u64,
}

/// The one answer to a request.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Answer {
    /// The id under which the audit record is kept.
    #[schema(value_type = String)]
    pub id: DecisionId,
    /// How it ended.
    pub outcome: Outcome,
    /// Which step answered.
    pub path: Path,
    /// By which strategy.
    #[schema(value_type = String)]
    pub strategy: StrategyName,
    /// By which version of it.
    pub strategy_version: u32,
    /// What was decided.
    #[schema(value_type = Option<super::decision::Decision>)]
    pub decision: Option<Payload>,
    /// How far it can be relied on.
    pub confidence: Confidence,
    /// Why there is no decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the caller is asked, where it is not clear which engine the request needs or none is for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clarify: Option<Clarify>,
    /// Which engine the request needs, where that was found by what it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub triage: Option<Triaged>,
    /// Where the answer of a pending decision will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The entry that was served.
    #[serde(rename = "match")]
    pub matched: Option<Match>,
    /// The candidates that a gate turned away, nearest first.
    pub refused: Vec<Refused>,
    /// That the error budget of the strategy is spent, and only exact hits are served: since when and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact_only: Option<String>,
    /// Where the fresh text was longer than the model reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<Cut>,
    /// How the answer came about, where the request asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// How long each step took.
    pub timing_us: TimingUs,
    /// The trace that the request belongs to.
    #[schema(value_type = String)]
    pub trace_id: TraceId,
}
