//! An expression, cut into tokens.

use super::error::Fault;
use crate::limits::{EXPRESSION_CHARS_MAX, MODEL_NUMBER_MAX};
use std::ops::Range;

/// A token with the characters that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Number(f64),
    Name(String),
    Text(String),
    Symbol(&'static str),
    End,
}

impl Kind {
    /// What it is, for a message.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Number(value) => format!("the number `{value}`"),
            Self::Name(name) => format!("`{name}`"),
            Self::Text(text) => format!("the text `\"{text}\"`"),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::End => "the end of the expression".into(),
        }
    }
}

/// Signs, the longest first, and what each means.
const SYMBOLS: [(&str, &str); 36] = [
    ("<=>", "<=>"),
    ("==>", "=>"),
    ("<=", "<="),
    (">=", ">="),
    ("==", "=="),
    ("!=", "!="),
    ("<>", "!="),
    ("=>", "=>"),
    ("->", "=>"),
    ("**", "^"),
    ("..", ".."),
    ("&&", "and"),
    ("||", "or"),
    ("≤", "<="),
    ("≥", ">="),
    ("≠", "!="),
    ("⇒", "=>"),
    ("→", "=>"),
    ("−", "-"),
    ("×", "*"),
    ("·", "*"),
    ("<", "<"),
    (">", ">"),
    ("=", "=="),
    ("+", "+"),
    ("-", "-"),
    ("*", "*"),
    ("/", "/"),
    ("^", "^"),
    ("(", "("),
    (")", ")"),
    ("[", "["),
    ("]", "]"),
    (",", ","),
    (":", ":"),
    ("!", "not"),
];

/// Words that can't be names.
pub(super) const WORDS: [&str; 9] = ["in", "if", "then", "else", "and", "or", "not", "for", "where"];

/// Letters that look like an ASCII letter and are none, each before the letter that it looks like.
const LOOK_ALIKES: &str = "аaеeоoрpсcхxуyіiјjѕsһhԁdԛqԝwАAВBЕEКKМMНHОOРPСCТTХXУYІIЈJЅSΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXοoνvρpιiαaκkχx";

/// Cuts `text` into tokens, of which the last is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let chars: Vec<char> = text.chars().take(EXPRESSION_CHARS_MAX + 1).collect();
    if chars.len() > EXPRESSION_CHARS_MAX {
        return Err(Fault::new(
            &(0..0),
            format!("the expression has more than {EXPRESSION_CHARS_MAX} characters; write sums over sets"),
        ));
    }
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if chars[at].is_whitespace() {
            at += 1;
            continue;
        }
        let (kind, end) = token(&chars, at)?;
        found.push(Token { kind, at: at..end });
        at = end;
    }
    found.push(Token { kind: Kind::End, at: at..at });
    Ok(found)
}

fn token(chars: &[char], at: usize) -> Result<(Kind, usize), Fault> {
    let first = chars[at];
    if first.is_ascii_digit() || (first == '.' && chars.get(at + 1).is_some_and(char::is_ascii_digit)) {
        return number(chars, at);
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let end = run(chars, at, |c| c.is_ascii_alphanumeric() || c == '_');
        // A letter that only looks like one of these would otherwise end a name in the middle.
        if let Some(&next) = chars.get(end).filter(|next| next.is_alphabetic()) {
            return Err(foreign(next, end));
        }
        let word: String = chars[at..end].iter().collect();
        let kind = match WORDS.iter().find(|known| **known == word) {
            Some(known) => Kind::Symbol(known),
            None => Kind::Name(word),
        };
        return Ok((kind, end));
    }
    if first == '"' || first == '\'' {
        let end = run(chars, at + 1, |c| c != first);
        if end == chars.len() {
            return Err(Fault::new(&(at..end), format!("the text that begins here has no closing {first}")));
        }
        return Ok((Kind::Text(chars[at + 1..end].iter().collect()), end + 1));
    }
    for (sign, means) in SYMBOLS {
        let length = sign.chars().count();
        if chars[at..].iter().take(length).copied().eq(sign.chars()) {
            return Ok((Kind::Symbol(means), at + length));
        }
    }
    Err(foreign(first, at))
}

fn foreign(letter: char, at: usize) -> Fault {
    let code = u32::from(letter);
    let mut pairs = LOOK_ALIKES.chars();
    while let (Some(alike), Some(ascii)) = (pairs.next(), pairs.next()) {
        if alike == letter {
            let detail =
                format!("`{letter}` (U+{code:04X}) is not the letter `{ascii}` that it looks like; write the ASCII letter");
            return Fault::new(&(at..at + 1), detail);
        }
    }
    if letter.is_alphabetic() {
        let detail = format!("`{letter}` (U+{code:04X}) can't stand in a name; names have ASCII letters, digits and `_`");
        return Fault::new(&(at..at + 1), detail);
    }
    let shown = if letter.is_control() { format!("U+{code:04X}") } else { format!("`{letter}` (U+{code:04X})") };
    Fault::new(&(at..at + 1), format!("{shown} has no meaning in an expression"))
}

fn run(chars: &[char], from: usize, belongs: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|c| !belongs(*c)).map_or(chars.len(), |length| from + length)
}

fn number(chars: &[char], at: usize) -> Result<(Kind, usize), Fault> {
    let digits = |from| run(chars, from, |c| c.is_ascii_digit());
    let mut end = digits(at);
    if chars.get(end) == Some(&'.') && chars.get(end + 1) != Some(&'.') {
        end = digits(end + 1);
    }
    if matches!(chars.get(end), Some('e' | 'E')) {
        let sign = usize::from(matches!(chars.get(end + 1), Some('+' | '-')));
        let after = digits(end + 1 + sign);
        if after > end + 1 + sign {
            end = after;
        }
    }
    let text: String = chars[at..end].iter().collect();
    if let Some(next) = chars.get(end).filter(|next| next.is_alphabetic() || **next == '_') {
        let detail = format!("`{next}` stands directly after the number `{text}`; for a product write `{text} * {next}…`");
        return Err(Fault::new(&(at..end + 1), detail));
    }
    let value: f64 = text.parse().map_err(|_| Fault::new(&(at..end), format!("`{text}` is not a number")))?;
    if value > MODEL_NUMBER_MAX {
        return Err(Fault::new(
            &(at..end),
            format!("the number `{text}` is larger than {MODEL_NUMBER_MAX:e}, past what a solver can tell apart"),
        ));
    }
    if chars.get(end) == Some(&'%') {
        return Ok((Kind::Number(value / 100.0), end + 1));
    }
    Ok((Kind::Number(value), end))
}
