//! What the numbers of a mix mean.

use super::super::bounds::Bound;
use super::super::names::singular;
use super::super::numbers::Unit;
use super::super::owners::Owned;
use super::super::tokens::{Kind, Text};
use super::{Attribute, Mix};
use crate::engine::optimise::templates::Sense;
use std::collections::BTreeSet;
use std::ops::Range;

/// Words that say nothing of what a number counts.
const EMPTY: &[&str] = &[
    "unit",
    "units",
    "hour",
    "minute",
    "day",
    "week",
    "month",
    "year",
    "of",
    "the",
    "a",
    "an",
    "to",
    "in",
    "for",
    "each",
    "per",
    "and",
    "is",
    "are",
    "be",
    "can",
    "must",
    "should",
    "it",
    "on",
    "with",
    "that",
    "this",
    "one",
    "worth",
    "amount",
    "number",
    "total",
    "gram",
    "kilogram",
    "litre",
    "liter",
    "ton",
    "pound",
    "time",
    "trip",
    "they",
    "he",
    "she",
    "has",
    "have",
    "will",
    "there",
    "also",
    "while",
    "whereas",
    "if",
    "only",
    "every",
    "by",
    "from",
    "at",
    "as",
    "or",
    "how",
    "many",
    "more",
    "which",
    "used",
    "use",
    "make",
    "made",
    "take",
    "require",
    "need",
    "needs",
    "needed",
    "i",
    "its",
    "their",
    "him",
    "her",
    "so",
    "order",
    "available",
    "least",
    "most",
    "maximum",
    "minimum",
    "limit",
    "least",
    "up",
    "no",
    "than",
    "not",
    "into",
    "due",
    "because",
    "when",
    "sq",
    "ft",
    "square",
    "feet",
    "meter",
    "type",
    "types",
    "mg",
    "g",
    "kg",
    "weekly",
    "daily",
    "monthly",
    "overall",
    "expected",
    "net",
    "his",
    "her",
    "their",
    "net",
    "item",
    "items",
    "package",
    "bottle",
    "container",
    "batch",
    "version",
];

/// Words for sums of money; a number of money stands for the nearest of them.
const MONEY: &[&str] = &[
    "profit", "cost", "price", "revenue", "budget", "spend", "earn", "sell", "sold", "pay", "paid", "wage", "capital", "salary",
];

/// What is to be made small or large.
pub(super) struct Goal {
    pub sense: Sense,
    pub words: BTreeSet<String>,
    pub first: String,
    pub money: bool,
}

/// A word as it is compared.
fn stem(word: &str) -> String {
    let word = singular(word);
    let cut = |end: &str| word.strip_suffix(end).filter(|stem| stem.len() >= 4).map(ToOwned::to_owned);
    cut("ing").or_else(|| cut("ed")).unwrap_or(word)
}

fn content(text: &Text<'_>, tokens: Range<usize>) -> BTreeSet<String> {
    let word =
        |at: usize| text.tokens.get(at).filter(|t| t.is_word()).map(|t| singular(&t.lower)).filter(|w| !EMPTY.contains(&&**w));
    tokens.filter_map(word).map(|word| stem(&word)).collect()
}

/// The goal: the last that is stated beyond doubt, with the words behind it.
pub(super) fn goal(text: &Text<'_>) -> Option<Goal> {
    let all = text.goals();
    let stated = all.iter().rfind(|stated| stated.plain).or_else(|| all.last())?;
    let end = (stated.tokens.end..stated.tokens.end + 9)
        .find(|at| text.tokens.get(*at).is_none_or(|t| t.is_sign('.') || t.is_sign('?') || t.is_sign(',')))
        .unwrap_or(stated.tokens.end + 9);
    let words = content(text, stated.tokens.end..end);
    let money = words.iter().any(|word| MONEY.contains(&&**word));
    let first = (stated.tokens.end..end).find_map(|at| content(text, at..at + 1).pop_first())?;
    Some(Goal { sense: stated.sense, words, first, money })
}

impl Mix<'_> {
    pub(super) fn unit_of(&self, token: usize) -> Option<Unit> {
        let Kind::Number(at) = self.text.tokens.get(token)?.kind else { return None };
        self.text.numbers.get(at).filter(|number| number.to.is_none()).map(|number| number.unit)
    }

    pub(super) fn value_of(&self, token: usize) -> f64 {
        let Some(Kind::Number(at)) = self.text.tokens.get(token).map(|t| t.kind) else { return f64::NAN };
        self.text.numbers.get(at).map_or(f64::NAN, |number| number.value)
    }

    pub(super) fn is_number(&self, at: usize) -> bool {
        self.text.tokens.get(at).is_some_and(|t| matches!(t.kind, Kind::Number(_)))
    }

    /// Whether a number is a least or a most; in `at least 15 units of iron and 10 of zinc` both are.
    pub(super) fn bound_of(&self, token: usize) -> Option<Bound> {
        if let Some(bound) = self.text.bound_at(token) {
            return Some(bound);
        }
        let before = token.checked_sub(1)?;
        let number = (0..before).rev().find(|at| self.is_number(*at))?;
        let sentence = |at: usize| self.text.tokens.get(at).map(|t| t.sentence);
        let joined = self.text.tokens.get(before).is_some_and(|t| t.separates());
        let product = self.mentions.iter().any(|m| m.tokens.start > number && m.tokens.start < token);
        let verb = (number..before).any(|at| {
            self.text.tokens.get(at).is_some_and(|t| matches!(&*t.lower, "but" | "while" | "whereas" | "costs" | "requires"))
        });
        (joined && !product && !verb && sentence(number) == sentence(token)).then(|| self.bound_of(number)).flatten()
    }

    /// The words that say what a number counts: behind it up to the end of the phrase, and for money before it too.
    pub(super) fn words_about(&self, token: usize) -> BTreeSet<String> {
        let sentence = self.text.tokens.get(token).map(|t| t.sentence);
        let same = |at: usize| {
            self.text.tokens.get(at).is_some_and(|t| Some(t.sentence) == sentence && !matches!(t.kind, Kind::Sign(_)))
        };
        let product = |at: usize| self.mentions.iter().any(|mention| mention.tokens.contains(&at));
        let joins = |at: usize| {
            self.text.tokens.get(at).is_none_or(|t| t.separates() || matches!(&*t.lower, "while" | "whereas" | "but"))
        };
        let end = (token + 1..token + 9)
            .find(|at| !same(*at) || self.is_number(*at) || joins(*at) || product(*at))
            .unwrap_or(token + 9);
        let mut words = content(self.text, token + 1..end);
        let money = self.unit_of(token) == Some(Unit::Money);
        if money {
            words.retain(|word| MONEY.contains(&&**word));
            words.insert("$".to_owned());
            let before = (1..=10).map_while(|back| token.checked_sub(back)).take_while(|at| same(*at) && !self.is_number(*at));
            let noun = |at: usize| self.text.tokens.get(at).map(|t| stem(&t.lower)).filter(|word| MONEY.contains(&&**word));
            if words.len() == 1 {
                words.extend(before.into_iter().find_map(noun));
            }
        }
        words
    }

    /// `two types of cakes` says nothing new where two are named.
    pub(super) fn count_of_products(&mut self) {
        for number in &self.text.numbers {
            let plain = number.unit == Unit::Plain && number.spelled && self.text.bound_at(number.token).is_none();
            if plain && (number.value - self.products.len() as f64).abs() < 1e-9 {
                let token = number.token;
                self.taken.iter_mut().skip(token).take(1).for_each(|taken| *taken = true);
            }
        }
    }

    /// Whether the first word of the goal is one of an attribute: `sales of ice cream` are not the ice cream in a cone.
    pub(super) fn is_named(&self, attribute: usize, goal: &Goal) -> bool {
        self.attributes.get(attribute).is_some_and(|attribute| attribute.words.contains(&goal.first))
    }

    /// What one of each product takes or brings: numbers that belong to a product and are no limit.
    pub(super) fn coefficients(&mut self) {
        let owned = super::products::owners(self.text, &self.mentions);
        for Owned { token, name } in owned {
            let unit = self.unit_of(token);
            let named = self.mentions.iter().any(|mention| mention.tokens.start == token + 1);
            if self.taken.get(token) == Some(&true)
                || self.bound_of(token).is_some()
                || matches!(unit, None | Some(Unit::Share | Unit::Times))
                || named
            {
                continue;
            }
            let words = self.words_about(token);
            if words.is_empty() {
                continue;
            }
            let (value, count) = (self.value_of(token), self.products.len());
            let money = words.contains("$");
            let free = |attribute: &Attribute| {
                attribute.of.get(name).is_some_and(Option::is_none) && attribute.words.contains("$") == money
            };
            let common =
                |attribute: &Attribute| attribute.words.iter().filter(|word| *word != "$" && words.contains(*word)).count();
            let best = self
                .attributes
                .iter()
                .enumerate()
                .filter(|(_, a)| free(a) && common(a) > 0)
                .max_by_key(|(_, a)| common(a))
                .map(|(at, _)| at);
            let at = best.unwrap_or_else(|| {
                self.attributes.push(Attribute { words: words.clone(), of: vec![None; count] });
                self.attributes.len() - 1
            });
            if let Some(attribute) = self.attributes.get_mut(at) {
                if best.is_some() {
                    attribute.words.retain(|word| words.contains(word));
                }
                if let Some(held) = attribute.of.get_mut(name) {
                    *held = Some(value);
                }
            }
            self.take(token..token + 1);
        }
    }

    pub(super) fn take(&mut self, tokens: Range<usize>) {
        for at in tokens {
            if let Some(taken) = self.taken.get_mut(at) {
                *taken = true;
            }
        }
    }
}
