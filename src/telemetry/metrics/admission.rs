//! The facts about admission.

use super::{METRICS, counter_vec, gauge};
use prometheus::{IntCounterVec, IntGauge, Registry};

pub(super) struct Metrics {
    refused: IntCounterVec,
    limit: IntGauge,
    in_flight: IntGauge,
}

impl Metrics {
    pub(super) fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        let refused =
            "Texts that were not let to the embedder: as many were on their way as may be, or it would have been too late.";
        Ok(Self {
            refused: counter_vec(r, "admission_refused_total", refused, &["reason"])?,
            limit: gauge(r, "admission_limit", "Texts that may be on their way to the embedder now.")?,
            in_flight: gauge(r, "admission_in_flight", "Texts that are on their way through the embedder.")?,
        })
    }
}

/// A text was refused; `reason` is a constant word.
pub fn refused(reason: &'static str) {
    METRICS.admission.refused.with_label_values(&[reason]).inc();
}

/// What may be said of a refusal, so that each is a nought and not missing until it is first said.
pub fn reasons(known: impl IntoIterator<Item = &'static str>) {
    known.into_iter().for_each(|reason| METRICS.admission.refused.with_label_values(&[reason]).inc_by(0));
}

/// So many may be on their way, and so many are.
pub fn state(limit: usize, in_flight: usize) {
    METRICS.admission.limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
    METRICS.admission.in_flight.set(i64::try_from(in_flight).unwrap_or(i64::MAX));
}
