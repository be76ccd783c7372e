//! The numeric research engine's desk: fitted models are looked up in memory, and fitted again where they are stale.
//!
//! 1. lookup: the latest fit of the case and its parameters, fresh: answered at once;
//! 2. refit: stale or not there: fitted on a thread of low priority, once for all who ask, among all processes; whoever asked waits until
//!    shortly before the deadline, and is then told what was there, as stale, with less confidence;
//! 3. else honest: there is no model for this yet, why, and a note that somebody wished for one.
//!
//! Invariants:
//! - what was told of survives a kill: a fit is stored before anybody is told of it;
//! - a fit that fails leaves the one before in place, and says so;
//! - new data, another catalogue entry or the end of its time make a fit stale at once, in every process;
//! - nothing here is remembered as a decision: the next refit shows in the next answer.

mod answer;
mod compare;
mod consult;
mod fit;
mod flights;
mod matcher;
mod pool;
mod rows;
mod schedule;
mod standing;
mod stored;
mod wishes;

pub use answer::Counter;
pub use compare::{Compared, Differs};
pub use consult::{Consulted, NumericQuestion};
pub use rows::Rows;
pub use standing::{Failure, Standing};
pub use wishes::Wish;

use self::flights::FitFlights;
use self::pool::Pool;
use self::wishes::Wishes;
use super::Background;
use crate::cache::fits::FitIndex;
use crate::domain::field::FieldError;
use crate::domain::fit_record::FitKey;
use crate::domain::ids::TenantId;
use crate::domain::vector::UnitVector;
use crate::embed::Embedder;
use crate::engine::numeric::catalogue::{Case, Catalogue};
use crate::engine::numeric::matching::Matcher;
use crate::engine::numeric::source::{Frames, InMemory};
use crate::engine::numeric::{Config, Numeric};
use crate::store::StoreError;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;

/// What fitted models need, and those that are being fitted.
#[derive(Debug)]
pub struct Research {
    /// The fits in memory.
    pub index: FitIndex,
    pub(super) catalogue: Arc<Catalogue>,
    frames: OnceLock<Arc<dyn Frames>>,
    config: Config,
    matcher: watch::Receiver<Option<Arc<Matcher>>>,
    flights: Arc<FitFlights>,
    pool: Pool,
    wishes: Wishes,
    failures: Mutex<HashMap<(TenantId, FitKey), Failure>>,
    // The vectors of the latest questions without their symbols.
    meanings: Mutex<HashMap<String, UnitVector>>,
}

impl Research {
    /// The desk of an engine; of none, one without cases. The sample questions are embedded in the background.
    ///
    /// # Errors
    /// Where the threads can't be started.
    pub fn new(
        engine: Option<&Arc<Numeric>>,
        (embedder, background): (&Arc<dyn Embedder>, &Background),
    ) -> std::io::Result<Self> {
        let config = engine.map(|engine| engine.config.clone()).unwrap_or_default();
        let catalogue = engine.map(|engine| Arc::clone(&engine.catalogue)).unwrap_or_default();
        let own = engine.and_then(|engine| engine.frames.clone());
        let frames = own.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Self {
            index: FitIndex::default(),
            frames,
            matcher: matcher::learn(&catalogue, embedder, background),
            catalogue,
            flights: Arc::default(),
            pool: Pool::start(config.fits_max, config.waiting_max)?,
            wishes: Wishes::new(config.wishes_max),
            failures: Mutex::default(),
            meanings: Mutex::default(),
            config,
        })
    }

    /// Takes the data from here, unless the engine brought data along.
    pub fn take_from(&self, frames: Arc<dyn Frames>) {
        let _ = self.frames.set(frames);
    }

    fn frames(&self) -> &dyn Frames {
        &**self.frames.get_or_init(|| Arc::new(InMemory::default()))
    }

    /// How many fits run or wait for their turn.
    pub fn under_way(&self) -> usize {
        self.flights.len()
    }

    /// Ends those that run, for a process that is about to end.
    pub fn give_up(&self) {
        self.pool.give_up();
    }

    /// The case of this id.
    ///
    /// # Errors
    /// [`NumericError::UnknownCase`].
    pub fn case(&self, id: &str) -> Result<&Arc<Case>, NumericError> {
        self.catalogue.get(id).ok_or_else(|| NumericError::UnknownCase { case: id.chars().take(64).collect() })
    }

    /// All cases by id.
    pub fn cases(&self) -> impl Iterator<Item = &Arc<Case>> {
        self.catalogue.iter()
    }

    /// What tells cases apart, once it is learnt.
    pub fn matcher(&self) -> Option<Arc<Matcher>> {
        self.matcher.borrow().clone()
    }
}

/// Why there is no fitted model.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NumericError {
    /// The catalogue has no such case.
    #[error("the catalogue has no case \"{case}\"; GET /v1/numeric lists them")]
    UnknownCase {
        /// What was given.
        case: String,
    },
    /// Parameters are unknown, wrong or missing.
    #[error("the parameters can't be used: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Parameters(Vec<FieldError>),
    /// There is no such version.
    #[error("there is no version {version} of this fit, or it is past its age")]
    UnknownVersion {
        /// What was given.
        version: u64,
    },
    /// There is no data for it.
    #[error("no model for this yet: {reason}")]
    NoModel {
        /// Why, in words.
        reason: String,
    },
    /// As many fits run and wait as may be.
    #[error("as many fits are under way as may be at one time")]
    Busy,
    /// The deadline passed.
    #[error("the deadline of {deadline_ms} ms passed; the fit goes on, so ask again")]
    TooLate {
        /// How long the caller would wait.
        deadline_ms: u64,
    },
    /// The fit was ended before its end.
    #[error("the fit was stopped: {why}")]
    Stopped {
        /// Why.
        why: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something broke off.
    #[error("{detail}")]
    Broken {
        /// For the log.
        detail: String,
    },
}

impl NumericError {
    fn broken(detail: impl Into<String>) -> Self {
        Self::Broken { detail: detail.into() }
    }

    /// The word for it in metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::UnknownCase { .. } | Self::Parameters(_) | Self::UnknownVersion { .. } => "refused",
            Self::NoModel { .. } => "no_model",
            Self::Busy => "busy",
            Self::TooLate { .. } => "too_late",
            Self::Stopped { .. } => "stopped",
            Self::Store(_) | Self::Broken { .. } => "failed",
        }
    }
}
