//! Whether a number is a least or a most, by the words about it.

use super::tokens::{Kind, Text};
use serde::Deserialize;
use std::ops::Range;

/// Whether a number is a least or a most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Not less.
    AtLeast,
    /// Not more.
    AtMost,
}

const AT_LEAST_BEFORE: &[&str] = &[
    "at least",
    "no less than",
    "not less than",
    "no fewer than",
    "not fewer than",
    "a minimum of",
    "minimum of",
    "minimum",
    "min",
    "≥",
    "> =",
    "floor of",
    "floor at",
    "floor",
    "more than",
    "must exceed",
    "at minimum",
    "or more than",
];
const AT_MOST_BEFORE: &[&str] = &[
    "at most",
    "no more than",
    "not more than",
    "up to",
    "a maximum of",
    "maximum of",
    "maximum",
    "max",
    "≤",
    "< =",
    "cap of",
    "cap at",
    "capped at",
    "cap",
    "ceiling of",
    "ceiling at",
    "ceiling",
    "limited to",
    "limit of",
    "below",
    "under",
    "less than",
    "not exceed",
    "not exceeding",
    "within",
];
const AT_LEAST_AFTER: &[&str] = &["or more", "minimum", "floor", "at least", "and above", "or above"];
const AT_MOST_AFTER: &[&str] = &["or less", "maximum", "ceiling", "cap", "at most", "limit", "or fewer", "max"];

/// How far before or behind a number the word may stand that makes it a least or a most.
const BOUND_REACH: usize = 3;

impl Text<'_> {
    /// Whether the number at a token is a least or a most, by the words about it.
    pub fn bound_at(&self, token: usize) -> Option<Bound> {
        self.bound_with_place(token).map(|(bound, _)| bound)
    }

    /// The same with the tokens that say so.
    pub fn bound_with_place(&self, token: usize) -> Option<(Bound, Range<usize>)> {
        let sentence = self.tokens.get(token)?.sentence;
        let stops = |at: usize| {
            self.tokens.get(at).is_none_or(|t| t.sentence != sentence || matches!(t.kind, Kind::Number(_)) || t.is_sign(','))
        };
        let phrase = |at: usize, all: &[&str]| all.iter().find_map(|p| Some(at..at + self.phrase_at(at, p)?));
        for back in 1..=BOUND_REACH {
            let Some(at) = token.checked_sub(back).filter(|at| !stops(*at)) else { break };
            let reaches = |found: &Range<usize>| found.end <= token;
            // The longest of the phrases first: `no more than` holds `more than`.
            for from in (at.saturating_sub(2)..=at).filter(|from| !stops(*from)) {
                if let Some(found) = phrase(from, AT_MOST_BEFORE).filter(reaches).filter(|found| found.end > at) {
                    return Some((Bound::AtMost, found));
                }
                if let Some(found) = phrase(from, AT_LEAST_BEFORE).filter(reaches).filter(|found| found.end > at) {
                    return Some((Bound::AtLeast, found));
                }
            }
        }
        for ahead in 1..=BOUND_REACH {
            let at = token + ahead;
            if stops(at) {
                break;
            }
            if let Some(found) = phrase(at, AT_LEAST_AFTER) {
                return Some((Bound::AtLeast, found));
            }
            if let Some(found) = phrase(at, AT_MOST_AFTER) {
                return Some((Bound::AtMost, found));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_about_a_number_say_whether_it_is_a_least_or_a_most() {
        let bound = |text: &str| {
            let read = Text::read(text);
            read.bound_at(read.numbers[0].token)
        };
        for text in ["at least 5%", "no less than 5 units", "5% per-market floor", "a minimum of 30", "≥5%", "5% or more"] {
            assert_eq!(bound(text), Some(Bound::AtLeast), "{text}");
        }
        for text in
            ["at most 3 hours each", "no more than 5", "≤5% loss", "a 40% cap", "capped at 40%", "up to 3", "must not exceed 4"]
        {
            assert_eq!(bound(text), Some(Bound::AtMost), "{text}");
        }
        for text in ["the 8 investigators", "$50M fund, at least"] {
            assert_eq!(bound(text), None, "{text}");
        }
    }
}
