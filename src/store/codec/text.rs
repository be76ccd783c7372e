//! The record of a fresh text's vector.

use super::{Fault, Field, Fields, Shape, model_text};
use crate::domain::component::{EmbeddedText, ModelRef};
use crate::domain::ids::TenantId;
use crate::store::record::RecordKind;

const VECTOR: Field = Field::required(1, "vector", Shape::Vector);
const DIM: Field = Field::required(2, "dim", Shape::Number);
const MODEL: Field = Field::required(3, "model", Shape::Text);
const TEXT_HASH: Field = Field::required(4, "text_hash", Shape::Text);
const CREATED_AT: Field = Field::required(5, "created_at", Shape::Time);
const TTL_SEC: Field = Field::optional(6, "ttl_sec", Shape::Number);
const CUT: Field = Field::optional(7, "cut", Shape::Json);

pub(super) const TABLE: &[Field] = &[VECTOR, DIM, MODEL, TEXT_HASH, CREATED_AT, TTL_SEC, CUT];

pub(super) fn write(text: &EmbeddedText) -> Result<Fields<'_>, Fault> {
    let mut fields = Fields::new(RecordKind::Text);
    fields.put_vector(&VECTOR, &text.vector);
    fields.put_text(&DIM, text.vector.dim());
    fields.put_text(&MODEL, model_text(&text.model)?);
    fields.put_text(&TEXT_HASH, text.text_hash);
    fields.put_text(&CREATED_AT, text.created_at);
    fields.put_option(&TTL_SEC, text.ttl_sec);
    if let Some(cut) = &text.cut {
        fields.put_json(&CUT, cut)?;
    }
    Ok(fields)
}

/// The model and the hash are in the key as well; the caller compares the two.
pub(super) fn read(tenant: &TenantId, fields: &Fields<'_>) -> Result<EmbeddedText, Fault> {
    Ok(EmbeddedText {
        tenant: tenant.clone(),
        text_hash: fields.hash(&TEXT_HASH)?,
        model: fields.parsed(&MODEL, ModelRef::parse)?,
        vector: fields.vector(&VECTOR, &DIM)?,
        cut: fields.json_option(&CUT)?,
        created_at: fields.time(&CREATED_AT)?,
        ttl_sec: fields.number_option(&TTL_SEC)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::store::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_vector_of_a_text_reads_back_as_it_was_written(text in sample::text()) {
            check::reads_back(&text)?;
        }

        #[test]
        fn a_damaged_vector_of_a_text_is_an_error(text in sample::text(), damage in check::damage()) {
            check::damage_is_noticed(&text, &damage)?;
        }
    }

    #[test]
    fn a_text_of_any_format_still_reads() {
        check::fixture_reads(&sample::fixed_text(), include_bytes!("fixtures/text.v1.bin"));
        check::fixture_reads(&sample::fixed_text(), include_bytes!("fixtures/text.v2.bin"));
    }
}
