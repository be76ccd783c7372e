//! An answer to a question about data, as it is kept for whoever judges it. A tenant has so many slots, and a later answer takes the place of an
//! earlier one.

use super::ids::{QueryId, TenantId};
use super::time::Timestamp;
use crate::limits::{ANSWERS_JUDGED_MAX, JUDGEABLE_TTL_SEC};
use serde_json::value::RawValue;
use std::sync::Arc;

/// One answer.
#[derive(Debug, Clone)]
pub struct JudgeableRecord {
    /// To whose question.
    pub tenant: TenantId,
    /// Under what it can be judged.
    pub query: QueryId,
    /// When it was given.
    pub at: Timestamp,
    /// The version of what is in `data`.
    pub version: u32,
    /// What it is, as the analytics engine writes it.
    pub data: Arc<RawValue>,
}

impl JudgeableRecord {
    /// The slot that it is kept in.
    pub fn slot(&self) -> u16 {
        slot_of(self.query)
    }

    /// When it ends.
    pub fn expires_at(&self) -> Timestamp {
        self.at.plus_seconds(JUDGEABLE_TTL_SEC)
    }
}

/// The slot that the answer of a name is kept in. The bits that it is made from are random, so that answers are spread over all of them.
pub fn slot_of(query: QueryId) -> u16 {
    let [.., high, low] = query.to_bytes();
    let slots = u16::try_from(ANSWERS_JUDGED_MAX).unwrap_or(u16::MAX).max(1);
    u16::from_be_bytes([high, low]) % slots
}
