//! What moves which way, held against each other: up and down, approved and rejected, in and out.

use super::bridges;
use super::compare::{Conflict, refuse, sides};
use crate::domain::fact_rules::{Rule, Rules, Slot};
use crate::domain::facts::{Event, Facts};

/// Whether two texts tell of the same moves.
///
/// # Errors
/// The first [`Conflict`], of the slot that the move belongs to.
pub(super) fn differ(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
    for a in &held.events {
        let slot = slot_of(&a.axis);
        let rule = rules.of(slot);
        if rule.rule == Rule::Ignore {
            continue;
        }
        let there: Vec<i8> = asked.events.iter().filter(|b| b.axis == a.axis).map(|b| b.pole).collect();
        let here: Vec<i8> = held.events.iter().filter(|b| b.axis == a.axis).map(|b| b.pole).collect();
        let missing = |x: &[i8], y: &[i8]| x.iter().find(|pole| !y.contains(pole)).copied();
        let (only_here, only_there) = (missing(&here, &there), missing(&there, &here));
        if let (Some(x), Some(y)) = (only_here, only_there) {
            return refuse(slot, &pole_name(&a.axis, x), &pole_name(&a.axis, y));
        }
        if let Some(x) = only_here.filter(|_| slot == Slot::Direction && !there.is_empty()) {
            return one_sided(slot, &pole_name(&a.axis, x), "", rules);
        }
        if let Some(y) = only_there.filter(|_| slot == Slot::Direction) {
            return one_sided(slot, "", &pole_name(&a.axis, y), rules);
        }
        if let Some(x) = only_here.filter(|x| is_strong(&a.axis) && !bridges::answered(&canon(&a.axis, *x), held, asked)) {
            return one_sided(slot, &pole_name(&a.axis, x), "", rules);
        }
        if let Some(y) = only_there.filter(|y| is_strong(&a.axis) && !bridges::answered(&canon(&a.axis, *y), asked, held)) {
            return one_sided(slot, "", &pole_name(&a.axis, y), rules);
        }
        if let Some(b) = moved_otherwise(a, held, asked) {
            let show = |event: &Event| format!("{} {}", event.of, pole_name(&event.axis, event.pole));
            return refuse(slot, &show(a), &show(b));
        }
    }
    for b in &asked.events {
        let answered = || bridges::answered(&canon(&b.axis, b.pole), asked, held);
        if is_strong(&b.axis)
            && rules.of(slot_of(&b.axis)).rule != Rule::Ignore
            && !held.events.iter().any(|a| a.axis == b.axis)
            && !answered()
        {
            return one_sided(slot_of(&b.axis), "", &pole_name(&b.axis, b.pole), rules);
        }
    }
    Ok(())
}

/// The same moves, but of the other thing: `Apple up, Tesla down` and `Apple down, Tesla up`.
fn moved_otherwise<'a>(event: &Event, held: &Facts, asked: &'a Facts) -> Option<&'a Event> {
    let about = |other: &&Event| other.axis == event.axis && other.of == event.of;
    if event.of.is_empty() || asked.events.iter().filter(about).any(|other| other.pole == event.pole) {
        return None;
    }
    asked.events.iter().filter(about).find(|other| !held.events.contains(other))
}

/// Axes whose move is often told by the rest of the sentence as well, so that leaving it out says nothing.
const SOFT: [&str; 15] = [
    "direction",
    "timing",
    "inout",
    "extreme",
    "strength",
    "forecast",
    "supply",
    "flow",
    "spend",
    "time",
    "pass",
    "new",
    "give",
    "able",
    "switch",
];

fn is_strong(axis: &str) -> bool {
    !SOFT.contains(&axis)
}

fn one_sided(slot: Slot, held: &str, asked: &str, rules: &Rules) -> Result<(), Conflict> {
    let list = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
    sides(slot, list(held), list(asked), rules)
}

fn slot_of(axis: &str) -> Slot {
    if axis == "direction" { Slot::Direction } else { Slot::Polarity }
}

/// The word that a move leaves in the wording.
fn canon(axis: &str, pole: i8) -> String {
    format!(
        "{axis}{}",
        match pole {
            1.. => '+',
            0 => '=',
            _ => '-',
        }
    )
}

fn pole_name(axis: &str, pole: i8) -> String {
    match (axis, pole) {
        ("direction", 1) => "up".into(),
        ("direction", -1) => "down".into(),
        ("direction", _) => "unchanged".into(),
        (axis, 1) => format!("{axis} +"),
        (axis, -1) => format!("{axis} -"),
        (axis, _) => format!("{axis} ="),
    }
}
