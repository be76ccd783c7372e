//! NR-01: in which volatility regime a market is, how long regimes last, and what comes after them.

mod chart;
mod features;
mod regimes;

use super::bars::{Bars, Day};
use super::setting;
use super::tabular::doubt;
use crate::domain::answer::Confidence;
use crate::domain::field::FieldError;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted, Method};
use crate::stats::StatsError;
use features::{Features, WARM_UP};
use regimes::Regimes;
use serde_json::{Map, Value};

/// A Gaussian hidden Markov model of four regimes over daily volatility and trend, with k-means and a mixture beside it to compare. Its
/// frame `bars` has `time` and `close`.
#[derive(Debug, Clone, Copy)]
pub struct VolatilityRegimes;

/// The regimes in their order: the key of the chance to go there, the label, and the word for it in a list.
const NAMES: [[&str; 3]; 4] = [
    ["to_regime_0_low_vol", "low-vol", "low-vol"],
    ["to_regime_1_neutral", "neutral", "neutral"],
    ["to_regime_2_high_vol_bullish", "high-vol bullish skew", "bullish"],
    ["to_regime_3_high_vol_bearish", "high-vol bearish skew", "bearish"],
];

/// The fewest days that regimes can be seen in.
const DAYS_MIN: usize = 120;

struct Settings {
    volatility_half_life: f64,
    trend_half_life: f64,
    /// The share of the days that the prior's beliefs count as.
    prior_share: f64,
    starts: usize,
    horizon_days: usize,
}

impl Settings {
    fn read(given: &Map<String, Value>) -> Result<Self, FieldError> {
        setting::only(given, &["volatility_half_life_days", "trend_half_life_days", "prior_share", "starts", "horizon_days"])?;
        Ok(Self {
            volatility_half_life: setting::number(given, "volatility_half_life_days", 3.0, 0.5..=60.0)?,
            trend_half_life: setting::number(given, "trend_half_life_days", 5.0, 0.5..=60.0)?,
            prior_share: setting::number(given, "prior_share", 0.1, 0.001..=0.5)?,
            starts: setting::whole(given, "starts", 4, 0..=50)? as usize,
            horizon_days: setting::whole(given, "horizon_days", 7, 1..=90)? as usize,
        })
    }
}

impl Method for VolatilityRegimes {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        Settings::read(settings).map(drop)
    }

    fn fit(&self, input: &FitInput<'_>, run: &FitRun<'_>) -> Result<Fitted, FitFault> {
        let settings = Settings::read(input.settings)?;
        let bars = Bars::read(input.frame("bars")?, "bars", input.as_of)?;
        let mut told = bars.told.clone();
        let days = bars.days(&mut told)?;
        if days.len() < DAYS_MIN + WARM_UP {
            return Err(StatsError::TooFew { needed: DAYS_MIN + WARM_UP, got: days.len() }.into());
        }
        let features = Features::of(&days, settings.volatility_half_life, settings.trend_half_life)?;
        let days = &days[WARM_UP..];
        if features.drawn_in > 0 {
            told.push(format!(
                "{} daily values were so far out that they were drawn in to four usual widths.",
                features.drawn_in
            ));
        }
        let found = Regimes::find(&features, &settings, input.previous, run)?;
        let doubts = doubts(&found, days);
        Ok(Fitted {
            chart: Some(chart::timeline(days, &features, &found, input.parameters)),
            values: found.values(days, &features, &settings, run.seed, input.previous),
            observations: bars.rows.len() as u64,
            window: bars.window(),
            doubts,
            told,
        })
    }
}

fn doubts(found: &Regimes, days: &[Day]) -> Vec<crate::engine::numeric::method::Doubt> {
    let mut doubts = Vec::new();
    if found.current_chance() < 0.6 {
        doubts.push(doubt(Confidence::Low, "The last day fits more than one regime nearly as well."));
    } else if found.current_chance() < 0.8 {
        doubts.push(doubt(Confidence::Medium, "The last day does not fit one regime clearly."));
    }
    if !found.named_rightly() {
        doubts.push(doubt(Confidence::Low, "The regimes that were found do not have the shape that their names say."));
    }
    if found.errors.is_none() {
        doubts.push(doubt(Confidence::Medium, "The likelihood is flat at the fit, so that the chances have no standard errors."));
    }
    if days.len() < 365 {
        doubts.push(doubt(Confidence::Medium, "There is less than a year of data, so that regimes were seen only a few times."));
    }
    doubts
}

#[cfg(test)]
mod tests;
