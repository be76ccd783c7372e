//! Tokens into items: each phrase that the lexicon knows becomes one, the longest first.

use super::lexicon::{Lexicon, Sense};
use super::tokens::{Shape, Token};

/// What an item is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind<'a> {
    Sense(&'a Sense),
    Number { value: f64, digits: u8 },
    Symbol(char),
    Break,
    Unknown,
}

/// A phrase, a number, a sign or an unknown word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) kind: Kind<'a>,
    /// The first word in lower case; for a number its suffix.
    pub(super) text: &'a str,
    /// The last word, where a phrase was taken as one.
    pub(super) last: &'a str,
    pub(super) capital: bool,
    pub(super) shouted: bool,
    pub(super) joined: bool,
}

impl<'a> Item<'a> {
    /// Its sense, where the lexicon knows it.
    pub(super) fn sense(&self) -> Option<&'a Sense> {
        if let Kind::Sense(sense) = self.kind { Some(sense) } else { None }
    }
}

fn item<'a>(token: &Token, text: &'a str, kind: Kind<'a>) -> Item<'a> {
    Item { kind, text, last: text, capital: token.capital, shouted: token.shouted, joined: token.joined }
}

/// Groups tokens by the lexicon.
pub(super) fn group<'a>(tokens: &'a [Token], lexicon: &'a Lexicon) -> Vec<Item<'a>> {
    let known: Vec<Option<u32>> = tokens
        .iter()
        .map(|token| match token.shape {
            Shape::Word => lexicon.word(&token.text),
            // `S&P 500` and `FTSE 100` are names with a number inside.
            Shape::Number { value, .. } => lexicon.word(&format!("{value}{}", token.text)),
            _ => None,
        })
        .collect();
    let word_at = |at: usize| Some((known.get(at).copied()??, tokens.get(at)?.capital, tokens.get(at)?.shouted));
    let words = tokens.iter().filter(|token| token.shape == Shape::Word);
    let (all, loud) = words.fold((0, 0), |(all, loud), token| (all + 1, loud + usize::from(token.shouted)));
    let shouting = all > 3 && loud * 4 > all * 3;
    let mut items = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let (kind, taken) = match token.shape {
            // `2FA` is no number.
            Shape::Number { value, digits } => match lexicon.longest(at, shouting, word_at) {
                Some((sense @ Sense::Word(_), taken)) if !token.text.is_empty() => (Kind::Sense(sense), taken),
                _ => (Kind::Number { value, digits }, 1),
            },
            Shape::Symbol(sign) => (Kind::Symbol(sign), 1),
            Shape::Break => (Kind::Break, 1),
            Shape::Word => match lexicon.longest(at, shouting, word_at) {
                Some((sense, taken)) => (Kind::Sense(sense), taken),
                None => (Kind::Unknown, 1),
            },
        };
        // `unconfirmed` is not confirmed.
        if let (Kind::Unknown, Some(rest)) = (kind, token.text.strip_prefix("un").filter(|rest| rest.len() >= 4))
            && let Some(sense @ (Sense::Pole { .. } | Sense::Verb(_))) = lexicon.single(rest)
        {
            items.push(Item { kind: Kind::Sense(&Sense::Negator), ..item(token, rest, kind) });
            items.push(Item { kind: Kind::Sense(sense), ..item(token, rest, kind) });
            at += 1;
            continue;
        }
        let last = tokens.get(at + taken - 1).map_or("", |token| &token.text);
        items.push(Item { last, ..item(token, &token.text, kind) });
        at += taken;
    }
    items
}
