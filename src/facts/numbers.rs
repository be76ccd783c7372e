//! Numbers with their scale and unit, fractions, multiples and ordinals.

use super::items::{Item, Kind};
use super::lexicon::Sense;
use crate::domain::facts::{Bound, Quantity};

/// A number that begins at an item, and how many items it takes.
pub(super) struct Taken {
    pub(super) quantity: Quantity,
    pub(super) items: usize,
}

fn quantity(value: f64, unit: &str) -> Quantity {
    // Scales and factors leave noise in the last digits, which would show in the stored facts.
    let value = format!("{value:.11e}").parse().unwrap_or(value);
    // Below one, a point of a rate is mostly told as a per cent; above, the two are told apart.
    let unit = if unit == "pp" && value.abs() < 1.0 { "pct" } else { unit };
    Quantity { value, unit: unit.into(), bound: Bound::Exact, of: String::new() }
}

fn is_text(items: &[Item<'_>], at: usize, texts: &[&str]) -> bool {
    items.get(at).is_some_and(|item| texts.contains(&item.text))
}

/// Reads the number at `at`, if there is one.
pub(super) fn read(items: &[Item<'_>], at: usize) -> Option<Taken> {
    let item = items.get(at)?;
    if let Some(taken) = spoken_clock(items, at) {
        return Some(taken);
    }
    match (item.kind, item.sense()) {
        (Kind::Symbol(sign), _) => money(items, at, sign),
        (Kind::Number { .. }, _) | (_, Some(Sense::Number(_) | Sense::Scale(_))) => {
            let (value, end, suffix) = amount(items, at)?;
            Some(with_unit(items, at, end, value, suffix))
        }
        (_, Some(Sense::Shift(-1))) if at > 0 && items[at - 1].text == "the" && is_text(items, at + 1, &["day", "hour"]) => {
            let minutes = if is_text(items, at + 1, &["day"]) { 1440.0 } else { 60.0 };
            Some(Taken { quantity: quantity(minutes, "min"), items: 2 })
        }
        (_, Some(Sense::Bound(_))) if item.text == "past" && is_text(items, at + 1, &["day", "hour"]) => {
            let minutes = if is_text(items, at + 1, &["day"]) { 1440.0 } else { 60.0 };
            Some(Taken { quantity: quantity(minutes, "min"), items: 2 })
        }
        (_, Some(Sense::Multiple(factor))) => Some(Taken { quantity: quantity(*factor, "x"), items: 1 }),
        (_, Some(Sense::Ordinal(n))) => Some(Taken { quantity: quantity(*n, "nth"), items: 1 }),
        (_, Some(Sense::Unit { .. })) => bare_unit(items, at),
        (_, Some(Sense::Entity { id, kind })) if &**kind == "currency" => {
            let (value, end, _) = amount(items, at + 1)?;
            Some(Taken { quantity: quantity(value, id), items: end - at })
        }
        (_, Some(Sense::Stop))
            if !item.joined && (at == 0 || !item.capital) && matches!(item.text, "a" | "an" | "per" | "each" | "every") =>
        {
            one_of(items, at)
        }
        (_, Some(Sense::Qualifier(_))) if matches!(item.text, "each" | "every") => one_of(items, at),
        (Kind::Unknown, _) if item.text == "minus" && items.get(at + 1).is_some_and(|next| !next.joined) => {
            let taken = read(items, at + 1).filter(|_| matches!(items[at + 1].kind, Kind::Number { .. }))?;
            let quantity = Quantity { value: -taken.quantity.value, ..taken.quantity };
            Some(Taken { quantity, items: taken.items + 1 })
        }
        (Kind::Unknown, _) if matches!(item.text, "noon" | "midday") => {
            Some(Taken { quantity: quantity(720.0, "clock"), items: 1 })
        }
        (Kind::Unknown, _) if item.text == "midnight" => Some(Taken { quantity: quantity(0.0, "clock"), items: 1 }),
        _ => None,
    }
}

/// `a year`, `per day`, `a fifth`, `a quarter point`, `a million`.
fn one_of(items: &[Item<'_>], at: usize) -> Option<Taken> {
    let next = items.get(at + 1)?;
    let follows_number = at > 0 && matches!(items[at - 1].sense(), Some(Sense::Number(_)));
    match next.sense()? {
        Sense::Unit { .. } if next.text == "second" && names_what_comes(items, at + 2) => {
            Some(Taken { quantity: quantity(2.0, "nth"), items: 2 })
        }
        // `fell by a quarter`
        Sense::Unit { .. }
            if next.text == "quarter"
                && at > 0
                && is_text(items, at - 1, &["by"])
                && !is_text(items, at + 2, &["of"])
                && fraction_ends(items, at + 2) =>
        {
            Some(Taken { quantity: quantity(25.0, "pct"), items: 2 })
        }
        Sense::Unit { unit, factor } if next.text != "quarter" && matches!(&**unit, "min" | "month") => {
            // `an hour and a half`
            let half = is_text(items, at + 2, &["and"]) && is_text(items, at + 3, &["a"]) && is_text(items, at + 4, &["half"]);
            let (factor, items) = if half { (factor * 1.5, 5) } else { (*factor, 2) };
            Some(Taken { quantity: quantity(factor, unit), items })
        }
        // `a quarter of an hour`
        Sense::Unit { .. } if next.text == "quarter" && is_text(items, at + 2, &["of"]) && is_text(items, at + 3, &["an"]) => {
            let Some(Sense::Unit { unit, factor }) = items.get(at + 4).and_then(Item::sense) else { return None };
            Some(Taken { quantity: quantity(0.25 * factor, unit), items: 5 })
        }
        // `a quarter of all parcels`
        Sense::Unit { .. }
            if next.text == "quarter" && is_text(items, at + 2, &["of"]) && !is_text(items, at + 3, &["a", "an", "one"]) =>
        {
            Some(Taken { quantity: quantity(25.0, "pct"), items: 2 })
        }
        Sense::Unit { .. } => bare_unit(items, at + 1).map(|taken| Taken { items: taken.items + 1, ..taken }),
        Sense::Ordinal(n) if *n >= 3.0 && !follows_number && fraction_ends(items, at + 2) => {
            Some(Taken { quantity: quantity(100.0 / n, "pct"), items: 2 })
        }
        Sense::Scale(scale) if item_is_word(next) => Some(with_unit(items, at, at + 2, *scale, "")),
        _ => None,
    }
}

/// `a second payout`, where `a second faster` and `twice a second` are lengths of time.
fn names_what_comes(items: &[Item<'_>], at: usize) -> bool {
    items.get(at).is_some_and(|item| {
        !item.joined
            && !matches!(item.kind, Kind::Break | Kind::Symbol(_) | Kind::Number { .. })
            && !matches!(item.sense(), Some(Sense::Stop | Sense::Bound(_) | Sense::Shift(_) | Sense::Negator | Sense::Modal(_)))
            && !matches!(item.text, "longer" | "faster" | "slower" | "later" | "earlier" | "sooner" | "apart")
    })
}

fn item_is_word(item: &Item<'_>) -> bool {
    item.text.len() > 2
}

fn fraction_ends(items: &[Item<'_>], at: usize) -> bool {
    match items.get(at) {
        None => true,
        Some(item) => match item.kind {
            Kind::Break => true,
            // `a tenth less uranium`
            _ if matches!(item.text, "less" | "fewer" | "more" | "lower" | "higher" | "cheaper" | "dearer") => true,
            Kind::Sense(sense) => matches!(sense, Sense::Stop | Sense::Pole { .. } | Sense::Bound(_)),
            _ => false,
        },
    }
}

/// `quarter point`, and `second` as an ordinal.
fn bare_unit(items: &[Item<'_>], at: usize) -> Option<Taken> {
    match items.get(at)?.text {
        "quarter" => {
            let mut end = at + 1;
            while is_text(items, end, &["of", "a"]) {
                end += 1;
            }
            let point = matches!(items.get(end)?.sense()?, Sense::Unit { unit, .. } if matches!(&**unit, "pp" | "point"));
            point.then(|| Taken { quantity: quantity(0.25, "pct"), items: end + 1 - at })
        }
        "second" => Some(Taken { quantity: quantity(2.0, "nth"), items: 1 }),
        _ => None,
    }
}

fn money(items: &[Item<'_>], at: usize, sign: char) -> Option<Taken> {
    let country =
        at.checked_sub(1).and_then(|before| items.get(before)).filter(|before| before.capital).map_or("", |before| before.text);
    let currency = match sign {
        '$' => match country {
            "c" | "ca" => "CAD",
            "a" | "au" => "AUD",
            "nz" => "NZD",
            "hk" => "HKD",
            "s" => "SGD",
            _ => "USD",
        },
        '€' => "EUR",
        '£' => "GBP",
        '¥' => "JPY",
        '₹' => "INR",
        '₩' => "KRW",
        '₿' => "BTC",
        _ => return None,
    };
    let (value, end, _) = amount(items, at + 1)?;
    Some(Taken { quantity: quantity(value * shared_scale(items, at + 1, end), currency), items: end - at })
}

/// `$5.1 to $5.3 billion`: the scale behind a range is that of both its ends.
fn shared_scale(items: &[Item<'_>], at: usize, end: usize) -> f64 {
    let scaled = end > at + 1 || items.get(at).is_none_or(|item| !item.text.is_empty());
    let Some(between) = items.get(end).filter(|_| !scaled) else { return 1.0 };
    let mut next = if matches!(between.text, "to" | "and" | "or") && !between.joined { end + 1 } else { end };
    if next == end && !between.joined {
        return 1.0;
    }
    while items.get(next).is_some_and(|item| matches!(item.kind, Kind::Symbol(sign) if super::tokens::is_currency(sign))) {
        next += 1;
    }
    let Some(Item { kind: Kind::Number { value: other, .. }, text, .. }) = items.get(next) else { return 1.0 };
    let Some(Item { kind: Kind::Number { value, .. }, .. }) = items.get(at) else { return 1.0 };
    let Some((whole, _, _)) = amount(items, next).filter(|_| value < other && *other < 1000.0) else { return 1.0 };
    if whole == *other && !text.is_empty() { 1.0 } else { whole / other }
}

/// The value from `at` with its scale, the item after it, and the suffix that wasn't a scale.
fn amount<'a>(items: &[Item<'a>], at: usize) -> Option<(f64, usize, &'a str)> {
    let item = items.get(at)?;
    if let Kind::Number { value, .. } = item.kind {
        let (scale, suffix) = match item.text {
            "k" => (1e3, ""),
            "m" | "mn" | "mm" | "mln" | "million" => (1e6, ""),
            "b" | "bn" | "bln" | "billion" => (1e9, ""),
            "t" | "tn" | "trn" | "trillion" => (1e12, ""),
            other => (1.0, other),
        };
        let mut value = value * scale;
        let mut end = at + 1;
        while let Some(Sense::Scale(scale)) = items.get(end).and_then(Item::sense) {
            value *= scale;
            end += 1;
        }
        return Some((value, end, suffix));
    }
    words(items, at)
}

/// Numbers in words: `two hundred and fifty`, `twenty-five thousand`, `half a million`.
fn words<'a>(items: &[Item<'a>], at: usize) -> Option<(f64, usize, &'a str)> {
    let (mut total, mut part, mut end) = (0.0, None::<f64>, at);
    while let Some(item) = items.get(end) {
        match item.sense() {
            Some(Sense::Number(n)) => match part {
                None => part = Some(*n),
                Some(held) if held >= 20.0 && held % 10.0 == 0.0 && *n < 10.0 => part = Some(held + n),
                Some(held) if held >= 100.0 && held % 100.0 == 0.0 && *n < 100.0 => part = Some(held + n),
                Some(_) => break,
            },
            Some(Sense::Scale(scale)) if *scale <= 100.0 => part = Some(part.unwrap_or(1.0) * scale),
            Some(Sense::Scale(scale)) => {
                total += part.take().unwrap_or(1.0) * scale;
            }
            _ if item.text == "and" && part.is_some_and(|p| p >= 100.0) && is_number(items, end + 1) => {}
            _ if matches!(item.text, "a" | "an") && part == Some(0.5) && is_scale(items, end + 1) => {}
            _ => break,
        }
        end += 1;
    }
    (end > at).then(|| (total + part.unwrap_or(0.0), end, ""))
}

fn is_number(items: &[Item<'_>], at: usize) -> bool {
    matches!(items.get(at).and_then(Item::sense), Some(Sense::Number(_)))
}

fn is_scale(items: &[Item<'_>], at: usize) -> bool {
    matches!(items.get(at).and_then(Item::sense), Some(Sense::Scale(_)))
}

fn with_unit(items: &[Item<'_>], at: usize, end: usize, value: f64, suffix: &str) -> Taken {
    let done = |value: f64, unit: &str, end: usize| Taken { quantity: quantity(value, unit), items: end - at };
    if let Some(taken) = clock(items, at, end, value, suffix) {
        return taken;
    }
    // `three or more orders`
    if is_text(items, end, &["or"]) && is_text(items, end + 1, &["more", "fewer", "less", "higher", "lower"]) {
        let mut taken = Taken { items: end + 2 - at, ..with_unit(items, at, at, value, suffix) };
        taken.quantity.bound = if is_text(items, end + 1, &["more", "higher"]) { Bound::AtLeast } else { Bound::AtMost };
        return taken;
    }
    if let Some((of, next)) = one_in(items, end, value).filter(|_| suffix.is_empty() && value >= 1.0) {
        return done(100.0 * value / of, "pct", next);
    }
    // `three quarters of a point`, `three quarters of an hour`
    if value < 4.0 && is_text(items, end, &["quarter", "quarters"]) && is_text(items, end + 1, &["of"]) {
        let unit_at = if is_text(items, end + 2, &["a", "an"]) { end + 3 } else { end + 2 };
        if let Some(Sense::Unit { unit, factor }) = items.get(unit_at).and_then(Item::sense) {
            let unit = if matches!(&**unit, "pp" | "point") { "pct" } else { unit };
            return done(value * 0.25 * factor, unit, unit_at + 1);
        }
    }
    // `three quarters full`
    if value < 4.0 && is_text(items, end, &["quarters", "quarter"]) && is_text(items, end + 1, &["point", "percentage"]) {
        return done(value * 0.25, "pct", end + 2);
    }
    if value < 4.0 && is_text(items, end, &["quarters"]) && is_text(items, end + 1, &["of", "full", "empty", "complete", "done"])
    {
        return done(value * 25.0, "pct", end + 1);
    }
    let value = value * if at == end { 1.0 } else { shared_scale(items, at, end) };
    // `502s` are answers with that status.
    if suffix == "s" && (400.0..600.0).contains(&value) && value.fract() == 0.0 {
        return done(value, "count", end);
    }
    if let Some((unit, factor)) = suffix_unit(suffix) {
        return done(value * factor, unit, end);
    }
    if !suffix.is_empty() {
        return done(value, suffix, end);
    }
    // `five-four` and `5-4` are the two sides of one vote, unless a unit says that they are a range.
    if let Some(score) = score(items, end, value) {
        return done(score, "score", end + 1);
    }
    let mut unit_at = end;
    if value < 1.0 {
        while is_text(items, unit_at, &["of", "a", "an"]) {
            unit_at += 1;
        }
    }
    let Some(item) = items.get(unit_at) else { return bare(value, end - at) };
    if let Some((factor, unit)) = unit_of_the_end(items, at, end) {
        return done(value * factor, &unit, end);
    }
    match (item.kind, item.sense()) {
        (Kind::Symbol('%'), _) => done(value, "pct", unit_at + 1),
        // `24 h`, `132,000 t`, `35 billion won`
        _ if value == 12.0 && matches!(item.text, "noon" | "midnight") => {
            done(if item.text == "noon" { 720.0 } else { 0.0 }, "clock", unit_at + 1)
        }
        _ if item.text == "h" && item.last == "h" => done(value * 60.0, "min", unit_at + 1),
        _ if item.text == "t" && item.last == "t" && !item.joined => done(value, "tonne", unit_at + 1),
        _ if item.text == "won" && value >= 1e6 => done(value, "KRW", unit_at + 1),
        (_, Some(Sense::Stop)) if item.text == "s" => done(value / 60.0, "min", unit_at + 1),
        (_, Some(Sense::Unit { unit, factor })) if value < 1.0 && &**unit == "point" => done(value * factor, "pct", unit_at + 1),
        (_, Some(Sense::Unit { unit, factor })) => done(value * factor, unit, unit_at + 1),
        (_, Some(Sense::Entity { id, kind })) if &**kind == "currency" => done(value, id, unit_at + 1),
        (_, Some(Sense::Ordinal(n))) if *n >= 3.0 && value < 20.0 && unit_at == end => {
            done(value * 100.0 / n, "pct", unit_at + 1)
        }
        (Kind::Unknown, _) if value < 20.0 => {
            fraction_plural(item.text).map_or_else(|| bare(value, end - at), |n| done(value * 100.0 / n, "pct", unit_at + 1))
        }
        _ => bare(value, end - at),
    }
}

/// `from 30 to 60 seconds`: the unit behind the end of a move is that of its beginning.
fn unit_of_the_end(items: &[Item<'_>], at: usize, end: usize) -> Option<(f64, String)> {
    if at == 0 || !is_text(items, at - 1, &["from"]) || !is_text(items, end, &["to"]) {
        return None;
    }
    let (value, next, suffix) = amount(items, end + 1)?;
    let quantity = with_unit(items, end + 1, next, value, suffix).quantity;
    let plain = matches!(&*quantity.unit, "count" | "clock" | "nth" | "score") || quantity.bound != Bound::Exact || value == 0.0;
    (!plain).then(|| (quantity.value / value, quantity.unit))
}

/// `three in ten`, `one user in twenty`: how many there are, and the item behind.
fn one_in(items: &[Item<'_>], at: usize, value: f64) -> Option<(f64, usize)> {
    let noun = usize::from(items.get(at).is_some_and(|item| matches!(item.kind, Kind::Unknown | Kind::Sense(Sense::Word(_)))));
    let within = at + noun;
    let asked = is_text(items, within, &["in"]) && value.fract() == 0.0 && value < 10.0;
    let (of, end, suffix) = amount(items, within + 1).filter(|_| asked)?;
    let behind = items.get(end);
    let counts = behind.is_some_and(|item| {
        matches!(item.kind, Kind::Symbol(_) | Kind::Number { .. })
            || matches!(item.sense(), Some(Sense::Unit { .. } | Sense::Month(_)))
    });
    // `two stores in ten cities` says where.
    let whole = noun == 0 || behind.is_none_or(|item| matches!(item.kind, Kind::Break | Kind::Sense(Sense::Stop)));
    (suffix.is_empty() && !counts && whole && of > value && of <= 1000.0 && of.fract() == 0.0).then_some((of, end))
}

/// `2 pm`, `14:00`, `2:30 p.m.`, in minutes of the day.
fn clock(items: &[Item<'_>], at: usize, end: usize, value: f64, suffix: &str) -> Option<Taken> {
    let done = |minutes: f64, end: usize| Some(Taken { quantity: quantity(minutes, "clock"), items: end - at });
    let half_day = |hours: f64, text: &str| match text {
        "pm" if hours < 12.0 => Some(hours + 12.0),
        "am" if hours == 12.0 => Some(0.0),
        "am" | "pm" if hours <= 12.0 => Some(hours),
        _ => None,
    };
    if suffix == ":" {
        let hours = items.get(end).and_then(|next| half_day((value / 60.0).floor(), next.text));
        return match hours {
            Some(hours) => done(hours * 60.0 + value % 60.0, end + 1),
            None => done(value, end),
        };
    }
    if let Some(hours) = half_day(value, suffix) {
        return done(hours * 60.0, end);
    }
    // `2–4 am`: what stands behind the second end is said of both.
    if suffix.is_empty() && items.get(end).is_some_and(|next| next.joined && matches!(next.kind, Kind::Number { .. })) {
        let behind = [items[end].text, items.get(end + 1).map_or("", |after| after.text)];
        if let Some(hours) = behind.iter().find_map(|text| half_day(value, text)) {
            return done(hours * 60.0, end);
        }
    }
    let hours = items.get(end).filter(|_| suffix.is_empty()).and_then(|next| half_day(value, next.text))?;
    done(hours * 60.0, end + 1)
}

/// `half past four`, `a quarter to nine in the morning`.
fn spoken_clock(items: &[Item<'_>], at: usize) -> Option<Taken> {
    let start = if is_text(items, at, &["a"]) { at + 1 } else { at };
    let minutes = match items.get(start)?.text {
        "half" if is_text(items, start + 1, &["past"]) => 30.0,
        "quarter" if is_text(items, start + 1, &["past"]) => 15.0,
        "quarter" if is_text(items, start + 1, &["to"]) => -15.0,
        _ => return None,
    };
    let mut hour = match (items.get(start + 2)?.kind, items[start + 2].sense()) {
        (Kind::Number { value, digits: 1..=2 }, _) if value <= 12.0 && items[start + 2].text.is_empty() => value,
        (_, Some(Sense::Number(n))) if *n <= 12.0 => *n,
        _ => return None,
    };
    let mut end = start + 3;
    if is_text(items, end, &["in"]) && is_text(items, end + 2, &["morning", "afternoon", "evening"]) {
        hour += if is_text(items, end + 2, &["morning"]) || hour >= 12.0 { 0.0 } else { 12.0 };
        end += 3;
    } else if is_text(items, end, &["pm", "am"]) {
        hour += if is_text(items, end, &["am"]) || hour >= 12.0 { 0.0 } else { 12.0 };
        end += 1;
    }
    Some(Taken { quantity: quantity(hour * 60.0 + minutes, "clock"), items: end - at })
}

fn bare(value: f64, items: usize) -> Taken {
    let half = value == 0.5;
    Taken { quantity: if half { quantity(50.0, "pct") } else { quantity(value, "count") }, items }
}

fn fraction_plural(text: &str) -> Option<f64> {
    Some(match text {
        "thirds" => 3.0,
        "quarters" => 4.0,
        "fifths" => 5.0,
        "sixths" => 6.0,
        "sevenths" => 7.0,
        "eighths" => 8.0,
        "tenths" => 10.0,
        _ => return None,
    })
}

fn suffix_unit(suffix: &str) -> Option<(&'static str, f64)> {
    Some(match suffix {
        "x" => ("x", 1.0),
        "bp" | "bps" => ("pp", 0.01),
        "pct" | "pc" => ("pct", 1.0),
        "f" => ("fahrenheit", 1.0),
        "pp" | "ppt" => ("pp", 1.0),
        "st" | "nd" | "rd" | "th" => ("nth", 1.0),
        "s" | "sec" | "secs" => ("min", 1.0 / 60.0),
        "min" | "mins" => ("min", 1.0),
        "h" | "hr" | "hrs" => ("min", 60.0),
        "d" => ("min", 1440.0),
        "w" => ("min", 10080.0),
        "y" | "yr" | "yrs" => ("month", 12.0),
        "ms" => ("min", 1.0 / 60_000.0),
        "bpd" => ("bpd", 1.0),
        "bbl" => ("bbl", 1.0),
        "kb" => ("mb", 1e-3),
        "mb" => ("mb", 1.0),
        "gb" => ("mb", 1e3),
        "tb" => ("mb", 1e6),
        "pb" => ("mb", 1e9),
        "mw" => ("mw", 1.0),
        "gw" => ("mw", 1e3),
        "kw" => ("mw", 1e-3),
        "bcf" => ("cf", 1e9),
        "kg" => ("tonne", 1e-3),
        _ => return None,
    })
}

fn score(items: &[Item<'_>], at: usize, value: f64) -> Option<f64> {
    let next = items.get(at).filter(|item| item.joined)?;
    let other = match (next.kind, next.sense()) {
        (Kind::Number { value, .. }, _) if next.text.is_empty() => value,
        (_, Some(Sense::Number(n))) => *n,
        _ => return None,
    };
    let unit_follows = items.get(at + 1).is_some_and(|item| {
        matches!(item.kind, Kind::Symbol('%')) || matches!(item.sense(), Some(Sense::Unit { .. } | Sense::Scale(_)))
    });
    (!unit_follows && value < 20.0 && other < 20.0 && value.fract() == 0.0).then_some(value + other / 100.0)
}
