//! Whether an entry still holds: by time, and by the conditions that it was written with.

use super::{Circumstances, Refusal, refuse};
use crate::domain::answer::Gate;
use crate::domain::entry::{Band, Entry};
use std::collections::BTreeMap;

pub(super) fn check(entry: &Entry, seen: &Circumstances<'_>) -> Result<(), Refusal> {
    in_time(entry, seen)?;
    let held = &entry.validity;
    within("price", &held.price, &seen.market.price)?;
    match (&held.regime, &seen.market.regime) {
        (Some(held), None) => no(format!("regime: the entry holds for {held}, and the request gives none")),
        (Some(held), Some(given)) if held != given => no(format!("regime: {held} vs {given}")),
        _ => Ok(()),
    }?;
    within("position", &held.position, &seen.market.position)?;
    if held.book.is_some() && held.book != seen.market.book() {
        return no("book: it was decided for other positions, exposure or limits".to_owned());
    }
    versions(&held.versions, &seen.strategy.versions)
}

fn no(saw: String) -> Result<(), Refusal> {
    refuse(Gate::Validity, saw)
}

fn in_time(entry: &Entry, seen: &Circumstances<'_>) -> Result<(), Refusal> {
    if seen.as_of < entry.as_of {
        return no(format!("as_of: the request speaks of {}, before the entry's {}", seen.as_of, entry.as_of));
    }
    if let Some(until) = entry.validity.valid_until.filter(|until| seen.as_of > *until) {
        return no(format!("valid_until: it ended at {until}"));
    }
    match entry.expires_at().filter(|end| *end <= seen.now) {
        Some(end) => no(format!("ttl: it ended at {end}")),
        None => Ok(()),
    }
}

/// What the request gives is within every band of the entry.
fn within(what: &str, bands: &BTreeMap<String, Band>, given: &BTreeMap<String, f64>) -> Result<(), Refusal> {
    for (instrument, band) in bands {
        match given.get(instrument) {
            None => {
                return no(format!("{what}: the entry holds for a band of {instrument}, and the request gives no {what} of it"));
            }
            Some(value) if !(band.min..=band.max).contains(value) => {
                return no(format!("{what}: {instrument} at {value} is outside {} to {}", band.min, band.max));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// What took part in the decision is what would take part now.
fn versions(held: &BTreeMap<String, String>, current: &BTreeMap<String, String>) -> Result<(), Refusal> {
    for (name, version) in held {
        match current.get(name) {
            Some(now) if now == version => {}
            Some(now) => return no(format!("versions: {name} {version} vs {now}")),
            None => {
                return no(format!(
                    "versions: the entry was made with {name} {version}, and the strategy names no version of it"
                ));
            }
        }
    }
    Ok(())
}
