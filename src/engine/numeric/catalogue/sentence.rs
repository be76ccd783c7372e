//! The sentence of a case: words around numbers that the method computed, and nothing that is computed here.
//!
//! `{path}` and `{path|format}` say a value, `{#list}…{/}` repeats with commas between, `{?path}…{/}` and `{!path}…{/}` stand only where
//! the path is there, or is not there. The formats are `number:N`, `percent:N` (of a share), `signed:N`, `thousands`, `days` and `ago`.

use super::path::{Path, Scope};
use crate::domain::time::Timestamp;
use serde_json::{Map, Value};

/// Bytes of a sentence as it is written, and of what it says.
const BYTES_MAX: usize = 8_192;
/// Levels of braces within each other.
const DEPTH_MAX: usize = 4;
/// Parts of one sentence.
const PARTS_MAX: usize = 512;
/// Digits after the point.
const DIGITS_MAX: usize = 12;
/// Elements of a list that are told.
const ELEMENTS_MAX: usize = 100;

/// The name of the moment of the fit.
const FITTED_AT: &str = "fitted_at";

/// A sentence that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Words(String),
    Value(Path, Format),
    Each(Path, Vec<Part>),
    Where(Path, bool, Vec<Part>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Plain,
    Number(usize),
    Percent(usize),
    Signed(usize),
    Thousands,
    Days,
    Ago,
}

/// When a sentence is said, and of when the numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When the model was fitted.
    pub fitted_at: Timestamp,
    /// The present.
    pub now: Timestamp,
}

/// Why a sentence can't be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsaid {
    /// There is no such value.
    #[error("the fit has no `{0}`")]
    Missing(String),
    /// The value is of a kind that the format has no words for.
    #[error("`{path}` is {found}, and {wanted} is needed")]
    Kind {
        /// Which value.
        path: String,
        /// What it is.
        found: &'static str,
        /// What it has to be.
        wanted: &'static str,
    },
    /// It became too long.
    #[error("the sentence has more than {BYTES_MAX} bytes")]
    TooLong,
}

impl Sentence {
    /// Reads a sentence.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("a sentence has {BYTES_MAX} bytes at the most"));
        }
        let mut reader = Reader { rest: text, parts: 0 };
        let parts = reader.parts(0)?;
        if reader.rest.is_empty() { Ok(Self { parts }) } else { Err("`{/}` closes nothing".to_owned()) }
    }

    /// The paths that stand outside of any list, where the fit alone can say what they are.
    pub fn paths(&self) -> Vec<&Path> {
        fn gather<'a>(parts: &'a [Part], all: &mut Vec<&'a Path>) {
            for part in parts {
                match part {
                    Part::Words(_) => {}
                    Part::Value(path, _) | Part::Each(path, _) => all.push(path),
                    Part::Where(path, _, within) => {
                        all.push(path);
                        gather(within, all);
                    }
                }
            }
        }
        let mut all = Vec::new();
        gather(&self.parts, &mut all);
        all.retain(|path| path.head() != FITTED_AT);
        all
    }

    /// Says it.
    ///
    /// # Errors
    /// [`Unsaid`].
    pub fn say(&self, parameters: &Map<String, Value>, values: &Map<String, Value>, moment: Moment) -> Result<String, Unsaid> {
        let mut said = String::new();
        say(&self.parts, &Scope::new(parameters, values), moment, &mut said)?;
        Ok(said)
    }
}

struct Reader<'a> {
    rest: &'a str,
    parts: usize,
}

impl Reader<'_> {
    /// The parts up to the end or to the `{/}` that closes them.
    fn parts(&mut self, depth: usize) -> Result<Vec<Part>, String> {
        if depth > DEPTH_MAX {
            return Err(format!("braces stand within each other {DEPTH_MAX} deep at the most"));
        }
        let mut parts = Vec::new();
        while !self.rest.is_empty() {
            let (words, rest) = self.rest.split_at(self.rest.find(['{', '}']).unwrap_or(self.rest.len()));
            if !words.is_empty() {
                parts.push(Part::Words(words.to_owned()));
            }
            self.rest = rest;
            if rest.is_empty() {
                break;
            }
            let inner = rest.strip_prefix('{').ok_or("`}` closes nothing")?;
            let (tag, rest) = inner.split_once('}').ok_or("`{` is not closed")?;
            if tag == "/" {
                // Whoever opened it takes it.
                if depth > 0 {
                    self.rest = rest;
                }
                return if depth > 0 { Ok(parts) } else { Err("`{/}` closes nothing".to_owned()) };
            }
            self.rest = rest;
            self.parts += 1;
            if self.parts > PARTS_MAX {
                return Err(format!("a sentence has {PARTS_MAX} braces at the most"));
            }
            parts.push(self.part(tag, depth)?);
        }
        if depth > 0 { Err("a `{#…}`, `{?…}` or `{!…}` is not closed".to_owned()) } else { Ok(parts) }
    }

    fn part(&mut self, tag: &str, depth: usize) -> Result<Part, String> {
        if let Some(path) = tag.strip_prefix('#') {
            return Ok(Part::Each(Path::read(path)?, self.parts(depth + 1)?));
        }
        if let Some(path) = tag.strip_prefix('?') {
            return Ok(Part::Where(Path::read(path)?, true, self.parts(depth + 1)?));
        }
        if let Some(path) = tag.strip_prefix('!') {
            return Ok(Part::Where(Path::read(path)?, false, self.parts(depth + 1)?));
        }
        let (path, format) = tag.split_once('|').map_or((tag, None), |(path, format)| (path, Some(format.trim())));
        Ok(Part::Value(Path::read(path)?, format.map_or(Ok(Format::Plain), Format::read)?))
    }
}

impl Format {
    fn read(text: &str) -> Result<Self, String> {
        let (name, digits) = text.split_once(':').map_or((text, None), |(name, digits)| (name, Some(digits)));
        let known = "number:N, percent:N, signed:N, thousands, days, ago";
        let digits = match digits {
            None => None,
            Some(digits) => {
                let read = digits.parse::<usize>().ok().filter(|digits| *digits <= DIGITS_MAX);
                Some(read.ok_or_else(|| format!("`{text}`: a number of digits from 0 to {DIGITS_MAX} is expected"))?)
            }
        };
        match (name, digits) {
            ("number", Some(digits)) => Ok(Self::Number(digits)),
            ("percent", digits) => Ok(Self::Percent(digits.unwrap_or(0))),
            ("signed", digits) => Ok(Self::Signed(digits.unwrap_or(0))),
            ("thousands", None) => Ok(Self::Thousands),
            ("days", None) => Ok(Self::Days),
            ("ago", None) => Ok(Self::Ago),
            _ => Err(format!("there is no format `{text}`; there are {known}")),
        }
    }
}

fn say(parts: &[Part], scope: &Scope<'_>, moment: Moment, said: &mut String) -> Result<(), Unsaid> {
    for part in parts {
        match part {
            Part::Words(words) => said.push_str(words),
            Part::Value(path, format) => said.push_str(&spoken(path, *format, scope, moment)?),
            Part::Each(path, within) => {
                let found = path.find(scope).ok_or_else(|| Unsaid::Missing(path.to_string()))?;
                let list = found.as_array().ok_or_else(|| kind(path, found, "a list"))?;
                for (at, element) in list.iter().take(ELEMENTS_MAX).enumerate() {
                    if at > 0 {
                        said.push_str(", ");
                    }
                    say(within, &Scope { element: Some((element, scope)), ..*scope }, moment, said)?;
                }
            }
            Part::Where(path, there, within) => {
                if path.find(scope).is_some_and(is_something) == *there {
                    say(within, scope, moment, said)?;
                }
            }
        }
        if said.len() > BYTES_MAX {
            return Err(Unsaid::TooLong);
        }
    }
    Ok(())
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

fn kind(path: &Path, found: &Value, wanted: &'static str) -> Unsaid {
    let found = match found {
        Value::Null => "nothing",
        Value::Bool(_) => "yes or no",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Unsaid::Kind { path: path.to_string(), found, wanted }
}

fn spoken(path: &Path, format: Format, scope: &Scope<'_>, moment: Moment) -> Result<String, Unsaid> {
    if path.head() == FITTED_AT && path.find(scope).is_none() {
        return Ok(match format {
            Format::Ago => ago(moment.now.millis_since(moment.fitted_at)),
            _ => moment.fitted_at.to_string(),
        });
    }
    let found = path.find(scope).ok_or_else(|| Unsaid::Missing(path.to_string()))?;
    if format == Format::Plain {
        return match found {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => {
                Ok(number.as_f64().filter(|_| !number.is_i64() && !number.is_u64()).map_or_else(|| number.to_string(), plain))
            }
            Value::Bool(flag) => Ok(if *flag { "yes" } else { "no" }.to_owned()),
            other => Err(kind(path, other, "a text or a number")),
        };
    }
    if let (Format::Ago, Value::String(text)) = (format, found) {
        let at = Timestamp::parse(text).map_err(|_| kind(path, found, "a moment"))?;
        return Ok(ago(moment.now.millis_since(at)));
    }
    let number = found.as_f64().filter(|number| number.is_finite()).ok_or_else(|| kind(path, found, "a number"))?;
    Ok(match format {
        Format::Number(digits) => fixed(number, digits),
        Format::Percent(digits) => format!("{}%", fixed(number * 100.0, digits)),
        Format::Signed(digits) => {
            let text = fixed(number, digits);
            if number > 0.0 && !text.starts_with('-') { format!("+{text}") } else { text }
        }
        Format::Thousands => thousands(number),
        Format::Days => {
            let days = fixed(number, 0);
            format!("{days} {}", if days == "1" { "day" } else { "days" })
        }
        Format::Plain | Format::Ago => plain(number),
    })
}

/// So many digits, and no minus before what rounds to nothing.
fn fixed(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    let nothing = text.strip_prefix('-').filter(|rest| rest.chars().all(|c| matches!(c, '0' | '.')));
    nothing.map_or_else(|| text.clone(), ToOwned::to_owned)
}

/// Four digits after the point, or four that count where the number is small, and no zeros behind them.
fn plain(number: f64) -> String {
    let digits = if number != 0.0 && number.abs() < 0.01 { 8 } else { 4 };
    let text = fixed(number, digits);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn thousands(number: f64) -> String {
    let text = fixed(number, 0);
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let mut grouped = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// How long ago, as people say it.
fn ago(millis: i64) -> String {
    let minutes = millis.max(0) / 60_000;
    let (hours, days) = (minutes / 60, minutes / 1_440);
    match (minutes, hours, days) {
        (0, ..) => "just now".to_owned(),
        (1..=59, ..) => format!("{minutes} min ago"),
        (_, 1..=47, _) => format!("{hours}h ago"),
        (_, _, ..=13) => format!("{days} days ago"),
        (_, _, ..=59) => format!("{} weeks ago", days / 7),
        _ => format!("{} months ago", days / 30),
    }
}
