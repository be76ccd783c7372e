//! What a build came to, in words.

use super::{Failure, tell};
use serde::Serialize;

/// What was built.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub generation: u32,
    pub built_from: u32,
    pub model: String,
    pub was: String,
    /// Embedded, and there from an earlier run.
    pub components: usize,
    pub components_here: usize,
    pub entries: usize,
    pub entries_here: usize,
    /// Of the embedded: those that were composed without a component that is gone.
    pub without_context: usize,
    /// Entries that no strategy of today finds, and that stay behind.
    pub of_another_version: usize,
    /// Records of neither model, and texts that this model makes nothing of, which stay behind too.
    pub of_another_model: usize,
    pub not_embeddable: usize,
    /// Wrong reuses whose questions stay closed.
    pub closed_questions: usize,
    /// Audit records, deletions by tag and bars.
    pub copied: u64,
    /// What an earlier run had built and is no longer served.
    pub removed: usize,
    pub damaged: usize,
    pub seconds: f64,
}

impl Report {
    pub(super) fn in_words(&self) -> Result<(), Failure> {
        let Self { generation, built_from, model, was, components, entries, copied, seconds, .. } = self;
        tell(&format!("generation {generation} of {model} was built from generation {built_from} of {was} in {seconds:.1} s"))?;
        tell(&format!(
            "{entries} entries and {components} components embedded, {} and {} there already, {copied} other records copied",
            self.entries_here, self.components_here
        ))?;
        for (count, what) in [
            (self.closed_questions, "wrong reuses stay closed; error budgets otherwise begin anew with the new model"),
            (self.without_context, "entries were composed without a component that is gone"),
            (self.of_another_version, "entries stay behind: no strategy of today finds them"),
            (self.of_another_model, "entries stay behind: they are of neither model"),
            (self.not_embeddable, "texts stay behind: this model makes nothing of them"),
            (self.removed, "records of an earlier run are gone: they are no longer served"),
            (self.damaged, "records are DAMAGED and stay behind"),
        ] {
            if count > 0 {
                tell(&format!("{count} {what}"))?;
            }
        }
        tell(&format!(
            "compare them with `instinct generations compare {generation}`, cut over with `instinct generations use {generation}`"
        ))
    }
}
