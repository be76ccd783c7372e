//! Questions about data: read by rule, run in the warehouse as the gate lets them through, kept by what they mean.
//!
//! 1. kept: a question of the same meaning was answered from the same rows: its result is told again, in the words of this one;
//! 2. derived: a kept result holds what is asked, finer or of more groups, and the answer follows from it exactly;
//! 3. run: else its queries run, once for all who ask the same at the same time;
//! 4. written: what could not be read whole, or not be put into SQL, a language model writes SQL for where there is one, once for all who ask
//!    in the same words; without one, or where it has no answer, words without a place come with what may have been meant.
//!
//! Invariants:
//! - no SQL reaches the warehouse that the gate did not pass for this very caller;
//! - what was refused because the tables can't answer it is refused before any model is asked;
//! - an answer of a model is kept by the words of its question and serves no other words;
//! - a kept result serves only where tenant, role, layer, meaning and the versions of all tables are the same: likeness plays no part;
//! - what a warehouse says of an error goes to the log and to nobody else;
//! - what a tenant's people taught is read with his questions alone, and an answer that one of them found wrong is run anew and worth little
//!   until an operator releases it;
//! - the tables of a tenant in the warehouse in process are a copy of his data sets, made again whenever they change.

mod ask;
mod behind;
mod desk;
mod floor;
mod held;
mod judged;
mod kept;
mod linked;
mod run;
mod session;
mod taught;
mod teach;
mod told;
mod written;

pub use ask::{Came, DataOutcome, DataQuestion, Took};
pub use desk::Analysts;
pub use judged::Judgeable;
pub use kept::Resulted;
pub use session::Turn;
pub use taught::{Taught, Vocabulary};
pub use teach::{AnswerVerdict, TeachError, TermProposal};
pub use told::DataTold;
pub use written::Wrote;

use self::floor::Floors;
use self::judged::{Answers, Found};
use self::kept::Kept;
use self::linked::Links;
use self::session::Sessions;
use self::taught::TaughtOfAll;
use self::written::KeptWritten;
use super::datasets::DatasetsError;
use crate::engine::analytics::answer::RefusalClass;
use crate::engine::analytics::compile::CompileError;
use crate::engine::analytics::compile::sql::Dialect as Compiled;
use crate::engine::analytics::library::Library;
use crate::engine::analytics::{Analytics, Config, Source};
use crate::llm::ChatModel;
use crate::sql::{CatalogueError, Dialect, Refused};
use crate::warehouse::{Speaks, WarehouseError};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tokio::sync::Semaphore;

/// Whose SQL is written for a source, and which grammar the gate reads that by.
fn dialects(source: &Source) -> Result<(Compiled, Dialect), AnalyticsError> {
    match source.warehouse().speaks() {
        Speaks::ClickHouse => Ok((Compiled::Clickhouse, Dialect::ClickHouse)),
        Speaks::MySql => Ok((Compiled::Mysql, Dialect::MySql)),
        Speaks::PostgreSql => Ok((Compiled::Postgres, Dialect::PostgreSql)),
        Speaks::Sqlite => Err(AnalyticsError::NoWarehouse),
    }
}

/// What questions about data need.
#[derive(Debug)]
pub struct Analyst {
    library: Arc<Library>,
    taught: TaughtOfAll,
    answers: Answers,
    config: Config,
    source: Option<Source>,
    floors: Floors,
    kept: Kept,
    model: Option<Arc<dyn ChatModel>>,
    written: KeptWritten,
    links: Links,
    sessions: Sessions,
    turns: Semaphore,
    waiting: AtomicUsize,
}

impl Analyst {
    /// The desk of an engine; of none, one without layers.
    pub fn new(engine: Option<&Arc<Analytics>>) -> Self {
        let config = engine.map(|engine| engine.config.clone()).unwrap_or_default();
        Self {
            library: Arc::new(engine.map(|engine| engine.library.clone()).unwrap_or_default()),
            taught: TaughtOfAll::default(),
            answers: Answers::default(),
            kept: Kept::new(config.cache_bytes),
            model: engine.and_then(|engine| engine.model.clone()),
            written: KeptWritten::new(config.written.cache_bytes),
            links: Links::default(),
            turns: Semaphore::new(config.runs_max),
            waiting: AtomicUsize::new(0),
            floors: Floors::default(),
            sessions: Sessions::default(),
            source: engine.and_then(|engine| engine.source.clone()),
            config,
        }
    }

    /// The layers as they were reviewed.
    pub fn library(&self) -> &Library {
        &self.library
    }
}

/// Why a question about data has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnalyticsError {
    /// Nothing to run queries in.
    #[error("this service has no warehouse")]
    NoWarehouse,
    /// Nothing to read questions by.
    #[error("there is no layer \"{name}\"")]
    NoLayer {
        /// The name that was asked for; empty where there is none at all.
        name: String,
    },
    /// The tables of the layer are not there.
    #[error(
        "the tables of the layer \"{layer}\" are not all there: {}; a data set of that name (`instinct ingest`, PUT /v1/datasets) makes one",
        .tables.join(", ")
    )]
    Missing {
        /// The layer.
        layer: String,
        /// Those that are not there, or not whole, each with what is wrong.
        tables: Vec<String>,
    },
    /// The layer can't say it in SQL.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The gate did not let the query through. It was written here, so that is a fault of a layer, or the caller may not see the table.
    #[error("the query may not run: {0}")]
    Gate(Refused),
    /// The caller may not see a table or a column that it reads.
    #[error("it reads what a caller with the role `{role}` may not see")]
    Hidden {
        /// In which role.
        role: String,
    },
    /// No gate can be made of the tables that there are.
    #[error("the tables of the warehouse can't be used: {0}")]
    Catalogue(#[from] CatalogueError),
    /// It would read too much.
    #[error(
        "the query would read {rows} rows, and no more than {allowed} may be read; ask for a shorter time or for fewer groups"
    )]
    TooCostly {
        /// By the planner's estimate.
        rows: u64,
        /// By the settings.
        allowed: u64,
    },
    /// Too many questions run or wait.
    #[error("too many questions about data are being answered")]
    Busy,
    /// The deadline passed.
    #[error("the question was not answered in time; its queries were ended")]
    Late,
    /// The warehouse failed.
    #[error(transparent)]
    Warehouse(WarehouseError),
    /// The data sets failed.
    #[error(transparent)]
    Datasets(#[from] DatasetsError),
}

impl AnalyticsError {
    /// Of what sort the answer is that says it; none where trying again, or elsewhere, may help.
    pub fn class(&self) -> Option<RefusalClass> {
        match self {
            Self::Compile(_) => Some(RefusalClass::NotExpressible),
            Self::Missing { .. } => Some(RefusalClass::Unanswerable),
            Self::Hidden { .. } => Some(RefusalClass::Forbidden),
            Self::Gate(_) | Self::TooCostly { .. } | Self::Warehouse(WarehouseError::TooLarge(_)) => Some(RefusalClass::Failed),
            _ => None,
        }
    }
}

impl From<WarehouseError> for AnalyticsError {
    fn from(error: WarehouseError) -> Self {
        match error {
            WarehouseError::Late => Self::Late,
            WarehouseError::Busy => Self::Busy,
            other => Self::Warehouse(other),
        }
    }
}
