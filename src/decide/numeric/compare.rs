//! What differs between the numbers of two versions of a fit.

use crate::domain::fit_record::FitRecord;
use crate::limits::FIT_DIFFERENCES_MAX;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Two versions of a fit held against each other.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FitsCompared)]
pub struct Compared {
    /// Whether all values are the same.
    pub same: bool,
    /// The values that differ, those that changed most first.
    pub differences: Vec<Differs>,
    /// How many differ beyond those that are told.
    pub more: usize,
    /// Whether they rest on the same data.
    pub same_data: bool,
}

/// A value that differs.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = FitDiffers)]
pub struct Differs {
    /// Where it stands, as a JSON Pointer.
    pub pointer: String,
    /// What it was.
    #[schema(value_type = Value)]
    pub from: Option<Value>,
    /// What it is.
    #[schema(value_type = Value)]
    pub to: Option<Value>,
    /// By how much it rose, of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<f64>,
    /// The same as a share of what it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative: Option<f64>,
}

impl Compared {
    /// Holds two versions against each other.
    pub fn of(from: &FitRecord, to: &FitRecord) -> Self {
        let (before, after) = (leaves(&from.values), leaves(&to.values));
        let pointers: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let differ = |pointer: &&String| before.get(*pointer) != after.get(*pointer);
        let mut differences: Vec<Differs> = pointers
            .into_iter()
            .filter(differ)
            .map(|pointer| differs(pointer, before.get(pointer), after.get(pointer)))
            .collect();
        let size = |differs: &Differs| differs.relative.map_or(f64::INFINITY, f64::abs);
        differences.sort_by(|a, b| size(b).total_cmp(&size(a)));
        let more = differences.len().saturating_sub(FIT_DIFFERENCES_MAX);
        let same = differences.is_empty();
        differences.truncate(FIT_DIFFERENCES_MAX);
        let data =
            |fit: &FitRecord| fit.sources.iter().map(|source| (source.input.clone(), source.hash.clone())).collect::<Vec<_>>();
        Self { same, differences, more, same_data: data(from) == data(to) }
    }
}

fn differs(pointer: &str, from: Option<&Value>, to: Option<&Value>) -> Differs {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    let change = number(to).zip(number(from)).map(|(to, from)| to - from).filter(|change| change.is_finite());
    let relative = change.zip(number(from)).map(|(change, from)| change / from.abs()).filter(|relative| relative.is_finite());
    Differs { pointer: pointer.to_owned(), from: from.cloned(), to: to.cloned(), change, relative }
}

fn leaves(values: &Map<String, Value>) -> BTreeMap<String, Value> {
    fn gather(value: &Value, at: String, all: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(object) => {
                for (name, value) in object {
                    gather(value, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
                }
            }
            Value::Array(list) => list.iter().enumerate().for_each(|(i, value)| gather(value, format!("{at}/{i}"), all)),
            leaf => drop(all.insert(at, leaf.clone())),
        }
    }
    let mut all = BTreeMap::new();
    for (name, value) in values {
        gather(value, format!("/{}", name.replace('~', "~0").replace('/', "~1")), &mut all);
    }
    all
}
