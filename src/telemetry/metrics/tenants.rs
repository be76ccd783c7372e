//! The facts about callers and tenants. The label of a tenant is its name where the settings have it and `other` elsewhere.

use super::{METRICS, counter_vec, gauge_vec};
use crate::domain::role::Role;
use prometheus::{IntCounterVec, IntGaugeVec, Registry};

pub(super) struct Metrics {
    refused: IntCounterVec,
    forbidden: IntCounterVec,
    requests: IntCounterVec,
    limited: IntCounterVec,
    quota: IntCounterVec,
    held: IntGaugeVec,
    signing_keys: IntCounterVec,
}

impl Metrics {
    pub(super) fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        let by_role = &["tenant", "role"];
        Ok(Self {
            refused: counter_vec(r, "auth_refused_total", "Requests whose credentials were refused, by why.", &["reason"])?,
            forbidden: counter_vec(r, "auth_forbidden_total", "Requests of callers without the role for them.", by_role)?,
            requests: counter_vec(r, "tenant_requests_total", "Requests let in, by tenant and the role they need.", by_role)?,
            limited: counter_vec(r, "rate_limited_total", "Requests refused because their tenant's rate was passed.", by_role)?,
            quota: counter_vec(r, "quota_refused_total", "Writes refused because a quota was reached.", &["tenant", "quota"])?,
            held: gauge_vec(
                r,
                "tenant_held",
                "What a tenant holds in memory: entries, components, plans, datasets, bytes.",
                &["tenant", "what"],
            )?,
            signing_keys: counter_vec(r, "signing_keys_read_total", "Times that signing keys were read.", &["outcome"])?,
        })
    }
}

/// Credentials were refused; `reason` is a constant word.
pub fn refused(reason: &'static str) {
    METRICS.tenants.refused.with_label_values(&[reason]).inc();
}

/// What may be said of refused credentials, so that each is a nought and not missing until it is first said.
pub fn refusals(known: impl IntoIterator<Item = &'static str>) {
    known.into_iter().for_each(|reason| METRICS.tenants.refused.with_label_values(&[reason]).inc_by(0));
    // The same for rates, of tenants that the settings don't name.
    Role::ALL.into_iter().for_each(|role| METRICS.tenants.limited.with_label_values(&["other", role.as_str()]).inc_by(0));
}

/// A caller had not the role that a request needs.
pub fn forbidden(tenant: &str, role: &'static str) {
    METRICS.tenants.forbidden.with_label_values(&[tenant, role]).inc();
}

/// A request was let in.
pub fn admitted(tenant: &str, role: &'static str) {
    METRICS.tenants.requests.with_label_values(&[tenant, role]).inc();
}

/// A request came before its tenant's rate allowed.
pub fn limited(tenant: &str, role: &'static str) {
    METRICS.tenants.limited.with_label_values(&[tenant, role]).inc();
}

/// A write was refused by a quota.
pub fn over_quota(tenant: &str, quota: &'static str) {
    METRICS.tenants.quota.with_label_values(&[tenant, quota]).inc();
}

/// What tenants hold, by label, read when metrics are asked for.
pub fn held<'a>(of: impl IntoIterator<Item = (&'a str, [(&'static str, u64); 5])>) {
    for (tenant, held) in of {
        for (what, count) in held {
            METRICS.tenants.held.with_label_values(&[tenant, what]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

/// The signing keys of the issuer were read, or could not be.
pub fn signing_keys_read(good: bool) {
    METRICS.tenants.signing_keys.with_label_values(&[if good { "read" } else { "failed" }]).inc();
}
