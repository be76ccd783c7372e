//! The record of an answer that can be judged.

use super::{Fault, Field, Fields, Shape};
use crate::domain::ids::{QueryId, TenantId};
use crate::domain::judgeable_record::JudgeableRecord;
use crate::store::record::RecordKind;
use serde_json::value::RawValue;

const QUERY_ID: Field = Field::required(1, "query_id", Shape::Text);
const AT: Field = Field::required(2, "at", Shape::Time);
const VERSION: Field = Field::required(3, "version", Shape::Number);
const DATA: Field = Field::required(4, "data", Shape::Json);

pub(super) const TABLE: &[Field] = &[QUERY_ID, AT, VERSION, DATA];

pub(super) fn write(record: &JudgeableRecord) -> Fields<'_> {
    let mut fields = Fields::new(RecordKind::Judgeable);
    fields.put_text(&QUERY_ID, record.query);
    fields.put_text(&AT, record.at);
    fields.put_text(&VERSION, record.version);
    fields.put(&DATA, record.data.get().as_bytes());
    fields
}

pub(super) fn read(tenant: &TenantId, fields: &Fields<'_>) -> Result<JudgeableRecord, Fault> {
    let data = RawValue::from_string(fields.text(&DATA)?.to_owned()).map_err(|error| DATA.bad(error))?;
    Ok(JudgeableRecord {
        tenant: tenant.clone(),
        query: fields.parsed(&QUERY_ID, |text| QueryId::parse(text).ok())?,
        at: fields.time(&AT)?,
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
        fn an_answer_reads_back_as_it_was_written(answer in sample::judgeable()) {
            check::reads_back(&answer)?;
        }

        #[test]
        fn a_damaged_answer_is_an_error(answer in sample::judgeable(), damage in check::damage()) {
            check::damage_is_noticed(&answer, &damage)?;
        }
    }

    #[test]
    fn an_answer_of_format_2_still_reads() {
        check::fixture_reads(&sample::fixed_judgeable(), include_bytes!("fixtures/judgeable.v2.bin"));
    }
}
