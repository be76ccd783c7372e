//! Which engine a request needs, as a strategy file asks for it and an answer tells it.

use serde::{Deserialize, Serialize};

/// What a strategy names in place of an engine to have the engine found by what the request means.
pub const AUTO: &str = "auto";

/// What stands in place of an engine where no engine is for a request.
pub const NONE: &str = "none";

/// How a strategy's engine is found, where it is found by triage.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TriageRules {
    /// A file of further examples beside the strategy's own, a line `{"text": …, "engine": …}` for each.
    pub examples: String,
}

/// Which engine a request needs.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Triaged {
    /// The likeliest; `none` where no engine here is for the request.
    pub engine: String,
    /// How likely it is, 0 to 1.
    pub confidence: f64,
    /// The next likeliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second: Option<Likelihood>,
    /// Why, in words.
    pub reason: String,
    /// The example that is nearest to the request.
    #[serde(skip)]
    pub nearest: Option<Nearest>,
}

/// An engine that a request may need.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Likelihood {
    /// Its name, or `none`.
    pub engine: String,
    /// How likely it is, 0 to 1.
    pub confidence: f64,
}

/// An example near to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// What it says.
    pub text: String,
    /// The engine that it is an example of, whether or not that engine is here.
    pub engine: String,
    /// Cosine of the two vectors.
    pub similarity: f32,
}

/// What a caller is asked where it is not clear which engine a request needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Clarify {
    /// One sentence.
    pub question: String,
    /// What may be answered, the likeliest engine first and `none` last.
    pub choices: Vec<Choice>,
}

/// One answer to the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Choice {
    /// The name of an engine, or `none`.
    pub engine: String,
    /// What it is for.
    pub description: String,
}
