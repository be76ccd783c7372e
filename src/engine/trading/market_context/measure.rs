//! The figures of a market context, from bars that had closed.

use super::{MarketContext, Regime, Returns, Volatility};
use crate::domain::market::{Bar, Instrument, Series};
use crate::domain::time::Timestamp;
use crate::engine::trading::opinion::Abstention;

const HOUR_SEC: i64 = 3_600;
const DAY_SEC: i64 = 24 * HOUR_SEC;
const WEEK_SEC: i64 = 7 * DAY_SEC;
const YEAR_SEC: i64 = 365 * DAY_SEC;
const YEAR: f64 = YEAR_SEC as f64;

/// Least bars over which volatility is measured.
const BARS_MIN: i64 = 20;

/// Intervals after which the last bar is too old to speak of the present. Three let a weekend of daily bars pass.
const STALE_INTERVALS: u32 = 3;

/// Least days whose volatility makes a percentile.
const PERCENTILE_DAYS_MIN: usize = 30;

/// Days among which the median volume is taken, and the least of them.
const VOLUME_DAYS: i64 = 30;
const VOLUME_DAYS_MIN: usize = 10;

/// The bars of a trailing year with running sums, so that any window of it is one subtraction.
struct Trail<'a> {
    bars: &'a [Bar],
    interval_sec: i64,
    /// Sums of squared log returns, of Garman and Klass' terms and of volumes, each up to and with the bar.
    squares: Vec<f64>,
    ranges: Vec<f64>,
    volumes: Vec<f64>,
}

/// A window of bars: the last one before it, and its last.
#[derive(Clone, Copy)]
struct Window {
    before: usize,
    last: usize,
    seconds: f64,
}

impl<'a> Trail<'a> {
    fn of(series: &'a Series) -> Self {
        let all = series.bars();
        let interval_sec = i64::from(series.interval_sec());
        let span = YEAR_SEC + week_of(interval_sec);
        let first = all.last().map_or(0, |last| all.partition_point(|bar| seconds_between(bar, last) > span));
        let bars = all.get(first..).unwrap_or_default();
        let mut trail = Self { bars, interval_sec, squares: Vec::new(), ranges: Vec::new(), volumes: Vec::new() };
        let (mut square, mut range, mut volume) = (0.0, 0.0, 0.0);
        let mut before: Option<&Bar> = None;
        for bar in bars {
            square += before.map_or(0.0, |before| (bar.close().ln() - before.close().ln()).powi(2));
            range += garman_klass(bar);
            volume += bar.volume();
            trail.squares.push(square);
            trail.ranges.push(range);
            trail.volumes.push(volume);
            before = Some(bar);
        }
        trail
    }

    /// The last bar that begins `seconds` or more before the bar `last`, where it is not much further back than that.
    fn window(&self, last: usize, seconds: i64) -> Option<Window> {
        let end = self.bars.get(last)?;
        let before = self.bars.partition_point(|bar| seconds_between(bar, end) >= seconds).checked_sub(1)?;
        let took = seconds_between(self.bars.get(before)?, end);
        // Where bars are missing the window would be a much longer one under the name of this.
        (took <= seconds + seconds / 2).then_some(Window { before, last, seconds: took as f64 })
    }

    fn sum(of: &[f64], window: Window) -> f64 {
        match (of.get(window.before), of.get(window.last)) {
            (Some(before), Some(last)) => (last - before).max(0.0),
            _ => 0.0,
        }
    }

    fn log_return(&self, window: Window) -> f64 {
        match (self.bars.get(window.before), self.bars.get(window.last)) {
            (Some(before), Some(last)) => last.close().ln() - before.close().ln(),
            _ => 0.0,
        }
    }

    fn last(&self) -> usize {
        self.bars.len().saturating_sub(1)
    }

    /// The week that volatility is measured over, where at least half of its bars are there.
    fn week(&self, last: usize) -> Option<Window> {
        let seconds = week_of(self.interval_sec);
        self.window(last, seconds).filter(|window| {
            let there = i64::try_from(window.last - window.before).unwrap_or(i64::MAX);
            there.saturating_mul(2 * self.interval_sec) >= seconds
        })
    }

    /// The last bar that had closed when the bar that began so many seconds before the last one did.
    fn at_seconds_ago(&self, seconds: i64) -> Option<usize> {
        let end = self.bars.last()?;
        self.bars.partition_point(|bar| seconds_between(bar, end) >= seconds).checked_sub(1)
    }

    /// The variance of a week, for each second of it.
    fn variance_rate(&self, week: Window) -> f64 {
        Self::sum(&self.squares, week) / week.seconds
    }

    fn percentile(&self, now: f64) -> Option<f64> {
        let step = DAY_SEC.max(self.interval_sec);
        let days = (1..=YEAR_SEC / step).map_while(|n| self.at_seconds_ago(n * step)).filter_map(|last| self.week(last));
        let rates: Vec<f64> = days.map(|week| self.variance_rate(week)).collect();
        let below = rates.iter().filter(|rate| **rate < now).count();
        (rates.len() >= PERCENTILE_DAYS_MIN).then(|| below as f64 / rates.len() as f64)
    }

    fn volume_ratio(&self) -> Option<f64> {
        let day = |n: i64| {
            let last = self.at_seconds_ago(n * DAY_SEC)?;
            Some(Self::sum(&self.volumes, self.window(last, DAY_SEC)?))
        };
        let mut days: Vec<f64> = (1..=VOLUME_DAYS).filter_map(day).collect();
        days.sort_by(f64::total_cmp);
        let median = days.get(days.len() / 2).copied().filter(|median| *median > 0.0 && days.len() >= VOLUME_DAYS_MIN)?;
        Some(day(0)? / median)
    }

    fn drawdown(&self) -> f64 {
        let last = self.bars.last().map_or(1.0, Bar::close);
        let peak = self.bars.iter().map(Bar::close).fold(last, f64::max);
        last / peak - 1.0
    }
}

fn seconds_between(earlier: &Bar, later: &Bar) -> i64 {
    later.at().millis_since(earlier.at()) / 1_000
}

/// Seconds over which volatility is measured: a week, or as long as [`BARS_MIN`] bars take.
fn week_of(interval_sec: i64) -> i64 {
    WEEK_SEC.max(BARS_MIN * interval_sec)
}

/// Garman and Klass' estimate of the variance of one bar.
fn garman_klass(bar: &Bar) -> f64 {
    let range = bar.high().ln() - bar.low().ln();
    let body = bar.close().ln() - bar.open().ln();
    (0.5 * range.powi(2) - (2.0 * std::f64::consts::LN_2 - 1.0) * body.powi(2)).max(0.0)
}

/// The bars that had closed by `as_of`, where the last of them is young enough.
fn fresh(instrument: &Instrument, series: Option<&Series>, as_of: Timestamp) -> Result<Series, Abstention> {
    let series = series.map(|series| series.until(as_of)).unwrap_or_default();
    let Some(last) = series.last() else {
        return Err(Abstention::new(format!("there are no bars of {instrument} that had closed by {as_of}")));
    };
    let closed = series.closes_at(last);
    let oldest = closed.plus_seconds(u64::from(series.interval_sec()) * u64::from(STALE_INTERVALS));
    if oldest < as_of {
        let detail = format!("the last bar of {instrument} closed at {closed}, more than {STALE_INTERVALS} bars before {as_of}");
        return Err(Abstention::new(detail));
    }
    Ok(series)
}

fn too_few(instrument: &Instrument, trail: &Trail<'_>) -> Abstention {
    let days = week_of(trail.interval_sec) as f64 / DAY_SEC as f64;
    Abstention::new(format!("the {} bars of {instrument} do not fill the last {days} days", trail.bars.len()))
}

/// The annualised volatility of an instrument from close to close, as [`Volatility::close_to_close`] has it.
///
/// # Errors
/// [`Abstention`] where there are no bars, too few, or only old ones.
pub fn realised_volatility(instrument: &Instrument, series: Option<&Series>, as_of: Timestamp) -> Result<f64, Abstention> {
    let series = fresh(instrument, series, as_of)?;
    let trail = Trail::of(&series);
    let week = trail.week(trail.last()).ok_or_else(|| too_few(instrument, &trail))?;
    Ok((trail.variance_rate(week) * YEAR).sqrt())
}

/// A move in deviations of the time that it took, where a price moves by `variance_rate` a second.
pub fn day_deviations(log_return: f64, variance_rate: f64) -> f64 {
    log_return / (variance_rate * DAY_SEC as f64).sqrt()
}

/// Measures what the bars of an instrument say that had closed by `as_of`.
///
/// # Errors
/// [`Abstention`] where there are no bars, too few, only old ones, ones longer than a day, or ones that don't move.
pub fn read(instrument: &Instrument, series: Option<&Series>, as_of: Timestamp) -> Result<MarketContext, Abstention> {
    let series = fresh(instrument, series, as_of)?;
    let trail = Trail::of(&series);
    let last = trail.last();
    let week = trail.week(last).ok_or_else(|| too_few(instrument, &trail))?;
    let day = trail.window(last, DAY_SEC).filter(|_| trail.interval_sec <= DAY_SEC);
    let day = day.ok_or_else(|| Abstention::new(format!("the bars of {instrument} do not show its last day")))?;
    let rate = trail.variance_rate(week);
    if rate <= 0.0 {
        return Err(Abstention::new(format!("the price of {instrument} did not move")));
    }
    let of = |seconds: i64| {
        let window = trail.window(last, seconds).filter(|_| trail.interval_sec <= seconds)?;
        Some(trail.log_return(window).exp_m1())
    };
    let (Some(newest), percentile) = (series.last(), trail.percentile(rate)) else {
        return Err(too_few(instrument, &trail));
    };
    let trend = trail.log_return(week) / Trail::sum(&trail.squares, week).sqrt();
    Ok(MarketContext {
        instrument: instrument.clone(),
        closed_at: series.closes_at(newest),
        close: newest.close(),
        bars: trail.bars.len(),
        returns: Returns { hour: of(HOUR_SEC), four_hours: of(4 * HOUR_SEC), day: of(DAY_SEC), week: of(WEEK_SEC) },
        volatility: Volatility {
            close_to_close: (rate * YEAR).sqrt(),
            garman_klass: (Trail::sum(&trail.ranges, week) / week.seconds * YEAR).sqrt(),
            percentile,
        },
        day_deviations: day_deviations(trail.log_return(day), rate),
        trend,
        drawdown: trail.drawdown(),
        volume_ratio: trail.volume_ratio(),
        regime: Regime::of(percentile, trend),
        fitted: None,
    })
}
