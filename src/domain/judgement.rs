//! What was learnt, after the event, about one decision.

use super::calibration::Evidence;
use super::component::ModelRef;
use super::decision::Payload;
use super::ids::{DecisionId, EntryId, StrategyName, TenantId};
use super::partition::PartitionKey;
use super::time::Timestamp;
use super::vector::UnitVector;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where it is known from whether a decision was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A hit was decided again after it was served.
    Shadow,
    /// A caller said so.
    Feedback,
    /// Nothing near was served, an engine decided, and its decision was held against the candidate's.
    Engine,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 3] = [Self::Shadow, Self::Feedback, Self::Engine];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Feedback => "feedback",
            Self::Engine => "engine",
        }
    }
}

/// What is known of one decision, or of the candidate that stood nearest when nothing was served. A decision has one from each source;
/// a second from the same takes the place of the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Whose decision it was.
    pub tenant: TenantId,
    /// Which decision.
    pub decision: DecisionId,
    /// Where it is known from.
    pub source: Source,
    /// Whether it was right.
    pub right: bool,
    /// Under which strategy it was made.
    pub strategy: StrategyName,
    /// Under which version of it.
    pub strategy_version: u32,
    /// Where its candidate was found.
    pub partition: PartitionKey,
    /// Which model made the vectors.
    pub model: ModelRef,
    /// The entry that was served, or would have been; none for what an engine decided.
    pub entry: Option<EntryId>,
    /// What spoke for the entry; none for an exact hit.
    pub evidence: Option<Evidence>,
    /// Near hits that were served since the judgement before: what the samples are taken from.
    pub served: u64,
    /// What was asked, in normal form.
    pub text: Arc<str>,
    /// Its vector, where the judgement closes its neighbourhood.
    pub fresh: Option<UnitVector>,
    /// What was decided.
    pub decided: Payload,
    /// What should have been, where it is known.
    pub expected: Option<Payload>,
    /// What the reporter said.
    pub note: Option<String>,
    /// When it became known.
    pub at: Timestamp,
}
