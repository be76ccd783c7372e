//! What makes plans for the doors: the model language, the planner and the reading of words, put together.

use super::planner::{Asked, ParameterChange, PlanError, Planner};
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::plan::{CheckReport, PlanReport};
use crate::domain::plan_record::PlanAsked;
use crate::engine::planning::{PlanFault, PlanMaker, PlanRun, ReadModel, Worded};
use crate::modelling::{Model, ModelError, mps};
use crate::solver::program::Class;
use crate::solver::{Limits, SolverError};
use async_trait::async_trait;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// What reads a question in words.
#[async_trait]
pub trait Drafter: Send + Sync + Debug {
    /// The model of a question.
    ///
    /// # Errors
    /// [`PlanFault::Unclear`] where the words leave something open.
    async fn draft(&self, text: &str, deadline: Deadline) -> Result<Worded, PlanFault>;
}

/// Makes plans.
#[derive(Debug)]
pub struct Maker {
    planner: Planner,
    limits: Limits,
    words: Option<Arc<dyn Drafter>>,
}

#[derive(Debug)]
struct Prepared {
    model: Model,
    planner: Planner,
    limits: Limits,
}

impl Maker {
    /// A maker whose solves go as far as `limits` where nobody says less.
    pub fn new(planner: Planner, limits: Limits) -> Self {
        Self { planner, limits, words: None }
    }

    /// The same, which reads words as well.
    #[must_use]
    pub fn with_words(mut self, words: Arc<dyn Drafter>) -> Self {
        self.words = Some(words);
        self
    }
}

#[async_trait]
impl PlanMaker for Maker {
    fn read(&self, model: &RawValue) -> Result<Arc<dyn ReadModel>, PlanFault> {
        let json = model.get();
        let model = if json.starts_with('"') {
            let wrong = |detail: String| PlanFault::Model(vec![FieldError::new("", detail)]);
            let text: String = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
            Model::from_program(mps::read(text.as_bytes()).map_err(|error| wrong(error.to_string()))?)
        } else {
            Model::parse(json.as_bytes()).map_err(|errors| PlanFault::Model(placed(errors)))?
        };
        Ok(Arc::new(Prepared { model, planner: self.planner.clone(), limits: self.limits }))
    }

    async fn model_of_words(&self, text: &str, deadline: Deadline) -> Result<Worded, PlanFault> {
        match &self.words {
            Some(words) => words.draft(text, deadline).await,
            None => {
                let detail = "this service reads no questions in words: send the model";
                Err(PlanFault::Asked(vec![FieldError::new("/text", detail)]))
            }
        }
    }
}

impl ReadModel for Prepared {
    fn intent_key(&self) -> [u8; 32] {
        self.model.intent_key()
    }

    fn model_type(&self) -> &'static str {
        match self.model.class() {
            Class::Lp => "lp",
            Class::Mip => "mip",
            Class::Convex => "convex",
            Class::Cp => "cp",
        }
    }

    fn plan(&self, asked: &PlanAsked, run: &PlanRun) -> Result<PlanReport, PlanFault> {
        let asked = self.asked(asked, run.decision_alone);
        self.planner.plan(&self.model, &asked, run.deadline, &run.cancel).map_err(PlanFault::from)
    }

    fn check(&self, values: &BTreeMap<String, f64>, tolerance: f64) -> Result<CheckReport, PlanFault> {
        self.model.check(values, tolerance).map_err(|errors| PlanFault::Asked(placed(errors)))
    }
}

impl Prepared {
    fn asked(&self, asked: &PlanAsked, decision_alone: bool) -> Asked {
        let time = asked.limits.time_ms.map_or(self.limits.time, Duration::from_millis);
        let limits = Limits {
            time: time.min(self.limits.time),
            memory_bytes: self.limits.memory_bytes,
            nodes: asked.limits.nodes,
            gap: asked.limits.gap.unwrap_or(self.limits.gap),
        };
        let (mut alternatives, mut sensitivity) = (Vec::new(), Vec::new());
        if !decision_alone {
            alternatives.extend(asked.alternatives.iter().map(|other| (other.name.clone(), other.values.clone())));
            sensitivity.extend(asked.sensitivity.iter().map(|c| ParameterChange { parameter: c.parameter.clone(), to: c.to }));
        }
        let (title, assumptions) = (asked.title.clone(), asked.assumptions.clone());
        Asked { title, alternatives, sensitivity, assumptions, limits, explained: !decision_alone }
    }
}

/// The errors of a model as doors tell them: the place in an expression is in the words.
fn placed(errors: Vec<ModelError>) -> Vec<FieldError> {
    let told = |error: ModelError| {
        let detail = match &error.at {
            Some(at) if at.end > at.start + 1 => format!("{} (characters {} to {})", error.detail, at.start + 1, at.end),
            Some(at) => format!("{} (character {})", error.detail, at.start + 1),
            None => error.detail,
        };
        FieldError { pointer: error.pointer, detail }
    };
    errors.into_iter().map(told).collect()
}

impl From<PlanError> for PlanFault {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Model(errors) => Self::Model(placed(errors)),
            PlanError::Asked(error) => Self::Asked(vec![error]),
            PlanError::Solver(error) => Self::Solver(error),
            PlanError::Refused { detail, .. } => Self::NotVerified(detail),
            PlanError::Late => Self::TooLate,
            PlanError::Cancelled => Self::Solver(SolverError::Cancelled),
        }
    }
}
