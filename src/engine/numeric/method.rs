//! The seam of a fit: frames and parameters in, named numbers with their diagnostics out.

use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::domain::frame::{Frame, FrameError};
use crate::domain::time::Timestamp;
use crate::stats::{StatsError, Stop};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::Arc;

/// One way to fit.
///
/// Invariants: no number in what comes out is NaN or infinite; the same input and seed give the same values; the frames are not looked
/// at past `as_of`.
pub trait Method: Send + Sync + Debug {
    /// Checks the settings of a case, when its catalogue entry is read.
    ///
    /// # Errors
    /// A [`FieldError`] with a pointer into the settings.
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError>;

    /// Fits. Blocks, and asks `run.stop` at least every few milliseconds of work.
    ///
    /// # Errors
    /// [`FitFault`].
    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault>;
}

/// What a method is given.
#[derive(Debug, Clone, Copy)]
pub struct FitInput<'a> {
    /// The frames by the names that the case gives them, their columns renamed as the case says, rows filtered by its parameters.
    pub frames: &'a BTreeMap<String, Arc<Frame>>,
    /// The parameters that the fit depends on, checked against their types.
    pub parameters: &'a Map<String, Value>,
    /// The settings of the case.
    pub settings: &'a Map<String, Value>,
    /// The values of the fit before this one, for labels that have to stay what they were.
    pub previous: Option<&'a Map<String, Value>>,
    /// The moment of the fit.
    pub as_of: Timestamp,
}

impl FitInput<'_> {
    /// The frame of this name.
    ///
    /// # Errors
    /// [`FitFault::NoData`].
    pub fn frame(&self, name: &str) -> Result<&Frame, FitFault> {
        self.frames.get(name).map(|frame| &**frame).ok_or_else(|| FitFault::NoData(name.to_owned()))
    }
}

/// One fit under way.
#[derive(Clone, Copy)]
pub struct FitRun<'a> {
    /// Where chance begins; kept with the result.
    pub seed: u64,
    /// Tells that nobody waits any more or that the time is over.
    pub stop: Stop<'a>,
}

impl Debug for FitRun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FitRun").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// What came of a fit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fitted {
    /// The numbers by name, as the case's output schema says. Every number is finite.
    pub values: Map<String, Value>,
    /// How many observations it rests on.
    pub observations: u64,
    /// First and last moment of the data, where they have moments.
    pub window: Option<[Timestamp; 2]>,
    /// What lowers the confidence in it.
    pub doubts: Vec<Doubt>,
    /// What was done with the data before: rows left out, gaps, duplicates, outliers. Whole sentences.
    pub told: Vec<String>,
    /// A chart in Plotly's JSON: `{"data": […], "layout": {…}}`.
    pub chart: Option<Value>,
}

/// A reason to trust a fit less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The most confidence that is left.
    pub at_most: Confidence,
    /// Why, in one sentence.
    pub reason: String,
}

/// Why there is no fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FitFault {
    /// There is no data under this name, or no row of it for these parameters.
    #[error("there is no data for `{0}`")]
    NoData(String),
    /// The data lack a column or hold another type.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The numbers allow no estimate.
    #[error(transparent)]
    Stats(#[from] StatsError),
    /// A parameter is wrong.
    #[error(transparent)]
    Parameter(#[from] FieldError),
}
