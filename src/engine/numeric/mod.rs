//! The numeric research engine: models that are fitted ahead, and looked up in milliseconds.
//!
//! A case of the catalogue says what is asked, from which data, by which [`method::Method`], how long a fit stays fresh and how its
//! numbers are put into words. A method knows its data and nothing of the service around it. Where the fits are, and who makes them, is
//! behind [`Desk`].

pub mod cases;
pub mod catalogue;
pub mod matching;
pub mod method;
pub mod methods;
pub mod slots;
pub mod source;
pub mod symbol;

use self::catalogue::Catalogue;
use self::source::Frames;
use super::{Engine, EngineFailure, Question};
use crate::domain::decision::Payload;
use crate::domain::field::FieldError;
use crate::domain::fit_record::FitRecord;
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The name under which strategies ask for it.
pub const NAME: &str = "numeric";

/// The settings of the numeric research engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A folder of further catalogue entries; one with the id of a built-in one takes its place.
    pub cases_dir: Option<PathBuf>,
    /// Fits that run at one time, 1 to 64, each on a thread of low priority.
    pub fits_max: usize,
    /// Fits that may wait for their turn, up to 10,000; one more is refused.
    pub waiting_max: usize,
    /// Times as long as its case says that a fit may take, 1 to 100, for slow machines.
    pub patience: u32,
    /// Versions of one fit that are kept, 1 to 1,000.
    pub versions_max: usize,
    /// Seconds for which a version is kept, from 3,600; 0 keeps it for ever.
    pub retention_sec: u64,
    /// Whether fits are made ahead, on their cadence and when their data change.
    pub schedule: bool,
    /// Seconds between two looks at what is due, 1 to 3,600.
    pub look_every_sec: u64,
    /// Questions without a model that are kept as wishes, up to 10,000.
    pub wishes_max: usize,
    /// Where the chance of fits begins.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cases_dir: None,
            fits_max: 1,
            waiting_max: 64,
            patience: 1,
            versions_max: 20,
            retention_sec: 400 * 24 * 3_600,
            schedule: true,
            look_every_sec: 30,
            wishes_max: 1_000,
            seed: 20_260_101,
        }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// A [`FieldError`] for the first that is out of it.
    pub fn check(&self) -> Result<(), FieldError> {
        let refuse = |name: &str, rule: String| Err(FieldError::new(format!("/engine/numeric/{name}"), rule));
        if !(1..=64).contains(&self.fits_max) {
            return refuse("fits_max", format!("{} is not 1 to 64", self.fits_max));
        }
        if self.waiting_max > 10_000 {
            return refuse("waiting_max", format!("{} is more than 10,000", self.waiting_max));
        }
        if !(1..=100).contains(&self.patience) {
            return refuse("patience", format!("{} is not 1 to 100", self.patience));
        }
        if !(1..=1_000).contains(&self.versions_max) {
            return refuse("versions_max", format!("{} is not 1 to 1,000", self.versions_max));
        }
        if self.retention_sec != 0 && self.retention_sec < 3_600 {
            return refuse("retention_sec", format!("{} is below 3,600, and not 0", self.retention_sec));
        }
        if !(1..=3_600).contains(&self.look_every_sec) {
            return refuse("look_every_sec", format!("{} is not 1 to 3,600", self.look_every_sec));
        }
        if self.wishes_max > 10_000 {
            return refuse("wishes_max", format!("{} is more than 10,000", self.wishes_max));
        }
        Ok(())
    }

    /// The cases that are compiled in, with those of the folder; a relative folder is found by `near`.
    ///
    /// # Errors
    /// A [`FieldError`] that names the file and the key.
    pub fn catalogue(&self, near: impl Fn(&Path) -> PathBuf) -> Result<Catalogue, FieldError> {
        let mut catalogue = Catalogue::built_in()?;
        if let Some(folder) = &self.cases_dir {
            catalogue.add_folder(&near(folder), &methods::named)?;
        }
        Ok(catalogue)
    }
}

/// Where fits are looked up and made.
#[async_trait]
pub trait Desk: Send + Sync + Debug {
    /// What answers a question in words.
    async fn answer(&self, question: &Question) -> Result<Payload, EngineFailure>;

    /// The fit of a case that was there and fresh at a moment, without making one.
    fn fresh_at(&self, tenant: &TenantId, case: &str, given: &Map<String, Value>, moment: Timestamp) -> Option<Arc<FitRecord>>;
}

/// The engine: a door to the desk, which is there once the service is put together.
#[derive(Debug)]
pub struct Numeric {
    /// What can be asked.
    pub catalogue: Arc<Catalogue>,
    /// Where the data come from in place of the data sets of the service.
    pub frames: Option<Arc<dyn Frames>>,
    /// The settings.
    pub config: Config,
    desk: OnceLock<Arc<dyn Desk>>,
}

impl Numeric {
    /// The engine over a catalogue.
    pub fn new(config: &Config, catalogue: Catalogue) -> Self {
        Self { catalogue: Arc::new(catalogue), frames: None, config: config.clone(), desk: OnceLock::new() }
    }

    /// The same with data from elsewhere.
    #[must_use]
    pub fn with_frames(mut self, frames: Arc<dyn Frames>) -> Self {
        self.frames = Some(frames);
        self
    }

    /// Opens the desk; a second one is left out.
    pub fn open(&self, desk: Arc<dyn Desk>) {
        let _ = self.desk.set(desk);
    }

    /// The desk, once it is open.
    pub fn desk(&self) -> Option<&Arc<dyn Desk>> {
        self.desk.get()
    }
}

#[async_trait]
impl Engine for Numeric {
    async fn decide(&self, question: Question) -> Result<Payload, EngineFailure> {
        let Some(desk) = self.desk() else {
            return Err(EngineFailure::Failed { detail: "the desk of fitted models is not open".to_owned() });
        };
        desk.answer(&question).await
    }
}
