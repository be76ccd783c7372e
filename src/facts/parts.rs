//! Items into parts: what the later passes look at, in order.

use super::inflection::stem;
use super::items::{Item, Kind};
use super::lexicon::Sense;
use super::{dates, numbers};
use crate::domain::facts::{Bound, Modality, Quantity};
use crate::domain::time::Timestamp;

/// A piece of meaning, in the order of the text.
#[derive(Debug, Clone)]
pub(super) enum Part<'a> {
    /// An entity, a noun or an unknown word.
    Content {
        canon: &'a str,
        source: Source<'a>,
    },
    /// A move along an axis.
    Pole {
        axis: &'a str,
        pole: i8,
        canon: &'a str,
    },
    Verb(&'a str),
    Qualifier(&'a str),
    Aggregate(&'a str),
    Quantity(Quantity),
    Date(String),
    Negator,
    Modal(Modality),
    /// A word without content, which may be a preposition.
    Small(&'a str),
    Break,
}

/// Where a content word comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Source<'a> {
    Entity(&'a str),
    Name,
    Known,
    Unknown,
}

/// Turns items into parts.
pub(super) fn read<'a>(items: &[Item<'a>], as_of: Timestamp) -> Vec<Part<'a>> {
    let mut parts = Vec::with_capacity(items.len());
    let titled = is_titled(items);
    let mut at = 0;
    let mut bound = Bound::Exact;
    while let Some(item) = items.get(at) {
        if let Some(taken) = dates::read(items, at, as_of) {
            parts.push(Part::Date(taken.date));
            at += taken.items;
            continue;
        }
        if is_number_name(items, at) && !titled {
            parts.push(Part::Content { canon: item.text, source: Source::Name });
            at += 1;
            continue;
        }
        if let Some(mut taken) = numbers::read(items, at) {
            taken.quantity.bound = bound_before(items, at, &taken.quantity, bound);
            bound = Bound::Exact;
            if let Some(Sense::Multiple(factor)) = item.sense() {
                push_multiple(&mut parts, *factor, item.text);
            }
            parts.push(Part::Quantity(taken.quantity));
            at += taken.items.max(1);
            continue;
        }
        bound = Bound::Exact;
        match (item.kind, item.sense()) {
            (Kind::Break, _) => parts.push(Part::Break),
            (Kind::Symbol(sign), _) => bound = bound_of_sign(sign),
            (_, Some(Sense::Shift(_))) if number_follows(items, at) => {}
            (_, Some(Sense::Negator)) if item.text.starts_with("declin") && number_follows(items, at) => {
                parts.push(Part::Pole { axis: "direction", pole: -1, canon: "direction-" });
            }
            (_, Some(Sense::Bound(held))) if number_follows(items, at) => bound = *held,
            // The letter of `node-a` and of `desk A` is a name, not an article.
            (_, Some(Sense::Stop)) if (item.joined || item.capital && at > 0) && item.text.len() == 1 => {
                parts.push(Part::Content { canon: item.text, source: Source::Unknown });
            }
            // A question that begins with `List` or `Show` lists nothing on an exchange.
            _ if at == 0 && matches!(item.text, "list" | "rank" | "count") => parts.push(Part::Small(item.text)),
            (_, Some(sense)) => push_sense(&mut parts, item, sense),
            _ => {
                let first = at == 0 && !items.get(1).is_some_and(|next| next.capital);
                let name = item.capital && !titled && !first;
                let source = if name { Source::Name } else { Source::Unknown };
                parts.push(Part::Content { canon: stem(item.text), source });
            }
        }
        at += 1;
    }
    parts
}

/// A title in which most words begin with a capital says nothing by a capital.
fn is_titled(items: &[Item<'_>]) -> bool {
    let plain = |item: &&Item<'_>| matches!(item.kind, Kind::Sense(sense) if !matches!(sense, Sense::Entity { .. } | Sense::Month(_) | Sense::Stop | Sense::Weekday(_)));
    let (all, capitals) = items.iter().skip(1).filter(plain).fold((0, 0), |(n, c), item| (n + 1, c + usize::from(item.capital)));
    all >= 2 && capitals * 2 > all
}

/// A number with a capital that counts nothing, as in `accuses Three of`.
fn is_number_name(items: &[Item<'_>], at: usize) -> bool {
    let counts =
        items.get(at + 1).is_some_and(|next| !matches!(next.kind, Kind::Break) && !matches!(next.sense(), Some(Sense::Stop)));
    at > 0 && items[at].capital && matches!(items[at].sense(), Some(Sense::Number(_))) && !counts
}

fn bound_of_sign(sign: char) -> Bound {
    match sign {
        '>' | '≥' => Bound::AtLeast,
        '<' | '≤' => Bound::AtMost,
        '→' => Bound::To,
        _ => Bound::Exact,
    }
}

fn number_follows(items: &[Item<'_>], at: usize) -> bool {
    (at + 1..at + 3).any(|next| {
        items.get(next).is_some_and(|item| {
            matches!(item.kind, Kind::Number { .. } | Kind::Symbol('$' | '€' | '£' | '¥'))
                || matches!(item.sense(), Some(Sense::Number(_) | Sense::Scale(_)))
        }) && (next == at + 1 || items.get(at + 1).is_some_and(|item| matches!(item.sense(), Some(Sense::Stop))))
    })
}

/// `from 3% to 5%`: which end of a move a number is. An amount after `to` alone is where it ended.
fn bound_before(items: &[Item<'_>], at: usize, quantity: &Quantity, said: Bound) -> Bound {
    if said != Bound::Exact || matches!(&*quantity.unit, "min" | "month" | "nth" | "score") {
        return said;
    }
    match at.checked_sub(1).and_then(|before| items.get(before)).map(|item| item.text) {
        Some("from") => Bound::From,
        Some("to") => Bound::To,
        Some("by") => Bound::By,
        _ if items[at].sense().is_none() && moved_before(items, at) => Bound::By,
        _ => said,
    }
}

/// `falls $2`: a number right behind a move says how far it went.
fn moved_before(items: &[Item<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| items.get(before)).and_then(Item::sense);
    matches!(before, Some(Sense::Pole { axis, pole, .. }) if &**axis == "direction" && *pole != 0)
}

fn push_multiple(parts: &mut Vec<Part<'_>>, factor: f64, text: &str) {
    // `twice` and `double` are said of a size as well, so only what can't be anything but a move counts as one.
    if text.starts_with("halv") && factor < 1.0 {
        parts.push(Part::Pole { axis: "direction", pole: -1, canon: "direction-" });
    }
}

/// The last of its kind, as an ordinal from the end.
fn last() -> Quantity {
    Quantity { value: -1.0, unit: "nth".into(), bound: Bound::Exact, of: String::new() }
}

fn push_sense<'a>(parts: &mut Vec<Part<'a>>, item: &Item<'a>, sense: &'a Sense) {
    parts.push(match sense {
        Sense::Entity { id, kind } => Part::Content { canon: id, source: Source::Entity(kind) },
        Sense::Pole { axis, pole, canon } => Part::Pole { axis, pole: *pole, canon },
        Sense::Verb(canon) => Part::Verb(canon),
        Sense::Word(canon) => Part::Content { canon, source: Source::Known },
        Sense::Qualifier(canon) => Part::Qualifier(canon),
        Sense::Aggregate(canon) => Part::Aggregate(canon),
        Sense::Negator => Part::Negator,
        Sense::Shift(_) if item.text == "last" => Part::Quantity(last()),
        Sense::Modal(modality) => Part::Modal(*modality),
        Sense::Unit { .. } | Sense::Shift(_) => Part::Content { canon: stem(item.text), source: Source::Known },
        // A bound without a number compares with something else, such as an estimate.
        Sense::Bound(Bound::AtLeast) if !matches!(item.text, "over" | "past" | "beyond") => {
            Part::Pole { axis: "forecast", pole: 1, canon: "forecast+" }
        }
        Sense::Bound(Bound::AtMost) if matches!(item.text, "less" | "below" | "fewer") => {
            Part::Pole { axis: "forecast", pole: -1, canon: "forecast-" }
        }
        _ => Part::Small(item.text),
    });
}
