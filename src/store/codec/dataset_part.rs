//! The record of rows of a dataset.

use super::{Fault, Field, Fields, Shape};
use crate::domain::dataset::{ContentHash, DatasetPart};
use crate::domain::ids::{TenantId, UploadId};
use crate::store::record::RecordKind;
use bytes::Bytes;

const ROWS: Field = Field::required(1, "rows", Shape::Number);
const CREATED_AT: Field = Field::required(2, "created_at", Shape::Time);
const CHECKSUM: Field = Field::required(3, "checksum", Shape::Text);
const DATA: Field = Field::required(4, "data", Shape::Bytes);
const TTL_SEC: Field = Field::optional(5, "ttl_sec", Shape::Number);

pub(super) const TABLE: &[Field] = &[ROWS, CREATED_AT, CHECKSUM, DATA, TTL_SEC];

pub(super) fn write(part: &DatasetPart) -> Fields<'_> {
    let mut fields = Fields::new(RecordKind::DatasetPart);
    fields.put_text(&ROWS, part.rows);
    fields.put_text(&CREATED_AT, part.created_at);
    // A hash in Redis has no sum of its own.
    fields.put_text(&CHECKSUM, ContentHash::of(&part.data));
    fields.put(&DATA, &*part.data);
    fields.put_option(&TTL_SEC, part.ttl_sec);
    fields
}

pub(super) fn read(tenant: &TenantId, (upload, number): (UploadId, u32), fields: &Fields<'_>) -> Result<DatasetPart, Fault> {
    let data = fields.get(&DATA).ok_or(Fault::Missing { field: DATA.name })?;
    if fields.parsed(&CHECKSUM, ContentHash::parse)? != ContentHash::of(data) {
        return Err(Fault::Damaged);
    }
    Ok(DatasetPart {
        tenant: tenant.clone(),
        upload,
        number,
        rows: fields.number(&ROWS)?,
        created_at: fields.time(&CREATED_AT)?,
        ttl_sec: fields.number_option(&TTL_SEC)?,
        data: Bytes::copy_from_slice(data),
    })
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::store::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_of_a_dataset_read_back_as_they_were_written(part in sample::dataset_part()) {
            check::reads_back(&part)?;
        }

        #[test]
        fn damaged_rows_of_a_dataset_are_an_error(part in sample::dataset_part(), damage in check::damage()) {
            check::damage_is_noticed(&part, &damage)?;
        }
    }

    #[test]
    fn rows_of_a_dataset_of_format_2_still_read() {
        check::fixture_reads(&sample::fixed_dataset_part(), include_bytes!("fixtures/dataset_part.v2.bin"));
    }
}
