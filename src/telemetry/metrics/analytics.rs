//! The facts about questions about data. All labels are constant words.

use super::{METRICS, SECONDS, counter, counter_vec, histogram};
use prometheus::{Histogram, IntCounter, IntCounterVec, Registry};
use std::time::Duration;

pub(super) struct Metrics {
    questions: IntCounterVec,
    failures: IntCounter,
    verdicts: IntCounterVec,
    terms: IntCounterVec,
    seconds: Histogram,
    written: IntCounterVec,
    writing: Histogram,
}

impl Metrics {
    pub(super) fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        let questions = "Questions about data, by what the answer is worth and where its result came from: kept, derived, run, written, none.";
        Ok(Self {
            questions: counter_vec(r, "data_questions_total", questions, &["label", "came"])?,
            failures: counter(r, "data_question_failures_total", "Questions about data that ended in an error.")?,
            verdicts: counter_vec(r, "data_verdicts_total", "Verdicts on answers about data that were taken.", &["verdict"])?,
            terms: counter_vec(r, "data_terms_total", "Steps of proposals of what words mean, by where they led.", &["state"])?,
            written: counter_vec(
                r,
                "data_written_total",
                "Questions about data put to a language model, by outcome: answered, conversational, out_of_scope, unanswerable, failed, late, \
                 error; kept where that was found out before.",
                &["outcome"],
            )?,
            writing: histogram(
                r,
                "data_written_duration_seconds",
                "Time of one question with a language model, its queries included.",
                SECONDS,
            )?,
            seconds: histogram(r, "data_queries_duration_seconds", "Time of the queries of one question about data.", SECONDS)?,
        })
    }
}

/// A question about data was answered.
pub fn answered(label: &'static str, came: &'static str) {
    METRICS.analytics.questions.with_label_values(&[label, came]).inc();
}

/// One ended in an error.
pub fn failed() {
    METRICS.analytics.failures.inc();
}

/// A verdict on an answer was taken.
pub fn judged(verdict: &'static str) {
    METRICS.analytics.verdicts.with_label_values(&[verdict]).inc();
}

/// A proposal of what a word means took a step.
pub fn term_moved(state: &'static str) {
    METRICS.analytics.terms.with_label_values(&[state]).inc();
}

/// A question was put to a language model; `outcome` is a constant word.
pub fn written(outcome: &'static str) {
    METRICS.analytics.written.with_label_values(&[outcome]).inc();
}

/// A language model was done with a question.
pub fn wrote(took: Duration) {
    METRICS.analytics.writing.observe(took.as_secs_f64());
}

/// The queries of a question ran.
pub fn queried(took: Duration) {
    METRICS.analytics.seconds.observe(took.as_secs_f64());
}
