//! The part of JSON Schema (2020-12) that the outputs of cases are described with. A keyword that is not of it is refused, so that nothing
//! seems to be checked that is not.

use crate::domain::field::FieldError;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Levels of schemas within each other.
const DEPTH_MAX: usize = 16;

/// A schema that was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Schema {
    types: Vec<Type>,
    properties: BTreeMap<String, Schema>,
    required: Vec<String>,
    others: Others,
    items: Option<Box<Schema>>,
    allowed: Option<Vec<Value>>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    above: Option<f64>,
    below: Option<f64>,
    items_min: Option<usize>,
    items_max: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Object,
    Array,
    Number,
    Integer,
    String,
    Boolean,
    Null,
}

#[derive(Debug, Clone, PartialEq, Default)]
enum Others {
    #[default]
    Anything,
    Nothing,
    Like(Box<Schema>),
}

impl Type {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "object" => Self::Object,
            "array" => Self::Array,
            "number" => Self::Number,
            "integer" => Self::Integer,
            "string" => Self::String,
            "boolean" => Self::Boolean,
            "null" => Self::Null,
            _ => return None,
        })
    }

    fn is_of(self, value: &Value) -> bool {
        match self {
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
            Self::Number => value.is_number(),
            Self::Integer => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
            Self::String => value.is_string(),
            Self::Boolean => value.is_boolean(),
            Self::Null => value.is_null(),
        }
    }
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// A [`FieldError`] with a pointer into the schema.
    pub fn read(schema: &Value) -> Result<Self, FieldError> {
        read(schema, "", 0)
    }

    /// The names of the properties at the top.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.properties.keys().map(String::as_str)
    }

    /// Whether a property of this name may be there.
    pub fn has(&self, name: &str) -> bool {
        self.properties.contains_key(name) || self.others != Others::Nothing && self.properties.is_empty()
    }

    /// Checks an object.
    ///
    /// # Errors
    /// A [`FieldError`] with a pointer into the object, for the first thing that is wrong.
    pub fn check(&self, values: &Map<String, Value>) -> Result<(), FieldError> {
        self.check_object(values, "")
    }

    fn check_value(&self, value: &Value, at: &str) -> Result<(), FieldError> {
        let refuse = |detail: String| Err(FieldError::new(at, detail));
        if !self.types.is_empty() && !self.types.iter().any(|kind| kind.is_of(value)) {
            return refuse(format!("it is none of {:?}", self.types));
        }
        if let Some(allowed) = &self.allowed
            && !allowed.contains(value)
        {
            return refuse(format!("{value} is not one of {}", Value::from(allowed.clone())));
        }
        match value {
            Value::Number(number) => self.check_number(number.as_f64().unwrap_or(f64::NAN)).or_else(refuse),
            Value::Object(object) => self.check_object(object, at),
            Value::Array(list) => {
                if self.items_min.is_some_and(|min| list.len() < min) || self.items_max.is_some_and(|max| list.len() > max) {
                    return refuse(format!("it has {} items", list.len()));
                }
                let Some(items) = &self.items else { return Ok(()) };
                list.iter().enumerate().try_for_each(|(i, item)| items.check_value(item, &format!("{at}/{i}")))
            }
            _ => Ok(()),
        }
    }

    fn check_number(&self, number: f64) -> Result<(), String> {
        let within = self.minimum.is_none_or(|least| number >= least)
            && self.maximum.is_none_or(|most| number <= most)
            && self.above.is_none_or(|floor| number > floor)
            && self.below.is_none_or(|ceiling| number < ceiling);
        if within { Ok(()) } else { Err(format!("{number} is out of its range")) }
    }

    fn check_object(&self, object: &Map<String, Value>, at: &str) -> Result<(), FieldError> {
        if let Some(name) = self.required.iter().find(|name| !object.contains_key(*name)) {
            return Err(FieldError::new(format!("{at}/{name}"), "it is missing"));
        }
        object.iter().try_for_each(|(name, value)| {
            let at = format!("{at}/{name}");
            match (self.properties.get(name), &self.others) {
                (Some(property), _) => property.check_value(value, &at),
                (None, Others::Anything) => Ok(()),
                (None, Others::Nothing) => Err(FieldError::new(at, "it is not in the schema")),
                (None, Others::Like(schema)) => schema.check_value(value, &at),
            }
        })
    }
}

fn read(schema: &Value, at: &str, depth: usize) -> Result<Schema, FieldError> {
    let wrong = |name: &str, rule: &str| FieldError::new(format!("{at}/{name}"), rule);
    let object = schema.as_object().ok_or_else(|| FieldError::new(at, "an object is expected"))?;
    if depth > DEPTH_MAX {
        return Err(FieldError::new(at, format!("schemas stand within each other {DEPTH_MAX} deep at the most")));
    }
    let mut read_schema = Schema::default();
    for (name, value) in object {
        let within = || format!("{at}/{name}");
        let number = || value.as_f64().ok_or_else(|| wrong(name, "a number is expected"));
        let count = || value.as_u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(|| wrong(name, "a count is expected"));
        match name.as_str() {
            "description" | "title" | "$schema" | "$comment" | "unit" | "examples" | "format" => {}
            "type" => {
                let words = value.as_array().map_or_else(|| vec![value.clone()], Clone::clone);
                let types = words.iter().map(|word| word.as_str().and_then(Type::read)).collect::<Option<Vec<_>>>();
                read_schema.types = types.ok_or_else(|| wrong(name, "it names no type of JSON"))?;
            }
            "properties" => {
                let properties = value.as_object().ok_or_else(|| wrong(name, "an object is expected"))?;
                for (property, schema) in properties {
                    let schema = read(schema, &format!("{}/{property}", within()), depth + 1)?;
                    read_schema.properties.insert(property.clone(), schema);
                }
            }
            "required" => {
                let names = value.as_array().map(|names| names.iter().map(|n| n.as_str().map(ToOwned::to_owned)).collect());
                read_schema.required = names.flatten().ok_or_else(|| wrong(name, "names are expected"))?;
            }
            "additionalProperties" => {
                read_schema.others = match value {
                    Value::Bool(true) => Others::Anything,
                    Value::Bool(false) => Others::Nothing,
                    schema => Others::Like(Box::new(read(schema, &within(), depth + 1)?)),
                }
            }
            "items" => read_schema.items = Some(Box::new(read(value, &within(), depth + 1)?)),
            "enum" => read_schema.allowed = Some(value.as_array().cloned().ok_or_else(|| wrong(name, "a list is expected"))?),
            "const" => read_schema.allowed = Some(vec![value.clone()]),
            "minimum" => read_schema.minimum = Some(number()?),
            "maximum" => read_schema.maximum = Some(number()?),
            "exclusiveMinimum" => read_schema.above = Some(number()?),
            "exclusiveMaximum" => read_schema.below = Some(number()?),
            "minItems" => read_schema.items_min = Some(count()?),
            "maxItems" => read_schema.items_max = Some(count()?),
            _ => return Err(wrong(name, "this keyword is not known here")),
        }
    }
    Ok(read_schema)
}
