//! A solver whose runs are counted.

use crate::engine::planning;
use crate::solver::config::Config;
use crate::solver::{Cancel, Limits, Program, Solution, SolveStatus, Solver, SolverError};
use crate::telemetry::metrics;
use std::sync::Arc;
use std::time::Instant;

/// Counts how the runs of another solver end.
#[derive(Debug)]
pub struct Counted {
    inner: Arc<dyn Solver>,
    names: Config,
}

impl Counted {
    /// Counts the runs of `inner` under the names that the settings have for each class of program.
    pub fn new(inner: Arc<dyn Solver>, names: Config) -> Self {
        Self { inner, names }
    }
}

impl Solver for Counted {
    fn solve(&self, program: &Program, limits: &Limits, cancel: &Cancel) -> Result<Solution, SolverError> {
        let since = Instant::now();
        let solved = self.inner.solve(program, limits, cancel);
        let outcome = solved.as_ref().map_or_else(planning::outcome, |solution| match solution.status {
            SolveStatus::Optimal => "optimal",
            SolveStatus::Feasible => "feasible",
            SolveStatus::Infeasible => "infeasible",
            SolveStatus::Unbounded => "unbounded",
            SolveStatus::Unknown => "unknown",
        });
        metrics::plans::solver_ran(self.names.name_for(program.class).as_str(), outcome, since.elapsed());
        solved
    }
}
