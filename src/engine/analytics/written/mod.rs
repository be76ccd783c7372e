//! Questions answered with SQL that a language model writes: the question is classed and taken apart, each part gets a query, which is run,
//! mended where it fails, looked at where it brings nothing, and looked over; then the whole is labelled by rule.
//!
//! Invariants:
//! - what a model writes reaches a warehouse by [`Runs::run`] alone, behind which the gate stands, be it a first query, a mended one, or one
//!   of which a condition was taken away;
//! - a text of a model is shown only as far as [`Checks::sound`] lets it through, as one bounded line without links or markup;
//! - every wait ends by the deadline, and calls and tokens have a bound that holds for all parts together; what is dropped is cancelled, for
//!   nothing runs on a task of its own;
//! - the label is derived by rule, MEDIUM at most unless the compiler of intents came to the same rows; that it came to others, or that the
//!   review did not agree, lowers it and is told.
//!
//! A question, a comment or a cell may hold words that try to command the model. They are data in the prompt, and what such words could
//! achieve at most is another SELECT that the gate passes, within the rows of the caller, and a text that the check lets through.

mod budget;
mod cited;
mod fault;
mod part;
mod prompts;
mod question;
mod relax;
mod shape;
#[cfg(test)]
mod tests;
mod worth;

pub use self::budget::Spent;
pub use self::cited::Cited;
pub(in crate::engine::analytics) use self::cited::numbers_of;
pub use self::fault::{FaultKind, RunFault};
pub use self::part::{Attempt, Because, Missing, Part, Review, WhyMissing};
pub use self::prompts::VERSION as PROMPTS_VERSION;
pub use self::question::{folded, speaks_of_today};

use self::budget::Metered;
use self::part::{Worker, asked};
use self::prompts::{Class, Plan};
use super::linking::Excerpt;
use super::reconcile::{Derivation, Frame, Reconciliation};
use crate::domain::deadline::Deadline;
use crate::engine::steps::Steps;
use crate::llm::ChatModel;
use crate::sql::Dialect;
use crate::warehouse::Rows;
use async_trait::async_trait;
use futures_util::future::join_all;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Characters of a question that a model is asked.
const QUESTION_CHARS_MAX: usize = 2_000;

/// Characters of a reason that is shown.
const REASON_CHARS_MAX: usize = 300;

/// The way of a query to rows.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Passes `sql` through the gate for the caller, and runs what the gate printed, by the deadline. Nothing else may reach the warehouse.
    ///
    /// # Errors
    /// [`RunFault`], which holds nothing that the model may not see.
    async fn run(&self, sql: &str, deadline: Deadline) -> Result<Rows, RunFault>;
}

/// The check of texts.
pub trait Checks: Send + Sync {
    /// The sentences of `text` whose every number rests on `frames` (`Q1` is the first) or is one of `said`; empty where none does.
    fn sound(&self, text: &str, frames: &[Option<&Frame>], said: &[String]) -> String;
}

/// When a language model is asked, and what a question may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether a language model, where there is one, is asked what could not be read by rule.
    pub enabled: bool,
    /// Whether it is asked too where words were taken for others or the answer is worth little. That answer stays, and is held against what
    /// the model's SQL brings.
    pub doubtful: bool,
    /// Milliseconds that all of it may take, 100 to 600,000, however long the caller would wait.
    pub ms_max: u64,
    /// Columns of the schema that the model is shown, 1 to 60.
    pub columns_max: usize,
    /// Bytes of answers that are kept; 0 keeps none.
    pub cache_bytes: u64,
    /// Calls to the model for one question, repairs of unreadable answers included.
    pub calls_max: u32,
    /// Tokens read and written for one question.
    pub tokens_max: u64,
    /// Rows of a result that the review is shown; at nought it sees the query and the names of its columns alone.
    pub rows_shown: usize,
}

impl Default for Config {
    fn default() -> Self {
        // Four parts with a mended query and a second look each: 1 + 4 × (2 + 2) calls, of some 8,000 tokens where the schema is large.
        Self {
            enabled: true,
            doubtful: true,
            ms_max: 60_000,
            columns_max: 60,
            cache_bytes: 32 << 20,
            calls_max: 17,
            tokens_max: 150_000,
            rows_shown: 8,
        }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// The name of the first that is out of it, and the rule.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if !(100..=600_000).contains(&self.ms_max) {
            return Err(("ms_max", "it must be 100 to 600,000"));
        }
        if !(1..=60).contains(&self.columns_max) {
            return Err(("columns_max", "it must be 1 to 60"));
        }
        if !(1..=200).contains(&self.calls_max) {
            return Err(("calls_max", "it must be 1 to 200"));
        }
        if !(1_000..=10_000_000).contains(&self.tokens_max) {
            return Err(("tokens_max", "it must be 1,000 to 10,000,000"));
        }
        match self.rows_shown {
            0..=50 => Ok(()),
            _ => Err(("rows_shown", "it must be 0 to 50")),
        }
    }
}

/// A question that was answered and found right, with its SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The question.
    pub question: String,
    /// The SQL.
    pub sql: String,
}

/// The answer of the compiler of intents.
#[derive(Debug, Clone, Copy)]
pub struct Sibling<'a> {
    /// Its rows.
    pub frame: &'a Frame,
}

/// A question with all that its answer needs.
pub struct Ask<'a> {
    /// The question.
    pub question: &'a str,
    /// The day of asking.
    pub as_of: Date,
    /// The part of the schema that it is about, of what the caller may see.
    pub excerpt: &'a Excerpt,
    /// Questions like it that were answered and found right.
    pub examples: &'a [Example],
    /// Whose SQL is written.
    pub dialect: Dialect,
    /// The answer of the compiler of intents, where it has one.
    pub sibling: Option<Sibling<'a>>,
    /// The way to rows.
    pub runs: &'a dyn Runs,
    /// The check of texts.
    pub checks: &'a dyn Checks,
    /// Rows of a result that the review is shown.
    pub rows_shown: usize,
    /// By when the answer must be there.
    pub deadline: Deadline,
    /// Where the work is told as it is done.
    pub steps: &'a Steps,
}

impl fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("as_of", &self.as_of).field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

impl Ask<'_> {
    /// As much of a model's text as may be shown.
    fn sound(&self, text: &str, chars_max: usize, frames: &[Option<&Frame>]) -> String {
        let line = fault::plain(text, chars_max);
        if line.is_empty() { line } else { self.checks.sound(&line, frames, &numbers_of(self.question)) }
    }
}

/// Why a model gave nothing that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// The deadline passed.
    Late,
    /// The budget of the question is used up.
    Spent,
    /// Its answer was not what it was asked for, nor was the second one.
    Unreadable,
    /// It declined.
    Declined,
    /// It could not be reached, or failed.
    Failed,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Late => "there was no time left",
            Self::Spent => "the budget of the question is used up",
            Self::Unreadable => "what the language model answered can't be used",
            Self::Declined => "the language model declined",
            Self::Failed => "the language model can't be reached",
        })
    }
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Written {
    /// The answer, or why there is none.
    pub outcome: Outcome,
    /// What it cost.
    pub spent: Spent,
}

/// The answer, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Rows.
    Answered(Box<Answered>),
    /// Not a question about data at all.
    Conversational,
    /// A question about something else.
    OutOfScope {
        /// Why it is taken for one.
        reason: String,
    },
    /// A question that these tables can't answer.
    Unanswerable {
        /// Why not.
        reason: String,
    },
    /// There could be an answer, and there is none.
    Failed {
        /// Why not, for whoever asked.
        reason: String,
        /// The parts, with every query that was tried.
        missing: Vec<Missing>,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answered {
    /// The parts that have a result, in the order of the question.
    pub parts: Vec<Part>,
    /// Those that have none.
    pub missing: Vec<Missing>,
    /// How the result compares with that of the compiler of intents, where both are of the whole question.
    pub reconciliation: Option<Reconciliation>,
    /// The label and all that led to it.
    pub derivation: Derivation,
}

/// Answers a question with SQL that `model` writes.
pub async fn answer(model: &dyn ChatModel, config: &Config, ask: &Ask<'_>) -> Written {
    let metered = Metered::new(model, config.calls_max, config.tokens_max);
    let outcome = answered(&metered, ask).await;
    Written { outcome, spent: metered.spent() }
}

async fn answered(model: &Metered<'_>, ask: &Ask<'_>) -> Outcome {
    if ask.question.chars().count() > QUESTION_CHARS_MAX {
        return Outcome::OutOfScope { reason: format!("a question has at most {QUESTION_CHARS_MAX} characters") };
    }
    let plan = match asked::<Plan>(model, &prompts::plan(ask), ask, Plan::check).await {
        Ok((plan, _)) => plan,
        Err(silence) => return Outcome::Failed { reason: silence.to_string(), missing: Vec::new() },
    };
    ask.steps.tell("plan", plan.told());
    let reason = |otherwise: &str| match ask.sound(&plan.reason, REASON_CHARS_MAX, &[]) {
        text if text.is_empty() => otherwise.to_owned(),
        text => text,
    };
    match plan.class {
        Class::Conversational => return Outcome::Conversational,
        Class::OutOfScope => return Outcome::OutOfScope { reason: reason("the question has nothing to do with these tables") },
        Class::Unanswerable => {
            return Outcome::Unanswerable { reason: reason("these tables do not hold what the question asks for") };
        }
        Class::Data => {}
    }
    // A question that is not taken apart is asked as it was, so that nothing of it is lost on the way.
    let whole = plan.parts.len() == 1;
    let parts = if whole { vec![ask.question.to_owned()] } else { plan.parts };
    let works = parts.into_iter().enumerate().map(|(at, part)| Worker::new(ask, model, (at + 1, part)).work());
    let (mut parts, mut missing) = (Vec::new(), Vec::new());
    for result in join_all(works).await {
        match result {
            Ok(part) => parts.push(part),
            Err(part) => missing.push(part),
        }
    }
    if parts.is_empty() {
        return unanswered(missing);
    }
    let (derivation, reconciliation) = worth::derived(&parts, &missing, ask.sibling.as_ref());
    Outcome::Answered(Box::new(Answered { parts, missing, reconciliation, derivation }))
}

/// Why no part has a result: all refused, or the first that failed.
fn unanswered(missing: Vec<Missing>) -> Outcome {
    let failed = missing.iter().find_map(|part| match &part.because {
        WhyMissing::Refused { .. } => None,
        WhyMissing::Silent { silence } => Some(silence.to_string()),
        WhyMissing::Failed { fault: FaultKind::Late } => Some(Silence::Late.to_string()),
        WhyMissing::Failed { fault: FaultKind::Away } => Some("the warehouse can't be asked now".to_owned()),
        WhyMissing::Failed { .. } => Some("no query that the language model wrote could be run".to_owned()),
    });
    if let Some(reason) = failed {
        return Outcome::Failed { reason, missing };
    }
    let told = missing.iter().find_map(|part| match &part.because {
        WhyMissing::Refused { reason } if !reason.is_empty() => Some(reason.clone()),
        _ => None,
    });
    Outcome::Unanswerable { reason: told.unwrap_or_else(|| "these tables do not hold what the question asks for".to_owned()) }
}
