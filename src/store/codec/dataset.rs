//! The record of what is known of a dataset without its rows.

use super::{Fault, Field, Fields, Shape};
use crate::domain::dataset::{ContentHash, DatasetHead};
use crate::domain::ids::{DatasetName, TenantId, UploadId};
use crate::store::record::RecordKind;

const VERSION: Field = Field::required(1, "version", Shape::Number);
const CREATED_AT: Field = Field::required(2, "created_at", Shape::Time);
const WRITTEN_BY: Field = Field::optional(3, "written_by", Shape::Text);
const COLUMNS: Field = Field::required(4, "columns", Shape::Json);
const ROWS: Field = Field::required(5, "rows", Shape::Number);
const HASH: Field = Field::required(6, "hash", Shape::Text);
const WINDOW: Field = Field::optional(7, "window", Shape::Json);
const SETTINGS: Field = Field::required(8, "settings", Shape::Json);
const REPORT: Field = Field::required(9, "report", Shape::Json);
const UPLOAD: Field = Field::required(10, "upload", Shape::Text);
const PARTS: Field = Field::required(11, "parts", Shape::Json);
const UNFINISHED: Field = Field::required(12, "unfinished", Shape::Json);
const TTL_SEC: Field = Field::optional(13, "ttl_sec", Shape::Number);

pub(super) const TABLE: &[Field] =
    &[VERSION, CREATED_AT, WRITTEN_BY, COLUMNS, ROWS, HASH, WINDOW, SETTINGS, REPORT, UPLOAD, PARTS, UNFINISHED, TTL_SEC];

pub(super) fn write(head: &DatasetHead) -> Result<Fields<'_>, Fault> {
    let mut fields = Fields::new(RecordKind::Dataset);
    fields.put_text(&VERSION, head.version);
    fields.put_text(&CREATED_AT, head.created_at);
    if let Some(by) = &head.written_by {
        fields.put(&WRITTEN_BY, by.as_bytes());
    }
    fields.put_json(&COLUMNS, &head.columns)?;
    fields.put_text(&ROWS, head.rows);
    fields.put_text(&HASH, head.hash);
    if let Some(window) = &head.window {
        fields.put_json(&WINDOW, window)?;
    }
    fields.put_json(&SETTINGS, &head.settings)?;
    fields.put_json(&REPORT, &head.report)?;
    fields.put_text(&UPLOAD, head.upload);
    fields.put_json(&PARTS, &head.parts)?;
    fields.put_json(&UNFINISHED, &head.unfinished)?;
    fields.put_option(&TTL_SEC, head.ttl_sec);
    Ok(fields)
}

pub(super) fn read(tenant: &TenantId, name: &DatasetName, fields: &Fields<'_>) -> Result<DatasetHead, Fault> {
    Ok(DatasetHead {
        tenant: tenant.clone(),
        name: name.clone(),
        version: fields.number(&VERSION)?,
        created_at: fields.time(&CREATED_AT)?,
        written_by: fields.text_option(&WRITTEN_BY)?.map(Into::into),
        columns: fields.json(&COLUMNS)?,
        rows: fields.number(&ROWS)?,
        hash: fields.parsed(&HASH, ContentHash::parse)?,
        window: fields.json_option(&WINDOW)?,
        settings: fields.json(&SETTINGS)?,
        report: fields.json(&REPORT)?,
        upload: fields.parsed(&UPLOAD, |text| UploadId::parse(text).ok())?,
        parts: fields.json(&PARTS)?,
        unfinished: fields.json(&UNFINISHED)?,
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
        fn a_dataset_reads_back_as_it_was_written(dataset in sample::dataset()) {
            check::reads_back(&dataset)?;
        }

        #[test]
        fn a_damaged_dataset_is_an_error(dataset in sample::dataset(), damage in check::damage()) {
            check::damage_is_noticed(&dataset, &damage)?;
        }
    }

    #[test]
    fn a_dataset_of_format_2_still_reads() {
        check::fixture_reads(&sample::fixed_dataset(), include_bytes!("fixtures/dataset.v2.bin"));
    }
}
