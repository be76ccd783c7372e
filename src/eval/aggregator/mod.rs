//! Learning a classifier that decides on what the trading engine's agents say, in place of their weighted vote.
//!
//! The agents are run by their local paths on each text as of its moment. In the order of time the first half of the examples fits the
//! model, the next quarter chooses penalty, temperature and threshold, and on the last, from which nothing is learnt, it is held against the
//! vote, the most common label and News Sentiment alone. Where outcomes come from prices, an example whose outcome reaches into the next
//! part is left out (López de Prado, "Advances in Financial Machine Learning", 2018, chapter 7), and for the proof all of one instrument and
//! day count once, since they share their outcome.

pub mod bars;
mod choose;
pub mod report;
pub mod rows;
mod softmax;
#[cfg(test)]
mod tests;

use self::report::{AggregatorReport, Line, Part};
use self::rows::{Material, Row};
use super::statistics::Rate;
use crate::domain::deadline::Deadline;
use crate::domain::market::Instrument;
use crate::domain::time::Timestamp;
use crate::embed::Embedder;
use crate::engine::trading::aggregate;
use crate::engine::trading::classifier::{Classifier, FORMAT, Feature, LearntWith, Seen};
use crate::engine::trading::market_context;
use crate::engine::trading::sentiment::{Assessment, NewsSentiment};
use std::time::Duration;

/// Seconds after which past prices tell the outcome.
pub const HORIZON_SEC: u64 = 24 * 3_600;

/// The move, as a fraction, from which on an outcome is a rise or a fall where nothing else is said.
pub const BAND_DEFAULT: f64 = 0.01;

/// Examples without which there is nothing to learn from.
const EXAMPLES_MIN: usize = 200;

/// Shares of the examples that fitting and choosing take.
const PARTS: (f64, f64) = (0.5, 0.25);

/// Longer than any text takes: what is learnt must not depend on the speed of the machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A text as the agents saw it, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The moment.
    pub at: Timestamp,
    /// What it is about.
    pub instrument: Instrument,
    /// What the agents made of it.
    pub seen: Seen,
    /// 1, 0 or −1.
    pub outcome: i8,
    /// Whether the outcome was told by the prices of the day that followed.
    pub by_prices: bool,
}

/// How to learn.
#[derive(Debug, Clone)]
pub struct Options {
    /// How the vote that it is held against weighs.
    pub vote: aggregate::Config,
    /// What it is learnt with.
    pub learnt_with: LearntWith,
    /// BLAKE3 of the data, and the day of today.
    pub origin: (String, String),
}

/// Why nothing could be learnt.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LearnError {
    /// There are too few examples.
    #[error("{0} examples with a known outcome are too few to learn from: at least {EXAMPLES_MIN} are needed")]
    TooFew(usize),
    /// All of the fitting part came out the same.
    #[error("all examples of the fitting part have the same outcome, so there is nothing to tell apart")]
    OneOutcome,
    /// A text could not be embedded.
    #[error("line of {0}: {1}")]
    Embed(Timestamp, String),
}

/// Runs the agents on each row; rows whose outcome nobody tells are left out, and counted. `band` is the return from which on prices tell a
/// rise or a fall.
///
/// # Errors
/// [`LearnError::Embed`].
pub async fn witness(
    material: &Material,
    (embedder, sentiment): (&dyn Embedder, &NewsSentiment),
    band: f64,
    progress: &mut dyn FnMut(usize),
) -> Result<(Vec<Example>, usize), LearnError> {
    let (mut examples, mut left_out) = (Vec::new(), 0);
    for (done, row) in material.rows.iter().enumerate() {
        progress(done);
        let by_prices = row.outcome.is_none();
        let Some(outcome) = row.outcome.or_else(|| of_prices(material, row, band)) else {
            left_out += 1;
            continue;
        };
        let embedded = embedder.embed(&row.text, Deadline::after(PATIENCE)).await;
        let vector = embedded.map_err(|error| LearnError::Embed(row.at, error.to_string()))?.vector;
        let assessed = sentiment.assess(Some(&row.instrument), &row.text, &vector);
        let probabilities = assessed.as_ref().ok().and_then(Assessment::in_scope);
        let context = market_context::read(&row.instrument, material.histories.get(&row.instrument), row.at);
        let seen = Seen {
            news: assessed.and_then(|assessment| assessment.opinion).ok(),
            probabilities,
            market: context.as_ref().ok().and_then(|context| context.opinion().ok()),
            context: context.ok(),
        };
        examples.push(Example { at: row.at, instrument: row.instrument.clone(), seen, outcome, by_prices });
    }
    Ok((examples, left_out))
}

fn of_prices(material: &Material, row: &Row, band: f64) -> Option<i8> {
    let moved = bars::next_return(material.histories.get(&row.instrument)?, row.at, HORIZON_SEC)?;
    Some(i8::from(moved > band) - i8::from(moved < -band))
}

/// Learns a classifier from examples in the order of their moments.
///
/// # Errors
/// [`LearnError`] where there is nothing to learn from. Data that prove nothing are no error: the classifier says so, and no engine takes it.
pub fn learn(examples: &[Example], options: &Options) -> Result<(Classifier, AggregatorReport), LearnError> {
    if examples.len() < EXAMPLES_MIN {
        return Err(LearnError::TooFew(examples.len()));
    }
    let [fit, choice, test] = parts(examples);
    let common = most_common(&fit);
    if fit.iter().all(|example| example.outcome == common) {
        return Err(LearnError::OneOutcome);
    }
    let chosen = choose::choose(&fit, &choice);
    let (data_hash, made_on) = options.origin.clone();
    let mut classifier = Classifier {
        format: FORMAT,
        learnt_with: options.learnt_with.clone(),
        intercepts: chosen.model.intercepts,
        terms: chosen.model.terms.clone(),
        temperature: chosen.temperature,
        threshold: chosen.threshold,
        data_hash,
        made_on,
        figures: serde_json::Value::Null,
        why: String::new(),
    };
    let mut report = AggregatorReport {
        parts: [Part::of(&fit), Part::of(&choice), Part::of(&test)],
        penalty: chosen.penalty,
        temperature: chosen.temperature,
        threshold: chosen.threshold,
        lines: lines(&classifier, &test, common, &options.vote),
        log_loss: choose::log_loss_of(&classifier, &test),
        log_loss_of_shares: choose::log_loss_of_shares(&fit, &test),
        why: String::new(),
    };
    report.why = report.in_words();
    classifier.why.clone_from(&report.why);
    // Figures are finite numbers and names, which can't fail to be written as JSON.
    classifier.figures = serde_json::to_value(&report).unwrap_or_default();
    Ok((classifier, report))
}

/// Cut in three by time, without the examples whose outcome reaches into the part after their own.
fn parts(examples: &[Example]) -> [Vec<&Example>; 3] {
    let n = examples.len() as f64;
    let (fit, rest) = examples.split_at((n * PARTS.0) as usize);
    let (choice, test) = rest.split_at((n * PARTS.1) as usize);
    let purged = |part: &'_ [Example], next: &[Example]| -> Vec<usize> {
        let begins = next.first().map(|example| example.at);
        let ends = |example: &Example| if example.by_prices { example.at.plus_seconds(HORIZON_SEC) } else { example.at };
        (0..part.len()).filter(|i| begins.is_none_or(|begins| ends(&part[*i]) < begins)).collect()
    };
    let kept = [(fit, purged(fit, choice)), (choice, purged(choice, test)), (test, purged(test, &[]))];
    kept.map(|(part, kept)| kept.into_iter().filter_map(|i| part.get(i)).collect())
}

fn most_common(examples: &[&Example]) -> i8 {
    let count = |outcome: i8| examples.iter().filter(|example| example.outcome == outcome).count();
    // Of two that are as common the more careful one.
    [0, -1, 1].into_iter().fold(0, |best, outcome| if count(outcome) > count(best) { outcome } else { best })
}

fn place(outcome: i8) -> usize {
    usize::from((outcome + 1).unsigned_abs())
}

/// What each way to decide comes to on the last part.
fn lines(classifier: &Classifier, test: &[&Example], common: i8, vote: &aggregate::Config) -> Vec<Line> {
    let decides = |e: &Example| classifier.decide(vote.quorum, &e.seen, None).ok().map(|verdict| verdict.signal);
    let forced = |e: &Example| Some(classifier.probabilities(&Feature::row(&e.seen)).best().0);
    let votes = |e: &Example| aggregate::aggregate(vote, &e.seen.votes(), None).ok().map(|verdict| verdict.signal);
    let alone = |e: &Example| e.seen.news.as_ref().map(|opinion| opinion.signal);
    let where_it_decides = |e: &Example| decides(e).map(|_| common);
    let line = |name: &str, of: &dyn Fn(&Example) -> Option<i8>| {
        let answered: Vec<bool> = test.iter().filter_map(|e| of(e).map(|signal| signal == e.outcome)).collect();
        let right = answered.iter().filter(|right| **right).count() as u64;
        let n = answered.len() as u64;
        Line { name: name.to_owned(), answered: Rate::new(n, test.len() as u64), right: Rate::new(right, n) }
    };
    vec![
        line("classifier", &decides),
        line("most common label there", &where_it_decides),
        line("classifier, forced", &forced),
        line("weighted vote", &votes),
        line("sentiment alone", &alone),
        line("most common label", &|_| Some(common)),
    ]
}
