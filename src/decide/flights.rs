//! Single flight: of several requests for the same decision one asks the engine, and the others wait for what it brings home.
//!
//! Two requests are for the same decision where they share partition and circumstances and where their texts are the same, or are as near
//! as a reuse has to be and state the same facts. Whoever waits is given nothing untested: it looks into memory again once the decision is
//! there, and its own gates decide.

use crate::domain::decision::Payload;
use crate::domain::fact_rules::Rules;
use crate::domain::facts::Facts;
use crate::domain::partition::PartitionKey;
use crate::domain::strategy::Thresholds;
use crate::domain::text::TextHash;
use crate::domain::time::Timestamp;
use crate::domain::vector::UnitVector;
use crate::facts;
use crate::limits::{ABSTENTION_LINGERS_MS, LINGERING_ABSTENTIONS_MAX};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What a request is for.
#[derive(Debug)]
pub(super) struct Destination {
    pub partition: PartitionKey,
    pub text: TextHash,
    pub vector: UnitVector,
    pub fresh: UnitVector,
    pub facts: Option<Facts>,
    /// The moment that it is decided for.
    pub as_of: Timestamp,
    /// A digest of what else an engine looks at: regime, position, risk, bars, tags and context.
    pub circumstances: blake3::Hash,
}

/// How an engine's run ended, for those who waited for it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Landed {
    /// The decision is in memory.
    Remembered,
    /// This was decided and is not to be remembered: it holds for those alone who asked the very same at the same time.
    Told(Payload),
    /// The engine had nothing to say, and why.
    Abstained(String),
    /// It failed, and why.
    Failed(String),
}

/// A run of an engine that is under way.
#[derive(Debug)]
pub(super) struct Flight {
    to: Destination,
    /// How many runs for the same decision failed before this one.
    pub attempt: u32,
    landed: watch::Sender<Option<Landed>>,
    /// Until when a run that ended without an opinion answers those who come later.
    lingers: OnceLock<Instant>,
}

impl Flight {
    fn over(&self, now: Instant) -> bool {
        self.lingers.get().is_some_and(|until| *until <= now)
    }

    /// Whether it is for this very text.
    pub(super) fn is_of(&self, text: TextHash) -> bool {
        self.to.text == text
    }

    /// Waits for the end of the run.
    pub(super) async fn landed(&self) -> Landed {
        let mut landed = self.landed.subscribe();
        let seen = landed.wait_for(Option::is_some).await.map(|landed| landed.clone());
        // It fails only once the sender is gone, and `self` holds it.
        seen.ok().flatten().unwrap_or_else(|| Landed::Failed("it was lost".to_owned()))
    }
}

/// The runs that are under way.
#[derive(Debug, Default)]
pub struct Flights {
    under_way: Mutex<HashMap<PartitionKey, Vec<Arc<Flight>>>>,
}

/// What a request does.
pub(super) enum Boarding {
    /// It asks the engine itself; the others wait for it.
    Leads(Pilot),
    /// It waits.
    Follows(Arc<Flight>),
}

/// Whose run a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    /// That of the same text, and of one that is near.
    Near,
    /// That of the same text alone.
    SameText,
    /// Nobody's.
    Nobody,
}

/// On what terms a request joins another.
pub(super) struct Terms<'a> {
    pub floors: Thresholds,
    pub rules: &'a Rules,
    /// Whose run it waits for.
    pub company: Company,
    /// The moment that the request speaks of: what is decided for a later one looks ahead.
    pub as_of: Timestamp,
    pub attempt: u32,
}

/// Whoever asks the engine. A pilot that is lost on the way, by a panic or a cancelled task, takes nobody down: its flight ends as
/// failed.
pub(super) struct Pilot {
    flights: Arc<Flights>,
    flight: Arc<Flight>,
}

impl Flights {
    /// Joins the run for the same decision, or starts one.
    pub(super) fn board(self: &Arc<Self>, to: Destination, terms: &Terms<'_>) -> Boarding {
        let (mut under_way, now) = (self.under_way.lock(), Instant::now());
        let partition = under_way.entry(to.partition).or_default();
        partition.retain(|flight| !flight.over(now));
        let same = |flight: &&Arc<Flight>| flight.attempt >= terms.attempt && flight.to.is_also(&to, terms);
        if let Some(flight) = partition.iter().find(same) {
            return Boarding::Follows(Arc::clone(flight));
        }
        let (landed, lingers) = (watch::Sender::new(None), OnceLock::new());
        let flight = Arc::new(Flight { to, attempt: terms.attempt, landed, lingers });
        partition.push(Arc::clone(&flight));
        Boarding::Leads(Pilot { flights: Arc::clone(self), flight })
    }

    /// How many runs are under way.
    pub fn count(&self) -> usize {
        let at_work = |flight: &&Arc<Flight>| flight.lingers.get().is_none();
        self.under_way.lock().values().flatten().filter(at_work).count()
    }
}

impl Destination {
    fn is_also(&self, other: &Self, terms: &Terms<'_>) -> bool {
        if self.circumstances != other.circumstances || self.as_of > terms.as_of || terms.company == Company::Nobody {
            return false;
        }
        if self.text == other.text || terms.company == Company::SameText {
            return self.text == other.text;
        }
        let near = self.vector.dot(&other.vector) >= terms.floors.tau && self.fresh.dot(&other.fresh) >= terms.floors.tau_fresh;
        let agree = |a: &Facts, b: &Facts| facts::compare(a, b, terms.rules).is_ok();
        near && match (&self.facts, &other.facts) {
            (Some(held), Some(asked)) => agree(held, asked),
            _ => true,
        }
    }
}

impl Pilot {
    /// How many runs for the same decision failed before this one.
    pub(super) fn attempt(&self) -> u32 {
        self.flight.attempt
    }

    /// Ends the run: those who waited are told, and who comes later starts a new one. That an engine has nothing to say answers those who
    /// come within a moment as well, so that a stampede for what can't be decided asks it once.
    pub(super) fn land(self, landed: Landed) {
        if matches!(landed, Landed::Abstained(_)) {
            self.flight.lingers.get_or_init(|| Instant::now() + Duration::from_millis(ABSTENTION_LINGERS_MS));
        }
        self.flight.landed.send_replace(Some(landed));
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        let mut under_way = self.flights.under_way.lock();
        if let Some(partition) = under_way.get_mut(&self.flight.to.partition) {
            let now = Instant::now();
            partition
                .retain(|flight| !flight.over(now) && (!Arc::ptr_eq(flight, &self.flight) || flight.lingers.get().is_some()));
            let lingering = partition.iter().filter(|flight| flight.lingers.get().is_some()).count();
            if lingering > LINGERING_ABSTENTIONS_MAX
                && let Some(oldest) = partition.iter().position(|flight| flight.lingers.get().is_some())
            {
                partition.remove(oldest);
            }
            if partition.is_empty() {
                under_way.remove(&self.flight.to.partition);
            }
        }
        self.flight.landed.send_if_modified(|landed| {
            let lost = landed.is_none();
            if lost {
                *landed = Some(Landed::Failed("the run broke off".to_owned()));
            }
            lost
        });
    }
}
