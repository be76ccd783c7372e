//! What was learnt from those who ask: questions whose answers were found right, those that were found wrong, and words that were given a
//! meaning. Plain data and rules; whoever stores it stores each pair and each proposal for itself, under [`FORMAT`].
//!
//! Invariants:
//! - a pair is used only while its answer passed the checks, for the reviewed version of the layer that it was found right under, and not once
//!   somebody found it wrong, until an operator releases it;
//! - a term is used only once a user confirmed its meaning and an operator approved it, who neither proposed nor confirmed it where callers
//!   have names;
//! - what a reviewed layer says is never changed: a term whose name, phrase or condition would touch it is left out with the reason.

mod pairs;
mod terms;
#[cfg(test)]
mod tests;

pub use self::pairs::{Answer, Candidate, Check, Doubts, NotKept, Standing, VerifiedPair};
pub use self::terms::{Applied, LeftOut, Meaning, NotMoved, Proposal, Says, State, Step};

use crate::domain::field::FieldError;
use crate::domain::knowledge_record::{KnowledgeKey, KnowledgeKind};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The version of what is stored; raised where older data must be read otherwise.
pub const FORMAT: u32 = 1;

/// Pairs of a tenant that are kept, quarantined ones among them. All are in memory, some 2 kB each.
const PAIRS_MAX: usize = 2_000;

/// Proposals of a tenant that are kept, whatever became of them.
const PROPOSALS_MAX: usize = 2_000;

/// Characters of a question, a condition or a comment.
pub const TEXT_CHARS_MAX: usize = 2_000;

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Who; empty where no credentials are asked for.
    pub who: String,
    /// When.
    pub at: Timestamp,
}

/// What one tenant's people taught. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Knowledge {
    pairs: BTreeMap<String, Arc<VerifiedPair>>,
    proposals: BTreeMap<String, Arc<Proposal>>,
}

/// One thing that became another, as it is to be stored; none where it is gone.
pub type Changed = (KnowledgeKey, Option<Box<RawValue>>);

impl Knowledge {
    /// Takes in what was stored under a key, in place of what is there.
    ///
    /// # Errors
    /// A [`FieldError`] where it is of another format, or not what is written; then nothing is there.
    pub fn put(&mut self, key: KnowledgeKey, format: u32, json: &str) -> Result<(), FieldError> {
        self.remove(key);
        if format != FORMAT {
            return Err(FieldError::new("/format", format!("it is {format}, and {FORMAT} is read")));
        }
        let wrong = |error: serde_json::Error| FieldError::new("", error.to_string());
        match key.kind {
            KnowledgeKind::Pair => {
                self.pairs.insert(key.name(), Arc::new(serde_json::from_str(json).map_err(wrong)?));
            }
            KnowledgeKind::Term => {
                self.proposals.insert(key.name(), Arc::new(serde_json::from_str(json).map_err(wrong)?));
            }
        }
        Ok(())
    }

    /// Drops what is under a key.
    pub fn remove(&mut self, key: KnowledgeKey) {
        match key.kind {
            KnowledgeKind::Pair => drop(self.pairs.remove(&key.name())),
            KnowledgeKind::Term => drop(self.proposals.remove(&key.name())),
        }
    }

    /// What is otherwise than it was `before`.
    ///
    /// # Errors
    /// A [`FieldError`] where it can't be written.
    pub fn since(&self, before: &Self) -> Result<Vec<Changed>, FieldError> {
        let mut changed = differing(KnowledgeKind::Pair, &before.pairs, &self.pairs)?;
        changed.extend(differing(KnowledgeKind::Term, &before.proposals, &self.proposals)?);
        Ok(changed)
    }

    /// The pairs by name.
    pub fn pairs(&self) -> &BTreeMap<String, Arc<VerifiedPair>> {
        &self.pairs
    }

    /// The proposals by name.
    pub fn proposals(&self) -> &BTreeMap<String, Arc<Proposal>> {
        &self.proposals
    }

    /// The keys of all that is there.
    pub fn keys(&self) -> impl Iterator<Item = KnowledgeKey> {
        let pairs = self.pairs.keys().map(|name| (KnowledgeKind::Pair, name));
        let terms = self.proposals.keys().map(|name| (KnowledgeKind::Term, name));
        pairs.chain(terms).filter_map(|(kind, name)| KnowledgeKey::new(kind, name))
    }
}

/// What differs between two states of one kind. What was not touched is the same allocation.
fn differing<T: Serialize>(
    kind: KnowledgeKind,
    before: &BTreeMap<String, Arc<T>>,
    after: &BTreeMap<String, Arc<T>>,
) -> Result<Vec<Changed>, FieldError> {
    let key = |name: &String| KnowledgeKey::new(kind, name).ok_or_else(|| FieldError::new("", format!("{name} is no name")));
    let mut changed = Vec::new();
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        changed.push((key(name)?, None));
    }
    for (name, value) in after {
        if !before.get(name).is_some_and(|known| Arc::ptr_eq(known, value)) {
            let json = to_raw_value(&**value).map_err(|error| FieldError::new("", error.to_string()))?;
            changed.push((key(name)?, Some(json)));
        }
    }
    Ok(changed)
}

/// The name of something by what it is made of.
fn named(what: &str, parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(what);
    for part in parts {
        // The length keeps the parts apart.
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hex::encode(&hasher.finalize().as_bytes()[..16])
}

/// A text that is compared without regard to case, blanks and the mark at its end.
fn folded(text: &str) -> String {
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    plain.trim_end_matches(['?', '.', '!', ' ']).to_owned()
}
