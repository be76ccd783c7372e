//! Questions with the answers that were found right, or wrong.

use super::super::intent::Intent;
use super::super::linking::Pair;
use super::{Act, Knowledge, PAIRS_MAX, TEXT_CHARS_MAX, folded, named};
use crate::domain::answer::Confidence;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Who found an answer right, each once; further ones change nothing.
const VOICES_MAX: usize = 32;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AnswerCheck)]
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

impl Check {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Sanity => "sanity",
            Self::Reconciled => "reconciled",
            Self::Citations => "citations",
            Self::Review => "review",
        }
    }
}

/// An answer that somebody liked or did not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The question.
    pub question: String,
    /// Whether its words alone say what is asked, rather than beside the question before it.
    pub alone: bool,
    /// What answered it.
    pub answer: Answer,
    /// The SQL that ran.
    pub sql: String,
    /// The columns that the SQL reads, with their tables.
    pub columns: BTreeSet<(String, String)>,
    /// The layer that it was answered by, and the version that was reviewed of it.
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
    /// The layer that it was answered by, and the version that was reviewed of it.
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
    #[error("an answer with the label {} is not kept as right; HIGH or MEDIUM is", word(*.0))]
    Label(Confidence),
    /// It did not pass a check.
    #[error("the answer is not kept as right, for it did not pass the check `{}`", .0.as_str())]
    Unchecked(Check),
    /// Its words are an example of nothing.
    #[error("the question goes on from the one before it, so that its words alone are no example; ask it whole")]
    InContext,
    /// Somebody found it wrong.
    #[error("somebody found this answer wrong; an operator may release it")]
    Quarantined,
    /// There is no such pair.
    #[error("there is no such pair")]
    Unknown,
    /// Nobody found it wrong.
    #[error("nobody found this answer wrong, so there is nothing to release")]
    NotWrong,
    /// It does not fit.
    #[error("{0}")]
    TooMuch(&'static str),
}

/// The answers that somebody found wrong, for whoever answers: by what they are made of, with the name of the pair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doubts {
    by_answer: HashMap<String, String>,
}

impl Doubts {
    /// The pair that says that this answer to this very question was found wrong.
    pub fn of(&self, layer: (&str, u32), question: &str, answer: &Answer) -> Option<&str> {
        // Most tenants doubt nothing, and then nothing is hashed.
        let name = (!self.by_answer.is_empty()).then(|| doubt(layer, question, answer))?;
        self.by_answer.get(&name).map(String::as_str)
    }
}

/// What a doubt is about: an answer to a question by a reviewed layer. The same words on another day are the same question, and what was read
/// wrong then is read so again.
fn doubt((layer, version): (&str, u32), question: &str, answer: &Answer) -> String {
    let answer = match answer {
        Answer::Intent(intent) => hex::encode(Intent { window: None, comparison: None, ..Intent::clone(intent) }.digest()),
        Answer::Sql(_) => answer.name(),
    };
    named("instinct 2026 doubted answer", &[layer, &version.to_string(), &folded(question), &answer])
}

impl Answer {
    fn name(&self) -> String {
        match self {
            Self::Intent(intent) => hex::encode(intent.digest()),
            Self::Sql(sql) => sql.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }
}

/// The word of a label on the wire.
fn word(label: Confidence) -> &'static str {
    match label {
        Confidence::High => "HIGH",
        Confidence::Medium => "MEDIUM",
        Confidence::Low => "LOW",
        Confidence::Unable => "UNABLE",
    }
}

impl Candidate {
    /// The name of the pair that it would be: the same question, however it is spaced, with the same answer under the same layer.
    pub fn id(&self) -> String {
        let version = self.layer.1.to_string();
        named("instinct 2026 verified pair", &[&self.layer.0, &version, &folded(&self.question), &self.answer.name()])
    }

    fn pair(self, standing: Standing) -> Arc<VerifiedPair> {
        let Self { question, answer, sql, columns, layer, checks, .. } = self;
        Arc::new(VerifiedPair { question, answer, sql, columns, layer, checks, standing })
    }
}

impl VerifiedPair {
    /// Whether somebody found it wrong.
    pub fn is_quarantined(&self) -> bool {
        matches!(self.standing, Standing::Quarantined { .. })
    }

    /// When something was last said of it.
    fn said_at(&self) -> Option<Timestamp> {
        match &self.standing {
            Standing::Verified { by } => by.last().map(|act| act.at),
            Standing::Quarantined { by, .. } => Some(by.at),
        }
    }

    fn doubt(&self) -> String {
        doubt((&self.layer.0, self.layer.1), &self.question, &self.answer)
    }
}

impl Knowledge {
    /// Somebody found an answer right. It is kept where it passed the checks.
    ///
    /// # Errors
    /// [`NotKept`], and nothing is changed.
    pub fn found_right(&mut self, candidate: Candidate, by: Act) -> Result<String, NotKept> {
        if self.wrong(&candidate).is_some() {
            return Err(NotKept::Quarantined);
        }
        if candidate.label > Confidence::Medium {
            return Err(NotKept::Label(candidate.label));
        }
        if !candidate.alone {
            return Err(NotKept::InContext);
        }
        let missing = [Check::Gate, Check::Sanity].into_iter().find(|check| !candidate.checks.contains(check));
        if let Some(missing) = missing {
            return Err(NotKept::Unchecked(missing));
        }
        let id = candidate.id();
        match self.pairs.get(&id).map(|pair| (&pair.standing, pair)) {
            Some((Standing::Verified { by: known }, pair)) => {
                if known.len() < VOICES_MAX && known.iter().all(|act| act.who != by.who) {
                    let by = known.iter().cloned().chain([by]).collect();
                    let said = VerifiedPair { standing: Standing::Verified { by }, ..VerifiedPair::clone(pair) };
                    self.pairs.insert(id.clone(), Arc::new(said));
                }
            }
            Some((Standing::Quarantined { .. }, _)) => return Err(NotKept::Quarantined),
            None => {
                self.room(&candidate, false)?;
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
        if let Some(known) = self.wrong(&candidate) {
            // Who found it wrong first stays on record.
            return Ok(known);
        }
        let id = candidate.id();
        let why = why.chars().take(TEXT_CHARS_MAX).collect();
        if !self.pairs.contains_key(&id) {
            self.room(&candidate, true)?;
        }
        self.pairs.insert(id.clone(), candidate.pair(Standing::Quarantined { by, why }));
        Ok(id)
    }

    /// An operator looked at a pair that was found wrong, and it is not: it may be found right again.
    ///
    /// # Errors
    /// [`NotKept::Unknown`], and [`NotKept::NotWrong`] where nobody found it wrong.
    pub fn released(&mut self, id: &str) -> Result<Arc<VerifiedPair>, NotKept> {
        if !self.pairs.get(id).ok_or(NotKept::Unknown)?.is_quarantined() {
            return Err(NotKept::NotWrong);
        }
        // It was never proven right by being released, so it goes rather than becomes verified.
        self.pairs.remove(id).ok_or(NotKept::Unknown)
    }

    /// Whether somebody found this answer wrong.
    pub fn is_quarantined(&self, candidate: &Candidate) -> bool {
        self.wrong(candidate).is_some()
    }

    /// All that was found wrong.
    pub fn doubts(&self) -> Doubts {
        let wrong = self.pairs.iter().filter(|(_, pair)| pair.is_quarantined());
        Doubts { by_answer: wrong.map(|(id, pair)| (pair.doubt(), id.clone())).collect() }
    }

    /// The pair that says that an answer was found wrong.
    fn wrong(&self, candidate: &Candidate) -> Option<String> {
        let (layer, version) = &candidate.layer;
        let of_layer = |pair: &VerifiedPair| pair.is_quarantined() && pair.layer == candidate.layer;
        let mut wrong = self.pairs.iter().filter(|(_, pair)| of_layer(pair)).peekable();
        wrong.peek()?;
        let about = doubt((layer, *version), &candidate.question, &candidate.answer);
        wrong.find(|(_, pair)| pair.doubt() == about).map(|(id, _)| id.clone())
    }

    /// The pairs that may be shown to whoever answers by this version of a layer, in the order of their names. What was found right before a
    /// term of the layer was withdrawn may rest on that term.
    pub fn usable(&self, layer: (&str, u32)) -> Vec<Pair> {
        let withdrawn = self.withdrawn_at(layer.0);
        let fits = |pair: &VerifiedPair| {
            matches!(pair.standing, Standing::Verified { .. })
                && (pair.layer.0.as_str(), pair.layer.1) == layer
                && pair.said_at() > withdrawn
        };
        let pair = |(id, pair): (&String, &Arc<VerifiedPair>)| Pair {
            id: id.clone(),
            question: pair.question.clone(),
            sql: pair.sql.clone(),
            columns: pair.columns.clone(),
        };
        self.pairs.iter().filter(|(_, pair)| fits(pair)).map(pair).collect()
    }

    /// Sees to it that there is room for one more. What was said of an older version of the same layer is of no use any more and makes room,
    /// the oldest first; and to know of a wrong answer is worth more than to know of a right one.
    fn room(&mut self, candidate: &Candidate, wrong: bool) -> Result<(), NotKept> {
        if candidate.question.chars().count() > TEXT_CHARS_MAX {
            return Err(NotKept::TooMuch("the question is too long to be kept"));
        }
        if candidate.sql.len() > crate::limits::SQL_BYTES_MAX {
            return Err(NotKept::TooMuch("the SQL is too long to be kept"));
        }
        if self.pairs.len() < PAIRS_MAX {
            return Ok(());
        }
        let oldest = |may_go: &dyn Fn(&VerifiedPair) -> bool| {
            let going = self.pairs.iter().filter(|(_, pair)| may_go(pair));
            going.min_by_key(|(_, pair)| pair.said_at()).map(|(id, _)| id.clone())
        };
        let older = |pair: &VerifiedPair| pair.layer.0 == candidate.layer.0 && pair.layer.1 < candidate.layer.1;
        let going = oldest(&older).or_else(|| if wrong { oldest(&|pair| !pair.is_quarantined()) } else { None });
        let full = NotKept::TooMuch("as many pairs as may be kept are kept already; an operator may release some");
        self.pairs.remove(&going.ok_or(full)?);
        Ok(())
    }
}
