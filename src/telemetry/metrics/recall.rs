//! The facts about searches in the server that has the records.

use super::{METRICS, SECONDS, counter, counter_vec, gauge, histogram};
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, Registry};
use std::time::Duration;

pub(super) struct Metrics {
    searches: IntCounterVec,
    seconds: Histogram,
    taken_in: IntCounter,
    left: IntCounter,
    entries: IntGauge,
    failures: IntGauge,
    bytes: IntGauge,
    building: IntGauge,
}

/// What the indexes of the server hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct Indexes {
    /// Entries that a search can find.
    pub entries: u64,
    /// Entries that could not be taken in.
    pub failures: u64,
    /// Bytes of their vectors and tags.
    pub bytes: u64,
    /// Indexes that are being built.
    pub building: usize,
}

impl Metrics {
    pub(super) fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            searches: counter_vec(
                r,
                "server_searches_total",
                "Searches in the server, by how they ended; where not \"answered\", memory answered with what it has.",
                &["outcome"],
            )?,
            seconds: histogram(
                r,
                "server_search_duration_seconds",
                "Time of a search in the server, with the reading of what memory lacked.",
                SECONDS,
            )?,
            taken_in: counter(r, "working_set_taken_in_total", "Entries that a search found and memory lacked.")?,
            left: counter(r, "working_set_left_total", "Entries that left memory for others, and stay in the store.")?,
            entries: gauge(r, "server_index_entries", "Entries that a search in the server can find.")?,
            failures: gauge(r, "server_index_failures", "Entries that an index of the server could not take in.")?,
            bytes: gauge(r, "server_index_bytes", "Memory of the server's indexes.")?,
            building: gauge(r, "server_indexes_building", "Indexes that the server is building.")?,
        })
    }
}

/// A search in the server ended; `outcome` is a constant word.
pub fn searched(outcome: &'static str, took: Duration) {
    METRICS.recall.searches.with_label_values(&[outcome]).inc();
    METRICS.recall.seconds.observe(took.as_secs_f64());
}

/// An entry that a search found was read into memory.
pub fn taken_in() {
    METRICS.recall.taken_in.inc();
}

/// So many entries left memory.
pub fn left(entries: usize) {
    METRICS.recall.left.inc_by(entries as u64);
}

/// How it stands with the indexes of the server.
pub fn indexes(of: Indexes) {
    let metrics = &METRICS.recall;
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    metrics.entries.set(count(of.entries));
    metrics.failures.set(count(of.failures));
    metrics.bytes.set(count(of.bytes));
    metrics.building.set(count(of.building as u64));
}
