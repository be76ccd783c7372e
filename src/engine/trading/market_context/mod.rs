//! Market Context, the local way: what the past prices of an instrument say, without a model.
//!
//! [`read`] measures, and looks at nothing that had not closed by `as_of`; [`MarketContext::opinion`] is what can be said of the next day.
//!
//! **What was found.** On hourly bars of BTC, ETH and SOL, looked at every six hours, the last week's trend says nothing of the sign of the
//! next 24 hours (following it is right in 0.493 of 2020–2023 and 0.491 of 2024–April 2026), and the last day's move says a little: the
//! next day more often goes the other way. This is the short-term reversal of Jegadeesh, "Evidence of Predictable Behavior of Security
//! Returns" (Journal of Finance, 1990), and it is stronger in high volatility, as Nagel, "Evaporating Liquidity" (Review of Financial
//! Studies, 2012), found of shares. Where the move is at least [`MOVE_MIN`] of a day's deviation, going against it was right in
//!
//! | volatility | 2020–2023, which set the conviction | 2024–April 2026, only measured |
//! |---|---|---|
//! | calm | 0.532 of 3,503 | 0.462 of 1,438 |
//! | normal | 0.528 of 6,562 | 0.528 of 4,490 |
//! | high | 0.571 of 1,983 | 0.588 of 1,618 |
//! | all | 0.536 of 12,105 | 0.529 of 7,546 |
//!
//! against 0.514 and 0.515 for always expecting a rise. The samples overlap and the coins move together, so that about eight are worth one:
//! the figures of all are 2.8 and 1.8 deviations from a coin's, in calm markets nothing was left later, and the reversal was picked
//! from five horizons and two directions. A larger move is no better (above two deviations 0.522 and 0.490). So the conviction does not
//! grow with the move and is small: `2p − 1`, with p drawn towards one half by 250 samples of a fair coin, at most 0.07. It may break a
//! tie and should decide nothing alone. `study.rs` repeats all this.

mod measure;
#[cfg(test)]
mod study;
#[cfg(test)]
mod tests;

pub use measure::{day_deviations, read, realised_volatility};

use super::opinion::{Abstention, Opinion};
use crate::domain::fit_record::FitRecord;
use crate::domain::market::{Instrument, Series};
use crate::domain::time::Timestamp;
use serde::Serialize;
use std::fmt;

/// Least move of the last day, in deviations of a day, against which the next one is expected to go.
pub const MOVE_MIN: f64 = 0.25;

/// Conviction in calm and in normal markets, and where too little is known to tell.
const CONVICTION: f64 = 0.04;

/// Conviction where volatility is high.
const CONVICTION_HIGH: f64 = 0.07;

/// Share of the year's volatilities above which the present one is high, and below one minus which it is calm.
const HIGH_ABOVE: f64 = 0.8;

/// Least trend, in deviations, that is one.
const TREND_MIN: f64 = 1.0;

/// What the past prices of an instrument say. Ratios and returns are fractions: 0.02 is two per cent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MarketContext {
    /// What is measured.
    pub instrument: Instrument,
    /// When its last bar closed.
    pub closed_at: Timestamp,
    /// The last price.
    pub close: f64,
    /// How many bars were looked at: those of the trailing year.
    pub bars: usize,
    /// Returns to the last price.
    pub returns: Returns,
    /// How much it moves.
    pub volatility: Volatility,
    /// The move of the last day in deviations of a day.
    pub day_deviations: f64,
    /// The move of the last week in deviations of a week: the return over the root of the sum of its squared steps, much as Moskowitz,
    /// Ooi and Pedersen scale it in "Time Series Momentum" (Journal of Financial Economics, 2012). Under a random walk it is about normal.
    pub trend: f64,
    /// The last price over the greatest close of the trailing year, less one; 0 at the peak.
    pub drawdown: f64,
    /// The volume of the last day over the median of the days of the last thirty; absent where there are fewer than ten or the median is 0.
    pub volume_ratio: Option<f64>,
    /// In short.
    pub regime: Regime,
    /// The regime as a fitted model has it, where there is a fresh fit of the instrument.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fitted: Option<FittedRegime>,
}

/// What a fitted model of volatility regimes says, with where that comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FittedRegime {
    /// Its label.
    pub label: String,
    /// The case, the version and the moment of the fit.
    pub source: String,
}

impl FittedRegime {
    /// That of a fit; `None` where it names none.
    pub fn of(fit: &FitRecord) -> Option<Self> {
        let label = fit.values.get("regime_label")?.as_str()?.to_owned();
        Some(Self { label, source: format!("{} version {}, fitted at {}", fit.key.case, fit.version, fit.created_at) })
    }
}

/// Returns to the last price; one is absent where the bars don't reach back so far, or are longer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each is named like its window")]
pub struct Returns {
    pub hour: Option<f64>,
    pub four_hours: Option<f64>,
    pub day: Option<f64>,
    pub week: Option<f64>,
}

/// How much a price moves, annualised: 0.6 is sixty per cent a year. Over the last week, or the last twenty bars where they are longer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Volatility {
    /// From close to close: the root of the sum of squared log returns over the time that they took (Andersen and Bollerslev, "Answering
    /// the Skeptics", International Economic Review, 1998).
    pub close_to_close: f64,
    /// From the range within each bar (Garman and Klass, "On the Estimation of Security Price Volatilities from Historical Data",
    /// Journal of Business, 1980). It doesn't see what happens between bars.
    pub garman_klass: f64,
    /// The share of the volatilities of the trailing year, one for each day, that are below the present one; absent where there are
    /// fewer than thirty.
    pub percentile: Option<f64>,
}

/// The state of a market in two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Regime {
    /// How much it moves, against its own year; absent where that isn't known.
    pub volatility: Option<VolatilityRegime>,
    /// Where it goes.
    pub direction: Direction,
}

/// How much a market moves, against its own year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VolatilityRegime {
    /// Among the lowest fifth.
    Calm,
    /// Between.
    Normal,
    /// Among the highest fifth.
    High,
}

/// Where a market went in the last week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Up by more than a deviation.
    Up,
    /// Down by more than a deviation.
    Down,
    /// Neither.
    Range,
}

impl Regime {
    fn of(percentile: Option<f64>, trend: f64) -> Self {
        let volatility = percentile.map(|share| match share {
            share if share > HIGH_ABOVE => VolatilityRegime::High,
            share if share <= 1.0 - HIGH_ABOVE => VolatilityRegime::Calm,
            _ => VolatilityRegime::Normal,
        });
        let direction = match trend {
            z if z > TREND_MIN => Direction::Up,
            z if z < -TREND_MIN => Direction::Down,
            _ => Direction::Range,
        };
        Self { volatility, direction }
    }
}

impl fmt::Display for Regime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.volatility {
            Some(VolatilityRegime::Calm) => "calm",
            Some(VolatilityRegime::Normal) => "normal volatility",
            Some(VolatilityRegime::High) => "high volatility",
            None => "volatility not known against its year",
        })?;
        f.write_str(match self.direction {
            Direction::Up => ", rising",
            Direction::Down => ", falling",
            Direction::Range => ", no trend",
        })
    }
}

impl MarketContext {
    /// What is to be expected of the next 24 hours.
    ///
    /// # Errors
    /// [`Abstention`] where the last day's move is too small to say anything.
    pub fn opinion(&self) -> Result<Opinion, Abstention> {
        let moved = self.day_deviations;
        if moved.abs() < MOVE_MIN {
            let reason =
                format!("{}: the last day's move is below {MOVE_MIN} of a day's deviation and says nothing", self.summary());
            return Err(Abstention::new(reason));
        }
        let high = self.regime.volatility == Some(VolatilityRegime::High);
        let conviction = if high { CONVICTION_HIGH } else { CONVICTION };
        let reasoning = format!("{}: a day's move is followed by the opposite a little more often than not", self.summary());
        Ok(Opinion { signal: if moved > 0.0 { -1 } else { 1 }, conviction, reasoning })
    }

    /// The figures in one line.
    pub fn summary(&self) -> String {
        let Self { instrument, volatility, drawdown, .. } = self;
        let day = self.returns.day.map_or(String::new(), |day| format!("{:+.1}% in a day ", 100.0 * day));
        let percentile =
            volatility.percentile.map_or(String::new(), |share| format!(", above {:.0}% of its year", 100.0 * share));
        format!(
            "{instrument} {day}({:+.2} deviations), {:+.2} over the week, volatility {:.0}% a year{percentile}, {:.1}% below its peak, {}",
            self.day_deviations,
            self.trend,
            100.0 * volatility.close_to_close,
            -100.0 * drawdown,
            self.regime,
        ) + &self.fitted.as_ref().map_or_else(String::new, |fitted| format!("; {} by {}", fitted.label, fitted.source))
    }
}

/// What the past of an instrument says of its next 24 hours.
///
/// # Errors
/// [`Abstention`], where there are no bars, too few, only old ones, or nothing stands out.
pub fn opine(instrument: &Instrument, series: Option<&Series>, as_of: Timestamp) -> Result<Opinion, Abstention> {
    read(instrument, series, as_of)?.opinion()
}
