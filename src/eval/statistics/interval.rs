//! Shares with exact intervals.

use serde::Serialize;
use statrs::distribution::{Beta, ContinuousCDF};

/// The probability with which an interval covers the true share.
pub const CONFIDENCE: f64 = 0.95;

/// A share with its Clopper–Pearson interval (Clopper and Pearson, Biometrika 26, 1934), which covers the true share with at least
/// [`CONFIDENCE`] where the requests are independent. Requests of a stream lean on one another, so there it is a guide.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// The share; absent where there was nothing to count.
    pub rate: Option<f64>,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Rate {
    /// `count` of `of`.
    pub fn new(count: u64, of: u64) -> Self {
        let count = count.min(of);
        let tail = (1.0 - CONFIDENCE) / 2.0;
        let (k, n) = (count as f64, of as f64);
        let low = if count == 0 { 0.0 } else { quantile(k, n - k + 1.0, tail) };
        let high = if count == of { 1.0 } else { quantile(k + 1.0, n - k, 1.0 - tail) };
        Self { count, of, rate: (of > 0).then(|| k / n), low, high }
    }
}

/// The quantile of a beta distribution, whose parameters are positive here.
fn quantile(a: f64, b: f64, p: f64) -> f64 {
    Beta::new(a, b).map_or(f64::NAN, |beta| beta.inverse_cdf(p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(rate: Rate, low: f64, high: f64) {
        assert!((rate.low - low).abs() < 1e-4 && (rate.high - high).abs() < 1e-4, "{rate:?}");
    }

    /// Values of `binom.test` of R 4.
    #[test]
    fn intervals_are_those_of_the_exact_binomial_test() {
        close(Rate::new(0, 10), 0.0, 0.308_497);
        close(Rate::new(10, 10), 0.691_503, 1.0);
        close(Rate::new(3, 10), 0.066_740, 0.652_453);
        close(Rate::new(1, 100), 0.000_253, 0.054_459);
        close(Rate::new(500, 1_000), 0.468_550, 0.531_450);
    }

    #[test]
    fn nothing_counted_says_nothing() {
        let rate = Rate::new(0, 0);
        assert_eq!((rate.rate, rate.low, rate.high), (None, 0.0, 1.0));
    }

    proptest! {
        #[test]
        fn the_share_lies_within_its_interval(of in 1_u64..20_000, part in 0.0_f64..=1.0) {
            let rate = Rate::new((of as f64 * part) as u64, of);
            let share = rate.rate.unwrap();
            prop_assert!(rate.low <= share && share <= rate.high, "{rate:?}");
            prop_assert!((0.0..=1.0).contains(&rate.low) && (0.0..=1.0).contains(&rate.high), "{rate:?}");
        }
    }
}
