//! The record of a remembered decision.

use super::{Fault, Field, Fields, Shape, model_text};
use crate::domain::component::ModelRef;
use crate::domain::decision::Payload;
use crate::domain::entry::{Entry, Provenance, StoredEntry};
use crate::domain::facts::Facts;
use crate::domain::ids::{EntryId, StrategyName, TenantId};
use crate::domain::partition::PartitionKey;
use crate::store::record::RecordKind;
use std::sync::Arc;

const VECTOR: Field = Field::required(1, "vector", Shape::Vector);
const FRESH_VECTOR: Field = Field::required(2, "fresh_vector", Shape::Vector);
const DIM: Field = Field::required(3, "dim", Shape::Number);
const MODEL: Field = Field::required(4, "model", Shape::Text);
const STRATEGY: Field = Field::required(5, "strategy", Shape::Text);
const TAU: Field = Field::required(6, "tau", Shape::Number);
const VEC_DETAILS: Field = Field::required(7, "vec_details", Shape::Json);
const DECISION: Field = Field::required(8, "decision", Shape::Json);
/// What was read of the text when the entry was written, with the version of the reader.
const FACTS: Field = Field::optional(9, "facts", Shape::Json);
const VALIDITY: Field = Field::required(10, "validity", Shape::Json);
const PROVENANCE: Field = Field::required(11, "provenance", Shape::Text);
const AS_OF: Field = Field::required(12, "as_of", Shape::Time);
const CREATED_AT: Field = Field::required(13, "created_at", Shape::Time);
const TTL_SEC: Field = Field::optional(14, "ttl_sec", Shape::Number);
const STRATEGY_VERSION: Field = Field::required(15, "strategy_version", Shape::Number);
const PARTITION: Field = Field::required(16, "partition", Shape::Text);
const TEXT: Field = Field::required(17, "text", Shape::Text);
const TEXT_HASH: Field = Field::required(18, "text_hash", Shape::Text);
const CUT: Field = Field::optional(19, "cut", Shape::Json);
const TAGS: Field = Field::required(20, "tags", Shape::Json);
const FRESH_DIM: Field = Field::required(21, "fresh_dim", Shape::Number);
const GENERATION: Field = Field::optional(22, "generation", Shape::Number);
const QUARANTINE: Field = Field::optional(23, "quarantine", Shape::Json);
/// Of [`FRESH_DIM`] dimensions. Prompts that are laid out in another way are another field, for their vectors must not meet.
const PROMPT_VECTOR: Field = Field::optional(24, "prompt_vector", Shape::Vector);

pub(super) const TABLE: &[Field] = &[
    VECTOR,
    FRESH_VECTOR,
    DIM,
    MODEL,
    STRATEGY,
    TAU,
    VEC_DETAILS,
    DECISION,
    FACTS,
    VALIDITY,
    PROVENANCE,
    AS_OF,
    CREATED_AT,
    TTL_SEC,
    STRATEGY_VERSION,
    PARTITION,
    TEXT,
    TEXT_HASH,
    CUT,
    TAGS,
    FRESH_DIM,
    GENERATION,
    QUARANTINE,
    PROMPT_VECTOR,
];

pub(super) fn write(stored: &StoredEntry) -> Result<Fields<'_>, Fault> {
    let entry = &stored.entry;
    let mut fields = Fields::new(RecordKind::Entry);
    fields.put_vector(&VECTOR, &stored.vector);
    fields.put_vector(&FRESH_VECTOR, &stored.fresh);
    fields.put_text(&DIM, stored.vector.dim());
    fields.put_text(&FRESH_DIM, stored.fresh.dim());
    fields.put_text(&MODEL, model_text(&entry.model)?);
    fields.put(&STRATEGY, entry.strategy.as_str().as_bytes());
    fields.put_text(&STRATEGY_VERSION, entry.strategy_version);
    fields.put_text(&TAU, entry.tau);
    fields.put_json(&VEC_DETAILS, &entry.parts)?;
    fields.put(&DECISION, entry.decision.as_json().as_bytes());
    if let Some(facts) = &stored.facts {
        fields.put_json(&FACTS, &**facts)?;
    }
    fields.put_json(&VALIDITY, &entry.validity)?;
    fields.put(&PROVENANCE, entry.provenance.as_str().as_bytes());
    fields.put_text(&AS_OF, entry.as_of);
    fields.put_text(&CREATED_AT, entry.created_at);
    fields.put_option(&TTL_SEC, entry.ttl_sec);
    fields.put_text(&PARTITION, entry.partition);
    fields.put(&TEXT, entry.text.as_bytes());
    fields.put_text(&TEXT_HASH, entry.text_hash);
    if let Some(cut) = &entry.cut {
        fields.put_json(&CUT, cut)?;
    }
    fields.put_json(&TAGS, &entry.tags)?;
    fields.put_option(&GENERATION, (entry.generation > 0).then_some(entry.generation));
    if let Some(quarantine) = &entry.quarantine {
        fields.put_json(&QUARANTINE, quarantine)?;
    }
    if let Some(prompt) = &stored.prompt {
        fields.put_vector(&PROMPT_VECTOR, prompt);
    }
    Ok(fields)
}

pub(super) fn read(tenant: &TenantId, id: EntryId, fields: &Fields<'_>) -> Result<StoredEntry, Fault> {
    let entry = Entry {
        id,
        tenant: tenant.clone(),
        strategy: fields.parsed(&STRATEGY, |name| StrategyName::new(name).ok())?,
        strategy_version: fields.number(&STRATEGY_VERSION)?,
        partition: fields.parsed(&PARTITION, PartitionKey::parse)?,
        model: fields.parsed(&MODEL, ModelRef::parse)?,
        text: fields.text(&TEXT)?.into(),
        text_hash: fields.hash(&TEXT_HASH)?,
        cut: fields.json_option(&CUT)?,
        parts: fields.json(&VEC_DETAILS)?,
        tau: fields.number(&TAU)?,
        decision: payload(&DECISION, fields.text(&DECISION)?)?,
        validity: fields.json(&VALIDITY)?,
        provenance: fields.parsed(&PROVENANCE, provenance)?,
        as_of: fields.time(&AS_OF)?,
        created_at: fields.time(&CREATED_AT)?,
        ttl_sec: fields.number_option(&TTL_SEC)?,
        tags: fields.json(&TAGS)?,
        generation: fields.number_option(&GENERATION)?.unwrap_or(0),
        quarantine: fields.json_option(&QUARANTINE)?,
    };
    let vector = fields.vector(&VECTOR, &DIM)?;
    let fresh = fields.vector(&FRESH_VECTOR, &FRESH_DIM)?;
    let prompt = fields.vector_option(&PROMPT_VECTOR, &FRESH_DIM)?;
    let facts =
        fields.text_option(&FACTS)?.map(Facts::from_record).transpose().map_err(|e| FACTS.bad(e))?.flatten().map(Arc::new);
    Ok(StoredEntry { entry: Arc::new(entry), vector, fresh, prompt, facts })
}

pub(super) fn payload(field: &Field, json: &str) -> Result<Payload, Fault> {
    Payload::parse(json).map_err(|e| Fault::Value { field: field.name, detail: e.to_string() })
}

fn provenance(name: &str) -> Option<Provenance> {
    [Provenance::Import, Provenance::Feedback, Provenance::Engine, Provenance::Operator]
        .into_iter()
        .find(|known| known.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, Fields, check, from_fields, to_fields};
    use super::PROMPT_VECTOR;
    use crate::domain::vector::UnitVector;
    use crate::store::{Record, RecordKind, sample};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_entry_reads_back_as_it_was_written(entry in sample::entry()) {
            check::reads_back(&entry)?;
        }

        #[test]
        fn a_damaged_entry_is_an_error(entry in sample::entry(), damage in check::damage()) {
            check::damage_is_noticed(&entry, &damage)?;
        }
    }

    /// What is read of an entry whose prompt vector is overwritten in its hash.
    fn with_prompt_bytes(bytes: &[u8]) -> Result<Record, Fault> {
        let entry = Record::Entry(sample::entry_of("acme", "SEC approves spot ETH ETF"));
        let written = to_fields(&entry).unwrap();
        let pairs = written.pairs().chain([("format", &b"2"[..]), (PROMPT_VECTOR.name, bytes)]);
        let fields = Fields::from_pairs(RecordKind::Entry, pairs).unwrap();
        from_fields(&entry.key(), &fields).map_err(|error| error.fault)
    }

    #[test]
    fn an_entry_with_a_prompt_vector_that_is_none_is_not_served_without_it() {
        let dim = sample::entry_of("acme", "x").fresh.dim();
        let unit = |dim: usize| UnitVector::normalised(vec![1.0; dim]).unwrap().to_le_bytes();
        assert!(matches!(with_prompt_bytes(&unit(dim)), Ok(Record::Entry(read)) if read.prompt.is_some()));
        for bytes in [unit(dim + 1), vec![0; 4 * dim], unit(dim)[1..].to_vec(), Vec::new()] {
            assert!(
                matches!(with_prompt_bytes(&bytes), Err(Fault::Value { field, .. }) if field == PROMPT_VECTOR.name),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn an_entry_of_format_1_still_reads() {
        check::fixture_reads(&sample::entry_of_format_1(), include_bytes!("fixtures/entry.v1.bin"));
    }

    #[test]
    fn an_entry_of_format_2_still_reads() {
        check::fixture_reads(&sample::fixed_entry(), include_bytes!("fixtures/entry.v2.bin"));
    }
}
