//! What a file is, from its content.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Which kind of labelled data a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// NDJSON with `a`, `b`, and `same` and `class` where they are known; or `text_a`, `text_b` and `label` 1 or 0, as QQP has it.
    Pairs,
    /// The same lines as a stream: every text once, labelled with the cluster that its pairs of one decision tie it into.
    Clusters,
    /// The Microsoft Research Paraphrase Corpus: columns set apart by tabs, `Quality` first.
    Mrpc,
    /// NDJSON with `text`, `label` or `decision`, and `at` or `as_of` and `tags` where there are any.
    Stream,
    /// A table of commas with a header: `text`, and `label` or `category`, as Banking77 has it.
    Csv,
    /// CLINC150: one JSON object, each member a list of texts with their intents.
    Clinc,
    /// NDJSON with a window of news `events`, or the prompt that lists them as `input_report`, and the `signal`.
    Events,
}

/// Lines that are looked at: a bad one at the top must not hide what the file is.
const LINES_SEEN: usize = 20;

impl Kind {
    /// The kind of a file with these bytes; `None` where nothing fits.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut lines = bytes.split(|b| *b == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace)).peekable();
        let first = String::from_utf8_lossy(lines.peek()?).into_owned();
        if first.starts_with("Quality\t") {
            return Some(Self::Mrpc);
        }
        let line_kind = lines.take(LINES_SEEN).find_map(|line| Self::of_object(&serde_json::from_slice(line).ok()?));
        line_kind.or_else(|| Self::of_table(&first)).or_else(|| Self::of_whole(bytes))
    }

    fn of_object(object: &Map<String, Value>) -> Option<Self> {
        let has = |names: &[&str]| names.iter().all(|name| object.contains_key(*name));
        if has(&["a", "b"]) || has(&["text_a", "text_b"]) {
            Some(Self::Pairs)
        } else if has(&["events"]) || has(&["input_report"]) {
            Some(Self::Events)
        } else if has(&["text", "label"]) || has(&["text", "decision"]) {
            Some(Self::Stream)
        } else {
            None
        }
    }

    fn of_table(header: &str) -> Option<Self> {
        let mut columns = header.trim().split(',').map(|name| name.trim_matches('"'));
        let is_label = |name: &str| matches!(name, "label" | "category" | "intent");
        (columns.clone().any(|name| name == "text") && columns.any(is_label)).then_some(Self::Csv)
    }

    fn of_whole(bytes: &[u8]) -> Option<Self> {
        let object: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
        object.values().any(Value::is_array).then_some(Self::Clinc)
    }
}
