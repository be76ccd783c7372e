//! The hash of everything that must match exactly.

use super::component::ModelRef;
use super::ids::{ComponentId, EntryId, StrategyName, TenantId};
use super::strategy::{Binding, Strategy};
use super::text::TextHash;
use sha2::{Digest, Sha256};
use std::fmt;

/// BLAKE3 over tenant, strategy and its version, embedder and its revision, composition, and the components in hard slots with
/// the hashes of their texts. A search never leaves its partition.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionKey([u8; 32]);

impl PartitionKey {
    /// The partition of `strategy` for `tenant`; `hard` are the components in its hard slots, in the order of the slots.
    pub fn new(tenant: &TenantId, strategy: &Strategy, model: &ModelRef, hard: &[(ComponentId, TextHash)]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("instinct partition v1");
        let mut part = |bytes: &[u8]| {
            // A length before each part keeps ("ab", "c") apart from ("a", "bc").
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(tenant.as_str().as_bytes());
        part(strategy.name.as_str().as_bytes());
        part(&strategy.version.to_le_bytes());
        part(model.id.as_bytes());
        part(model.revision.as_bytes());
        part(strategy.composition.as_str().as_bytes());
        for slot in &strategy.slots {
            part(slot.source.role_name().as_bytes());
            part(&[u8::from(slot.bind == Binding::Hard)]);
            part(&slot.weight.to_le_bytes());
        }
        for (id, text) in hard {
            part(id.as_str().as_bytes());
            part(&text.0);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The partition of the same strategy for vectors that lost dimensions by the projection of this digest. No vector is ever compared with
    /// one that lost none, or by another projection.
    #[must_use]
    pub fn projected(&self, digest: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("instinct projected partition v1");
        hasher.update(&self.0);
        hasher.update(digest.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(digits: &str) -> Option<Self> {
        TextHash::parse(digits).map(|hash| Self(hash.0))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// SHA-256 over the sorted component ids + model + strategy + the hash of the fresh text, and over the partition, so that two tenants
/// or two versions never share an id.
pub fn entry_id<'a>(
    partition: &PartitionKey,
    components: impl Iterator<Item = &'a ComponentId>,
    model: &ModelRef,
    strategy: &StrategyName,
    text: TextHash,
) -> EntryId {
    let mut ids: Vec<&ComponentId> = components.collect();
    ids.sort_unstable();
    let mut hasher = Sha256::new();
    for id in ids {
        hasher.update(id.as_str().as_bytes());
        hasher.update([0]);
    }
    hasher.update([0]);
    for part in [&*model.id, &*model.revision, strategy.as_str()] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hasher.update(partition.as_bytes());
    hasher.update(text.0);
    EntryId::from_bytes(hasher.finalize().into())
}
