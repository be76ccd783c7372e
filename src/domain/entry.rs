//! What the semantic cache remembers.

use super::component::{Cut, ModelRef};
use super::decision::Payload;
use super::facts::Facts;
use super::ids::{EntryId, StrategyName, TenantId};
use super::partition::PartitionKey;
use super::strategy::Strategy;
use super::text::TextHash;
use super::time::Timestamp;
pub use super::trust::Provenance;
use super::trust::{ActionClass, Quarantine};
use super::vector::UnitVector;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The values between which a decision holds, both ends among them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Least value: a price in the instrument's own quote, or a position in its own unit.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
}

/// The conditions under which a decision may be used again. Each that is present must be met by the request.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Validity {
    /// The last moment, as of which it may serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_until: Option<Timestamp>,
    /// Bands for the prices of instruments, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub price: BTreeMap<String, Band>,
    /// The market regime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regime: Option<String>,
    /// Bands for what the caller holds of instruments, by name; negative for short.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub position: BTreeMap<String, Band>,
    /// Versions of what took part in the decision, by name; the strategy must still name the same.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, String>,
    /// A digest of the positions, exposure and limits that it was decided for: it serves nobody with others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub book: Option<String>,
    /// What acting on it would mean; the strategy's class where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionClass>,
}

/// One part of a composed vector, as the record's `vec_details` lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Part {
    /// The role of the slot; `fresh` for the text itself.
    #[serde(rename = "type")]
    pub role: String,
    /// The component's id, or the hash of the fresh text.
    pub id: String,
    /// The weight that it had.
    pub weight: f32,
}

/// A remembered decision, without its vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Under which strategy it was decided.
    pub strategy: StrategyName,
    /// Under which version of it.
    pub strategy_version: u32,
    /// Where a search finds it.
    pub partition: PartitionKey,
    /// Which model made its vectors.
    pub model: ModelRef,
    /// The fresh text, in normal form.
    pub text: Arc<str>,
    /// BLAKE3 of the text.
    pub text_hash: TextHash,
    /// Where the text was longer than the model reads.
    pub cut: Option<Cut>,
    /// What its composed vector was made of.
    pub parts: Vec<Part>,
    /// The τ of the strategy when it was written.
    pub tau: f32,
    /// What was decided.
    pub decision: Payload,
    /// Under which conditions it may be used again.
    pub validity: Validity,
    /// Who decided.
    pub provenance: Provenance,
    /// The moment that the decision speaks of.
    pub as_of: Timestamp,
    /// When it was written.
    pub created_at: Timestamp,
    /// Seconds after `created_at` at which it ends; a hit never renews them.
    pub ttl_sec: Option<u64>,
    /// By what it can be found and deleted.
    pub tags: Vec<String>,
    /// The generation of tags in which it was made: a deletion by one of its tags in a later one ends it.
    pub generation: u64,
    /// Since when, and why, it serves no more.
    pub quarantine: Option<Quarantine>,
}

impl Entry {
    /// When it ends by its time to live; `None` for never.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.ttl_sec.map(|ttl| self.created_at.plus_seconds(ttl))
    }

    /// The ids of the components in soft slots that its vector was composed with, in the order of the slots.
    pub fn soft_ids<'a>(&'a self, strategy: &'a Strategy) -> impl Iterator<Item = &'a str> {
        let hard = |part: &Part| strategy.hard_components().any(|id| id.as_str() == part.id);
        self.parts.iter().filter(move |part| part.role != "fresh" && !hard(part)).map(|part| &*part.id)
    }
}

/// An entry with what only its record holds, and memory in another form or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEntry {
    /// All but the vectors and the facts.
    pub entry: Arc<Entry>,
    /// The composed vector.
    pub vector: UnitVector,
    /// The vector of the fresh text alone.
    pub fresh: UnitVector,
    /// The vector of the whole prompt; absent where the strategy has no `[slow]`, and in entries that were written before it had.
    pub prompt: Option<UnitVector>,
    /// What was read of its text when it was written; absent where the strategy reads none, and where another version of the reader did.
    pub facts: Option<Arc<Facts>>,
}

/// An entry for tests, of which each test changes what it is about.
#[cfg(test)]
pub(crate) mod fixture {
    use super::*;

    /// A trade of the tenant `default` under the strategy `s`, as of 2026-01-01, without conditions.
    pub(crate) fn entry(text: &str) -> Entry {
        let text_hash = crate::domain::text::FreshText::new(text).unwrap().hash();
        Entry {
            id: EntryId::from_bytes(text_hash.0),
            tenant: TenantId::default_tenant(),
            strategy: StrategyName::new("s").unwrap(),
            strategy_version: 1,
            partition: PartitionKey::parse(&"0".repeat(64)).unwrap(),
            model: ModelRef { id: "m".into(), revision: "1".into() },
            text: text.into(),
            text_hash,
            cut: None,
            parts: Vec::new(),
            tau: 0.9,
            decision: Payload::parse(r#"{"kind":"trade","signal":1,"conviction":0.5}"#).unwrap(),
            validity: Validity::default(),
            provenance: Provenance::Import,
            as_of: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
            created_at: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
            ttl_sec: None,
            tags: Vec::new(),
            generation: 0,
            quarantine: None,
        }
    }
}
