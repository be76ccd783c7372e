//! How methods read the settings of a case.

use crate::domain::field::FieldError;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// Refuses settings that the method does not know.
pub(super) fn only(settings: &Map<String, Value>, known: &[&str]) -> Result<(), FieldError> {
    match settings.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => {
            Err(FieldError::new(format!("/{name}"), format!("there is no such setting; there are: {}", known.join(", "))))
        }
        None => Ok(()),
    }
}

/// A number within a range.
pub(super) fn number(
    settings: &Map<String, Value>,
    name: &str,
    default: f64,
    range: RangeInclusive<f64>,
) -> Result<f64, FieldError> {
    let Some(value) = settings.get(name) else { return Ok(default) };
    let wrong = || FieldError::new(format!("/{name}"), format!("a number from {} to {} is expected", range.start(), range.end()));
    value.as_f64().filter(|number| range.contains(number)).ok_or_else(wrong)
}

/// A whole number within a range.
pub(super) fn whole(
    settings: &Map<String, Value>,
    name: &str,
    default: u32,
    range: RangeInclusive<u32>,
) -> Result<u32, FieldError> {
    let Some(value) = settings.get(name) else { return Ok(default) };
    let wrong =
        || FieldError::new(format!("/{name}"), format!("a whole number from {} to {} is expected", range.start(), range.end()));
    let found = value.as_u64().and_then(|number| u32::try_from(number).ok());
    found.filter(|number| range.contains(number)).ok_or_else(wrong)
}

/// A list of names; empty where the setting is absent.
pub(super) fn names(settings: &Map<String, Value>, name: &str) -> Result<Vec<String>, FieldError> {
    let Some(value) = settings.get(name) else { return Ok(Vec::new()) };
    let wrong = || FieldError::new(format!("/{name}"), "a list of names is expected");
    value.as_array().ok_or_else(wrong)?.iter().map(|one| one.as_str().map(ToOwned::to_owned).ok_or_else(wrong)).collect()
}

/// A list of rising whole numbers above 0.
pub(super) fn rising(settings: &Map<String, Value>, name: &str, default: &[u32]) -> Result<Vec<u32>, FieldError> {
    let Some(value) = settings.get(name) else { return Ok(default.to_vec()) };
    let wrong = || FieldError::new(format!("/{name}"), "a list of rising whole numbers above 0 is expected, 1 to 12 of them");
    let list = value.as_array().ok_or_else(wrong)?;
    let read = |one: &Value| one.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
    let numbers: Vec<u32> = list.iter().map(read).collect::<Option<_>>().ok_or_else(wrong)?;
    let fine = (1..=12).contains(&numbers.len()) && numbers.windows(2).all(|pair| pair[0] < pair[1]);
    if fine { Ok(numbers) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_wrong_setting_is_refused_by_its_name() {
        let given = settings(json!({"level": 2.0, "tiers": 1.5, "names": "x", "ages": [3, 2]}));
        assert_eq!(number(&given, "level", 0.95, 0.5..=0.999).unwrap_err().pointer, "/level");
        assert_eq!(whole(&given, "tiers", 7, 2..=20).unwrap_err().pointer, "/tiers");
        assert_eq!(names(&given, "names").unwrap_err().pointer, "/names");
        assert_eq!(rising(&given, "ages", &[1]).unwrap_err().pointer, "/ages");
        assert_eq!(only(&given, &["level", "tiers", "names"]).unwrap_err().pointer, "/ages");
    }

    #[test]
    fn an_absent_setting_has_its_default() {
        let none = Map::new();
        assert_eq!(number(&none, "level", 0.95, 0.5..=0.999).unwrap(), 0.95);
        assert_eq!(whole(&none, "tiers", 7, 2..=20).unwrap(), 7);
        assert_eq!(rising(&none, "ages", &[1, 3]).unwrap(), [1, 3]);
        assert!(names(&none, "names").unwrap().is_empty());
    }
}
