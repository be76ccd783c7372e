//! NDJSON: one row on each line.

use super::{BadLine, Pair, Reading, Row};
use crate::domain::decision::Payload;
use crate::domain::text::FreshText;
use crate::domain::time::Timestamp;
use crate::eval::decision;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The lines of a text that are not blank, with their numbers, each turned into a row.
pub(in crate::eval) fn each<T: DeserializeOwned, R>(
    bytes: &[u8],
    row: impl Fn(usize, T) -> Result<R, BadLine>,
) -> Vec<Result<R, BadLine>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lines = bytes.split(|b| *b == b'\n').enumerate();
    let written = lines.filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace));
    let read = |(at, line): (usize, &[u8])| {
        let value = serde_json::from_slice(line).map_err(|error| BadLine::new(at + 1, error))?;
        row(at + 1, value)
    };
    written.map(read).collect()
}

/// A text of a row, however long the format lets it be.
pub(super) fn text(line: usize, given: &str) -> Result<FreshText, BadLine> {
    FreshText::stored(given).map_err(|error| BadLine::new(line, error))
}

/// A pair as either of the two formats spells it; further members are passed over.
#[derive(Deserialize)]
struct PairLine {
    #[serde(alias = "text_a")]
    a: String,
    #[serde(alias = "text_b")]
    b: String,
    #[serde(alias = "label")]
    same: Option<Same>,
    class: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Same {
    Word(bool),
    Number(u8),
}

pub(super) fn pairs(bytes: &[u8], reading: &Reading) -> Vec<Result<Pair, BadLine>> {
    each(bytes, |line, pair: PairLine| {
        let same = match (pair.same, reading.same) {
            (Some(Same::Word(same)), _) => same,
            (Some(Same::Number(number @ (0 | 1))), _) => number == 1,
            (Some(Same::Number(other)), _) => return Err(BadLine::new(line, format!("{other} is neither 0 nor 1"))),
            (None, Some(same)) => same,
            (None, None) => {
                return Err(BadLine::new(
                    line,
                    "it doesn't say whether the two are the `same`; --same says it for all that don't",
                ));
            }
        };
        let class = pair.class.or_else(|| reading.class.clone()).unwrap_or_else(|| "pairs".to_owned());
        Ok(Pair { line, a: text(line, &pair.a)?, b: text(line, &pair.b)?, same, class })
    })
}

#[derive(Deserialize)]
struct StreamLine {
    text: String,
    label: Option<Label>,
    decision: Option<Payload>,
    #[serde(alias = "as_of")]
    at: Option<Timestamp>,
    #[serde(default)]
    tags: Vec<String>,
}

/// A label is a word, or the number of a class.
#[derive(Deserialize)]
#[serde(untagged)]
enum Label {
    Word(String),
    Number(i64),
}

pub(super) fn stream(bytes: &[u8]) -> Vec<Result<Row, BadLine>> {
    each(bytes, |line, row: StreamLine| {
        let labelled = |label: &str| decision::labelled(label).map_err(|error| BadLine::new(line, error));
        let decision = match (row.label, row.decision) {
            (Some(Label::Word(word)), None) => labelled(&word)?,
            (Some(Label::Number(number)), None) => labelled(&number.to_string())?,
            (None, Some(decision)) => decision,
            (Some(_), Some(_)) => return Err(BadLine::new(line, "it has a `label` and a `decision`; one of them is enough")),
            (None, None) => return Err(BadLine::new(line, "it has neither a `label` nor a `decision`")),
        };
        Ok(Row { line, text: text(line, &row.text)?, headline: None, decision, at: row.at, tags: row.tags, pieces: Vec::new() })
    })
}
