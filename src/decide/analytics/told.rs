//! From what became of a question to what its asker is told.

use super::ask::day;
use super::{AnalyticsError, Came, DataOutcome, DataQuestion, Judgeable, Resulted, Took, Turn};
use crate::decide::Decider;
use crate::domain::answer::Confidence;
use crate::engine::analytics::answer::{ChartHint, DataAnswer, Given, RefusalClass, answer, confirmed, failed, refused, written};
use crate::engine::analytics::library::Reader;
use crate::engine::analytics::reconcile::Derivation;
use crate::engine::analytics::words::{Asked, Reading, Words};
use crate::engine::analytics::written::Answered;
use jiff::civil::Date;
use std::sync::Arc;
use std::time::Instant;

/// A question about data with its answer.
#[derive(Debug, Clone)]
pub struct DataTold {
    /// The layer that it was read by.
    pub reader: Arc<Reader>,
    /// What it turned out to be.
    pub reading: Reading,
    /// What it is beside those before it.
    pub turn: Turn,
    /// The answer; where there is none, why.
    pub answer: DataAnswer,
    /// Where its result came from, where there is one.
    pub came: Option<Came>,
    /// How long it took.
    pub took: Took,
    /// What is remembered of it for whoever judges it; none where there is no result, or one in several parts.
    pub judgeable: Option<Box<Judgeable>>,
    /// Queries that were written for it.
    pub attempts: usize,
    /// Milliseconds that putting it into words and drawing it took.
    pub told_ms: f64,
}

impl Decider {
    /// Answers a question about data. What can't be answered by these tables, or not so, is an answer too, which says why.
    ///
    /// # Errors
    /// [`AnalyticsError`] where trying again, or elsewhere, may help.
    pub async fn tell_data(&self, question: &DataQuestion, hint: Option<ChartHint>) -> Result<DataTold, AnalyticsError> {
        let DataOutcome { reader, reading, turn, hint: heard, result, wrote, took } = self.ask_data(question).await?;
        let (began, as_of, words) = (Instant::now(), day(question.as_of), reader.words());
        let (asked_on, hint) = ((question.text.as_str(), as_of), heard.or(hint));
        let attempts = wrote.as_ref().map_or(0, |(wrote, _)| wrote.attempts());
        let by_model = wrote.as_ref().and_then(|(wrote, came)| Some((wrote.answered()?, *came)));
        let mut judgeable = None;
        let (answer, came) = match (&reading, &result, by_model) {
            (Reading::Data(asked), Ok(Some((result, came))), by_model) => {
                let by_model = by_model.map(|(answered, _)| answered);
                let worth = |agrees| self.analyst.worth(question, (&reader, asked), (result, agrees));
                let answer = understood((words, as_of, hint), (asked, result), (by_model, worth));
                judgeable = Some(self.analyst.judgeable(question, (&reader, asked), (result, *came), (turn, answer.label)));
                (answer, Some(*came))
            }
            (_, _, Some((answered, came))) => {
                let told = written(words, answered, asked_on, hint);
                judgeable = self.analyst.judgeable_written(question, &reader, answered);
                let doubt = judgeable.as_ref().and_then(|own| self.analyst.doubted(question, &reader, &own.candidate.answer));
                (doubt.into_iter().fold(told, DataAnswer::doubted), Some(came))
            }
            (reading, result, None) => {
                let told = match result {
                    Err(error) => failed(words, error.class().unwrap_or(RefusalClass::Failed), &error.to_string(), asked_on),
                    Ok(_) => refused(words, reading, asked_on)
                        .unwrap_or_else(|| failed(words, RefusalClass::Failed, "nothing came of it", asked_on)),
                };
                let why_not = wrote.as_ref().and_then(|(wrote, _)| wrote.why_not());
                (why_not.into_iter().fold(told, DataAnswer::also_because), None)
            }
        };
        let attempts = attempts + usize::from(result.is_ok_and(|found| found.is_some()));
        let told_ms = began.elapsed().as_secs_f64() * 1e3;
        Ok(DataTold { reader, reading, turn, answer, came, took, judgeable: judgeable.map(Box::new), attempts, told_ms })
    }
}

/// The answer by rule, held against what a language model's SQL brought where one was asked.
fn understood(
    (words, as_of, hint): (&Words, Date, Option<ChartHint>),
    (asked, result): (&Asked, &Resulted),
    (by_model, worth): (Option<&Answered>, impl Fn(bool) -> Derivation),
) -> DataAnswer {
    let second = by_model.and_then(|answered| Some((confirmed(answered)?, answered.parts.first()?)));
    let agrees = second.as_ref().is_some_and(|((allows, _), _)| *allows == Confidence::High);
    let mut derivation = worth(agrees);
    if let Some(((allows, because), _)) = &second {
        derivation.reasons.push((*allows, because.clone()));
        derivation.label = derivation.label.max(*allows);
    }
    let told = answer(&Given {
        words,
        asked,
        compiled: &result.compiled,
        primary: &result.primary,
        siblings: &result.siblings,
        relaxed: result.relaxed.as_ref(),
        derivation: &derivation,
        hint,
        as_of,
    });
    second.into_iter().fold(told, |told, (_, part)| told.held_against(part))
}
