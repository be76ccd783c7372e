//! The moment by which an answer is worth having.

use std::time::{Duration, Instant};

/// A moment on the monotonic clock; made once where a request comes in and passed on by value, so that no step
/// can grant itself more time and a jump of the wall clock moves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    start: Instant,
    at: Instant,
}

impl Deadline {
    /// A deadline `budget` from now.
    pub fn after(budget: Duration) -> Self {
        Self::from_start(Instant::now(), budget)
    }

    /// A deadline `budget` after `start`, the moment when the request's first byte was seen.
    pub fn from_start(start: Instant, budget: Duration) -> Self {
        Self { start, at: start.checked_add(budget).unwrap_or(start) }
    }

    /// When the request began.
    pub fn start(self) -> Instant {
        self.start
    }

    /// What is left; zero once it has passed.
    pub fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn passed(self) -> bool {
        Instant::now() >= self.at
    }

    /// The same moment for code that waits on it.
    pub fn at(self) -> Instant {
        self.at
    }
}
