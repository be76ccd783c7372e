//! The parameters of a case: their types, what they are written as, and how what is missing is asked for.

use crate::domain::field::FieldError;
use crate::engine::numeric::symbol;
use serde::Deserialize;
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// Bytes of the value of a text.
const TEXT_BYTES_MAX: usize = 128;

/// The parameters of a case by name.
pub type Parameters = BTreeMap<String, Parameter>;

/// What a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A market, such as `BTC-PERP`.
    Symbol,
    /// A text.
    Text,
    /// A number.
    Number,
    /// A share; `15%` is 0.15.
    Percent,
    /// A whole number.
    Integer,
    /// One of a few words.
    Choice,
    /// A day, such as `2026-03-31`.
    Date,
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it means.
    pub description: String,
    /// Whether each value has a fit of its own; else it is chosen from what one fit says of all.
    #[serde(default)]
    pub fit: bool,
    /// Whether a question without it is asked back.
    #[serde(default)]
    pub required: bool,
    /// What it is where a question doesn't say.
    #[serde(default)]
    pub default: Option<Value>,
    /// The words of a choice; of another kind, the values that there are.
    #[serde(default)]
    pub choices: Vec<Value>,
    /// The least value.
    #[serde(default)]
    pub minimum: Option<f64>,
    /// The greatest value.
    #[serde(default)]
    pub maximum: Option<f64>,
    /// Words beside which its value stands in a question, beside those of its name.
    #[serde(default)]
    pub cues: Vec<String>,
}

/// A value as the key of a table: numbers without an exponent, whatever they were written as.
pub fn key_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if !number.is_f64() => number.to_string(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| format!("{number}")),
        other => other.to_string(),
    }
}

impl Parameter {
    /// Checks what the entry says of it, and brings its default into its one form.
    ///
    /// # Errors
    /// A [`FieldError`] whose pointer begins at the parameter.
    pub fn check(&mut self) -> Result<(), FieldError> {
        let refuse = |key: &str, rule: String| Err(FieldError::new(format!("/{key}"), rule));
        if self.kind == Kind::Choice && self.choices.is_empty() {
            return refuse("choices", "a choice has some".to_owned());
        }
        if self.required && self.default.is_some() {
            return refuse("default", "what is required has no default".to_owned());
        }
        if let (Some(least), Some(most)) = (self.minimum, self.maximum)
            && least > most
        {
            return refuse("minimum", format!("{least} is more than the maximum"));
        }
        for at in 0..self.choices.len() {
            let raw = self.choices[at].clone();
            self.choices[at] = self.typed(&raw).map_err(|rule| FieldError::new(format!("/choices/{at}"), rule))?;
        }
        if let Some(default) = &self.default {
            let read = self.value(default).map_err(|rule| FieldError::new("/default", rule))?;
            self.default = Some(read);
        }
        Ok(())
    }

    /// A value in its one form, checked.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn value(&self, raw: &Value) -> Result<Value, String> {
        let value = self.typed(raw)?;
        if let Some(number) = value.as_f64()
            && (self.minimum.is_some_and(|least| number < least) || self.maximum.is_some_and(|most| number > most))
        {
            let range = match (self.minimum, self.maximum) {
                (Some(least), Some(most)) => format!("{least} to {most}"),
                (Some(least), None) => format!("{least} or more"),
                (None, most) => format!("{} or less", most.unwrap_or_default()),
            };
            return Err(format!("{number} is not {range}"));
        }
        let same = |choice: &Value| match (choice.as_f64(), value.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
            _ => *choice == value,
        };
        if !self.choices.is_empty() && !self.choices.iter().any(same) {
            let known: Vec<String> = self.choices.iter().map(key_of).collect();
            return Err(format!("{} is not one of {}", key_of(&value), known.join(", ")));
        }
        Ok(value)
    }

    /// The value that a text says, as in a query.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of_text(&self, text: &str) -> Result<Value, String> {
        self.value(&Value::String(text.to_owned()))
    }

    fn typed(&self, raw: &Value) -> Result<Value, String> {
        let text = raw.as_str().map(str::trim);
        if text.is_some_and(|text| text.is_empty() || text.len() > TEXT_BYTES_MAX) {
            return Err(format!("1 to {TEXT_BYTES_MAX} bytes are expected"));
        }
        let number = |of_text: fn(&str) -> Option<f64>| {
            let read = raw.as_f64().or_else(|| of_text(text?)).filter(|number| number.is_finite());
            read.ok_or_else(|| format!("{raw} is no number"))
        };
        match self.kind {
            Kind::Symbol => {
                let read = text.and_then(symbol::canonical);
                read.map(Value::String).ok_or_else(|| format!("{raw} is no symbol, such as BTC-PERP"))
            }
            Kind::Text => text.map(|text| Value::String(text.to_owned())).ok_or_else(|| "a text is expected".to_owned()),
            Kind::Choice => {
                let text = text.ok_or("a word is expected")?;
                let known = self.choices.iter().filter_map(Value::as_str).find(|choice| choice.eq_ignore_ascii_case(text));
                Ok(Value::String(known.unwrap_or(text).to_owned()))
            }
            Kind::Date => {
                let text = text.ok_or("a day is expected, such as 2026-03-31")?;
                let day: jiff::civil::Date = text.parse().map_err(|_| format!("`{text}` is no day, such as 2026-03-31"))?;
                Ok(Value::String(day.to_string()))
            }
            Kind::Number => float(number(plain_number)?),
            Kind::Percent => float(number(share)?),
            Kind::Integer => {
                let number = number(plain_number)?;
                // Beyond this a double is no whole number of its own.
                if number.fract() != 0.0 || number.abs() > 9e15 {
                    return Err(format!("{number} is no whole number"));
                }
                Ok(Value::from(number as i64))
            }
        }
    }
}

fn float(number: f64) -> Result<Value, String> {
    Number::from_f64(number).map(Value::Number).ok_or_else(|| "the number must be finite".to_owned())
}

fn plain_number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// `15%` and `0.15` are the same share.
fn share(text: &str) -> Option<f64> {
    match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(of_percent),
        None => text.parse().ok(),
    }
}

/// A share from percents, without the dust of a division: 15 becomes 0.15, as it is written.
pub fn of_percent(percent: f64) -> f64 {
    let rounded = (percent / 100.0 * 1e12).round() / 1e12;
    if rounded.is_finite() { rounded } else { percent / 100.0 }
}

/// The parameters that a query gives, with defaults for those that it doesn't.
///
/// # Errors
/// Each that is unknown, wrong or missing, by name.
pub fn of_query(parameters: &Parameters, given: &BTreeMap<String, Value>) -> Result<Map<String, Value>, Vec<FieldError>> {
    let (mut values, mut errors) = (Map::new(), Vec::new());
    let known = || parameters.keys().cloned().collect::<Vec<_>>().join(", ");
    for (name, raw) in given {
        match parameters.get(name).map(|parameter| parameter.value(raw)) {
            Some(Ok(value)) => drop(values.insert(name.clone(), value)),
            Some(Err(rule)) => errors.push(FieldError::new(format!("/{name}"), rule)),
            None if parameters.is_empty() => {
                errors.push(FieldError::new(format!("/{name}"), "this case has no parameters"));
            }
            None => {
                errors.push(FieldError::new(format!("/{name}"), format!("there is no such parameter; there are: {}", known())))
            }
        }
    }
    for (name, parameter) in parameters {
        if values.contains_key(name) || given.contains_key(name) {
            continue;
        }
        if let Some(default) = &parameter.default {
            values.insert(name.clone(), default.clone());
        } else if parameter.required {
            errors.push(FieldError::new(format!("/{name}"), format!("it is needed: {}", parameter.description)));
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}
