//! The data that a classifier is learnt from: NDJSON, one text with its moment and its instrument on each line.

use super::bars::{self, Bars, Histories};
use crate::domain::market::Instrument;
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use crate::eval::dataset::{BadLine, each, unpacked};
use serde::Deserialize;
use std::path::Path;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The text.
    pub text: FreshText,
    /// When it was known.
    pub at: Timestamp,
    /// What it is about.
    pub instrument: Instrument,
    /// What came of it: 1, 0 or −1; absent where past prices are to tell.
    pub outcome: Option<i8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    text: String,
    at: Timestamp,
    instrument: Instrument,
    outcome: Option<i8>,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Material {
    /// The rows, in the order of their moments.
    pub rows: Vec<Row>,
    /// Past prices.
    pub histories: Histories,
    /// The lines that can't be used, with their file.
    pub bad: Vec<(String, BadLine)>,
    /// BLAKE3 of all files, in order.
    pub data_hash: String,
}

/// Reads files of rows, and files of bars each for an instrument.
///
/// # Errors
/// The file, and what is wrong with it. A line that can't be used is no error.
pub fn read<'a>(
    data: impl Iterator<Item = &'a Path>,
    bars: impl Iterator<Item = (Instrument, &'a Path)>,
) -> Result<Material, String> {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = |path: &Path| {
        let raw = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        hasher.update(&(raw.len() as u64).to_le_bytes()).update(&raw);
        unpacked(&raw).map_err(|error| format!("{}: {error}", path.display()))
    };
    let mut material = Material::default();
    for path in data {
        for row in lines(&bytes(path)?) {
            match row {
                Ok(row) => material.rows.push(row),
                Err(bad) => material.bad.push((path.display().to_string(), bad)),
            }
        }
    }
    // Rows of one moment are put in an order of their own, so that the order of the files changes nothing.
    material.rows.sort_by(|a, b| (a.at, &a.instrument, a.text.as_str()).cmp(&(b.at, &b.instrument, b.text.as_str())));
    let mut read: std::collections::BTreeMap<Instrument, Bars> = std::collections::BTreeMap::new();
    for (instrument, path) in bars {
        let table = bytes(path)?;
        bars::read(&table, read.entry(instrument).or_default()).map_err(|detail| format!("{}: {detail}", path.display()))?;
    }
    for (instrument, bars) in read {
        let series = bars::series(bars).map_err(|error| format!("the bars of {instrument}: {}", error.detail))?;
        material.histories.insert(instrument, series);
    }
    material.data_hash = hasher.finalize().to_hex().to_string();
    Ok(material)
}

fn lines(plain: &[u8]) -> Vec<Result<Row, BadLine>> {
    each(plain, |line, Line { text, at, instrument, outcome }| {
        let bad = |detail: String| BadLine { line, detail };
        if outcome.is_some_and(|outcome| !(-1..=1).contains(&outcome)) {
            return Err(bad("the outcome is not 1, 0 or -1".to_owned()));
        }
        let text = FreshText::new(&text).map_err(|error| bad(error.to_string()))?;
        Ok(Row { text, at, instrument, outcome })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_are_read_strictly_and_a_bad_line_is_named() {
        let read = lines(
            br#"{"text": "a", "at": "2024-01-01T00:00:00Z", "instrument": "btc", "outcome": -1}
{"text": "a", "at": "2024-01-01T00:00:00Z", "instrument": "btc"}
{"text": "a", "at": "2024-01-01T00:00:00Z", "instrument": "btc", "outcome": 2}
{"text": "a", "at": "2024-01-01", "instrument": "btc"}
{"text": "", "at": "2024-01-01T00:00:00Z", "instrument": "btc"}
{"text": "a", "at": "2024-01-01T00:00:00Z", "instrument": "btc", "label": 1}"#,
        );
        let good: Vec<_> = read.iter().flatten().map(|row| (row.instrument.as_str(), row.outcome)).collect();
        assert_eq!(good, [("BTC", Some(-1)), ("BTC", None)]);
        let bad: Vec<_> = read.iter().filter_map(|row| row.as_ref().err()).map(|bad| bad.line).collect();
        assert_eq!(bad, [3, 4, 5, 6]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0_usize..90) {
            lines(&bytes);
            let row = br#"{"text": "a", "at": "2024-01-01T00:00:00Z", "instrument": "btc", "outcome": -1}"#;
            prop_assert!(lines(&row[..cut.min(row.len() - 1)]).iter().all(Result::is_err));
        }
    }
}
