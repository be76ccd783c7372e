//! The record of what was taught about questions of data.

use super::{Fault, Field, Fields, Shape};
use crate::domain::ids::TenantId;
use crate::domain::knowledge_record::{KnowledgeKey, KnowledgeRecord};
use crate::store::record::RecordKind;
use serde_json::value::RawValue;

const CHANGED_AT: Field = Field::required(1, "changed_at", Shape::Time);
const VERSION: Field = Field::required(2, "version", Shape::Number);
const DATA: Field = Field::required(3, "data", Shape::Json);

pub(super) const TABLE: &[Field] = &[CHANGED_AT, VERSION, DATA];

pub(super) fn write(record: &KnowledgeRecord) -> Fields<'_> {
    let mut fields = Fields::new(RecordKind::Knowledge);
    fields.put_text(&CHANGED_AT, record.changed_at);
    fields.put_text(&VERSION, record.version);
    fields.put(&DATA, record.data.get().as_bytes());
    fields
}

pub(super) fn read(tenant: &TenantId, key: KnowledgeKey, fields: &Fields<'_>) -> Result<KnowledgeRecord, Fault> {
    let data = RawValue::from_string(fields.text(&DATA)?.to_owned()).map_err(|error| DATA.bad(error))?;
    Ok(KnowledgeRecord {
        tenant: tenant.clone(),
        key,
        changed_at: fields.time(&CHANGED_AT)?,
        version: fields.number(&VERSION)?,
        data: data.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::store::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_taught_reads_back_as_it_was_written(knowledge in sample::knowledge()) {
            check::reads_back(&knowledge)?;
        }

        #[test]
        fn damaged_knowledge_is_an_error(knowledge in sample::knowledge(), damage in check::damage()) {
            check::damage_is_noticed(&knowledge, &damage)?;
        }
    }

    #[test]
    fn knowledge_of_format_2_still_reads() {
        check::fixture_reads(&sample::fixed_knowledge(), include_bytes!("fixtures/knowledge.v2.bin"));
    }
}
