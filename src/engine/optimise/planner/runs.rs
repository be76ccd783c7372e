//! The solves of one plan: counted, within one deadline, cancellable between any two.

use crate::domain::deadline::Deadline;
use crate::solver::{Cancel, Limits, Program, Solution, SolveStatus, Solver, SolverError};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Below this a solve that only adds to the plan is not begun: its process would not be up before the deadline.
const WORTH_BEGINNING: Duration = Duration::from_millis(20);

/// What solves for one plan.
#[derive(Debug)]
pub(super) struct Runs<'a> {
    solver: &'a dyn Solver,
    limits: Limits,
    deadline: Deadline,
    cancel: &'a Cancel,
    solves: Cell<u32>,
    extra_left: Cell<u32>,
    /// From when on and for how long a decision that stands may be explained.
    window: Cell<Option<(Instant, Duration)>>,
}

/// Why no further solve is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nobody waits any more.
    Cancelled,
    /// The deadline is too near, or as many solves were made as may be.
    Enough,
    /// The solver failed.
    Solver(SolverError),
}

impl<'a> Runs<'a> {
    pub(super) fn new(
        solver: &'a dyn Solver,
        (limits, extra_max): (Limits, u32),
        deadline: Deadline,
        cancel: &'a Cancel,
    ) -> Self {
        Self { solver, limits, deadline, cancel, solves: Cell::new(0), extra_left: Cell::new(extra_max), window: Cell::new(None) }
    }

    /// The solve that the plan is about.
    pub(super) fn first(&self, program: &Program) -> Result<Solution, Stop> {
        self.run(program, self.limits.time.min(self.deadline.remaining()))
    }

    /// One more, that only adds to the plan: it may take a quarter of what is left, so that others come to their turn.
    pub(super) fn extra(&self, program: &Program) -> Result<Solution, Stop> {
        let share = self.remaining() / 4;
        if share < WORTH_BEGINNING || self.extra_left.get() == 0 {
            return Err(if self.cancel.is_cancelled() { Stop::Cancelled } else { Stop::Enough });
        }
        self.extra_left.set(self.extra_left.get() - 1);
        match self.run(program, self.limits.time.min(share)) {
            // A solve that ran into a limit of its own tells nothing, and the next may well be easier.
            Err(Stop::Solver(SolverError::TimedOut(_) | SolverError::OutOfMemory { .. })) => {
                Ok(Solution::without_values(SolveStatus::Unknown, ""))
            }
            other => other,
        }
    }

    fn run(&self, program: &Program, time: Duration) -> Result<Solution, Stop> {
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if time.is_zero() {
            return Err(Stop::Enough);
        }
        self.solves.set(self.solves.get() + 1);
        self.solver.solve(program, &Limits { time, ..self.limits }, self.cancel).map_err(|error| match error {
            SolverError::Cancelled => Stop::Cancelled,
            error => Stop::Solver(error),
        })
    }

    /// A decision stands: from now on what explains it may take so long, and never past the deadline.
    pub(super) fn explain_for(&self, time: Duration) {
        self.window.set(Some((Instant::now(), time.min(self.deadline.remaining()))));
    }

    /// Whether more than this share of the time for explaining is gone.
    pub(super) fn spent(&self, share: f64) -> bool {
        self.window.get().is_some_and(|(begun, time)| begun.elapsed() > time.mul_f64(share))
    }

    fn remaining(&self) -> Duration {
        let left = self.deadline.remaining();
        self.window.get().map_or(left, |(begun, time)| left.min(time.saturating_sub(begun.elapsed())))
    }

    /// How many were made.
    pub(super) fn made(&self) -> u32 {
        self.solves.get()
    }

    /// The gap at which a search over whole numbers counts as done.
    pub(super) fn gap(&self) -> f64 {
        self.limits.gap
    }

    /// Whether the time for what only adds to the plan is over.
    pub(super) fn late(&self) -> bool {
        self.cancel.is_cancelled() || self.remaining() / 4 < WORTH_BEGINNING
    }
}

impl Stop {
    /// Nothing where the work may end here with what it has, the stop itself where the whole plan ends.
    pub(super) fn soft(self) -> Result<(), Self> {
        match self {
            Self::Cancelled => Err(self),
            Self::Enough | Self::Solver(_) => Ok(()),
        }
    }
}
