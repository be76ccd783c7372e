//! What a caller asks, once it was read and checked.

use super::deadline::Deadline;
use super::ids::{ComponentId, StrategyName, TenantId, TraceId};
use super::text::FreshText;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// For whom.
    pub tenant: TenantId,
}

/// How far a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Allow {
    /// Memory, by the fresh text.
    Fast,
    /// Memory, by the full prompt too.
    Slow,
    /// An engine, where nothing may be reused.
    #[default]
    Engine,
}

/// The state of the market that the caller sees.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Market {
    /// Prices by instrument.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub price: BTreeMap<String, f64>,
    /// The regime, such as `high-vol`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regime: Option<String>,
    /// What the caller holds of instruments, by name; negative for short.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub position: BTreeMap<String, f64>,
}

/// A decision request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The fresh text.
    pub text: FreshText,
    /// By which strategy.
    pub strategy: StrategyName,
    /// The moment that the question speaks of.
    pub as_of: Timestamp,
    /// By what soft context is chosen.
    pub tags: Vec<String>,
    /// Soft context by id, instead of by tags.
    pub context: Vec<ComponentId>,
    /// The state of the market.
    pub market: Market,
    /// How far it may go.
    pub allow: Allow,
    /// The session that it belongs to.
    pub session: Option<String>,
    /// Whether the answer explains itself at length.
    pub explain: bool,
    /// By when an answer is worth having.
    pub deadline: Deadline,
    /// The trace that it belongs to.
    pub trace: TraceId,
}
