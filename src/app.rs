//! Putting the parts together: the only place that names implementations.

use crate::admission::Admission;
use crate::audit::{self, AuditLog};
use crate::cache::embedding::EmbeddingCache;
use crate::cache::market::MarketCache;
use crate::cache::semantic::SemanticCache;
use crate::config::{self, Config};
use crate::decide::analytics::{Analyst, Analysts};
use crate::decide::datasets::Datasets;
use crate::decide::numeric::{Counter, Research, Rows};
use crate::decide::plans::Plans;
use crate::decide::{
    Background, Budgets, Decider, Follow, NewComponent, Order, Recall, Recent, Restored, Shadows, Strategies, Thinking, Triages,
};
use crate::domain::calibration::Calibration;
use crate::domain::component::ModelRef;
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::domain::ids::{ComponentId, IdError, StrategyName, TenantId};
use crate::domain::strategy::{SlotSource, Strategy};
use crate::domain::text::{FreshText, TextError};
use crate::domain::time::{Clock, Timestamp};
use crate::embed::{self, EmbedError, Embedder};
use crate::engine::Engines;
use crate::engine::analytics::layer::LayerError;
use crate::engine::analytics::library::Library;
use crate::engine::analytics::{self, Analytics, Source};
use crate::engine::numeric::{self, Desk, Numeric};
use crate::engine::optimise::counted::Counted;
use crate::engine::optimise::drafts::Drafts;
use crate::engine::optimise::maker::Maker;
use crate::engine::optimise::planner::{self, Planner};
use crate::engine::optimise::{self, Optimise};
use crate::engine::planning::PlanMaker;
use crate::engine::trading::classifier::{Classifier, ClassifierError};
use crate::engine::trading::{self, Trading};
use crate::facts::{self, Lexicon, LexiconError};
use crate::index::server::{RediSearch, SearchError, ServerSearch, Where};
use crate::index::{Builder, IndexError};
use crate::limits::{EVENT_STREAMS_MAX, STRATEGIES_MAX};
use crate::llm;
use crate::redis::Address;
use crate::solver::{self, Limits};
use crate::store::generations::Generations;
use crate::store::{self, Backend, Store, StoreError, buckets};
use crate::tenant::{Rates, Tenants};
use crate::triage::{self, Example};
use crate::warehouse::{self, Opened};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The strategy that is compiled in, for a service that is started where no folder of strategies is.
const BUILT_IN_STRATEGIES: [(&str, &str); 1] = [("news-impact.toml", include_str!("../strategies/news-impact.toml"))];

/// The names of the engines that a service has, for who reads strategies without starting one.
pub const ENGINES: [&str; 4] = [trading::NAME, optimise::NAME, numeric::NAME, analytics::NAME];

/// Threads that build indexes in the background. One leaves the other cores to requests.
const INDEX_BUILDERS: usize = 1;

/// How often indexes that the server builds are looked at.
const INDEXES_EVERY: Duration = Duration::from_secs(1);

/// Why the service can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A strategy file is wrong.
    #[error("{file}: {error}")]
    Strategy {
        /// Which file.
        file: String,
        /// What is wrong, and where.
        error: FieldError,
    },
    /// A semantic layer is wrong.
    #[error("the semantic layer can't be used: {0}")]
    Layer(#[from] LayerError),
    /// A strategy names an engine that is not here.
    #[error("strategy \"{strategy}\" names the engine \"{engine}\", and this version has no engine of that name")]
    UnknownEngine {
        /// Whose file names it.
        strategy: StrategyName,
        /// The name.
        engine: String,
    },
    /// The calibration of a strategy is wrong, or was learnt for something else.
    #[error("{path}: the calibration of strategy \"{strategy}\" can't be used: {error}")]
    Calibration {
        /// Whose it is.
        strategy: StrategyName,
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        error: FieldError,
    },
    /// The examples of engines that a strategy brings along are wrong.
    #[error("{path}: the examples of strategy \"{strategy}\" can't be used: {error}")]
    Examples {
        /// Whose they are.
        strategy: StrategyName,
        /// Which file.
        path: PathBuf,
        /// What is wrong, and on which line.
        error: FieldError,
    },
    /// The examples of engines that are compiled in are damaged.
    #[error("the examples of engines that are compiled in: {0}")]
    Triage(FieldError),
    /// A file could not be read.
    #[error("{path}: {error}")]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The default strategy is not among the strategies.
    #[error("strategies.default: there is no strategy \"{name}\"; there are {known}")]
    NoDefault {
        /// What is configured.
        name: String,
        /// What there is.
        known: String,
    },
    /// A name is not allowed.
    #[error(transparent)]
    Name(#[from] IdError),
    /// The embedder can't be opened.
    #[error(transparent)]
    Embed(#[from] embed::OpenError),
    /// A text that a strategy file brings along can't be embedded.
    #[error("the text of component \"{component}\" in a strategy file can't be embedded: {error}")]
    SlotText {
        /// Which component.
        component: ComponentId,
        /// Why.
        error: EmbedError,
    },
    /// A text that a strategy file brings along is empty or too long.
    #[error("the text of component \"{component}\" in a strategy file: {error}")]
    SlotTextBad {
        /// Which component.
        component: ComponentId,
        /// Why.
        error: TextError,
    },
    /// A setting of the index is out of its range.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The server can't be searched.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The settings of the language model can't be used.
    #[error(transparent)]
    Llm(#[from] llm::OpenError),
    /// A setting of the engines is out of its range.
    #[error(transparent)]
    Engine(FieldError),
    /// The warehouse can't be used.
    #[error("{0}")]
    Warehouse(#[from] warehouse::server::OpenError),
    /// The solvers can't be used.
    #[error("solver: {0}")]
    Solver(#[from] solver::OpenError),
    /// The classifier that the settings name can't be used.
    #[error("{path}: the classifier of engine.trading.aggregate can't be used: {error}")]
    Classifier {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: ClassifierError,
    },
    /// The words of the fact gate can't be read.
    #[error(transparent)]
    Lexicon(#[from] LexiconError),
    /// A setting of a tenant is out of its range.
    #[error("tenants{0}")]
    Tenants(FieldError),
    /// A thread can't be started.
    #[error("a background thread could not be started: {0}")]
    Thread(std::io::Error),
    /// The store can't be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A running service.
#[derive(Debug)]
pub struct App {
    /// The pipeline.
    pub decider: Arc<Decider>,
    /// What the start found in the store.
    pub restored: Restored,
    /// What was done, by whom.
    pub audit: Arc<AuditLog>,
    /// Whether writes are on record too.
    pub audit_writes: bool,
    /// How often each tenant asks.
    pub rates: Rates,
    /// Room for bulk writes.
    pub bulk: Arc<tokio::sync::Semaphore>,
    /// Room for streams of events.
    pub streams: Arc<tokio::sync::Semaphore>,
    draining: AtomicBool,
}

/// The parts that a test may put in place of the real ones.
#[derive(Debug)]
pub struct Parts {
    /// Text to vector.
    pub embedder: Arc<dyn Embedder>,
    /// What lasts.
    pub store: Arc<dyn Store>,
    /// What searches in place of memory; memory has all entries where absent.
    pub search: Option<Arc<dyn ServerSearch>>,
    /// Where the graphs of the indexes are kept between runs; nowhere where absent.
    pub graphs: Option<PathBuf>,
    /// What thinks.
    pub engines: Engines,
    /// The time of day.
    pub clock: Clock,
}

impl App {
    /// Opens the real parts, and starts with them, for a command that writes what it was promised alone.
    ///
    /// # Errors
    /// [`StartError`], which says what to do.
    pub async fn open(config: &Config) -> Result<Self, StartError> {
        Self::over(config, open_records(config)?).await
    }

    /// The same for a service, which owns the journal of its data folder where its records are on a server.
    ///
    /// # Errors
    /// [`StartError`], which says what to do.
    pub async fn open_to_serve(config: &Config) -> Result<Self, StartError> {
        Self::over(config, open_store(config)?).await
    }

    async fn over(config: &Config, store: Arc<dyn Store>) -> Result<Self, StartError> {
        let embedder = open_embedder(config)?;
        let search = open_search(config).await?;
        let graphs = served_dir(config)?.join("graphs");
        std::fs::create_dir_all(&graphs).map_err(|error| StartError::File { path: graphs.clone(), error })?;
        let engines = engines(config, &embedder)?;
        let parts = Parts { embedder, store, search, graphs: Some(graphs), engines, clock: Clock::System };
        Self::with_parts(config, parts).await
    }

    /// Reads the strategies, embeds the texts that they bring along, and fills memory from the store.
    ///
    /// # Errors
    /// [`StartError`], which says what to do.
    pub async fn with_parts(config: &Config, parts: Parts) -> Result<Self, StartError> {
        let engines: Vec<&str> = parts.engines.names().collect();
        let strategies = read_strategies(&config.strategies, &engines)?;
        Self::with_strategies(config, parts, strategies).await
    }

    /// The same with strategies that were read already.
    ///
    /// # Errors
    /// [`StartError`], which says what to do.
    pub async fn with_strategies(config: &Config, parts: Parts, strategies: Strategies) -> Result<Self, StartError> {
        config.index.validate()?;
        config.engine.check().map_err(StartError::Engine)?;
        let builder = Builder::start(INDEX_BUILDERS).map_err(StartError::Thread)?;
        check_calibrations(&strategies, (parts.embedder.model(), parts.embedder.dim()))?;
        let budgets = Budgets::new(strategies.calibrations.clone());
        let background = Background::default();
        let audit = AuditLog::new(Arc::clone(&parts.store), parts.clock.clone());
        let rates = buckets::of(&parts.store).map_or_else(Rates::default, Rates::shared);
        let numeric = parts.engines.numeric().cloned();
        let analytics = parts.engines.analytics().cloned();
        let research = Research::new(numeric.as_ref(), (&parts.embedder, &background)).map_err(StartError::Thread)?;
        let triages = Triages::learn(&strategies, &parts.embedder, &parts.engines, &background).map_err(StartError::Triage)?;
        let decider = Arc::new(Decider {
            strategies,
            admission: Admission::new(&config.admission, parts.embedder.stats().workers),
            embedder: parts.embedder,
            embeddings: EmbeddingCache::new(&config.embedding_cache),
            text_ttl_sec: config.embedding_cache.text_ttl_sec,
            semantic: SemanticCache::new(config.index, builder),
            // A working set changes all the time, and its graphs are not worth keeping.
            graphs: parts.graphs.filter(|_| parts.search.is_none()),
            recall: parts.search.map(|search| Recall::new(search, &config.index.server)),
            market: MarketCache::default(),
            store: parts.store,
            lexicon: read_lexicon(&config.facts)?,
            engines: parts.engines,
            triages,
            budgets,
            shadows: Shadows::default(),
            thinking: Thinking::new(config.engine.runs_max, Duration::from_millis(config.engine.budget_ms)),
            plans: Plans::new(&config.plans, Arc::clone(&audit)),
            numeric: research,
            analyst: Analyst::new(analytics.as_ref()),
            datasets: Datasets::new(&config.datasets),
            tenants: Arc::new(Tenants::new(&config.tenants).map_err(StartError::Tenants)?),
            recent: Recent::default(),
            background,
            follow: Follow::new(config.replicas.clone()),
            order: Order::default(),
            ending_tags: tokio::sync::Mutex::default(),
            clock: parts.clock,
        });
        if let Some(numeric) = numeric {
            let desk: Arc<dyn Desk> = Arc::new(Counter(Arc::downgrade(&decider)));
            numeric.open(desk);
            decider.numeric.take_from(Arc::new(Rows(Arc::downgrade(&decider))));
        }
        if let Some(analytics) = analytics {
            analytics.open(Arc::new(Analysts(Arc::downgrade(&decider))));
        }
        embed_slot_texts(&decider).await?;
        decider.begin_to_follow().await?;
        let restoring = Arc::clone(&decider);
        // A store beyond the network is read by this very runtime.
        let restored = tokio::task::spawn_blocking(move || restoring.restore()).await.unwrap_or(Err(StoreError::Closed))?;
        decider.see_to_indexes(&TenantId::default_tenant()).await;
        let bulk = Arc::new(tokio::sync::Semaphore::new(config.server.bulk_writes_max));
        let streams = Arc::new(tokio::sync::Semaphore::new(EVENT_STREAMS_MAX));
        Ok(Self {
            decider,
            restored,
            audit,
            audit_writes: config.audit.writes,
            rates,
            bulk,
            streams,
            draining: AtomicBool::new(false),
        })
    }

    /// Says that no new work should be sent here.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the service is about to stop.
    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Drops what has ended, keeps the graphs of the indexes, and sees to those of the server, again and again; ends when its task is
    /// dropped.
    pub async fn keep_up(app: &Arc<Self>, config: &config::Upkeep, audit: &audit::Config) {
        tokio::join!(Self::tidy_up(app, config, audit), Self::see_to_indexes(app, config), app.decider.keep_fitted());
    }

    async fn see_to_indexes(app: &Arc<Self>, config: &config::Upkeep) {
        while app.decider.recall.is_some() {
            let done = app.decider.see_to_indexes(&TenantId::default_tenant()).await;
            tokio::time::sleep(if done { Duration::from_secs(config.sweep_sec) } else { INDEXES_EVERY }).await;
        }
    }

    async fn tidy_up(app: &Arc<Self>, config: &config::Upkeep, audit: &audit::Config) {
        let mut tick = tokio::time::interval(Duration::from_secs(config.sweep_sec));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut saved = Instant::now();
        loop {
            tick.tick().await;
            match app.decider.sweep().await {
                Ok(0) => {}
                Ok(records) => tracing::info!(records, "dropped records whose time to live has ended"),
                Err(error) => tracing::warn!(%error, "records whose time to live has ended could not be dropped from the store"),
            }
            match app.audit.retain(audit).await {
                Ok(0) => {}
                Ok(events) => tracing::info!(events, "dropped audit events past audit.retention_sec"),
                Err(error) => tracing::warn!(%error, "audit events past audit.retention_sec could not be dropped"),
            }
            if saved.elapsed() >= Duration::from_secs(config.save_graphs_sec) {
                app.save_graphs().await;
                saved = Instant::now();
            }
        }
    }

    /// Keeps the graphs of the indexes for the next start. A graph that can't be kept costs that start some time, no more.
    pub async fn save_graphs(self: &Arc<Self>) {
        let app = Arc::clone(self);
        let saving = tokio::task::spawn_blocking(move || match &app.decider.graphs {
            Some(folder) => app.decider.semantic.save(folder),
            None => Ok(0),
        });
        match saving.await {
            Ok(Ok(0)) => {}
            Ok(Ok(graphs)) => tracing::info!(graphs, "kept the graphs of the indexes for the next start"),
            Ok(Err(error)) => tracing::warn!(%error, "a graph could not be kept; the next start will build it anew"),
            Err(error) => tracing::error!(%error, "keeping the graphs failed"),
        }
    }
}

/// Opens the records that the settings name. Blocks.
///
/// # Errors
/// [`StoreError`], which says what to do.
pub fn open_records(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    match &config.store.backend {
        Backend::Embedded => store::open(&config.store.embedded, &served_dir(config)?.join("store"), Clock::System),
        Backend::Redis(address) => store::open_redis(address, &config.redis, &config.store.redis, Clock::System),
    }
}

/// The same with a journal before them where they are on a server. Within a tokio runtime. Blocks.
fn open_store(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    let records = open_records(config)?;
    match &config.store.backend {
        Backend::Embedded => Ok(records),
        Backend::Redis(_) => {
            store::journaled(records, &config.store.journal, &config.store.data_dir.join("journal"), Clock::System)
        }
    }
}

/// The folder of the generation of data that is served.
fn served_dir(config: &Config) -> Result<PathBuf, StoreError> {
    match &config.store.backend {
        Backend::Embedded => Generations::of(&config.store.data_dir).current_dir(),
        Backend::Redis(_) => Ok(config.store.data_dir.clone()),
    }
}

/// Opens the embedder that the settings name, or, where the data that are served are of a generation that was made for one, that one: so a
/// cut-over is one switch, and so is the way back. Blocks.
///
/// # Errors
/// [`StartError`], which says what to do.
fn open_embedder(config: &Config) -> Result<Arc<dyn Embedder>, StartError> {
    let generations = Generations::of(&config.store.data_dir);
    let served = match &config.store.backend {
        Backend::Embedded => generations.about(generations.current()?)?,
        Backend::Redis(_) => None,
    };
    let Some(about) = served else { return open_embedder_of(config, &config.embed.model) };
    if *about.model.id != *config.embed.model {
        tracing::warn!(
            model = %about.model, configured = config.embed.model,
            "the generation of data that is served has a model of its own, which is used in place of embed.model"
        );
    }
    let embedder = open_embedder_of(config, &about.model.id)?;
    if *embedder.model() != about.model {
        tracing::warn!(
            served = %about.model, opened = %embedder.model(),
            "the model is of another revision than the data: what is remembered is left alone until it is the same"
        );
    }
    Ok(embedder)
}

/// Opens the embedder of this id with the other settings as they are. Blocks.
///
/// # Errors
/// [`StartError`], which says what to do.
pub fn open_embedder_of(config: &Config, model: &str) -> Result<Arc<dyn Embedder>, StartError> {
    let runtime_dir = near_or_beside_the_program(&config.embed.runtime_dir);
    Ok(embed::open(&embed::Config { model: model.to_owned(), runtime_dir, ..config.embed.clone() })?)
}

/// The same strategies without anything that thinks, for who looks at memory alone.
#[must_use]
pub fn without_engines(mut strategies: Strategies) -> Strategies {
    for strategy in strategies.by_name.values_mut() {
        (Arc::make_mut(strategy).engine, Arc::make_mut(strategy).triage) = (None, None);
    }
    strategies.examples.clear();
    strategies
}

/// Whether there may be a store at a place that a command names: a data folder, or the URL of a Redis.
pub fn is_store(place: &str) -> bool {
    let current = || Generations::of(Path::new(place)).current_dir();
    Address::is_meant(place) || current().is_ok_and(|dir| dir.join("store").is_dir())
}

/// Opens the records at a place that a command names: a data folder, or the URL of a Redis. Blocks.
///
/// # Errors
/// [`StoreError`], whose text says what to do.
pub fn open_records_at(config: &Config, place: &str) -> Result<Arc<dyn Store>, StoreError> {
    if Address::is_meant(place) {
        let address = place.parse().map_err(|error: crate::redis::BadAddress| StoreError::Away { detail: error.to_string() })?;
        return store::open_redis(&address, &config.redis, &config.store.redis, Clock::System);
    }
    store::open(&config.store.embedded, &Generations::of(Path::new(place)).current_dir()?.join("store"), Clock::System)
}

/// The search of the server, where the settings ask for it.
async fn open_search(config: &Config) -> Result<Option<Arc<dyn ServerSearch>>, StartError> {
    match (config.index.search, &config.store.backend) {
        (Where::Server, Backend::Redis(address)) => {
            Ok(Some(Arc::new(RediSearch::connect(address, &config.redis, &config.index.server).await?)))
        }
        // The settings were checked: an embedded store has no server that could search.
        (Where::Process, _) | (Where::Server, Backend::Embedded) => Ok(None),
    }
}

/// The engines that there are, with the language model that they may ask.
///
/// # Errors
/// [`StartError`], which names the setting.
pub fn engines(config: &Config, embedder: &Arc<dyn Embedder>) -> Result<Engines, StartError> {
    config.engine.check().map_err(StartError::Engine)?;
    let model = llm::open(&config.llm)?;
    let settings = &config.engine.numeric;
    let catalogue = settings.catalogue(near_or_beside_the_program).map_err(StartError::Engine)?;
    let numeric = Arc::new(Numeric::new(settings, catalogue));
    let mut trading = Trading::new(&config.engine.trading, (embedder.model(), embedder.dim()), model.clone());
    trading = trading.with_regimes(Arc::clone(&numeric));
    if let Some(why) = trading.without_sentiment() {
        tracing::warn!(why, "the trading engine has no local News Sentiment");
    }
    if let Some(file) = &config.engine.trading.aggregate.classifier {
        let path = near_or_beside_the_program(&config.strategies.dir).join(file);
        let text = std::fs::read_to_string(&path).map_err(|error| StartError::File { path: path.clone(), error })?;
        let read = Classifier::parse(&text).and_then(|classifier| trading.with_classifier(classifier));
        trading = read.map_err(|error| StartError::Classifier { path, error })?;
    }
    let settings = &config.engine.optimise;
    let catalogue = settings.catalogue(near_or_beside_the_program).map_err(StartError::Engine)?;
    let drafts = Arc::new(Drafts::new(settings, catalogue, Arc::clone(embedder), model.clone()));
    let maker = plan_maker(config, Arc::clone(&drafts))?;
    let optimise = Optimise::new(settings, drafts, Arc::clone(&maker));
    let engines = Engines::default().with(trading::NAME, Arc::new(trading)).with(optimise::NAME, Arc::new(optimise));
    let settings = &config.engine.analytics;
    let mut analytics = Analytics::new(settings, layers(config)?).with_model(model);
    let runtime_dir = near_or_beside_the_program(&config.embed.runtime_dir);
    match config.warehouse.open(&runtime_dir, &config.store.data_dir)? {
        Some(Opened::Filled(warehouse)) => analytics = analytics.over(Source::Filled(warehouse)),
        Some(Opened::Served(warehouse)) => analytics = analytics.over(Source::Served(warehouse)),
        None => {}
    }
    let analytics = Arc::new(analytics);
    Ok(engines.with_plans(maker).with_numeric(numeric).with_analytics(analytics))
}

/// The semantic layers; what the settings say of their columns is held against them.
///
/// # Errors
/// [`StartError`], which names the file or the setting.
pub fn layers(config: &Config) -> Result<Library, StartError> {
    let settings = &config.engine.analytics;
    let library = Library::read(&near_or_beside_the_program(&settings.layers_dir))?;
    settings.check_columns(&library).map_err(StartError::Engine)?;
    Ok(library)
}

/// What makes optimisation plans.
fn plan_maker(config: &Config, words: Arc<Drafts>) -> Result<Arc<dyn PlanMaker>, StartError> {
    let solver = solver::open(&config.solver, &near_or_beside_the_program(&config.embed.runtime_dir))?;
    let counted = Counted::new(Arc::new(solver), config.solver.clone());
    let planner = Planner::new(Arc::new(counted), planner::Config::default());
    let limits = Limits {
        time: Duration::from_millis(config.solver.time_ms_max),
        memory_bytes: config.solver.memory_bytes_max,
        ..planner::Asked::default().limits
    };
    Ok(Arc::new(Maker::new(planner, limits).with_words(words)))
}

/// Where a relative path isn't found from the working folder, it is looked for beside the program and in the folders above it, so that
/// `target/release/instinct` works from anywhere.
pub fn near_or_beside_the_program(path: &Path) -> PathBuf {
    if path.is_absolute() || path.exists() {
        return path.to_owned();
    }
    let program = std::env::current_exe().unwrap_or_default();
    program.ancestors().skip(1).take(4).map(|folder| folder.join(path)).find(|p| p.exists()).unwrap_or_else(|| path.to_owned())
}

/// Reads every strategy with its calibration, and checks what concerns more than one of them.
///
/// # Errors
/// [`StartError`], which names the file and the field.
pub fn read_strategies(config: &config::Strategies, engines: &[&str]) -> Result<Strategies, StartError> {
    let mut strategies = read_strategies_alone(config, engines)?;
    let dir = near_or_beside_the_program(&config.dir);
    for (name, strategy) in &strategies.by_name {
        if let Some(calibration) = read_calibration(&dir, strategy)? {
            if let Some(projection) = &calibration.projection {
                strategies.projections.insert(name.clone(), Arc::clone(projection));
            }
            strategies.calibrations.insert(name.clone(), Arc::new(calibration));
        }
    }
    Ok(strategies)
}

/// Reads every strategy and no calibration, for who is about to learn one anew.
///
/// # Errors
/// [`StartError`], which names the file and the field.
pub fn read_strategies_alone(config: &config::Strategies, engines: &[&str]) -> Result<Strategies, StartError> {
    let dir = near_or_beside_the_program(&config.dir);
    let files = if dir.is_dir() {
        strategy_files(&dir)?
    } else {
        BUILT_IN_STRATEGIES.iter().map(|(name, text)| (format!("{name} (compiled in)"), (*text).to_owned())).collect()
    };
    let mut by_name: BTreeMap<StrategyName, Arc<Strategy>> = BTreeMap::new();
    let mut examples = BTreeMap::new();
    for (file, text) in files {
        let strategy = Strategy::from_toml(&text).map_err(|error| StartError::Strategy { file: file.clone(), error })?;
        if let Some(own) = read_examples(&dir, &strategy)? {
            examples.insert(strategy.name.clone(), own);
        }
        let named = strategy.engine.as_ref().filter(|_| !strategy.triages());
        if let Some(engine) = named.filter(|name| !engines.contains(&name.as_str())) {
            return Err(StartError::UnknownEngine { strategy: strategy.name, engine: engine.clone() });
        }
        let name = strategy.name.clone();
        if by_name.insert(name.clone(), Arc::new(strategy)).is_some() {
            let error = FieldError::new("/name", format!("a second file calls itself \"{name}\""));
            return Err(StartError::Strategy { file, error });
        }
    }
    let known = || by_name.keys().map(StrategyName::as_str).collect::<Vec<_>>().join(", ");
    match StrategyName::new(&config.default) {
        Ok(default) if by_name.contains_key(&default) => {
            Ok(Strategies { by_name, calibrations: BTreeMap::new(), projections: BTreeMap::new(), examples, default })
        }
        _ => Err(StartError::NoDefault { name: config.default.clone(), known: known() }),
    }
}

/// The words of the fact gate: what is compiled in, and what the operator's files add.
///
/// # Errors
/// [`LexiconError`], which names the file and the place in it.
pub fn read_lexicon(config: &facts::Config) -> Result<Lexicon, LexiconError> {
    let files: Vec<PathBuf> = config.lexicon.iter().map(|file| near_or_beside_the_program(file)).collect();
    Lexicon::with_files(files.iter().map(PathBuf::as_path))
}

/// Reads the calibration that a strategy names, beside the strategy's own file, and checks that it was learnt for that strategy.
fn read_calibration(dir: &Path, strategy: &Strategy) -> Result<Option<Calibration>, StartError> {
    let Some(file) = strategy.budget.as_ref().and_then(|budget| budget.calibration.as_ref()) else { return Ok(None) };
    let path = dir.join(file);
    let text = std::fs::read_to_string(&path).map_err(|error| StartError::File { path: path.clone(), error })?;
    let read = Calibration::parse(&text).and_then(|read| read.check_against(strategy).map(|()| read));
    read.map(Some).map_err(|error| StartError::Calibration { strategy: strategy.name.clone(), path, error })
}

/// Reads the further examples of engines that a strategy names, beside the strategy's own file.
fn read_examples(dir: &Path, strategy: &Strategy) -> Result<Option<Vec<Example>>, StartError> {
    let Some(rules) = &strategy.triage else { return Ok(None) };
    let path = dir.join(&rules.examples);
    let text = std::fs::read_to_string(&path).map_err(|error| StartError::File { path: path.clone(), error })?;
    triage::read(&text).map(Some).map_err(|error| StartError::Examples { strategy: strategy.name.clone(), path, error })
}

/// Checks that every calibration was learnt with this embedder, and that its projection takes as many dimensions as the embedder's make.
///
/// # Errors
/// [`StartError::Calibration`] for the first that was not.
pub fn check_calibrations(strategies: &Strategies, (model, dim): (&ModelRef, usize)) -> Result<(), StartError> {
    strategies.calibrations.iter().try_for_each(|(name, calibration)| {
        let strategy = strategies.by_name.get(name);
        let file = strategy.and_then(|strategy| strategy.budget.as_ref()?.calibration.as_deref());
        let path = PathBuf::from(file.unwrap_or_default());
        let fits = || strategy.map_or(Ok(()), |strategy| calibration.check_dimensions(strategy, dim));
        calibration.check_model(model).and_then(|()| fits()).map_err(|error| StartError::Calibration {
            strategy: name.clone(),
            path,
            error,
        })
    })
}

/// The strategy files of a folder, in the order of their names: the path and the text of each.
///
/// # Errors
/// [`StartError::File`] for the first that can't be read.
pub fn strategy_files(dir: &Path) -> Result<Vec<(String, String)>, StartError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| StartError::File { path, error }
    };
    let mut paths = Vec::new();
    for item in std::fs::read_dir(dir).map_err(failed(dir))? {
        let path = item.map_err(failed(dir))?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.truncate(STRATEGIES_MAX);
    let read = |path: PathBuf| Ok((path.display().to_string(), std::fs::read_to_string(&path).map_err(failed(&path))?));
    paths.into_iter().map(read).collect()
}

/// Embeds the texts that strategy files bring along, so that a strategy works before anyone has written its components.
async fn embed_slot_texts(decider: &Decider) -> Result<(), StartError> {
    let tenant = TenantId::default_tenant();
    for strategy in decider.strategies.by_name.values() {
        for slot in &strategy.slots {
            let SlotSource::Component { role, id, text: Some(text) } = &slot.source else { continue };
            let text = FreshText::stored(text).map_err(|error| StartError::SlotTextBad { component: id.clone(), error })?;
            let new = NewComponent {
                id: id.clone(),
                role: *role,
                text,
                tags: Vec::new(),
                as_of: Timestamp::from_micros(0),
                ttl_sec: None,
                meta: serde_json::Map::new(),
            };
            let embedded = decider.embed_component(&tenant, new, Deadline::after(Duration::from_secs(60))).await;
            let component = embedded.map_err(|error| StartError::SlotText { component: id.clone(), error })?;
            decider.embeddings.put_builtin(component);
        }
    }
    Ok(())
}
