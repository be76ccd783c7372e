//! How methods read price bars: cleaned, and gathered into days.

use super::tabular::left_out;
use crate::domain::frame::Frame;
use crate::domain::time::Timestamp;
use crate::engine::numeric::method::FitFault;
use crate::stats::StatsError;
use std::collections::BTreeMap;

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;
/// Days of a year on a market that never closes.
pub(super) const DAYS_PER_YEAR: f64 = 365.0;

/// Closing prices in order, one for each moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Bars {
    /// When, and the price.
    pub rows: Vec<(Timestamp, f64)>,
    /// The usual distance of two bars, in microseconds.
    pub spacing: i64,
    /// What was left out.
    pub told: Vec<String>,
}

/// One day, from midnight to midnight UTC.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Day {
    /// Its midnight.
    pub start: Timestamp,
    /// The last price.
    pub close: f64,
    /// The logarithm of that over the last price of the day before.
    pub log_return: f64,
    /// The sum of squared log-returns within it (Andersen, Bollerslev, Diebold & Labys, 2003): its realised variance.
    pub variance: f64,
}

impl Bars {
    /// The bars of a frame with `time` and `close`, up to `as_of`: without gaps in a row, without prices that are none, the last of several
    /// at one moment, and without bad ticks: a price that is a fifth away from both of its neighbours, which are near each other.
    pub fn read(frame: &Frame, name: &str, as_of: Timestamp) -> Result<Self, FitFault> {
        let (times, closes) = (frame.times("time")?, frame.numbers("close")?);
        let (mut by_time, mut told) = (BTreeMap::new(), Vec::new());
        let (mut missing, mut later, mut again) = (0, 0, 0);
        for (time, close) in times.iter().zip(closes) {
            match time {
                Some(time) if close.is_finite() && *close > 0.0 => {
                    if *time > as_of {
                        later += 1;
                    } else if by_time.insert(*time, *close).is_some() {
                        again += 1;
                    }
                }
                _ => missing += 1,
            }
        }
        left_out(&mut told, missing, "the time or a positive price is missing");
        left_out(&mut told, later, "they are later than the moment of the fit");
        left_out(&mut told, again, "the same moment came again later");
        let rows: Vec<(Timestamp, f64)> = by_time.into_iter().collect();
        if rows.is_empty() {
            return Err(FitFault::NoData(name.to_owned()));
        }
        if rows.len() < 3 {
            return Err(StatsError::TooFew { needed: 3, got: rows.len() }.into());
        }
        let (rows, ticks) = without_bad_ticks(rows);
        left_out(&mut told, ticks, "the price jumped by a fifth and came back at once");
        let mut distances: Vec<i64> = rows.windows(2).map(|pair| pair[1].0.as_micros() - pair[0].0.as_micros()).collect();
        distances.sort_unstable();
        let spacing = distances[distances.len() / 2];
        let gaps = distances.iter().filter(|distance| **distance > 3 * spacing).count();
        if gaps > 0 {
            told.push(format!("The bars have {gaps} gaps of more than three bars; returns over them are left out."));
        }
        Ok(Self { rows, spacing, told })
    }

    /// First and last moment.
    pub fn window(&self) -> Option<[Timestamp; 2]> {
        Some([self.rows.first()?.0, self.rows.last()?.0])
    }

    /// The days that are whole: those with at least three quarters of their bars and a day before them. The last one usually isn't.
    pub fn days(&self, told: &mut Vec<String>) -> Result<Vec<Day>, StatsError> {
        if self.spacing > DAY {
            return Err(StatsError::Setting { name: "bars", wanted: "bars of a day or less are needed" });
        }
        let whole = (DAY / self.spacing.max(1)) as usize;
        let mut days: BTreeMap<i64, (f64, f64, usize)> = BTreeMap::new();
        for pair in self.rows.windows(2) {
            let [(before, earlier), (time, close)] = [pair[0], pair[1]];
            if time.as_micros() - before.as_micros() > 3 * self.spacing {
                continue;
            }
            // A bar closes at the end of its hour: the one that begins at 23:00 is the last of its day.
            let day = days.entry(time.as_micros().div_euclid(DAY)).or_insert((close, 0.0, 0));
            *day = (close, day.1 + (close / earlier).ln().powi(2), day.2 + 1);
        }
        let last = days.keys().next_back().copied();
        days.retain(|day, (_, _, bars)| {
            let enough = *bars * 4 >= whole * 3;
            if !enough && Some(*day) != last {
                told.push(format!("{} has only {bars} of {whole} bars and is left out.", midnight(*day)));
            }
            enough
        });
        if told.len() > 12 {
            let more = told.len() - 12;
            told.truncate(12);
            told.push(format!("{more} more such days are left out."));
        }
        let one = |(day, (close, squares, bars)): (&i64, &(f64, f64, usize))| {
            let (before, _, _) = days.get(&(day - 1))?;
            let variance = squares * whole as f64 / *bars as f64;
            Some(Day { start: midnight(*day), close: *close, log_return: (close / before).ln(), variance })
        };
        Ok(days.iter().filter_map(one).collect())
    }
}

fn midnight(day: i64) -> Timestamp {
    Timestamp::from_micros(day.saturating_mul(DAY))
}

fn without_bad_ticks(rows: Vec<(Timestamp, f64)>) -> (Vec<(Timestamp, f64)>, usize) {
    let bad = |at: usize| {
        if at == 0 || at + 1 >= rows.len() {
            return false;
        }
        let (before, own, after) = (rows[at - 1].1, rows[at].1, rows[at + 1].1);
        let away = |other: f64| (own / other).ln().abs() > 0.18;
        (after / before).ln().abs() < 0.05 && away(before) && away(after)
    };
    let kept: Vec<(Timestamp, f64)> = (0..rows.len()).filter(|at| !bad(*at)).map(|at| rows[at]).collect();
    let ticks = rows.len() - kept.len();
    (kept, ticks)
}

/// The days that all have, in order, with the log-returns of each, column by column.
pub(super) fn common(all: &[Vec<Day>]) -> (Vec<Timestamp>, Vec<Vec<f64>>) {
    let mut by_day: BTreeMap<Timestamp, Vec<f64>> = BTreeMap::new();
    for days in all {
        days.iter().for_each(|day| by_day.entry(day.start).or_default().push(day.log_return));
    }
    by_day.retain(|_, returns| returns.len() == all.len());
    let columns = (0..all.len()).map(|at| by_day.values().map(|returns| returns[at]).collect()).collect();
    (by_day.into_keys().collect(), columns)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::frame::Column;

    /// Hourly bars from the start of 2024.
    pub(in crate::engine::numeric::methods) fn hourly(closes: &[f64]) -> Frame {
        let start = Timestamp::parse("2024-01-01T00:00:00Z").unwrap();
        let times = (0..closes.len()).map(|at| Some(start.plus_seconds(3_600 * at as u64))).collect();
        Frame::new(vec![("time".into(), Column::Time(times)), ("close".into(), Column::Number(closes.to_vec()))]).unwrap()
    }

    fn late() -> Timestamp {
        Timestamp::parse("2030-01-01T00:00:00Z").unwrap()
    }

    #[test]
    fn days_are_whole_and_their_variance_is_the_sum_of_squares() {
        let closes: Vec<f64> = (0..80).map(|at| 100.0 * (0.01 * f64::from(at % 2)).exp()).collect();
        let bars = Bars::read(&hourly(&closes), "bars", late()).unwrap();
        let days = bars.days(&mut Vec::new()).unwrap();
        assert_eq!(days.len(), 2, "the first has no day before it, and the last is not whole");
        assert!((days[0].variance - 24.0 * 0.0001).abs() < 1e-12 && days[0].log_return.abs() < 1e-12);
    }

    #[test]
    fn what_is_left_out_is_told() {
        let mut closes: Vec<f64> = (0..100).map(|at| 100.0 + f64::from(at % 3)).collect();
        closes[50] = 150.0;
        closes[60] = f64::NAN;
        let frame = hourly(&closes);
        let doubled = frame.take(&(0..100).chain([10]).rev().collect::<Vec<_>>());
        let bars = Bars::read(&doubled, "bars", late()).unwrap();
        assert_eq!(bars.rows.len(), 98);
        assert_eq!(bars.told.len(), 3, "{:?}", bars.told);
        assert!(bars.rows.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn nothing_is_read_past_the_moment_of_the_fit() {
        let as_of = Timestamp::parse("2024-01-02T00:00:00Z").unwrap();
        let bars = Bars::read(&hourly(&[100.0; 90]), "bars", as_of).unwrap();
        assert_eq!(bars.window().unwrap()[1], as_of);
        let none = Bars::read(&hourly(&[100.0; 90]), "bars", Timestamp::from_micros(0));
        assert!(matches!(none, Err(FitFault::NoData(_))));
    }
}
