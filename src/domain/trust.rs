//! How far a remembered decision is trusted, and what acting on it would mean.

use super::ids::DecisionId;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Who decided, from the least trusted to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// Loaded from elsewhere.
    #[default]
    Import,
    /// Corrected by feedback.
    Feedback,
    /// Decided by an engine.
    Engine,
    /// Decided or confirmed by a person who answers for it.
    Operator,
}

impl Provenance {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Feedback => "feedback",
            Self::Engine => "engine",
            Self::Operator => "operator",
        }
    }
}

/// What acting on a decision would mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActionClass {
    /// It answers a question; a wrong one can be corrected.
    #[default]
    Answer,
    /// It can't be taken back once somebody acted on it.
    Irreversible,
}

/// That an entry was reported wrong and serves no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Quarantine {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The decision that was reported wrong.
    #[schema(value_type = String)]
    pub decision: DecisionId,
    /// What the reporter said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
