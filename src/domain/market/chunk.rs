//! Bars as they are stored: a piece of a series at a time.

use super::{Bar, Instrument, Series};
use crate::domain::field::FieldError;
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;

/// Intervals that one chunk spans: six weeks of hours, some 80 kB of text. A write of one bar writes its chunk.
const CHUNK_INTERVALS: i64 = 1_024;

/// The bars of an instrument that begin within one span of 1,024 intervals, counted from the epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// Whose they are.
    pub tenant: TenantId,
    /// What they are of.
    pub instrument: Instrument,
    /// Which span, counted from the epoch; negative before it.
    pub number: i64,
    /// The bars.
    pub bars: Series,
}

impl Chunk {
    /// In which chunk a bar that begins at `at` lies.
    pub fn number_of(at: Timestamp, interval_sec: u32) -> i64 {
        at.as_micros().div_euclid(i64::from(interval_sec) * CHUNK_INTERVALS * 1_000_000)
    }

    /// The chunk of these bars.
    ///
    /// # Errors
    /// [`FieldError`] with the pointer `/bars/<n>` for a bar that lies in another one.
    pub fn new(tenant: TenantId, instrument: Instrument, number: i64, bars: Series) -> Result<Self, FieldError> {
        let elsewhere = |bar: &Bar| Self::number_of(bar.at(), bars.interval_sec()) != number;
        match bars.bars().iter().position(elsewhere) {
            Some(n) => Err(FieldError::new(format!("/bars/{n}"), format!("the bar is not of chunk {number}"))),
            None => Ok(Self { tenant, instrument, number, bars }),
        }
    }

    /// The chunks of a series, in order.
    pub fn all_of<'a>(tenant: &'a TenantId, instrument: &'a Instrument, series: &'a Series) -> impl Iterator<Item = Self> + 'a {
        let interval_sec = series.interval_sec();
        let same = move |a: &Bar, b: &Bar| Self::number_of(a.at(), interval_sec) == Self::number_of(b.at(), interval_sec);
        series.bars().chunk_by(same).filter_map(move |bars| {
            let number = Self::number_of(bars.first()?.at(), interval_sec);
            let bars = Series::of_sorted(interval_sec, bars.into());
            Some(Self { tenant: tenant.clone(), instrument: instrument.clone(), number, bars })
        })
    }
}
