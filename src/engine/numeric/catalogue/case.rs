//! One entry of the catalogue.

use super::condition::{Condition, DoubtRule};
use super::parameter::{Parameter, Parameters, of_query};
use super::path::Path;
use super::schema::Schema;
use super::sentence::Sentence;
use super::{Named, parameter};
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::engine::numeric::method::Method;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// Sample questions of one case.
const QUESTIONS_MAX: usize = 64;
/// What a query says beside the parameters of a case.
const RESERVED: [&str; 5] = ["version", "chart", "deadline_ms", "from", "to"];
/// Bytes of an entry.
const ENTRY_BYTES_MAX: usize = 65_536;

/// What uses a case.
pub type UsedBy = Vec<String>;

/// A case.
#[derive(Debug)]
pub struct Case {
    /// Its id, such as `NR-01`.
    pub id: Arc<str>,
    /// What it is called.
    pub title: String,
    /// What it tells, in a paragraph.
    pub description: String,
    /// To what it belongs.
    pub category: String,
    /// The name of its method.
    pub method_name: String,
    /// Its method.
    pub method: Arc<dyn Method>,
    /// Where the method comes from.
    pub reference: String,
    /// How people ask for it.
    pub questions: Vec<String>,
    /// Who does.
    pub used_by: UsedBy,
    /// After how long it is fitted again ahead.
    pub cadence: Duration,
    /// After how long a fit is stale.
    pub fresh_for: Duration,
    /// The longest that one fit may take.
    pub fit_within: Duration,
    /// What is said of it.
    pub sentence: Sentence,
    /// Its parameters.
    pub parameters: Parameters,
    /// The data that it takes, by the names that the method has for them.
    pub inputs: BTreeMap<String, Input>,
    /// What lowers the confidence in a fit.
    pub doubts: Vec<DoubtRule>,
    /// For the method.
    pub settings: Map<String, Value>,
    /// What the fitted values look like.
    pub output: Schema,
    /// The same as it was written.
    pub output_json: Value,
    /// Its one number, where it has one.
    pub headline: Option<Headline>,
    /// A digest of the entry: a fit by another one is another fit.
    pub digest: String,
}

/// The data of one frame.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The name of the data set.
    pub dataset: String,
    /// What the method calls a column, and what the data set calls it.
    pub columns: BTreeMap<String, String>,
    /// Columns of the data set that hold the value of a parameter.
    #[serde(default, rename = "where")]
    pub filter: BTreeMap<String, String>,
    /// The column of the data set by which the rows are sorted.
    #[serde(default)]
    pub order_by: Option<String>,
    /// Whether the case can do without it.
    #[serde(default)]
    pub optional: bool,
    /// What the columns mean, with units.
    #[serde(default)]
    pub describe: String,
}

/// The one number of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Headline {
    /// Where it stands.
    pub value: Path,
    /// Its unit.
    pub unit: String,
    /// Where its interval stands.
    pub interval: Option<Path>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    title: String,
    description: String,
    category: String,
    method: String,
    reference: String,
    questions: Vec<String>,
    #[serde(default)]
    used_by: Vec<String>,
    cadence: String,
    fresh_for: String,
    fit_within: String,
    sentence: String,
    #[serde(default)]
    parameters: Parameters,
    inputs: BTreeMap<String, Input>,
    #[serde(default)]
    doubts: Vec<WrittenDoubt>,
    #[serde(default)]
    settings: Map<String, Value>,
    output: Value,
    #[serde(default)]
    headline: Option<WrittenHeadline>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDoubt {
    when: String,
    at_most: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHeadline {
    value: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    interval: Option<String>,
}

impl Case {
    /// Reads an entry.
    ///
    /// # Errors
    /// A [`FieldError`] with a pointer into the entry.
    pub fn read(text: &str, named: Named<'_>) -> Result<Self, FieldError> {
        if text.len() > ENTRY_BYTES_MAX {
            return Err(FieldError::new("", format!("an entry has {ENTRY_BYTES_MAX} bytes at the most")));
        }
        let table: toml::Table = toml::from_str(text).map_err(|error| FieldError::new("", error.to_string()))?;
        let entry: Entry = serde_path_to_error::deserialize(table).map_err(|error| {
            let pointer = error.path().iter().fold(String::new(), |mut all, part| {
                let _ = write!(all, "/{part}");
                all
            });
            FieldError::new(pointer, error.inner().to_string())
        })?;
        let digest = blake3::hash(text.as_bytes()).to_hex()[..16].to_owned();
        entry.checked(named, digest)
    }

    /// The parameters that a caller gives by name, with defaults.
    ///
    /// # Errors
    /// Each that is unknown, wrong or missing, by name.
    pub fn given(&self, given: &BTreeMap<String, Value>) -> Result<Map<String, Value>, Vec<FieldError>> {
        of_query(&self.parameters, given)
    }

    /// Those of the parameters that have fits of their own.
    pub fn of_fit(&self, parameters: &Map<String, Value>) -> Map<String, Value> {
        let own = |name: &str| self.parameters.get(name).is_some_and(|parameter| parameter.fit);
        parameters.iter().filter(|(name, _)| own(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The key of the fit for these parameters, the same however they were spelt.
    pub fn fit_key(parameters: &Map<String, Value>) -> String {
        let sorted: BTreeMap<&String, String> = parameters.iter().map(|(name, value)| (name, parameter::key_of(value))).collect();
        let json = serde_json::to_vec(&sorted).unwrap_or_default();
        blake3::hash(&json).to_hex()[..16].to_owned()
    }
}

impl Entry {
    fn checked(mut self, named: Named<'_>, digest: String) -> Result<Case, FieldError> {
        let refuse = |pointer: &str, rule: String| FieldError::new(pointer, rule);
        let id_ok = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if self.id.is_empty() || self.id.len() > 32 || !self.id.chars().all(id_ok) {
            return Err(refuse("/id", format!("`{}` is no id: letters, digits and dashes, 32 at the most", self.id)));
        }
        if self.questions.is_empty() || self.questions.len() > QUESTIONS_MAX {
            return Err(refuse("/questions", format!("1 to {QUESTIONS_MAX} are expected")));
        }
        if self.inputs.is_empty() {
            return Err(refuse("/inputs", "a case takes some data".to_owned()));
        }
        let method = named(&self.method).ok_or_else(|| refuse("/method", format!("there is no method `{}`", self.method)))?;
        method.check(&self.settings).map_err(|error| FieldError::new(format!("/settings{}", error.pointer), error.detail))?;
        if let Some(name) = RESERVED.iter().find(|name| self.parameters.contains_key(**name)) {
            return Err(refuse(&format!("/parameters/{name}"), "the query has this name for something else".to_owned()));
        }
        for (name, parameter) in &mut self.parameters {
            let at = |error: FieldError| FieldError::new(format!("/parameters/{name}{}", error.pointer), error.detail);
            parameter.check().map_err(at)?;
        }
        for (name, input) in &self.inputs {
            check_input(input, &self.parameters)
                .map_err(|error| FieldError::new(format!("/inputs/{name}{}", error.pointer), error.detail))?;
        }
        let output =
            Schema::read(&self.output).map_err(|error| FieldError::new(format!("/output{}", error.pointer), error.detail))?;
        let known = |path: &Path| -> Result<(), String> {
            for name in std::iter::once(path.head()).chain(path.brackets()) {
                if !self.parameters.contains_key(name) && !output.has(name) {
                    return Err(format!("`{path}`: neither a parameter nor the output has `{name}`"));
                }
            }
            Ok(())
        };
        let sentence = Sentence::read(&self.sentence).map_err(|rule| refuse("/sentence", rule))?;
        sentence.paths().into_iter().try_for_each(known).map_err(|rule| refuse("/sentence", rule))?;
        let mut doubts = Vec::new();
        for (at, doubt) in self.doubts.iter().enumerate() {
            let refuse = |key: &str, rule: String| FieldError::new(format!("/doubts/{at}/{key}"), rule);
            let when = Condition::read(&doubt.when).map_err(|rule| refuse("when", rule))?;
            known(when.path()).map_err(|rule| refuse("when", rule))?;
            let at_most =
                confidence(&doubt.at_most).ok_or_else(|| refuse("at_most", "MEDIUM, LOW or UNABLE is expected".to_owned()))?;
            doubts.push(DoubtRule { when, at_most, reason: doubt.reason.clone() });
        }
        let headline = self.headline.map(|written| {
            let path = |key: &str, text: &str| {
                let at = |rule| refuse(&format!("/headline/{key}"), rule);
                let path = Path::read(text).map_err(at)?;
                known(&path).map_err(at)?;
                Ok::<_, FieldError>(path)
            };
            let interval = written.interval.as_deref().map(|text| path("interval", text)).transpose()?;
            Ok::<_, FieldError>(Headline { value: path("value", &written.value)?, unit: written.unit, interval })
        });
        Ok(Case {
            headline: headline.transpose()?,
            cadence: duration(&self.cadence).map_err(|rule| refuse("/cadence", rule))?,
            fresh_for: duration(&self.fresh_for).map_err(|rule| refuse("/fresh_for", rule))?,
            fit_within: duration(&self.fit_within).map_err(|rule| refuse("/fit_within", rule))?,
            id: self.id.into(),
            title: self.title,
            description: self.description,
            category: self.category,
            method_name: self.method,
            method,
            reference: self.reference,
            questions: self.questions,
            used_by: self.used_by,
            sentence,
            parameters: self.parameters,
            inputs: self.inputs,
            doubts,
            settings: self.settings,
            output,
            output_json: self.output,
            digest,
        })
    }
}

fn check_input(input: &Input, parameters: &Parameters) -> Result<(), FieldError> {
    if input.dataset.is_empty() || input.columns.is_empty() {
        return Err(FieldError::new("/columns", "a data set and at least one column of it are expected"));
    }
    for (column, name) in &input.filter {
        let fits = parameters.get(name).is_some_and(|parameter: &Parameter| parameter.fit);
        if !fits {
            return Err(FieldError::new(
                format!("/where/{column}"),
                format!("there is no parameter `{name}` with fits of its own"),
            ));
        }
    }
    Ok(())
}

fn confidence(word: &str) -> Option<Confidence> {
    [("HIGH", Confidence::High), ("MEDIUM", Confidence::Medium), ("LOW", Confidence::Low), ("UNABLE", Confidence::Unable)]
        .into_iter()
        .find(|(name, _)| *name == word)
        .map(|(_, confidence)| confidence)
}

/// Reads `10s`, `30m`, `24h` and `7d`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: a whole number with s, m, h or d is expected, such as 24h");
    let text_end = text.len().saturating_sub(1);
    let (number, unit) = text.split_at_checked(text_end).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let all = number.checked_mul(seconds).filter(|all| (1..=366 * 86_400).contains(all));
    all.map(Duration::from_secs).ok_or_else(|| format!("`{text}` is not 1 s to 366 d"))
}
