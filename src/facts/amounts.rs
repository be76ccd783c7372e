//! The numbers of two readings held against each other.

use super::compare::{Conflict, refuse, sides};
use crate::domain::fact_rules::{Rule, Rules, Slot};
use crate::domain::facts::{Bound, Facts, Quantity};

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

fn same_amount(a: &Quantity, b: &Quantity, rules: &Rules) -> bool {
    let scale = |x: &Quantity, y: &Quantity| if x.unit == "cent" && matches!(&*y.unit, "USD" | "EUR") { 0.01 } else { 1.0 };
    let half = |x: &Quantity, y: &Quantity| x.unit == "x" && y.unit == "pct" && x.value == 0.5 && y.value == 50.0;
    // Who rose by a hundred per cent has doubled.
    let grown = |x: &Quantity, y: &Quantity| {
        x.unit == "x" && x.value >= 2.0 && y.unit == "pct" && y.bound == Bound::By && y.value == 100.0 * (x.value - 1.0)
    };
    // `more than a thousand redemptions` and `redeemed more than 1,000 times`
    let times = |x: &Quantity, y: &Quantity| {
        x.unit == "x" && y.unit == "count" && x.value == y.value && x.bound == y.bound && x.bound != Bound::Exact
    };
    if half(a, b) || half(b, a) || grown(a, b) || grown(b, a) || times(a, b) || times(b, a) {
        return true;
    }
    // Nothing is nothing, whatever it is counted in.
    if a.value == 0.0 && b.value == 0.0 && [a, b].iter().any(|zero| zero.unit == "count") {
        return !bounds_oppose(a.bound, b.bound);
    }
    let same_unit = a.unit == b.unit || is_degree(a, b) || is_degree(b, a);
    if same_unit && (is_version(a, b) || is_version(b, a)) {
        return true;
    }
    let (of_a, of_b) = (scale(a, b), scale(b, a));
    (same_unit || of_a * of_b < 1.0)
        && close(a.value * of_a, b.value * of_b, rules.tolerance_of(&a.unit))
        && !bounds_oppose(a.bound, b.bound)
}

/// `95 degrees`, where the other side says of which scale.
fn is_degree(x: &Quantity, y: &Quantity) -> bool {
    x.unit == "degree" && matches!(&*y.unit, "celsius" | "fahrenheit")
}

/// `release 8.4`, which is read as a version, and `core banking 8.4`, which isn't.
fn is_version(x: &Quantity, y: &Quantity) -> bool {
    let minor = ((x.value - x.value.trunc()) * 1e5).round();
    x.unit == "count" && x.value >= 1.0 && (1.0..10.0).contains(&minor) && close(x.value.trunc() + minor / 10.0, y.value, 1e-9)
}

fn bounds_oppose(a: Bound, b: Bound) -> bool {
    // An end that belongs to the range is not one that lies outside of it: 90 is at least 90 and not more than 90.
    let end = |x: Bound| matches!(x, Bound::AtLeast | Bound::AtMost | Bound::MoreThan | Bound::LessThan).then_some(x);
    end(a) != end(b)
        || matches!(
            (a, b),
            (Bound::By, Bound::To | Bound::From)
                | (Bound::To | Bound::From, Bound::By)
                | (Bound::From, Bound::To)
                | (Bound::To, Bound::From)
        )
}

/// Lengths of one unit and places in an order are often left out, so only what both sides count is held against each other.
fn is_detail(quantity: &Quantity) -> bool {
    let lasts = matches!(quantity.bound, Bound::Exact | Bound::By | Bound::From);
    let one = quantity.value == 1.0
        && (quantity.bound == Bound::Exact && matches!(&*quantity.unit, "count" | "nth") || lasts && quantity.unit == "month");
    let span = quantity.unit == "min" && lasts && [1.0, 60.0, 1440.0, 10080.0].contains(&quantity.value);
    one || span || quantity.unit == "month" && quantity.value == 12.0
}

fn show(quantity: &Quantity) -> String {
    let Quantity { value, unit, .. } = quantity;
    let bound = match quantity.bound {
        Bound::Exact | Bound::By => "",
        Bound::AtLeast => "at least ",
        Bound::AtMost => "at most ",
        Bound::MoreThan => "more than ",
        Bound::LessThan => "less than ",
        Bound::From => "from ",
        Bound::To => "to ",
    };
    if unit == "pct" && value.abs() < 1.0 {
        format!("{bound}{} bps", (value * 1e6).round() / 1e4)
    } else {
        format!("{bound}{value} {unit}")
    }
}

/// Holds the numbers of two readings against each other.
pub(super) fn amounts(held: &Facts, asked: &Facts, rules: &Rules) -> Result<(), Conflict> {
    let only = |a: &Facts, b: &Facts, details: bool| -> Vec<String> {
        let alone = |x: &&Quantity| !b.quantities.iter().any(|y| same_amount(x, y, rules));
        a.quantities.iter().filter(alone).filter(|x| details || !is_detail(x)).map(show).collect()
    };
    let (all_held, all_asked) = (only(held, asked, true), only(asked, held, true));
    if !all_held.is_empty() && !all_asked.is_empty() {
        return sides(Slot::Amount, all_held, all_asked, rules);
    }
    sides(Slot::Amount, only(held, asked, false), only(asked, held, false), rules)?;
    let order = |facts: &Facts| -> Vec<String> { facts.quantities.iter().map(show).collect() };
    let moved = |facts: &Facts| {
        let ends = |quantity: &&Quantity| matches!(quantity.bound, Bound::From | Bound::To);
        facts.quantities.iter().filter(ends).any(|quantity| !matches!(&*quantity.unit, "min" | "month"))
    };
    if rules.amount.rule != Rule::Ignore && held.words == asked.words && !moved(held) && order(held) != order(asked) {
        let (mut a, mut b) = (order(held), order(asked));
        a.sort_unstable();
        b.sort_unstable();
        if a == b {
            return refuse(Slot::Amount, &order(held).join(", "), &order(asked).join(", "));
        }
    }
    let Some((a, b)) = swapped(held, asked, rules) else { return Ok(()) };
    if rules.amount.rule == Rule::Ignore { Ok(()) } else { refuse(Slot::Amount, &a, &b) }
}

/// The same numbers, but of the other thing: `Apple 5%, Tesla 3%` and `Apple 3%, Tesla 5%`.
fn swapped(held: &Facts, asked: &Facts, rules: &Rules) -> Option<(String, String)> {
    for a in held.quantities.iter().filter(|a| !a.of.is_empty()) {
        for b in asked.quantities.iter().filter(|b| b.of == a.of && b.unit == a.unit && !same_amount(a, b, rules)) {
            let of_elsewhere =
                |x: &Quantity, facts: &Facts| facts.quantities.iter().any(|y| same_amount(x, y, rules) && y.of == x.of);
            if !of_elsewhere(a, asked) && !of_elsewhere(b, held) {
                return Some((format!("{} of {}", show(a), a.of), format!("{} of {}", show(b), b.of)));
            }
        }
    }
    None
}
