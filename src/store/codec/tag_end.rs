//! The record of a deletion by tag.

use super::{Fault, Field, Fields, Shape};
use crate::domain::ids::TenantId;
use crate::domain::tag_end::TagEnd;
use crate::store::record::RecordKind;

const GENERATION: Field = Field::required(1, "generation", Shape::Number);
const AT: Field = Field::required(2, "at", Shape::Time);

pub(super) const TABLE: &[Field] = &[GENERATION, AT];

pub(super) fn write(end: &TagEnd) -> Fields<'_> {
    let mut fields = Fields::new(RecordKind::TagEnd);
    fields.put_text(&GENERATION, end.generation);
    fields.put_text(&AT, end.at);
    fields
}

pub(super) fn read(tenant: &TenantId, tag: &str, fields: &Fields<'_>) -> Result<TagEnd, Fault> {
    Ok(TagEnd { tenant: tenant.clone(), tag: tag.to_owned(), generation: fields.number(&GENERATION)?, at: fields.time(&AT)? })
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::store::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_deletion_by_tag_reads_back_as_it_was_written(end in sample::tag_end()) {
            check::reads_back(&end)?;
        }

        #[test]
        fn a_damaged_deletion_by_tag_is_an_error(end in sample::tag_end(), damage in check::damage()) {
            check::damage_is_noticed(&end, &damage)?;
        }
    }

    #[test]
    fn a_deletion_by_tag_of_format_2_still_reads() {
        check::fixture_reads(&sample::fixed_tag_end(), include_bytes!("fixtures/tag_end.v2.bin"));
    }
}
