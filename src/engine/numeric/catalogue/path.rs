//! Paths into the fitted values: `a.b`, `a[0]`, and `a[symbol]`, where `symbol` is a parameter.

use super::parameter::key_of;
use serde_json::{Map, Value};
use std::fmt;

/// The most steps of one path.
const STEPS_MAX: usize = 8;

/// A path that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    // The name of a parameter, whose value is the key.
    Of(String),
}

/// Where a path is looked up: in the elements of the lists that it stands in, the innermost first, in the parameters, in the values.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The parameters of the question.
    pub parameters: &'a Map<String, Value>,
    /// The fitted values.
    pub values: &'a Map<String, Value>,
    /// The element of a list that is being told of, and what stands around that.
    pub element: Option<(&'a Value, &'a Scope<'a>)>,
}

impl<'a> Scope<'a> {
    /// The outermost scope.
    pub fn new(parameters: &'a Map<String, Value>, values: &'a Map<String, Value>) -> Self {
        Self { parameters, values, element: None }
    }

    fn first(&self, key: &str) -> Option<&'a Value> {
        if let Some((element, around)) = self.element {
            if key.is_empty() {
                return Some(element);
            }
            return element.as_object().and_then(|object| object.get(key)).or_else(|| around.first(key));
        }
        self.parameters.get(key).or_else(|| self.values.get(key))
    }
}

fn is_name(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

impl Path {
    /// Reads a path; `.` alone is the element itself.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "." {
            return Ok(Self { steps: vec![Step::Key(String::new())] });
        }
        let wrong = || format!("`{}` is no path", text.chars().take(64).collect::<String>());
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
            // A number alone is an index too, as in `interval.0`.
            match name.parse::<usize>() {
                Ok(index) if !steps.is_empty() => steps.push(Step::Index(index)),
                _ if is_name(name) => steps.push(Step::Key(name.to_owned())),
                _ => return Err(wrong()),
            }
            while let Some(inner) = rest.strip_prefix('[') {
                let (index, after) = inner.split_once(']').ok_or_else(wrong)?;
                rest = after;
                steps.push(match index.parse::<usize>() {
                    Ok(index) => Step::Index(index),
                    Err(_) if is_name(index) => Step::Of(index.to_owned()),
                    Err(_) => return Err(wrong()),
                });
            }
            if !rest.is_empty() {
                return Err(wrong());
            }
        }
        if steps.len() > STEPS_MAX {
            return Err(format!("a path has {STEPS_MAX} steps at the most"));
        }
        Ok(Self { steps })
    }

    /// The first name.
    pub fn head(&self) -> &str {
        match self.steps.first() {
            Some(Step::Key(key)) => key,
            _ => "",
        }
    }

    /// The names in brackets.
    pub fn brackets(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match step {
            Step::Of(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The table from which the parameter of this name chooses; `None` where it chooses nothing here.
    pub fn chosen_by<'a>(&self, name: &str, scope: &Scope<'a>) -> Option<&'a Map<String, Value>> {
        let at = self.steps.iter().position(|step| matches!(step, Step::Of(of) if of == name))?;
        Self { steps: self.steps[..at].to_vec() }.find(scope)?.as_object()
    }

    /// What it leads to; `None` where there is nothing.
    pub fn find<'a>(&self, scope: &Scope<'a>) -> Option<&'a Value> {
        let mut steps = self.steps.iter();
        let Some(Step::Key(first)) = steps.next() else { return None };
        let mut at = scope.first(first)?;
        for step in steps {
            at = match (step, at) {
                (Step::Key(key), Value::Object(object)) => object.get(key)?,
                (Step::Index(index), Value::Array(list)) => list.get(*index)?,
                // The key of an object may be a number, such as the month of a curve.
                (Step::Index(index), Value::Object(object)) => object.get(&index.to_string())?,
                (Step::Of(name), at) => of(at, scope.first(name)?)?,
                _ => return None,
            };
        }
        Some(at)
    }
}

/// What a table holds for the value of a parameter: under its key, or under the number that it is.
fn of<'a>(table: &'a Value, wanted: &Value) -> Option<&'a Value> {
    match table {
        Value::Object(object) => {
            let number = wanted.as_f64();
            let same = |key: &str| {
                let (Some(number), Ok(key)) = (number, key.parse::<f64>()) else { return false };
                (key - number).abs() <= 1e-9 * number.abs().max(1.0)
            };
            object.get(&key_of(wanted)).or_else(|| object.iter().find(|(key, _)| same(key)).map(|(_, value)| value))
        }
        Value::Array(list) => list.get(usize::try_from(wanted.as_u64()?).ok()?),
        _ => None,
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(if key.is_empty() { "." } else { key })?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Of(name) => write!(f, "[{name}]")?,
            }
        }
        Ok(())
    }
}
