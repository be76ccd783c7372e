//! The record of an event of the audit trail.

use super::{Fault, Field, Fields, Shape};
use crate::domain::audit_chain::{Action, AuditEvent, Deed, Outcome, names, trace_of};
use crate::domain::ids::TenantId;
use crate::domain::role::{Role, Roles};
use crate::store::record::RecordKind;
use blake3::Hash;
use serde_json::value::RawValue;

const AT: Field = Field::required(1, "at", Shape::Time);
const USER: Field = Field::optional(2, "user", Shape::Text);
const ROLES: Field = Field::required(3, "roles", Shape::Json);
const ACTION: Field = Field::required(4, "action", Shape::Text);
const ABOUT: Field = Field::required(5, "about", Shape::Json);
const OUTCOME: Field = Field::required(6, "outcome", Shape::Text);
const TRACE: Field = Field::optional(7, "trace_id", Shape::Text);
const PREVIOUS: Field = Field::required(8, "previous", Shape::Text);
const HASH: Field = Field::required(9, "hash", Shape::Text);

pub(super) const TABLE: &[Field] = &[AT, USER, ROLES, ACTION, ABOUT, OUTCOME, TRACE, PREVIOUS, HASH];

pub(super) fn write(event: &AuditEvent) -> Result<Fields<'_>, Fault> {
    let deed = &event.deed;
    let mut fields = Fields::new(RecordKind::AuditEvent);
    fields.put_text(&AT, event.at);
    if let Some(user) = &deed.user {
        fields.put(&USER, user.as_bytes());
    }
    fields.put_json(&ROLES, &names(deed.roles).collect::<Vec<_>>())?;
    fields.put(&ACTION, deed.action.as_str().as_bytes());
    // Byte for byte: the hash is over them.
    fields.put(&ABOUT, deed.about.get().as_bytes());
    fields.put(&OUTCOME, deed.outcome.as_str().as_bytes());
    fields.put_option(&TRACE, deed.trace);
    fields.put_text(&PREVIOUS, event.previous);
    fields.put_text(&HASH, event.hash);
    Ok(fields)
}

/// Reads what is there, whether or not its hash is right: who verifies a chain must see what is wrong with it.
pub(super) fn read(tenant: &TenantId, number: u64, fields: &Fields<'_>) -> Result<AuditEvent, Fault> {
    let about = RawValue::from_string(fields.text(&ABOUT)?.to_owned()).map_err(|e| ABOUT.bad(e))?;
    let deed = Deed {
        tenant: tenant.clone(),
        user: fields.text_option(&USER)?.map(Into::into),
        roles: Roles::granted(fields.json::<Vec<Role>>(&ROLES)?),
        action: fields.parsed(&ACTION, Action::parse)?,
        about: about.into(),
        outcome: fields.parsed(&OUTCOME, Outcome::parse)?,
        trace: fields.get(&TRACE).map(|_| fields.parsed(&TRACE, trace_of)).transpose()?,
    };
    let hash = |field| fields.parsed(field, |digits| Hash::from_hex(digits).ok());
    Ok(AuditEvent { number, at: fields.time(&AT)?, deed, previous: hash(&PREVIOUS)?, hash: hash(&HASH)? })
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::store::sample;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_audit_event_reads_back_as_it_was_written(event in sample::audit_event()) {
            check::reads_back(&event)?;
        }

        #[test]
        fn a_damaged_audit_event_is_an_error(event in sample::audit_event(), damage in check::damage()) {
            check::damage_is_noticed(&event, &damage)?;
        }
    }

    #[test]
    fn an_audit_event_of_format_2_still_reads() {
        check::fixture_reads(&sample::fixed_audit_event(), include_bytes!("fixtures/audit_event.v2.bin"));
    }
}
