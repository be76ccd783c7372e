//! The sample: loaded into the service over HTTP, and kept here to know what each answer must be.

use crate::Failure;
use crate::client::{Connection, request};
use crate::report::say;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

/// How long one bulk write may take. 5,000 texts at 5 ms each take 25 s on one core.
const BULK_WITHIN: Duration = Duration::from_secs(300);

/// Everything that is known about the texts that are asked.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) entries: Vec<Known>,
    pub(crate) requests: Vec<Expected>,
    by_text: HashMap<String, usize>,
}

/// An entry of the sample.
#[derive(Debug, Deserialize)]
pub(crate) struct Known {
    pub(crate) text: String,
    pub(crate) decision: Value,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// The id that the service gave it.
    #[serde(skip)]
    pub(crate) id: String,
}

/// A request of the sample with the answer that is expected.
#[derive(Debug, Deserialize)]
pub(crate) struct Expected {
    pub(crate) text: String,
    pub(crate) kind: String,
    pub(crate) tags: Vec<String>,
    pub(crate) entry_text: Option<String>,
    pub(crate) near_text: Option<String>,
}

/// The result of one line of a bulk write.
#[derive(Debug, Deserialize)]
pub(crate) struct LineResult {
    pub(crate) line: usize,
    pub(crate) id: Option<String>,
    pub(crate) status: String,
    pub(crate) error: Option<Value>,
}

impl LineResult {
    /// What is wrong with the line, if something is.
    pub(crate) fn complaint(&self) -> Option<String> {
        (self.status == "error").then(|| format!("line {}: {}", self.line, self.error.as_ref().unwrap_or(&Value::Null)))
    }
}

impl Sample {
    /// Reads the sample, loads it into the service, and notes the ids of its entries. Loading it again replaces what is there.
    pub(crate) async fn load(folder: &Path, connection: &mut Connection) -> Result<Self, Failure> {
        let file = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path)
                .map_err(|e| format!("{} can't be read: {e}; run this from the repository's root", path.display()))
        };
        let components = file("components.ndjson")?;
        let entries = file("entries.ndjson")?;
        let requests = file("requests.ndjson")?;
        for result in bulk(connection, "/v1/components", &components).await? {
            if let Some(complaint) = result.complaint() {
                return Err(format!("a component of the sample wasn't taken: {complaint}").into());
            }
        }
        let mut known: Vec<Known> = lines(&entries)?;
        for result in bulk(connection, "/v1/entries", &entries).await? {
            if let Some(complaint) = result.complaint() {
                return Err(format!("an entry of the sample wasn't taken: {complaint}").into());
            }
            let entry = result.line.checked_sub(1).and_then(|i| known.get_mut(i));
            if let (Some(entry), Some(id)) = (entry, result.id) {
                entry.id = id;
            }
        }
        if let Some(lost) = known.iter().find(|entry| entry.id.is_empty()) {
            return Err(format!("there was no result line for the entry `{}`", lost.text).into());
        }
        let by_text: HashMap<String, usize> = known.iter().enumerate().map(|(i, entry)| (entry.text.clone(), i)).collect();
        if by_text.len() < known.len() {
            return Err("a text is twice among the entries of the sample, so no answer to it could be judged".into());
        }
        say(&format!("the sample is loaded: {} entries", known.len()));
        Ok(Self { entries: known, requests: lines(&requests)?, by_text })
    }

    /// Which entry has this text.
    pub(crate) fn entry_of(&self, text: &str) -> Option<usize> {
        self.by_text.get(text).copied()
    }

    /// The requests of one kind.
    pub(crate) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Expected> {
        self.requests.iter().filter(move |request| request.kind == kind)
    }
}

/// Posts NDJSON and reads the result lines.
pub(crate) async fn bulk(connection: &mut Connection, path: &str, body: &[u8]) -> Result<Vec<LineResult>, Failure> {
    let reply = connection.ask(&request("POST", path, "application/x-ndjson", body), BULK_WITHIN).await?;
    lines(reply.ok().map_err(|e| format!("POST {path}: {e}"))?)
}

fn lines<T: DeserializeOwned>(ndjson: &[u8]) -> Result<Vec<T>, Failure> {
    serde_json::Deserializer::from_slice(ndjson).into_iter().collect::<Result<_, _>>().map_err(Failure::from)
}

#[cfg(test)]
impl Sample {
    /// Entries with these texts and ids; the decision of each names its text.
    pub(crate) fn of(entries: &[(&str, &str)]) -> Self {
        let known = |(text, id): &(&str, &str)| {
            let decision = serde_json::json!({"of": text});
            Known { text: (*text).to_owned(), decision, tags: Vec::new(), id: (*id).to_owned() }
        };
        Self { entries: entries.iter().map(known).collect(), requests: Vec::new(), by_text: HashMap::new() }
    }
}
