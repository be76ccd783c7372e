//! Admission before work: how many texts may be on their way through the embedder, and whether one more would be in time.
//!
//! The embedder is what a flood meets first: everything before it takes microseconds, and a text takes milliseconds of a core. Without a
//! limit its queue would fill until every answer came late. The limit is found by additive increase and multiplicative decrease (Chiu and
//! Jain, "Analysis of the increase and decrease algorithms for congestion avoidance", 1989): while texts wait no longer than a target it
//! grows by one for each round of them, and when they wait longer it shrinks, at most once for each round: to the part of it with which
//! they would have waited for just the target (Little, "A proof for the queuing formula L = λW", 1961), though by a tenth at least and
//! by half at most. The target is small against deadlines and large against one text, so the workers never run dry and nobody waits for
//! long.
//!
//! Not all have the same part of the limit: a tenant of low priority is refused at half of it, and one of high priority only at a quarter more.
//! So where there is not enough for all, those who come last are refused first.
//!
//! A text whose turn would come late, going by how long texts took lately, is refused at once, while its caller can still ask
//! elsewhere. An exact hit is embedded by nobody and so is never refused here.

use crate::domain::deadline::Deadline;
use crate::telemetry::metrics;
use parking_lot::Mutex;
use serde::Deserialize;
use std::time::{Duration, Instant};

/// The factors between which a decrease lies. Where texts wait a little too long the limit is nearly right, and the workers should not
/// run dry; where they wait many times too long, as at the beginning of a flood, small steps would be late themselves.
const DECREASE: std::ops::RangeInclusive<f64> = 0.5..=0.9;
/// The part of the time that is left within which a text's turn must come: how long those before it take is an estimate, and after its
/// turn there is still an answer to be made.
const TURN_WITHIN: f64 = 0.6;
/// Share of a new sample in the mean time of a text.
const SMOOTHING: f64 = 0.05;

/// The settings of admission.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Milliseconds that a text may wait for a worker before fewer are admitted, 1 to 10,000.
    pub queue_target_ms: u64,
    /// Texts on their way that are always admitted, from 1; twice as many as there are workers where they are more.
    pub in_flight_min: usize,
    /// Texts on their way at most, however short they wait, up to 100,000.
    pub in_flight_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { queue_target_ms: 50, in_flight_min: 32, in_flight_max: 1_024 }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// The setting that is out of it, and its range.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=10_000).contains(&self.queue_target_ms) {
            return Err("queue_target_ms must be 1 to 10,000".to_owned());
        }
        if !(1..=self.in_flight_max).contains(&self.in_flight_min) || self.in_flight_max > 100_000 {
            return Err("in_flight_min must be at least 1, and in_flight_max not below it and at most 100,000".to_owned());
        }
        Ok(())
    }
}

/// What a text is embedded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A caller waits for a decision, and is better refused than kept.
    Decision,
    /// Part of a write, of which the doors let few through at once; it waits for its turn.
    Write,
}

/// Why a text is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// As many are on their way as may be.
    #[error("as many texts are being embedded as may be")]
    Full,
    /// Its turn would come too late.
    #[error("the text would not be embedded by the deadline")]
    TooLate,
}

impl Refused {
    fn reason(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::TooLate => "deadline",
        }
    }
}

/// Who may pass.
#[derive(Debug)]
pub struct Admission {
    workers: usize,
    min: f64,
    max: f64,
    target: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: f64,
    in_flight: usize,
    // Mean time of a worker for a text, in seconds; zero until the first one is done.
    service_sec: f64,
    lowered: Option<Instant>,
}

/// A text on its way. Dropped without [`Self::done`], it is only counted out.
#[derive(Debug)]
#[must_use]
pub struct Admitted<'a> {
    admission: &'a Admission,
    // Whether its part of the limit was nearly reached when it came in: only then does a short wait say that more could be admitted.
    pressed: bool,
}

impl Admission {
    /// Admission to `workers` workers, of whom there is at least one.
    pub fn new(config: &Config, workers: usize) -> Self {
        let workers = workers.max(1);
        let (min, max) = (config.in_flight_min.max(2 * workers) as f64, config.in_flight_max as f64);
        let (min, max) = (min, max.max(min));
        // As high as it may be: a burst that is over before its deadlines is no overload, and what would be too late is refused in any case.
        let limit = max;
        metrics::admission::state(limit as usize, 0);
        metrics::admission::reasons([Refused::Full, Refused::TooLate].map(Refused::reason));
        let state = State { limit, in_flight: 0, service_sec: 0.0, lowered: None };
        Self { workers, min, max, target: Duration::from_millis(config.queue_target_ms), state: Mutex::new(state) }
    }

    /// Lets a text in, or refuses it at once; `share` is the part of the limit that its tenant may fill, with what others have on their way.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn enter(&self, (class, share): (Class, f64), deadline: Deadline) -> Result<Admitted<'_>, Refused> {
        let mut state = self.state.lock();
        let room = (state.limit * share).clamp(1.0, self.max);
        if class == Class::Decision
            && let Err(refused) = self.judge(&state, room, deadline.remaining())
        {
            drop(state);
            metrics::admission::refused(refused.reason());
            return Err(refused);
        }
        state.in_flight += 1;
        let pressed = state.in_flight as f64 >= 0.8 * room;
        metrics::admission::state(state.limit as usize, state.in_flight);
        Ok(Admitted { admission: self, pressed })
    }

    fn judge(&self, state: &State, room: f64, remaining: Duration) -> Result<(), Refused> {
        // Those before it share the workers. Its own time is not counted: where nobody is before it, it may try.
        let waits = state.service_sec * state.in_flight as f64 / self.workers as f64;
        if waits > TURN_WITHIN * remaining.as_secs_f64() {
            return Err(Refused::TooLate);
        }
        if state.in_flight as f64 >= room { Err(Refused::Full) } else { Ok(()) }
    }

    /// How many may be on their way now.
    pub fn limit(&self) -> usize {
        self.state.lock().limit as usize
    }

    /// How many are on their way.
    pub fn in_flight(&self) -> usize {
        self.state.lock().in_flight
    }
}

impl Admitted<'_> {
    /// Says how long the text waited for a worker and how long the worker took.
    pub fn done(self, waited: Duration, took: Duration) {
        let mut state = self.admission.state.lock();
        let took = took.as_secs_f64();
        state.service_sec =
            if state.service_sec == 0.0 { took } else { state.service_sec + SMOOTHING * (took - state.service_sec) };
        let now = Instant::now();
        if waited > self.admission.target {
            // Those who are on their way were let in by the old limit: only once they are through does a wait say anything of the new.
            if state.lowered.is_none_or(|at| now.saturating_duration_since(at) > waited) {
                let factor = self.admission.target.as_secs_f64() / waited.as_secs_f64();
                state.limit = (state.limit * factor.clamp(*DECREASE.start(), *DECREASE.end())).max(self.admission.min);
                state.lowered = Some(now);
            }
        } else if self.pressed {
            state.limit = (state.limit + 1.0 / state.limit).min(self.admission.max);
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        let mut state = self.admission.state.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        metrics::admission::state(state.limit as usize, state.in_flight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn admission(min: usize, max: usize) -> Admission {
        Admission::new(&Config { queue_target_ms: 10, in_flight_min: min, in_flight_max: max }, 1)
    }

    fn later() -> Deadline {
        Deadline::after(Duration::from_secs(60))
    }

    /// Lets in as many as may be.
    fn fill(admission: &Admission) -> Vec<Admitted<'_>> {
        std::iter::from_fn(|| admission.enter((Class::Decision, 1.0), later()).ok()).collect()
    }

    #[test]
    fn no_more_are_let_in_than_the_limit_and_room_comes_back() {
        let admission = admission(4, 8);
        let all = fill(&admission);
        assert_eq!(all.len(), 8);
        assert_eq!(admission.enter((Class::Decision, 1.0), later()).unwrap_err(), Refused::Full);
        drop(all);
        assert_eq!(admission.in_flight(), 0);
        assert!(admission.enter((Class::Decision, 1.0), later()).is_ok());
    }

    #[test]
    fn a_write_waits_for_its_turn_where_a_decision_is_refused() {
        let admission = admission(4, 4);
        let _all = fill(&admission);
        assert!(admission.enter((Class::Decision, 1.0), later()).is_err());
        assert!(admission.enter((Class::Write, 1.0), later()).is_ok());
    }

    /// Lets in as many as may be of those with this share of the limit.
    fn fill_with(admission: &Admission, share: f64) -> Vec<Admitted<'_>> {
        std::iter::from_fn(|| admission.enter((Class::Decision, share), later()).ok()).collect()
    }

    #[test]
    fn who_comes_last_is_refused_while_there_is_room_for_others_and_who_comes_first_while_there_is_none() {
        let admission = admission(8, 40);
        admission.state.lock().limit = 32.0;
        let limit = admission.limit();
        let low = fill_with(&admission, 0.5);
        assert_eq!(low.len(), limit / 2);
        let normal = fill_with(&admission, 1.0);
        assert_eq!(low.len() + normal.len(), limit);
        assert_eq!(fill_with(&admission, 0.5).len(), 0);
        let high = fill_with(&admission, 1.25);
        assert_eq!(low.len() + normal.len() + high.len(), 40, "a quarter more, and never more than is configured");
        drop((low, high, normal));
        assert_eq!(fill_with(&admission, 1e-9).len(), 1, "nobody is refused where nobody is before him");
    }

    #[test]
    fn short_waits_raise_the_limit_also_where_all_come_last() {
        let admission = admission(4, 100);
        admission.state.lock().limit = 20.0;
        let before = admission.limit();
        for _ in 0..20 {
            for admitted in fill_with(&admission, 0.5) {
                admitted.done(MILLI, MILLI);
            }
        }
        assert!(admission.limit() > before, "{}", admission.limit());
    }

    #[test]
    fn long_waits_lower_the_limit_to_its_least_and_short_ones_raise_it_again() {
        let admission = admission(4, 100);
        for _ in 0..100 {
            let admitted = admission.enter((Class::Decision, 1.0), later()).unwrap();
            admission.state.lock().lowered = None;
            admitted.done(50 * MILLI, MILLI);
        }
        assert_eq!(admission.limit(), 4);
        for _ in 0..200 {
            for admitted in fill(&admission) {
                admitted.done(MILLI, MILLI);
            }
        }
        assert!(admission.limit() > 50, "{}", admission.limit());
    }

    #[test]
    fn one_round_of_long_waits_lowers_the_limit_once_and_by_as_much_as_they_were_too_long() {
        for (waited_ms, left) in [(11, 90.0), (16, 62.5), (1_000, 50.0)] {
            let admission = admission(4, 100);
            for admitted in fill(&admission) {
                admitted.done(waited_ms * MILLI, MILLI);
            }
            assert!((admission.state.lock().limit - left).abs() < 1e-9, "{waited_ms} ms: {}", admission.limit());
        }
    }

    #[test]
    fn short_waits_of_the_few_do_not_raise_the_limit() {
        let admission = admission(4, 100);
        admission.state.lock().limit = 20.0;
        let before = admission.limit();
        for _ in 0..1_000 {
            admission.enter((Class::Decision, 1.0), later()).unwrap().done(Duration::ZERO, MILLI);
        }
        assert_eq!(admission.limit(), before);
    }

    #[test]
    fn what_can_not_be_in_time_is_refused_before_there_is_no_room() {
        let admission = admission(8, 8);
        admission.enter((Class::Decision, 1.0), later()).unwrap().done(Duration::ZERO, 100 * MILLI);
        let _ahead: Vec<_> = (0..3).map(|_| admission.enter((Class::Decision, 1.0), later()).unwrap()).collect();
        let soon = Deadline::after(200 * MILLI);
        assert_eq!(admission.enter((Class::Decision, 1.0), soon).unwrap_err(), Refused::TooLate);
        assert!(admission.enter((Class::Decision, 1.0), later()).is_ok());
    }

    proptest! {
        #[test]
        fn the_limit_stays_within_its_bounds_and_nothing_is_counted_twice(
            waits in prop::collection::vec((0_u64..100, any::<bool>()), 0..200),
        ) {
            let admission = admission(4, 50);
            let mut held = Vec::new();
            for (wait_ms, is_kept) in waits {
                match admission.enter((Class::Decision, 1.0), later()) {
                    Ok(admitted) if is_kept => held.push(admitted),
                    Ok(admitted) => admitted.done(Duration::from_millis(wait_ms), Duration::from_micros(1)),
                    Err(_) => held.clear(),
                }
                prop_assert!((4..=50).contains(&admission.limit()));
                prop_assert_eq!(admission.in_flight(), held.len());
            }
        }
    }
}
