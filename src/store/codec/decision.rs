//! The audit record of one decision.

use super::{Fault, Field, Fields, Shape};
use crate::domain::audit::DecisionRecord;
use crate::domain::ids::{DecisionId, TenantId};
use crate::store::record::RecordKind;
use serde_json::value::RawValue;
use std::sync::Arc;

const AT: Field = Field::required(1, "at", Shape::Time);
const REQUEST: Field = Field::required(2, "request", Shape::Json);
const ANSWER: Field = Field::required(3, "answer", Shape::Json);

pub(super) const TABLE: &[Field] = &[AT, REQUEST, ANSWER];

pub(super) fn write(record: &DecisionRecord) -> Fields<'_> {
    let mut fields = Fields::new(RecordKind::Decision);
    fields.put_text(&AT, record.at);
    fields.put(&REQUEST, record.request.get().as_bytes());
    fields.put(&ANSWER, record.answer.get().as_bytes());
    fields
}

pub(super) fn read(tenant: &TenantId, id: DecisionId, fields: &Fields<'_>) -> Result<DecisionRecord, Fault> {
    Ok(DecisionRecord {
        tenant: tenant.clone(),
        id,
        at: fields.time(&AT)?,
        request: raw(fields, &REQUEST)?,
        answer: raw(fields, &ANSWER)?,
    })
}

fn raw(fields: &Fields<'_>, field: &Field) -> Result<Arc<RawValue>, Fault> {
    let json = fields.text(field)?.to_owned();
    let raw = RawValue::from_string(json).map_err(|e| Fault::Value { field: field.name, detail: e.to_string() })?;
    Ok(raw.into())
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::store::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_decision_reads_back_byte_for_byte(decision in sample::decision()) {
            check::reads_back(&decision)?;
        }

        #[test]
        fn a_damaged_decision_is_an_error(decision in sample::decision(), damage in check::damage()) {
            check::damage_is_noticed(&decision, &damage)?;
        }
    }

    #[test]
    fn a_decision_of_any_format_still_reads() {
        check::fixture_reads(&sample::fixed_decision(), include_bytes!("fixtures/decision.v1.bin"));
        check::fixture_reads(&sample::fixed_decision(), include_bytes!("fixtures/decision.v2.bin"));
    }
}
