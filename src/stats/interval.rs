//! Intervals of confidence, and the few quantiles and tails that they rest on.

use super::StatsError;
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::{beta, gamma};

/// The usual level of confidence.
pub const LEVEL: f64 = 0.95;

/// From where to where a quantity may lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// The same cut to these bounds.
    #[must_use]
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { low: self.low.clamp(low, high), high: self.high.clamp(low, high) }
    }

    /// Whether the value lies in it, ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// `estimate ± z · error`.
    pub fn around(estimate: f64, error: f64, z: f64) -> Self {
        Self { low: estimate - z * error, high: estimate + z * error }
    }

    /// `estimate · exp(± z · error)`, the error being that of the logarithm.
    pub fn around_log(estimate: f64, error_of_log: f64, z: f64) -> Self {
        Self { low: estimate * (-z * error_of_log).exp(), high: estimate * (z * error_of_log).exp() }
    }
}

/// The two-sided quantile of the standard normal distribution: 1.959964… for a level of 0.95.
///
/// # Errors
/// [`StatsError::Setting`] where the level is not between 0.5 and 1.
pub fn normal_quantile(level: f64) -> Result<f64, StatsError> {
    if !(0.5..1.0).contains(&level) {
        return Err(StatsError::Setting { name: "level", wanted: "at least 0.5 and less than 1" });
    }
    Ok(Normal::standard().inverse_cdf(0.5 + level / 2.0))
}

/// The two-sided tail of the standard normal distribution beyond `z`.
pub fn normal_tails(z: f64) -> f64 {
    2.0 * Normal::standard().sf(z.abs())
}

/// The probability that χ² with these degrees of freedom is larger than `statistic`.
pub fn chi_square_tail(statistic: f64, freedom: usize) -> f64 {
    if freedom == 0 || statistic <= 0.0 { 1.0 } else { gamma::gamma_ur(freedom as f64 / 2.0, statistic / 2.0).clamp(0.0, 1.0) }
}

/// The quantile of the beta distribution, both shapes positive.
pub(super) fn beta_quantile(a: f64, b: f64, probability: f64) -> f64 {
    bisect(0.0, 1.0, |x| beta::beta_reg(a, b, x) < probability)
}

/// The quantile of the gamma distribution with this shape and scale 1.
pub(super) fn gamma_quantile(shape: f64, probability: f64) -> f64 {
    // The mean plus forty standard deviations lies beyond every quantile that is asked for here.
    bisect(0.0, shape + 40.0 * (shape.sqrt() + 1.0), |x| x <= 0.0 || gamma::gamma_lr(shape, x) < probability)
}

/// Halves until the ends are neighbours: the quantile functions of the library stop at eight digits.
fn bisect(mut low: f64, mut high: f64, below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if below(middle) { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_tails_are_those_of_the_tables() {
        assert!((normal_quantile(0.95).unwrap() - 1.959_963_984_540_054).abs() < 1e-9);
        assert!((normal_quantile(0.99).unwrap() - 2.575_829_303_548_901).abs() < 1e-9);
        assert!((chi_square_tail(3.841_458_820_694_124, 1) - 0.05).abs() < 1e-10);
        assert!((chi_square_tail(5.991_464_547_107_979, 2) - 0.05).abs() < 1e-10);
        assert!((normal_tails(1.959_963_984_540_054) - 0.05).abs() < 1e-10);
        // The 97.5 % point of χ² with 22 degrees of freedom is 36.780712.
        assert!((2.0 * gamma_quantile(11.0, 0.975) - 36.780_712_1).abs() < 1e-6);
    }

    #[test]
    fn a_level_outside_its_range_is_refused() {
        assert!(normal_quantile(1.0).is_err());
        assert!(normal_quantile(f64::NAN).is_err());
    }
}
