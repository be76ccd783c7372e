//! What is kept of every decision.

use super::ids::{DecisionId, TenantId};
use super::time::Timestamp;
use serde_json::value::RawValue;
use std::sync::Arc;

/// The audit record of one decision: what was asked and what was answered, byte for byte.
#[derive(Debug, Clone)]
pub struct DecisionRecord {
    /// Whose it is.
    pub tenant: TenantId,
    /// Under which id it was answered.
    pub id: DecisionId,
    /// When it was answered.
    pub at: Timestamp,
    /// What was asked, as JSON.
    pub request: Arc<RawValue>,
    /// What was answered, as JSON.
    pub answer: Arc<RawValue>,
}
