//! What stands around a number and completes it: the other end of a range, a sign, `or more`, `in a row`.

use super::items::{Item, Kind};
use super::lexicon::Sense;
use super::numbers::Taken;
use super::parts::Part;
use crate::domain::facts::{Bound, Quantity};

/// Gives the second end of a range the unit of the first, and reads `or more` behind.
pub(super) fn complete(items: &[Item<'_>], at: usize, taken: &mut Taken, before: Option<&Part<'_>>) {
    // `$61-64 billion`
    if let (true, "count", Some(Part::Quantity(first))) = (items[at].joined, &*taken.quantity.unit, before)
        && first.unit.len() == 3
        && first.unit.bytes().all(|b| b.is_ascii_uppercase())
    {
        taken.quantity.unit.clone_from(&first.unit);
    }
    // `$61 billion to $64 billion` is a range, where `from` before it tells of a move.
    let ranged = |first: &Quantity| first.bound == Bound::Exact && first.unit == taken.quantity.unit;
    if taken.quantity.bound == Bound::To && matches!(before, Some(Part::Quantity(first)) if ranged(first)) {
        taken.quantity.bound = Bound::Exact;
    }
    let end = at + taken.items.max(1);
    let text = |at: usize| items.get(at).map_or("", |item| item.text);
    let bound = match (text(end), text(end + 1)) {
        ("or", "more" | "higher" | "above" | "over" | "greater" | "longer" | "older" | "larger" | "later") => Bound::AtLeast,
        ("and", "up" | "above" | "over") if ends(items, end + 2) => Bound::AtLeast,
        ("or", "less" | "fewer" | "lower" | "below" | "under" | "shorter" | "younger" | "smaller") => Bound::AtMost,
        // `two notches or more`
        (noun, "or") if !noun.is_empty() && taken.quantity.unit == "count" && !matches!(items[end].kind, Kind::Break) => {
            taken.quantity.bound = match text(end + 2) {
                "more" if taken.quantity.bound == Bound::Exact => Bound::AtLeast,
                "fewer" | "less" if taken.quantity.bound == Bound::Exact => Bound::AtMost,
                _ => return,
            };
            return;
        }
        _ => return,
    };
    taken.quantity.bound = bound;
    taken.items = end + 2 - at;
}

fn ends(items: &[Item<'_>], at: usize) -> bool {
    items.get(at).is_none_or(|item| matches!(item.kind, Kind::Break))
}

/// `index -2.1%`: a change told by its sign alone, where nothing before says that the number is a level.
pub(super) fn signed(items: &[Item<'_>], at: usize, quantity: &mut Quantity) -> Option<i8> {
    let before = at.checked_sub(1).and_then(|before| items.get(before))?;
    if quantity.unit != "pct" || quantity.bound != Bound::Exact {
        return None;
    }
    if matches!(before.kind, Kind::Symbol('+')) {
        let earlier = at.checked_sub(2).and_then(|earlier| items.get(earlier));
        return earlier.is_none_or(|item| !says_level(item)).then_some(1);
    }
    if quantity.value >= 0.0 || says_level(before) {
        return None;
    }
    quantity.value = -quantity.value;
    Some(-1)
}

fn says_level(item: &Item<'_>) -> bool {
    matches!(item.sense(), Some(Sense::Stop | Sense::Bound(_) | Sense::Pole { .. } | Sense::Verb(_) | Sense::Modal(_)))
        || matches!(item.kind, Kind::Symbol(_) | Kind::Number { .. })
}

/// `twelve consecutive months`: the unit stands behind a word that both `12 months running` and `12 months in a row` say as well.
pub(super) fn counted_in_a_row(items: &[Item<'_>], at: usize, quantity: &mut Quantity) -> bool {
    let (Some(word), Some(Sense::Unit { unit, factor })) = (items.get(at), items.get(at + 1).and_then(Item::sense)) else {
        return false;
    };
    let straight = matches!(word.text, "consecutive" | "straight" | "successive") && word.last == word.text;
    if straight && quantity.unit == "count" && matches!(&**unit, "min" | "month") {
        quantity.value *= factor;
        quantity.unit = unit.to_string();
        return true;
    }
    false
}

/// The country of a dollar sign: `C$`, `US$`.
pub(super) fn is_dollar_of(items: &[Item<'_>], at: usize) -> bool {
    items.get(at + 1).is_some_and(|next| matches!(next.kind, Kind::Symbol('$')))
        && items.get(at).is_some_and(|item| matches!(item.text, "c" | "ca" | "a" | "au" | "nz" | "hk" | "s" | "us"))
}
