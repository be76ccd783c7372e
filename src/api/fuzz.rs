//! What the fuzzer gives to the readers of bodies and of queries.

use super::components::ComponentRequest;
use super::decide::DecideRequest;
use super::decisions::{Page, Wait};
use super::entries::bulk::{EntryRequest, checked_decision};
use super::entries::delete::DeleteRequest;
use super::entries::search::SearchRequest;
use super::feedback::FeedbackRequest;
use super::market::BarLine;
use super::ndjson::{lines, read_line};
use super::numeric::RunRequest;
use super::plans::{CheckRequest, PlanRequest, ReplayRequest, ReviewRequest};
use super::prototype::{Embeddings, InsertRequest, PromptRequest, eastern};
use super::query::QueryRequest;
use super::query::feedback::QueryFeedbackRequest;
use super::query::terms::TermRequest;
use super::{audit, json};
use crate::domain::ids::{ComponentId, StrategyName};
use crate::domain::market::Instrument;
use crate::domain::time::Timestamp;
use actix_web::web::{Bytes, Query};
use serde::de::DeserializeOwned;

/// Reads bytes as the body of every door, whole and line by line. What is wrong is named with a pointer that is one.
pub fn bodies(bytes: &[u8]) {
    body::<DecideRequest>(bytes);
    body::<SearchRequest>(bytes);
    body::<DeleteRequest>(bytes);
    body::<FeedbackRequest>(bytes);
    body::<PromptRequest>(bytes);
    body::<InsertRequest>(bytes);
    body::<QueryRequest>(bytes);
    body::<QueryFeedbackRequest>(bytes);
    body::<TermRequest>(bytes);
    body::<PlanRequest>(bytes);
    body::<CheckRequest>(bytes);
    body::<ReviewRequest>(bytes);
    body::<ReplayRequest>(bytes);
    body::<RunRequest>(bytes);
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    for (number, line) in lines(Bytes::copy_from_slice(bytes)) {
        assert!(number > 0 && !line.contains(&b'\n'));
        let _ = read_line::<ComponentRequest>(&line);
        if let Ok(entry) = read_line::<EntryRequest>(&line) {
            let _ = checked_decision("/decision", entry.raw_decision());
        }
        if let Ok(bar) = read_line::<BarLine>(&line) {
            let _ = bar.checked(now);
        }
    }
}

fn body<T: DeserializeOwned>(bytes: &[u8]) {
    if let Err(error) = json::read::<T>(bytes) {
        assert!(error.pointer.is_empty() || error.pointer.starts_with('/'), "{error}");
    }
}

/// Reads a text as a query, as an id in a path, and as a moment of the prototype.
pub fn words(text: &str) {
    let _ = (Query::<Page>::from_query(text), Query::<Wait>::from_query(text), Query::<Embeddings>::from_query(text));
    let _ = Query::<audit::Which>::from_query(text).map(|which| which.checked());
    let _ = (Instrument::new(text), ComponentId::new(text), StrategyName::new(text));
    let _ = eastern(text);
}
