//! The record of a judgement.

use super::{Fault, Field, Fields, Shape, entry::payload, model_text};
use crate::domain::component::ModelRef;
use crate::domain::ids::{DecisionId, EntryId, StrategyName, TenantId};
use crate::domain::judgement::{Judgement, Source};
use crate::domain::partition::PartitionKey;
use crate::store::record::RecordKind;

const RIGHT: Field = Field::required(1, "right", Shape::Json);
const STRATEGY: Field = Field::required(2, "strategy", Shape::Text);
const STRATEGY_VERSION: Field = Field::required(3, "strategy_version", Shape::Number);
const PARTITION: Field = Field::required(4, "partition", Shape::Text);
const MODEL: Field = Field::required(5, "model", Shape::Text);
const ENTRY: Field = Field::optional(6, "entry", Shape::Text);
const EVIDENCE: Field = Field::optional(7, "evidence", Shape::Json);
const SERVED: Field = Field::required(8, "served", Shape::Number);
const TEXT: Field = Field::required(9, "text", Shape::Text);
const FRESH_VECTOR: Field = Field::optional(10, "fresh_vector", Shape::Vector);
const FRESH_DIM: Field = Field::optional(11, "fresh_dim", Shape::Number);
const DECIDED: Field = Field::required(12, "decided", Shape::Json);
const EXPECTED: Field = Field::optional(13, "expected", Shape::Json);
const NOTE: Field = Field::optional(14, "note", Shape::Text);
const AT: Field = Field::required(15, "at", Shape::Time);

pub(super) const TABLE: &[Field] = &[
    RIGHT,
    STRATEGY,
    STRATEGY_VERSION,
    PARTITION,
    MODEL,
    ENTRY,
    EVIDENCE,
    SERVED,
    TEXT,
    FRESH_VECTOR,
    FRESH_DIM,
    DECIDED,
    EXPECTED,
    NOTE,
    AT,
];

pub(super) fn write(judgement: &Judgement) -> Result<Fields<'_>, Fault> {
    let mut fields = Fields::new(RecordKind::Judgement);
    fields.put_json(&RIGHT, &judgement.right)?;
    fields.put(&STRATEGY, judgement.strategy.as_str().as_bytes());
    fields.put_text(&STRATEGY_VERSION, judgement.strategy_version);
    fields.put_text(&PARTITION, judgement.partition);
    fields.put_text(&MODEL, model_text(&judgement.model)?);
    fields.put_option(&ENTRY, judgement.entry);
    if let Some(evidence) = &judgement.evidence {
        fields.put_json(&EVIDENCE, evidence)?;
    }
    fields.put_text(&SERVED, judgement.served);
    fields.put(&TEXT, judgement.text.as_bytes());
    if let Some(fresh) = &judgement.fresh {
        fields.put_vector(&FRESH_VECTOR, fresh);
        fields.put_text(&FRESH_DIM, fresh.dim());
    }
    fields.put(&DECIDED, judgement.decided.as_json().as_bytes());
    if let Some(expected) = &judgement.expected {
        fields.put(&EXPECTED, expected.as_json().as_bytes());
    }
    if let Some(note) = &judgement.note {
        fields.put(&NOTE, note.as_bytes());
    }
    fields.put_text(&AT, judgement.at);
    Ok(fields)
}

pub(super) fn read(tenant: &TenantId, decision: DecisionId, source: Source, fields: &Fields<'_>) -> Result<Judgement, Fault> {
    let fresh = fields.get(&FRESH_VECTOR).map(|_| fields.vector(&FRESH_VECTOR, &FRESH_DIM)).transpose()?;
    let entry = fields.get(&ENTRY).map(|_| fields.parsed(&ENTRY, |id| EntryId::parse(id).ok())).transpose()?;
    Ok(Judgement {
        tenant: tenant.clone(),
        decision,
        source,
        right: fields.json(&RIGHT)?,
        strategy: fields.parsed(&STRATEGY, |name| StrategyName::new(name).ok())?,
        strategy_version: fields.number(&STRATEGY_VERSION)?,
        partition: fields.parsed(&PARTITION, PartitionKey::parse)?,
        model: fields.parsed(&MODEL, ModelRef::parse)?,
        entry,
        evidence: fields.json_option(&EVIDENCE)?,
        served: fields.number(&SERVED)?,
        text: fields.text(&TEXT)?.into(),
        fresh,
        decided: payload(&DECIDED, fields.text(&DECIDED)?)?,
        expected: fields.text_option(&EXPECTED)?.map(|json| payload(&EXPECTED, json)).transpose()?,
        note: fields.text_option(&NOTE)?.map(str::to_owned),
        at: fields.time(&AT)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::store::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_judgement_reads_back_as_it_was_written(judgement in sample::judgement()) {
            check::reads_back(&judgement)?;
        }

        #[test]
        fn a_damaged_judgement_is_an_error(judgement in sample::judgement(), damage in check::damage()) {
            check::damage_is_noticed(&judgement, &damage)?;
        }
    }

    #[test]
    fn a_judgement_of_format_2_still_reads() {
        check::fixture_reads(&sample::fixed_judgement(), include_bytes!("fixtures/judgement.v2.bin"));
    }
}
