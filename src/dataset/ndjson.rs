//! Rows of NDJSON: one object a line, whose names are the columns. A name that a line lacks is a missing value.

use super::cell::Cell;
use super::number::{Number, keeps, number};
use super::rows::{BadLine, ReadError, Rows, Visit, checked_names};
use crate::domain::field::FieldError;
use crate::limits::{DATASET_COLUMNS_MAX, DATASET_ROW_TEXT_BYTES_MAX};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// Rows of NDJSON.
#[derive(Debug)]
pub(super) struct NdjsonRows<'a> {
    bytes: &'a [u8],
    names: Vec<String>,
    places: HashMap<String, usize>,
}

impl<'a> NdjsonRows<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let (mut names, mut places) = (Vec::new(), HashMap::new());
        for line in lines(bytes) {
            // A line that can't be read says nothing of the columns, and is told when it is its turn.
            let Ok(Line(pairs)) = serde_json::from_slice::<Line<'_>>(line) else { continue };
            for (name, _) in pairs {
                if !places.contains_key(&*name) {
                    places.insert(name.clone().into_owned(), names.len());
                    names.push(name.into_owned());
                }
            }
            if names.len() > DATASET_COLUMNS_MAX {
                break;
            }
        }
        if names.is_empty() {
            return Err(FieldError::new("", "no line is a JSON object with a value in it").into());
        }
        checked_names(&names)?;
        Ok(Self { bytes, names, places })
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace))
}

impl Rows for NdjsonRows<'_> {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn notes(&self) -> &[String] {
        &[]
    }

    fn scan(&self, visit: &mut Visit<'_>) -> Result<(), ReadError> {
        for line in lines(self.bytes) {
            let read = self.row(line);
            let shown = match &read {
                Ok(cells) => visit(Ok(cells)),
                Err(bad) => visit(Err(bad.clone())),
            };
            if shown.is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl NdjsonRows<'_> {
    fn row<'l>(&self, line: &'l [u8]) -> Result<Vec<Cell<'l>>, BadLine> {
        if line.len() > DATASET_ROW_TEXT_BYTES_MAX {
            return Err(BadLine(None, format!("it has {} bytes, more than {DATASET_ROW_TEXT_BYTES_MAX}", line.len())));
        }
        let Line(pairs) = serde_json::from_slice::<Line<'l>>(line).map_err(|error| BadLine(None, error.to_string()))?;
        let mut cells = vec![Cell::Missing; self.names.len()];
        let mut given = vec![false; self.names.len()];
        for (name, cell) in pairs {
            // Every line that can be read was seen for its names.
            let Some(&place) = self.places.get(&*name) else { continue };
            if std::mem::replace(&mut given[place], true) {
                return Err(BadLine(Some(place), "it is there twice".to_owned()));
            }
            cells[place] = cell;
        }
        Ok(cells)
    }
}

/// An object, in the order of its names.
struct Line<'a>(Vec<(Cow<'a, str>, Cell<'a>)>);

impl<'de> Deserialize<'de> for Line<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfLine;
        impl<'de> Visitor<'de> for OfLine {
            type Value = Line<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    pairs.push((name, map.next_value::<Cell<'de>>()?));
                    if pairs.len() > DATASET_COLUMNS_MAX + 1 {
                        return Err(de::Error::custom(format!("it has more than {DATASET_COLUMNS_MAX} values")));
                    }
                }
                Ok(Line(pairs))
            }
        }
        deserializer.deserialize_map(OfLine)
    }
}

/// A text that is borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfText;
        impl<'de> Visitor<'de> for OfText {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(OfText)
    }
}

impl<'de> Deserialize<'de> for Cell<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As it is written: a double of a number says no longer how many digits it had.
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        Ok(match raw.as_bytes().first() {
            Some(b'"') => Cell::Text(serde_json::from_str::<Text<'de>>(raw).map_err(de::Error::custom)?.0),
            Some(b't') => Cell::Flag(true),
            Some(b'f') => Cell::Flag(false),
            Some(b'n') => Cell::Missing,
            Some(b'{' | b'[') => Cell::Bad(NESTED),
            _ => match number(raw) {
                Number::Finite(value) if keeps(raw, value) => Cell::Number(value),
                _ => Cell::Text(Cow::Borrowed(raw)),
            },
        })
    }
}

const NESTED: &str = "an object or a list is no value; put its parts into columns of their own";
