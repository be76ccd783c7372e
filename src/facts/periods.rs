//! Lengths of time that stand as an adjective in one text and as a number in another.

use super::compare::{Conflict, sides};
use crate::domain::fact_rules::{Rules, Slot};
use crate::domain::facts::Facts;

/// `a one-day fall` isn't `a weekly fall`, though either length alone may be left out.
pub(super) fn differ(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
    let (a, b) = (of(held), of(asked));
    let only = |x: &[&'static str], y: &[&'static str]| -> Vec<String> {
        x.iter().filter(|length| !y.contains(length)).map(ToString::to_string).collect()
    };
    let (only_held, only_asked) = (only(&a, &b), only(&b, &a));
    if only_held.is_empty() || only_asked.is_empty() { Ok(()) } else { sides(Slot::Amount, only_held, only_asked, rules) }
}

fn of(facts: &Facts) -> Vec<&'static str> {
    let numbers = facts.quantities.iter().filter_map(|quantity| match (&*quantity.unit, quantity.value) {
        ("min", 60.0) => Some("hour"),
        ("min", 1440.0) => Some("day"),
        ("min", 10080.0) => Some("week"),
        ("month", 1.0) => Some("month"),
        ("month", 3.0) => Some("quarter"),
        ("month", 12.0) => Some("year"),
        _ => None,
    });
    let words = facts.words.iter().filter_map(|word| match &**word {
        "hour" | "hour-word" => Some("hour"),
        "day" | "daily" => Some("day"),
        "week" | "weekly" => Some("week"),
        "month" | "monthly" | "month-on-month" => Some("month"),
        "quarter" | "quarterly" | "quarter-on-quarter" => Some("quarter"),
        "year" | "year-on-year" => Some("year"),
        _ => None,
    });
    numbers.chain(words).collect()
}
