//! The facts about searches in the server that has the records.

use super::{METRICS, SECONDS, counter, counter_vec, histogram};
use prometheus::{Histogram, IntCounter, IntCounterVec, Registry};
use std::time::Duration;

pub(super) struct Metrics {
    searches: IntCounterVec,
    seconds: Histogram,
    taken_in: IntCounter,
    left: IntCounter,
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
