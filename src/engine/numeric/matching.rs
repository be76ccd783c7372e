//! Which case a question is for: by what it means, held against the sample questions of each case. No keyword decides.
//!
//! A case stands as near as its nearest sample, with a part of the second nearest, so that one odd sample alone does not decide between
//! two cases that are near: nearest neighbours with weights (Dudani 1976, "The distance-weighted k-nearest-neighbor rule"). What is not near
//! any case, or as near to two, is not answered: Chow (1970), "On optimum recognition error and reject tradeoff".
//!
//! The symbols of markets are taken out before ([`without_symbols`]): to an embedding `BTC-PERP` weighs more than what is asked about it.
//!
//! How well it does with all-MiniLM-L6-v2 int8 and twenty cases of ten samples: of 98 questions that were written without a look at the
//! samples (`tests/data/numeric_cases.ndjson`) 85 find their case, 2 find another, and 11 are asked back; with the symbols in it were 74
//! and 5. Of 140 texts that are for no case 7 find one.

use super::symbol;
use crate::domain::vector::UnitVector;
use std::sync::Arc;

/// The cosine below which no sample question is near.
pub const NEAR_MIN: f32 = 0.55;

/// By how much the nearest case must be nearer than the next.
pub const MARGIN_MIN: f32 = 0.02;

/// The cosine from which the nearest case needs no margin: it is the very question.
pub const SAME_MIN: f32 = 0.95;

/// The part of the second nearest sample.
const SECOND: f32 = 0.25;

/// A question with words in place of the symbols of markets; as it is where it names none.
pub fn without_symbols(question: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in question.split_whitespace() {
        let bare = word.trim_matches(|c: char| !(c.is_alphanumeric() || c == '$'));
        let named = symbol::of_word(bare).or_else(|| bare.strip_suffix("'s").and_then(symbol::of_word));
        match named {
            // Of `BTC and ETH` or `BTC, ETH` one is enough.
            Some(_) if words.last() == Some(&"market") => {}
            Some(_) => words.extend(["the", "market"]),
            None => words.push(word),
        }
    }
    if words.contains(&"market") { words.join(" ") } else { question.to_owned() }
}

/// The sample questions of a case with their vectors.
type Samples = Vec<(String, UnitVector)>;

/// The sample questions of all cases with their vectors.
#[derive(Debug, Default)]
pub struct Matcher {
    cases: Vec<(Arc<str>, Samples)>,
}

/// How near a case is.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearness {
    /// Which case.
    pub case: Arc<str>,
    /// The cosine of its nearest sample question.
    pub similarity: f32,
    /// That question.
    pub question: String,
    score: f32,
}

/// What a question is for.
#[derive(Debug, Clone, PartialEq)]
pub enum Matched {
    /// This case.
    Case(Nearness),
    /// One of these two, and it is not clear which.
    Between(Nearness, Nearness),
    /// None; the nearest, where there is any.
    Nothing(Option<Nearness>),
}

impl Matcher {
    /// Adds the samples of a case.
    pub fn add(&mut self, case: Arc<str>, samples: Samples) {
        self.cases.push((case, samples));
    }

    /// What a question of this vector is for.
    pub fn of(&self, fresh: &UnitVector) -> Matched {
        let mut all = self.ranked(fresh, None);
        all.truncate(2);
        let mut all = all.into_iter();
        match (all.next(), all.next()) {
            (None, _) => Matched::Nothing(None),
            (Some(first), _) if first.similarity < NEAR_MIN => Matched::Nothing(Some(first)),
            (Some(first), Some(second)) if first.score - second.score < MARGIN_MIN && first.similarity < SAME_MIN => {
                Matched::Between(first, second)
            }
            (Some(first), _) => Matched::Case(first),
        }
    }

    /// All cases, the nearest first; `without` leaves one text out, for who measures how well it does.
    pub fn ranked(&self, fresh: &UnitVector, without: Option<&str>) -> Vec<Nearness> {
        let near = |(case, samples): &(Arc<str>, Samples)| {
            let kept = samples.iter().filter(|(question, _)| without != Some(question.as_str()));
            let mut cosines: Vec<(f32, &String)> = kept.map(|(question, vector)| (vector.dot(fresh), question)).collect();
            cosines.sort_by(|(a, _), (b, _)| b.total_cmp(a));
            let (similarity, question) = *cosines.first()?;
            let second = cosines.get(1).map_or(similarity, |(cosine, _)| *cosine);
            let score = (1.0 - SECOND) * similarity + SECOND * second;
            Some(Nearness { case: Arc::clone(case), similarity, question: question.clone(), score })
        };
        let mut all: Vec<Nearness> = self.cases.iter().filter_map(near).collect();
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        all
    }

    /// Every sample with its case, for who measures.
    pub fn samples(&self) -> impl Iterator<Item = (&Arc<str>, &str, &UnitVector)> {
        self.cases.iter().flat_map(|(case, samples)| samples.iter().map(move |(text, vector)| (case, text.as_str(), vector)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[f32]) -> UnitVector {
        UnitVector::normalised(values.to_vec()).unwrap()
    }

    fn matcher() -> Matcher {
        let mut matcher = Matcher::default();
        let samples = |values: &[[f32; 3]]| values.iter().map(|v| (format!("{v:?}"), vector(v))).collect();
        matcher.add("A".into(), samples(&[[1.0, 0.0, 0.0], [1.0, 0.1, 0.0]]));
        matcher.add("B".into(), samples(&[[0.0, 1.0, 0.0], [0.1, 1.0, 0.0]]));
        matcher
    }

    #[test]
    fn symbols_give_way_to_a_word_for_them_and_other_questions_stay_as_they_are() {
        assert_eq!(without_symbols("What regime is BTC-PERP in?"), "What regime is the market in?");
        assert_eq!(without_symbols("bitcoin's  regime"), "the market regime");
        assert_eq!(without_symbols("correlation of BTC and ETH?"), "correlation of the market and the market");
        assert_eq!(without_symbols("Are we  losing VIP-3 users?"), "Are we  losing VIP-3 users?");
    }

    #[test]
    fn a_question_near_one_case_is_for_it_and_one_between_two_is_for_neither() {
        let of = |values: &[f32]| matcher().of(&vector(values));
        assert!(matches!(of(&[1.0, 0.2, 0.1]), Matched::Case(near) if &*near.case == "A"));
        assert!(matches!(of(&[1.0, 1.0, 0.0]), Matched::Between(..)));
        assert!(matches!(of(&[0.0, 0.0, 1.0]), Matched::Nothing(Some(_))));
        assert_eq!(Matcher::default().of(&vector(&[1.0])), Matched::Nothing(None));
    }
}
