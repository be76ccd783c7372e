//! Numbers as people read them: `$20.0M`, `40%`, `-10.5%`. Rounded for the eye; the fields of the report hold them whole.

/// An amount in its unit, such as `$20.0M`, `12.5 h` or `20.0M`.
pub(super) fn amount(value: f64, unit: Option<&str>) -> String {
    let Some(unit) = unit.map(str::trim).filter(|unit| !unit.is_empty() && *unit != "1") else {
        return compact(value);
    };
    let (head, tail) = unit.split_once('/').map_or((unit, None), |(head, tail)| (head.trim(), Some(tail.trim())));
    let per = tail.map(|tail| format!("/{tail}")).unwrap_or_default();
    let sign = if value < 0.0 { "-" } else { "" };
    match head {
        "USD" | "$" => format!("{sign}${}{per}", compact(value.abs())),
        "EUR" | "€" => format!("{sign}€{}{per}", compact(value.abs())),
        "GBP" | "£" => format!("{sign}£{}{per}", compact(value.abs())),
        "%" => format!("{}%{per}", plain(value)),
        _ => format!("{} {unit}", compact(value)),
    }
}

/// A time, such as `0.5 ms`, `47 ms` or `1.8 s`.
pub(super) fn milliseconds(ms: f64) -> String {
    if ms >= 1_000.0 {
        format!("{} s", trimmed(format!("{:.1}", ms / 1_000.0)))
    } else if ms >= 10.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{} ms", trimmed(format!("{ms:.2}")))
    }
}

/// A number with three or so figures and a suffix for thousands, millions and so on.
pub(super) fn compact(value: f64) -> String {
    let size = value.abs();
    for (from, unit, suffix) in [(1e12, 1e12, "T"), (1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e4, 1e3, "k")] {
        // What rounds up to the next suffix is written with it: 999,999 is 1.0M.
        if size >= from * 0.99995 && size < 1e15 {
            return format!("{:.1}{suffix}", value / unit);
        }
    }
    plain(value)
}

/// A number with at most five significant figures and no zeros behind them.
pub(super) fn plain(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "not a number".to_owned()
        } else if value > 0.0 {
            "∞".to_owned()
        } else {
            "-∞".to_owned()
        };
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let size = value.abs();
    if !(1e-4..1e15).contains(&size) {
        return format!("{value:.3e}");
    }
    // The power of ten is that of a finite number in the range above, so it is small.
    let places = (4 - size.log10().floor() as i32).max(0) as usize;
    trimmed(format!("{value:.places$}"))
}

/// A share, such as `40%` or `33.3%`.
pub(super) fn percent(share: f64) -> String {
    let hundredths = share * 100.0;
    if !hundredths.is_finite() {
        return plain(hundredths);
    }
    if hundredths == 0.0 {
        return "0%".to_owned();
    }
    let text = if hundredths.abs() >= 0.1 { trimmed(format!("{hundredths:.1}")) } else { plain(hundredths) };
    format!("{text}%")
}

/// A relative change with its sign, such as `+8.3%`.
pub(super) fn change(by: f64) -> String {
    let text = percent(by);
    if by > 0.0 { format!("+{text}") } else { text }
}

/// The value of a parameter: a share as a percentage where its unit or its name says that it is one.
pub(super) fn parameter(name: &str, value: f64, unit: Option<&str>) -> String {
    if is_share(name, value, unit) { percent(value) } else { amount(value, unit) }
}

pub(super) fn is_share(name: &str, value: f64, unit: Option<&str>) -> bool {
    if let Some(unit) = unit {
        return matches!(unit, "share" | "fraction");
    }
    let stem = name.split('[').next().unwrap_or(name).to_ascii_lowercase();
    let says_so = stem.split('_').any(|word| matches!(word, "pct" | "percent" | "share" | "fraction"));
    says_so && value.abs() <= 1.0
}

fn trimmed(text: String) -> String {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_as_in_a_report() {
        assert_eq!(amount(20_000_000.0, Some("USD")), "$20.0M");
        assert_eq!(amount(-12_525_000.0, Some("USD")), "-$12.5M");
        assert_eq!(amount(9_400_000.0, Some("USD/month")), "$9.4M/month");
        assert_eq!(amount(42.3e9, Some("EUR")), "€42.3B");
        assert_eq!(amount(20_000_000.0, None), "20.0M");
        assert_eq!(amount(7.0, Some("h")), "7 h");
        assert_eq!(amount(999_999.0, Some("USD")), "$1.0M");
        assert_eq!(amount(16_666.67, Some("USD")), "$16.7k");
        assert_eq!(amount(9_999.0, Some("USD")), "$9999");
    }

    #[test]
    fn shares_and_changes_read_as_percentages() {
        assert_eq!(percent(0.4), "40%");
        assert_eq!(percent(1.0 / 3.0), "33.3%");
        assert_eq!(change(-0.105_357), "-10.5%");
        assert_eq!(change(0.083_333), "+8.3%");
        assert_eq!(change(0.0), "0%");
        assert_eq!(change(0.000_012), "+0.0012%");
    }

    #[test]
    fn a_parameter_is_a_share_where_its_name_or_unit_says_so() {
        assert_eq!(parameter("max_pct", 0.4, None), "40%");
        assert_eq!(parameter("max_pct", 40.0, None), "40");
        assert_eq!(parameter("cvar[sol]", 0.42, None), "0.42");
        assert_eq!(parameter("floor", 0.05, Some("share")), "5%");
        assert_eq!(parameter("budget", 5e7, Some("USD")), "$50.0M");
    }

    #[test]
    fn times_read_in_their_size() {
        assert_eq!(milliseconds(0.498), "0.5 ms");
        assert_eq!(milliseconds(46.8), "47 ms");
        assert_eq!(milliseconds(1_800.0), "1.8 s");
    }

    #[test]
    fn small_and_strange_numbers_stay_readable() {
        assert_eq!(plain(0.123_456_78), "0.12346");
        assert_eq!(plain(1234.5), "1234.5");
        assert_eq!(plain(-0.0), "0");
        assert_eq!(plain(1e300), "1.000e300");
        assert_eq!(plain(f64::NAN), "not a number");
        assert_eq!(compact(1e20), "1.000e20");
    }
}
