//! Statements that must pass, and what is true of everything that passes.

use super::{analyst, dialects, gate};
use crate::sql::Dialect;
use serde::Deserialize;

pub(super) const LEGITIMATE: &str = include_str!("../../../tests/data/sql/legitimate.ndjson");

#[derive(Deserialize)]
pub(super) struct Legitimate {
    pub(super) dialect: String,
    pub(super) sql: String,
}

/// Every statement of the list with each of its dialects.
pub(super) fn list() -> Vec<(Dialect, String)> {
    let lines = LEGITIMATE.lines().map(|line| serde_json::from_str::<Legitimate>(line).expect("a line of the list"));
    lines.flat_map(|line| dialects(&line.dialect).into_iter().map(move |dialect| (dialect, line.sql.clone()))).collect()
}

#[test]
fn every_legitimate_statement_of_the_list_passes_and_passes_again_unchanged() {
    let mut wrong = Vec::new();
    for (dialect, sql) in list() {
        match gate(dialect).pass(&sql, &analyst()) {
            Err(refused) => wrong.push(format!("{}: {:?}: {refused}: {sql}", dialect.as_str(), refused.kind)),
            Ok(passed) => match gate(dialect).pass(&passed.sql, &analyst()) {
                Ok(again) if again.sql == passed.sql && again.tables == passed.tables => {}
                Ok(again) => wrong.push(format!("{}: changes:\n  {}\n  {}", dialect.as_str(), passed.sql, again.sql)),
                Err(refused) => wrong.push(format!("{}: again: {:?}: {refused}: {}", dialect.as_str(), refused.kind, passed.sql)),
            },
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), list().len(), wrong.join("\n"));
}
