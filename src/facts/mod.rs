//! The fact reader: what a short text of a market, an operation or a question to a warehouse says, without a model.
//!
//! [`read`] cuts a text into tokens, groups them by the [`Lexicon`], and fills the slots of [`Facts`]. [`compare()`] holds two readings
//! against each other, slot by slot, by the strategy's [`Rules`]. What the lexicon doesn't know is kept as words and counted as unread, so that a
//! word that took the place of another is seen although neither was understood.

mod amounts;
mod bridges;
mod compare;
mod dates;
mod events;
mod inflection;
mod items;
mod lexicon;
mod numbers;
mod order;
pub mod paraphrase;
mod parts;
mod periods;
mod poles;
mod question;
mod ranges;
mod roles;
mod surroundings;
mod tense;
mod tokens;
mod wording;

pub use compare::{Conflict, compare};
pub use lexicon::{Config, Lexicon, LexiconError};

pub use crate::domain::fact_rules::{Rule, Rules, Slot, SlotRule, Unknown};
use crate::domain::facts::Facts;
use crate::domain::time::Timestamp;

/// Reads the facts of a text; relative days are told from `as_of`.
pub fn read(text: &str, as_of: Timestamp, lexicon: &Lexicon) -> Facts {
    let (tokens, too_long) = tokens::cut(text);
    let items = items::group(&tokens, lexicon);
    let mut parts = parts::read(&items, as_of);
    let mut facts = Facts::default();
    events::collect(&mut parts, &mut facts);
    facts.roles = roles::read(&parts);
    tense::read(&items).into_iter().for_each(|modality| facts.modality.push(modality));
    facts.modality.sort_unstable();
    facts.modality.dedup();
    question::read(&items, &parts, &mut facts);
    if too_long {
        // What comes after the cap counts as one clause as long as what was read, none of it understood.
        facts.unread += facts.content.max(1);
        facts.content += facts.content.max(1);
    }
    facts
}

#[cfg(test)]
mod tests;
