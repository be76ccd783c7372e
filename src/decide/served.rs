//! Who was served from an entry.

use crate::domain::audit::DecisionRecord;
use crate::domain::ids::{EntryId, TenantId};
use crate::store::{Record, RecordKind, Store, StoreError};
use serde::Deserialize;
use std::ops::ControlFlow;

/// The decisions that were served from one entry and that are still on record.
#[derive(Debug, Default)]
pub struct Served {
    /// How many.
    pub count: usize,
    /// The latest of them, newest first.
    pub latest: Vec<DecisionRecord>,
}

#[derive(Deserialize)]
struct Answered {
    #[serde(rename = "match")]
    matched: Option<Matched>,
}

#[derive(Deserialize)]
struct Matched {
    entry: String,
}

/// Looks for the decisions that were served from an entry, and keeps the `max` latest. Reads every audit record; blocks.
///
/// # Errors
/// [`StoreError`] where the store can't be read.
pub fn served_from(store: &dyn Store, tenant: &TenantId, entry: &EntryId, max: usize) -> Result<Served, StoreError> {
    let id = entry.to_string();
    let mut served = Served::default();
    let newest_first = |decisions: &mut Vec<DecisionRecord>| {
        decisions.sort_by_key(|decision| std::cmp::Reverse(decision.id));
        decisions.truncate(max);
    };
    store.scan(RecordKind::Decision, &mut |record| {
        let Ok(Record::Decision(decision)) = record else { return ControlFlow::Continue(()) };
        // The answer is read only where the id is in it at all: an entry may also have been refused there.
        if decision.tenant == *tenant && decision.answer.get().contains(&id) {
            let answer: Option<Answered> = serde_json::from_str(decision.answer.get()).ok();
            if answer.and_then(|answer| answer.matched).is_some_and(|matched| matched.entry == id) {
                served.count += 1;
                served.latest.push(decision);
                if served.latest.len() >= 2 * max {
                    newest_first(&mut served.latest);
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    newest_first(&mut served.latest);
    Ok(served)
}
