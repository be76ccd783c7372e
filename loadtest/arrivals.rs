//! When requests come.
//!
//! At a constant rate; in bursts, all of a second's requests in its first tenth; or as they came in a recording, with its pauses and its
//! rushes, made faster or slower to the rate that is asked.

use crate::Failure;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Arrivals that are read of a recording at most.
const RECORDED_MAX: usize = 1_000_000;

/// The share of a second within which a burst's requests come.
const BURST: f64 = 0.1;

/// When each request is due.
#[derive(Debug, Clone)]
pub(crate) enum Arrivals {
    /// One after the other, evenly.
    Even,
    /// All of a second's within its first tenth.
    Bursts,
    /// As recorded: seconds from the first, ascending; a mean of one second between two.
    Recorded(Arc<[f64]>),
}

impl Arrivals {
    /// How long after the start the request number `i` is due, at `rate` requests a second.
    pub(crate) fn due(&self, i: u64, rate: u32) -> Duration {
        let rate = f64::from(rate);
        match self {
            Self::Even => Duration::from_secs_f64(i as f64 / rate),
            Self::Bursts => {
                let at = i as f64 / rate;
                Duration::from_secs_f64(at.floor() + at.fract() * BURST)
            }
            Self::Recorded(times) => {
                // A run that is longer than the recording begins it anew.
                let (round, place) = (i / times.len() as u64, (i % times.len() as u64) as usize);
                let whole = times.len() as f64;
                Duration::from_secs_f64((round as f64 * whole + times.get(place).copied().unwrap_or_default()) / rate)
            }
        }
    }

    /// Reads a recording: CSV whose first column is the time of day of an arrival, as `2023-11-16 18:17:03.9799600` or in seconds, with or
    /// without a head.
    pub(crate) fn recorded(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{} can't be read: {e}", path.display()))?;
        let mut times = Vec::new();
        for (number, line) in text.lines().take(RECORDED_MAX).enumerate() {
            let first = line.split(',').next().unwrap_or_default().trim();
            match seconds(first) {
                Some(at) => times.push(at),
                None if number == 0 || first.is_empty() => {}
                None => return Err(format!("{}, line {}: `{first}` is no time", path.display(), number + 1).into()),
            }
        }
        times.sort_by(f64::total_cmp);
        let (Some(first), Some(last)) = (times.first().copied(), times.last().copied()) else {
            return Err(format!("{} has no arrivals", path.display()).into());
        };
        if times.len() < 2 || last <= first {
            return Err(format!("{} has less than two moments", path.display()).into());
        }
        // Made so that one comes each second in the mean; `due` makes that the rate.
        let mean = (last - first) / (times.len() - 1) as f64;
        Ok(Self::Recorded(times.iter().map(|at| (at - first) / mean).collect()))
    }
}

/// A time of day or a number, in seconds; dates are told apart by whole days.
fn seconds(text: &str) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    let (date, time) = text.split_once([' ', 'T'])?;
    let mut parts = date.split('-').map(|part| part.parse::<i16>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let date = jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let days = date.since(jiff::civil::Date::constant(1970, 1, 1)).ok()?.get_days();
    let mut parts = time.trim_end_matches('Z').split(':').map(|part| part.parse::<f64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    Some(f64::from(days) * 86_400.0 + hours * 3_600.0 + minutes * 60.0 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dues(arrivals: &Arrivals, count: u64, rate: u32) -> Vec<f64> {
        (0..count).map(|i| arrivals.due(i, rate).as_secs_f64()).collect()
    }

    #[test]
    fn even_arrivals_are_apart_by_the_same_time() {
        assert_eq!(dues(&Arrivals::Even, 4, 2), [0.0, 0.5, 1.0, 1.5]);
    }

    #[test]
    fn a_burst_keeps_the_rate_of_each_second() {
        let due = dues(&Arrivals::Bursts, 20, 10);
        assert!(due.iter().take(10).all(|at| *at < BURST) && due.iter().skip(10).all(|at| (1.0..1.0 + BURST).contains(at)));
    }

    #[test]
    fn a_recording_is_scaled_to_the_rate_and_begins_anew_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("arrivals.csv");
        std::fs::write(&path, "TIMESTAMP,Tokens\n2023-11-16 23:59:59.5,1\n2023-11-17 00:00:00.5,2\n2023-11-17 00:00:03.5,3\n")
            .unwrap();
        let recorded = Arrivals::recorded(&path).unwrap();
        assert_eq!(dues(&recorded, 4, 10), [0.0, 0.05, 0.2, 0.3]);
        std::fs::write(&path, "1\nx\n").unwrap();
        assert!(Arrivals::recorded(&path).unwrap_err().to_string().contains("line 2"));
        std::fs::write(&path, "at\n").unwrap();
        assert!(Arrivals::recorded(&path).is_err());
    }
}
