//! Prices over time: bars, the series that they make, and the instrument that they are of.

mod chunk;
mod symbol;

pub use chunk::Chunk;
pub use symbol::market_of;

use super::field::FieldError;
use super::ids::{self, IdError};
use super::time::Timestamp;
use crate::limits::{BAR_PRICE_MAX, BAR_PRICE_MIN, BAR_VOLUME_MAX, INTERVAL_SEC_MAX, MARKET_BARS_MAX};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::sync::Arc;

/// Seconds of a bar where nobody says otherwise: an hour.
pub const INTERVAL_SEC_DEFAULT: u32 = 3_600;

/// What is priced, such as `ETH`. Names are folded to upper case, so that `eth` and `ETH` are one instrument. What a fact reader knows
/// by name (`BTC`, `NVDA`) is spelt the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Instrument(Arc<str>);

impl Instrument {
    /// Checks `text` against the rule for names, and folds its case.
    ///
    /// # Errors
    /// [`IdError`] where it is empty, too long or holds a character that is not allowed.
    pub fn new(text: &str) -> Result<Self, IdError> {
        ids::check_name(text, "an instrument")?;
        Ok(Self(text.to_ascii_uppercase().into()))
    }

    /// The name as text, in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl<'de> Deserialize<'de> for Instrument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// What traded within one interval. Prices are positive and finite, `low` is the least of them and `high` the greatest, and the volume is
/// not negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    at: Timestamp,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: f64,
}

impl Bar {
    /// A bar that begins at `at`, of the prices open, high, low and close in this order, and the volume in units of the instrument.
    ///
    /// # Errors
    /// [`FieldError`] for the first value that can't be, with its name as the pointer.
    pub fn new(at: Timestamp, prices: [f64; 4], volume: f64) -> Result<Self, FieldError> {
        let [open, high, low, close] = prices;
        for (name, price) in [("/open", open), ("/high", high), ("/low", low), ("/close", close)] {
            if !(BAR_PRICE_MIN..=BAR_PRICE_MAX).contains(&price) {
                let detail = format!("{price} is no price: {BAR_PRICE_MIN:e} to {BAR_PRICE_MAX:e} is expected");
                return Err(FieldError::new(name, detail));
            }
        }
        if high < open.max(close) {
            return Err(FieldError::new("/high", format!("{high} is below the open or the close")));
        }
        if low > open.min(close) {
            return Err(FieldError::new("/low", format!("{low} is above the open or the close")));
        }
        if !(0.0..=BAR_VOLUME_MAX).contains(&volume) {
            return Err(FieldError::new("/volume", format!("{volume} is no volume: 0 to {BAR_VOLUME_MAX:e} is expected")));
        }
        Ok(Self { at, open, high, low, close, volume })
    }

    /// When it begins.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The first price.
    pub fn open(&self) -> f64 {
        self.open
    }

    /// The greatest price.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// The least price.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The last price.
    pub fn close(&self) -> f64 {
        self.close
    }

    /// How much traded, in units of the instrument.
    pub fn volume(&self) -> f64 {
        self.volume
    }
}

/// Bars of one interval, the oldest first, none of which begins before the one before it has closed; there may be gaps. Cheap to clone and
/// to cut: the bars are shared.
#[derive(Clone)]
pub struct Series {
    interval_sec: u32,
    bars: Arc<[Bar]>,
    end: usize,
}

/// Checks the length of a bar.
///
/// # Errors
/// [`FieldError`] with the pointer `/interval_sec`.
pub fn checked_interval(interval_sec: u32) -> Result<u32, FieldError> {
    if (1..=INTERVAL_SEC_MAX).contains(&interval_sec) {
        return Ok(interval_sec);
    }
    Err(FieldError::new("/interval_sec", format!("{interval_sec} is not 1 to {INTERVAL_SEC_MAX} seconds")))
}

impl Series {
    /// A series of bars of `interval_sec` seconds, given in any order.
    ///
    /// # Errors
    /// [`FieldError`] with the pointer `/interval_sec`, or `/bars/<n>` for a bar that has the time of another or overlaps it, or `/bars`
    /// where there are more than [`MARKET_BARS_MAX`].
    pub fn new(interval_sec: u32, bars: Vec<Bar>) -> Result<Self, FieldError> {
        checked_interval(interval_sec)?;
        if bars.len() > MARKET_BARS_MAX {
            let detail = format!("{} bars are more than the {MARKET_BARS_MAX} that are allowed", bars.len());
            return Err(FieldError::new("/bars", detail));
        }
        let mut numbered: Vec<(usize, Bar)> = bars.into_iter().enumerate().collect();
        numbered.sort_by_key(|(n, bar)| (bar.at, *n));
        for pair in numbered.windows(2) {
            let [(_, earlier), (n, later)] = pair else { continue };
            if later.at < earlier.at.plus_seconds(u64::from(interval_sec)) {
                return Err(FieldError::new(format!("/bars/{n}"), overlap(later, earlier, interval_sec)));
            }
        }
        Ok(Self::of_sorted(interval_sec, numbered.into_iter().map(|(_, bar)| bar).collect()))
    }

    fn of_sorted(interval_sec: u32, bars: Arc<[Bar]>) -> Self {
        let end = bars.len();
        Self { interval_sec, bars, end }
    }

    /// Seconds of each bar.
    pub fn interval_sec(&self) -> u32 {
        self.interval_sec
    }

    /// The bars, the oldest first.
    pub fn bars(&self) -> &[Bar] {
        self.bars.get(..self.end).unwrap_or_default()
    }

    /// The last bar.
    pub fn last(&self) -> Option<&Bar> {
        self.bars().last()
    }

    /// When a bar of this series closes.
    pub fn closes_at(&self, bar: &Bar) -> Timestamp {
        bar.at.plus_seconds(u64::from(self.interval_sec))
    }

    /// The bars that had closed by `as_of`, and no other: whoever decides as of that moment could not have seen the rest.
    pub fn until(&self, as_of: Timestamp) -> Self {
        let end = self.bars().partition_point(|bar| self.closes_at(bar) <= as_of);
        Self { interval_sec: self.interval_sec, bars: Arc::clone(&self.bars), end }
    }

    /// Whether there is a bar that begins at `at`.
    pub fn has(&self, at: Timestamp) -> bool {
        self.bars().binary_search_by_key(&at, Bar::at).is_ok()
    }

    /// This series with further bars, sorted by time as those of a series are; one takes the place of the bar of the same time. Whether
    /// they overlap the bars that stay is for the caller to have checked, by [`Self::clash`].
    pub fn with(&self, sorted: &[Bar]) -> Self {
        let (mut old, mut new) = (self.bars().iter().peekable(), sorted.iter().peekable());
        let mut merged = Vec::with_capacity(self.end + sorted.len());
        loop {
            let next = match (old.peek(), new.peek()) {
                (Some(a), Some(b)) if a.at < b.at => old.next(),
                (Some(a), Some(b)) if a.at == b.at => {
                    old.next();
                    new.next()
                }
                (_, Some(_)) => new.next(),
                (Some(_), None) => old.next(),
                (None, None) => break,
            };
            merged.extend(next);
        }
        Self::of_sorted(self.interval_sec, merged.into())
    }

    /// This series without its `n` oldest bars.
    pub fn without_oldest(&self, n: usize) -> Self {
        Self::of_sorted(self.interval_sec, self.bars().get(n..).unwrap_or_default().into())
    }

    /// Why a bar can't join these: it overlaps one of another time. `None` where it may join, or takes the place of one.
    pub fn clash(&self, bar: &Bar) -> Option<String> {
        let bars = self.bars();
        let at = bars.partition_point(|held| held.at < bar.at);
        let earlier = at.checked_sub(1).and_then(|i| bars.get(i)).filter(|held| bar.at < self.closes_at(held));
        let later = bars.get(at).filter(|held| held.at != bar.at && held.at < self.closes_at(bar));
        earlier.or(later).map(|held| overlap(bar, held, self.interval_sec))
    }
}

fn overlap(bar: &Bar, other: &Bar, interval_sec: u32) -> String {
    if bar.at == other.at {
        return format!("there are two bars of {}", bar.at);
    }
    format!("the bar of {} overlaps that of {}: bars of this series take {interval_sec} seconds", bar.at, other.at)
}

impl Default for Series {
    fn default() -> Self {
        Self::of_sorted(INTERVAL_SEC_DEFAULT, [].into())
    }
}

impl PartialEq for Series {
    fn eq(&self, other: &Self) -> bool {
        self.interval_sec == other.interval_sec && self.bars() == other.bars()
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends = (self.bars().first().map(Bar::at), self.last().map(Bar::at));
        write!(f, "Series({} bars of {} s, {ends:?})", self.bars().len(), self.interval_sec)
    }
}

#[cfg(test)]
mod tests;
