//! A question without an answer: what is missing, which words had no place, and what can be asked instead.

use super::super::words::{Reading, Words};
use super::follow_ups::examples;
use super::model::{DataAnswer, DataRefusal, DataReport, LabelReason, RefusalClass, UnplacedWords};
use super::phrases::{capital, listed, title};
use crate::domain::answer::Confidence;
use jiff::civil::Date;

/// The answer to a question that was not understood or can't be answered; none where it was understood.
pub fn refused(words: &Words, reading: &Reading, (question, as_of): (&str, Date)) -> Option<DataAnswer> {
    let refusal = match reading {
        Reading::Data(_) => return None,
        Reading::Unclear { unplaced, reason } => DataRefusal {
            class: RefusalClass::Unclear,
            about: None,
            reason: reason.clone(),
            unplaced: unplaced
                .iter()
                .map(|word| UnplacedWords {
                    words: word.words.clone(),
                    reason: word.reason.clone(),
                    choices: word.choices.clone(),
                })
                .collect(),
        },
        Reading::Unanswerable { about, reason } => plain(RefusalClass::Unanswerable, Some(about), reason),
        Reading::Conversational => plain(RefusalClass::Conversational, None, "nothing is asked of the data"),
        Reading::OutOfScope { reason } => plain(RefusalClass::OutOfScope, None, reason),
    };
    Some(told(words, refusal, (question, as_of)))
}

/// The answer to a question that was understood and whose SQL could not be written or run; `reason` is for the caller's eyes.
pub fn failed(words: &Words, class: RefusalClass, reason: &str, (question, as_of): (&str, Date)) -> DataAnswer {
    told(words, plain(class, None, reason), (question, as_of))
}

fn plain(class: RefusalClass, about: Option<&String>, reason: &str) -> DataRefusal {
    DataRefusal { class, about: about.cloned(), reason: reason.to_owned(), unplaced: Vec::new() }
}

fn told(words: &Words, refusal: DataRefusal, (question, as_of): (&str, Date)) -> DataAnswer {
    let text = text(words, &refusal);
    let next = examples(words, question, as_of);
    DataAnswer {
        label: Confidence::Unable,
        reasons: vec![LabelReason { allows: Confidence::Unable, because: refusal.reason.clone() }],
        report: DataReport {
            answer: text.clone(),
            method: vec!["No query was run.".to_owned()],
            caveats: vec![format!("{}.", capital(refusal.reason.trim_end_matches('.')))],
            sources: Vec::new(),
        },
        text,
        claims: Vec::new(),
        table: None,
        further: Vec::new(),
        chart: None,
        queries: Vec::new(),
        assumptions: Vec::new(),
        corrections: Vec::new(),
        follow_ups: next,
        refusal: Some(refusal),
    }
}

fn text(words: &Words, refusal: &DataRefusal) -> String {
    let about = words.layer().comment.trim_end_matches('.');
    let reason = refusal.reason.trim_end_matches('.');
    match refusal.class {
        RefusalClass::Unanswerable => {
            let what = refusal.about.as_deref().map(|about| format!(" ({})", title(about))).unwrap_or_default();
            format!("This can't be answered from the data{what}: {reason}.")
        }
        RefusalClass::Conversational => {
            format!("Ask about the data and you will get an answer with its query. There is: {about}.")
        }
        RefusalClass::OutOfScope => format!("This is about something that the data do not hold. There is: {about}."),
        RefusalClass::NotExpressible => format!("The question was understood and can't be put to these tables: {reason}."),
        RefusalClass::Forbidden => format!("The question was understood, and you may not have its answer: {reason}."),
        RefusalClass::Failed => format!("The question was understood, and its query did not run: {reason}."),
        RefusalClass::Unclear => unclear(refusal),
    }
}

fn unclear(refusal: &DataRefusal) -> String {
    let mut sentences = Vec::new();
    for word in &refusal.unplaced {
        let choices: Vec<String> = word.choices.iter().map(|choice| format!("“{choice}”")).collect();
        let choices = if choices.is_empty() { String::new() } else { format!(" It may be {}.", listed(&choices, "or")) };
        let reason = word.reason.trim_end_matches('.');
        let end = if reason.ends_with('?') { "" } else { "." };
        let lead = match word.words.is_empty() {
            true => capital(reason),
            false => format!("“{}” had no place: {reason}", word.words),
        };
        sentences.push(format!("{lead}{end}{choices}"));
    }
    if sentences.is_empty() {
        return format!("The question was not understood: {}.", refusal.reason);
    }
    format!("No query was run, because an answer to another question is worse than none. {}", sentences.join(" "))
}
