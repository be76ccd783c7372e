//! The seam of what thinks: asked only when nothing in memory may be reused.
//!
//! An engine proposes a decision and nothing more. It never acts on the world, never reads the cache, and never returns a default where
//! it has nothing to say: that is [`EngineFailure::Abstained`].

pub mod analytics;
pub mod numeric;
pub mod optimise;
pub mod planning;
pub mod steps;
pub mod trading;

use self::analytics::Analytics;
use self::numeric::Numeric;
use self::planning::PlanMaker;
use self::steps::Steps;
use crate::domain::component::Role;
use crate::domain::deadline::Deadline;
use crate::domain::decision::Payload;
use crate::domain::field::FieldError;
use crate::domain::ids::{ComponentId, StrategyName, TenantId};
use crate::domain::market::{Instrument, Series};
use crate::domain::request::Market;
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use crate::domain::vector::UnitVector;
use async_trait::async_trait;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// The settings that all engines share.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Runs at one time, 1 to 1,024; more wait.
    pub runs_max: usize,
    /// Milliseconds that one run may take, 10 to 600,000, whether or not anybody still waits for it.
    pub budget_ms: u64,
    /// The trading engine.
    #[serde(default)]
    pub trading: trading::Config,
    /// The optimisation engine.
    #[serde(default)]
    pub optimise: optimise::Config,
    /// The numeric research engine.
    #[serde(default)]
    pub numeric: numeric::Config,
    /// The analytics engine.
    #[serde(default)]
    pub analytics: analytics::Config,
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// A [`FieldError`] for the first that is out of it.
    pub fn check(&self) -> Result<(), FieldError> {
        if !(1..=1_024).contains(&self.runs_max) {
            return Err(FieldError::new("/engine/runs_max", format!("{} is not 1 to 1,024", self.runs_max)));
        }
        if !(10..=600_000).contains(&self.budget_ms) {
            return Err(FieldError::new("/engine/budget_ms", format!("{} is not 10 to 600,000", self.budget_ms)));
        }
        self.optimise.check()?;
        self.numeric.check()?;
        self.analytics.check()?;
        self.trading.check()
    }
}

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
    /// The vector of the fresh text alone, by the service's embedder.
    pub fresh: UnitVector,
    /// The soft context that was chosen for the request, in the order of the strategy's slots; none of it is later than `as_of`.
    pub context: Vec<ContextText>,
    /// The state of the market that the caller sees, without its bars, which are in `history`.
    pub market: Market,
    /// What the question is about, the likeliest first: instruments that the request's tags name, that its text names, and that the
    /// parts of `market` name.
    pub instruments: Vec<Instrument>,
    /// Past prices of those instruments, as far as the request brings them along or the store holds them: only bars that had closed by
    /// `as_of`. An instrument of which nothing is known is not in it.
    pub history: BTreeMap<Instrument, Arc<Series>>,
    /// By when the engine must be done.
    pub deadline: Deadline,
    /// By when the caller who asked wants to hear.
    pub wanted_by: Deadline,
    /// Where it may tell what it does.
    pub steps: Steps,
}

/// A text of the soft context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextText {
    /// The id of its component.
    pub id: ComponentId,
    /// What it is for.
    pub role: Role,
    /// The text, in normal form.
    pub text: Arc<str>,
    /// The moment that it speaks of.
    pub as_of: Timestamp,
}

impl Question {
    /// The instrument that the decision is for, with what is known of its past: the likeliest of which something is known, else the
    /// likeliest.
    pub fn subject(&self) -> Option<(&Instrument, Option<&Arc<Series>>)> {
        let known = self.instruments.iter().find_map(|instrument| Some((instrument, Some(self.history.get(instrument)?))));
        known.or_else(|| self.instruments.first().map(|instrument| (instrument, None)))
    }
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

impl EngineFailure {
    /// The word for it in metrics.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Abstained { .. } => "abstained",
            Self::TimedOut => "timed_out",
            Self::Failed { .. } => "failed",
        }
    }

    /// What a caller is told.
    pub fn told(&self) -> String {
        match self {
            Self::Abstained { reason } => reason.clone(),
            Self::TimedOut => "the engine ran out of time".to_owned(),
            Self::Failed { .. } => "the engine failed".to_owned(),
        }
    }
}

/// What thinks.
#[async_trait]
pub trait Engine: Send + Sync + Debug {
    /// Decides, or says why not. The future may be dropped at any await point.
    async fn decide(&self, question: Question) -> Result<Payload, EngineFailure>;
}

/// The engines of a service by the names that strategies use. A strategy that names one which is not here is refused when the
/// configuration is checked.
#[derive(Debug, Clone, Default)]
pub struct Engines {
    by_name: BTreeMap<String, Arc<dyn Engine>>,
    plans: Option<Arc<dyn PlanMaker>>,
    numeric: Option<Arc<Numeric>>,
    analytics: Option<Arc<Analytics>>,
}

impl Engines {
    /// Adds an engine under a name; a second one of the same name takes its place.
    pub fn with(mut self, name: &str, engine: Arc<dyn Engine>) -> Self {
        self.by_name.insert(name.to_owned(), engine);
        self
    }

    /// Adds what makes plans.
    #[must_use]
    pub fn with_plans(mut self, maker: Arc<dyn PlanMaker>) -> Self {
        self.plans = Some(maker);
        self
    }

    /// Adds the numeric research engine.
    #[must_use]
    pub fn with_numeric(mut self, numeric: Arc<Numeric>) -> Self {
        self.numeric = Some(Arc::clone(&numeric));
        self.with(numeric::NAME, numeric)
    }

    /// Adds the analytics engine.
    #[must_use]
    pub fn with_analytics(mut self, analytics: Arc<Analytics>) -> Self {
        self.analytics = Some(Arc::clone(&analytics));
        self.with(analytics::NAME, analytics)
    }

    /// The analytics engine, where it is here.
    pub fn analytics(&self) -> Option<&Arc<Analytics>> {
        self.analytics.as_ref()
    }

    /// The numeric research engine, where it is here.
    pub fn numeric(&self) -> Option<&Arc<Numeric>> {
        self.numeric.as_ref()
    }

    /// What makes plans, where there is such a thing.
    pub fn plans(&self) -> Option<&Arc<dyn PlanMaker>> {
        self.plans.as_ref()
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
