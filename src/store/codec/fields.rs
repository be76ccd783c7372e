//! A record as named fields: what a Redis hash holds, and what the embedded store frames.

use super::Fault;
use crate::domain::text::TextHash;
use crate::domain::time::Timestamp;
use crate::domain::vector::UnitVector;
use crate::store::record::RecordKind;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// What the bytes of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// UTF-8.
    Text,
    /// A number in decimal digits.
    Number,
    /// RFC 3339 with an offset.
    Time,
    /// JSON.
    Json,
    /// Raw little-endian float32.
    Vector,
    /// Bytes of another kind.
    Bytes,
}

/// A field of one kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its number in the embedded framing. Never given to another field, even when this one is gone.
    pub number: u8,
    /// Its name in a Redis hash.
    pub name: &'static str,
    /// What its bytes are.
    pub shape: Shape,
    /// Whether each record has it.
    pub required: bool,
}

impl Field {
    pub(super) const fn required(number: u8, name: &'static str, shape: Shape) -> Self {
        Self { number, name, shape, required: true }
    }

    pub(super) const fn optional(number: u8, name: &'static str, shape: Shape) -> Self {
        Self { number, name, shape, required: false }
    }

    pub(super) fn bad(&self, detail: impl ToString) -> Fault {
        Fault::Value { field: self.name, detail: detail.to_string() }
    }
}

/// The values of a record's fields, in the order of their numbers. Values are borrowed where they can be, so that
/// reading a record copies a vector once.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    kind: RecordKind,
    values: Vec<Option<Cow<'a, [u8]>>>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(kind: RecordKind) -> Self {
        let slots = super::table(kind).iter().map(|field| usize::from(field.number) + 1).max().unwrap_or(0);
        Self { kind, values: vec![None; slots] }
    }

    /// Of which kind the record is.
    pub fn kind(&self) -> RecordKind {
        self.kind
    }

    /// Names and bytes, in order; what a hash in Redis holds beside [`super::FORMAT_FIELD`].
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.present().map(|(field, bytes)| (field.name, bytes))
    }

    /// Takes names and bytes as a hash in Redis holds them, in any order, [`super::FORMAT_FIELD`] among them.
    ///
    /// # Errors
    /// [`Fault`] for another format, or for a name that the format doesn't have: both come from a newer writer.
    pub fn from_pairs<'n>(kind: RecordKind, pairs: impl Iterator<Item = (&'n str, &'a [u8])>) -> Result<Self, Fault> {
        let mut fields = Self::new(kind);
        let mut format_known = false;
        for (name, bytes) in pairs {
            if name == super::FORMAT_FIELD {
                let format = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
                format_known = format.is_some_and(super::is_read);
                continue;
            }
            let field = super::table(kind).iter().find(|field| field.name == name);
            let field = field.ok_or_else(|| Fault::UnknownField { field: name.chars().take(64).collect() })?;
            fields.put(field, bytes);
        }
        if format_known { Ok(fields) } else { Err(Fault::Format) }
    }

    pub(super) fn present(&self) -> impl Iterator<Item = (&'static Field, &[u8])> {
        super::table(self.kind).iter().filter_map(|field| Some((field, self.get(field)?)))
    }

    pub(super) fn put(&mut self, field: &Field, bytes: impl Into<Cow<'a, [u8]>>) {
        if let Some(slot) = self.values.get_mut(usize::from(field.number)) {
            *slot = Some(bytes.into());
        }
    }

    pub(super) fn put_text(&mut self, field: &Field, text: impl ToString) {
        self.put(field, text.to_string().into_bytes());
    }

    pub(super) fn put_option(&mut self, field: &Field, text: Option<impl ToString>) {
        if let Some(text) = text {
            self.put_text(field, text);
        }
    }

    pub(super) fn put_json(&mut self, field: &Field, value: &impl Serialize) -> Result<(), Fault> {
        self.put(field, serde_json::to_vec(value).map_err(|e| field.bad(e))?);
        Ok(())
    }

    pub(super) fn put_vector(&mut self, field: &Field, vector: &UnitVector) {
        self.put(field, vector.to_le_bytes());
    }

    pub(super) fn get(&self, field: &Field) -> Option<&[u8]> {
        self.values.get(usize::from(field.number))?.as_deref()
    }

    pub(super) fn text_option(&self, field: &Field) -> Result<Option<&str>, Fault> {
        self.get(field).map(|bytes| std::str::from_utf8(bytes).map_err(|e| field.bad(e))).transpose()
    }

    pub(super) fn text(&self, field: &Field) -> Result<&str, Fault> {
        self.text_option(field)?.ok_or(Fault::Missing { field: field.name })
    }

    pub(super) fn number_option<T: std::str::FromStr>(&self, field: &Field) -> Result<Option<T>, Fault> {
        let read = |text: &str| text.parse().map_err(|_| field.bad("it is no number in the range of this field"));
        self.text_option(field)?.map(read).transpose()
    }

    pub(super) fn number<T: std::str::FromStr>(&self, field: &Field) -> Result<T, Fault> {
        self.number_option(field)?.ok_or(Fault::Missing { field: field.name })
    }

    pub(super) fn time(&self, field: &Field) -> Result<Timestamp, Fault> {
        Timestamp::parse(self.text(field)?).map_err(|e| field.bad(e))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, field: &Field) -> Result<T, Fault> {
        serde_json::from_str(self.text(field)?).map_err(|e| field.bad(e))
    }

    pub(super) fn json_option<T: DeserializeOwned>(&self, field: &Field) -> Result<Option<T>, Fault> {
        self.text_option(field)?.map(|text| serde_json::from_str(text).map_err(|e| field.bad(e))).transpose()
    }

    /// The vector in `field`, whose dimensions are the number in `dim`.
    pub(super) fn vector(&self, field: &Field, dim: &Field) -> Result<UnitVector, Fault> {
        self.vector_option(field, dim)?.ok_or(Fault::Missing { field: field.name })
    }

    /// The same for a field that may be absent.
    pub(super) fn vector_option(&self, field: &Field, dim: &Field) -> Result<Option<UnitVector>, Fault> {
        let Some(bytes) = self.get(field) else { return Ok(None) };
        let vector = UnitVector::from_le_bytes(bytes).ok_or_else(|| field.bad("it is no vector of length one"))?;
        if self.number::<usize>(dim)? == vector.dim() {
            Ok(Some(vector))
        } else {
            Err(field.bad(format!("it has {} dimensions, and `{}` says otherwise", vector.dim(), dim.name)))
        }
    }

    pub(super) fn hash(&self, field: &Field) -> Result<TextHash, Fault> {
        self.parsed(field, TextHash::parse)
    }

    /// A text that `parse` turns into a value.
    pub(super) fn parsed<T>(&self, field: &Field, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Fault> {
        let text = self.text(field)?;
        parse(text).ok_or_else(|| field.bad(format!("`{}` is not understood", text.chars().take(64).collect::<String>())))
    }
}
