//! The seam of solvers: a mathematical program in, the best values of its columns out.
//!
//! Invariants:
//! - a solver never runs in this process: it can hang, crash or take all memory, and is killed at its limit without harm;
//! - what it says is checked by whoever asked, with [`Program`]'s own rows: a solver's word is no proof;
//! - the same program under the same limits gives the same values on the same machine, as far as no limit came first.

mod check;
mod chosen;
pub mod config;
#[cfg(test)]
mod contract;
mod files;
pub mod frame;
mod name;
mod places;
mod process;
pub mod program;
pub mod solution;
mod spare;
pub mod twin;
mod worker;

pub use chosen::{Chosen, Named, OpenError, open};
pub use config::{BadSetting, Config};
pub use name::{Name, UnknownSolver};
pub use program::{Class, Program};
pub use solution::{Limits, Solution, SolveStatus, SolverError};
pub use worker::worker_main;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What finds the best values. Synchronous: it blocks its thread until the solver is done.
pub trait Solver: Send + Sync + Debug {
    /// Solves `program` within `limits`, or until it is cancelled.
    ///
    /// # Errors
    /// [`SolverError`]. A program without a solution is none: see [`SolveStatus`].
    fn solve(&self, program: &Program, limits: &Limits, cancel: &Cancel) -> Result<Solution, SolverError>;
}

/// Tells a solve that nobody waits for it any more. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Cancels.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
