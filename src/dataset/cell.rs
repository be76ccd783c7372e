//! Values as they are written, what they could be, and what they are read as.

use super::number::{Number, keeps, number};
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

/// Words that stand for a missing number, time or flag. In a column of texts they are texts.
const NOTHING: [&str; 7] = ["na", "n/a", "nan", "null", "none", "nil", "#n/a"];

pub(super) fn stands_for_nothing(text: &str) -> bool {
    text.len() <= 4 && NOTHING.iter().any(|word| text.eq_ignore_ascii_case(word))
}

pub(super) fn flag(text: &str) -> Option<bool> {
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
pub(super) enum Written {
    Moment(Timestamp),
    Local(DateTime),
}

pub(super) fn written(text: &str) -> Option<Written> {
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
    /// Each as it is written.
    Number,
    /// As near as a double comes, for whoever said that they are numbers.
    Rounded,
    Text,
    Flag,
    Time(TimeForm),
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
    /// Moments with a fraction of a microsecond.
    pub finer: u64,
    /// Numbers that are not what was written.
    pub rounded: u64,
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
            Form::Number | Form::Rounded => return Ok(Value::Number(*value)),
            Form::Flag if *value == 0.0 || *value == 1.0 => return Ok(Value::Flag(*value == 1.0)),
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
    let not = |what: &str| bad(format!("`{}` is no {what}", shown(trimmed)));
    match (form, number(trimmed)) {
        (Form::Number, Number::Finite(value)) if keeps(trimmed, value) => Ok(Value::Number(value)),
        (Form::Number, Number::Finite(value)) => {
            bad(format!("`{}` would be {value} as a number, which is not what is written", shown(trimmed)))
        }
        (Form::Rounded, Number::Finite(value)) => {
            noticed.rounded += u64::from(!keeps(trimmed, value));
            Ok(Value::Number(value))
        }
        (Form::Time(TimeForm::Epoch(unit)), Number::Finite(value)) => {
            moment(value, unit).map_or_else(bad, |at| Ok(Value::Time(at)))
        }
        (Form::Number | Form::Rounded | Form::Time(TimeForm::Epoch(_)), Number::Infinite) => infinite(),
        (Form::Number | Form::Rounded, _) => not("number"),
        (Form::Flag, _) if matches!(trimmed, "0" | "1") => Ok(Value::Flag(trimmed == "1")),
        (Form::Flag, _) => flag(trimmed).map_or_else(|| not("flag: true or false is expected"), |flag| Ok(Value::Flag(flag))),
        (Form::Time(TimeForm::Epoch(_)), _) => not("count of seconds since 1970"),
        _ => {
            let at = match written(trimmed) {
                Some(Written::Moment(at)) => at,
                Some(Written::Local(local)) => match in_zone(local, zone, noticed) {
                    Some(at) => at,
                    None => return not("time of the years that there are"),
                },
                None => return not("time: RFC 3339 or YYYY-MM-DD HH:MM:SS is expected"),
            };
            noticed.finer += u64::from(is_finer(trimmed));
            Ok(Value::Time(at))
        }
    }
}

/// The beginning of a value, as it is told.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Whether a written moment has a fraction of a microsecond.
fn is_finer(text: &str) -> bool {
    let (_, fraction) = text.split_once(['.', ',']).unwrap_or_default();
    fraction.bytes().take_while(u8::is_ascii_digit).skip(6).any(|digit| digit != b'0')
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
