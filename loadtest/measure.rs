//! Latencies in microseconds, from 1 µs to 60 s with three digits.

use crate::Failure;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

/// The histogram of one measured time.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

/// What is printed of a histogram, in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
}

impl Latencies {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self(Histogram::new_with_bounds(1, 60_000_000, 3)?))
    }

    pub(crate) fn record(&mut self, took: Duration) {
        self.record_us(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn record_us(&mut self, took_us: u64) {
        // The histogram starts at 1 µs; what took less is counted there.
        self.0.saturating_record(took_us.max(1));
    }

    pub(crate) fn add(&mut self, other: &Self) -> Result<(), Failure> {
        Ok(self.0.add(&other.0)?)
    }

    pub(crate) fn quantiles(&self) -> Quantiles {
        let at = |quantile| self.0.value_at_quantile(quantile);
        Quantiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: self.0.max() }
    }
}

impl Quantiles {
    /// As cells of a table.
    pub(crate) fn cells(&self) -> Vec<String> {
        [self.p50, self.p90, self.p99, self.p999, self.max].iter().map(|us| milliseconds(*us)).collect()
    }
}

/// Milliseconds with the digits that matter.
fn milliseconds(us: u64) -> String {
    let ms = us as f64 / 1_000.0;
    match us {
        0..100_000 => format!("{ms:.3}"),
        _ => format!("{ms:.1}"),
    }
}
