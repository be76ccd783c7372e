//! The facts about fitted models. The labels are ids of the catalogue, of which there are few, and constant words.

use super::{METRICS, SECONDS, counter_vec, gauge, histogram_vec};
use prometheus::{HistogramVec, IntCounterVec, IntGauge, Registry};
use std::time::Duration;

pub(super) struct Metrics {
    lookups: IntCounterVec,
    fits: IntCounterVec,
    seconds: HistogramVec,
    wishes: IntCounterVec,
    under_way: IntGauge,
    held: IntGauge,
    stale: IntGauge,
}

impl Metrics {
    pub(super) fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        let of_case = &["case"];
        let lookups = "Lookups of fitted models, by what was found: fresh, refitted, stale, missing, failed.";
        Ok(Self {
            lookups: counter_vec(r, "numeric_lookups_total", lookups, &["case", "found"])?,
            fits: counter_vec(r, "numeric_fits_total", "Fits, by how they ended.", &["case", "outcome"])?,
            seconds: histogram_vec(r, "numeric_fit_duration_seconds", "Time of one fit, waiting left out.", of_case, SECONDS)?,
            wishes: counter_vec(r, "numeric_wishes_total", "Questions that no model answers yet, by why.", &["why"])?,
            under_way: gauge(r, "numeric_fits_under_way", "Fits that run or wait for their turn.")?,
            held: gauge(r, "numeric_fits_held", "Versions of fitted models on record.")?,
            stale: gauge(r, "numeric_fits_stale", "Fitted models whose latest version is stale by its age.")?,
        })
    }
}

/// A fitted model was looked up; `found` is a constant word.
pub fn looked_up(case: &str, found: &'static str) {
    METRICS.numeric.lookups.with_label_values(&[case, found]).inc();
}

/// A fit ended; `outcome` is a constant word.
pub fn fitted(case: &str, outcome: &'static str, took: Duration) {
    METRICS.numeric.fits.with_label_values(&[case, outcome]).inc();
    METRICS.numeric.seconds.with_label_values(&[case]).observe(took.as_secs_f64());
}

/// Something was asked that no model answers yet; `why` is a constant word.
pub fn wished(why: &'static str) {
    METRICS.numeric.wishes.with_label_values(&[why]).inc();
}

/// How many there are, read when metrics are asked for.
pub fn state(under_way: usize, held: usize, stale: usize) {
    let set = |gauge: &IntGauge, value: usize| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    set(&METRICS.numeric.under_way, under_way);
    set(&METRICS.numeric.held, held);
    set(&METRICS.numeric.stale, stale);
}
