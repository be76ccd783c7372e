//! From words to a model: which template a question is like, and what it says for each slot.
//!
//! Everything here is rule: the same words give the same model. What a slot needs and the words don't say is asked for; what the words say
//! and no slot takes up refuses the template, for a plan that leaves out a restriction is a plan for another question.

pub mod bounds;
mod goal;
pub mod mix;
mod named;
pub mod names;
pub mod numbers;
mod owners;
mod related;
pub mod slots;
#[cfg(test)]
mod tests;
pub mod tokens;
mod unread;

use self::slots::Filler;
use self::tokens::Text;
use super::templates::{Catalogue, Drawn, Template, render};
use crate::domain::plan::MissingSlot;
use crate::domain::vector::UnitVector;

/// What a phrase of a template's own in the question is worth beside the cosine of the nearest sample.
const CUE_WORTH: f32 = 0.25;

/// How near a question must be to a template to be taken for one of its kind: a phrase and some likeness, or much likeness alone.
const NEAR_MIN: f32 = 0.55;

/// How much less near than the nearest a template may be and still be tried.
const NEAR_ENOUGH: f32 = 0.3;

/// Templates that are tried at most.
const TRIED_MAX: usize = 4;

/// What reads questions.
#[derive(Debug)]
pub struct Words {
    catalogue: Catalogue,
    // The template and the vector of each sample.
    meanings: Vec<(usize, UnitVector)>,
}

/// A model that a reader of its own drew up.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The model.
    pub model: serde_json::Value,
}

/// A model out of words.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// By which template.
    pub template: String,
    /// The model.
    pub model: serde_json::Value,
    /// How near the question is to the template, 0 to 1.
    pub near: f32,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct NotRead {
    /// The template that the question is nearest to, if it is near to any.
    pub template: Option<String>,
    /// What has to be said yet.
    pub missing: Vec<MissingSlot>,
    /// What contradicts itself or was not understood, as it was written.
    pub unread: Vec<String>,
    /// The whole in words.
    pub reason: String,
}

impl Words {
    /// A reader that knows templates by their phrases alone.
    pub fn new(catalogue: Catalogue) -> Self {
        Self { catalogue, meanings: Vec::new() }
    }

    /// The samples whose vectors make it know templates by meaning, in the order in which [`Self::with_meanings`] wants them.
    pub fn samples(&self) -> impl Iterator<Item = &str> {
        self.catalogue.templates.iter().flat_map(|template| &template.samples).map(String::as_str)
    }

    /// The same reader with the vectors of all samples.
    pub fn with_meanings(mut self, vectors: Vec<Option<UnitVector>>) -> Self {
        let of = self.catalogue.templates.iter().enumerate().flat_map(|(at, template)| vec![at; template.samples.len()]);
        self.meanings = of.zip(vectors).filter_map(|(at, vector)| Some((at, vector?))).collect();
        self
    }

    /// The model that a question asks for.
    ///
    /// # Errors
    /// [`NotRead`], which says what is missing or was not understood.
    pub fn read(&self, question: &str, meaning: Option<&UnitVector>) -> Result<Read, Box<NotRead>> {
        let text = Text::read(question);
        let ranked = self.ranked(&text, meaning);
        let mut refusals = Vec::new();
        for (near, template) in &ranked {
            match fill(&text, template, &self.catalogue) {
                Ok(drawn) => return Ok(Read { template: template.id.clone(), model: drawn.model, near: near.clamp(0.0, 1.0) }),
                Err(why) => refusals.push(why),
            }
        }
        match mix::read(&text) {
            Some(Ok(draft)) => return Ok(Read { template: mix::ID.to_owned(), model: draft.model, near: 1.0 }),
            Some(Err(why)) => refusals.push(why),
            None => {}
        }
        // Of several, the one that has the least to say: it understood most.
        let nearest = refusals.into_iter().min_by_key(|why| 2 * why.unread.len() + why.missing.len());
        Err(Box::new(nearest.unwrap_or_else(|| self.unknown())))
    }

    /// The templates that a question may be of, the likeliest first.
    fn ranked(&self, text: &Text<'_>, meaning: Option<&UnitVector>) -> Vec<(f32, &Template)> {
        let templates = self.catalogue.templates.iter().enumerate();
        let mut all: Vec<(f32, bool, &Template)> = templates
            .filter_map(|(at, template)| {
                let cosine = |vector: &UnitVector| meaning.map_or(0.0, |meaning| vector.dot(meaning));
                let near = self.meanings.iter().filter(|(of, _)| *of == at).map(|(_, vector)| cosine(vector)).fold(0.0, f32::max);
                let cues = template.cues.iter().filter(|cue| text.find(cue).is_some()).count();
                let goal = text.goals().iter().any(|stated| text.goal_among(stated, &template.goals).is_some());
                let score = near + CUE_WORTH * (cues.min(2) as f32) + if goal { CUE_WORTH } else { 0.0 };
                (score >= NEAR_MIN || (meaning.is_none() && cues > 0 && goal)).then_some((score, goal, template))
            })
            .collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(b.0.total_cmp(&a.0)));
        let best = all.first().map_or(0.0, |(score, ..)| *score);
        all.retain(|(score, ..)| best - score <= NEAR_ENOUGH);
        all.truncate(TRIED_MAX);
        all.into_iter().map(|(score, _, template)| (score, template)).collect()
    }

    fn unknown(&self) -> NotRead {
        let kinds: Vec<&str> = self.catalogue.templates.iter().map(|template| &*template.id).collect();
        NotRead {
            template: None,
            missing: Vec::new(),
            unread: Vec::new(),
            reason: format!(
                "no kind of plan that is known fits the question; there are {}, and a model of your own can be planned by POST /v1/plans",
                kinds.join(", ")
            ),
        }
    }
}

/// Draws up a template's model, if the text says all that it needs and nothing that it does not take up.
fn fill(text: &Text<'_>, template: &Template, catalogue: &Catalogue) -> Result<Drawn, NotRead> {
    let goal = Filler::goal(text, template);
    let filler = Filler::fill(text, template, &catalogue.glossary, goal.clone().ok().flatten());
    let mut missing = filler.missing.clone();
    let mut unread = unread::unread(text, &filler.taken);
    match goal {
        Ok(Some(_)) => {}
        Ok(None) => missing.insert(0, goal_of(template)),
        Err(why) => unread.insert(0, format!("{why} than the one that a plan of the kind {} has", template.id)),
    }
    if missing.is_empty() && unread.is_empty() && filler.wrong.is_empty() {
        return Ok(render(template, &filler.slots));
    }
    let mut reason = Vec::new();
    let asked: Vec<String> = missing.iter().map(|m| format!("{} For instance: \"{}\".", m.question, m.example)).collect();
    if !asked.is_empty() {
        reason.push(format!(
            "this is taken for a plan of the kind {}, and it does not say all that such a plan needs. {}",
            template.id,
            asked.join(" ")
        ));
    }
    if !filler.wrong.is_empty() {
        reason.push(format!("it contradicts itself: {}", filler.wrong.join("; ")));
    }
    if !unread.is_empty() {
        let quoted: Vec<String> = unread.iter().map(|part| format!("\"{part}\"")).collect();
        reason.push(format!("not understood, and not to be left out: {}", quoted.join(", ")));
    }
    unread.extend(filler.wrong);
    Err(NotRead { template: Some(template.id.clone()), missing, unread, reason: reason.join("; ") })
}

/// The goal as a slot, for who did not state one.
fn goal_of(template: &Template) -> MissingSlot {
    let sense = |goal: &super::templates::Goal| match goal.sense {
        super::templates::Sense::Minimize => "minimize",
        super::templates::Sense::Maximize => "maximize",
    };
    let example = template.goals.first().map(|goal| format!("{} {}", sense(goal), goal.words.first().map_or("", |word| word)));
    MissingSlot {
        slot: "goal".to_owned(),
        question: "What is to become as small or as large as can be?".to_owned(),
        example: example.unwrap_or_default(),
    }
}
