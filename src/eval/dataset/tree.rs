//! One JSON object: CLINC150.

use super::lines::text;
use super::{BadLine, Row};
use crate::eval::decision;
use std::collections::BTreeMap;

/// The intent that means "none of these". Two such questions need not share a decision, so each is a label of its own.
const OUT_OF_SCOPE: &str = "oos";

/// Every part of the file, one after the other; a row's line is its place among them.
pub(super) fn clinc(bytes: &[u8]) -> Vec<Result<Row, BadLine>> {
    let parts: BTreeMap<String, Vec<serde_json::Value>> = match serde_json::from_slice(bytes) {
        Ok(parts) => parts,
        Err(error) => return vec![Err(BadLine::new(error.line(), error))],
    };
    let rows = parts.into_values().flatten().enumerate();
    rows.map(|(at, row)| {
        let place = at + 1;
        let (question, intent): (String, String) = serde_json::from_value(row).map_err(|error| BadLine::new(place, error))?;
        let label = if intent == OUT_OF_SCOPE { format!("{OUT_OF_SCOPE}:{place}") } else { intent };
        let decision = decision::labelled(&label).map_err(|error| BadLine::new(place, error))?;
        Ok(Row {
            line: place,
            text: text(place, &question)?,
            headline: None,
            decision,
            at: None,
            tags: Vec::new(),
            pieces: Vec::new(),
        })
    })
    .collect()
}
