//! The optimisation engine: a question becomes a model, the model a plan that a person approves.
//!
//! The words are read by templates ([`words`]); where none fits, a language model may write the model, which is told ([`drafts`]). What is
//! missing is asked for. Nothing here acts on the world: a plan is a proposal.

pub mod counted;
pub mod drafts;
pub mod maker;
pub mod planner;
mod prompt;
pub mod templates;
#[cfg(test)]
mod tests;
pub mod words;

use self::drafts::{Drafts, NotDrafted};
use self::templates::Catalogue;
use super::planning::{PlanFault, PlanMaker, PlanRun};
use super::{Engine, EngineFailure, Question};
use crate::domain::deadline::Deadline;
use crate::domain::decision::{Decision, Payload, Plan};
use crate::domain::field::FieldError;
use crate::domain::plan::PlanReport;
use crate::domain::plan_record::PlanAsked;
use crate::solver::{Cancel, SolverError};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::{timeout, timeout_at};

/// The name under which strategies ask for it.
pub const NAME: &str = "optimise";

/// The settings of the optimisation engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Plans that are worked out at one time, 1 to 256; more wait.
    pub plans_max: usize,
    /// Whether a language model writes the model where no template fits and there is one.
    pub ask_language_model: bool,
    /// Files of further templates.
    pub templates: Vec<PathBuf>,
    /// Files of further glossaries.
    pub glossary: Vec<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self { plans_max: 2, ask_language_model: true, templates: Vec::new(), glossary: Vec::new() }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// A [`FieldError`] for the first that is out of it.
    pub fn check(&self) -> Result<(), FieldError> {
        if !(1..=256).contains(&self.plans_max) {
            return Err(FieldError::new("/engine/optimise/plans_max", format!("{} is not 1 to 256", self.plans_max)));
        }
        Ok(())
    }

    /// The templates and the glossary that are compiled in, with those of the files; a relative file is found by `near`.
    ///
    /// # Errors
    /// A [`FieldError`] that names the file.
    pub fn catalogue(&self, near: impl Fn(&Path) -> PathBuf) -> Result<Catalogue, FieldError> {
        let mut catalogue = Catalogue::built_in()?;
        let read = |file: &PathBuf| {
            let text = std::fs::read_to_string(near(file));
            text.map_err(|error| FieldError::new(format!("/{}", file.display()), error.to_string()))
        };
        for file in &self.glossary {
            catalogue.know(&file.display().to_string(), &read(file)?)?;
        }
        for file in &self.templates {
            catalogue.add(&file.display().to_string(), &read(file)?)?;
        }
        Ok(catalogue)
    }
}

/// The engine.
#[derive(Debug)]
pub struct Optimise {
    drafts: Arc<Drafts>,
    maker: Arc<dyn PlanMaker>,
    room: Arc<Semaphore>,
}

impl Optimise {
    /// The engine over what reads questions and what makes plans.
    pub fn new(config: &Config, drafts: Arc<Drafts>, maker: Arc<dyn PlanMaker>) -> Self {
        Self { drafts, maker, room: Arc::new(Semaphore::new(config.plans_max)) }
    }

    /// The plan of a model, worked out on a thread of its own; given up where nobody waits for it any more.
    async fn plan(&self, model: &Value, deadline: Deadline) -> Result<PlanReport, PlanFault> {
        let Ok(Ok(room)) = timeout(deadline.remaining(), Arc::clone(&self.room).acquire_owned()).await else {
            return Err(PlanFault::TooLate);
        };
        let failed = |detail: String| PlanFault::Solver(SolverError::Failed(detail));
        let model: Box<RawValue> = serde_json::value::to_raw_value(model).map_err(|error| failed(error.to_string()))?;
        let (maker, cancel) = (Arc::clone(&self.maker), Cancel::default());
        let given_up = GivenUp(cancel.clone());
        let work = tokio::task::spawn_blocking(move || {
            let _room = room;
            let run = PlanRun { deadline, cancel, decision_alone: false };
            maker.read(&model)?.plan(&PlanAsked::default(), &run)
        });
        let done = timeout_at(deadline.at().into(), work).await;
        drop(given_up);
        match done {
            Ok(Ok(plan)) => plan,
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(PlanFault::TooLate),
        }
    }
}

/// Cancels a solve once it is dropped.
struct GivenUp(Cancel);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[async_trait]
impl Engine for Optimise {
    async fn decide(&self, question: Question) -> Result<Payload, EngineFailure> {
        let steps = &question.steps;
        let drafted = self.drafts.draft(question.text.as_str(), Some(&question.fresh), question.deadline).await;
        let drafted = drafted.map_err(|why| match why {
            NotDrafted::Asks(why) => EngineFailure::Abstained { reason: why.reason },
            NotDrafted::Failed(failure) => failure,
        })?;
        steps.tell("model", format!("written by {}", drafted.by));
        let report = self.plan(&drafted.model, question.deadline).await.map_err(|fault| failure(fault, &drafted.by))?;
        steps.tell("plan", format!("{:?} by {}", report.status, report.solver.name));
        payload(report, drafted.model)
    }
}

/// What a fault of planning means for who asked in words: that the model is wrong is no fault of theirs.
fn failure(fault: PlanFault, by: &str) -> EngineFailure {
    match fault {
        PlanFault::TooLate | PlanFault::Solver(SolverError::TimedOut(_) | SolverError::Cancelled) => EngineFailure::TimedOut,
        fault => EngineFailure::Failed { detail: format!("the model of {by}: {fault}") },
    }
}

/// The payload of a plan; what makes it too large to be kept is left out, the figure first.
///
/// # Errors
/// An abstention where it is too large all the same.
pub fn payload(mut report: PlanReport, model: Value) -> Result<Payload, EngineFailure> {
    let variables = report.decision.iter().map(|row| (row.variable.clone(), row.value)).collect();
    let (objective, summary) = (report.objective, report.text.clone());
    let mut plan = Plan { objective, variables, summary, plan_id: None, report: None, model: Some(Box::new(model)) };
    for attempt in 0..3 {
        match attempt {
            1 => report.chart = None,
            2 => plan.model = None,
            _ => {}
        }
        plan.report = Some(Box::new(report.clone()));
        if let Ok(payload) = Payload::new(&Decision::Plan(plan.clone())) {
            return Ok(payload);
        }
    }
    let reason = "the plan has more variables than an answer holds; POST /v1/plans keeps it whole".to_owned();
    Err(EngineFailure::Abstained { reason })
}
