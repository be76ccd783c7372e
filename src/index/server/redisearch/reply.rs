//! What the server says, read. Replies are those of RESP3, the only protocol that is spoken: a map of names and values, or a list.

use crate::domain::ids::EntryId;
use crate::domain::time::Timestamp;
use crate::index::server::{Found, SearchError, Version};
use crate::redis::Value;

/// The name that a search gives to the distance of an entry.
pub(super) const DISTANCE: &str = "distance";

/// The fields of an entry that a search asks for.
pub(super) const VERSION_FIELDS: [&str; 3] = ["created_at", "as_of", "quarantine"];

/// What FT.INFO tells of an index.
#[derive(Debug)]
pub(super) struct Info {
    pub name: String,
    pub entries: u64,
    pub failures: u64,
    pub last_failure: Option<String>,
    pub bytes: u64,
    pub built: f32,
}

/// What FT.SEARCH found.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Those that are still there.
    pub found: Vec<Found>,
    /// How many came, those that had expired among them.
    pub came: usize,
}

/// The value under a name.
fn named<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Map(map) => map.iter().find(|(key, _)| key.as_bytes() == name.as_bytes()).map(|(_, value)| value),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str_lossy().map(Into::into).filter(|_| !value.is_null())
}

fn number(value: Option<&Value>) -> f64 {
    value.and_then(Value::as_f64).unwrap_or(0.0)
}

fn unreadable(what: &str) -> SearchError {
    SearchError::Refused { detail: format!("what the server said can't be read: {what}") }
}

impl Info {
    pub(super) fn read(value: &Value) -> Result<Self, SearchError> {
        let megabytes = |name| number(named(value, name)) * f64::from(1 << 20);
        let (vectors, others) = (megabytes("vector_index_sz_mb"), megabytes("total_index_memory_sz_mb"));
        // Earlier versions of the module leave the vectors out of the sum.
        let bytes = if others < vectors { vectors + others } else { others };
        let failures = number(named(value, "hash_indexing_failures"));
        let errors = named(value, "Index Errors");
        let last = errors.and_then(|errors| {
            let (error, key) = (named(errors, "last indexing error")?, named(errors, "last indexing error key")?);
            Some(format!("{}: {}", text(key)?, text(error)?))
        });
        let indexing = number(named(value, "indexing")) > 0.0;
        let share = number(named(value, "percent_indexed")) as f32;
        Ok(Self {
            name: named(value, "index_name").and_then(text).ok_or_else(|| unreadable("FT.INFO gives no name"))?,
            entries: number(named(value, "num_docs")) as u64,
            failures: failures as u64,
            last_failure: last.filter(|_| failures > 0.0),
            bytes: bytes as u64,
            // The share may be rounded to one while the last records are still looked at.
            built: if indexing { share.clamp(0.0, 0.999) } else { 1.0 },
        })
    }
}

impl Page {
    /// Reads the reply of FT.SEARCH; `id_of` finds the id of an entry in a key.
    pub(super) fn read(value: &Value, id_of: impl Fn(&str) -> Option<EntryId>) -> Result<Self, SearchError> {
        if let Some(warning) = named(value, "warning").and_then(first_text) {
            return Err(SearchError::Refused { detail: warning });
        }
        let Some(Value::Array(results)) = named(value, "results") else { return Err(unreadable("FT.SEARCH without results")) };
        let read = |result: &Value| {
            let (id, fields) = (id_of(&text(named(result, "id")?)?)?, named(result, "extra_attributes")?);
            let time = |name| Timestamp::parse(&text(named(fields, name)?)?).ok();
            let [created_at, as_of, quarantine] = VERSION_FIELDS;
            let version = Version {
                // A key that expired a moment ago has no fields any more.
                created_at: time(created_at)?,
                as_of: time(as_of)?,
                quarantined: named(fields, quarantine).is_some_and(|value| !value.is_null()),
            };
            let distance = named(fields, DISTANCE).and_then(Value::as_f64).unwrap_or(0.0);
            Some(Found { id, similarity: (1.0 - distance).clamp(-1.0, 1.0) as f32, version })
        };
        Ok(Self { found: results.iter().filter_map(read).collect(), came: results.len() })
    }
}

fn first_text(value: &Value) -> Option<String> {
    match value {
        Value::Array(list) => list.first().and_then(text),
        _ => None,
    }
}

/// The version of a module, such as 21005 for 2.10.5, in the reply of MODULE LIST.
pub(super) fn module_version(value: &Value, module: &str) -> Option<u64> {
    let Value::Array(modules) = value else { return None };
    let it = modules.iter().find(|entry| named(entry, "name").and_then(Value::as_bytes) == Some(module.as_bytes()))?;
    named(it, "ver").and_then(Value::as_u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(pairs: Vec<(&str, Value)>) -> Value {
        Value::Map(pairs.into_iter().collect::<std::collections::HashMap<_, _>>().try_into().unwrap())
    }

    fn id(text: &str) -> Option<EntryId> {
        EntryId::parse(text.strip_prefix("{t}:")?).ok()
    }

    fn result(n: u8, fields: Value) -> Value {
        map(vec![("id", format!("{{t}}:{}", EntryId::from_bytes([n; 32])).into()), ("extra_attributes", fields)])
    }

    fn fields(more: Vec<(&str, Value)>) -> Value {
        let time = || Value::from("2026-01-01T00:00:00Z");
        map([vec![("distance", "0.25".into()), ("created_at", time()), ("as_of", time())], more].concat())
    }

    #[test]
    fn one_that_expired_came_and_is_not_found() {
        let results =
            vec![result(1, fields(vec![])), result(2, Value::Null), result(3, fields(vec![("quarantine", "{}".into())]))];
        let page = Page::read(&map(vec![("results", Value::Array(results)), ("warning", Value::Array(vec![]))]), id).unwrap();
        assert_eq!((page.came, page.found.len()), (3, 2));
        assert!((page.found[0].similarity - 0.75).abs() < 1e-6 && !page.found[0].version.quarantined);
        assert!(page.found[1].version.quarantined);
    }

    #[test]
    fn a_warning_is_an_error_whatever_came_with_it() {
        let warning = Value::Array(vec!["Timeout limit was reached".into()]);
        let said = map(vec![("results", Value::Array(vec![result(1, fields(vec![]))])), ("warning", warning)]);
        assert_eq!(Page::read(&said, id).unwrap_err(), SearchError::Refused { detail: "Timeout limit was reached".to_owned() });
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>().prop_map(Value::Double),
            prop::sample::select(vec!["results", "id", "warning", "distance", "name", "ver", "search", "index_name", "x"])
                .prop_map(Value::from),
        ];
        let name =
            prop::sample::select(vec!["results", "id", "extra_attributes", "warning", "distance", "created_at", "name", "ver"]);
        leaf.prop_recursive(4, 24, 6, move |inner| {
            let pairs = prop::collection::vec((name.clone(), inner.clone()), 0..6);
            prop_oneof![prop::collection::vec(inner, 0..6).prop_map(Value::Array), pairs.prop_map(map)]
        })
    }

    proptest! {
        #[test]
        fn no_reply_makes_the_reader_panic(value in any_value()) {
            let _ = (Page::read(&value, id), Info::read(&value), module_version(&value, "search"));
        }
    }
}
