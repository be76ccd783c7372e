//! `instinct solve-worker`: a process that solves one program and ends; started by the service itself, for itself.

use crate::solver;
use clap::Args;
use std::process::ExitCode;

/// Solve one program for a service that asks for it.
#[derive(Debug, Args)]
pub(super) struct SolveWorker {
    /// What the service says to it.
    setup: String,
}

impl SolveWorker {
    pub(super) fn run(self) -> ExitCode {
        solver::worker_main(&self.setup)
    }
}
