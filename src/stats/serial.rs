//! Whether a series remembers itself.

use super::StatsError;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// A test statistic with its degrees of freedom and its p-value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquareTest {
    /// The statistic.
    pub statistic: f64,
    /// The degrees of freedom.
    pub degrees: usize,
    /// The chance of one as large where nothing is there.
    pub p_value: f64,
}

impl ChiSquareTest {
    /// Of a statistic that has a χ² distribution under the hypothesis.
    pub(super) fn of(statistic: f64, degrees: usize) -> Result<Self, StatsError> {
        let none = StatsError::Setting { name: "degrees", wanted: "at least one degree of freedom is needed" };
        let distribution = ChiSquared::new(degrees as f64).map_err(|_| none)?;
        Ok(Self { statistic, degrees, p_value: distribution.sf(statistic.max(0.0)) })
    }
}

/// Ljung and Box (1978), Biometrika 65(2): whether the first `lags` autocorrelations are all zero. `fitted` parameters of a model of
/// the series' memory are taken off the degrees of freedom.
///
/// # Errors
/// [`StatsError::TooFew`], [`StatsError::Constant`] and [`StatsError::Setting`].
pub fn ljung_box(series: &[f64], lags: usize, fitted: usize) -> Result<ChiSquareTest, StatsError> {
    let n = series.len();
    if n <= lags + 1 {
        return Err(StatsError::TooFew { needed: lags + 2, got: n });
    }
    let mean = series.iter().sum::<f64>() / n as f64;
    let spread: f64 = series.iter().map(|value| (value - mean) * (value - mean)).sum();
    if spread <= f64::EPSILON * f64::EPSILON * mean * mean * n as f64 {
        return Err(StatsError::Constant("the series"));
    }
    let statistic: f64 = (1..=lags)
        .map(|lag| {
            let shared: f64 = (lag..n).map(|at| (series[at] - mean) * (series[at - lag] - mean)).sum();
            (shared / spread).powi(2) / (n - lag) as f64
        })
        .sum();
    ChiSquareTest::of(statistic * n as f64 * (n + 2) as f64, lags.saturating_sub(fitted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistic_is_that_of_the_formula_by_hand() {
        // 1, 2, 3, 4: r1 = 0.25, r2 = −0.3; Q = 4·6·(0.0625/3 + 0.09/2).
        let found = ljung_box(&[1.0, 2.0, 3.0, 4.0], 2, 0).unwrap();
        assert!((found.statistic - 24.0 * (0.0625 / 3.0 + 0.09 / 2.0)).abs() < 1e-12, "{found:?}");
        assert!((found.p_value - (-found.statistic / 2.0).exp()).abs() < 1e-12);
    }

    #[test]
    fn a_series_that_swings_is_found_and_a_constant_one_is_refused() {
        let swing: Vec<f64> = (0..100).map(|at| f64::from(at % 2)).collect();
        assert!(ljung_box(&swing, 5, 0).unwrap().p_value < 1e-10);
        assert!(matches!(ljung_box(&[2.0; 30], 5, 0), Err(StatsError::Constant(_))));
        assert!(matches!(ljung_box(&[2.0; 3], 5, 0), Err(StatsError::TooFew { .. })));
    }
}
