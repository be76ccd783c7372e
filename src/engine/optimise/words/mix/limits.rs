//! The restrictions of a mix.

use super::super::bounds::Bound;
use super::super::names::Mention;
use super::super::numbers::Unit;
use super::{Limit, Mix};
use std::collections::BTreeSet;

/// What a budget limits.
const SPENT: [&str; 4] = ["cost", "price", "pay", "wage"];

/// Phrases that make a number without a least or a most one.
const LIMITS: &[&str] = &["available", "has", "have", "budget", "only", "limited", "access", "up"];

/// Phrases by which a limit is one of all products together.
const ALL: &[&str] =
    &["either type", "in total", "total of", "altogether", "combined", "of any type", "both types", "in any combination"];

impl Mix<'_> {
    /// Limits: of what is taken or brought, of a product, of all, of one product relative to another.
    pub(super) fn restrictions(&mut self) {
        let tokens: Vec<usize> = self.text.numbers.iter().map(|number| number.token).collect();
        for token in tokens {
            if self.taken.get(token) != Some(&false) {
                continue;
            }
            let limit = match self.unit_of(token) {
                Some(Unit::Times) => self.times(token),
                Some(Unit::Share) => self.share(token),
                Some(_) => self.limit(token),
                None => None,
            };
            if let Some(limit) = limit {
                self.limits.push(limit);
                self.take(token..token + 1);
            }
        }
        self.comparisons();
    }

    /// Mentions of the sentence of a token.
    fn mentions_with(&self, token: usize) -> Vec<Mention> {
        let sentence = |at: usize| self.text.tokens.get(at).map(|t| t.sentence);
        self.mentions.iter().filter(|mention| sentence(mention.tokens.start) == sentence(token)).cloned().collect()
    }

    fn times(&self, token: usize) -> Option<Limit> {
        let least = self.text.bound_at(token)? == Bound::AtLeast;
        let all = self.mentions_with(token);
        let behind: Vec<&Mention> = all.iter().filter(|mention| mention.tokens.start > token).collect();
        let value = self.value_of(token);
        let word = |at: usize| self.text.tokens.get(at).map_or("", |t| &*t.lower);
        let as_many = word(token + 1) == "as" || word(token + 1) == "more";
        match (&*behind, all.iter().rfind(|mention| mention.tokens.end <= token)) {
            ([x, y], _) if as_many && x.name != y.name => Some(Limit::Times { product: x.name, least, value, than: y.name }),
            ([y], Some(x)) if x.name != y.name => Some(Limit::Times { product: x.name, least, value, than: y.name }),
            _ => None,
        }
    }

    /// `at least 70% of all furniture must be chairs`: one product alone is named, on this side of any other restriction.
    fn share(&self, token: usize) -> Option<Limit> {
        let least = self.text.bound_at(token)? == Bound::AtLeast;
        let other = |at: usize| at != token && self.is_number(at);
        let behind = (token + 1..)
            .take_while(|at| self.text.tokens.get(*at).is_some_and(|t| !t.is_sign('.') && !t.is_sign(',') && !other(*at)));
        let end = behind.last().map_or(token, |at| at + 1);
        let named: BTreeSet<usize> =
            self.mentions.iter().filter(|m| m.tokens.start > token && m.tokens.end <= end).map(|m| m.name).collect();
        let mut named = named.into_iter();
        match (named.next(), named.next()) {
            (Some(product), None) => Some(Limit::Share { product, least, value: self.value_of(token) }),
            _ => None,
        }
    }

    fn limit(&self, token: usize) -> Option<Limit> {
        let (bound, value) = (self.bound_of(token), self.value_of(token));
        let sentence = self.text.tokens.get(token)?.sentence;
        let near = |phrases: &[&str]| {
            (token.saturating_sub(8)..token + 9).any(|at| {
                self.text.tokens.get(at).is_some_and(|t| t.sentence == sentence)
                    && phrases.iter().any(|p| self.text.phrase_at(at, p).is_some())
            })
        };
        let least = bound == Some(Bound::AtLeast);
        let anywhere = || self.text.tokens.iter().any(|t| t.sentence == sentence && LIMITS.contains(&&*t.lower));
        let alone = self.mentions_with(token).is_empty();
        if bound.is_none() && !near(LIMITS) && !(alone && anywhere()) {
            return None;
        }
        if let Some(mention) = self.mentions.iter().find(|mention| mention.tokens.start == token + 1) {
            return bound.map(|_| Limit::Product { product: mention.name, least, value });
        }
        let mut words = self.words_about(token);
        if words.contains("$") && (words.contains("budget") || words.contains("spend") || words.len() == 1) {
            words.extend(SPENT.iter().map(|word| (*word).to_owned()));
        }
        let half = |at: usize| {
            let common = self.attributes.get(at).map_or(0, |attribute| attribute.words.intersection(&words).count());
            words.contains("$") || common * 2 >= words.len()
        };
        if let Some(attribute) =
            self.attribute_for(&words, false).filter(|at| self.is_money(*at) == words.contains("$") && half(*at))
        {
            return Some(Limit::Attribute { attribute, least, value });
        }
        near(ALL).then_some(Limit::All { least, value }).filter(|_| bound.is_some())
    }

    fn is_money(&self, attribute: usize) -> bool {
        self.attributes.get(attribute).is_some_and(|attribute| attribute.words.contains("$"))
    }

    /// `the number of X must not exceed the number of Y`: two products and a phrase between them, without a number.
    fn comparisons(&mut self) {
        for pair in self.mentions.clone().windows(2) {
            let [x, y] = pair else { continue };
            let between = x.tokens.end..y.tokens.start;
            let plain = between.clone().all(|at| self.text.tokens.get(at).is_some_and(|t| t.is_word()));
            let said = |phrase: &str| between.clone().any(|at| self.text.phrase_at(at, phrase).is_some());
            let before = |phrase: &str| {
                (x.tokens.start.saturating_sub(3)..x.tokens.start).any(|at| self.text.phrase_at(at, phrase).is_some())
            };
            if !plain || x.name == y.name || between.len() > 12 {
                continue;
            }
            let most = ["not exceed", "cannot exceed", "less than", "fewer than", "not be more than", "smaller than"]
                .iter()
                .any(|p| said(p));
            let more = said("than") && (before("more") || ["more than", "larger than", "greater than"].iter().any(|p| said(p)));
            let fewer = said("than") && (before("fewer") || before("less"));
            let least = match (most || fewer, more && !said("not")) {
                (true, false) => false,
                (false, true) => true,
                _ => continue,
            };
            self.limits.push(Limit::Times { product: x.name, least, value: 1.0, than: y.name });
            self.take(x.tokens.start..y.tokens.end);
        }
    }
}
