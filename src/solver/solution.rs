//! What a solver gives back.

use super::program::Class;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How far a solver may go.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// For how long.
    pub time: Duration,
    /// Bytes of memory that it may take.
    pub memory_bytes: u64,
    /// Nodes of a branch-and-bound tree; `None` for as many as the time allows.
    pub nodes: Option<u64>,
    /// The gap between objective and bound, relative to the objective, at which a MIP or CP counts as optimal.
    pub gap: f64,
}

/// How a solver ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SolveStatus {
    /// Nothing is better.
    Optimal,
    /// A limit came first; the values hold every constraint, and something better may exist.
    Feasible,
    /// No values hold every constraint.
    Infeasible,
    /// The objective has no end.
    Unbounded,
    /// A limit came first, and no values were found.
    Unknown,
}

/// What a solver found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Solution {
    /// How it ended.
    pub status: SolveStatus,
    /// One value for each column where the status is optimal or feasible, else empty.
    pub values: Vec<f64>,
    /// The objective at the values, offset included.
    pub objective: Option<f64>,
    /// What no values can be better than, where the solver knows.
    pub bound: Option<f64>,
    /// By how much the objective rises for each unit by which the bounds of a row rise, one for each row: of an optimal LP or convex
    /// program without cones on integers. The sign is that of the change of the objective as stated, whichever way it goes.
    pub duals: Option<Vec<f64>>,
    /// By how much the objective rises for each unit by which the binding bound of a column rises, one for each column, where `duals` are.
    pub reduced_costs: Option<Vec<f64>>,
    /// A direction, one number for each column, along which an unbounded program improves for ever.
    pub ray: Option<Vec<f64>>,
    /// Which solver it was, with its version.
    pub solver: String,
    /// How long the solver itself ran, in milliseconds.
    pub solve_ms: f64,
    /// Nodes of the tree, where there was one.
    pub nodes: Option<u64>,
}

impl Solution {
    /// What says how this solver ended, and nothing else yet.
    pub fn without_values(status: SolveStatus, solver: &str) -> Self {
        Self {
            status,
            values: Vec::new(),
            objective: None,
            bound: None,
            duals: None,
            reduced_costs: None,
            ray: None,
            solver: solver.to_owned(),
            solve_ms: 0.0,
            nodes: None,
        }
    }
}

/// Why there is no solution at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SolverError {
    /// The program is not one that this solver takes.
    #[error("{0}")]
    Refused(String),
    /// No solver for this class is installed.
    #[error("no solver for a program of the class {class:?} is installed: {detail}")]
    Missing {
        /// Of which class.
        class: Class,
        /// What is missing, and how it comes to be there.
        detail: String,
    },
    /// The solver took more memory than it may.
    #[error("the solver needed more than {limit_bytes} bytes of memory")]
    OutOfMemory {
        /// How many it may take.
        limit_bytes: u64,
    },
    /// The solver did not stop at its limit and was killed.
    #[error("the solver was stopped after {0:?}")]
    TimedOut(Duration),
    /// Nobody waits for it any more.
    #[error("the solve was cancelled")]
    Cancelled,
    /// As many solves as may run are under way.
    #[error("all solvers are busy")]
    Busy,
    /// It crashed, or said something that can't be read.
    #[error("the solver failed: {0}")]
    Failed(String),
}
