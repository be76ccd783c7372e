//! Past prices from files: tables with the columns time (or `date`, `timestamp`, `at`), open, high, low, close and volume, packed with gzip or
//! not.

use crate::domain::field::FieldError;
use crate::domain::market::{Bar, Instrument, Series};
use crate::domain::time::Timestamp;
use std::collections::BTreeMap;

/// Names of the first column, in lower case.
const TIMES: [&str; 4] = ["time", "date", "timestamp", "at"];

/// Bars by their time; where two files have one of the same time the later file's holds.
pub type Bars = BTreeMap<Timestamp, Bar>;

/// Past prices by instrument.
pub type Histories = BTreeMap<Instrument, Series>;

/// Reads a table into `bars`.
///
/// # Errors
/// What is wrong, with the line.
pub fn read(table: &[u8], bars: &mut Bars) -> Result<(), String> {
    let mut reader = csv::Reader::from_reader(table);
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let column = |names: &[&str]| {
        let found = header.iter().position(|cell| names.contains(&cell.trim().to_ascii_lowercase().as_str()));
        found.ok_or_else(|| format!("the header names no column {}", names.join(" or ")))
    };
    let time = column(&TIMES)?;
    let numbers = [column(&["open"])?, column(&["high"])?, column(&["low"])?, column(&["close"])?, column(&["volume"])?];
    for (record, line) in reader.records().zip(2_usize..) {
        let record = record.map_err(|error| error.to_string())?;
        let wrong = |detail: &dyn std::fmt::Display| format!("line {line}: {detail}");
        let at = Timestamp::parse(&record.get(time).unwrap_or_default().replacen(' ', "T", 1)).map_err(|e| wrong(&e))?;
        let mut values = [0.0; 5];
        for (value, column) in values.iter_mut().zip(numbers) {
            let cell = record.get(column).unwrap_or_default().trim();
            *value = cell.parse().map_err(|_| wrong(&format!("`{cell}` is not a number")))?;
        }
        let [open, high, low, close, volume] = values;
        let bar = Bar::new(at, [open, high, low, close], volume).map_err(|e| wrong(&e.detail))?;
        bars.insert(at, bar);
    }
    Ok(())
}

/// The series of some bars, whose length is the least time between two of them.
///
/// # Errors
/// [`FieldError`] where they make no series.
pub fn series(bars: Bars) -> Result<Series, FieldError> {
    let gaps = bars.keys().zip(bars.keys().skip(1)).map(|(a, b)| b.millis_since(*a) / 1_000);
    let interval_sec = gaps.min().and_then(|gap| u32::try_from(gap).ok()).unwrap_or(0);
    Series::new(interval_sec, bars.into_values().collect())
}

/// The return over the `seconds` after the last price that was known at `at`; `None` where the bars don't reach so far or have a gap there.
pub fn next_return(series: &Series, at: Timestamp, seconds: u64) -> Option<f64> {
    let known = series.until(at);
    let now = known.last()?;
    // The price must be that of the moment and not of some day before it.
    let stale = now.at().plus_seconds(2 * u64::from(series.interval_sec())) < at;
    let bars = series.bars();
    let then = bars.binary_search_by_key(&now.at().plus_seconds(seconds), Bar::at).ok().and_then(|i| bars.get(i))?;
    (!stale).then(|| then.close() / now.close() - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "Date,Open,High,Low,Close,Volume\n\
        2024-01-01 00:00:00+00:00,10,12,9,11,5\n2024-01-01 01:00:00+00:00,11,12,10,12,5\n2024-01-01 02:00:00+00:00,12,13,11,12.6,5\n";

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn table() -> Series {
        let mut bars = Bars::new();
        read(TABLE.as_bytes(), &mut bars).unwrap();
        series(bars).unwrap()
    }

    #[test]
    fn a_table_is_read_and_its_interval_found() {
        assert_eq!((table().interval_sec(), table().bars().len()), (3_600, 3));
    }

    #[test]
    fn a_return_begins_at_the_last_price_that_was_known_and_looks_no_further() {
        let series = table();
        let from = |text: &str| next_return(&series, at(text), 3_600);
        assert_eq!(from("2024-01-01T00:59:59Z"), None, "no bar had closed");
        assert!((from("2024-01-01T01:00:00Z").unwrap() - (12.0 / 11.0 - 1.0)).abs() < 1e-12);
        assert!((from("2024-01-01T02:30:00Z").unwrap() - 0.05).abs() < 1e-12);
        assert_eq!(from("2024-01-01T03:00:00Z"), None, "the bars end");
        assert_eq!(from("2024-01-03T03:00:00Z"), None, "the last price is old");
    }

    #[test]
    fn what_is_no_table_of_bars_is_refused_with_its_line() {
        let refused = |table: &str| read(table.as_bytes(), &mut Bars::new()).unwrap_err();
        assert!(refused("a,b\n1,2\n").contains("no column time or date"));
        assert!(refused(&TABLE.replace("12.6", "x")).starts_with("line 4: `x`"));
        assert!(refused(&TABLE.replace("+00:00", "")).contains("RFC 3339"), "a time without an offset could be any");
        assert!(refused(&TABLE.replace(",9,", ",99,")).starts_with("line 2: "));
    }
}
