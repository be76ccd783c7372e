//! Numbers as a reader wants them.

use super::super::layer::Unit;
use super::model::{NumberFormat, NumberStyle};

/// A value with its unit: `BRL 1,234.50`, `41.9%`, `12.5 days`, `1,257`.
pub(super) fn shown(value: f64, unit: Option<Unit>, currency: Option<&str>) -> String {
    match unit {
        Some(Unit::Money) => match currency {
            Some(currency) => format!("{currency} {}", fixed(value, 2)),
            None => fixed(value, 2),
        },
        Some(Unit::Share) => percent(value),
        Some(Unit::Days) => format!("{} days", trimmed(value, 1)),
        Some(Unit::Points) => fixed(value, 2),
        Some(Unit::Count) if value.fract() == 0.0 => fixed(value, 0),
        _ if value.fract() == 0.0 && value.abs() < 1e15 => fixed(value, 0),
        _ => fixed(value, 2),
    }
}

/// A distance of two values with its unit; that of two percentages is in points.
pub(super) fn distance(value: f64, unit: Option<Unit>, currency: Option<&str>) -> String {
    match unit {
        Some(Unit::Share) => format!("{} percentage points", trimmed(value * 100.0, 1)),
        _ => shown(value, unit, currency),
    }
}

/// A part of one as percent, with one place behind the point, or with as many more as tell it from none and from all.
pub(super) fn percent(value: f64) -> String {
    let percent = value * 100.0;
    let decimals = (1..5).find(|decimals| {
        let rounded = round(percent, *decimals);
        let vanishes = rounded == 0.0 && percent != 0.0;
        let fills = rounded.abs() == 100.0 && percent.abs() != 100.0;
        !vanishes && !fills
    });
    match decimals {
        Some(1) if percent == 0.0 || percent == 100.0 => format!("{}%", fixed(percent, 0)),
        decimals => format!("{}%", fixed(percent, decimals.unwrap_or(5))),
    }
}

fn round(value: f64, decimals: usize) -> f64 {
    format!("{value:.decimals$}").parse().unwrap_or(value)
}

/// With as many places as asked for, or with more where the value would vanish.
fn trimmed(value: f64, decimals: usize) -> String {
    let enough = (decimals..decimals + 4).find(|decimals| value == 0.0 || round(value, *decimals) != 0.0);
    fixed(value, enough.unwrap_or(decimals + 4))
}

/// With commas between groups of three and so many places behind the point.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(whole, fraction)| (whole, Some(fraction)));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let negative = value < 0.0 && text.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0');
    let sign = if negative { "-" } else { "" };
    fraction.map_or_else(|| format!("{sign}{grouped}"), |fraction| format!("{sign}{grouped}.{fraction}"))
}

/// How a program should show the numbers of a column.
pub(super) fn format_of(unit: Unit, currency: Option<&str>, whole: bool) -> NumberFormat {
    let (style, decimals, suffix) = match unit {
        Unit::Money => (NumberStyle::Currency, 2, None),
        Unit::Share => (NumberStyle::Percent, 1, None),
        Unit::Days => (NumberStyle::Decimal, 1, Some("days")),
        Unit::Count => (NumberStyle::Decimal, 0, None),
        Unit::Points => (NumberStyle::Decimal, 2, None),
        Unit::Number => (NumberStyle::Decimal, if whole { 0 } else { 2 }, None),
    };
    NumberFormat {
        style,
        decimals,
        thousands: true,
        currency: currency.filter(|_| style == NumberStyle::Currency).map(str::to_owned),
        suffix: suffix.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_units_and_commas() {
        assert_eq!(shown(1_234_567.891, Some(Unit::Money), Some("BRL")), "BRL 1,234,567.89");
        assert_eq!(shown(1_234.0, Some(Unit::Count), None), "1,234");
        assert_eq!(shown(12.5, Some(Unit::Days), None), "12.5 days");
        assert_eq!(shown(-0.001, Some(Unit::Money), None), "0.00");
        assert_eq!(distance(0.0123, Some(Unit::Share), None), "1.2 percentage points");
    }

    #[test]
    fn a_share_that_is_not_all_and_not_none_is_not_rounded_to_it() {
        assert_eq!(percent(0.419), "41.9%");
        assert_eq!(percent(0.99996), "99.996%");
        assert_eq!(percent(0.000_04), "0.004%");
        assert_eq!(percent(1.0), "100%");
        assert_eq!(percent(0.0), "0%");
    }
}
