//! What was learnt from those who ask: questions whose answers were found right, those that were found wrong, and words that were given a
//! meaning. Plain data and rules; whoever stores it stores it whole, under [`FORMAT`].
//!
//! Invariants:
//! - a pair is used only while its answer passed the checks, for the version of the layer that it was found right under, and not once
//!   somebody found it wrong, until an operator releases it;
//! - a term is used only once a user confirmed its meaning and an operator who neither proposed nor confirmed it approved it;
//! - what a reviewed layer says is never changed: a term whose name, phrase or condition would touch it is left out with the reason.

mod pairs;
mod terms;
#[cfg(test)]
mod tests;

pub use self::pairs::{Answer, Candidate, Check, NotKept, Standing, VerifiedPair};
pub use self::terms::{Applied, LeftOut, Meaning, NotMoved, Proposal, State, Step};

use crate::domain::field::FieldError;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of what is stored; raised where older data must be read otherwise.
pub const FORMAT: u32 = 1;

/// Pairs that are kept, quarantined ones among them. All are stored together, some 2 kB each.
const PAIRS_MAX: usize = 2_000;

/// Proposals that are kept, whatever became of them.
const PROPOSALS_MAX: usize = 2_000;

/// Characters of a question, a condition or a comment.
const TEXT_CHARS_MAX: usize = 2_000;

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Who.
    pub who: String,
    /// When.
    pub at: Timestamp,
}

/// What one tenant's people taught.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knowledge {
    format: u32,
    // Raised with each change of what terms apply, so that it can be a part of the version of the layer.
    revision: u32,
    pairs: BTreeMap<String, VerifiedPair>,
    proposals: BTreeMap<String, Proposal>,
}

impl Default for Knowledge {
    fn default() -> Self {
        Self { format: FORMAT, revision: 0, pairs: BTreeMap::new(), proposals: BTreeMap::new() }
    }
}

impl Knowledge {
    /// Reads what was stored.
    ///
    /// # Errors
    /// A [`FieldError`] where it is of another version, or not what is written.
    pub fn read(json: &[u8]) -> Result<Self, FieldError> {
        let wrong = |error: serde_json::Error| FieldError::new("", error.to_string());
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_slice(json).map_err(wrong)?;
        if head.format != FORMAT {
            return Err(FieldError::new("/format", format!("it is {}, and {FORMAT} is read", head.format)));
        }
        let read: Self = serde_json::from_slice(json).map_err(wrong)?;
        match (read.pairs.len() <= PAIRS_MAX, read.proposals.len() <= PROPOSALS_MAX) {
            (true, true) => Ok(read),
            (false, _) => Err(FieldError::new("/pairs", format!("more than {PAIRS_MAX}"))),
            (_, false) => Err(FieldError::new("/proposals", format!("more than {PROPOSALS_MAX}"))),
        }
    }

    /// As it is to be stored.
    ///
    /// # Errors
    /// A [`FieldError`] where it can't be written.
    pub fn write(&self) -> Result<Vec<u8>, FieldError> {
        serde_json::to_vec(self).map_err(|error| FieldError::new("", error.to_string()))
    }

    /// The pairs by name.
    pub fn pairs(&self) -> &BTreeMap<String, VerifiedPair> {
        &self.pairs
    }

    /// The proposals by name.
    pub fn proposals(&self) -> &BTreeMap<String, Proposal> {
        &self.proposals
    }
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

/// A text that is compared without regard to case and blanks.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}
