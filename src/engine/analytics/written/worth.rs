//! What an answer that a model wrote is worth: the rules of every answer, and MEDIUM at most unless another way to the same thing agrees.

use super::super::compile::ColumnRole;
use super::super::reconcile::{Derivation, Expectation, Outcome, Reconciliation, Signals, label, reconcile, sane};
use super::part::{Missing, Part, Review};
use super::{Sibling, shape};
use crate::domain::answer::Confidence;

/// Derives the label of the parts, held against the answer of the compiler of intents where there is one.
pub(super) fn derived(
    parts: &[Part],
    missing: &[Missing],
    sibling: Option<&Sibling<'_>>,
) -> (Derivation, Option<Reconciliation>) {
    // Of several parts none is the whole question, so there is nothing that the sibling should be equal to.
    let compared = match (parts, missing, sibling) {
        ([part], [], Some(sibling)) => Some(reconcile(sibling.frame, &shape::aligned(&part.frame, sibling.frame))),
        _ => None,
    };
    let agreed = compared.as_ref().is_some_and(|compared| compared.outcome == Outcome::Agreed);
    let mut signals = Signals { reconciliations: compared.iter().cloned().collect(), ..Signals::default() };
    if parts.is_empty() {
        signals.failed = Some("no part of the question has an answer".to_owned());
    }
    for part in parts {
        let grouped = part.frame.columns.iter().any(|column| column.role == ColumnRole::Key);
        signals.findings.extend(sane(&part.frame, Expectation { grouped, whole: None, relaxed: None }));
        signals.assumptions.extend(part.query.assumptions.iter().cloned());
    }
    let mut derivation = label(&signals);
    let mut reason = |allowed, text: String| derivation.reasons.push((allowed, text));
    if !agreed {
        let by = parts.first().map_or("language model", |part| part.query.definition.as_str());
        reason(Confidence::Medium, format!("the query was written by a {by}, and no other way to it agrees"));
    }
    for part in parts {
        match &part.review {
            Review::Agreed { round: 1 } => {}
            Review::Agreed { round } => {
                reason(Confidence::Medium, format!("the query was mended until look {round} found that it answers the question"));
            }
            Review::Disagreed { problem } => {
                let told = if problem.is_empty() { String::new() } else { format!(": {problem}") };
                reason(Confidence::Low, format!("looked over, the result does not answer the question{told}"));
            }
            Review::NotMade { because } => reason(Confidence::Medium, format!("the result was not looked over: {because}")),
        }
    }
    for missing in missing {
        reason(Confidence::Low, format!("a part of the question has no answer: {}", missing.question));
    }
    derivation.label = derivation.reasons.iter().map(|(allowed, _)| *allowed).max().unwrap_or(Confidence::Medium);
    (derivation, compared)
}
