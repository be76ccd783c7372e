//! Words that were given a meaning: proposed, confirmed by a user, approved by an operator, and then a part of the layer.

use super::super::layer::expression::Expression;
use super::super::layer::{Layer, Term};
use super::super::words::Words;
use super::{Act, Knowledge, PROPOSALS_MAX, TEXT_CHARS_MAX, folded, named};
use crate::domain::field::FieldError;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Characters of a phrase.
const PHRASE_CHARS_MAX: usize = 60;

/// Steps of one proposal.
const STEPS_MAX: usize = 50;

/// Terms of a layer that apply at one time: each is held against all words of the layer when it is put together.
const APPROVED_MAX: usize = 200;

/// What the version of a layer is multiplied by to make room for revisions.
const REVISIONS_MAX: u32 = 10_000;

/// The meaning of a phrase in the language of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// In words.
    pub comment: String,
    /// What the phrase says.
    pub says: Says,
}

/// What a phrase says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Says {
    /// Which rows of a table are meant.
    Rows {
        /// The table that it is said of.
        table: String,
        /// The condition on its rows, as the layer writes conditions.
        #[serde(rename = "where")]
        condition: String,
    },
    /// The same as a measure of the layer.
    Measure(String),
    /// The same as a dimension.
    Dimension(String),
    /// The same as a value of a dimension.
    Value {
        /// The dimension.
        dimension: String,
        /// The value.
        value: String,
    },
    /// The same as a term of the glossary.
    Term(String),
}

/// How far a proposal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TermState)]
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

impl State {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Proposed, Self::Confirmed, Self::Approved, Self::Rejected, Self::Withdrawn];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Confirmed => "confirmed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }
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
    #[error("a proposal that is {} can't become {}", .from.as_str(), .to.as_str())]
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
    #[error("{0}")]
    Full(&'static str),
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

    fn term(&self, table: &str, condition: &str) -> Result<Term, FieldError> {
        let at = "/meaning/where";
        let filter = Expression::read(condition).map_err(|wrong| FieldError::new(at, wrong))?;
        let mut columns = false;
        filter.walk(&mut |part| columns |= matches!(part, Expression::Column { .. }));
        if !columns {
            return Err(FieldError::new(at, "a condition is about at least one column"));
        }
        let (comment, table) = (self.meaning.comment.clone(), table.to_owned());
        Ok(Term { comment, table, filter, synonyms: vec![self.phrase.clone()] })
    }

    /// The layer with it.
    fn applied_to(&self, layer: &Layer) -> Result<Layer, FieldError> {
        let words = Words::new(Arc::new(layer.clone()));
        if !words.is_free(&self.phrase) {
            let taken = self.phrase.split_whitespace().find(|word| !words.is_free(word)).unwrap_or(&self.phrase);
            let wrong = format!(
                "\"{taken}\" has a meaning already, or is spelt much like a word that has; a term is made of words without one"
            );
            return Err(FieldError::new("/phrase", wrong));
        }
        let mut with = layer.clone();
        let synonyms = match &self.meaning.says {
            Says::Rows { table, condition } => return layer.with_term(&self.name(), self.term(table, condition)?),
            // A measure without a name is another definition of one, and is told by its side.
            Says::Measure(name) => {
                let named = with.measures.get_mut(name).map(|measure| &mut measure.synonyms);
                named.filter(|synonyms| !synonyms.is_empty()).ok_or_else(|| none("measure", name))?
            }
            Says::Dimension(name) => &mut with.dimensions.get_mut(name).ok_or_else(|| none("dimension", name))?.synonyms,
            Says::Value { dimension, value } => {
                let of = with.dimensions.get_mut(dimension).ok_or_else(|| none("dimension", dimension))?;
                of.values.get_mut(value).ok_or_else(|| none("value", value))?
            }
            Says::Term(name) => &mut with.glossary.get_mut(name).ok_or_else(|| none("term", name))?.synonyms,
        };
        synonyms.push(self.phrase.clone());
        Ok(with)
    }

    fn check(&self, layer: &Layer) -> Result<(), FieldError> {
        let long = |at: &str, text: &str, most: usize| match text.trim().is_empty() || text.chars().count() > most {
            true => Err(FieldError::new(at, format!("1 to {most} characters"))),
            false => Ok(()),
        };
        long("/phrase", &self.phrase, PHRASE_CHARS_MAX)?;
        long("/meaning/comment", &self.meaning.comment, TEXT_CHARS_MAX)?;
        if let Says::Rows { condition, .. } = &self.meaning.says {
            long("/meaning/where", condition, TEXT_CHARS_MAX)?;
        }
        if self.layer != layer.name {
            return Err(FieldError::new("/layer", "it is for another layer"));
        }
        self.applied_to(layer).map(drop)
    }
}

fn none(what: &str, name: &str) -> FieldError {
    FieldError::new(format!("/meaning/{what}"), format!("the layer lists no {what} `{name}`"))
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
        let says = serde_json::to_string(&proposal.meaning.says).unwrap_or_default();
        let id = named("instinct 2026 glossary proposal", &[&layer.name, &folded(phrase), &says]);
        match self.proposals.get(&id) {
            Some(known) if known.state() != State::Withdrawn => Err(NotMoved::NoWay { from: known.state(), to: State::Proposed }),
            Some(known) if known.steps.len() >= STEPS_MAX => Err(NotMoved::Full("this was proposed and withdrawn too often")),
            None if self.proposals.len() >= PROPOSALS_MAX => {
                Err(NotMoved::Full("as many proposals as may be kept are kept already"))
            }
            known => {
                // What was withdrawn may be proposed again; its history stays.
                let before = known.map(|known| known.steps.clone()).unwrap_or_default();
                let steps = before.into_iter().chain(proposal.steps.clone()).collect();
                self.proposals.insert(id.clone(), Arc::new(Proposal { steps, ..proposal }));
                Ok(id)
            }
        }
    }

    /// Moves a proposal on.
    ///
    /// # Errors
    /// [`NotMoved`], and nothing is changed.
    pub fn moved(&mut self, id: &str, to: State, by: Act, operator: bool) -> Result<(), NotMoved> {
        let proposal = self.proposals.get(id).ok_or(NotMoved::Unknown)?;
        let from = proposal.state();
        // Since it was last proposed: who took back a proposal long ago has no part in the new one.
        let fresh = proposal.steps.iter().rposition(|step| step.to == State::Proposed).unwrap_or(0);
        // Where no credentials are asked for nobody has a name, and no two can be told apart.
        let own = !by.who.is_empty()
            && proposal
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
        if to == State::Approved && self.approved(&proposal.layer).count() >= APPROVED_MAX {
            return Err(NotMoved::Full("as many terms of this layer apply as may; withdraw one first"));
        }
        let mut proposal = Proposal::clone(proposal);
        proposal.steps.push(Step { to, by });
        self.proposals.insert(id.to_owned(), Arc::new(proposal));
        Ok(())
    }

    fn approved(&self, layer: &str) -> impl Iterator<Item = (&String, &Arc<Proposal>)> {
        self.proposals.iter().filter(move |(_, proposal)| proposal.layer == layer && proposal.state() == State::Approved)
    }

    /// How often what applies to a layer has changed. Proposals stay for good, so that it only grows.
    pub fn revision(&self, layer: &str) -> u32 {
        let of_layer = self.proposals.values().filter(|proposal| proposal.layer == layer);
        let changes = of_layer.flat_map(|proposal| {
            let entered = proposal.steps.iter().filter(|step| step.to == State::Approved).count();
            let left = proposal.steps.windows(2).filter(|two| matches!(two, [from, _] if from.to == State::Approved)).count();
            [entered, left]
        });
        u32::try_from(changes.sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// What applies to a layer, in short; none where nothing ever did. No two states of it have the same.
    pub fn terms_digest(&self, layer: &str) -> Option<[u8; 32]> {
        let revision = self.revision(layer);
        let mut hasher = blake3::Hasher::new_derive_key("instinct 2026 approved terms");
        hasher.update(&revision.to_le_bytes());
        for (id, proposal) in self.approved(layer) {
            let at = proposal.steps.last().map_or(0, |step| step.by.at.as_micros());
            hasher.update(id.as_bytes()).update(&at.to_le_bytes());
        }
        (revision > 0).then(|| *hasher.finalize().as_bytes())
    }

    /// When a term of a layer last ceased to apply.
    pub(super) fn withdrawn_at(&self, layer: &str) -> Option<Timestamp> {
        let of_layer = self.proposals.values().filter(|proposal| proposal.layer == layer);
        let left = of_layer.flat_map(|proposal| proposal.steps.windows(2)).filter_map(|two| match two {
            [from, to] if from.to == State::Approved => Some(to.by.at),
            _ => None,
        });
        left.max()
    }

    /// The layer with every approved term that fits it, in the order of their approval. Its version is the reviewed one times ten thousand
    /// with the revision of what is approved, so that no two states of either share one.
    ///
    /// # Errors
    /// A [`FieldError`] where there is no such version left.
    pub fn applied(&self, layer: &Layer) -> Result<Applied, FieldError> {
        let revision = self.revision(&layer.name);
        if revision == 0 {
            return Ok(Applied { layer: layer.clone(), left_out: Vec::new() });
        }
        let version = layer.version.checked_mul(REVISIONS_MAX).filter(|_| revision < REVISIONS_MAX);
        let version = version.and_then(|version| version.checked_add(revision));
        let version = version.ok_or_else(|| FieldError::new("/version", "there is no version left for terms that apply"))?;
        let mut approved: Vec<(&String, &Arc<Proposal>)> = self.approved(&layer.name).collect();
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
