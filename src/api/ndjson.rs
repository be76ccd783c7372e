//! NDJSON in and out: one result line for each line, a bad line fails alone.
//!
//! The body is read whole before the first result is sent, for a client that sends all before it reads would otherwise block on us
//! while we block on it. The number of such bodies in memory is bounded by `server.bulk_writes_max`.

use super::audit::{Audited, BulkRecord};
use super::error::{Kind, Problem};
use super::json;
use crate::app::App;
use crate::domain::field::FieldError;
use crate::limits::{BULK_BODY_BYTES_MAX, LINE_BYTES_MAX};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

/// The result of one line.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct LineResult {
    /// Which line, counted from 1.
    pub line: usize,
    /// The id of what was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `created`, `replaced` or `error`.
    pub status: &'static str,
    /// What is wrong with the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<super::error::ProblemDetails>)]
    pub error: Option<Problem>,
}

impl LineResult {
    pub(super) fn error(line: usize, error: Problem) -> Self {
        Self { line, id: None, status: "error", error: Some(error) }
    }
}

/// A line that could be read, with its number.
pub(crate) type Line<T> = (usize, Result<T, FieldError>);

/// Answers with one result line for each line of the body: `write` gets up to `lines_max` lines at a time and gives their results. The place
/// among the bulk writes is held until the last line is written, and the whole is on record before the results of the last lines are told.
pub(super) async fn bulk<T, F, W>(
    app: &Data<App>,
    http: &HttpRequest,
    payload: Payload,
    (lines_max, audited): (usize, Audited),
    write: W,
) -> Result<HttpResponse, Problem>
where
    T: DeserializeOwned + 'static,
    F: Future<Output = Vec<LineResult>> + 'static,
    W: Fn(Data<App>, Vec<Line<T>>) -> F + 'static,
{
    let busy = |_| Problem::new(Kind::OVERLOADED, "as many bulk writes are under way as server.bulk_writes_max allows");
    json::no_query(http)?;
    // Told once for all lines, and before any is embedded.
    if let Some(why) = app.decider.store.health().failed {
        return Err(Problem::new(Kind::AWAY, why));
    }
    let body = json::body(http, &mut payload.into_inner(), BULK_BODY_BYTES_MAX).await?;
    // Taken once the body is there, so that a client that sends slowly keeps nobody out.
    let place = Arc::clone(&app.bulk).try_acquire_owned().map_err(busy)?;
    let record = BulkRecord::new(Arc::clone(app), audited);
    let start = (Data::clone(app), Lines { body, at: 0, line: 0 }.peekable(), write, (place, Some(record)));
    let results = stream::unfold(start, move |(app, mut lines, write, (place, mut record))| async move {
        let batch: Vec<Line<T>> = lines.by_ref().take(lines_max).map(|(line, bytes)| (line, read_line(&bytes))).collect();
        if batch.is_empty() {
            // Nothing was asked for, or all of it is told.
            return None;
        }
        let mut results = write(Data::clone(&app), batch).await;
        results.sort_by_key(|result| result.line);
        if let Some(record) = &mut record {
            record.count(&results);
        }
        if lines.peek().is_none()
            && let Some(record) = record.take()
        {
            record.end(&mut results).await;
        }
        let mut text = Vec::with_capacity(results.len() * 128);
        for result in &results {
            // Writing plain data into memory can't fail; a line that did would be missing, which the client sees.
            if serde_json::to_writer(&mut text, result).is_ok() {
                text.push(b'\n');
            }
        }
        Some((Ok::<_, Infallible>(Bytes::from(text)), (app, lines, write, (place, record))))
    });
    Ok(HttpResponse::Ok().content_type("application/x-ndjson").streaming(results))
}

#[cfg(fuzzing)]
pub(super) fn lines(body: Bytes) -> impl Iterator<Item = (usize, Bytes)> {
    Lines { body, at: 0, line: 0 }
}

pub(super) fn read_line<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FieldError> {
    if bytes.len() > LINE_BYTES_MAX {
        return Err(FieldError::new(
            "",
            format!("the line has {} bytes, more than the {LINE_BYTES_MAX} that are allowed", bytes.len()),
        ));
    }
    json::read(bytes)
}

/// The lines of a body that are not blank, with their numbers.
struct Lines {
    body: Bytes,
    at: usize,
    line: usize,
}

impl Iterator for Lines {
    type Item = (usize, Bytes);

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.body.len() {
            let rest = self.body.slice(self.at..);
            let length = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            self.at += length + 1;
            self.line += 1;
            let line = rest.slice(..length);
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Some((self.line, line));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &'static str) -> Vec<(usize, &'static str)> {
        let body = Bytes::from_static(text.as_bytes());
        Lines { body, at: 0, line: 0 }
            .map(|(n, line)| (n, std::str::from_utf8(&line).unwrap().to_owned().leak() as &str))
            .collect()
    }

    #[test]
    fn blank_lines_are_passed_over_and_keep_their_numbers() {
        assert_eq!(lines("a\n\n \r\nb"), [(1, "a"), (4, "b")]);
        assert_eq!(lines("a\n"), [(1, "a")]);
        assert_eq!(lines(""), []);
        assert_eq!(lines("\n\n"), []);
    }
}
