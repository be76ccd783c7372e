//! Numbers as texts write them: `1,234.50`, `-3`, `41.9%`, `2.5 million`, `3rd`, `seven`.

use std::ops::Range;

/// A number in a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    /// Where it stands, its sign and what says its scale included.
    pub place: Range<usize>,
    /// Its value, in units.
    pub value: f64,
    /// The distance of two neighbouring numbers that could have been written so.
    pub step: f64,
    /// What it is.
    pub kind: Kind,
}

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Without more.
    Plain,
    /// Percent.
    Percent,
    /// A distance of two percentages.
    Points,
    /// A place in an order.
    Ordinal,
    /// Written as a word.
    Word,
}

impl Written {
    /// Whether a value would be written so, at the rounding that is shown.
    pub(super) fn fits(&self, value: f64) -> bool {
        let scaled = if matches!(self.kind, Kind::Percent | Kind::Points) { value * 100.0 } else { value };
        // A value that lies just on the half may be rounded either way, and sums carry the noise of floating point.
        (scaled - self.value).abs() <= self.step / 2.0 * (1.0 + 1e-9) + scaled.abs() * 4.0 * f64::EPSILON
    }

    /// As [`Self::fits`], where the direction is said in words.
    pub(super) fn fits_either_way(&self, value: f64) -> bool {
        self.fits(value) || (self.value >= 0.0 && self.fits(-value))
    }
}

const WORDS: [&str; 11] = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// Every number of a text.
pub(super) fn read(text: &str) -> Vec<Written> {
    let mut all = Vec::new();
    let mut from = 0;
    while let Some(found) = text[from..].find(|letter: char| letter.is_ascii_digit()).map(|at| from + at) {
        let before = text[..found].chars().next_back();
        let part_of_word = before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
        let number = number(text, found);
        from = number.place.end;
        if !part_of_word {
            all.push(number);
        }
    }
    for (count, word) in (2_u8..).zip(WORDS) {
        for place in places(&text.to_ascii_lowercase(), word) {
            all.push(Written { place, value: f64::from(count), step: 1.0, kind: Kind::Word });
        }
    }
    all.sort_by_key(|number| number.place.start);
    all
}

/// The number whose first digit stands at `start`.
fn number(text: &str, start: usize) -> Written {
    let (mut end, mut digits) = whole(text, start);
    let mut decimals = 0_i32;
    let fraction =
        text[end..].strip_prefix('.').map(|rest| rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len());
    if let Some(length) = fraction.filter(|length| *length > 0) {
        digits.push_str(&text[end..=end + length]);
        decimals = i32::try_from(length).unwrap_or(i32::MAX);
        end += 1 + length;
    }
    let (kind, scale, length) = suffix(&text[end..]);
    let before = text[..start].trim_end_matches(['$', '€', '£']);
    let sign = before.chars().next_back().filter(|letter| matches!(letter, '-' | '−'));
    let sign = sign.filter(|sign| {
        let ahead = before[..before.len() - sign.len_utf8()].chars().next_back();
        ahead.is_none_or(|letter| letter.is_whitespace() || letter == '(')
    });
    let from = sign.map_or(start, |sign| before.len() - sign.len_utf8());
    let size = digits.parse::<f64>().unwrap_or(f64::NAN) * scale;
    let value = if sign.is_some() { -size } else { size };
    Written { place: from..end + length, value, step: scale * 10_f64.powi(-decimals), kind }
}

/// The whole part, with commas between groups of three where it has such.
fn whole(text: &str, start: usize) -> (usize, String) {
    let digits = |from: usize| text[from..].len() - text[from..].trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut end = start + digits(start);
    let mut read = text[start..end].to_owned();
    while read.len() <= 18 && text[end..].starts_with(',') && digits(end + 1) == 3 {
        read.push_str(&text[end + 1..end + 4]);
        end += 4;
    }
    (end, read)
}

/// What stands behind a number and says what it is: kind, scale and how long it is.
fn suffix(rest: &str) -> (Kind, f64, usize) {
    const SUFFIXES: [(&str, Kind, f64); 20] = [
        ("%", Kind::Percent, 1.0),
        (" %", Kind::Percent, 1.0),
        (" percentage points", Kind::Points, 1.0),
        (" percentage point", Kind::Points, 1.0),
        (" percent", Kind::Percent, 1.0),
        (" pp", Kind::Points, 1.0),
        (" thousand", Kind::Plain, 1e3),
        (" million", Kind::Plain, 1e6),
        (" billion", Kind::Plain, 1e9),
        ("k", Kind::Plain, 1e3),
        ("K", Kind::Plain, 1e3),
        ("M", Kind::Plain, 1e6),
        ("m", Kind::Plain, 1e6),
        ("bn", Kind::Plain, 1e9),
        ("B", Kind::Plain, 1e9),
        ("st", Kind::Ordinal, 1.0),
        ("nd", Kind::Ordinal, 1.0),
        ("rd", Kind::Ordinal, 1.0),
        ("th", Kind::Ordinal, 1.0),
        ("pp", Kind::Points, 1.0),
    ];
    let ends = |length: usize| rest[length..].chars().next().is_none_or(|letter| !letter.is_alphanumeric());
    let found = SUFFIXES.iter().find(|(suffix, ..)| rest.starts_with(suffix) && (suffix.ends_with('%') || ends(suffix.len())));
    found.map_or((Kind::Plain, 1.0, 0), |(suffix, kind, scale)| (*kind, *scale, suffix.len()))
}

/// Where a phrase stands in a text by itself, and not as a part of a word or of a number.
pub(super) fn places(text: &str, phrase: &str) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    if phrase.is_empty() {
        return all;
    }
    for (start, _) in text.match_indices(phrase) {
        let end = start + phrase.len();
        let first_digit = phrase.starts_with(|letter: char| letter.is_ascii_digit());
        let last_digit = phrase.ends_with(|letter: char| letter.is_ascii_digit());
        let mut before = text[..start].chars().rev();
        let mut behind = text[end..].chars();
        let (near, far) = (before.next(), before.next());
        let (next, further) = (behind.next(), behind.next());
        let word = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
        let digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
        let continued = (first_digit && matches!(near, Some('.' | ',')) && digit(far))
            || (last_digit && matches!(next, Some('.' | ',')) && digit(further))
            || (last_digit && next == Some('%'));
        if !word(near) && !word(next) && !continued {
            all.push(start..end);
        }
    }
    all
}
