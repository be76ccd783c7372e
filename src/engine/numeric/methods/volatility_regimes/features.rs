//! What the regimes are told apart by: how much the price moves, and where to.

use crate::engine::numeric::methods::bars::{DAYS_PER_YEAR, Day};
use crate::stats::StatsError;
use crate::stats::univariate::quantile;

/// Two numbers for each day, in units of their own and brought to one scale.
pub(super) struct Features {
    /// For each day: the logarithm of the yearly volatility, and the trend as a multiple of the usual daily volatility.
    pub native: Vec<f64>,
    /// The same, so that the middle of the first is at zero and the middle half of each is as wide as that of a normal law.
    pub scaled: Vec<f64>,
    /// How many of those were drawn in to four.
    pub drawn_in: usize,
    centre: f64,
    scales: [f64; 2],
    usual: f64,
}

/// Days until the exponential means no longer remember their beginning.
pub(super) const WARM_UP: usize = 15;
const REACH: f64 = 4.0;
/// The interquartile range of the standard normal law.
const NORMAL_QUARTILES: f64 = 1.348_979_500_392_163_5;

impl Features {
    /// Of days in order: exponential means of the realised variance and of the return, with these half-lives in days (RiskMetrics, 1996,
    /// §5.2, has the same means of squared returns).
    pub fn of(days: &[Day], volatility_half_life: f64, trend_half_life: f64) -> Result<Self, StatsError> {
        let variances: Vec<f64> = days.iter().map(|day| day.variance).collect();
        let usual = quantile(&variances, 0.5).sqrt();
        if usual.is_nan() || usual <= 1e-9 {
            return Err(StatsError::Constant("the price"));
        }
        let returns: Vec<f64> = days.iter().map(|day| day.log_return).collect();
        let (smooth, trend) = (smoothed(&variances, volatility_half_life), smoothed(&returns, trend_half_life));
        // A day without any move, such as at a halt, has no logarithm.
        let floor = 1e-4 * usual * usual;
        let row = |at: usize| [0.5 * (DAYS_PER_YEAR * smooth[at].max(floor)).ln(), trend[at] / usual];
        let native: Vec<f64> = (WARM_UP..days.len()).flat_map(row).collect();
        let column = |at: usize| native.iter().skip(at).step_by(2).copied().collect::<Vec<f64>>();
        let (levels, trends) = (column(0), column(1));
        let width = |values: &[f64]| (quantile(values, 0.75) - quantile(values, 0.25)) / NORMAL_QUARTILES;
        let (centre, scales) = (quantile(&levels, 0.5), [width(&levels), width(&trends)]);
        if scales.iter().any(|scale| scale.is_nan() || *scale <= 1e-9) {
            return Err(StatsError::Constant("the volatility or the trend of the price"));
        }
        let mut features = Self { native, scaled: Vec::new(), drawn_in: 0, centre, scales, usual };
        let free: Vec<f64> = features.native.chunks_exact(2).flat_map(|row| features.scale([row[0], row[1]])).collect();
        features.drawn_in = free.iter().filter(|value| value.abs() > REACH).count();
        features.scaled = free.iter().map(|value| value.clamp(-REACH, REACH)).collect();
        Ok(features)
    }

    /// From own units to the common scale. The trend is not moved, so that none stays none.
    pub fn scale(&self, [level, trend]: [f64; 2]) -> [f64; 2] {
        [(level - self.centre) / self.scales[0], trend / self.scales[1]]
    }

    /// And back.
    pub fn unscale(&self, [level, trend]: [f64; 2]) -> [f64; 2] {
        [level * self.scales[0] + self.centre, trend * self.scales[1]]
    }

    /// The widths of the common scale in own units.
    pub fn scales(&self) -> [f64; 2] {
        self.scales
    }

    /// The usual daily volatility: the root of the median realised variance.
    pub fn usual_volatility(&self) -> f64 {
        self.usual
    }
}

fn smoothed(values: &[f64], half_life: f64) -> Vec<f64> {
    let weight = 1.0 - 0.5_f64.powf(1.0 / half_life);
    let first = values.iter().take(WARM_UP).sum::<f64>() / values.len().clamp(1, WARM_UP) as f64;
    let next = |mean: &mut f64, value: &f64| {
        *mean += weight * (value - *mean);
        Some(*mean)
    };
    values.iter().scan(first, next).collect()
}
