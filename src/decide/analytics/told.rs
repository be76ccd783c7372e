//! From what became of a question to what its asker is told.

use super::ask::day;
use super::{AnalyticsError, Came, DataOutcome, DataQuestion, Judgeable, Took, Turn};
use crate::decide::Decider;
use crate::engine::analytics::answer::{ChartHint, DataAnswer, Given, RefusalClass, answer, failed, refused};
use crate::engine::analytics::library::Reader;
use crate::engine::analytics::words::Reading;
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
    /// What is remembered of it for whoever judges it; none where there is no result.
    pub judgeable: Option<Box<Judgeable>>,
    /// Milliseconds that putting it into words and drawing it took.
    pub told_ms: f64,
}

impl Decider {
    /// Answers a question about data. What can't be answered by these tables, or not so, is an answer too, which says why.
    ///
    /// # Errors
    /// [`AnalyticsError`] where trying again, or elsewhere, may help.
    pub async fn tell_data(&self, question: &DataQuestion, hint: Option<ChartHint>) -> Result<DataTold, AnalyticsError> {
        let DataOutcome { reader, reading, turn, hint: heard, result, took } = self.ask_data(question).await?;
        let (began, as_of, words) = (Instant::now(), day(question.as_of), reader.words());
        let asked_on = (question.text.as_str(), as_of);
        let came = result.as_ref().ok().and_then(|found| found.as_ref()).map(|(_, came)| *came);
        let answer = match (&reading, &result) {
            (Reading::Data(asked), Ok(Some((result, _)))) => answer(&Given {
                words,
                asked,
                compiled: &result.compiled,
                primary: &result.primary,
                siblings: &result.siblings,
                relaxed: result.relaxed.as_ref(),
                derivation: &self.analyst.worth(question, (&reader, asked), result),
                hint: heard.or(hint),
                as_of,
            }),
            (_, Err(error)) => failed(words, error.class().unwrap_or(RefusalClass::Failed), &error.to_string(), asked_on),
            (reading, Ok(_)) => refused(words, reading, asked_on)
                .unwrap_or_else(|| failed(words, RefusalClass::Failed, "nothing came of it", asked_on)),
        };
        let judgeable = match (&reading, &result) {
            (Reading::Data(asked), Ok(Some((result, came)))) => {
                Some(Box::new(self.analyst.judgeable(question, (&reader, asked), (result, *came), (turn, answer.label))))
            }
            _ => None,
        };
        Ok(DataTold { reader, reading, turn, answer, came, took, judgeable, told_ms: began.elapsed().as_secs_f64() * 1e3 })
    }
}
