//! What a question asks to be made as small or as large as can be.

use super::tokens::{Kind, Text};
use crate::engine::optimise::templates::{Goal, Sense};
use std::ops::Range;

const MINIMIZE: &[&str] = &[
    "minimi*",
    "least",
    "lowest",
    "cheapest",
    "smallest",
    "fewest",
    "as few",
    "as little",
    "as cheap*",
    "as low",
    "reduce",
    "minimum",
];
const MAXIMIZE: &[&str] = &["maximi*", "highest", "greatest", "largest", "most", "as much", "as many", "best", "maximum"];

/// How far behind the word for the sense the word for what is meant may stand, and how far before it.
const BEHIND: usize = 9;
const BEFORE: usize = 4;

/// A goal that is stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// Which way.
    pub sense: Sense,
    /// The tokens that say so.
    pub tokens: Range<usize>,
    /// It says so beyond doubt: `minimize`, where `least` may as well be that of `at least`.
    pub plain: bool,
}

impl Text<'_> {
    /// The goals that are stated, in order.
    pub fn goals(&self) -> Vec<Stated> {
        let mut found = Vec::new();
        for at in 0..self.tokens.len() {
            let phrase =
                |all: &[&'static str]| all.iter().find_map(|phrase| Some((at..at + self.phrase_at(at, phrase)?, *phrase)));
            let stated = phrase(MINIMIZE)
                .map(|(tokens, phrase)| (Sense::Minimize, tokens, phrase))
                .or_else(|| phrase(MAXIMIZE).map(|(tokens, phrase)| (Sense::Maximize, tokens, phrase)));
            let Some((sense, tokens, phrase)) = stated else { continue };
            let plain = matches!(phrase, "minimi*" | "maximi*");
            if plain || !self.is_bound(&tokens) {
                found.push(Stated { sense, tokens, plain });
            }
        }
        found
    }

    /// Whether `least` is that of `at least`, `minimum` that of `a minimum of 5`.
    fn is_bound(&self, tokens: &Range<usize>) -> bool {
        let before = tokens.start.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or("", |token| &token.lower);
        let number = |at: usize| self.tokens.get(at).is_some_and(|token| matches!(token.kind, Kind::Number(_)));
        let of = self.tokens.get(tokens.end).is_some_and(|token| matches!(&*token.lower, "of" | "is" | "at"));
        before == "at" || number(tokens.end) || (of && number(tokens.end + 1)) || number(tokens.start.wrapping_sub(1))
    }

    /// Where a stated goal is one of those: which, and the tokens of both its words.
    pub fn goal_among<'g>(&self, stated: &Stated, goals: &'g [Goal]) -> Option<(&'g Goal, Range<usize>)> {
        let sentence = self.tokens.get(stated.tokens.start)?.sentence;
        let stops = |at: usize| {
            self.tokens.get(at).is_none_or(|t| t.sentence != sentence || matches!(t.kind, Kind::Sign(',' | '(' | ';')))
        };
        let behind = (stated.tokens.end..stated.tokens.end + BEHIND).take_while(|at| !stops(*at));
        let before = (1..=BEFORE).map_while(|back| stated.tokens.start.checked_sub(back)).take_while(|at| !stops(*at));
        let places: Vec<usize> = behind.chain(before).collect();
        let fits = |goal: &&Goal| goal.sense == stated.sense;
        goals.iter().filter(fits).find_map(|goal| {
            let word = |at: usize| goal.words.iter().find_map(|phrase| Some(at..at + self.phrase_at(at, phrase)?));
            let found = places.iter().find_map(|at| word(*at))?;
            Some((goal, stated.tokens.start.min(found.start)..stated.tokens.end.max(found.end)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn senses(text: &str) -> Vec<Sense> {
        Text::read(text).goals().into_iter().map(|stated| stated.sense).collect()
    }

    #[test]
    fn a_goal_is_read_and_a_bound_is_none() {
        assert_eq!(senses("minimize worst-case 30-day loss with at least 5% in each"), [Sense::Minimize]);
        assert_eq!(senses("at the lowest cost with a minimum of 5 and at most 3"), [Sense::Minimize]);
        assert_eq!(senses("maximise profit, minimise cost"), [Sense::Maximize, Sense::Minimize]);
        assert_eq!(senses("a maximum of 30 units"), []);
    }

    #[test]
    fn what_is_to_be_made_small_must_be_what_is_known() {
        let text = Text::read("Split it to minimize worst-case 30-day loss");
        let stated = &text.goals()[0];
        let goal = |word: &str| Goal { sense: Sense::Minimize, words: vec![word.to_owned()] };
        assert!(text.goal_among(stated, &[goal("loss")]).is_some());
        assert_eq!(text.goal_among(stated, &[goal("cost")]), None);
    }
}
