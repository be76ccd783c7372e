//! One question of a plan: a query is written, run, mended where it fails, looked at where it brings nothing, and looked over.

use super::super::compile::Query;
use super::super::reconcile::Frame;
use super::budget::Metered;
use super::fault::{FaultKind, RunFault, plain};
use super::prompts::{self, Draft, Verdict};
use super::relax::relaxed;
use super::{Ask, Silence, shape};
use crate::domain::field::FieldError;
use crate::llm::{Chat, LlmError, structured};
use crate::warehouse::Rows;
use futures_util::future::join_all;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Queries that may fail before the part is given up.
pub(super) const FAILED_MAX: usize = 4;

/// Times that a result is looked over.
pub(super) const REVIEWS_MAX: usize = 3;

/// Characters of a query that whoever follows the work is told.
const SQL_CHARS_TOLD_MAX: usize = 1_000;

/// Characters of a text of a model that is shown.
const TEXT_CHARS_MAX: usize = 600;

/// A query that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attempt {
    /// The query, as the model wrote it.
    pub sql: String,
    /// Why it was written.
    pub because: Because,
    /// How many rows it brought, where it ran.
    pub rows: Option<usize>,
    /// What was wrong with it, where it did not do, in the words that the model was told.
    pub wrong: Option<String>,
}

/// Why a query was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// It was the first.
    Asked,
    /// The one before failed.
    Failed,
    /// The one before brought nothing.
    Empty,
    /// The one before did not answer the question.
    Reviewed,
}

/// What came of looking a result over.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Review {
    /// It answers the question.
    Agreed {
        /// At the first look, or at a later one.
        round: usize,
    },
    /// It does not.
    Disagreed {
        /// What the model says is wrong with it; checked, and empty where the check left nothing.
        problem: String,
    },
    /// It was not looked over.
    NotMade {
        /// Why not.
        because: Silence,
    },
}

/// One question of a plan with its result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// The question, as far as it may be shown.
    pub question: String,
    /// The query, its columns and what it takes for granted, as the compiler of intents would give them.
    pub query: Query,
    /// The rows.
    pub frame: Frame,
    /// What the query computes, in words of the model that were checked.
    pub explanation: String,
    /// Every query that was tried, in order; the last that brought rows is the answer.
    pub attempts: Vec<Attempt>,
    /// What came of looking it over.
    pub review: Review,
}

/// One question of a plan without a result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Missing {
    /// The question, as far as it may be shown.
    pub question: String,
    /// Why there is none.
    pub because: WhyMissing,
    /// Every query that was tried, in order.
    pub attempts: Vec<Attempt>,
}

/// Why a question has no result.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum WhyMissing {
    /// The model says that no query can answer it.
    Refused {
        /// Its reason, checked; empty where the check left nothing.
        reason: String,
    },
    /// The model gave no query.
    Silent {
        /// Why.
        silence: Silence,
    },
    /// No query did.
    Failed {
        /// What was wrong with the last.
        fault: FaultKind,
    },
}

/// A query that did not do, for the model to mend.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Noted {
    pub(super) sql: String,
    pub(super) wrong: String,
}

/// A query that brought rows.
#[derive(Debug, Clone)]
struct Kept {
    draft: Draft,
    rows: Rows,
    frame: Frame,
    by: String,
}

pub(super) struct Worker<'a> {
    pub(super) ask: &'a Ask<'a>,
    pub(super) model: &'a Metered<'a>,
    number: usize,
    question: String,
    shown: String,
    attempts: Vec<Attempt>,
    noted: Vec<Noted>,
    failed: usize,
}

impl<'a> Worker<'a> {
    /// For the part of this number, from one.
    pub(super) fn new(ask: &'a Ask<'a>, model: &'a Metered<'a>, (number, question): (usize, String)) -> Self {
        let shown = match ask.sound(&question, TEXT_CHARS_MAX, &[]) {
            text if text.is_empty() => format!("part {number}"),
            text => text,
        };
        Self { ask, model, number, question, shown, attempts: Vec::new(), noted: Vec::new(), failed: 0 }
    }

    /// The whole life of the part.
    pub(super) async fn work(mut self) -> Result<Part, Missing> {
        let kept = match self.obtain(Because::Asked, FAILED_MAX).await {
            Ok(kept) => kept,
            Err(because) => return Err(Missing { question: self.shown, because, attempts: self.attempts }),
        };
        let kept = self.filled(kept).await;
        let (kept, review) = self.reviewed(kept).await;
        Ok(self.part(kept, review))
    }

    /// A query that brings rows, after at most so many that fail.
    async fn obtain(&mut self, because: Because, tries: usize) -> Result<Kept, WhyMissing> {
        let mut because = because;
        let mut tries = tries.min(FAILED_MAX - self.failed);
        let mut last = FaultKind::Failed;
        while tries > 0 {
            let (draft, by) = self.draft().await?;
            let ran = self.run(&draft).await;
            self.tell(&draft, &ran);
            match ran {
                Ok((rows, frame)) => {
                    let rows_in_all = Some(rows.rows.len());
                    self.attempts.push(Attempt { sql: draft.sql.clone(), because, rows: rows_in_all, wrong: None });
                    return Ok(Kept { draft, rows, frame, by });
                }
                Err(fault) => {
                    last = fault.kind();
                    self.failed += 1;
                    tries -= 1;
                    let wrong = Some(fault.told().to_owned());
                    self.attempts.push(Attempt { sql: draft.sql.clone(), because, rows: None, wrong });
                    if !fault.can_be_mended() {
                        break;
                    }
                    self.noted.push(Noted { sql: draft.sql, wrong: fault.told().to_owned() });
                }
            }
            because = Because::Failed;
        }
        Err(WhyMissing::Failed { fault: last })
    }

    async fn draft(&self) -> Result<(Draft, String), WhyMissing> {
        let chat = prompts::sql(self.ask, &self.question, &self.noted);
        let (draft, by) =
            asked::<Draft>(self.model, &chat, self.ask, Draft::check).await.map_err(|silence| WhyMissing::Silent { silence })?;
        match draft.sql.trim().is_empty() {
            true => Err(WhyMissing::Refused { reason: self.ask.sound(&draft.refusal, TEXT_CHARS_MAX, &[]) }),
            false => Ok((draft, by)),
        }
    }

    /// The one way to rows, for whatever a model wrote.
    async fn rows(&self, sql: &str) -> Result<Rows, RunFault> {
        let deadline = self.ask.deadline;
        let run = tokio::time::timeout_at(deadline.at().into(), self.ask.runs.run(sql, deadline)).await;
        run.unwrap_or_else(|_| Err(RunFault::late()))
    }

    async fn run(&self, draft: &Draft) -> Result<(Rows, Frame), RunFault> {
        let rows = self.rows(&draft.sql).await?;
        let frame = shape::frame(&rows, &draft.columns).map_err(RunFault::misdescribed)?;
        Ok((rows, frame))
    }

    fn tell(&self, draft: &Draft, ran: &Result<(Rows, Frame), RunFault>) {
        let came = match ran {
            Ok((rows, _)) => format!("{} rows", rows.rows.len()),
            Err(fault) => fault.told().to_owned(),
        };
        let sql: String = draft.sql.chars().take(SQL_CHARS_TOLD_MAX).collect();
        self.ask.steps.tell("attempt", format!("part {}: {came}: {sql}", self.number));
    }

    /// Where nothing came back: which condition leaves nothing over, and one more query by a model that knows it.
    async fn filled(&mut self, kept: Kept) -> Kept {
        if !shape::is_empty(&kept.frame) {
            return kept;
        }
        let looser = relaxed(&kept.draft.sql, self.ask.dialect);
        let runs = looser.iter().map(|relaxed| self.rows(&relaxed.sql));
        let brought = join_all(runs).await;
        let told: Vec<String> = looser
            .iter()
            .zip(brought)
            .filter(|(_, rows)| {
                let frame = rows.as_ref().ok().and_then(|rows| shape::frame(rows, &kept.draft.columns).ok());
                frame.is_some_and(|frame| !shape::is_empty(&frame))
            })
            .map(|(relaxed, _)| format!("`{}`", relaxed.condition))
            .collect();
        if told.is_empty() {
            return kept;
        }
        let wrong = format!(
            "nothing comes back, and something does without the condition {}; if that condition is what the question asks for, send the \
             query as it is",
            told.join(", and without ")
        );
        self.noted.push(Noted { sql: kept.draft.sql.clone(), wrong: wrong.clone() });
        if let Some(last) = self.attempts.last_mut() {
            last.wrong = Some(wrong);
        }
        match self.obtain(Because::Empty, 1).await {
            Ok(other) if !shape::is_empty(&other.frame) => other,
            _ => kept,
        }
    }

    /// Looks a result over, and has it written anew where it does not answer the question.
    async fn reviewed(&mut self, mut kept: Kept) -> (Kept, Review) {
        for round in 1..=REVIEWS_MAX {
            let chat = prompts::review(self.ask, &self.question, (&kept.draft.sql, &kept.rows));
            let verdict = match asked::<Verdict>(self.model, &chat, self.ask, Verdict::check).await {
                Ok((verdict, _)) if verdict.answers => {
                    self.ask.steps.tell("review", format!("part {}: the result answers the question", self.number));
                    return (kept, Review::Agreed { round });
                }
                Ok((verdict, _)) => verdict,
                // What was wrong once stays wrong until a look says otherwise; this result is a new one, which nobody looked at.
                Err(because) => return (kept, Review::NotMade { because }),
            };
            let problem = self.ask.sound(&verdict.problem, TEXT_CHARS_MAX, &[Some(&kept.frame)]);
            self.ask.steps.tell("review", format!("part {}: the result does not answer the question: {problem}", self.number));
            if let Some(last) = self.attempts.iter_mut().rfind(|attempt| attempt.sql == kept.draft.sql) {
                last.wrong = Some(format!("it does not answer the question: {problem}"));
            }
            let disagreed = Review::Disagreed { problem };
            if round == REVIEWS_MAX {
                return (kept, disagreed);
            }
            let wrong = format!("it does not answer the question: {}", plain(&verdict.problem, TEXT_CHARS_MAX));
            self.noted.push(Noted { sql: kept.draft.sql.clone(), wrong });
            match self.obtain(Because::Reviewed, FAILED_MAX).await {
                Ok(other) => kept = other,
                Err(_) => return (kept, disagreed),
            }
        }
        (kept, Review::NotMade { because: Silence::Spent })
    }

    fn part(self, kept: Kept, review: Review) -> Part {
        let Kept { draft, frame, by, .. } = kept;
        let texts = draft.assumptions.iter().map(|text| self.ask.sound(text, TEXT_CHARS_MAX, &[Some(&frame)]));
        let mut assumptions: Vec<String> = texts.filter(|text| !text.is_empty()).map(|text| format!("assumed: {text}")).collect();
        if assumptions.len() < draft.assumptions.len() {
            assumptions.push("the query takes something for granted that could not be checked".to_owned());
        }
        let query = Query {
            definition: format!("language model {by}, prompts {}", prompts::VERSION),
            sql: draft.sql.clone(),
            bindings: Vec::new(),
            inlined: draft.sql,
            columns: frame.columns.clone(),
            overlapping: false,
            attributed: false,
            assumptions,
            names: Vec::new(),
        };
        let explanation = self.ask.sound(&draft.explanation, TEXT_CHARS_MAX, &[Some(&frame)]);
        Part { question: self.shown, query, frame, explanation, attempts: self.attempts, review }
    }
}

/// Asks the model for a value, with the name of who answered.
pub(super) async fn asked<T: DeserializeOwned>(
    model: &Metered<'_>,
    chat: &Chat,
    ask: &Ask<'_>,
    check: impl Fn(&T) -> Result<(), FieldError>,
) -> Result<(T, String), Silence> {
    match structured::<T>(model, chat, ask.deadline, check).await {
        Ok(answer) => Ok((answer.value, plain(&answer.reply.model, 80))),
        Err(_) if ask.deadline.passed() => Err(Silence::Late),
        Err(LlmError::DeadlinePassed { .. }) => Err(Silence::Late),
        Err(LlmError::BadChat { .. }) if model.spent().used_up => Err(Silence::Spent),
        Err(LlmError::Unparsable { .. }) => Err(Silence::Unreadable),
        Err(LlmError::Declined { .. }) => Err(Silence::Declined),
        Err(_) => Err(Silence::Failed),
    }
}
