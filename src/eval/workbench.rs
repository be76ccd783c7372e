//! Pipelines in memory over one embedder, each empty and with floors of its own.

use super::oracle::{self, Oracle};
use crate::app::{App, Parts, StartError, near_or_beside_the_program};
use crate::budget::ledger::BudgetState;
use crate::compose::composed_dim;
use crate::config::Config;
use crate::decide::{Budgets, ComponentError, DecideError, Decider, Forget, NewComponent, NewEntry, RememberError, Strategies};
use crate::domain::answer::{Answer, Outcome, Path};
use crate::domain::calibration::Calibration;
use crate::domain::component::ModelRef;
use crate::domain::deadline::Deadline;
use crate::domain::decision::Payload;
use crate::domain::entry::{Provenance, Validity};
use crate::domain::ids::{ComponentId, EntryId, TenantId};
use crate::domain::projection::Projection;
use crate::domain::request::{Allow, Caller, Request};
use crate::domain::strategy::{Strategy, Thresholds};
use crate::domain::text::{FreshText, TextHash};
use crate::domain::time::{Clock, Timestamp};
use crate::domain::vector::UnitVector;
use crate::embed::{self, DocumentEmbedding, EmbedError, EmbedStats, Embedder, Embedding};
use crate::engine::{Engine, Engines};
use crate::facts::Lexicon;
use crate::store::{self, StoreError};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Longer than any text takes: an evaluation asks what is right, and a slow machine must not change the answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The pipeline can't be put together.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The embedder can't be opened.
    #[error(transparent)]
    Embed(#[from] embed::OpenError),
    /// A text can't be embedded.
    #[error(transparent)]
    Text(#[from] EmbedError),
    /// A request could not be answered.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// A decision could not be remembered.
    #[error(transparent)]
    Remember(#[from] RememberError),
    /// A component could not be written.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The memory of a run failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pipeline is still in use where it must not be.
    #[error("the pipeline is in use")]
    InUse,
    /// There is nothing to evaluate.
    #[error("{0}")]
    NoData(String),
}

impl EvalError {
    /// Whether the model makes nothing of a text, which is the text's fault alone.
    pub(super) fn is_unembeddable_text(&self) -> bool {
        matches!(
            self,
            Self::Decide(DecideError::Embed(EmbedError::TextNotEmbeddable { .. }))
                | Self::Remember(RememberError::Decide(DecideError::Embed(EmbedError::TextNotEmbeddable { .. })))
                | Self::Text(EmbedError::TextNotEmbeddable { .. })
        )
    }
}

/// An embedder that embeds no text twice. The first time is the model's own, so latencies of a first run are real.
#[derive(Debug)]
struct Remembering {
    inner: Arc<dyn Embedder>,
    texts: Mutex<HashMap<TextHash, Embedding>>,
    documents: Mutex<HashMap<TextHash, DocumentEmbedding>>,
}

#[async_trait]
impl Embedder for Remembering {
    fn model(&self) -> &ModelRef {
        self.inner.model()
    }

    fn dim(&self) -> usize {
        self.inner.dim()
    }

    async fn embed(&self, text: &FreshText, deadline: Deadline) -> Result<Embedding, EmbedError> {
        let hash = text.hash();
        let known = self.texts.lock().get(&hash).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let embedded = self.inner.embed(text, deadline).await?;
        self.texts.lock().insert(hash, embedded.clone());
        Ok(embedded)
    }

    async fn embed_document(&self, text: &FreshText, deadline: Deadline) -> Result<DocumentEmbedding, EmbedError> {
        let hash = text.hash();
        let known = self.documents.lock().get(&hash).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let embedded = self.inner.embed_document(text, deadline).await?;
        self.documents.lock().insert(hash, embedded.clone());
        Ok(embedded)
    }

    fn stats(&self) -> EmbedStats {
        self.inner.stats()
    }

    fn close(&self) {
        self.inner.close();
    }
}

/// One embedder and one strategy, from which pipelines are made.
#[derive(Debug)]
pub struct Workbench {
    config: Config,
    embedder: Arc<Remembering>,
    strategy: Arc<Strategy>,
    calibration: Option<Arc<Calibration>>,
    projection: Option<Arc<Projection>>,
}

impl Workbench {
    /// Opens the embedder of the configuration and reads its default strategy.
    ///
    /// # Errors
    /// [`EvalError`], which says what to do.
    pub fn open(config: &Config) -> Result<Self, EvalError> {
        let mut embed_config = config.embed.clone();
        embed_config.runtime_dir = near_or_beside_the_program(&embed_config.runtime_dir);
        Self::with_embedder(config, embed::open(&embed_config)?)
    }

    /// The same over an embedder that is open already.
    ///
    /// # Errors
    /// [`EvalError`] where the strategies can't be read.
    pub fn with_embedder(config: &Config, embedder: Arc<dyn Embedder>) -> Result<Self, EvalError> {
        let strategies = crate::app::read_strategies(&config.strategies, &crate::app::ENGINES)?;
        let strategy = Arc::clone(strategies.named(&strategies.default)?);
        let calibration = strategies.calibrations.get(&strategy.name).cloned();
        let projection = strategies.projections.get(&strategy.name).cloned();
        Ok(Self { calibration, projection, ..Self::new(config, embedder, strategy) })
    }

    /// The same for a strategy that was read already, without a calibration.
    pub fn new(config: &Config, embedder: Arc<dyn Embedder>, strategy: Arc<Strategy>) -> Self {
        let embedder = Remembering { inner: embedder, texts: Mutex::default(), documents: Mutex::default() };
        Self { config: config.clone(), embedder: Arc::new(embedder), strategy, calibration: None, projection: None }
    }

    /// Another strategy over the same embedder and what it remembers.
    #[must_use]
    pub fn with_strategy(&self, strategy: Strategy, calibration: Option<Calibration>) -> Self {
        let (config, embedder) = (self.config.clone(), Arc::clone(&self.embedder));
        let projection = calibration.as_ref().and_then(|learnt| learnt.projection.clone());
        Self { config, embedder, strategy: Arc::new(strategy), calibration: calibration.map(Arc::new), projection }
    }

    /// The same strategy without a calibration, whose composed vectors lose dimensions.
    #[must_use]
    pub fn with_projection(&self, projection: Projection) -> Self {
        Self { projection: Some(Arc::new(projection)), ..self.with_strategy((*self.strategy).clone(), None) }
    }

    /// By what composed vectors lose dimensions; `None` where they keep them all.
    pub fn projection(&self) -> Option<&Arc<Projection>> {
        self.projection.as_ref()
    }

    /// How many dimensions a composed vector has.
    pub fn composed_dim(&self) -> usize {
        let whole = composed_dim(self.strategy.composition, self.strategy.slots.len(), self.embedder.dim());
        self.projection.as_ref().map_or(whole, |projection| projection.to)
    }

    /// The strategy that is evaluated.
    pub fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// The model that embeds.
    pub fn model(&self) -> &ModelRef {
        self.embedder.model()
    }

    /// The words of the fact gate, as the pipeline reads them.
    ///
    /// # Errors
    /// [`EvalError::Start`].
    pub fn lexicon(&self) -> Result<Lexicon, EvalError> {
        Ok(crate::app::read_lexicon(&self.config.facts).map_err(StartError::from)?)
    }

    /// The vector of a fresh text, embedded at most once.
    ///
    /// # Errors
    /// [`EvalError::Text`].
    pub async fn vector(&self, text: &FreshText) -> Result<UnitVector, EvalError> {
        Ok(self.embedder.embed(text, Deadline::after(PATIENCE)).await?.vector)
    }

    /// The vector of a text written ahead, embedded at most once.
    ///
    /// # Errors
    /// [`EvalError::Text`].
    pub async fn document(&self, text: &FreshText) -> Result<UnitVector, EvalError> {
        Ok(self.embedder.embed_document(text, Deadline::after(PATIENCE)).await?.vector)
    }

    /// An empty pipeline of the strategy with other floors, whose clock stands at `start`.
    ///
    /// # Errors
    /// [`EvalError`] where it can't be put together.
    pub async fn pipeline(&self, floors: Thresholds, start: Timestamp) -> Result<Pipeline, EvalError> {
        let strategy = Strategy { thresholds: floors, ..(*self.strategy).clone() };
        self.pipeline_of(strategy, start, None).await
    }

    /// An empty pipeline of the strategy as it is given, whose clock stands at `start`. With a seed for its lots it has an engine too, which
    /// decides as it is told, so that an error budget learns from it as it would from the engine of a service.
    ///
    /// # Errors
    /// [`EvalError`] where it can't be put together.
    pub async fn pipeline_of(
        &self,
        mut strategy: Strategy,
        start: Timestamp,
        engine_seed: Option<u64>,
    ) -> Result<Pipeline, EvalError> {
        let oracle = engine_seed.map(|_| Arc::<Oracle>::default());
        let engines = match &oracle {
            Some(oracle) => Engines::default().with(oracle::NAME, Arc::clone(oracle) as Arc<dyn Engine>),
            None => Engines::default(),
        };
        if oracle.is_some() {
            strategy.engine = Some(oracle::NAME.to_owned());
        } else if strategy.triages() {
            // No engine is here that triage could find.
            strategy.engine = None;
        }
        let mut pipeline = self.put_together(strategy, engines, start).await?;
        if let Some(seed) = engine_seed {
            let decider = Arc::get_mut(&mut pipeline.decider).ok_or(EvalError::InUse)?;
            decider.budgets = Budgets::new(decider.strategies.calibrations.clone()).seeded(seed);
        }
        Ok(Pipeline { oracle, ..pipeline })
    }

    /// An empty pipeline of the strategy as it is given with the engines that serve, whose clock stands at `start`.
    ///
    /// # Errors
    /// [`EvalError`] where it can't be put together.
    pub async fn pipeline_with_engines(&self, strategy: Strategy, start: Timestamp) -> Result<Pipeline, EvalError> {
        let embedder: Arc<dyn Embedder> = Arc::<Remembering>::clone(&self.embedder);
        let engines = crate::app::engines(&self.config, &embedder)?;
        let pipeline = self.put_together(strategy, engines, start).await?;
        Ok(Pipeline { allow: Allow::Engine, ..pipeline })
    }

    async fn put_together(&self, strategy: Strategy, engines: Engines, start: Timestamp) -> Result<Pipeline, EvalError> {
        let clock = Clock::manual(start);
        let parts = Parts {
            embedder: Arc::clone(&self.embedder) as Arc<dyn Embedder>,
            store: store::in_memory(clock.clone()),
            search: None,
            graphs: None,
            engines,
            clock,
        };
        let strategy = Arc::new(strategy);
        let name = strategy.name.clone();
        let strategies = Strategies {
            by_name: [(name.clone(), Arc::clone(&strategy))].into(),
            calibrations: self.calibration.iter().map(|learnt| (name.clone(), Arc::clone(learnt))).collect(),
            projections: self.projection.iter().map(|projection| (name.clone(), Arc::clone(projection))).collect(),
            examples: BTreeMap::new(),
            default: name,
        };
        let app = App::with_strategies(&self.config, parts, strategies).await?;
        let caller = Caller::trusted(TenantId::default_tenant());
        Ok(Pipeline { decider: app.decider, strategy, caller, oracle: None, allow: Allow::Slow })
    }
}

/// What one row asks.
#[derive(Debug, Clone)]
pub struct Question {
    /// The fresh text.
    pub text: FreshText,
    /// The moment that it speaks of.
    pub as_of: Timestamp,
    /// By what soft context is chosen.
    pub tags: Vec<String>,
    /// Soft context by id.
    pub context: Vec<ComponentId>,
}

/// The pipeline that serves, in memory and with a clock that follows the data.
#[derive(Debug)]
pub struct Pipeline {
    /// The pipeline itself.
    pub decider: Arc<Decider>,
    /// The strategy with the floors of this run.
    pub strategy: Arc<Strategy>,
    caller: Caller,
    oracle: Option<Arc<Oracle>>,
    allow: Allow,
}

impl Pipeline {
    /// For whom it runs.
    pub fn tenant(&self) -> &TenantId {
        &self.caller.tenant
    }

    /// Moves the clock to `now`, never backwards.
    pub fn move_clock(&self, now: Timestamp) {
        let ahead = now.millis_since(self.decider.clock.now());
        self.decider.clock.advance_millis(ahead.max(0));
    }

    /// The request that a question becomes.
    pub fn request(&self, question: &Question) -> Request {
        Request {
            as_of_now: false,
            tags: question.tags.clone(),
            context: question.context.clone(),
            allow: if self.oracle.is_some() { Allow::Engine } else { self.allow },
            pending: false,
            ..Request::plain(question.text.clone(), self.strategy.name.clone(), question.as_of, Deadline::after(PATIENCE))
        }
    }

    /// Tells the engine, where there is one, what it is to decide from now on.
    pub fn expect(&self, right: &Payload) {
        if let Some(oracle) = &self.oracle {
            oracle.tell(right.clone());
        }
    }

    /// Asks memory. What an engine decided in its place is taken for the abstention that it would be without one; what is learnt from it
    /// is learnt when this returns.
    ///
    /// # Errors
    /// [`EvalError::Decide`].
    pub async fn ask(&self, question: &Question) -> Result<Answer, EvalError> {
        let mut answer = self.decider.decide(&self.caller, &self.request(question)).await?.answer;
        self.decider.settled().await;
        if answer.path == Path::Engine {
            (answer.outcome, answer.decision) = (Outcome::Abstained, None);
        }
        Ok(answer)
    }

    /// The vector that a question is composed to.
    ///
    /// # Errors
    /// [`EvalError::Decide`].
    pub async fn composed(&self, question: &Question) -> Result<UnitVector, EvalError> {
        Ok(self.decider.composed(self.tenant(), &self.request(question)).await?)
    }

    /// Asks as a caller would, and takes what an engine decides for what it is.
    ///
    /// # Errors
    /// [`EvalError::Decide`].
    pub async fn answer(&self, question: &Question) -> Result<Answer, EvalError> {
        Ok(self.decider.decide(&self.caller, &self.request(question)).await?.answer)
    }

    /// How it stands with the error budget; `None` where none is in force.
    pub fn budget_state(&self) -> Option<BudgetState> {
        self.decider.budget_state(self.tenant(), &self.strategy)
    }

    /// Remembers a decision, as an engine's would be.
    ///
    /// # Errors
    /// [`EvalError::Remember`].
    pub async fn remember(&self, question: &Question, decision: Payload) -> Result<EntryId, EvalError> {
        let new = NewEntry {
            text: question.text.clone(),
            decision,
            strategy: self.strategy.name.clone(),
            as_of: question.as_of,
            ttl_sec: None,
            tags: question.tags.clone(),
            context: question.context.clone(),
            validity: Validity::default(),
            provenance: Provenance::Engine,
        };
        let stored = self.decider.prepare(self.tenant(), new, Deadline::after(PATIENCE)).await?;
        let id = stored.entry.id;
        self.decider.remember(vec![stored]).await?;
        Ok(id)
    }

    /// Forgets an entry.
    ///
    /// # Errors
    /// [`EvalError::Store`].
    pub async fn forget(&self, id: EntryId) -> Result<(), EvalError> {
        let filter = Forget { ids: Some([id].into()), ..Forget::default() };
        self.decider.forget(self.tenant(), filter).await?;
        Ok(())
    }

    /// Writes a component, unless it is there already.
    ///
    /// # Errors
    /// [`EvalError::Component`].
    pub async fn write_component(&self, new: NewComponent) -> Result<(), EvalError> {
        if self.decider.embeddings.own_component(self.tenant(), &new.id).is_none() {
            let component = self.decider.embed_component(self.tenant(), new, Deadline::after(PATIENCE)).await?;
            self.decider.put_components(vec![component]).await?;
        }
        Ok(())
    }
}
