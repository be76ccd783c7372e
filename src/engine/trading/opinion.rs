//! What one agent has to say.

/// An agent's own view, before anything is weighed against the others'.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// 1 expects a rise, −1 a fall, 0 neither.
    pub signal: i8,
    /// How sure, 0 to 1.
    pub conviction: f64,
    /// Why, in one or two sentences that name the figures or the words that decided.
    pub reasoning: String,
}

/// Why an agent has no opinion, in words for the caller. Never a default signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Abstention {
    /// The reason.
    pub reason: String,
}

impl Abstention {
    /// An abstention for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}
