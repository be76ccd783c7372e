//! The seam of what thinks: asked only when nothing in memory may be reused.
//!
//! An engine proposes a decision and nothing more. It never acts on the world, never reads the cache, and never returns a default where
//! it has nothing to say: that is [`EngineFailure::Abstained`].

pub mod trading;

use crate::domain::deadline::Deadline;
use crate::domain::decision::Payload;
use crate::domain::ids::{StrategyName, TenantId};
use crate::domain::request::Market;
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// What an engine is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// For whom.
    pub tenant: TenantId,
    /// By which strategy.
    pub strategy: StrategyName,
    /// The fresh text.
    pub text: FreshText,
    /// The moment that it speaks of; an engine must not look past it.
    pub as_of: Timestamp,
    /// The state of the market that the caller sees.
    pub market: Market,
    /// By when the decision is worth having.
    pub deadline: Deadline,
}

/// Why an engine gave no decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineFailure {
    /// It has nothing to say.
    #[error("the engine abstained: {reason}")]
    Abstained {
        /// In words for the caller.
        reason: String,
    },
    /// It ran out of time.
    #[error("the engine ran out of time")]
    TimedOut,
    /// It failed.
    #[error("the engine failed: {detail}")]
    Failed {
        /// For the log; the caller learns only that it failed.
        detail: String,
    },
}

/// What thinks.
#[async_trait]
pub trait Engine: Send + Sync + Debug {
    /// Decides, or says why not. The future may be dropped at any await point.
    async fn decide(&self, question: Question) -> Result<Payload, EngineFailure>;
}

/// The engines of a service by the names that strategies use. The service as it is ships none; a strategy that names one which is not
/// here is refused when the configuration is checked.
#[derive(Debug, Clone, Default)]
pub struct Engines {
    by_name: BTreeMap<String, Arc<dyn Engine>>,
}

impl Engines {
    /// Adds an engine under a name; a second one of the same name takes its place.
    pub fn with(mut self, name: &str, engine: Arc<dyn Engine>) -> Self {
        self.by_name.insert(name.to_owned(), engine);
        self
    }

    /// The engine of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Engine>> {
        self.by_name.get(name)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}
