//! What a tenant's people taught about questions of data, as it is kept: an answer that was found right or wrong, or a word that was given a
//! meaning, each for itself, so that two who teach at one time don't write over one another.

use super::ids::TenantId;
use super::time::Timestamp;
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;

/// Of what kind it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KnowledgeKind {
    /// A question with an answer that was found right or wrong.
    Pair,
    /// A word with a meaning.
    Term,
}

impl KnowledgeKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Pair, Self::Term];

    /// The word in keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::Term => "term",
        }
    }
}

/// Under what it is kept. Printed as `<kind>:<32 hexadecimal digits>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KnowledgeKey {
    /// Of what kind it is.
    pub kind: KnowledgeKind,
    /// What it is made of, in short.
    pub id: [u8; 16],
}

impl KnowledgeKey {
    /// The key of this kind and name; `None` where the name is not 32 small hexadecimal digits.
    pub fn new(kind: KnowledgeKind, name: &str) -> Option<Self> {
        let mut id = [0; 16];
        hex::decode_to_slice(name, &mut id).ok()?;
        let key = Self { kind, id };
        (key.name() == name).then_some(key)
    }

    /// The name alone.
    pub fn name(self) -> String {
        hex::encode(self.id)
    }

    /// Reads what [`fmt::Display`] prints.
    pub fn parse(text: &str) -> Option<Self> {
        let (word, name) = text.split_once(':')?;
        Self::new(KnowledgeKind::ALL.into_iter().find(|kind| kind.as_str() == word)?, name)
    }
}

impl fmt::Display for KnowledgeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.name())
    }
}

/// One thing that was taught.
#[derive(Debug, Clone)]
pub struct KnowledgeRecord {
    /// To whose service.
    pub tenant: TenantId,
    /// Under what it is kept.
    pub key: KnowledgeKey,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// The version of what is in `data`.
    pub version: u32,
    /// What it is, as the analytics engine writes it.
    pub data: Arc<RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_another_spelling_of_it_is_none() {
        let key = KnowledgeKey { kind: KnowledgeKind::Term, id: [0xab; 16] };
        assert_eq!(KnowledgeKey::parse(&key.to_string()), Some(key));
        for text in
            ["", "term", "term:", "term:AB", "word:00112233445566778899aabbccddeeff", "pair:00112233445566778899AABBCCDDEEFF"]
        {
            assert_eq!(KnowledgeKey::parse(text), None, "{text}");
        }
    }
}
