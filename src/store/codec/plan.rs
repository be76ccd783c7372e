//! The record of an optimisation plan.

use super::{Fault, Field, Fields, Shape};
use crate::domain::ids::{PlanId, TenantId};
use crate::domain::plan_record::{PlanKey, PlanRecord, PlanState};
use crate::store::record::RecordKind;
use serde_json::value::RawValue;
use std::sync::Arc;

const CREATED_AT: Field = Field::required(1, "created_at", Shape::Time);
const ASKED_BY: Field = Field::optional(2, "asked_by", Shape::Text);
const KEY: Field = Field::required(3, "key", Shape::Text);
const MODEL: Field = Field::required(4, "model", Shape::Json);
const ASKED: Field = Field::required(5, "asked", Shape::Json);
const REPORT: Field = Field::optional(6, "report", Shape::Json);
const FAILURE: Field = Field::optional(7, "failure", Shape::Json);
const STATE: Field = Field::required(8, "state", Shape::Text);
const HISTORY: Field = Field::required(9, "history", Shape::Json);
const REFERS_TO: Field = Field::required(10, "refers_to", Shape::Json);
const HANDED_TO: Field = Field::required(11, "handed_to", Shape::Json);
const MADE_WITH: Field = Field::optional(12, "made_with", Shape::Json);
const TTL_SEC: Field = Field::optional(13, "ttl_sec", Shape::Number);

pub(super) const TABLE: &[Field] =
    &[CREATED_AT, ASKED_BY, KEY, MODEL, ASKED, REPORT, FAILURE, STATE, HISTORY, REFERS_TO, HANDED_TO, MADE_WITH, TTL_SEC];

pub(super) fn write(record: &PlanRecord) -> Result<Fields<'_>, Fault> {
    let mut fields = Fields::new(RecordKind::Plan);
    fields.put_text(&CREATED_AT, record.created_at);
    if let Some(by) = &record.asked_by {
        fields.put(&ASKED_BY, by.as_bytes());
    }
    fields.put_text(&KEY, record.key);
    fields.put(&MODEL, record.model.get().as_bytes());
    fields.put_json(&ASKED, &record.asked)?;
    if let Some(report) = &record.report {
        fields.put(&REPORT, report.get().as_bytes());
    }
    if let Some(failure) = &record.failure {
        fields.put_json(&FAILURE, failure)?;
    }
    fields.put(&STATE, record.state.as_str().as_bytes());
    fields.put_json(&HISTORY, &record.history)?;
    fields.put_json(&REFERS_TO, &record.refers_to)?;
    fields.put_json(&HANDED_TO, &record.handed_to)?;
    if let Some(made_with) = &record.made_with {
        fields.put_json(&MADE_WITH, made_with)?;
    }
    fields.put_option(&TTL_SEC, record.ttl_sec);
    Ok(fields)
}

pub(super) fn read(tenant: &TenantId, id: PlanId, fields: &Fields<'_>) -> Result<PlanRecord, Fault> {
    Ok(PlanRecord {
        tenant: tenant.clone(),
        id,
        created_at: fields.time(&CREATED_AT)?,
        asked_by: fields.text_option(&ASKED_BY)?.map(Into::into),
        key: fields.parsed(&KEY, PlanKey::parse)?,
        model: raw(&MODEL, fields.text(&MODEL)?)?,
        asked: fields.json(&ASKED)?,
        report: fields.text_option(&REPORT)?.map(|report| raw(&REPORT, report)).transpose()?,
        failure: fields.json_option(&FAILURE)?,
        state: fields.parsed(&STATE, PlanState::parse)?,
        history: fields.json(&HISTORY)?,
        refers_to: fields.json(&REFERS_TO)?,
        handed_to: fields.json(&HANDED_TO)?,
        made_with: fields.json_option(&MADE_WITH)?,
        ttl_sec: fields.number_option(&TTL_SEC)?,
    })
}

/// Byte for byte as it was given: what is made again must be made of the same.
fn raw(field: &Field, json: &str) -> Result<Arc<RawValue>, Fault> {
    RawValue::from_string(json.to_owned()).map(Into::into).map_err(|error| field.bad(error))
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::store::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_plan_reads_back_as_it_was_written(plan in sample::plan()) {
            check::reads_back(&plan)?;
        }

        #[test]
        fn a_damaged_plan_is_an_error(plan in sample::plan(), damage in check::damage()) {
            check::damage_is_noticed(&plan, &damage)?;
        }
    }

    #[test]
    fn a_plan_of_format_2_still_reads() {
        check::fixture_reads(&sample::fixed_plan(), include_bytes!("fixtures/plan.v2.bin"));
    }
}
