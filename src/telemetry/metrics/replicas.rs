//! The facts about other processes over the same store. Labels are words that are constants.

use super::{METRICS, SECONDS, counter, counter_vec, histogram};
use prometheus::{Gauge, Histogram, IntCounter, IntCounterVec, Registry};
use std::time::Duration;

/// What may become of the right to run an engine.
const LEASES: [&str; 5] = ["mine", "held", "done", "unavailable", "lost"];

pub(super) struct Metrics {
    changes: IntCounterVec,
    lag: Histogram,
    behind: Gauge,
    resyncs: IntCounter,
    leases: IntCounterVec,
}

impl Metrics {
    pub(super) fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        let behind = Gauge::new(
            "replica_behind_seconds",
            "Time since it was last known that memory had all that is stored; 0 where the store is of this process alone.",
        )?;
        r.register(Box::new(behind.clone()))?;
        let leases = counter_vec(
            r,
            "leases_total",
            "Runs of engines that other processes might do as well, by what became of the right to do them.",
            &["outcome"],
        )?;
        // A nought, and not missing, until it is first said.
        LEASES.iter().for_each(|outcome| leases.with_label_values(&[outcome]).inc_by(0));
        Ok(Self {
            changes: counter_vec(
                r,
                "follow_changes_total",
                "Changes of other processes that memory has taken over, by kind of record.",
                &["kind"],
            )?,
            lag: histogram(
                r,
                "replica_lag_seconds",
                "Time from a change by another process, by the clock of the store, to memory having it.",
                SECONDS,
            )?,
            behind,
            resyncs: counter(r, "follow_resyncs_total", "Times that memory was held against the whole store.")?,
            leases,
        })
    }
}

/// Memory has taken over what another process changed so long ago.
pub fn change_followed(kind: &'static str, lag: Duration) {
    METRICS.replicas.changes.with_label_values(&[kind]).inc();
    METRICS.replicas.lag.observe(lag.as_secs_f64());
}

/// Memory is held against the whole store.
pub fn follow_resynced() {
    METRICS.replicas.resyncs.inc();
}

/// What became of the right to run an engine: `mine`, `held` by another, `done` by another, `unavailable` or `lost` on the way.
pub fn lease(outcome: &'static str) {
    METRICS.replicas.leases.with_label_values(&[outcome]).inc();
}

/// What memory holds may be so old.
pub fn behind(time: Duration) {
    METRICS.replicas.behind.set(time.as_secs_f64());
}
