//! From a question to a model: by a template, else by a language model where there is one.

use super::Config;
use super::maker::Drafter;
use super::prompt;
use super::templates::Catalogue;
use super::words::{NotRead, Words};
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::plan::MissingSlot;
use crate::domain::text::FreshText;
use crate::domain::vector::UnitVector;
use crate::embed::Embedder;
use crate::engine::EngineFailure;
use crate::engine::planning::{PlanFault, Worded};
use crate::llm::ChatModel;
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long the samples of the templates may take to embed, once.
const EMBEDDED_WITHIN: Duration = Duration::from_secs(120);

/// What reads questions.
#[derive(Debug)]
pub struct Drafts {
    words: OnceCell<Words>,
    catalogue: Catalogue,
    embedder: Arc<dyn Embedder>,
    model: Option<Arc<dyn ChatModel>>,
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

impl Drafts {
    /// A reader that knows these templates by what they mean to this embedder, with a language model where there is one and the settings
    /// allow it.
    pub fn new(config: &Config, catalogue: Catalogue, embedder: Arc<dyn Embedder>, model: Option<Arc<dyn ChatModel>>) -> Self {
        Self { words: OnceCell::new(), catalogue, embedder, model: model.filter(|_| config.ask_language_model) }
    }

    /// The reader by templates; the first that asks has their samples embedded.
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

    /// The vector of a question that brings none.
    async fn meaning(&self, question: &str, deadline: Deadline) -> Option<UnitVector> {
        let text = FreshText::new(question).ok()?;
        self.embedder.embed_document(&text, deadline).await.ok().map(|embedding| embedding.vector)
    }

    /// The model that a question asks for.
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
        match prompt::write(&**model, question, deadline).await {
            Ok(written) => {
                Ok(Drafted { model: written.model, by: format!("language model {}, prompt {}", written.by, prompt::VERSION) })
            }
            // What the templates lack is of more use to the caller than that the language model could not help.
            Err(EngineFailure::Abstained { .. } | EngineFailure::Failed { .. }) => Err(NotDrafted::Asks(why)),
            Err(failure) => Err(NotDrafted::Failed(failure)),
        }
    }
}

#[async_trait]
impl Drafter for Drafts {
    async fn draft(&self, text: &str, deadline: Deadline) -> Result<Worded, PlanFault> {
        let meaning = self.meaning(text, deadline).await;
        let drafted = Self::draft(self, text, meaning.as_ref(), deadline).await.map_err(|why| match why {
            NotDrafted::Asks(why) => PlanFault::Unclear(open(&why)),
            NotDrafted::Failed(EngineFailure::TimedOut) => PlanFault::TooLate,
            NotDrafted::Failed(failure) => PlanFault::Unclear(vec![FieldError::new("/text", failure.told())]),
        })?;
        let wrong = |error: serde_json::Error| PlanFault::Unclear(vec![FieldError::new("/text", error.to_string())]);
        let model = serde_json::value::to_raw_value(&drafted.model).map_err(wrong)?;
        // Title and assumptions are in the model already.
        Ok(Worded { model: model.into(), title: None, assumptions: Vec::new() })
    }
}

/// What a question leaves open: each slot that is missing by its name, and each part that was not understood.
fn open(why: &NotRead) -> Vec<FieldError> {
    let slot = |missing: &MissingSlot| {
        FieldError::new(format!("/text/{}", missing.slot), format!("{} For instance: \"{}\"", missing.question, missing.example))
    };
    let part = |part: &String| FieldError::new("/text", format!("this was not understood and is not to be left out: \"{part}\""));
    let all: Vec<FieldError> = why.missing.iter().map(slot).chain(why.unread.iter().map(part)).collect();
    if all.is_empty() { vec![FieldError::new("/text", why.reason.clone())] } else { all }
}
