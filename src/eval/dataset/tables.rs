//! Tables: set apart by commas with a header, or by tabs.

use super::lines::text;
use super::{BadLine, Pair, Reading, Row};
use crate::eval::decision;
use csv::{ReaderBuilder, StringRecord};

fn line_of(record: &StringRecord) -> usize {
    record.position().and_then(|position| usize::try_from(position.line()).ok()).unwrap_or(0)
}

fn failed(error: &csv::Error) -> BadLine {
    let line = error.position().and_then(|position| usize::try_from(position.line()).ok()).unwrap_or(0);
    BadLine::new(line, error)
}

/// A stream as a table of commas: the column `text`, and `label`, `category` or `intent`.
pub(super) fn labelled(bytes: &[u8]) -> Vec<Result<Row, BadLine>> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(bytes);
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => return vec![Err(failed(&error))],
    };
    let column = |names: &[&str]| headers.iter().position(|header| names.contains(&header.trim_start_matches('\u{feff}')));
    let (Some(text_at), Some(label_at)) = (column(&["text"]), column(&["label", "category", "intent"])) else {
        return vec![Err(BadLine::new(1, "the header names no column `text`, or none of `label`, `category` and `intent`"))];
    };
    let row = |read: Result<StringRecord, csv::Error>| {
        let record = read.map_err(|error| failed(&error))?;
        let line = line_of(&record);
        let cell = |at: usize| record.get(at).ok_or_else(|| BadLine::new(line, "the row is shorter than the header"));
        let decision = decision::labelled(cell(label_at)?).map_err(|error| BadLine::new(line, error))?;
        Ok(Row {
            line,
            text: text(line, cell(text_at)?)?,
            headline: None,
            decision,
            at: None,
            tags: Vec::new(),
            pieces: Vec::new(),
        })
    };
    reader.records().map(row).collect()
}

/// The Microsoft Research Paraphrase Corpus: quality, two ids, two sentences. Quotation marks in it mean nothing.
pub(super) fn mrpc(bytes: &[u8], reading: &Reading) -> Vec<Result<Pair, BadLine>> {
    let mut reader = ReaderBuilder::new().delimiter(b'\t').quoting(false).flexible(true).from_reader(bytes);
    let pair = |read: Result<StringRecord, csv::Error>| {
        let record = read.map_err(|error| failed(&error))?;
        let line = line_of(&record);
        let cell = |at: usize| record.get(at).ok_or_else(|| BadLine::new(line, "the row has fewer than five columns"));
        let same = match cell(0)? {
            "1" => true,
            "0" => false,
            other => return Err(BadLine::new(line, format!("the quality `{other}` is neither 0 nor 1"))),
        };
        let class = reading.class.clone().unwrap_or_else(|| "pairs".to_owned());
        Ok(Pair { line, a: text(line, cell(3)?)?, b: text(line, cell(4)?)?, same, class })
    };
    reader.records().map(pair).collect()
}
