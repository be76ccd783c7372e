//! Optimisation plans: asked for, found again, approved or rejected by people, made again.
//!
//! 1. exact: the same model with the same numbers was planned for this tenant before;
//! 2. engine: else it is made, once for all who ask the same at the same time, and stored before anybody is told.
//!
//! Invariants:
//! - what a caller was told of survives a kill: a plan that is there, one that is being made, and each change of its state;
//! - a plan answers nobody who asks with another number, and no other tenant;
//! - a plan that was approved or rejected stays as it is: who asks the same gets a draft of his own;
//! - nothing here acts on a plan, whatever its state.

mod ask;
mod fitted;
mod flights;
mod make;
mod replay;
mod review;
mod stored;

pub use ask::{PlanInput, PlanPath, PlanQuestion, Planned};
pub use replay::{Differs, Replayed};

use self::flights::Flights;
use super::QuotaReached;
use super::numeric::NumericError;
use crate::audit::{AuditError, AuditLog};
use crate::cache::plans::{PlanIndex, PlansFull};
use crate::domain::field::FieldError;
use crate::domain::ids::PlanId;
use crate::domain::plan_record::PlanState;
use crate::engine::planning::PlanFault;
use crate::limits::{MODELS_READ_AT_ONCE, TTL_SEC_MAX};
use crate::store::StoreError;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The settings of plans.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Plans that are made at one time, 1 to 256.
    pub runs_max: usize,
    /// Plans that may wait for their turn, up to 10,000; one more is refused.
    pub waiting_max: usize,
    /// Milliseconds that making one may take, 10 to 600,000, whether or not anybody still waits for it.
    pub budget_ms: u64,
    /// Seconds for which plans are kept, from 60; 0 keeps them for ever.
    pub retention_sec: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { runs_max: 2, waiting_max: 32, budget_ms: 120_000, retention_sec: 400 * 24 * 3_600 }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// A [`FieldError`] for the first that is out of it.
    pub fn check(&self) -> Result<(), FieldError> {
        let refuse = |name: &str, rule: String| Err(FieldError::new(format!("/{name}"), rule));
        if !(1..=256).contains(&self.runs_max) {
            return refuse("runs_max", format!("{} is not 1 to 256", self.runs_max));
        }
        if self.waiting_max > 10_000 {
            return refuse("waiting_max", format!("{} is more than 10,000", self.waiting_max));
        }
        if !(10..=600_000).contains(&self.budget_ms) {
            return refuse("budget_ms", format!("{} is not 10 to 600,000", self.budget_ms));
        }
        if self.retention_sec != 0 && !(60..=TTL_SEC_MAX).contains(&self.retention_sec) {
            return refuse("retention_sec", format!("it must be 60 to {TTL_SEC_MAX}, or 0 to keep plans for ever"));
        }
        Ok(())
    }

    fn budget(&self) -> Duration {
        Duration::from_millis(self.budget_ms)
    }

    fn ttl_sec(&self) -> Option<u64> {
        Some(self.retention_sec).filter(|seconds| *seconds > 0)
    }
}

/// What plans need, and those that are being made.
#[derive(Debug)]
pub struct Plans {
    /// What is known of them in memory.
    pub index: PlanIndex,
    config: Config,
    flights: Arc<Flights>,
    runs: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    audit: Arc<AuditLog>,
}

impl Plans {
    /// No plans yet.
    pub fn new(config: &Config, audit: Arc<AuditLog>) -> Self {
        Self {
            index: PlanIndex::default(),
            flights: Arc::default(),
            runs: Arc::new(Semaphore::new(config.runs_max)),
            reads: Arc::new(Semaphore::new(MODELS_READ_AT_ONCE)),
            audit,
            config: config.clone(),
        }
    }

    /// How many are being made or wait for their turn.
    pub fn under_way(&self) -> usize {
        self.flights.len()
    }

    /// Ends those that are being made, for a process that is about to end.
    pub fn give_up(&self) {
        self.flights.cancel_all();
    }
}

/// Why there is no plan, or no change of one.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PlansError {
    /// There is nothing that makes plans.
    #[error("this service has nothing that makes plans")]
    NoPlanner,
    /// There is no such plan.
    #[error("there is no plan {plan}, or it is past its age")]
    Unknown {
        /// The id that was given.
        plan: PlanId,
    },
    /// The plan is in a state that doesn't allow it.
    #[error("{detail}")]
    State {
        /// Which state that is.
        state: PlanState,
        /// Why that doesn't go.
        detail: String,
    },
    /// What was asked is wrong.
    #[error(transparent)]
    NotAllowed(#[from] FieldError),
    /// It could not be made.
    #[error(transparent)]
    Fault(#[from] PlanFault),
    /// As many are being made and wait as may be.
    #[error("as many plans are being made as may be at one time")]
    Busy,
    /// The deadline passed.
    #[error("the deadline of {deadline_ms} ms passed")]
    DeadlinePassed {
        /// How long the caller would wait.
        deadline_ms: u64,
    },
    /// A quota of the tenant is reached.
    #[error(transparent)]
    Quota(#[from] QuotaReached),
    /// There is no room for more plans.
    #[error(transparent)]
    Full(#[from] PlansFull),
    /// The report is too large to be kept.
    #[error("the report has {bytes} bytes, more than the {max} that can be kept")]
    TooLarge {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        max: usize,
    },
    /// A fitted value that the model refers to is not to be had.
    #[error(transparent)]
    Numeric(#[from] NumericError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was done, and is not in the audit trail.
    #[error("it was done, but its audit event could not be written: {0}")]
    Audit(#[from] AuditError),
    /// Something broke off.
    #[error("{detail}")]
    Broken {
        /// For the log.
        detail: String,
    },
}

impl PlansError {
    fn broken(detail: impl Into<String>) -> Self {
        Self::Broken { detail: detail.into() }
    }
}
