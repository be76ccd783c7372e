//! The record of a fitted model.

use super::{Fault, Field, Fields, Shape};
use crate::domain::fit_record::{FitKey, FitRecord};
use crate::domain::ids::TenantId;
use crate::store::record::RecordKind;
use serde_json::value::RawValue;

const PARAMETERS: Field = Field::required(1, "parameters", Shape::Json);
const CREATED_AT: Field = Field::required(2, "created_at", Shape::Time);
const NEXT_RUN_AT: Field = Field::required(3, "next_run_at", Shape::Time);
const STALE_AT: Field = Field::required(4, "stale_at", Shape::Time);
const VALUES: Field = Field::required(5, "values", Shape::Json);
const ABOUT: Field = Field::required(6, "about", Shape::Json);
const CHART: Field = Field::optional(7, "chart", Shape::Json);
const SOURCES: Field = Field::required(8, "sources", Shape::Json);
const MADE: Field = Field::required(9, "made", Shape::Json);
const BY: Field = Field::optional(10, "by", Shape::Text);
const TTL_SEC: Field = Field::optional(11, "ttl_sec", Shape::Number);

pub(super) const TABLE: &[Field] =
    &[PARAMETERS, CREATED_AT, NEXT_RUN_AT, STALE_AT, VALUES, ABOUT, CHART, SOURCES, MADE, BY, TTL_SEC];

pub(super) fn write(record: &FitRecord) -> Result<Fields<'_>, Fault> {
    let mut fields = Fields::new(RecordKind::Fit);
    fields.put_json(&PARAMETERS, &record.parameters)?;
    fields.put_text(&CREATED_AT, record.created_at);
    fields.put_text(&NEXT_RUN_AT, record.next_run_at);
    fields.put_text(&STALE_AT, record.stale_at);
    fields.put_json(&VALUES, &record.values)?;
    fields.put_json(&ABOUT, &record.about)?;
    if let Some(chart) = &record.chart {
        fields.put(&CHART, chart.get().as_bytes());
    }
    fields.put_json(&SOURCES, &record.sources)?;
    fields.put_json(&MADE, &record.made)?;
    if let Some(by) = &record.by {
        fields.put(&BY, by.as_bytes());
    }
    fields.put_option(&TTL_SEC, record.ttl_sec);
    Ok(fields)
}

pub(super) fn read(tenant: &TenantId, (key, version): (&FitKey, u64), fields: &Fields<'_>) -> Result<FitRecord, Fault> {
    let chart = fields.text_option(&CHART)?.map(|json| RawValue::from_string(json.to_owned()).map_err(|error| CHART.bad(error)));
    Ok(FitRecord {
        tenant: tenant.clone(),
        key: key.clone(),
        version,
        parameters: fields.json(&PARAMETERS)?,
        created_at: fields.time(&CREATED_AT)?,
        next_run_at: fields.time(&NEXT_RUN_AT)?,
        stale_at: fields.time(&STALE_AT)?,
        values: fields.json(&VALUES)?,
        about: fields.json(&ABOUT)?,
        chart: chart.transpose()?.map(Into::into),
        sources: fields.json(&SOURCES)?,
        made: fields.json(&MADE)?,
        by: fields.text_option(&BY)?.map(Into::into),
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
        fn a_fit_reads_back_as_it_was_written(fit in sample::fit()) {
            check::reads_back(&fit)?;
        }

        #[test]
        fn a_damaged_fit_is_an_error(fit in sample::fit(), damage in check::damage()) {
            check::damage_is_noticed(&fit, &damage)?;
        }
    }

    #[test]
    fn a_fit_of_format_2_still_reads() {
        check::fixture_reads(&sample::fixed_fit(), include_bytes!("fixtures/fit.v2.bin"));
    }
}
