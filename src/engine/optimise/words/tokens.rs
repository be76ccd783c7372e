//! A text as words, numbers and signs, with where each stands.
//!
//! Unlike the reader of headlines ([`crate::facts`]) it keeps every place: whoever is told that a number was not taken up must be shown
//! which.

use super::numbers::{self, Number};
use std::ops::Range;

/// No question is longer; what comes after is counted as not read.
const TOKENS_MAX: usize = 2_000;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Letters, with digits, hyphens and apostrophes inside.
    Word,
    /// The number of this position in [`Text::numbers`].
    Number(usize),
    /// A sign, such as `/` or `≤`.
    Sign(char),
}

/// A word, a number or a sign.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// Where it stands in the text, in bytes.
    pub at: Range<usize>,
    /// In lower case.
    pub lower: String,
    /// What it is.
    pub kind: Kind,
    /// It begins with a capital.
    pub capital: bool,
    /// The sentence that it stands in, counted from 0.
    pub sentence: usize,
}

/// A text, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Text<'a> {
    /// As it was written.
    pub raw: &'a str,
    /// Its tokens in order.
    pub tokens: Vec<Token>,
    /// Its numbers in order.
    pub numbers: Vec<Number>,
    /// It went on after the last token.
    pub cut: bool,
}

impl Token {
    /// Whether it is this sign.
    pub fn is_sign(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// Whether it is a word.
    pub fn is_word(&self) -> bool {
        self.kind == Kind::Word
    }

    /// Whether it only separates the members of a list.
    pub fn separates(&self) -> bool {
        matches!(self.kind, Kind::Sign(',' | '/' | '&' | ';')) || matches!(&*self.lower, "and" | "or" | "plus" | "versus" | "vs")
    }
}

impl<'a> Text<'a> {
    /// Reads a text.
    pub fn read(raw: &'a str) -> Self {
        let mut tokens: Vec<Token> = Vec::with_capacity(raw.len() / 5 + 4);
        let (mut at, mut sentence, mut cut) = (0, 0, false);
        while let Some(first) = raw.get(at..).and_then(|rest| rest.chars().next()) {
            if tokens.len() >= TOKENS_MAX {
                cut = true;
                break;
            }
            if first.is_whitespace() {
                at += first.len_utf8();
                continue;
            }
            let rest = raw.get(at..).unwrap_or_default();
            let length = length(rest, first);
            let text = rest.get(..length).unwrap_or_default();
            let kind = if first.is_alphanumeric() { Kind::Word } else { Kind::Sign(first) };
            let token = Token { at: at..at + length, lower: text.to_lowercase(), kind, capital: first.is_uppercase(), sentence };
            tokens.push(token);
            at += length;
            let next_blank = raw.get(at..).and_then(|rest| rest.chars().next()).is_none_or(char::is_whitespace);
            if matches!(first, '?' | '!' | ';') || (first == '.' && next_blank) || (first == '\u{2022}') {
                sentence += 1;
            }
        }
        let (tokens, numbers) = numbers::read(tokens);
        Self { raw, tokens, numbers, cut }
    }

    /// The text of some tokens, as it was written.
    pub fn slice(&self, tokens: Range<usize>) -> &'a str {
        let from = self.tokens.get(tokens.start).map_or(self.raw.len(), |token| token.at.start);
        let to = tokens.end.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(from, |token| token.at.end);
        self.raw.get(from..to).unwrap_or_default()
    }

    /// The words of a text in lower case from `at` on: whether a phrase stands there, and how many tokens it takes. `*` at the end of a
    /// word of the phrase stands for any ending.
    pub fn phrase_at(&self, at: usize, phrase: &str) -> Option<usize> {
        let mut taken = 0;
        for wanted in phrase.split_whitespace() {
            let token = self.tokens.get(at + taken)?;
            let fits = match wanted.strip_suffix('*') {
                Some(beginning) => token.lower.starts_with(beginning),
                None => token.lower == wanted,
            };
            if !fits {
                return None;
            }
            taken += 1;
        }
        (taken > 0).then_some(taken)
    }

    /// The first place from which a phrase stands in the text.
    pub fn find(&self, phrase: &str) -> Option<Range<usize>> {
        (0..self.tokens.len()).find_map(|at| Some(at..at + self.phrase_at(at, phrase)?))
    }
}

/// How many bytes the token takes that begins with `first`.
fn length(rest: &str, first: char) -> usize {
    if first.is_ascii_digit() {
        return numbers::digits(rest);
    }
    if !first.is_alphanumeric() {
        return first.len_utf8();
    }
    let mut end = rest.len();
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        let inside = matches!(c, '-' | '\'' | '’' | '_' | '‑') && next.is_some_and(char::is_alphanumeric);
        // The dots of `U.S.` are part of it, that of a sentence is not.
        let dotted = c == '.' && next.is_some_and(char::is_alphabetic);
        if !(c.is_alphanumeric() || inside || dotted) {
            end = at;
            break;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        Text::read(text).tokens.into_iter().map(|token| token.lower).collect()
    }

    #[test]
    fn words_signs_and_numbers_keep_their_places() {
        let text = Text::read("Allocate the $50M across BTC/ETH. Now?");
        assert_eq!(
            words("BTC/ETH, per-market floor; NR-04."),
            ["btc", "/", "eth", ",", "per-market", "floor", ";", "nr-04", "."]
        );
        assert_eq!(text.slice(2..3), "$50M");
        assert_eq!(text.tokens.last().unwrap().sentence, 1);
    }

    #[test]
    fn a_phrase_is_found_with_any_ending_where_a_star_says_so() {
        let text = Text::read("they allocated at most half");
        assert_eq!(text.find("allocat*"), Some(1..2));
        assert_eq!(text.find("at most"), Some(2..4));
        assert_eq!(text.find("at least"), None);
    }

    proptest! {
        #[test]
        fn whatever_is_read_never_panics_and_tokens_lie_in_order(raw in "\\PC{0,200}") {
            let text = Text::read(&raw);
            let mut end = 0;
            for token in &text.tokens {
                prop_assert!(token.at.start >= end && token.at.end > token.at.start && raw.get(token.at.clone()).is_some());
                end = token.at.end;
            }
        }
    }
}
