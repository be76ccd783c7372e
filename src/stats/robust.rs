//! Location and scale that a few wild values don't move.

use super::univariate::{check, quantile_of_sorted, sorted};
use super::{StatsError, Stop};
use statrs::distribution::{ContinuousCDF, Normal};

/// Makes the median absolute deviation estimate the standard deviation of a normal sample: 1/Φ⁻¹(3/4).
pub const MAD_TO_SD: f64 = 1.482_602_218_505_602;
/// The same for the mean absolute deviation: √(π/2).
const MEAN_DEVIATION_TO_SD: f64 = 1.253_314_137_315_500_3;
/// Huber's bend, which keeps 95% efficiency on a normal sample.
const BEND: f64 = 1.345;

/// Median and scale of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Centre {
    /// The median.
    pub median: f64,
    /// The median absolute deviation times 1.4826; where more than half of the values are the same, the mean absolute deviation from the
    /// median times 1.2533 (Iglewicz and Hoaglin, 1993, section 3.5).
    pub scale: f64,
    /// The median absolute deviation times 1.4826 whatever it is, 0 where more than half of the values are the same.
    pub mad: f64,
    /// Interval of the median by order statistics, free of any distribution (David and Nagaraja, 2003, section 7.1), of at least 95%
    /// coverage where there are six values or more; the whole range else.
    pub interval: [f64; 2],
}

/// Median, scale and the interval of the median.
///
/// # Errors
/// [`StatsError::TooFew`] without a value, [`StatsError::Constant`] where all are the same, [`StatsError::Value`] where one is not finite.
pub fn centre(values: &[f64]) -> Result<Centre, StatsError> {
    check(values)?;
    if values.is_empty() {
        return Err(StatsError::TooFew { needed: 1, got: 0 });
    }
    let ordered = sorted(values);
    let median = quantile_of_sorted(&ordered, 0.5);
    let deviations: Vec<f64> = sorted(&values.iter().map(|value| (value - median).abs()).collect::<Vec<_>>());
    let mad = quantile_of_sorted(&deviations, 0.5) * MAD_TO_SD;
    let mut scale = mad;
    if scale == 0.0 {
        scale = deviations.iter().sum::<f64>() / deviations.len() as f64 * MEAN_DEVIATION_TO_SD;
    }
    if scale <= 0.0 || !scale.is_finite() {
        return Err(StatsError::Constant("the series"));
    }
    let below = rank_of_interval(ordered.len());
    Ok(Centre { median, scale, mad, interval: [ordered[below], ordered[ordered.len() - 1 - below]] })
}

/// How many values lie outside the interval of the median on each side: the most for which the binomial tail is at most 2.5%.
fn rank_of_interval(count: usize) -> usize {
    let mut log_term = -(count as f64) * std::f64::consts::LN_2;
    let (mut tail, mut rank) = (log_term.exp(), 0);
    while tail <= 0.025 && rank + 1 < count.div_ceil(2) {
        log_term += ((count - rank) as f64 / (rank + 1) as f64).ln();
        tail += log_term.exp();
        rank += 1;
        if tail > 0.025 {
            rank -= 1;
            break;
        }
    }
    rank
}

/// How many scales each value lies from the centre: (x − median) / scale. Beyond 3.5 a value is worth a look (Iglewicz and Hoaglin, 1993).
///
/// # Errors
/// Those of [`centre`].
pub fn z_scores(values: &[f64]) -> Result<Vec<f64>, StatsError> {
    let centre = centre(values)?;
    Ok(values.iter().map(|value| (value - centre.median) / centre.scale).collect())
}

/// Huber's location with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Location {
    /// Where the sample lies.
    pub value: f64,
    /// Its asymptotic standard error.
    pub standard_error: f64,
    /// The interval of this level by the normal distribution.
    pub interval: [f64; 2],
    /// The scale that the residuals were divided by.
    pub scale: f64,
}

/// Huber's M-estimator of location with the bend 1.345 and the scale of [`centre`] held fixed.
///
/// Source: Huber and Ronchetti (2009), "Robust Statistics", sections 3.2 and 6.7; variance s² n/(n − 1) mean(ψ²) / mean(ψ′)² / n.
///
/// # Errors
/// Those of [`centre`]; [`StatsError::TooFew`] below two values.
pub fn huber(values: &[f64], level: f64, stop: Stop<'_>) -> Result<Location, StatsError> {
    if values.len() < 2 {
        return Err(StatsError::TooFew { needed: 2, got: values.len() });
    }
    if !(level > 0.0 && level < 1.0) {
        return Err(StatsError::Setting { name: "level", wanted: "a number between 0 and 1" });
    }
    let Centre { median, scale, .. } = centre(values)?;
    let count = values.len() as f64;
    let mut value = median;
    for _ in 0..200 {
        if stop() {
            return Err(StatsError::Stopped);
        }
        let (mut pull, mut inside) = (0.0, 0.0);
        for residual in values.iter().map(|x| (x - value) / scale) {
            pull += residual.clamp(-BEND, BEND);
            inside += f64::from(residual.abs() < BEND);
        }
        // Newton where a good part of the sample is inside, else Huber's step, which always comes nearer.
        let step = scale * pull / if inside >= count / 2.0 { inside } else { count };
        value += step;
        if step.abs() <= 1e-14 * (scale + value.abs()) {
            break;
        }
    }
    let (mut squares, mut slope) = (0.0, 0.0);
    for residual in values.iter().map(|x| (x - value) / scale) {
        squares += residual.clamp(-BEND, BEND).powi(2);
        slope += f64::from(residual.abs() < BEND);
    }
    let slope = slope.max(1.0) / count;
    let standard_error = scale / slope * (squares / (count * (count - 1.0))).sqrt();
    let normal = Normal::new(0.0, 1.0).map_err(|_| StatsError::Setting { name: "level", wanted: "a number between 0 and 1" })?;
    let reach = normal.inverse_cdf(0.5 + level / 2.0) * standard_error;
    Ok(Location { value, standard_error, interval: [value - reach, value + reach], scale })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Iglewicz and Hoaglin's example of section 3.3 in small: the median is 2, its absolute deviations are 1, 1, 0, 0, 2, 4, 7.
    #[test]
    fn the_median_deviation_of_a_known_sample_is_one() {
        let found = centre(&[1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0]).unwrap();
        assert_eq!((found.median, found.scale), (2.0, MAD_TO_SD));
    }

    #[test]
    fn where_most_values_are_the_same_the_mean_deviation_stands_in() {
        let found = centre(&[5.0, 5.0, 5.0, 5.0, 9.0]).unwrap();
        assert!((found.scale - 0.8 * MEAN_DEVIATION_TO_SD).abs() < 1e-15);
        assert!(matches!(centre(&[5.0; 4]), Err(StatsError::Constant(_))));
        assert!(matches!(centre(&[]), Err(StatsError::TooFew { .. })));
    }

    /// Ranks from the binomial table: of 10 values the 2nd and the 9th hold the median with 97.9%, of 20 the 6th and the 15th with 95.9%.
    #[test]
    fn the_interval_of_the_median_takes_the_ranks_of_the_binomial_table() {
        assert_eq!((rank_of_interval(5), rank_of_interval(6), rank_of_interval(10), rank_of_interval(20)), (0, 0, 1, 5));
        assert_eq!((rank_of_interval(1), rank_of_interval(100)), (0, 39));
    }

    #[test]
    fn one_wild_value_moves_the_location_by_less_than_a_scale() {
        let mut sample: Vec<f64> = (0..41).map(|at| f64::from(at - 20) / 10.0).collect();
        let clean = huber(&sample, 0.95, &|| false).unwrap();
        assert!(clean.value.abs() < 1e-12);
        sample[0] = 1e9;
        let moved = huber(&sample, 0.95, &|| false).unwrap();
        assert!(moved.value > 0.0 && moved.value < 0.3, "{}", moved.value);
        assert!(z_scores(&sample).unwrap()[0] > 1e8);
    }

    /// 400 samples of 40 with one in ten from a tenfold wider law: the interval must cover in 95% ± 4 Monte Carlo standard errors.
    #[test]
    fn the_interval_of_the_location_covers_at_its_level_under_contamination() {
        let mut chance = fastrand::Rng::with_seed(7);
        let mut covered = 0;
        for _ in 0..400 {
            let sample: Vec<f64> = (0..40).map(|_| gauss(&mut chance) * if chance.f64() < 0.1 { 10.0 } else { 1.0 }).collect();
            let [low, high] = huber(&sample, 0.95, &|| false).unwrap().interval;
            covered += usize::from(low <= 0.0 && 0.0 <= high);
        }
        assert!((363..=397).contains(&covered), "{covered} of 400");
    }

    fn gauss(chance: &mut fastrand::Rng) -> f64 {
        (-2.0 * (1.0 - chance.f64()).ln()).sqrt() * (std::f64::consts::TAU * chance.f64()).cos()
    }

    proptest! {
        #[test]
        fn location_and_scale_follow_the_units(values in prop::collection::vec(-100.0..100.0_f64, 4..40), by in 0.01..100.0_f64, shift in -50.0..50.0_f64) {
            let moved: Vec<f64> = values.iter().map(|value| value * by + shift).collect();
            let (plain, moved) = (huber(&values, 0.95, &|| false), huber(&moved, 0.95, &|| false));
            if let (Ok(plain), Ok(moved)) = (plain, moved) {
                prop_assert!((moved.value - (plain.value * by + shift)).abs() < 1e-6 * (1.0 + by * plain.scale));
                prop_assert!((moved.scale - plain.scale * by).abs() < 1e-9 * (1.0 + by * plain.scale));
            }
        }
    }
}
