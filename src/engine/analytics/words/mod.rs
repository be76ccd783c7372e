//! From a question to an intent, by rule: phrases of the layer and of the grammar are found, periods are read, and every word has to have its
//! place. A word without one is named and asked about, for an answer to another question is worse than none.

mod asked_as;
pub(super) mod calendar;
mod courtesy;
mod elements;
mod fragment;
mod gathered;
pub(super) mod grammar;
mod lexicon;
mod limits;
#[cfg(test)]
mod market_tests;
mod measured;
mod numbers;
mod passing;
mod periods;
mod ranking;
mod resolve;
mod roles;
mod talk;

#[cfg(test)]
mod tests;
pub(super) mod token;
mod values;

pub use self::fragment::{Extreme, Fragment};

use self::elements::{Element, Elements, Kind};
use self::lexicon::Lexicon;
use super::intent::Intent;
use super::layer::Layer;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What reads questions about one layer.
#[derive(Debug, Clone)]
pub struct Words {
    layer: Arc<Layer>,
    lexicon: Lexicon,
}

/// What a question turned out to be.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "class")]
pub enum Reading {
    /// A question about data, understood to the last word.
    Data(Box<Asked>),
    /// A question about data of which something was not understood.
    Unclear {
        /// What could not be placed, in the order of the question.
        unplaced: Vec<Unplaced>,
        /// The whole in words.
        reason: String,
    },
    /// A question that these tables can't answer.
    Unanswerable {
        /// What is asked for, by the layer's name for it.
        about: String,
        /// Why it can't be answered.
        reason: String,
    },
    /// Not a question about data at all: a greeting, thanks.
    Conversational,
    /// A question about something else.
    OutOfScope {
        /// Why it is taken for one.
        reason: String,
    },
}

/// A question that was understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// What it asks, in canonical form.
    pub intent: Intent,
    /// Whether it speaks of percent, so that shares are shown so. No part of the meaning.
    pub percent: bool,
    /// Misspelt words and what they were taken for.
    pub corrections: Vec<(String, String)>,
    /// What was taken for granted beside the question, in words.
    pub assumptions: Vec<String>,
}

/// Words that could not be placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unplaced {
    /// As they were written.
    pub words: String,
    /// Why.
    pub reason: String,
    /// What may have been meant.
    pub choices: Vec<String>,
}

impl Words {
    /// A reader of questions about a layer.
    pub fn new(layer: Arc<Layer>) -> Self {
        let lexicon = Lexicon::new(&layer);
        Self { layer, lexicon }
    }

    /// The layer.
    pub fn layer(&self) -> &Arc<Layer> {
        &self.layer
    }

    /// Reads a question that is asked on a day; what is relative in it, such as `last quarter`, is counted from there.
    pub fn read(&self, question: &str, as_of: Date) -> Reading {
        let elements = match Elements::of(&self.lexicon, question, as_of) {
            Ok(elements) => elements,
            Err(reading) => return *reading,
        };
        resolve::resolve(&self.layer, &self.lexicon, elements, as_of)
    }

    /// Whether a phrase may be given a meaning: none of its words has one here, or is spelt much like one that has.
    pub fn is_free(&self, phrase: &str) -> bool {
        // Which day it is makes no difference to whether a word is of the calendar.
        let Ok(elements) = Elements::of(&self.lexicon, phrase, Date::ZERO) else { return false };
        let unknown = |element: &Element| matches!(element.kind, Kind::Unknown);
        !elements.all.is_empty() && elements.all.iter().all(unknown) && elements.corrections.is_empty()
    }
}
