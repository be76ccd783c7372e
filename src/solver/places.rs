//! How many solves run at a time, and how many wait.

use super::{Cancel, SolverError};
use parking_lot::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// How often one who waits looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(20);

/// A bounded number of places.
#[derive(Debug)]
pub(super) struct Places {
    state: Mutex<State>,
    freed: Condvar,
    running_max: usize,
    waiting_max: usize,
    wait: Duration,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    waiting: usize,
}

/// A place; it is free again when this goes.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a Places);

impl Places {
    pub(super) fn new(running_max: usize, waiting_max: usize, wait: Duration) -> Self {
        Self { state: Mutex::default(), freed: Condvar::new(), running_max, waiting_max, wait }
    }

    /// Takes a place, or waits for one.
    pub(super) fn take(&self, cancel: &Cancel) -> Result<Place<'_>, SolverError> {
        let mut state = self.state.lock();
        if state.running < self.running_max && state.waiting == 0 {
            state.running += 1;
            return Ok(Place(self));
        }
        if state.waiting >= self.waiting_max {
            return Err(SolverError::Busy);
        }
        state.waiting += 1;
        let until = Instant::now() + self.wait;
        let result = loop {
            if state.running < self.running_max {
                state.running += 1;
                break Ok(Place(self));
            }
            if cancel.is_cancelled() {
                break Err(SolverError::Cancelled);
            }
            let now = Instant::now();
            if now >= until {
                break Err(SolverError::Busy);
            }
            self.freed.wait_until(&mut state, until.min(now + LOOK));
        };
        state.waiting -= 1;
        result
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.state.lock().running -= 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_than_may_run_waits_and_one_more_than_may_wait_is_busy() {
        let places = Places::new(1, 1, Duration::from_secs(5));
        let first = places.take(&Cancel::default()).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| places.take(&Cancel::default()).map(drop));
            while places.state.lock().waiting == 0 {
                std::thread::yield_now();
            }
            assert_eq!(places.take(&Cancel::default()).err(), Some(SolverError::Busy));
            drop(first);
            assert_eq!(second.join().unwrap(), Ok(()));
        });
        assert_eq!(places.state.lock().running, 0);
    }

    #[test]
    fn one_who_waits_too_long_is_busy_and_one_who_is_cancelled_goes() {
        let places = Places::new(1, 1, Duration::from_millis(30));
        let _first = places.take(&Cancel::default()).unwrap();
        assert_eq!(places.take(&Cancel::default()).err(), Some(SolverError::Busy));
        let cancel = Cancel::default();
        cancel.cancel();
        assert_eq!(places.take(&cancel).err(), Some(SolverError::Cancelled));
        assert_eq!(places.state.lock().waiting, 0);
    }
}
