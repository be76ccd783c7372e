//! Values as they are written, what they could be, and what they are read as.

use crate::domain::time::Timestamp;
use crate::limits::DATASET_TEXT_BYTES_MAX;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use std::borrow::Cow;

/// One value, as its format has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Missing,
    Text(Cow<'a, str>),
    Number(f64),
    Flag(bool),
    Time(Timestamp),
    /// What no column can hold, and why.
    Bad(&'static str),
}

/// Whole numbers past which a double tells neighbours no longer apart.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Words that stand for a missing number, time or flag. In a column of texts they are texts.
const NOTHING: [&str; 7] = ["na", "n/a", "nan", "null", "none", "nil", "#n/a"];

fn stands_for_nothing(text: &str) -> bool {
    text.len() <= 4 && NOTHING.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A written number.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Finite(f64),
    Infinite,
    None,
}

fn number(text: &str) -> Number {
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
    if ["inf", "infinity", "∞"].iter().any(|word| bare.eq_ignore_ascii_case(word)) {
        return Number::Infinite;
    }
    let digits = bare.bytes().any(|byte| byte.is_ascii_digit());
    if !digits || !bare.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')) {
        return Number::None;
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Number::Finite(value),
        Ok(_) => Number::Infinite,
        Err(_) => Number::None,
    }
}

/// Whether a number would not be what was written: an id of many digits, or one with noughts before it.
fn is_a_name(text: &str, value: f64) -> bool {
    let bare = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let leading = bare.len() > 1 && bare.first() == Some(&b'0') && bare.get(1).is_some_and(u8::is_ascii_digit);
    leading || (value.abs() > EXACT_MAX && bare.iter().all(u8::is_ascii_digit))
}

fn flag(text: &str) -> Option<bool> {
    let is = |words: [&str; 2]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["true", "yes"]) {
        Some(true)
    } else if is(["false", "no"]) {
        Some(false)
    } else {
        None
    }
}

/// A written moment, before its zone is known.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Written {
    Moment(Timestamp),
    Local(DateTime),
}

fn written(text: &str) -> Option<Written> {
    let bytes = text.as_bytes();
    if !(10..=40).contains(&bytes.len()) || bytes.get(4) != Some(&b'-') || !text.is_ascii() || text.contains('[') {
        return None;
    }
    if bytes.len() == 10 {
        return text.parse::<Date>().ok().map(|date| Written::Local(date.to_datetime(jiff::civil::Time::midnight())));
    }
    if !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) {
        return None;
    }
    let (date, time) = text.split_at_checked(11)?;
    let joined = format!("{}T{time}", date.get(..10)?);
    let zoned = time.ends_with(['Z', 'z']) || time.contains(['+', '-']);
    if zoned { Timestamp::parse(&joined).ok().map(Written::Moment) } else { joined.parse().ok().map(Written::Local) }
}

/// How moments are written in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeForm {
    Written,
    /// So many microseconds each, since 1970; 0 for nanoseconds.
    Epoch(i64),
}

/// What a column is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Number,
    Text,
    Flag,
    Time(TimeForm),
}

/// What is known of the values of a column.
#[derive(Debug, Clone, Default)]
pub(super) struct Guess {
    values: u64,
    numbers: u64,
    flags: u64,
    times: u64,
    texts: u64,
    whole: u64,
    least: f64,
    greatest: f64,
}

/// Of ten values this many must be what a column is taken for.
const NINE_OF_TEN: u64 = 9;

/// Moments of 1973 to 2286 in whole seconds; the same a thousand times finer are milliseconds, and so on.
const SECONDS: std::ops::Range<f64> = 1e8..1e10;

impl Guess {
    pub(super) fn see(&mut self, cell: &Cell<'_>) {
        match cell {
            Cell::Missing | Cell::Bad(_) => return,
            Cell::Number(value) => self.see_number(*value),
            Cell::Flag(_) => self.flags += 1,
            Cell::Time(_) => self.times += 1,
            Cell::Text(text) => {
                let text = text.trim();
                if text.is_empty() || stands_for_nothing(text) {
                    return;
                }
                match number(text) {
                    Number::Finite(value) if !is_a_name(text, value) => self.see_number(value),
                    Number::Infinite => self.numbers += 1,
                    _ if flag(text).is_some() => self.flags += 1,
                    _ if written(text).is_some() => self.times += 1,
                    _ => self.texts += 1,
                }
            }
        }
        self.values += 1;
    }

    fn see_number(&mut self, value: f64) {
        self.numbers += 1;
        if value.fract() == 0.0 {
            self.whole += 1;
        }
        if self.numbers == 1 {
            (self.least, self.greatest) = (value, value);
        }
        (self.least, self.greatest) = (self.least.min(value), self.greatest.max(value));
    }

    fn nearly_all(&self, count: u64) -> bool {
        count > 0 && count * 10 >= self.values * NINE_OF_TEN
    }

    /// What the column is read as, where nobody said it.
    pub(super) fn form(&self, says_when: bool) -> Form {
        if self.nearly_all(self.numbers) {
            return match self.epoch() {
                Some(unit) if says_when => Form::Time(TimeForm::Epoch(unit)),
                _ => Form::Number,
            };
        }
        match () {
            () if self.nearly_all(self.flags) => Form::Flag,
            () if self.nearly_all(self.times) => Form::Time(TimeForm::Written),
            () => Form::Text,
        }
    }

    /// The form of a column that is said to hold moments.
    pub(super) fn time_form(&self) -> TimeForm {
        match self.epoch() {
            Some(unit) if self.numbers > self.times => TimeForm::Epoch(unit),
            _ => TimeForm::Written,
        }
    }

    /// Microseconds of the unit in which these numbers count moments, by how large they are.
    fn epoch(&self) -> Option<i64> {
        let within = |scale: f64| self.least >= SECONDS.start * scale && self.greatest < SECONDS.end * scale;
        let units = [(1.0, 1_000_000), (1e3, 1_000), (1e6, 1), (1e9, 0)];
        let whole_or_seconds = |scale: f64| scale == 1.0 || self.whole == self.numbers;
        units.into_iter().find(|(scale, _)| within(*scale) && whole_or_seconds(*scale)).map(|(_, unit)| unit)
    }

    /// How many values are not what the column is read as, and how many there are.
    pub(super) fn misfits(&self, form: Form) -> (u64, u64) {
        let fits = match form {
            Form::Number | Form::Time(TimeForm::Epoch(_)) => self.numbers,
            Form::Flag => self.flags,
            Form::Time(TimeForm::Written) => self.times,
            Form::Text => self.values,
        };
        (self.values - fits, self.values)
    }

    /// Whether there is any value.
    pub(super) fn is_empty(&self) -> bool {
        self.values == 0
    }
}

/// Whether a value says that it is none of a heading.
pub(super) fn is_data(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || number(text) != Number::None || flag(text).is_some() || written(text).is_some()
}

/// Why a value can't be read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BadCell {
    pub detail: String,
    pub infinite: bool,
}

/// What a value was read as.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'c> {
    Missing,
    Number(f64),
    Text(Cow<'c, str>),
    Flag(bool),
    Time(Timestamp),
}

/// What is noticed while moments are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Noticed {
    /// Moments without an offset.
    pub local: u64,
    /// Of them those that the zone has twice or not at all, as its clocks change.
    pub ambiguous: u64,
}

/// Reads a value.
pub(super) fn value<'c>(cell: &'c Cell<'_>, form: Form, zone: &TimeZone, noticed: &mut Noticed) -> Result<Value<'c>, BadCell> {
    let bad = |detail: String| Err(BadCell { detail, infinite: false });
    let infinite = || Err(BadCell { detail: "the number is infinite".to_owned(), infinite: true });
    let text = match cell {
        Cell::Missing => return Ok(Value::Missing),
        Cell::Bad(why) => return bad((*why).to_owned()),
        Cell::Text(text) if text.len() > DATASET_TEXT_BYTES_MAX => {
            return bad(format!("the text has {} bytes, more than {DATASET_TEXT_BYTES_MAX}", text.len()));
        }
        Cell::Text(text) => Cow::Borrowed(&**text),
        Cell::Number(value) if value.is_nan() => return Ok(Value::Missing),
        Cell::Number(value) if value.is_infinite() => return infinite(),
        Cell::Number(value) => match form {
            Form::Number => return Ok(Value::Number(*value)),
            Form::Time(TimeForm::Epoch(unit)) => return moment(*value, unit).map_or_else(bad, |at| Ok(Value::Time(at))),
            _ => Cow::Owned(value.to_string()),
        },
        Cell::Flag(value) if form == Form::Flag => return Ok(Value::Flag(*value)),
        Cell::Flag(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Cell::Time(at) if matches!(form, Form::Time(_)) => return Ok(Value::Time(*at)),
        Cell::Time(at) => Cow::Owned(at.to_string()),
    };
    if form == Form::Text {
        return Ok(if text.is_empty() { Value::Missing } else { Value::Text(text) });
    }
    let trimmed = text.trim();
    if trimmed.is_empty() || stands_for_nothing(trimmed) {
        return Ok(Value::Missing);
    }
    let not = |what: &str| bad(format!("`{}` is no {what}", trimmed.chars().take(40).collect::<String>()));
    match (form, number(trimmed)) {
        (Form::Number, Number::Finite(value)) => Ok(Value::Number(value)),
        (Form::Time(TimeForm::Epoch(unit)), Number::Finite(value)) => {
            moment(value, unit).map_or_else(bad, |at| Ok(Value::Time(at)))
        }
        (Form::Number | Form::Time(TimeForm::Epoch(_)), Number::Infinite) => infinite(),
        (Form::Number, _) => not("number"),
        (Form::Flag, _) => flag(trimmed).map_or_else(|| not("flag: true or false is expected"), |flag| Ok(Value::Flag(flag))),
        (Form::Time(TimeForm::Epoch(_)), _) => not("count of seconds since 1970"),
        _ => match written(trimmed) {
            Some(Written::Moment(at)) => Ok(Value::Time(at)),
            Some(Written::Local(local)) => match in_zone(local, zone, noticed) {
                Some(at) => Ok(Value::Time(at)),
                None => not("time of the years that there are"),
            },
            None => not("time: RFC 3339 or YYYY-MM-DD HH:MM:SS is expected"),
        },
    }
}

fn moment(value: f64, unit: i64) -> Result<Timestamp, String> {
    let micros = if unit == 0 { value / 1e3 } else { value * unit as f64 };
    // Within the years that RFC 3339 can print.
    if (-62_135_596_800e6..253_402_207_200e6).contains(&micros) {
        Ok(Timestamp::from_micros(micros.round() as i64))
    } else {
        Err(format!("{value} is no moment of the years that there are"))
    }
}

fn in_zone(local: DateTime, zone: &TimeZone, noticed: &mut Noticed) -> Option<Timestamp> {
    noticed.local += 1;
    let found = zone.to_ambiguous_timestamp(local);
    noticed.ambiguous += u64::from(found.is_ambiguous());
    // Of two the earlier, and of a time that was skipped the one after it (RFC 5545, 3.3.5).
    found.compatible().ok().map(|at| Timestamp::from_micros(at.as_microsecond()))
}

#[cfg(test)]
mod tests;
