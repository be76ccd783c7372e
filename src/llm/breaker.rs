//! The circuit breaker of an endpoint (M. Nygard, "Release It!", 2007): closed while calls mostly succeed, open for a while after too
//! many failed, half-open when that time is over, and then one probe decides.
//!
//! It reads no clock: every method is told the moment, so that tests live by a clock of their own.

use super::BreakerConfig;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Slices of the window. What is older than the window is forgotten slice by slice.
const SLICES: u32 = 10;

/// How a call ended, as a sign of the endpoint's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It answered, even if only to refuse.
    Answered,
    /// It failed.
    Failed,
    /// Nobody waited for it long enough to tell.
    Unknown,
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Calls go through.
    Closed,
    /// One call at a time goes through, to see.
    HalfOpen,
    /// None goes through.
    Open,
}

impl State {
    /// The number for it in metrics.
    pub fn gauge(self) -> i64 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

/// The leave to make one call; to be given back by [`Breaker::settle`].
#[derive(Debug)]
pub struct Leave {
    generation: u64,
}

/// The breaker of one endpoint.
#[derive(Debug)]
pub struct Breaker {
    config: BreakerConfig,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Counts changes of state: how a call ends matters only to the state that it began in.
    generation: u64,
    position: Position,
    slices: VecDeque<Slice>,
}

#[derive(Debug, Clone, Copy)]
enum Position {
    Closed,
    HalfOpen { probing: bool },
    Open { until: Instant },
}

#[derive(Debug, Clone, Copy)]
struct Slice {
    since: Instant,
    calls: u32,
    failures: u32,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(config: BreakerConfig) -> Self {
        Self { config, inner: Mutex::new(Inner { generation: 0, position: Position::Closed, slices: VecDeque::new() }) }
    }

    /// How long until a call may go through; nothing where one may now.
    pub fn closed_for(&self, now: Instant) -> Duration {
        match self.inner.lock().position {
            Position::Open { until } => until.saturating_duration_since(now),
            // A probe is under way; how it ends will tell, at the latest after the time for which it would have been open.
            Position::HalfOpen { probing: true } => Duration::from_millis(self.config.open_ms),
            Position::Closed | Position::HalfOpen { probing: false } => Duration::ZERO,
        }
    }

    /// The leave to make a call, where one may go through.
    pub fn admit(&self, now: Instant) -> Option<Leave> {
        let mut inner = self.inner.lock();
        match inner.position {
            Position::Closed => {}
            Position::Open { until } if now >= until => inner.turn(Position::HalfOpen { probing: true }),
            Position::HalfOpen { probing: false } => inner.position = Position::HalfOpen { probing: true },
            Position::Open { .. } | Position::HalfOpen { probing: true } => return None,
        }
        Some(Leave { generation: inner.generation })
    }

    /// Takes note of how a call ended.
    pub fn settle(&self, leave: &Leave, sign: Sign, now: Instant) {
        let mut inner = self.inner.lock();
        if leave.generation != inner.generation {
            return;
        }
        let opened = Position::Open { until: now + Duration::from_millis(self.config.open_ms) };
        match (inner.position, sign) {
            (Position::HalfOpen { .. }, Sign::Answered) => inner.turn(Position::Closed),
            (Position::HalfOpen { .. }, Sign::Failed) => inner.turn(opened),
            (Position::HalfOpen { .. }, Sign::Unknown) => inner.position = Position::HalfOpen { probing: false },
            (Position::Closed, Sign::Answered | Sign::Failed) => {
                inner.count(sign == Sign::Failed, now, Duration::from_millis(self.config.window_ms));
                let calls: u32 = inner.slices.iter().map(|slice| slice.calls).sum();
                let failures: u32 = inner.slices.iter().map(|slice| slice.failures).sum();
                let too_many = f64::from(failures) >= self.config.failure_share * f64::from(calls);
                if sign == Sign::Failed && calls >= self.config.calls_min && too_many {
                    inner.turn(opened);
                }
            }
            (Position::Closed, Sign::Unknown) | (Position::Open { .. }, _) => {}
        }
    }

    /// Where it stands.
    pub fn state(&self, now: Instant) -> State {
        match self.inner.lock().position {
            Position::Closed => State::Closed,
            Position::Open { until } if now < until => State::Open,
            Position::HalfOpen { .. } | Position::Open { .. } => State::HalfOpen,
        }
    }
}

impl Inner {
    fn turn(&mut self, to: Position) {
        self.position = to;
        self.generation += 1;
        self.slices.clear();
    }

    fn count(&mut self, failed: bool, now: Instant, window: Duration) {
        while self.slices.front().is_some_and(|slice| now.saturating_duration_since(slice.since) > window) {
            self.slices.pop_front();
        }
        let current = self.slices.back().filter(|slice| now.saturating_duration_since(slice.since) < window / SLICES);
        if current.is_none() {
            self.slices.push_back(Slice { since: now, calls: 0, failures: 0 });
        }
        if let Some(slice) = self.slices.back_mut() {
            slice.calls = slice.calls.saturating_add(1);
            slice.failures = slice.failures.saturating_add(u32::from(failed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Four calls at least, half of them failed, within a second; open for half a second.
    fn breaker() -> Breaker {
        Breaker::new(BreakerConfig { window_ms: 1_000, calls_min: 4, failure_share: 0.5, open_ms: 500, slow_ms: 100 })
    }

    fn call(breaker: &Breaker, sign: Sign, now: Instant) -> bool {
        breaker.admit(now).map(|leave| breaker.settle(&leave, sign, now)).is_some()
    }

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn it_opens_at_the_share_of_failures_once_there_were_calls_enough() {
        let (breaker, now) = (breaker(), Instant::now());
        for sign in [Sign::Failed, Sign::Failed, Sign::Answered] {
            assert!(call(&breaker, sign, now));
            assert_eq!(breaker.state(now), State::Closed);
        }
        assert!(call(&breaker, Sign::Failed, now));
        assert_eq!(breaker.state(now), State::Open);
        assert!(!call(&breaker, Sign::Answered, now + millis(499)));
        assert_eq!(breaker.closed_for(now + millis(100)), millis(400));
    }

    #[test]
    fn half_open_lets_one_probe_through_and_its_end_decides() {
        let (breaker, start) = (breaker(), Instant::now());
        (0..4).for_each(|_| assert!(call(&breaker, Sign::Failed, start)));
        let later = start + millis(500);
        assert_eq!(breaker.state(later), State::HalfOpen);
        let probe = breaker.admit(later).unwrap();
        assert!(breaker.admit(later).is_none(), "a second probe");
        breaker.settle(&probe, Sign::Failed, later);
        assert_eq!(breaker.state(later), State::Open);
        let again = later + millis(500);
        let probe = breaker.admit(again).unwrap();
        breaker.settle(&probe, Sign::Answered, again);
        assert_eq!(breaker.state(again), State::Closed);
        assert!(call(&breaker, Sign::Failed, again), "what was before the opening is forgotten");
        assert_eq!(breaker.state(again), State::Closed);
    }

    #[test]
    fn a_probe_that_nobody_waited_for_makes_room_for_another() {
        let (breaker, start) = (breaker(), Instant::now());
        (0..4).for_each(|_| assert!(call(&breaker, Sign::Failed, start)));
        let later = start + millis(600);
        assert!(call(&breaker, Sign::Unknown, later));
        assert_eq!(breaker.state(later), State::HalfOpen);
        assert!(call(&breaker, Sign::Answered, later));
        assert_eq!(breaker.state(later), State::Closed);
    }

    #[test]
    fn a_call_from_before_a_change_of_state_moves_nothing() {
        let (breaker, start) = (breaker(), Instant::now());
        let old = breaker.admit(start).unwrap();
        (0..4).for_each(|_| assert!(call(&breaker, Sign::Failed, start)));
        breaker.settle(&old, Sign::Answered, start);
        assert_eq!(breaker.state(start), State::Open);
        let later = start + millis(500);
        let probe = breaker.admit(later).unwrap();
        breaker.settle(&old, Sign::Answered, later);
        assert_eq!(breaker.state(later), State::HalfOpen);
        breaker.settle(&probe, Sign::Answered, later);
        assert_eq!(breaker.state(later), State::Closed);
    }

    #[test]
    fn failures_older_than_the_window_are_forgotten() {
        let (breaker, start) = (breaker(), Instant::now());
        (0..3).for_each(|_| assert!(call(&breaker, Sign::Failed, start)));
        let later = start + millis(1_101);
        assert!(call(&breaker, Sign::Failed, later));
        assert_eq!(breaker.state(later), State::Closed);
    }

    proptest! {
        #[test]
        fn it_never_lets_more_than_one_through_unless_it_is_closed(steps in prop::collection::vec((0_u8..4, 0_u64..300), 0..200)) {
            let (breaker, mut now, mut under_way) = (breaker(), Instant::now(), Vec::new());
            for (step, wait) in steps {
                now += millis(wait);
                let before = breaker.state(now);
                match (step, under_way.pop()) {
                    (0, last) => {
                        under_way.extend(last);
                        let leave = breaker.admit(now);
                        prop_assert!(before != State::Open || leave.is_none());
                        if before == State::HalfOpen && leave.is_some() {
                            prop_assert!(breaker.admit(now).is_none());
                        }
                        under_way.extend(leave);
                    }
                    (1, Some(leave)) => breaker.settle(&leave, Sign::Answered, now),
                    (2, Some(leave)) => breaker.settle(&leave, Sign::Failed, now),
                    (_, Some(leave)) => breaker.settle(&leave, Sign::Unknown, now),
                    (_, None) => {}
                }
            }
            under_way.drain(..).for_each(|leave| breaker.settle(&leave, Sign::Unknown, now));
            prop_assert!(breaker.admit(now + millis(501)).is_some(), "it does not stay open for ever");
        }
    }
}
