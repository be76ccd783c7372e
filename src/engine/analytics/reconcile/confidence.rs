//! The label of an answer, as a function of what was seen and of nothing else.

use super::compare::{Outcome, Reconciliation, Skip};
use super::sanity::{Finding, Severity};
use crate::domain::answer::Confidence;
use serde::{Deserialize, Serialize};

/// All that a label is derived from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signals {
    /// Why the question can't be answered, where it can't.
    pub unanswerable: Option<String>,
    /// Why the query could not be run, where it could not.
    pub failed: Option<String>,
    /// What the rules of sanity found.
    pub findings: Vec<Finding>,
    /// How the result compares with other definitions.
    pub reconciliations: Vec<Reconciliation>,
    /// What was taken for granted beside the question.
    pub assumptions: Vec<String>,
    /// Misspelt words and what they were taken for.
    pub corrections: Vec<(String, String)>,
    /// A row counts whole though only a part of what belongs to it passed a filter.
    pub attributed: bool,
    /// A row stands in several groups and its value is added up in each.
    pub overlapping: bool,
}

/// A label with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    /// The label.
    pub label: Confidence,
    /// Each reason with the highest label that it allows.
    pub reasons: Vec<(Confidence, String)>,
}

/// A label with all that it was derived from, so that anybody can derive it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What was seen.
    pub signals: Signals,
    /// What followed.
    pub derivation: Derivation,
}

impl Record {
    /// Derives the label and keeps what it came from.
    pub fn of(signals: Signals) -> Self {
        let derivation = label(&signals);
        Self { signals, derivation }
    }

    /// Whether the label still follows from what was seen.
    pub fn holds(&self) -> bool {
        label(&self.signals) == self.derivation
    }
}

/// Derives the label: the lowest that any reason allows.
pub fn label(signals: &Signals) -> Derivation {
    let mut reasons: Vec<(Confidence, String)> = Vec::new();
    reasons.extend(signals.unanswerable.iter().chain(&signals.failed).map(|reason| (Confidence::Unable, reason.clone())));
    for finding in &signals.findings {
        let allowed = if finding.severity == Severity::Major { Confidence::Low } else { Confidence::Medium };
        reasons.push((allowed, finding.detail.clone()));
    }
    reasons.extend(signals.reconciliations.iter().map(compared));
    reasons.extend(signals.assumptions.iter().map(|assumption| (Confidence::Medium, assumption.clone())));
    let taken = |(written, meant): &(String, String)| (Confidence::Medium, format!("`{written}` was taken for `{meant}`"));
    reasons.extend(signals.corrections.iter().map(taken));
    if signals.attributed {
        reasons.push((Confidence::Medium, "what passed the filter counts whole, with all that belongs to it".to_owned()));
    }
    if signals.overlapping {
        reasons.push((Confidence::Medium, "the groups overlap, so they do not add up to the whole".to_owned()));
    }
    // The order of the labels is from high to unable.
    let label = reasons.iter().map(|(allowed, _)| *allowed).max().unwrap_or(Confidence::High);
    Derivation { label, reasons }
}

fn compared(reconciliation: &Reconciliation) -> (Confidence, String) {
    let delta = reconciliation.delta.map_or_else(String::new, |delta| format!(", {:.2}% apart at most", delta * 100.0));
    let (allowed, told) = match reconciliation.outcome {
        Outcome::Agreed => (Confidence::High, "another definition agrees"),
        Outcome::Close => (Confidence::Medium, "another definition nearly agrees"),
        Outcome::Disagreed => (Confidence::Low, "another definition disagrees"),
        Outcome::KeysDiffer => (Confidence::Low, "another definition has other groups"),
        Outcome::ShapesDiffer => (Confidence::Low, "another definition can't be laid beside it"),
        Outcome::Skipped(Skip::SingleDefinition) => (Confidence::High, "there is one definition"),
        Outcome::Skipped(Skip::ComplementaryViews) => {
            (Confidence::Medium, "what goes together need not be cause and effect, and nothing confirms it")
        }
        Outcome::Skipped(Skip::InsufficientSiblings) => (Confidence::Low, "no other definition came back to compare with"),
    };
    (allowed, format!("{told}{delta}"))
}
