//! What stands around an item and decides which of its meanings is meant.

use super::items::{Item, Kind};
use super::lexicon::Sense;
use crate::domain::facts::{Bound, Modality, Quantity};

/// A title in which most words begin with a capital says nothing by a capital.
pub(super) fn is_titled(items: &[Item<'_>]) -> bool {
    let plain = |item: &&Item<'_>| matches!(item.kind, Kind::Sense(sense) if !matches!(sense, Sense::Entity { .. } | Sense::Month(_) | Sense::Stop | Sense::Weekday(_)));
    let (all, capitals) = items.iter().skip(1).filter(plain).fold((0, 0), |(n, c), item| (n + 1, c + usize::from(item.capital)));
    all >= 2 && capitals * 2 > all
}

/// A number with a capital that counts nothing, as in `accuses Three of`.
pub(super) fn is_number_name(items: &[Item<'_>], at: usize) -> bool {
    let counts =
        items.get(at + 1).is_some_and(|next| !matches!(next.kind, Kind::Break) && !matches!(next.sense(), Some(Sense::Stop)));
    at > 0 && items[at].capital && matches!(items[at].sense(), Some(Sense::Number(_))) && !counts
}

/// `closes 1.3% higher` and `settles at $81.20` tell a price, not a closure.
pub(super) fn ends_the_day(items: &[Item<'_>], at: usize) -> bool {
    let item = &items[at];
    let verb = ["close", "end", "settle", "finish", "open"].iter().any(|verb| item.text.starts_with(verb));
    let moves = |item: &Item<'_>| matches!(item.text, "higher" | "lower" | "up" | "down") && item.last == item.text;
    let number = |item: &Item<'_>| matches!(item.kind, Kind::Number { .. } | Kind::Symbol('%'));
    let behind = || items.iter().skip(at + 1);
    // `to end the year at 5,600`
    let period = || {
        let spans = ["year", "day", "week", "month", "quarter", "session"];
        let the = behind().next().filter(|next| matches!(next.text, "the" | "this"));
        let taken = match the {
            Some(the) if spans.contains(&the.last) => 1,
            Some(_) if behind().nth(1).is_some_and(|span| spans.contains(&span.text)) => 2,
            _ => return false,
        };
        behind().nth(taken).is_some_and(|next| matches!(next.text, "at" | "higher" | "lower" | "near" | "up" | "down" | "flat"))
    };
    verb && item.last == item.text
        && (period()
            || behind().take(3).find(|next| !number(next)).is_some_and(moves)
            || behind().next().is_some_and(|next| next.text == "at")
                && behind().nth(1).is_some_and(|next| matches!(next.kind, Kind::Symbol('$' | '€' | '£' | '¥'))))
}

/// Whether a number is told in points of a rate.
pub(super) fn says_points(items: &[Item<'_>], at: usize, taken: usize) -> bool {
    let points = ["pp", "ppt", "ppts", "percentage", "point", "points", "bp", "bps", "basis"];
    items.iter().skip(at).take(taken).any(|item| points.contains(&item.text))
}

/// Whether what a text tells is itself a part of a whole, of which half a point isn't half a per cent.
pub(super) fn is_of_shares(items: &[Item<'_>]) -> bool {
    items.iter().any(|item| item.text.starts_with("margin") || item.last.starts_with("margin"))
}

/// `close the account`, and not `suspend the account`.
pub(super) fn closes_account(items: &[Item<'_>], at: usize) -> bool {
    let ends = ["clos", "terminat"].iter().any(|verb| items[at].text.starts_with(verb));
    let near = &items[at.saturating_sub(4)..(at + 4).min(items.len())];
    ends && near.iter().any(|item| item.text.starts_with("account") || item.last.starts_with("account"))
}

/// A word with a capital between two members of a list is one of them, whatever it means elsewhere.
pub(super) fn is_listed_name(items: &[Item<'_>], at: usize) -> bool {
    let item = &items[at];
    let name = item.capital && item.last == item.text && item.text.len() > 3;
    let comma = at > 1 && matches!(items[at - 1].kind, Kind::Break) && items[at - 2].capital;
    name && comma && items.get(at + 1).is_some_and(|next| matches!(next.kind, Kind::Break) || matches!(next.text, "and" | "or"))
}

/// `reported the auditor for`
pub(super) fn reports_somebody(items: &[Item<'_>], at: usize) -> bool {
    at > 0
        && matches!(items[at].text, "report" | "reports" | "reported")
        && items[at].last == items[at].text
        && items.iter().enumerate().skip(at + 2).take(4).any(|(of, item)| {
            let somebody = matches!(items[at + 1].text, "the" | "a" | "an" | "our" | "their")
                || items[at + 1..of].iter().any(|name| name.capital);
            // `a profit for the quarter` reports nobody.
            let deed = items.get(of + 1).is_some_and(|deed| {
                deed.text.ends_with("ing")
                    || matches!(deed.kind, Kind::Unknown)
                        && !deed.capital
                        && items.get(of + 2).is_none_or(|next| matches!(next.kind, Kind::Break))
            });
            item.text == "for" && somebody && deed
        })
}

/// `postponed until`: what is put off to a date doesn't end there.
pub(super) fn is_put_off(items: &[Item<'_>], at: usize) -> bool {
    items[..at].iter().any(|item| matches!(item.sense(), Some(Sense::Modal(Modality::Delayed))))
}

/// `push the margin up to 39%`, and not `refund up to 50 dollars`.
pub(super) fn is_pushed(items: &[Item<'_>], at: usize) -> bool {
    items[at.saturating_sub(8)..at].iter().any(|item| {
        ["push", "bump", "rais", "lift", "boost", "hike", "increas", "goes", "going", "went", "scale"]
            .iter()
            .any(|verb| item.text.starts_with(verb))
    })
}

/// `than last year`, where no number says how much.
pub(super) fn is_year_before(items: &[Item<'_>], at: usize) -> bool {
    let last = |at: usize| items.get(at).is_some_and(|item| item.text == "last" && item.last == item.text);
    at > 0 && items[at - 1].last == "than" && last(at) && items.get(at + 1).is_some_and(|next| next.text == "year")
}

/// Whether a text speaks of goods in store.
pub(super) fn is_stocked(items: &[Item<'_>]) -> bool {
    let goods = |item: &Item<'_>| matches!(item.sense(), Some(Sense::Entity { kind, .. }) if &**kind == "commodity");
    let store = ["inventor", "stock", "storage", "reserve", "barrel"];
    items.iter().any(|item| goods(item) || store.iter().any(|word| item.text.starts_with(word)))
}

/// Whether what is down is a service: neither a price nor a share stands in the text.
pub(super) fn is_outage(items: &[Item<'_>], at: usize) -> bool {
    let priced = |kind: &str| matches!(kind, "coin" | "company" | "commodity" | "index" | "currency");
    let market = items.iter().any(|item| matches!(item.sense(), Some(Sense::Entity { kind, .. }) if priced(kind)));
    let counted = items.iter().any(|item| matches!(item.kind, Kind::Symbol('%')));
    !market
        && !counted
        && items.get(at + 1).is_none_or(|next| {
            matches!(next.kind, Kind::Break) || matches!(next.text, "for" | "in" | "at" | "since" | "on" | "again" | "because")
        })
}

/// `How long do surgeries take`
pub(super) fn asks_how_long(items: &[Item<'_>]) -> bool {
    items.iter().any(|item| item.text == "how" && item.last == "long")
}

pub(super) fn is_being(text: &str) -> bool {
    matches!(text, "is" | "are" | "was" | "were" | "be" | "been" | "being" | "has" | "have")
}

pub(super) fn is_light_verb(text: &str) -> bool {
    matches!(
        text,
        "see"
            | "sees"
            | "saw"
            | "used"
            | "use"
            | "took"
            | "take"
            | "made"
            | "make"
            | "hit"
            | "faced"
            | "reached"
            | "reported"
            | "showed"
    )
}

pub(super) fn stops_doing(items: &[Item<'_>], at: usize) -> bool {
    matches!(items[at].text, "stop" | "stops" | "stopped" | "cease" | "ceases" | "ceased")
        && items[at].last == items[at].text
        && items.get(at + 1).is_some_and(|next| next.text.len() > 5 && next.text.ends_with("ing"))
}

pub(super) fn is_pronoun(items: &[Item<'_>], at: usize) -> bool {
    at > 0
        && items.get(at + 1).is_none_or(|next| {
            matches!(next.kind, Kind::Break | Kind::Number { .. } | Kind::Symbol(_)) || matches!(next.sense(), Some(Sense::Stop))
        })
}

pub(super) fn begins_clause(items: &[Item<'_>], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| items.get(before)).is_none_or(|before| matches!(before.kind, Kind::Break))
}

pub(super) fn ends_clause(items: &[Item<'_>], at: usize) -> bool {
    at > 1
        && items
            .get(at + 1)
            .is_none_or(|next| matches!(next.kind, Kind::Break) || matches!(next.text, "for" | "in" | "until" | "during" | "now"))
}

pub(super) fn is_bound(text: &str) -> bool {
    matches!(text, "above" | "below")
}

/// Whether a number or a month stands shortly before, so that `calls` and `puts` are options.
pub(super) fn options_before(items: &[Item<'_>], at: usize) -> bool {
    let numbered = |item: &Item<'_>| {
        matches!(item.kind, Kind::Number { .. }) || matches!(item.sense(), Some(Sense::Month(_) | Sense::Entity { .. }))
    };
    let ends = items.get(at + 1).is_none_or(|next| {
        matches!(next.kind, Kind::Break | Kind::Number { .. } | Kind::Symbol(_))
            || matches!(
                next.text,
                "at" | "for" | "on" | "in" | "with" | "as" | "ahead" | "before" | "after" | "expiring" | "and" | "worth"
            )
    });
    ends && at.checked_sub(1).and_then(|before| items.get(before)).is_some_and(numbered)
        || items.get(at + 1).is_some_and(|next| matches!(next.text, "spread" | "spreads" | "options" | "option"))
}

/// Whether a determiner or a name follows, before which no infinitive stands.
pub(super) fn before_noun(items: &[Item<'_>], at: usize) -> bool {
    items.get(at + 1).is_some_and(|next| {
        matches!(next.text, "the" | "a" | "an" | "our" | "their" | "its") || matches!(next.sense(), Some(Sense::Entity { .. }))
    })
}

pub(super) fn bound_of_sign(sign: char) -> Bound {
    match sign {
        '>' => Bound::MoreThan,
        '≥' => Bound::AtLeast,
        '<' => Bound::LessThan,
        '≤' => Bound::AtMost,
        '→' => Bound::To,
        _ => Bound::Exact,
    }
}

pub(super) fn number_follows(items: &[Item<'_>], at: usize) -> bool {
    // `over EUR 2,000`
    let currency = |item: &Item<'_>| matches!(item.sense(), Some(Sense::Entity { kind, .. }) if &**kind == "currency");
    if items.get(at + 1).is_some_and(currency) && items.get(at + 2).is_some_and(|item| matches!(item.kind, Kind::Number { .. })) {
        return true;
    }
    (at + 1..at + 3).any(|next| {
        items.get(next).is_some_and(|item| {
            matches!(item.kind, Kind::Number { .. } | Kind::Symbol('$' | '€' | '£' | '¥'))
                || matches!(item.sense(), Some(Sense::Number(_) | Sense::Scale(_)))
        }) && (next == at + 1 || items.get(at + 1).is_some_and(|item| matches!(item.sense(), Some(Sense::Stop))))
    }) || items.get(at + 1).is_some_and(|item| matches!(item.text, "a" | "an"))
        && items.get(at + 2).is_some_and(|item| matches!(item.sense(), Some(Sense::Unit { .. })))
}

/// `from 3% to 5%`: which end of a move a number is. An amount after `to` alone is where it ended.
pub(super) fn bound_before(items: &[Item<'_>], at: usize, quantity: &Quantity, said: Bound) -> Bound {
    let before = at.checked_sub(1).and_then(|before| items.get(before)).map(|item| item.text);
    if said != Bound::Exact {
        return said;
    }
    match (&*quantity.unit, before) {
        ("nth" | "score", _) => said,
        // `halts work for 12 days`, and `in 12 days`: how long, and when.
        ("min" | "month", Some("for")) => Bound::By,
        ("min" | "month", Some("in")) => Bound::From,
        ("min" | "month", Some("to")) if is_cut(items, at) => Bound::To,
        ("min" | "month", Some("by")) if is_cut(items, at) => Bound::By,
        ("min" | "month", _) => said,
        (_, Some("from")) => Bound::From,
        (_, Some("to")) => Bound::To,
        (_, Some("by")) => Bound::By,
        _ if items[at].sense().is_none() && moved_before(items, at) => Bound::By,
        _ => said,
    }
}

/// `reduce the retention to one quarter`: a length of time that is changed.
fn is_cut(items: &[Item<'_>], at: usize) -> bool {
    items[..at]
        .iter()
        .any(|item| matches!(item.sense(), Some(Sense::Pole { axis, pole, .. }) if &**axis == "direction" && *pole != 0))
}

/// `falls $2`: a number right behind a move says how far it went.
fn moved_before(items: &[Item<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| items.get(before)).and_then(Item::sense);
    matches!(before, Some(Sense::Pole { axis, pole, .. }) if &**axis == "direction" && *pole != 0)
}
