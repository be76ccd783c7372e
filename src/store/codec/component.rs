//! A component's record.

use super::{Fault, Field, Fields, Shape, model_text};
use crate::domain::component::{Component, ModelRef, Role};
use crate::domain::ids::{ComponentId, TenantId};
use crate::store::record::RecordKind;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};

const VECTOR: Field = Field::required(1, "vector", Shape::Vector);
const DIM: Field = Field::required(2, "dim", Shape::Number);
const MODEL: Field = Field::required(3, "model", Shape::Text);
const TEXT_HASH: Field = Field::required(4, "text_hash", Shape::Text);
const CREATED_AT: Field = Field::required(5, "created_at", Shape::Time);
const TTL_SEC: Field = Field::optional(6, "ttl_sec", Shape::Number);
const META: Field = Field::required(7, "meta", Shape::Json);
const ROLE: Field = Field::required(8, "role", Shape::Text);
const TEXT: Field = Field::required(9, "text", Shape::Text);
const TAGS: Field = Field::required(10, "tags", Shape::Json);
const AS_OF: Field = Field::required(11, "as_of", Shape::Time);
const CHUNKS: Field = Field::required(12, "chunks", Shape::Number);

pub(super) const TABLE: &[Field] = &[VECTOR, DIM, MODEL, TEXT_HASH, CREATED_AT, TTL_SEC, META, ROLE, TEXT, TAGS, AS_OF, CHUNKS];

pub(super) fn write(component: &Component) -> Result<Fields<'_>, Fault> {
    let mut fields = Fields::new(RecordKind::Component);
    fields.put_vector(&VECTOR, &component.vector);
    fields.put_text(&DIM, component.vector.dim());
    fields.put_text(&MODEL, model_text(&component.model)?);
    fields.put_text(&TEXT_HASH, component.text_hash);
    fields.put_text(&CREATED_AT, component.created_at);
    fields.put_option(&TTL_SEC, component.ttl_sec);
    fields.put_json(&META, &component.meta)?;
    fields.put(&ROLE, component.role.as_str().as_bytes());
    fields.put(&TEXT, component.text.as_bytes());
    fields.put_json(&TAGS, &component.tags)?;
    fields.put_text(&AS_OF, component.as_of);
    fields.put_text(&CHUNKS, component.chunks);
    Ok(fields)
}

pub(super) fn read(tenant: &TenantId, id: &ComponentId, fields: &Fields<'_>) -> Result<Component, Fault> {
    Ok(Component {
        tenant: tenant.clone(),
        id: id.clone(),
        role: fields.parsed(&ROLE, role)?,
        text: fields.text(&TEXT)?.into(),
        text_hash: fields.hash(&TEXT_HASH)?,
        tags: fields.json(&TAGS)?,
        as_of: fields.time(&AS_OF)?,
        created_at: fields.time(&CREATED_AT)?,
        ttl_sec: fields.number_option(&TTL_SEC)?,
        meta: fields.json(&META)?,
        model: fields.parsed(&MODEL, ModelRef::parse)?,
        vector: fields.vector(&VECTOR, &DIM)?,
        chunks: fields.number(&CHUNKS)?,
    })
}

fn role(name: &str) -> Option<Role> {
    let name: StrDeserializer<'_, ValueError> = name.into_deserializer();
    Role::deserialize(name).ok()
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::store::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_component_reads_back_as_it_was_written(component in sample::component()) {
            check::reads_back(&component)?;
        }

        #[test]
        fn a_damaged_component_is_an_error(component in sample::component(), damage in check::damage()) {
            check::damage_is_noticed(&component, &damage)?;
        }
    }

    #[test]
    fn a_component_of_any_format_still_reads() {
        check::fixture_reads(&sample::fixed_component(), include_bytes!("fixtures/component.v1.bin"));
        check::fixture_reads(&sample::fixed_component(), include_bytes!("fixtures/component.v2.bin"));
    }
}
