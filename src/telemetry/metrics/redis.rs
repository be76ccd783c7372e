//! The facts about Redis. Labels are names of commands and kinds of errors, which are constants.

use super::{METRICS, SECONDS, counter_vec, gauge, histogram_vec};
use prometheus::{HistogramVec, IntCounterVec, IntGauge, Registry};
use std::time::Duration;

pub(super) struct Metrics {
    connected: IntGauge,
    seconds: HistogramVec,
    errors: IntCounterVec,
}

impl Metrics {
    pub(super) fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        let connected = gauge(r, "store_connected", "Whether the server of the store can be reached: 1 or 0.")?;
        // A store that is no server is always there.
        connected.set(1);
        Ok(Self {
            connected,
            seconds: histogram_vec(
                r,
                "redis_command_duration_seconds",
                "Time of a command or pipeline, however it ended.",
                &["command"],
                SECONDS,
            )?,
            errors: counter_vec(r, "redis_errors_total", "Commands that failed, by kind.", &["kind"])?,
        })
    }
}

/// A command, or a pipeline that begins with it, was answered or given up.
pub fn command_ended(command: &'static str, took: Duration) {
    METRICS.redis.seconds.with_label_values(&[command]).observe(took.as_secs_f64());
}

/// A command failed; `kind` is a constant word.
pub fn command_failed(kind: &'static str) {
    METRICS.redis.errors.with_label_values(&[kind]).inc();
}

/// Whether the server of the store can be reached.
pub fn store_connected(connected: bool) {
    METRICS.redis.connected.set(i64::from(connected));
}
