//! How long each stage took.

use crate::domain::answer::TimingUs;
use hdrhistogram::Histogram;
use serde::Serialize;

/// Microseconds above which a value counts as this much: a minute, past any deadline.
const MICROS_MAX: u64 = 60_000_000;

/// The quantiles of one stage, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Which stage, as `timing_us` names it.
    pub stage: &'static str,
    /// Requests that it was measured on.
    pub requests: u64,
    /// Half of them took at most this long.
    pub p50_us: u64,
    /// 95 of 100.
    pub p95_us: u64,
    /// 99 of 100.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

type Part = fn(&TimingUs) -> u64;

const STAGES: [(&str, Part); 7] = [
    ("exact", |t| t.exact),
    ("embed", |t| t.embed),
    ("context", |t| t.context),
    ("compose", |t| t.compose),
    ("search", |t| t.search),
    ("gates", |t| t.gates),
    ("total", |t| t.total),
];

/// A histogram for each stage.
#[derive(Debug)]
pub struct Latencies {
    stages: Vec<Option<Histogram<u32>>>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { stages: STAGES.iter().map(|_| Histogram::new_with_max(MICROS_MAX, 3).ok()).collect() }
    }
}

impl Latencies {
    /// Counts one request.
    pub fn record(&mut self, timing: &TimingUs) {
        for ((_, part), histogram) in STAGES.iter().zip(&mut self.stages) {
            if let Some(histogram) = histogram {
                histogram.saturating_record(part(timing).min(MICROS_MAX));
            }
        }
    }

    /// The quantiles of every stage.
    pub fn stages(&self) -> Vec<Stage> {
        let named = STAGES.iter().zip(&self.stages).filter_map(|((name, _), histogram)| Some((*name, histogram.as_ref()?)));
        named
            .map(|(stage, histogram)| Stage {
                stage,
                requests: histogram.len(),
                p50_us: histogram.value_at_quantile(0.5),
                p95_us: histogram.value_at_quantile(0.95),
                p99_us: histogram.value_at_quantile(0.99),
                max_us: histogram.max(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::default();
        for micros in 1..=1_000 {
            latencies.record(&TimingUs { search: micros, total: 2 * micros, ..TimingUs::default() });
        }
        let stages = latencies.stages();
        let of =
            |name: &str| stages.iter().find(|s| s.stage == name).map(|s| (s.requests, s.p50_us, s.p95_us, s.p99_us, s.max_us));
        assert_eq!(of("search"), Some((1_000, 500, 950, 990, 1_000)));
        assert_eq!(of("embed"), Some((1_000, 0, 0, 0, 0)));
        assert_eq!(of("total").map(|t| t.1), Some(1_000));
    }
}
