//! The recorded twin: it answers what was recorded, and nothing else.
//!
//! A recording is NDJSON. Its first line names the format and its version; each further line is one chat with what came of it. A chat is
//! found by the BLAKE3 hash of its canonical JSON. One that was recorded several times is answered in the order of the recording, and then
//! by the last again.

use super::{Chat, ChatModel, LlmError, Reply, Waiting};
use crate::domain::deadline::Deadline;
use crate::limits::LLM_RECORDING_BYTES_MAX;
use async_trait::async_trait;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the first line of a recording calls it.
const FORMAT: &str = "instinct-llm-recording";

/// The version of the format. A change of [`Chat`] or of the hash is a new one.
const VERSION: u32 = 1;

/// Why a recording can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file can't be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A line does not read.
    #[error("{}, line {line}: {detail}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, the first is 1.
        line: usize,
        /// What is wrong with it.
        detail: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    request: String,
    chat: Chat,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Reply(Reply),
    Error(LlmError),
}

/// A model that replays a recording.
#[derive(Debug)]
pub struct Recorded {
    by_request: HashMap<String, Mutex<Tape>>,
}

#[derive(Debug, Default)]
struct Tape {
    outcomes: Vec<Outcome>,
    next: usize,
}

impl Recorded {
    /// Reads a recording.
    ///
    /// # Errors
    /// [`RecordingError`], which names the line.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let failed = |error| RecordingError::File { path: path.to_owned(), error };
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        if bytes > LLM_RECORDING_BYTES_MAX {
            return Err(failed(std::io::Error::other(format!("{bytes} bytes, and {LLM_RECORDING_BYTES_MAX} are the most"))));
        }
        let mut by_request: HashMap<String, Mutex<Tape>> = HashMap::new();
        let mut lines = BufReader::new(file).lines();
        let first = lines.next().transpose().map_err(failed)?.unwrap_or_default();
        check_header(path, &first)?;
        for (at, text) in lines.enumerate() {
            let text = text.map_err(failed)?;
            let bad = |detail: String| RecordingError::Line { path: path.to_owned(), line: at + 2, detail };
            let line: Line = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
            if line.request != request_of(&line.chat) {
                return Err(bad("the chat was changed after it was recorded, for it has another hash".to_owned()));
            }
            by_request.entry(line.request).or_default().get_mut().outcomes.push(line.outcome);
        }
        Ok(Self { by_request })
    }
}

#[async_trait]
impl ChatModel for Recorded {
    async fn complete(&self, chat: &Chat, deadline: Deadline) -> Result<Reply, LlmError> {
        chat.check()?;
        if deadline.passed() {
            return Err(LlmError::DeadlinePassed { waiting: Waiting::Turn });
        }
        let request = request_of(chat);
        let Some(tape) = self.by_request.get(&request) else { return Err(LlmError::NotRecorded { request }) };
        let mut tape = tape.lock();
        let at = tape.next.min(tape.outcomes.len().saturating_sub(1));
        tape.next = at + 1;
        match tape.outcomes.get(at).cloned() {
            Some(Outcome::Reply(reply)) => Ok(reply),
            Some(Outcome::Error(error)) => Err(error),
            None => Err(LlmError::NotRecorded { request }),
        }
    }
}

/// A model that passes every chat on to another and writes down what came of it. The file holds the prompts and the answers; no key.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    file: Mutex<File>,
    model: Arc<dyn ChatModel>,
}

impl Recorder {
    /// Begins a recording at `path`, or goes on with the one that is there.
    ///
    /// # Errors
    /// [`RecordingError`] where the file can't be written, or is something else.
    pub fn create(path: &Path, model: Arc<dyn ChatModel>) -> Result<Self, RecordingError> {
        let failed = |error| RecordingError::File { path: path.to_owned(), error };
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() == 0 {
            let header = json_line(&Header { format: FORMAT.to_owned(), version: VERSION }).map_err(failed)?;
            file.write_all(&header).map_err(failed)?;
        } else {
            let mut first = String::new();
            BufReader::new(&file).read_line(&mut first).map_err(failed)?;
            check_header(path, &first)?;
        }
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), model })
    }
}

#[async_trait]
impl ChatModel for Recorder {
    async fn complete(&self, chat: &Chat, deadline: Deadline) -> Result<Reply, LlmError> {
        let result = self.model.complete(chat, deadline).await;
        // The twin finds these by itself.
        if !matches!(result, Err(LlmError::BadChat { .. })) {
            let outcome = result.clone().map_or_else(Outcome::Error, Outcome::Reply);
            let line = json_line(&Line { request: request_of(chat), chat: chat.clone(), outcome });
            // One short write to a file that the system buffers, in a mode for making fixtures.
            if let Err(error) = line.and_then(|line| self.file.lock().write_all(&line)) {
                tracing::warn!(path = %self.path.display(), %error, "a chat could not be recorded");
            }
        }
        result
    }
}

fn check_header(path: &Path, line: &str) -> Result<(), RecordingError> {
    let bad = |detail: String| RecordingError::Line { path: path.to_owned(), line: 1, detail };
    let header: Header = serde_json::from_str(line).map_err(|error| bad(format!("this is no recording of chats: {error}")))?;
    if (header.format.as_str(), header.version) != (FORMAT, VERSION) {
        let detail = format!("it is {} of version {}, and version {VERSION} of {FORMAT} is read", header.format, header.version);
        return Err(bad(detail));
    }
    Ok(())
}

fn json_line(value: &impl Serialize) -> Result<Vec<u8>, std::io::Error> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// The hash that a chat is found by.
fn request_of(chat: &Chat) -> String {
    let mut text = String::new();
    // A chat has string keys and finite numbers alone, so it always has a JSON value.
    write_canonical(&serde_json::to_value(chat).unwrap_or_default(), &mut text);
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// JSON with the keys in order and without blanks, so that the same value is the same text.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| key.as_str());
            text.push('{');
            for (key, value) in fields {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        leaf => text.push_str(&leaf.to_string()),
    }
}
