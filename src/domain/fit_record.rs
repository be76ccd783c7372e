//! A fitted model on record: its numbers, what they rest on, and when they have to be fitted again.
//!
//! A fit belongs to a tenant, a case of the catalogue and those parameters that have fits of their own; each further fit of the same is a
//! version, and older ones are kept to be compared.

use super::answer::Confidence;
use super::ids::TenantId;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Of what a fit is: the case, and a digest of the parameters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FitKey {
    /// The id of the case.
    pub case: Arc<str>,
    /// Sixteen hexadecimal digits.
    pub parameters: Arc<str>,
}

/// One version of a fit.
#[derive(Debug, Clone)]
pub struct FitRecord {
    /// Whose it is.
    pub tenant: TenantId,
    /// Of what.
    pub key: FitKey,
    /// Counted from 1.
    pub version: u64,
    /// The parameters that it is for.
    pub parameters: Map<String, Value>,
    /// When it was fitted.
    pub created_at: Timestamp,
    /// When it is fitted again ahead.
    pub next_run_at: Timestamp,
    /// From when on it is stale, whatever the data do.
    pub stale_at: Timestamp,
    /// The numbers by name.
    pub values: Map<String, Value>,
    /// What else is known of them.
    pub about: FitAbout,
    /// A chart in Plotly's JSON.
    pub chart: Option<Arc<RawValue>>,
    /// The data that it rests on.
    pub sources: Vec<FitSource>,
    /// How it was made.
    pub made: FitMade,
    /// Who had it made; absent for what is fitted on schedule.
    pub by: Option<Arc<str>>,
    /// Seconds for which it is kept; absent for ever.
    pub ttl_sec: Option<u64>,
}

/// What is known of fitted numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FitAbout {
    /// How many observations they rest on.
    pub observations: u64,
    /// First and last moment of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, min_items = 2, max_items = 2)]
    pub window: Option<[Timestamp; 2]>,
    /// What lowers the confidence in them.
    #[serde(default)]
    pub doubts: Vec<FitDoubt>,
    /// What was done with the data before.
    #[serde(default)]
    pub told: Vec<String>,
}

/// A reason to trust a fit less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FitDoubt {
    /// The most confidence that is left.
    pub at_most: Confidence,
    /// Why, in one sentence.
    pub reason: String,
}

/// Data that a fit rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FitSource {
    /// What the case calls them.
    pub input: String,
    /// The data set.
    pub dataset: String,
    /// The version of the data set.
    pub version: String,
    /// A BLAKE3 of the rows that were used, with the columns that were.
    pub hash: String,
    /// How many rows that are.
    pub rows: u64,
}

/// How a fit was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FitMade {
    /// The version of this program.
    pub instinct: String,
    /// The method.
    pub method: String,
    /// A digest of the catalogue's entry.
    pub entry: String,
    /// Where chance began.
    pub seed: u64,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

impl FitRecord {
    /// When it ends; `None` for never.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.ttl_sec.map(|ttl| self.created_at.plus_seconds(ttl))
    }

    /// Bytes that it takes, about.
    pub fn bytes(&self) -> u64 {
        let chart = self.chart.as_ref().map_or(0, |chart| chart.get().len());
        let told: usize = self.about.told.iter().map(String::len).sum();
        (chart + told + 2_048 + 64 * count(&self.values)) as u64
    }
}

/// How many leaves there are.
fn count(values: &Map<String, Value>) -> usize {
    fn of(value: &Value) -> usize {
        match value {
            Value::Object(object) => 1 + count(object),
            Value::Array(list) => 1 + list.iter().map(of).sum::<usize>(),
            _ => 1,
        }
    }
    values.values().map(of).sum()
}

impl std::fmt::Display for FitKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.case, self.parameters)
    }
}

impl FitKey {
    /// Reads what is printed.
    pub fn parse(text: &str) -> Option<Self> {
        let (case, parameters) = text.split_once(':')?;
        let name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        let right = !case.is_empty()
            && case.len() <= 32
            && case.chars().all(name)
            && parameters.len() == 16
            && parameters.chars().all(hex);
        right.then(|| Self { case: case.into(), parameters: parameters.into() })
    }
}
