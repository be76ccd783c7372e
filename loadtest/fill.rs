//! Further entries, so that latency can be seen at a size nearer to real use.

use crate::Failure;
use crate::client::Connection;
use crate::report::say;
use crate::sample::{Sample, bulk};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

/// Entries of one bulk write. Small enough that progress is seen every few seconds.
const CHUNK_LINES: usize = 1_000;

/// Bytes of a text; longer ones would need a chunked embedding and are no headlines.
const TEXT_BYTES_MAX: usize = 8_192;

/// Names that the first column of a CSV file may have. A file without a head starts with a text right away.
const HEADS: [&str; 6] = ["text", "headline", "title", "sentence", "news", "content"];

/// Loads up to `count` texts of a file as entries, and says how many were taken.
pub(crate) async fn load(path: &Path, count: usize, sample: &Sample, connection: &mut Connection) -> Result<usize, Failure> {
    let texts = texts(path, count, sample)?;
    if texts.len() < count {
        say(&format!("{} has only {} different texts", path.display(), texts.len()));
    }
    let since = Instant::now();
    let (mut sent, mut taken) = (0, 0);
    for chunk in texts.chunks(CHUNK_LINES) {
        let body: String = chunk.iter().map(|text| line(text) + "\n").collect();
        let results = bulk(connection, "/v1/entries", body.as_bytes()).await?;
        if let Some(complaint) = results.iter().find_map(|result| result.complaint()) {
            say(&format!("not every text was taken, for one {complaint}"));
        }
        sent += chunk.len();
        taken += results.iter().filter(|result| result.status != "error").count();
        let rate = sent as f64 / since.elapsed().as_secs_f64().max(0.001);
        let left_s = (texts.len() - sent) as f64 / rate;
        say(&format!("filled {sent} of {}, {rate:.0} a second, about {left_s:.0} s left", texts.len()));
    }
    Ok(taken)
}

fn line(text: &str) -> String {
    let decision = json!({"kind": "trade", "signal": 0, "conviction": 0.1, "reasoning": "Fills the cache for a measurement.",
                          "agents": [], "versions": {"fill": "1"}, "labels": {}});
    json!({"text": text, "decision": decision, "tags": [], "provenance": "import"}).to_string()
}

/// The first `count` different texts. Those of the sample are left out: their entries must keep the decisions that answers are judged by.
fn texts(path: &Path, count: usize, sample: &Sample) -> Result<Vec<String>, Failure> {
    let file = std::fs::read_to_string(path).map_err(|e| format!("{} can't be read: {e}", path.display()))?;
    let all: Box<dyn Iterator<Item = String>> = match path.extension().and_then(|ending| ending.to_str()) {
        Some("ndjson" | "jsonl") => Box::new(file.lines().filter_map(text_of)),
        Some("csv") => Box::new(first_columns(&file)),
        _ => return Err(format!("{} is neither .ndjson, .jsonl nor .csv", path.display()).into()),
    };
    let mut seen = HashSet::new();
    let normal = all.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let usable = normal.filter(|text| !text.is_empty() && text.len() <= TEXT_BYTES_MAX && sample.entry_of(text).is_none());
    Ok(usable.filter(|text| seen.insert(text.clone())).take(count).collect())
}

fn text_of(line: &str) -> Option<String> {
    let value: Value = serde_json::from_str(line).ok()?;
    Some(value.get("text")?.as_str()?.to_owned())
}

/// The first column of each row of a CSV file, without the head.
fn first_columns(file: &str) -> impl Iterator<Item = String> {
    let mut rest = file.strip_prefix('\u{feff}').unwrap_or(file);
    let rows = std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (first, after) = first_column(rest);
        rest = after;
        Some(first)
    });
    rows.enumerate().filter(|(i, text)| *i > 0 || !HEADS.contains(&text.trim().to_lowercase().as_str())).map(|(_, text)| text)
}

/// The first column of the first row, and the rows after it. A field in quotes may hold commas, line breaks and doubled quotes.
fn first_column(rows: &str) -> (String, &str) {
    let (mut first, mut columns, mut quoted, mut field_starts) = (String::new(), 0, false, true);
    let mut chars = rows.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let starts = std::mem::replace(&mut field_starts, false);
        match c {
            '"' if quoted && chars.next_if(|(_, next)| *next == '"').is_none() => quoted = false,
            '"' if !quoted && starts => quoted = true,
            ',' if !quoted => {
                columns += 1;
                field_starts = true;
            }
            '\n' if !quoted => return (first, rows.get(at + 1..).unwrap_or_default()),
            _ if columns == 0 => first.push(c),
            _ => {}
        }
    }
    (first, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_column_is_read_with_its_quotes_and_line_breaks() {
        let file = "Text,Label\n\"Oil, up \"\"a lot\"\"\n today\",\"x\ny\"\r\n5\" gold flat,2\n";
        let texts: Vec<String> = first_columns(file).collect();
        assert_eq!(texts, ["Oil, up \"a lot\"\n today", "5\" gold flat"]);
    }

    #[test]
    fn a_file_without_a_head_loses_nothing() {
        assert_eq!(first_columns("Gold flat,1\nOil up").collect::<Vec<_>>(), ["Gold flat", "Oil up"]);
    }
}
