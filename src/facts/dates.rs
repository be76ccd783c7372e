//! Dates, quarters, periods and days told from the day that the text speaks of.

use super::items::{Item, Kind};
use super::lexicon::Sense;
use crate::domain::time::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;

/// A date in its common form, and how many items it takes.
pub(super) struct Taken {
    pub(super) date: String,
    pub(super) items: usize,
}

fn day_of(as_of: Timestamp) -> Date {
    jiff::Timestamp::from_microsecond(as_of.as_micros())
        .map_or(Date::ZERO, |moment| moment.to_zoned(jiff::tz::TimeZone::UTC).date())
}

/// Reads the date at `at`, if there is one.
pub(super) fn read(items: &[Item<'_>], at: usize, as_of: Timestamp) -> Option<Taken> {
    let item = items.get(at)?;
    if let Kind::Number { value, digits } = item.kind {
        if let Some(month) =
            month_before(items, at).filter(|_| digits <= 2 && (1.0..=31.0).contains(&value) && item.text.is_empty())
        {
            return Some(Taken { date: format!("*-{month:02}-{value:02}"), items: 1 });
        }
        return from_number(items, at, value, digits);
    }
    if let Some(part) = part_of_year(item.text) {
        return Some(with_year(items, at, 1, &part));
    }
    if matches!(item.text, "final" | "closing") && items.get(at + 1).is_some_and(|next| matches!(next.text, "quarter")) {
        return Some(with_year(items, at, 2, "Q4"));
    }
    if let Some(year) = fiscal_year(items, at) {
        return Some(year);
    }
    if let Some(end) = month_end(items, at) {
        return Some(end);
    }
    if let Some(decade) = decade(item.text).filter(|_| at > 0 && items[at - 1].text == "the") {
        return Some(Taken { date: format!("19{decade}s"), items: 1 });
    }
    if item.text == "quarter" {
        let n = match (items.get(at + 1)?.kind, items[at + 1].sense()) {
            (Kind::Number { value, digits: 1 }, _) if items[at + 1].text.is_empty() => value,
            (_, Some(Sense::Number(n))) => *n,
            _ => return None,
        };
        return (1.0..=4.0).contains(&n).then(|| with_year(items, at, 2, &format!("Q{n}")));
    }
    // The word says nothing elsewhere.
    if item.text == "this" && items.get(at + 1).is_some_and(|next| matches!(next.text, "week" | "month" | "quarter" | "year")) {
        return shifted(items, at, 0, as_of);
    }
    match item.sense()? {
        Sense::Month(month) => Some(months(items, at, *month).unwrap_or_else(|| month_at(items, at, *month))),
        Sense::Modal(_)
            if item.text == "may"
                && item.capital
                && at > 0
                && (follows_date_word(items, at) || day_follows(items, at) || within_lower_case(items, at)) =>
        {
            Some(month_at(items, at, 5))
        }
        Sense::Weekday(day) => Some(weekday(items, at, *day)),
        Sense::Day(days) => {
            let date = day_of(as_of).checked_add(days.days()).ok()?;
            Some(Taken { date: date.to_string(), items: 1 })
        }
        Sense::Shift(shift) => shifted(items, at, i64::from(*shift), as_of),
        Sense::Ordinal(n) => ordinal_part(items, at, *n),
        Sense::Unit { .. } if item.text == "second" => ordinal_part(items, at, 2.0),
        _ => None,
    }
}

/// `Tuesday`, `Tuesday of next week`.
fn weekday(items: &[Item<'_>], at: usize, day: u8) -> Taken {
    let week = items.get(at + 1).is_some_and(|of| of.text == "of") && items.get(at + 3).is_some_and(|week| week.text == "week");
    match items.get(at + 2).and_then(Item::sense) {
        Some(Sense::Shift(shift)) if week => Taken { date: format!("day-{day}{:+}", i64::from(*shift)), items: 4 },
        _ => Taken { date: format!("day-{day}"), items: 1 },
    }
}

/// The last two digits of `the nineties`.
fn decade(text: &str) -> Option<u8> {
    let decades = ["twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties"];
    (20..).step_by(10).zip(decades).find_map(|(decade, word)| (word == text).then_some(decade))
}

fn day_follows(items: &[Item<'_>], at: usize) -> bool {
    items.get(at + 1).is_some_and(|next| matches!(next.kind, Kind::Number { digits: 1..=2, .. }) && next.text.is_empty())
}

fn follows_date_word(items: &[Item<'_>], at: usize) -> bool {
    matches!(items[at - 1].text, "in" | "from" | "since" | "by" | "of" | "until" | "to" | "last" | "next" | "for" | "this")
}

/// `where May pickups exceeded 500`: amid words without capitals one with a capital is a name.
fn within_lower_case(items: &[Item<'_>], at: usize) -> bool {
    let before = &items[at - 1];
    !before.capital && !matches!(before.kind, Kind::Break | Kind::Symbol(_) | Kind::Number { .. })
}

/// `fiscal 2024`, `financial year 2024`, as `FY24`.
fn fiscal_year(items: &[Item<'_>], at: usize) -> Option<Taken> {
    if !matches!(items.get(at)?.text, "fiscal" | "financial") {
        return None;
    }
    let end = if items.get(at + 1)?.text == "year" { at + 2 } else { at + 1 };
    let year = year_at(items, end)?;
    Some(Taken { date: format!("*-FY{:02}", year % 100), items: end + 1 - at })
}

/// `end of March`, `end of March 2024`: its last day, which February has on the 28th.
fn month_end(items: &[Item<'_>], at: usize) -> Option<Taken> {
    let of = |at: usize| items.get(at).is_some_and(|item| item.text == "of");
    if items.get(at)?.text == "end" && of(at + 1) {
        let Some(Sense::Month(month)) = items.get(at + 2)?.sense() else { return None };
        let last = match *month {
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let day = items.get(at + 3).is_some_and(|next| matches!(next.kind, Kind::Number { digits: 1..=2, .. }));
        return (!day).then(|| with_year(items, at, 3, &format!("{month:02}-{last}")));
    }
    None
}

/// `third quarter`, `second half`.
fn ordinal_part(items: &[Item<'_>], at: usize, n: f64) -> Option<Taken> {
    let part = match items.get(at + 1)?.text {
        "quarter" if n <= 4.0 => format!("Q{n}"),
        "half" if n <= 2.0 => format!("H{n}"),
        _ => return first_months(items, at, n),
    };
    Some(with_year(items, at, 2, &part))
}

/// `first six months` is a half, `first three months` a quarter.
fn first_months(items: &[Item<'_>], at: usize, n: f64) -> Option<Taken> {
    if n != 1.0 || items.get(at + 2)?.text != "months" {
        return None;
    }
    let part = match (items[at + 1].kind, items[at + 1].sense()) {
        (Kind::Number { value: 6.0, .. }, _) => "H1",
        (Kind::Number { value: 3.0, .. }, _) => "Q1",
        (_, Some(Sense::Number(n))) if *n == 6.0 => "H1",
        (_, Some(Sense::Number(n))) if *n == 3.0 => "Q1",
        _ => return None,
    };
    Some(with_year(items, at, 3, part))
}

/// `January to March`: a quarter or a half where it is one, else the range.
fn months(items: &[Item<'_>], at: usize, first: u8) -> Option<Taken> {
    let link = items.get(at + 1)?;
    let second = if matches!(link.text, "to" | "through" | "until") { at + 2 } else { at + 1 };
    let Some(Sense::Month(last)) = items.get(second).filter(|item| second == at + 2 || item.joined)?.sense() else { return None };
    let part = match (first, *last) {
        (1, 3) => "Q1".to_owned(),
        (4, 6) => "Q2".to_owned(),
        (7, 9) => "Q3".to_owned(),
        (10, 12) => "Q4".to_owned(),
        (1, 6) => "H1".to_owned(),
        (7, 12) => "H2".to_owned(),
        (first, last) => format!("{first:02}..{last:02}"),
    };
    Some(with_year(items, at, second + 1 - at, &part))
}

/// `q3`, `h1`, `fy26`.
fn part_of_year(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    match bytes {
        [b'q', n @ b'1'..=b'4'] => Some(format!("Q{}", char::from(*n))),
        [b'h', n @ b'1'..=b'2'] => Some(format!("H{}", char::from(*n))),
        [b'f', b'y', rest @ ..] if !rest.is_empty() && rest.iter().all(u8::is_ascii_digit) => {
            Some(format!("FY{}", &text[text.len().max(4) - 2..]))
        }
        _ => None,
    }
}

fn year_at(items: &[Item<'_>], at: usize) -> Option<i64> {
    match items.get(at)?.kind {
        Kind::Number { value, digits: 4 } if items[at].text.is_empty() && (1900.0..=2199.0).contains(&value) => {
            Some(value as i64)
        }
        _ => None,
    }
}

fn with_year(items: &[Item<'_>], at: usize, taken: usize, part: &str) -> Taken {
    let mut end = at + taken;
    if items.get(end).is_some_and(|item| item.text == "of" || matches!(item.kind, Kind::Break)) {
        end += 1;
    }
    match year_at(items, end) {
        Some(year) => Taken { date: format!("{year}-{part}"), items: end + 1 - at },
        None => Taken { date: format!("*-{part}"), items: taken },
    }
}

fn month_at(items: &[Item<'_>], at: usize, month: u8) -> Taken {
    let day = match items.get(at + 1).map(|item| (item.kind, item.text)) {
        Some((Kind::Number { value, digits: 1..=2 }, "" | "st" | "nd" | "rd" | "th")) if (1.0..=31.0).contains(&value) => {
            Some(value)
        }
        _ => None,
    };
    match day {
        Some(day) => with_year(items, at, 2, &format!("{month:02}-{day:02}")),
        None => with_year(items, at, 1, &format!("{month:02}")),
    }
}

/// `June 3-7`: the month before the first of two days.
fn month_before(items: &[Item<'_>], at: usize) -> Option<u8> {
    let first = if items.get(at)?.joined {
        at.checked_sub(1)?
    } else if matches!(items.get(at.checked_sub(1)?)?.text, "to" | "and" | "through") {
        at.checked_sub(2)?
    } else {
        return None;
    };
    let Kind::Number { digits: 1..=2, .. } = items.get(first)?.kind else { return None };
    if let Some(Sense::Month(month)) = items.get(first.checked_sub(1)?)?.sense() { Some(*month) } else { None }
}

/// The month behind the second of two days.
fn shared_month(items: &[Item<'_>], at: usize) -> Option<u8> {
    let link = items.get(at + 1)?;
    let second = if matches!(link.text, "to" | "and" | "until" | "through") { at + 2 } else { at + 1 };
    let Kind::Number { digits: 1..=2, .. } = items.get(second).filter(|item| second == at + 2 || item.joined)?.kind else {
        return None;
    };
    if let Some(Sense::Month(month)) = items.get(second + 1)?.sense() { Some(*month) } else { None }
}

fn from_number(items: &[Item<'_>], at: usize, value: f64, digits: u8) -> Option<Taken> {
    let item = items.get(at)?;
    let part = match item.text {
        "q" if (1.0..=4.0).contains(&value) => Some(format!("Q{value}")),
        "h" if (1.0..=2.0).contains(&value) && digits == 1 => match items.get(at + 1).map(|next| next.kind) {
            Some(Kind::Number { digits: 2 | 4, .. }) => Some(format!("H{value}")),
            _ => None,
        },
        _ => None,
    };
    if let Some(part) = part {
        // `3Q23`
        return Some(match items.get(at + 1).map(|next| (next.kind, next.text)) {
            Some((Kind::Number { value, digits: 2 }, "")) => Taken { date: format!("{}-{part}", 2000.0 + value), items: 2 },
            _ => with_year(items, at, 1, &part),
        });
    }
    // `24 to 26 December`: the month is that of both.
    if let Some(month) = shared_month(items, at).filter(|_| digits <= 2 && item.text.is_empty() && (1.0..=31.0).contains(&value))
    {
        return Some(Taken { date: format!("*-{month:02}-{value:02}"), items: 1 });
    }
    let next = items.get(at + 1);
    if digits <= 2 && (1.0..=31.0).contains(&value) {
        let mut month = at + 1;
        if next.is_some_and(|item| item.text == "of") {
            month += 1;
        }
        let number = match items.get(month).and_then(Item::sense) {
            Some(Sense::Month(number)) => *number,
            Some(Sense::Modal(_)) if items[month].text == "may" && items[month].capital => 5,
            _ => return None,
        };
        return Some(with_year(items, at, month + 1 - at, &format!("{number:02}-{value:02}")));
    }
    // `the 1990s`, `the '90s`, of which the second is told by its article.
    if item.text == "s" && value % 10.0 == 0.0 {
        let after_the = at > 0 && items[at - 1].text == "the";
        let year = match digits {
            4 if (1800.0..=2090.0).contains(&value) => value,
            2 if after_the => {
                if value < 30.0 {
                    2000.0 + value
                } else {
                    1900.0 + value
                }
            }
            _ => return None,
        };
        return Some(Taken { date: format!("{year}s"), items: 1 });
    }
    let year = year_at(items, at)?;
    let number = |at: usize| match items.get(at).map(|item| (item.kind, item.joined)) {
        Some((Kind::Number { value, digits: 1..=2 }, true)) => Some(value),
        _ => None,
    };
    if let Some(month) = number(at + 1) {
        return Some(match number(at + 2) {
            Some(day) => Taken { date: format!("{year}-{month:02}-{day:02}"), items: 3 },
            None => Taken { date: format!("{year}-{month:02}"), items: 2 },
        });
    }
    // A number that counts something isn't a year.
    let counts = next.is_some_and(|item| {
        matches!(item.kind, Kind::Symbol('%')) || matches!(item.sense(), Some(Sense::Unit { .. } | Sense::Scale(_)))
    });
    (!counts).then(|| Taken { date: year.to_string(), items: 1 })
}

/// `last week`, `next quarter`, `this year`, `next Monday`, `last September`.
fn shifted(items: &[Item<'_>], at: usize, shift: i64, as_of: Timestamp) -> Option<Taken> {
    let next = items.get(at + 1)?;
    let today = day_of(as_of);
    let date = match (next.text, next.sense()) {
        // `over the last day` is a length of time.
        ("day", _) if shift < 0 && at > 0 && items[at - 1].text == "the" => return None,
        ("day", _) => today.checked_add(shift.days()).ok()?.to_string(),
        ("night", _) => today.checked_add(shift.days()).ok()?.to_string(),
        ("week", _) => {
            let week = today.checked_add(shift.weeks()).ok()?.iso_week_date();
            format!("{}-W{:02}", week.year(), week.week())
        }
        ("month", _) => today.first_of_month().checked_add(shift.months()).ok()?.strftime("%Y-%m").to_string(),
        ("quarter", _) => {
            let then = today.first_of_month().checked_add((shift * 3).months()).ok()?;
            format!("{}-Q{}", then.year(), (then.month() + 2) / 3)
        }
        ("year", _) => (i64::from(today.year()) + shift).to_string(),
        (_, Some(Sense::Weekday(day))) => format!("day-{day}{shift:+}"),
        _ => return None,
    };
    Some(Taken { date, items: 2 })
}
