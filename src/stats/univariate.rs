//! A series in a few numbers: mean, standard deviation, first autocorrelation, quantiles.

use super::StatsError;
use super::double_double::{DoubleDouble, Real, decimals, sum};
use super::regression::Estimate;

/// What there is to say of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many.
    pub observations: usize,
    /// Arithmetic mean, with its standard error by independence and the interval of Student's t.
    pub mean: Estimate,
    /// Standard deviation, with n − 1.
    pub sd: f64,
    /// Correlation of each value with the one before: Σ(yᵢ − ȳ)(yᵢ₊₁ − ȳ) / Σ(yᵢ − ȳ)² (Box and Jenkins, 1976, section 2.1).
    pub autocorrelation: f64,
    /// Third standardised moment, with n.
    pub skewness: f64,
    /// Fourth standardised moment less 3, with n.
    pub excess_kurtosis: f64,
    /// Least, lower quartile, median, upper quartile, greatest.
    pub quartiles: [f64; 5],
}

/// Summarises a series: two passes in double-double numbers (Chan, Golub and LeVeque, 1983, "Algorithms for computing the sample variance", on
/// why two passes), on the decimals that the values print as.
///
/// # Errors
/// [`StatsError::TooFew`] below two values, [`StatsError::Constant`], [`StatsError::Value`] where a value is not finite.
pub fn summary(values: &[f64], level: f64) -> Result<Summary, StatsError> {
    check(values)?;
    if values.len() < 2 {
        return Err(StatsError::TooFew { needed: 2, got: values.len() });
    }
    let count = DoubleDouble::of(values.len() as f64);
    let exact = decimals(values);
    let mean = sum(exact.iter().copied()) / count;
    let apart: Vec<DoubleDouble> = exact.iter().map(|&value| value - mean).collect();
    let moment = |power: i32| sum(apart.iter().map(|value| value.powi(power)));
    let squares = moment(2);
    let noise = sum(exact.iter().map(|&value| value * value)).rounded() * 1e-60;
    if squares.rounded() <= noise {
        return Err(StatsError::Constant("the series"));
    }
    let sd = (squares / (count - DoubleDouble::ONE)).sqrt();
    let products = sum(apart.windows(2).map(|pair| pair[0] * pair[1]));
    let spread = (squares / count).sqrt();
    let estimate = Estimate::new(mean.rounded(), (sd / count.sqrt()).rounded(), (values.len() - 1) as f64, level)?;
    let sorted = sorted(values);
    let summary = Summary {
        observations: values.len(),
        mean: estimate,
        sd: sd.rounded(),
        autocorrelation: (products / squares).rounded(),
        skewness: (moment(3) / count / spread.powi(3)).rounded(),
        excess_kurtosis: (moment(4) / count / spread.powi(4)).rounded() - 3.0,
        quartiles: [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantile_of_sorted(&sorted, share)),
    };
    let finite =
        [summary.sd, summary.autocorrelation, summary.skewness, summary.excess_kurtosis].iter().all(|value| value.is_finite());
    finite.then_some(summary).ok_or(StatsError::Value {
        what: "the series",
        row: 1,
        value: values[0],
        wanted: "of a size that can be squared",
    })
}

/// Refuses what is not finite.
pub(super) fn check(values: &[f64]) -> Result<(), StatsError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(row) => Err(StatsError::Value { what: "the series", row: row + 1, value: values[row], wanted: "finite" }),
        None => Ok(()),
    }
}

/// The values in ascending order.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The quantile of values in ascending order, by linear interpolation (Hyndman and Fan, 1996, definition 7); 0 where there are none.
pub fn quantile_of_sorted(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let part = place - below as f64;
    sorted[below] * (1.0 - part) + sorted[above] * part
}

/// The same of values in any order.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    quantile_of_sorted(&sorted(values), share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// NumAcc3 and NumAcc4 of NIST's Statistical Reference Datasets: 1001 values around 10⁶ and 10⁷ that differ in the last decimal.
    #[test]
    fn a_small_spread_around_a_large_mean_keeps_fourteen_digits() {
        for base in [1.0, 1_000_000.0, 10_000_000.0, 1_000_000_000_000.0] {
            let series: Vec<f64> = (0..1001)
                .map(|at| match at {
                    0 => format!("{base}.2"),
                    odd if odd % 2 == 1 => format!("{base}.1"),
                    _ => format!("{base}.3"),
                })
                .map(|text| text.parse().unwrap())
                .collect();
            let found = summary(&series, 0.95).unwrap();
            assert_eq!(found.mean.value, base + 0.2);
            assert!((found.sd / 0.1 - 1.0).abs() < 1e-14, "{}", found.sd);
            assert!((found.autocorrelation + 0.999).abs() < 1e-14, "{}", found.autocorrelation);
        }
    }

    /// Mavro of NIST's Statistical Reference Datasets is like NumAcc1 here: three values, known exactly.
    #[test]
    fn three_large_values_have_their_certified_summary() {
        let found = summary(&[10_000_001.0, 10_000_003.0, 10_000_002.0], 0.95).unwrap();
        assert_eq!((found.mean.value, found.sd, found.autocorrelation), (10_000_002.0, 1.0, -0.5));
        assert_eq!(found.quartiles, [10_000_001.0, 10_000_001.5, 10_000_002.0, 10_000_002.5, 10_000_003.0]);
    }

    #[test]
    fn what_has_no_spread_or_is_not_finite_is_refused() {
        assert_eq!(summary(&[0.1; 9], 0.95), Err(StatsError::Constant("the series")));
        assert_eq!(summary(&[1.0], 0.95), Err(StatsError::TooFew { needed: 2, got: 1 }));
        assert!(matches!(summary(&[1.0, f64::NAN], 0.95), Err(StatsError::Value { row: 2, .. })));
        assert!(matches!(summary(&[1.0, 2.0], 1.0), Err(StatsError::Setting { name: "level", .. })));
        assert!(summary(&[1e300, -1e300], 0.95).is_err());
    }

    proptest! {
        #[test]
        fn a_shift_moves_the_mean_and_nothing_else(values in prop::collection::vec(-1000_i32..1000, 3..40), shift in -1_000_000_i32..1_000_000) {
            prop_assume!(values.iter().any(|value| *value != values[0]));
            let plain: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
            let moved: Vec<f64> = values.iter().map(|&value| f64::from(value + shift)).collect();
            let (plain, moved) = (summary(&plain, 0.9).unwrap(), summary(&moved, 0.9).unwrap());
            prop_assert!((plain.sd / moved.sd - 1.0).abs() < 1e-15);
            prop_assert!((plain.mean.value + f64::from(shift) - moved.mean.value).abs() < 1e-9);
            prop_assert!((-1.0..=1.0).contains(&plain.autocorrelation));
        }
    }
}
