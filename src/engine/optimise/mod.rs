//! The optimisation engine: a question becomes a model, the model a plan that a person approves.
//!
//! The words are read by templates ([`words`]); where none fits, a language model may write the model ([`prompt`]), which is told. What is
//! missing is asked for. Nothing here acts on the world: a plan is a proposal.

mod prompt;
pub mod templates;
pub mod words;

use self::templates::Catalogue;
use self::words::{NotRead, Words};
use super::{Engine, EngineFailure, Question};
use crate::domain::deadline::Deadline;
use crate::domain::decision::{Decision, Payload, Plan};
use crate::domain::field::FieldError;
use crate::domain::plan::PlanReport;
use crate::domain::text::FreshText;
use crate::domain::vector::UnitVector;
use crate::embed::Embedder;
use crate::llm::ChatModel;
use crate::solver::Cancel;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{timeout, timeout_at};

/// The name under which strategies ask for it.
pub const NAME: &str = "optimise";

/// How long the samples of the templates may take to embed, once.
const EMBEDDED_WITHIN: Duration = Duration::from_secs(120);

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

/// A place of a model that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, as a JSON Pointer.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub detail: String,
}

/// Why there is no plan of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoPlan {
    /// The model is wrong.
    Wrong(Vec<Fault>),
    /// It took too long, or nobody waits for it any more.
    TimedOut,
    /// Something failed.
    Failed(String),
}

/// What makes plans of models.
pub trait Plans: Send + Sync + Debug {
    /// The JSON Schema of models.
    fn schema(&self) -> Value;

    /// Whether a model can be planned at all.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&self, model: &[u8]) -> Result<(), Vec<Fault>>;

    /// The plan of a model. Blocks its thread.
    ///
    /// # Errors
    /// [`NoPlan`]. That there is no solution is none: the report says so.
    fn plan(&self, model: &[u8], deadline: Deadline, cancel: &Cancel) -> Result<PlanReport, NoPlan>;
}

/// A question as a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Drafted {
    /// The model.
    pub model: Value,
    /// `template <id>` or `language model <name>`.
    pub by: String,
}

/// Why a question became no model.
#[derive(Debug, Clone, PartialEq)]
pub enum NotDrafted {
    /// It does not say enough, or says what is not understood.
    Asks(Box<NotRead>),
    /// Something else.
    Failed(EngineFailure),
}

/// The engine.
#[derive(Debug)]
pub struct Optimise {
    words: OnceCell<Words>,
    catalogue: Catalogue,
    embedder: Arc<dyn Embedder>,
    model: Option<Arc<dyn ChatModel>>,
    plans: Arc<dyn Plans>,
    room: Arc<Semaphore>,
}

impl Optimise {
    /// The engine over what makes plans, with a language model where there is one and the settings allow it.
    pub fn new(
        config: &Config,
        catalogue: Catalogue,
        embedder: Arc<dyn Embedder>,
        model: Option<Arc<dyn ChatModel>>,
        plans: Arc<dyn Plans>,
    ) -> Self {
        let model = model.filter(|_| config.ask_language_model);
        let room = Arc::new(Semaphore::new(config.plans_max));
        Self { words: OnceCell::new(), catalogue, embedder, model, plans, room }
    }

    /// The reader of questions; the first that asks has the samples of the templates embedded.
    async fn words(&self) -> &Words {
        let read = || async {
            let words = Words::new(self.catalogue.clone());
            let deadline = Deadline::after(EMBEDDED_WITHIN);
            let mut vectors = Vec::new();
            for sample in words.samples() {
                let Ok(text) = FreshText::new(sample) else {
                    vectors.push(None);
                    continue;
                };
                let embedded = self.embedder.embed_document(&text, deadline).await;
                vectors.push(embedded.ok().map(|embedding| embedding.vector));
            }
            let lost = vectors.iter().filter(|vector| vector.is_none()).count();
            if lost > 0 {
                tracing::warn!(lost, "samples of templates could not be embedded; their templates are known by fewer");
            }
            words.with_meanings(vectors)
        };
        self.words.get_or_init(read).await
    }

    /// The model that a question asks for: by a template, else by the language model.
    ///
    /// # Errors
    /// [`NotDrafted`], which says what the question lacks.
    pub async fn draft(&self, question: &str, fresh: Option<&UnitVector>, deadline: Deadline) -> Result<Drafted, NotDrafted> {
        let why = match self.words().await.read(question, fresh) {
            Ok(read) => return Ok(Drafted { model: read.model, by: format!("template {}", read.template) }),
            Err(why) => why,
        };
        // What only lacks something is asked back: a language model could but guess it.
        let only_lacks = why.template.is_some() && why.unread.is_empty();
        let Some(model) = self.model.as_ref().filter(|_| !only_lacks) else { return Err(NotDrafted::Asks(why)) };
        match prompt::write(&**model, question, &*self.plans, deadline).await {
            Ok(written) => {
                Ok(Drafted { model: written.model, by: format!("language model {}, prompt {}", written.by, prompt::VERSION) })
            }
            // What the templates lack is of more use to the caller than that the language model could not help.
            Err(EngineFailure::Abstained { .. } | EngineFailure::Failed { .. }) => Err(NotDrafted::Asks(why)),
            Err(failure) => Err(NotDrafted::Failed(failure)),
        }
    }

    /// The plan of a model, worked out on a thread of its own; given up where nobody waits for it any more.
    ///
    /// # Errors
    /// [`NoPlan`].
    pub async fn plan(&self, model: &Value, deadline: Deadline) -> Result<PlanReport, NoPlan> {
        let Ok(Ok(room)) = timeout(deadline.remaining(), Arc::clone(&self.room).acquire_owned()).await else {
            return Err(NoPlan::TimedOut);
        };
        let bytes = serde_json::to_vec(model).map_err(|error| NoPlan::Failed(error.to_string()))?;
        let (plans, cancel) = (Arc::clone(&self.plans), Cancel::default());
        let given_up = GivenUp(cancel.clone());
        let work = tokio::task::spawn_blocking(move || {
            let _room = room;
            plans.plan(&bytes, deadline, &cancel)
        });
        let done = timeout_at(deadline.at().into(), work).await;
        drop(given_up);
        match done {
            Ok(Ok(plan)) => plan,
            Ok(Err(error)) => Err(NoPlan::Failed(error.to_string())),
            Err(_) => Err(NoPlan::TimedOut),
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
        let drafted =
            self.draft(question.text.as_str(), Some(&question.fresh), question.deadline).await.map_err(|why| match why {
                NotDrafted::Asks(why) => EngineFailure::Abstained { reason: why.reason },
                NotDrafted::Failed(failure) => failure,
            })?;
        steps.tell("model", format!("written by {}", drafted.by));
        let report = self.plan(&drafted.model, question.deadline).await.map_err(|why| match why {
            NoPlan::TimedOut => EngineFailure::TimedOut,
            NoPlan::Failed(detail) => EngineFailure::Failed { detail },
            NoPlan::Wrong(faults) => {
                let told: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail)).collect();
                EngineFailure::Failed { detail: format!("the model that {} wrote is wrong: {}", drafted.by, told.join("; ")) }
            }
        })?;
        steps.tell("plan", format!("{:?} by {}", report.status, report.solver.name).to_lowercase());
        payload(report, drafted.model)
    }
}

/// The payload of a plan; what makes it too large to be kept is left out, the figure first.
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
