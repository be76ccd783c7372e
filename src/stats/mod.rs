//! Estimators over plain numbers: each function names its source, its conventions, and what it refuses.
//!
//! Invariants:
//! - what comes out is finite, or it is an error: a constant series, collinear columns or too few observations are told, never NaN;
//! - chance comes from a seed that the caller gives, and the same seed gives the same numbers.

pub mod anova;
pub mod cluster;
pub mod concentration;
pub mod correlation;
pub mod detection;
pub mod double_double;
pub mod formula;
pub mod garch;
pub mod gaussian;
pub mod hidden_markov;
pub mod interval;
pub mod kolmogorov_smirnov;
pub mod least_squares;
pub mod markov;
pub mod monte_carlo;
pub mod nonlinear;
pub mod options;
pub mod points;
pub mod prevalence;
pub mod proportion;
pub mod quasi_newton;
pub mod regression;
pub mod retention;
pub mod robust;
pub mod serial;
pub mod survival;
pub mod univariate;

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatsError {
    /// Too few observations.
    #[error("{needed} observations are needed, and there are {got}")]
    TooFew {
        /// The least number.
        needed: usize,
        /// What there is.
        got: usize,
    },
    /// Inputs of different lengths.
    #[error("the inputs have {0} and {1} values")]
    Lengths(usize, usize),
    /// A value that the method has no meaning for, such as a negative duration; rows count from 1.
    #[error("{what}, row {row}: {value} is not {wanted}")]
    Value {
        /// Which input.
        what: &'static str,
        /// The row, from 1.
        row: usize,
        /// What was found.
        value: f64,
        /// What would be right.
        wanted: &'static str,
    },
    /// All values are the same where they have to vary.
    #[error("{0} does not vary")]
    Constant(&'static str),
    /// A column is a linear combination of the others.
    #[error("column {0} is a linear combination of the others")]
    Collinear(usize),
    /// The estimate ran away or did not settle.
    #[error("the fit did not converge after {iterations} iterations: {why}")]
    NotConverged {
        /// How many.
        iterations: usize,
        /// In words.
        why: &'static str,
    },
    /// A setting is out of its range.
    #[error("{name}: {wanted}")]
    Setting {
        /// Which.
        name: &'static str,
        /// What would be right.
        wanted: &'static str,
    },
    /// Nobody waits any more, or the time is over.
    #[error("the fit was stopped")]
    Stopped,
}

/// Asked between the steps of long work: `true` tells it to stop.
pub type Stop<'a> = &'a (dyn Fn() -> bool + Sync);
