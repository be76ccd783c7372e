//! Reasons to refuse a candidate, in order, each in microseconds.
//!
//! A gate is a pure function of the entry and of the circumstances of the request. The first that refuses ends the candidate, and the
//! answer says which it was and what it saw.

mod action;
mod trust;
mod validity;

use crate::domain::answer::{Gate, GateVerdict};
use crate::domain::component::Cut;
use crate::domain::entry::Entry;
use crate::domain::facts::Facts;
use crate::domain::request::Market;
use crate::domain::strategy::Strategy;
use crate::domain::text::TextHash;
use crate::domain::time::Timestamp;
use crate::facts::paraphrase::{Said, is_paraphrase};
use crate::facts::{self, Lexicon, Rules};

/// What was read out of the request's text, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The request's text.
    pub text: &'a str,
    /// What it says.
    pub asked: &'a Facts,
    /// The words that the reader knows.
    pub lexicon: &'a Lexicon,
    /// What must agree.
    pub rules: &'a Rules,
}

/// What a request brings that an entry is judged against.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The rules.
    pub strategy: &'a Strategy,
    /// What the text says; absent where the texts are the same, which say the same.
    pub reading: Option<Reading<'a>>,
    /// The moment that the question speaks of.
    pub as_of: Timestamp,
    /// The present moment, for times to live.
    pub now: Timestamp,
    /// The state of the market that the caller sees.
    pub market: &'a Market,
    /// The hash of the fresh text.
    pub text_hash: TextHash,
    /// Where the fresh text was longer than the model reads.
    pub cut: Option<Cut>,
}

/// How near a candidate is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearness {
    /// Cosine of the composed vectors.
    pub similarity: f32,
    /// Cosine of the fresh vectors.
    pub fresh_similarity: f32,
}

impl Nearness {
    /// The nearness of the same text.
    pub const SAME: Self = Self { similarity: 1.0, fresh_similarity: 1.0 };
}

/// That a candidate was turned away.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// By which gate.
    pub gate: Gate,
    /// What it saw.
    pub saw: String,
}

/// The gates that a served candidate has passed, in order.
pub const PASSED: [GateVerdict; 5] = [
    GateVerdict { gate: Gate::Floors, passed: true },
    GateVerdict { gate: Gate::Facts, passed: true },
    GateVerdict { gate: Gate::Validity, passed: true },
    GateVerdict { gate: Gate::Trust, passed: true },
    GateVerdict { gate: Gate::Action, passed: true },
];

/// Runs every gate.
///
/// # Errors
/// The [`Refusal`] of the first that turns the candidate away.
pub fn judge(entry: &Entry, near: Nearness, seen: &Circumstances<'_>) -> Result<(), Refusal> {
    check_floors(entry, near, seen)?;
    judge_beyond_floors(entry, seen)
}

/// Runs every gate but the floors, for entries that are near for another reason than their cosine.
///
/// # Errors
/// The [`Refusal`] of the first that turns the candidate away.
pub fn judge_beyond_floors(entry: &Entry, seen: &Circumstances<'_>) -> Result<(), Refusal> {
    check_facts(entry, seen)?;
    validity::check(entry, seen)?;
    trust::check(entry, seen)?;
    action::check(entry, seen)
}

fn refuse(gate: Gate, saw: String) -> Result<(), Refusal> {
    Err(Refusal { gate, saw })
}

fn check_floors(entry: &Entry, near: Nearness, seen: &Circumstances<'_>) -> Result<(), Refusal> {
    let floors = seen.strategy.floors();
    let same_text = entry.text_hash == seen.text_hash;
    // A comparison that is false for NaN, so that a damaged similarity can only refuse.
    let clears = |value: f32, floor: f32| value >= floor;
    if !clears(near.fresh_similarity, floors.tau_fresh) && !same_text {
        return refuse(Gate::Floors, format!("fresh similarity {:.3} is below {:.3}", near.fresh_similarity, floors.tau_fresh));
    }
    if !clears(near.similarity, floors.tau) {
        return refuse(Gate::Floors, format!("similarity {:.3} is below {:.3}", near.similarity, floors.tau));
    }
    // The vectors say nothing of what comes after the cut, so texts that differ may differ just there.
    match seen.cut.or(entry.cut).filter(|_| !same_text) {
        Some(cut) => refuse(Gate::Floors, format!("only the first {} of {} tokens were compared", cut.kept, cut.tokens)),
        None => Ok(()),
    }
}

/// The entry's text is read here, once it has cleared the floors: that takes some microseconds for one or two candidates, where the facts
/// of every entry would take a kilobyte of memory each.
fn check_facts(entry: &Entry, seen: &Circumstances<'_>) -> Result<(), Refusal> {
    let Some(reading) = seen.reading.filter(|_| entry.text_hash != seen.text_hash) else { return Ok(()) };
    let held = facts::read(&entry.text, entry.as_of, reading.lexicon);
    let Err(conflict) = facts::compare(&held, reading.asked, reading.rules) else { return Ok(()) };
    let (held, asked) = (Said { text: &entry.text, facts: &held }, Said { text: reading.text, facts: reading.asked });
    if is_paraphrase(held, asked, reading.rules, reading.lexicon) { Ok(()) } else { refuse(Gate::Facts, conflict.saw) }
}

#[cfg(test)]
mod tests;
