//! Records as bytes.
//!
//! A record is a set of named fields ([`Fields`]): a Redis hash holds them by name, the embedded store frames them by
//! number. Each kind has a file with its table of fields, how a record becomes fields and how fields become a record.
//! `cache-schemas/` says the same as JSON Schema, and a test holds the two together.
//!
//! Invariants: what was written reads back as the same record; damaged bytes are an error, never a panic and never
//! another record; the number of a field is never given to another one; an optional field or a new one is a new
//! [`FORMAT`], for a reader that skipped what it doesn't know could serve what it should refuse.

mod audit_chain;
mod audit_event;
#[cfg(test)]
mod check;
mod component;
mod dataset;
mod dataset_part;
mod decision;
mod entry;
mod fields;
mod fit;
mod frame;
mod judgeable;
mod judgement;
mod knowledge;
mod market;
mod plan;
#[cfg(test)]
mod schema;
mod tag_end;
mod text;

pub use fields::{Field, Fields, Shape};

use super::record::{Record, RecordKey, RecordKind};
use crate::domain::component::ModelRef;
use bytes::Bytes;

/// The version of the stored format that is written, the same for all kinds. Every earlier one is read as well:
/// 1, the first; 2, which added to entries what was read out of their text, their generation, their quarantine, the vector of their
/// prompt and further conditions,
/// and the kinds of record that a deletion by tag, a judgement, the bars of an instrument, the audit trail, an
/// optimisation plan, a fitted model, a dataset, and answers about data with what was taught about them leave.
pub const FORMAT: u8 = 2;

/// Whether records of a format are read.
fn is_read(format: u8) -> bool {
    (1..=FORMAT).contains(&format)
}

/// The name under which a hash in Redis holds [`FORMAT`], in decimal digits; the embedded framing has it as its first byte.
pub const FORMAT_FIELD: &str = "format";

/// Why a record can't be read or written, and which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record `{key}` can't be used: {fault}")]
pub struct CodecError {
    /// The key of the record.
    pub key: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are the words of each message")]
pub enum Fault {
    /// The key is none that this version writes.
    #[error("its key has no known form")]
    Key,
    /// It was written by another version.
    #[error("it has a format later than {FORMAT}, written by a later version of this program")]
    Format,
    /// Bytes were lost, added or changed.
    #[error("its bytes are damaged")]
    Damaged,
    /// Its key holds something else.
    #[error("its key holds a value of another type than a hash: look at it with TYPE, and rename or delete it")]
    NotAHash,
    /// A field that the format doesn't have.
    #[error("it has a field `{field}` that this version does not know")]
    UnknownField { field: String },
    /// A field that must be there.
    #[error("its field `{field}` is missing")]
    Missing { field: &'static str },
    /// A field whose value is none.
    #[error("its field `{field}`: {detail}")]
    Value { field: &'static str, detail: String },
}

impl Fault {
    pub(super) fn of(self, key: impl ToString) -> CodecError {
        CodecError { key: key.to_string(), fault: self }
    }
}

/// The fields of a kind of record, in the order of their numbers.
pub fn table(kind: RecordKind) -> &'static [Field] {
    match kind {
        RecordKind::Component => component::TABLE,
        RecordKind::Text => text::TABLE,
        RecordKind::Entry => entry::TABLE,
        RecordKind::Decision => decision::TABLE,
        RecordKind::TagEnd => tag_end::TABLE,
        RecordKind::Judgement => judgement::TABLE,
        RecordKind::Market => market::TABLE,
        RecordKind::AuditEvent => audit_event::TABLE,
        RecordKind::AuditChain => audit_chain::TABLE,
        RecordKind::Plan => plan::TABLE,
        RecordKind::Fit => fit::TABLE,
        RecordKind::Dataset => dataset::TABLE,
        RecordKind::DatasetPart => dataset_part::TABLE,
        RecordKind::Knowledge => knowledge::TABLE,
        RecordKind::Judgeable => judgeable::TABLE,
    }
}

/// The fields of a record; its key holds the tenant and the id.
///
/// # Errors
/// [`CodecError`] where a value could not be read back.
pub fn to_fields(record: &Record) -> Result<Fields<'_>, CodecError> {
    match record {
        Record::Component(component) => component::write(component),
        Record::Text(text) => text::write(text),
        Record::Entry(stored) => entry::write(stored),
        Record::Decision(decision) => Ok(decision::write(decision)),
        Record::TagEnd(end) => Ok(tag_end::write(end)),
        Record::Judgement(judged) => judgement::write(judged),
        Record::Market(chunk) => market::write(chunk),
        Record::AuditEvent(event) => audit_event::write(event),
        Record::AuditChain(chain) => Ok(audit_chain::write(chain)),
        Record::Plan(record) => plan::write(record),
        Record::Fit(record) => fit::write(record),
        Record::Dataset(head) => dataset::write(head),
        Record::DatasetPart(part) => Ok(dataset_part::write(part)),
        Record::Knowledge(taught) => Ok(knowledge::write(taught)),
        Record::Judgeable(answer) => Ok(judgeable::write(answer)),
    }
    .map_err(|fault| fault.of(record.key()))
}

/// The record under `key` with these fields.
///
/// # Errors
/// [`CodecError`] where a field is missing or can't be read.
pub fn from_fields(key: &RecordKey, fields: &Fields<'_>) -> Result<Record, CodecError> {
    let read = match key {
        RecordKey::Component { tenant, id, .. } => {
            component::read(tenant, id, fields).map(|component| Record::Component(component.into()))
        }
        RecordKey::Text { tenant, .. } => text::read(tenant, fields).map(Record::Text),
        RecordKey::Entry { tenant, id } => entry::read(tenant, *id, fields).map(Record::Entry),
        RecordKey::Decision { tenant, id } => decision::read(tenant, *id, fields).map(Record::Decision),
        RecordKey::TagEnd { tenant, tag } => tag_end::read(tenant, tag, fields).map(Record::TagEnd),
        RecordKey::Judgement { tenant, decision, source } => {
            judgement::read(tenant, *decision, *source, fields).map(|judged| Record::Judgement(judged.into()))
        }
        RecordKey::Market { tenant, instrument, interval_sec, chunk } => {
            market::read((tenant, instrument), *interval_sec, *chunk, fields).map(|chunk| Record::Market(chunk.into()))
        }
        RecordKey::AuditEvent { tenant, number } => {
            audit_event::read(tenant, *number, fields).map(|event| Record::AuditEvent(event.into()))
        }
        RecordKey::AuditChain { tenant } => audit_chain::read(tenant, fields).map(Record::AuditChain),
        RecordKey::Plan { tenant, id } => plan::read(tenant, *id, fields).map(|record| Record::Plan(record.into())),
        RecordKey::Fit { tenant, key, version } => {
            fit::read(tenant, (key, *version), fields).map(|record| Record::Fit(record.into()))
        }
        RecordKey::Dataset { tenant, name } => dataset::read(tenant, name, fields).map(|head| Record::Dataset(head.into())),
        RecordKey::DatasetPart { tenant, upload, number } => {
            dataset_part::read(tenant, (*upload, *number), fields).map(|part| Record::DatasetPart(part.into()))
        }
        RecordKey::Knowledge { tenant, key } => {
            knowledge::read(tenant, *key, fields).map(|taught| Record::Knowledge(taught.into()))
        }
        RecordKey::Judgeable { tenant, .. } => judgeable::read(tenant, fields).map(|answer| Record::Judgeable(answer.into())),
    };
    let record = read.map_err(|fault| fault.of(key))?;
    // A record that stands under another's key, by damage or by hand, must not be served as that other.
    if record.key() == *key { Ok(record) } else { Err(Fault::Key.of(key)) }
}

/// The names and values of a record, as a hash in Redis holds them.
///
/// # Errors
/// [`CodecError`] where a value could not be read back.
pub fn to_hash(record: &Record) -> Result<Vec<(&'static str, Bytes)>, CodecError> {
    let fields = to_fields(record)?;
    let format = (FORMAT_FIELD, Bytes::from(FORMAT.to_string()));
    Ok(std::iter::once(format).chain(fields.pairs().map(|(name, value)| (name, Bytes::copy_from_slice(value)))).collect())
}

/// Reads what [`to_hash`] gave, in any order.
///
/// # Errors
/// [`CodecError`] where a field is missing, unknown or can't be read.
pub fn from_hash<'a>(key: &RecordKey, pairs: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<Record, CodecError> {
    let fields = Fields::from_pairs(key.kind(), pairs).map_err(|fault| fault.of(key))?;
    from_fields(key, &fields)
}

/// The key and the framed bytes of a record.
///
/// # Errors
/// [`CodecError`] where a value could not be read back.
pub fn encode(record: &Record) -> Result<(String, Vec<u8>), CodecError> {
    let key = record.key().to_string();
    let bytes = frame::write(&key, &to_fields(record)?);
    Ok((key, bytes))
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// [`CodecError`] where the key or the bytes are not those of a record of this version.
pub fn decode(key: &[u8], bytes: &[u8]) -> Result<Record, CodecError> {
    let text = std::str::from_utf8(key).map_err(|_| Fault::Key.of(String::from_utf8_lossy(key)))?;
    let key = RecordKey::parse(text).ok_or_else(|| Fault::Key.of(text))?;
    let fields = frame::read(key.kind(), text, bytes).map_err(|fault| fault.of(text))?;
    from_fields(&key, &fields)
}

/// The text of a model; refused where it could not be read back, since ids and revisions come from a file.
fn model_text(model: &ModelRef) -> Result<String, Fault> {
    let text = model.to_string();
    if ModelRef::parse(&text).as_ref() == Some(model) {
        Ok(text)
    } else {
        Err(Fault::Value { field: "model", detail: format!("`{text}` is not an id, one `@` and a revision") })
    }
}
