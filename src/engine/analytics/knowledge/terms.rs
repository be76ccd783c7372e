//! Words that were given a meaning: proposed, confirmed by a user, approved by an operator, and then a part of the layer.

use super::super::layer::expression::Expression;
use super::super::layer::{Layer, Term};
use super::super::words::Words;
use super::{Act, Knowledge, PROPOSALS_MAX, TEXT_CHARS_MAX, folded, named};
use crate::domain::field::FieldError;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Characters of a phrase.
const PHRASE_CHARS_MAX: usize = 60;

/// What the version of a layer is multiplied by to make room for revisions.
const REVISIONS_MAX: u32 = 10_000;

/// The meaning of a phrase in the language of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// In words.
    pub comment: String,
    /// The table that it is said of.
    pub table: String,
    /// The condition on its rows, as the layer writes conditions.
    #[serde(rename = "where")]
    pub condition: String,
}

/// How far a proposal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Somebody proposed it.
    Proposed,
    /// A user says that it is what is meant.
    Confirmed,
    /// An operator approved it: it applies.
    Approved,
    /// An operator refused it.
    Rejected,
    /// Whoever proposed it took it back, or an operator retired it.
    Withdrawn,
}

/// A step of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Where it led.
    pub to: State,
    /// Who, and when.
    #[serde(flatten)]
    pub by: Act,
}

/// A phrase that is to have a meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The phrase, as people write it.
    pub phrase: String,
    /// What it is to mean.
    pub meaning: Meaning,
    /// The layer that it is for.
    pub layer: String,
    /// Every step, the proposal first.
    pub steps: Vec<Step>,
}

/// Why a proposal stays where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMoved {
    /// There is none of that name.
    #[error("there is no such proposal")]
    Unknown,
    /// From where it is no step leads there.
    #[error("a proposal that is {from:?} can't become {to:?}")]
    NoWay {
        /// Where it is.
        from: State,
        /// Where it was to go.
        to: State,
    },
    /// Whoever approves has to be another than who proposed or confirmed.
    #[error("somebody else has to approve what one proposed or confirmed oneself")]
    OwnProposal,
    /// This step takes an operator, or who proposed it.
    #[error("this step is not yours to take")]
    NotAllowed,
    /// The phrase or the meaning can't be.
    #[error("{0}")]
    Wrong(FieldError),
    /// There is no room.
    #[error("as many proposals as may be kept are kept already")]
    Full,
}

/// A layer with all that applies.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The layer; its version is raised where terms apply.
    pub layer: Layer,
    /// Approved terms that do not apply, with the reason.
    pub left_out: Vec<LeftOut>,
}

/// An approved term that does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The proposal.
    pub id: String,
    /// Why not.
    pub reason: String,
}

impl Proposal {
    /// How far it is.
    pub fn state(&self) -> State {
        self.steps.last().map_or(State::Proposed, |step| step.to)
    }

    /// The name of the term: the words of the phrase.
    pub fn name(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        self.phrase.trim().chars().map(plain).collect()
    }

    fn term(&self) -> Result<Term, FieldError> {
        let at = "/meaning/where";
        let filter = Expression::read(&self.meaning.condition).map_err(|wrong| FieldError::new(at, wrong))?;
        let mut columns = false;
        filter.walk(&mut |part| columns |= matches!(part, Expression::Column { .. }));
        if !columns {
            return Err(FieldError::new(at, "a condition is about at least one column"));
        }
        let Meaning { comment, table, .. } = self.meaning.clone();
        Ok(Term { comment, table, filter, synonyms: vec![self.phrase.clone()] })
    }

    /// The layer with it.
    fn applied_to(&self, layer: &Layer) -> Result<Layer, FieldError> {
        if !Words::new(Arc::new(layer.clone())).is_free(&self.phrase) {
            return Err(FieldError::new("/phrase", "a word of it has a meaning already, or is spelt much like one that has"));
        }
        layer.with_term(&self.name(), self.term()?)
    }

    fn check(&self, layer: &Layer) -> Result<(), FieldError> {
        let long = |at: &str, text: &str, most: usize| match text.trim().is_empty() || text.chars().count() > most {
            true => Err(FieldError::new(at, format!("1 to {most} characters"))),
            false => Ok(()),
        };
        long("/phrase", &self.phrase, PHRASE_CHARS_MAX)?;
        long("/meaning/comment", &self.meaning.comment, TEXT_CHARS_MAX)?;
        long("/meaning/where", &self.meaning.condition, TEXT_CHARS_MAX)?;
        if self.layer != layer.name {
            return Err(FieldError::new("/layer", "it is for another layer"));
        }
        self.applied_to(layer).map(drop)
    }
}

impl Knowledge {
    /// Somebody proposes a meaning. It has to fit the layer from the start.
    ///
    /// # Errors
    /// [`NotMoved::Wrong`], which says what does not fit, and [`NotMoved::NoWay`] where it was proposed before.
    pub fn propose(&mut self, layer: &Layer, phrase: &str, meaning: Meaning, by: Act) -> Result<String, NotMoved> {
        let step = Step { to: State::Proposed, by };
        let proposal = Proposal { phrase: phrase.trim().to_owned(), meaning, layer: layer.name.clone(), steps: vec![step] };
        proposal.check(layer).map_err(NotMoved::Wrong)?;
        let Meaning { table, condition, .. } = &proposal.meaning;
        let id = named("instinct 2026 glossary proposal", &[&layer.name, &folded(phrase), table, condition]);
        match self.proposals.get(&id) {
            Some(known) if known.state() != State::Withdrawn => Err(NotMoved::NoWay { from: known.state(), to: State::Proposed }),
            None if self.proposals.len() >= PROPOSALS_MAX => Err(NotMoved::Full),
            known => {
                // What was withdrawn may be proposed again; its history stays.
                let before = known.map(|known| known.steps.clone()).unwrap_or_default();
                let steps = before.into_iter().chain(proposal.steps.clone()).collect();
                self.proposals.insert(id.clone(), Proposal { steps, ..proposal });
                Ok(id)
            }
        }
    }

    /// Moves a proposal on.
    ///
    /// # Errors
    /// [`NotMoved`], and nothing is changed.
    pub fn moved(&mut self, id: &str, to: State, by: Act, operator: bool) -> Result<(), NotMoved> {
        let proposal = self.proposals.get_mut(id).ok_or(NotMoved::Unknown)?;
        let from = proposal.state();
        // Since it was last proposed: who took back a proposal long ago has no part in the new one.
        let fresh = proposal.steps.iter().rposition(|step| step.to == State::Proposed).unwrap_or(0);
        let own = proposal
            .steps
            .iter()
            .skip(fresh)
            .any(|step| matches!(step.to, State::Proposed | State::Confirmed) && step.by.who == by.who);
        let proposer = proposal.steps.get(fresh).is_some_and(|step| step.by.who == by.who);
        let allowed = match (from, to) {
            (State::Proposed, State::Confirmed) => true,
            (State::Confirmed, State::Approved) if operator && own => return Err(NotMoved::OwnProposal),
            (State::Confirmed, State::Approved) | (State::Proposed | State::Confirmed, State::Rejected) => operator,
            (State::Proposed | State::Confirmed, State::Withdrawn) => proposer || operator,
            (State::Approved, State::Withdrawn) => operator,
            _ => return Err(NotMoved::NoWay { from, to }),
        };
        if !allowed {
            return Err(NotMoved::NotAllowed);
        }
        proposal.steps.push(Step { to, by });
        if from == State::Approved || to == State::Approved {
            self.revision = self.revision.saturating_add(1);
        }
        Ok(())
    }

    /// The layer with every approved term that fits it, in the order of their approval. Its version is the reviewed one times ten thousand
    /// with the revision of what is approved, so that no two states of either share one.
    ///
    /// # Errors
    /// A [`FieldError`] where there is no such version left.
    pub fn applied(&self, layer: &Layer) -> Result<Applied, FieldError> {
        if self.revision == 0 {
            return Ok(Applied { layer: layer.clone(), left_out: Vec::new() });
        }
        let version = layer.version.checked_mul(REVISIONS_MAX).filter(|_| self.revision < REVISIONS_MAX);
        let version = version.and_then(|version| version.checked_add(self.revision));
        let version = version.ok_or_else(|| FieldError::new("/version", "there is no version left for terms that apply"))?;
        let mut approved: Vec<(&String, &Proposal)> = self
            .proposals
            .iter()
            .filter(|(_, proposal)| proposal.layer == layer.name && proposal.state() == State::Approved)
            .collect();
        approved.sort_by_key(|(id, proposal)| (proposal.steps.last().map(|step| step.by.at), (*id).clone()));
        let mut applied = Applied { layer: layer.clone(), left_out: Vec::new() };
        for (id, proposal) in approved {
            match proposal.applied_to(&applied.layer) {
                Ok(with) => applied.layer = with,
                Err(wrong) => applied.left_out.push(LeftOut { id: id.clone(), reason: wrong.to_string() }),
            }
        }
        applied.layer.version = version;
        Ok(applied)
    }
}
