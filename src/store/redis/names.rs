//! The keys that are no records, and the patterns of those that are.

use crate::domain::ids::TenantId;
use crate::domain::role::Role;
use crate::store::RecordKind;

/// The set of the tenants that have a stream of changes.
pub(super) const TENANTS: &str = "instinct:tenants";

/// The counter of generations.
pub(super) const GENERATION: &str = "instinct:generation";

/// The stream of a tenant's changes, in the slot of its records.
pub(super) fn changes(tenant: &TenantId) -> String {
    format!("{{{tenant}}}:changes")
}

/// The number of the last write of one process to a tenant.
pub(super) fn guard(tenant: &TenantId, writer: &str) -> String {
    format!("{{{tenant}}}:writer:{writer}")
}

/// A lease.
pub(super) fn lease(tenant: &TenantId, name: &str) -> String {
    format!("{{{tenant}}}:lease:{name}")
}

/// The token bucket of a tenant and a role.
pub(super) fn bucket(tenant: &TenantId, role: Role) -> String {
    format!("{{{tenant}}}:bucket:{role}")
}

/// A note for other processes.
pub(super) fn note(tenant: &TenantId, name: &str) -> String {
    format!("{{{tenant}}}:note:{name}")
}

/// The counter of a tenant's fences.
pub(super) fn fence(tenant: &TenantId) -> String {
    format!("{{{tenant}}}:fence")
}

/// A pattern that the keys of a kind of record match, and some others.
pub(super) fn pattern(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Component => "{*}:ec:[pn]*",
        RecordKind::Text => "{*}:ec:text:*",
        RecordKind::Entry => "{*}:sc:combo:*",
        RecordKind::Decision => "{*}:decision:*",
        RecordKind::TagEnd => "{*}:tag_end:*",
        RecordKind::Judgement => "{*}:judgement:*",
        RecordKind::Market => "{*}:market:*",
        RecordKind::AuditEvent => "{*}:audit_event:*",
        RecordKind::AuditChain => "{*}:audit_chain",
        RecordKind::Plan => "{*}:plan:*",
        RecordKind::Fit => "{*}:fit:*",
        RecordKind::Dataset => "{*}:dataset:*",
        RecordKind::DatasetPart => "{*}:dataset_part:*",
        RecordKind::Knowledge => "{*}:knowledge:*",
        RecordKind::Judgeable => "{*}:judgeable:*",
    }
}
