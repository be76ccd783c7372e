//! Reasons to refuse a candidate, in order, each in microseconds.
//!
//! A gate is a pure function of the entry and of the circumstances of the request. The first that refuses ends the candidate, and the
//! answer says which it was and what it saw.

use crate::domain::answer::{Gate, GateVerdict};
use crate::domain::component::Cut;
use crate::domain::entry::Entry;
use crate::domain::facts::Facts;
use crate::domain::request::Market;
use crate::domain::strategy::Thresholds;
use crate::domain::text::TextHash;
use crate::domain::time::Timestamp;
use crate::facts::{self, Lexicon, Rules};

/// What was read out of the request's text, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// What the request says.
    pub asked: &'a Facts,
    /// The words that the reader knows.
    pub lexicon: &'a Lexicon,
    /// What must agree.
    pub rules: &'a Rules,
}

/// What a request brings that an entry is judged against.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
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
pub const PASSED: [GateVerdict; 3] = [
    GateVerdict { gate: Gate::Floors, passed: true },
    GateVerdict { gate: Gate::Facts, passed: true },
    GateVerdict { gate: Gate::Validity, passed: true },
];

/// Runs every gate.
///
/// # Errors
/// The [`Refusal`] of the first that turns the candidate away.
pub fn judge(entry: &Entry, near: Nearness, floors: Thresholds, seen: &Circumstances<'_>) -> Result<(), Refusal> {
    check_floors(entry, near, floors, seen)?;
    check_facts(entry, seen)?;
    check_validity(entry, seen)
}

fn refuse(gate: Gate, saw: String) -> Result<(), Refusal> {
    Err(Refusal { gate, saw })
}

fn check_floors(entry: &Entry, near: Nearness, floors: Thresholds, seen: &Circumstances<'_>) -> Result<(), Refusal> {
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
    match facts::compare(&held, reading.asked, reading.rules) {
        Ok(()) => Ok(()),
        Err(conflict) => refuse(Gate::Facts, conflict.saw),
    }
}

fn check_validity(entry: &Entry, seen: &Circumstances<'_>) -> Result<(), Refusal> {
    let refuse = |saw: String| refuse(Gate::Validity, saw);
    if seen.as_of < entry.as_of {
        return refuse(format!("as_of: the request speaks of {}, before the entry's {}", seen.as_of, entry.as_of));
    }
    if let Some(until) = entry.validity.valid_until.filter(|until| seen.as_of > *until) {
        return refuse(format!("valid_until: it ended at {until}"));
    }
    if let Some(end) = entry.expires_at().filter(|end| *end <= seen.now) {
        return refuse(format!("ttl: it ended at {end}"));
    }
    for (instrument, band) in &entry.validity.price {
        match seen.market.price.get(instrument) {
            None => return refuse(format!("price: the entry holds for a band of {instrument}, and the request gives no price")),
            Some(price) if !(band.min..=band.max).contains(price) => {
                return refuse(format!("price: {instrument} at {price} is outside {} to {}", band.min, band.max));
            }
            Some(_) => {}
        }
    }
    match (&entry.validity.regime, &seen.market.regime) {
        (Some(held), None) => refuse(format!("regime: the entry holds for {held}, and the request gives none")),
        (Some(held), Some(given)) if held != given => refuse(format!("regime: {held} vs {given}")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry::PriceBand;
    use crate::domain::entry::fixture::entry;
    use crate::domain::text::FreshText;
    use proptest::prelude::*;

    const FLOORS: Thresholds = Thresholds { tau: 0.9, tau_fresh: 0.8 };

    fn at(moment: &str) -> Timestamp {
        Timestamp::parse(moment).unwrap()
    }

    fn seen<'a>(market: &'a Market, text: &str) -> Circumstances<'a> {
        let now = at("2026-02-01T00:00:00Z");
        Circumstances { reading: None, as_of: now, now, market, text_hash: FreshText::new(text).unwrap().hash(), cut: None }
    }

    fn refused_by(result: Result<(), Refusal>) -> Option<Gate> {
        result.err().map(|refusal| refusal.gate)
    }

    #[test]
    fn both_floors_must_be_cleared() {
        let market = Market::default();
        let judge = |similarity, fresh_similarity| {
            refused_by(judge(&entry("a"), Nearness { similarity, fresh_similarity }, FLOORS, &seen(&market, "b")))
        };
        assert_eq!(judge(0.9, 0.8), None);
        assert_eq!(judge(0.99, 0.79), Some(Gate::Floors));
        assert_eq!(judge(0.89, 0.99), Some(Gate::Floors));
        assert_eq!(judge(f32::NAN, 0.99), Some(Gate::Floors));
        assert_eq!(judge(0.99, f32::NAN), Some(Gate::Floors));
    }

    #[test]
    fn a_text_that_says_otherwise_is_refused_however_near_it_is() {
        let market = Market::default();
        let (lexicon, rules) = (Lexicon::built_in().unwrap(), Rules::default());
        let judged = |held: &str, asked: &str| {
            let facts = facts::read(asked, at("2026-02-01T00:00:00Z"), &lexicon);
            let reading = Some(Reading { asked: &facts, lexicon: &lexicon, rules: &rules });
            refused_by(judge(&entry(held), Nearness::SAME, FLOORS, &Circumstances { reading, ..seen(&market, asked) }))
        };
        assert_eq!(judged("Bitcoin rises 5%", "BTC rises 5%"), None);
        for asked in ["Bitcoin falls 5%", "Bitcoin rises 7%", "Ether rises 5%", "Bitcoin did not rise 5%"] {
            assert_eq!(judged("Bitcoin rises 5%", asked), Some(Gate::Facts), "{asked}");
        }
        assert_eq!(judged("Binance sues SEC", "SEC sues Binance"), Some(Gate::Facts));
    }

    #[test]
    fn texts_that_differ_after_a_cut_are_not_taken_for_the_same() {
        let market = Market::default();
        let cut = Some(Cut { tokens: 900, kept: 256 });
        let mut long = entry("a");
        assert_eq!(
            refused_by(judge(&long, Nearness::SAME, FLOORS, &Circumstances { cut, ..seen(&market, "b") })),
            Some(Gate::Floors)
        );
        long.cut = cut;
        assert_eq!(refused_by(judge(&long, Nearness::SAME, FLOORS, &seen(&market, "b"))), Some(Gate::Floors));
        assert_eq!(refused_by(judge(&long, Nearness::SAME, FLOORS, &seen(&market, "a"))), None);
    }

    #[test]
    fn a_time_to_live_ends_by_the_clock_and_valid_until_by_the_moment_of_the_question() {
        let market = Market::default();
        let mut short = entry("a");
        short.ttl_sec = Some(3_600);
        let hour = |now| Circumstances { now: at(now), ..seen(&market, "a") };
        assert_eq!(refused_by(judge(&short, Nearness::SAME, FLOORS, &hour("2026-01-01T00:59:59Z"))), None);
        assert_eq!(refused_by(judge(&short, Nearness::SAME, FLOORS, &hour("2026-01-01T01:00:00Z"))), Some(Gate::Validity));

        let mut until = entry("a");
        until.validity.valid_until = Some(at("2026-01-15T00:00:00Z"));
        let of = |as_of| Circumstances { as_of: at(as_of), ..seen(&market, "a") };
        assert_eq!(refused_by(judge(&until, Nearness::SAME, FLOORS, &of("2026-01-15T00:00:00Z"))), None);
        assert_eq!(refused_by(judge(&until, Nearness::SAME, FLOORS, &of("2026-01-15T00:00:01Z"))), Some(Gate::Validity));
    }

    #[test]
    fn a_price_band_wants_a_price_within_it() {
        let mut banded = entry("a");
        banded.validity.price.insert("ETH".to_owned(), PriceBand { min: 3_000.0, max: 4_000.0 });
        let with = |price: Option<f64>| {
            let market = Market { price: price.map(|p| ("ETH".to_owned(), p)).into_iter().collect(), regime: None };
            refused_by(judge(&banded, Nearness::SAME, FLOORS, &seen(&market, "a")))
        };
        assert_eq!((with(Some(3_000.0)), with(Some(4_000.0))), (None, None));
        assert_eq!((with(Some(4_000.1)), with(None)), (Some(Gate::Validity), Some(Gate::Validity)));
    }

    proptest! {
        #[test]
        fn no_entry_serves_a_question_of_a_time_before_its_own(entry_us in 0_i64..4e15 as i64, asked_us in 0_i64..4e15 as i64) {
            let market = Market::default();
            let mut old = entry("a");
            old.as_of = Timestamp::from_micros(entry_us);
            let asked = Circumstances { as_of: Timestamp::from_micros(asked_us), ..seen(&market, "a") };
            let served = judge(&old, Nearness::SAME, FLOORS, &asked).is_ok();
            prop_assert_eq!(served, asked_us >= entry_us);
        }

        #[test]
        fn nothing_below_a_floor_is_ever_served(similarity in -1.0_f32..1.0, fresh_similarity in -1.0_f32..1.0) {
            let market = Market::default();
            let near = Nearness { similarity, fresh_similarity };
            let served = judge(&entry("a"), near, FLOORS, &seen(&market, "b")).is_ok();
            prop_assert_eq!(served, similarity >= 0.9 && fresh_similarity >= 0.8);
        }
    }
}
