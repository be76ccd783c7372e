//! Moves along an axis, what negates them, and how the text stands to what it tells.

use super::parts::{Part, Source};
use crate::domain::facts::{Entity, Event, Facts, Modality, Quantity};

/// A negation reaches no further than this many parts.
const REACH: usize = 5;

/// The axes on which the opposite of one end is the other: to decline to approve is to reject. Not to rise isn't to fall.
fn is_binary(axis: &str, outright: bool) -> bool {
    outright && matches!(axis, "approve" | "list") || matches!(axis, "win" | "agree")
}

/// Fills entities, names, numbers, dates, events, negations, modality, qualifiers and words.
pub(super) fn collect(parts: &mut [Part<'_>], facts: &mut Facts) {
    apply_negations(parts, facts);
    for at in 0..parts.len() {
        match &parts[at] {
            Part::Content { canon, source } => content(canon, *source, facts),
            Part::Pole { axis, pole, canon } => {
                let of = if matches!(*axis, "inout") { behind(parts, at) } else { beside(parts, at) };
                let of = of.unwrap_or_default().into();
                facts.events.push(Event { axis: (*axis).into(), pole: *pole, of });
                // A word of order in time is too often put in other ways to count as wording.
                match *axis {
                    "timing" => {}
                    "inout" => facts.words.push(if *pole > 0 { "|into" } else { "|out" }.into()),
                    _ => word(canon, facts),
                }
            }
            Part::Verb(canon) => word(canon, facts),
            Part::Qualifier(canon) => {
                facts.qualifiers.push((*canon).into());
                // `from dev to prod`: which stands where matters.
                if canon.starts_with("env:") || canon.starts_with("option:") {
                    facts.words.push(format!("|{canon}"));
                }
            }
            Part::Quantity(quantity) => {
                let of = beside(parts, at).unwrap_or_default().into();
                facts.quantities.push(Quantity { of, ..quantity.clone() });
            }
            Part::Date(date) => facts.dates.push(date.clone()),
            Part::Modal(modality) => {
                facts.modality.push(*modality);
                facts.words.push("|modal".into());
            }
            Part::Aggregate(canon) => facts.question.aggregate.push((*canon).into()),
            Part::Break => facts.words.push(",".into()),
            Part::Small("by")
                if matches!(
                    parts.get(at + 1),
                    Some(Part::Content { .. } | Part::Small(_) | Part::Verb(_) | Part::Qualifier(_) | Part::Pole { .. })
                ) =>
            {
                facts.words.push("|by".into())
            }
            // `endorsed by seven ministers`
            Part::Small("by") if is_counted_agent(parts, at) => facts.words.push("|by".into()),
            Part::Small(conjunction @ ("and" | "or" | "&")) => {
                members(parts, at, facts);
                if *conjunction == "or" {
                    facts.qualifiers.push("or".into());
                }
            }
            Part::Small(
                mark @ ("from" | "to" | "against" | "than" | "who" | "that" | "which" | "we" | "us" | "then" | "per"),
            ) => facts.words.push(marked(mark).into()),
            Part::Negator { .. } | Part::Small(_) => {}
        }
    }
    facts.modality.sort_unstable();
    facts.modality.dedup();
    facts.qualifiers.sort_unstable();
    facts.qualifiers.dedup();
}

fn is_counted_agent(parts: &[Part<'_>], by: usize) -> bool {
    matches!(parts.get(by + 1), Some(Part::Quantity(quantity)) if quantity.unit == "count")
        && matches!(parts.get(by + 2), Some(Part::Content { .. }))
        && match by.checked_sub(1).and_then(|before| parts.get(before)) {
            Some(Part::Verb(_)) => true,
            Some(Part::Pole { axis, .. }) => *axis != "direction",
            _ => false,
        }
}

fn content(canon: &str, source: Source<'_>, facts: &mut Facts) {
    match source {
        Source::Entity(kind) => {
            word(canon, facts);
            if !facts.entities.iter().any(|held| held.id == canon) {
                facts.entities.push(Entity { id: canon.into(), kind: kind.into() });
            }
        }
        Source::Name => {
            facts.unread += 1;
            if !facts.names.iter().any(|held| held == canon) {
                facts.names.push(canon.into());
            }
            word(canon, facts);
        }
        Source::Unknown => {
            facts.unread += 1;
            word(canon, facts);
        }
        Source::Known => word(canon, facts),
    }
}

/// The members of a list that an `and` at `at` ends.
fn members(parts: &[Part<'_>], at: usize, facts: &mut Facts) {
    let name = |at: usize| match parts.get(at) {
        // `Finance` may be a verb to the lexicon and a member here.
        Some(Part::Content { canon, .. } | Part::Verb(canon)) => Some(*canon),
        _ => None,
    };
    let (Some(mut left), Some(last)) = (at.checked_sub(1), name(at + 1)) else { return };
    if matches!(parts[left], Part::Break) {
        left = left.saturating_sub(1);
    }
    let Some(before) = name(left) else { return };
    facts.members.extend([last.into(), before.into()]);
    while let Some(next) = left.checked_sub(2).filter(|next| matches!(parts[next + 1], Part::Break)) {
        let Some(member) = name(next) else { return };
        facts.members.push(member.into());
        left = next;
    }
}

fn word(canon: &str, facts: &mut Facts) {
    facts.content += 1;
    facts.words.push(canon.into());
}

/// What a part belongs to: the nearest content before it in its clause, else the nearest after it.
fn beside<'a>(parts: &[Part<'a>], at: usize) -> Option<&'a str> {
    let name = |part: &Part<'a>| if let Part::Content { canon, .. } = part { Some(*canon) } else { None };
    let open = |part: &&Part<'a>| !matches!(part, Part::Break);
    let before = parts[..at].iter().rev().take_while(open).find_map(name);
    before.or_else(|| parts[at + 1..].iter().take_while(open).find_map(name))
}

fn marked(preposition: &str) -> &'static str {
    match preposition {
        "from" => "|from",
        "to" => "|to",
        "against" => "|against",
        "than" => "|than",
        "we" | "us" => "|we",
        "then" => "|then",
        "per" => "|per",
        _ => "|who",
    }
}

/// The nearest content after a part in its clause.
fn behind<'a>(parts: &[Part<'a>], at: usize) -> Option<&'a str> {
    let open = |part: &&Part<'a>| !matches!(part, Part::Break);
    parts[at + 1..]
        .iter()
        .take_while(open)
        .find_map(|part| if let Part::Content { canon, .. } = part { Some(*canon) } else { None })
}

/// Turns the move that a negation stands before, or keeps the negation with what it stands before.
fn apply_negations(parts: &mut [Part<'_>], facts: &mut Facts) {
    for at in 0..parts.len() {
        let Part::Negator { outright } = parts[at] else { continue };
        let end = (at + 1 + REACH).min(parts.len());
        let mut target = None;
        for (next, part) in parts.iter().enumerate().take(end).skip(at + 1) {
            match part {
                Part::Break => break,
                Part::Negator { .. } | Part::Small(_) | Part::Qualifier(_) | Part::Date(_) => {}
                other => {
                    target = Some((next, other.clone()));
                    break;
                }
            }
        }
        match target {
            // Not to meet a forecast is to miss it.
            Some((next, Part::Pole { axis: "forecast", pole: 0, .. })) => {
                parts[next] = Part::Pole { axis: "forecast", pole: -1, canon: "forecast-" };
            }
            Some((next, Part::Pole { axis, pole, .. })) if pole != 0 && is_binary(axis, outright) => {
                parts[next] = Part::Pole { axis, pole: -pole, canon: flipped(axis, pole) };
            }
            Some((_, Part::Pole { canon, .. } | Part::Verb(canon) | Part::Content { canon, .. })) => {
                facts.negations.push(canon.into())
            }
            Some((_, Part::Modal(Modality::Denied))) => facts.negations.push("denied".into()),
            _ => facts.negations.push(String::new()),
        }
    }
}

fn flipped(axis: &str, pole: i8) -> &'static str {
    match (axis, pole) {
        ("approve", 1) => "approve-",
        ("approve", _) => "approve+",
        ("list", 1) => "list-",
        ("list", _) => "list+",
        ("win", 1) => "win-",
        ("win", _) => "win+",
        (_, 1) => "agree-",
        _ => "agree+",
    }
}
