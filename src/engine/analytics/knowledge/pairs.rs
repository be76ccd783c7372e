//! Questions with the answers that were found right, or wrong.

use super::super::intent::Intent;
use super::super::layer::Layer;
use super::super::linking::Pair;
use super::{Act, Knowledge, PAIRS_MAX, TEXT_CHARS_MAX, folded, named};
use crate::domain::answer::Confidence;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What answered a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What the question asks, as data.
    Intent(Box<Intent>),
    /// SQL.
    Sql(String),
}

/// A check that an answer passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The gate let its SQL through.
    Gate,
    /// The rules of sanity found nothing that makes the result doubtful.
    Sanity,
    /// Another definition came to the same rows.
    Reconciled,
    /// Every number of its text rests on the rows.
    Citations,
    /// Whoever looked it over found that it answers the question.
    Review,
}

/// An answer that somebody liked or did not.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The question.
    pub question: String,
    /// What answered it.
    pub answer: Answer,
    /// The SQL that ran.
    pub sql: String,
    /// The columns that the SQL reads, with their tables.
    pub columns: BTreeSet<(String, String)>,
    /// The layer that it was answered by, and its version.
    pub layer: (String, u32),
    /// What the answer was worth.
    pub label: Confidence,
    /// The checks that it passed.
    pub checks: BTreeSet<Check>,
}

/// Whether a pair may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Standing {
    /// It was found right.
    Verified {
        /// By whom, each once, the first first.
        by: Vec<Act>,
    },
    /// It was found wrong.
    Quarantined {
        /// By whom.
        by: Act,
        /// Why, in their words.
        why: String,
    },
}

/// A question with an answer that was found right, or wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifiedPair {
    /// The question.
    pub question: String,
    /// What answered it.
    pub answer: Answer,
    /// The SQL that ran.
    pub sql: String,
    /// The columns that the SQL reads, with their tables.
    pub columns: BTreeSet<(String, String)>,
    /// The layer that it was answered by, and its version.
    pub layer: (String, u32),
    /// The checks that it passed.
    pub checks: BTreeSet<Check>,
    /// Whether it may be used.
    pub standing: Standing,
}

/// Why an answer is not kept as right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// It is not worth enough.
    #[error("an answer labelled {0:?} is not kept as right")]
    Label(Confidence),
    /// It did not pass a check.
    #[error("the answer did not pass {0:?}")]
    Unchecked(Check),
    /// Somebody found it wrong.
    #[error("somebody found this answer wrong; an operator may release it")]
    Quarantined,
    /// There is no such pair.
    #[error("there is no such pair")]
    Unknown,
    /// It does not fit.
    #[error("{0}")]
    TooMuch(&'static str),
}

impl Candidate {
    /// The name of the pair that it would be: the same question, however it is spaced, with the same answer under the same layer.
    pub fn id(&self) -> String {
        let answer = match &self.answer {
            Answer::Intent(intent) => hex::encode(intent.digest()),
            Answer::Sql(sql) => sql.split_whitespace().collect::<Vec<_>>().join(" "),
        };
        let version = self.layer.1.to_string();
        named("instinct 2026 verified pair", &[&self.layer.0, &version, &folded(&self.question), &answer])
    }

    fn pair(self, standing: Standing) -> VerifiedPair {
        let Self { question, answer, sql, columns, layer, checks, .. } = self;
        VerifiedPair { question, answer, sql, columns, layer, checks, standing }
    }
}

impl Knowledge {
    /// Somebody found an answer right. It is kept where it passed the checks.
    ///
    /// # Errors
    /// [`NotKept`], and nothing is changed.
    pub fn found_right(&mut self, candidate: Candidate, by: Act) -> Result<String, NotKept> {
        if candidate.label > Confidence::Medium {
            return Err(NotKept::Label(candidate.label));
        }
        let missing = [Check::Gate, Check::Sanity].into_iter().find(|check| !candidate.checks.contains(check));
        if let Some(missing) = missing {
            return Err(NotKept::Unchecked(missing));
        }
        let id = candidate.id();
        match self.pairs.get_mut(&id).map(|pair| &mut pair.standing) {
            Some(Standing::Quarantined { .. }) => return Err(NotKept::Quarantined),
            Some(Standing::Verified { by: known }) => {
                if known.iter().all(|act| act.who != by.who) {
                    known.push(by);
                }
            }
            None => {
                self.room(&candidate)?;
                self.pairs.insert(id.clone(), candidate.pair(Standing::Verified { by: vec![by] }));
            }
        }
        Ok(id)
    }

    /// Somebody found an answer wrong. It is remembered so, whether it was kept as right before or not.
    ///
    /// # Errors
    /// [`NotKept::TooMuch`] where there is no room to remember it.
    pub fn found_wrong(&mut self, candidate: Candidate, by: Act, why: &str) -> Result<String, NotKept> {
        let id = candidate.id();
        let why = why.chars().take(TEXT_CHARS_MAX).collect();
        let standing = Standing::Quarantined { by, why };
        match self.pairs.get_mut(&id) {
            // Who found it wrong first stays on record.
            Some(pair) if matches!(pair.standing, Standing::Quarantined { .. }) => {}
            Some(pair) => pair.standing = standing,
            None => {
                self.room(&candidate)?;
                self.pairs.insert(id.clone(), candidate.pair(standing));
            }
        }
        Ok(id)
    }

    /// An operator looked at a pair that was found wrong, and it is not: it may be found right again.
    ///
    /// # Errors
    /// [`NotKept::Unknown`].
    pub fn released(&mut self, id: &str) -> Result<VerifiedPair, NotKept> {
        match self.pairs.get(id).map(|pair| &pair.standing) {
            // It was never proven right by being released, so it goes rather than becomes verified.
            Some(Standing::Quarantined { .. }) => self.pairs.remove(id).ok_or(NotKept::Unknown),
            _ => Err(NotKept::Unknown),
        }
    }

    /// Whether somebody found this answer wrong.
    pub fn is_quarantined(&self, candidate: &Candidate) -> bool {
        self.pairs.get(&candidate.id()).is_some_and(|pair| matches!(pair.standing, Standing::Quarantined { .. }))
    }

    /// The pairs that may be shown to whoever answers under this layer, in the order of their names.
    pub fn usable(&self, layer: &Layer) -> Vec<Pair> {
        let fits = |pair: &VerifiedPair| {
            matches!(pair.standing, Standing::Verified { .. }) && pair.layer.0 == layer.name && pair.layer.1 == layer.version
        };
        let pair = |(id, pair): (&String, &VerifiedPair)| Pair {
            id: id.clone(),
            question: pair.question.clone(),
            sql: pair.sql.clone(),
            columns: pair.columns.clone(),
        };
        self.pairs.iter().filter(|(_, pair)| fits(pair)).map(pair).collect()
    }

    fn room(&self, candidate: &Candidate) -> Result<(), NotKept> {
        if candidate.question.chars().count() > TEXT_CHARS_MAX {
            return Err(NotKept::TooMuch("the question is too long to be kept"));
        }
        if candidate.sql.len() > crate::limits::SQL_BYTES_MAX {
            return Err(NotKept::TooMuch("the SQL is too long to be kept"));
        }
        match self.pairs.len() < PAIRS_MAX {
            true => Ok(()),
            false => Err(NotKept::TooMuch("as many pairs as may be kept are kept already")),
        }
    }
}
