//! The record of how far a chain of audit events goes.

use super::{Fault, Field, Fields, Shape};
use crate::domain::audit_chain::AuditChain;
use crate::domain::ids::TenantId;
use crate::store::record::RecordKind;
use blake3::Hash;

const FIRST: Field = Field::required(1, "first", Shape::Number);
const ANCHOR: Field = Field::required(2, "anchor", Shape::Text);
const LAST: Field = Field::required(3, "last", Shape::Number);
const HEAD: Field = Field::required(4, "head", Shape::Text);

pub(super) const TABLE: &[Field] = &[FIRST, ANCHOR, LAST, HEAD];

pub(super) fn write(chain: &AuditChain) -> Fields<'_> {
    let mut fields = Fields::new(RecordKind::AuditChain);
    fields.put_text(&FIRST, chain.first);
    fields.put_text(&ANCHOR, chain.anchor);
    fields.put_text(&LAST, chain.last);
    fields.put_text(&HEAD, chain.head);
    fields
}

pub(super) fn read(tenant: &TenantId, fields: &Fields<'_>) -> Result<AuditChain, Fault> {
    let hash = |field| fields.parsed(field, |digits| Hash::from_hex(digits).ok());
    Ok(AuditChain {
        tenant: tenant.clone(),
        first: fields.number(&FIRST)?,
        anchor: hash(&ANCHOR)?,
        last: fields.number(&LAST)?,
        head: hash(&HEAD)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::store::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_end_of_a_chain_reads_back_as_it_was_written(chain in sample::audit_chain()) {
            check::reads_back(&chain)?;
        }

        #[test]
        fn a_damaged_end_of_a_chain_is_an_error(chain in sample::audit_chain(), damage in check::damage()) {
            check::damage_is_noticed(&chain, &damage)?;
        }
    }

    #[test]
    fn the_end_of_a_chain_of_format_2_still_reads() {
        check::fixture_reads(&sample::fixed_audit_chain(), include_bytes!("fixtures/audit_chain.v2.bin"));
    }
}
