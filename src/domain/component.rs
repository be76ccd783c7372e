//! Reusable texts, embedded ahead.

use super::ids::{ComponentId, TenantId};
use super::text::TextHash;
use super::time::Timestamp;
use super::vector::UnitVector;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// What a component is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The instruction that a model would be given.
    Instruction,
    /// A rubric or method that decisions follow.
    Framework,
    /// The schema of a tool.
    Tool,
    /// A worked example.
    Exemplar,
    /// A note on the situation in which a decision is made.
    Context,
    /// A piece of news that was analysed before.
    News,
}

impl Role {
    /// The name on the wire and in strategy files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instruction => "instruction",
            Self::Framework => "framework",
            Self::Tool => "tool",
            Self::Exemplar => "exemplar",
            Self::Context => "context",
            Self::News => "news",
        }
    }

    /// The family of its record's key: `prompt` for what a prompt is made of, `news` for what happened.
    pub fn key_family(self) -> &'static str {
        match self {
            Self::Context | Self::News => "news",
            Self::Instruction | Self::Framework | Self::Tool | Self::Exemplar => "prompt",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An embedding model at one revision. Vectors of different models or revisions never meet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ModelRef {
    /// The model's id in the manifest.
    #[schema(value_type = String)]
    pub id: Arc<str>,
    /// Which bytes of it.
    #[schema(value_type = String)]
    pub revision: Arc<str>,
}

impl ModelRef {
    /// Reads `id@revision`.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, revision) = text.rsplit_once('@')?;
        (!id.is_empty() && !revision.is_empty()).then(|| Self { id: id.into(), revision: revision.into() })
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.revision)
    }
}

/// A reusable text with its vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id, unique within the tenant.
    pub id: ComponentId,
    /// What it is for.
    pub role: Role,
    /// The text, in normal form.
    pub text: Arc<str>,
    /// BLAKE3 of the text.
    pub text_hash: TextHash,
    /// By what a request finds it.
    pub tags: Vec<String>,
    /// The moment that it speaks of; a request never sees one that is later than its own.
    pub as_of: Timestamp,
    /// When it was written.
    pub created_at: Timestamp,
    /// Seconds after `created_at` at which it ends; never where absent.
    pub ttl_sec: Option<u64>,
    /// What the writer attached: a JSON object.
    pub meta: serde_json::Map<String, serde_json::Value>,
    /// Which model made the vector.
    pub model: ModelRef,
    /// The normalised mean of the vectors of its chunks.
    pub vector: UnitVector,
    /// Into how many chunks the text was cut.
    pub chunks: u32,
}

impl Component {
    /// When it ends; `None` for never.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.ttl_sec.map(|ttl| self.created_at.plus_seconds(ttl))
    }

    /// Whether it has ended at `now`.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires_at().is_some_and(|end| end <= now)
    }
}

/// The vector of a fresh text that was embedded before.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddedText {
    /// Whose request it came with.
    pub tenant: TenantId,
    /// BLAKE3 of the text in normal form.
    pub text_hash: TextHash,
    /// Which model made the vector.
    pub model: ModelRef,
    /// The vector.
    pub vector: UnitVector,
    /// Where the text was longer than the model reads.
    pub cut: Option<Cut>,
    /// When it was written.
    pub created_at: Timestamp,
    /// Seconds after `created_at` at which it ends.
    pub ttl_sec: Option<u64>,
}

/// A text that was longer than the model was let read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Cut {
    /// Tokens of the whole text.
    pub tokens: u32,
    /// Tokens that the vector was made from.
    pub kept: u32,
}
