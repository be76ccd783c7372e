//! The seam of optimisation plans: a model in, a report out.
//!
//! Invariants:
//! - nothing here acts on the world: a plan is a proposal, and a person approves it;
//! - a report that came out was checked by something that knows nothing of the solver;
//! - whatever a model says, it is data: reading and planning end in a report or in a [`PlanFault`], never in harm to this process.

use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::plan::{Assumption, CheckReport, PlanReport};
use crate::domain::plan_record::PlanAsked;
use crate::solver::{Cancel, SolverError};
use async_trait::async_trait;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// What makes plans.
#[async_trait]
pub trait PlanMaker: Send + Sync + Debug {
    /// Reads and checks a model: an object in the model language, or a string in MPS. Blocks.
    ///
    /// # Errors
    /// [`PlanFault::Model`], with every place that is wrong.
    fn read(&self, model: &RawValue) -> Result<Arc<dyn ReadModel>, PlanFault>;

    /// Makes a model of words.
    ///
    /// # Errors
    /// [`PlanFault::Unclear`] where the words leave something open: it is asked for, never guessed.
    async fn model_of_words(&self, text: &str, deadline: Deadline) -> Result<Worded, PlanFault>;
}

/// A model that was read.
pub trait ReadModel: Send + Sync + Debug {
    /// A digest of its structure and its numbers, the same however it is spelt.
    fn intent_key(&self) -> [u8; 32];

    /// `lp`, `mip`, `convex` or `cp`.
    fn model_type(&self) -> &'static str;

    /// Makes a plan. Blocks until it is there.
    ///
    /// # Errors
    /// [`PlanFault`]. That a model has no solution is a report, and no fault.
    fn plan(&self, asked: &PlanAsked, run: &PlanRun) -> Result<PlanReport, PlanFault>;

    /// Holds a decision that somebody brings against the model. Blocks.
    ///
    /// # Errors
    /// [`PlanFault::Asked`] where the values are not those of its variables.
    fn check(&self, values: &BTreeMap<String, f64>, tolerance: f64) -> Result<CheckReport, PlanFault>;
}

/// One making of a plan.
#[derive(Debug, Clone)]
pub struct PlanRun {
    /// By when it has to be there.
    pub deadline: Deadline,
    /// Tells that nobody waits for it any more.
    pub cancel: Cancel,
    /// Whether the decision alone is wanted, without what re-solving says of it.
    pub decision_alone: bool,
}

/// A model that was made of words.
#[derive(Debug, Clone)]
pub struct Worded {
    /// The model, in the model language.
    pub model: Arc<RawValue>,
    /// What it is about.
    pub title: Option<String>,
    /// What was assumed beside what the words say.
    pub assumptions: Vec<Assumption>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    /// The model is wrong in these places; pointers are into the model.
    #[error("the model can't be used: {}", first(.0))]
    Model(Vec<FieldError>),
    /// What was asked beside the model is wrong; pointers are into the request.
    #[error("the question can't be used: {}", first(.0))]
    Asked(Vec<FieldError>),
    /// The words leave these things open.
    #[error("the words leave something open: {}", first(.0))]
    Unclear(Vec<FieldError>),
    /// The solver gave no solution.
    #[error(transparent)]
    Solver(#[from] SolverError),
    /// What the solver gave does not hold the caller's own constraints.
    #[error("the solver's values were refused by the checker: {0}")]
    NotVerified(String),
    /// The time was over.
    #[error("there was no time left for it")]
    TooLate,
}

fn first(errors: &[FieldError]) -> String {
    match errors {
        [] => "it is not understood".to_owned(),
        [one] => one.to_string(),
        [one, rest @ ..] => format!("{one} (and {} more)", rest.len()),
    }
}

/// The word for how a run of a solver ended that gave no solution.
pub fn outcome(error: &SolverError) -> &'static str {
    match error {
        SolverError::Refused(_) => "refused",
        SolverError::Missing { .. } => "missing",
        SolverError::OutOfMemory { .. } => "out_of_memory",
        SolverError::TimedOut(_) => "timed_out",
        SolverError::Cancelled => "cancelled",
        SolverError::Busy => "busy",
        SolverError::Failed(_) => "failed",
    }
}
