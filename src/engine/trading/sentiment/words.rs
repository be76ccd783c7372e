//! The text in words, figures and breaks.

use crate::limits::SENTIMENT_TOKENS_MAX;

/// One piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A word in lower case, without hyphens or apostrophes.
    Word(String),
    /// A figure.
    Figure(Figure),
    /// A comma: a short pause inside a sentence.
    Comma,
    /// The start or end of an aside in brackets.
    Bracket,
    /// The end of a sentence or of one of its halves.
    Stop,
    /// A question mark, which ends a sentence too.
    Question,
    /// A link, a ticker with its dollar sign, a hashtag or a name with an at sign: the marks of a short message.
    Mark,
}

/// A number with what it counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figure {
    /// In units: `1.2 mn` is 1 200 000.
    pub value: f64,
    /// As written: `1.2 mn` is 1.2.
    pub written: f64,
    /// Whether it is in per cent.
    pub percent: bool,
    /// Whether the text writes a plus or a minus right before it.
    pub signed: bool,
    /// Whether it is a bare whole number from 1900 to 2100, which is most often a year.
    pub year: bool,
}

/// Cuts a text; what comes after [`SENTIMENT_TOKENS_MAX`] tokens is not read.
pub(super) fn cut(text: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 5 + 1);
    for piece in text.split_whitespace() {
        if tokens.len() >= SENTIMENT_TOKENS_MAX {
            break;
        }
        if is_mark(piece) {
            tokens.push(Token::Mark);
        } else {
            cut_piece(piece, &mut tokens);
        }
    }
    tokens.truncate(SENTIMENT_TOKENS_MAX);
    scale(&tokens)
}

fn is_mark(piece: &str) -> bool {
    let mut chars = piece.chars();
    let first = chars.next();
    let second = chars.next();
    let lead = matches!(first, Some('$' | '#' | '@')) && second.is_some_and(char::is_alphabetic);
    lead || piece.starts_with("http://") || piece.starts_with("https://")
}

fn cut_piece(piece: &str, tokens: &mut Vec<Token>) {
    let chars: Vec<char> = piece.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let here = chars[at];
        let next_is_digit = chars.get(at + 1).is_some_and(char::is_ascii_digit);
        let sign = matches!(here, '+' | '-' | '−') && next_is_digit && (at == 0 || !chars[at - 1].is_alphanumeric());
        if here.is_ascii_digit() || sign {
            at = cut_number(&chars, at, sign, tokens);
        } else if here.is_alphabetic() {
            at = cut_word(&chars, at, tokens);
        } else {
            match here {
                ',' => tokens.push(Token::Comma),
                '.' if !ends_sentence(&chars, at) => {}
                '.' | ';' | ':' | '!' | '—' | '|' => tokens.push(Token::Stop),
                '?' => tokens.push(Token::Question),
                '(' | ')' | '[' | ']' => tokens.push(Token::Bracket),
                '%' => mark_percent(tokens),
                _ => {}
            }
            at += 1;
        }
    }
}

/// Whether the point at `at` is more than one of an abbreviation such as `U.S.`.
fn ends_sentence(chars: &[char], at: usize) -> bool {
    let inside = chars.get(at + 1).is_some_and(|next| next.is_alphanumeric());
    let after_initial = at > 0 && chars[at - 1].is_alphabetic() && (at == 1 || !chars[at - 2].is_alphanumeric());
    !inside && !after_initial
}

fn mark_percent(tokens: &mut [Token]) {
    if let Some(Token::Figure(figure)) = tokens.last_mut() {
        (figure.percent, figure.year) = (true, false);
    }
}

fn cut_word(chars: &[char], from: usize, tokens: &mut Vec<Token>) -> usize {
    let mut at = from;
    let mut word = String::new();
    while at < chars.len() {
        match chars[at] {
            '\'' | '’' if chars.get(at + 1).is_some_and(|next| next.is_alphabetic()) => {
                // "company's" is "company", "don't" is "dont".
                if chars[at + 1] == 's' && chars.get(at + 2).is_none_or(|after| !after.is_alphabetic()) {
                    at += 2;
                    break;
                }
            }
            '&' if word.len() == 1 => word.push('&'),
            c if c.is_alphabetic() => word.extend(c.to_lowercase()),
            _ => break,
        }
        at += 1;
    }
    tokens.push(Token::Word(word));
    at
}

/// Reads `12`, `3.4`, `1,200` and `1,200.5`; a letter right after it (`131m`) starts a word of its own.
fn cut_number(chars: &[char], from: usize, sign: bool, tokens: &mut Vec<Token>) -> usize {
    let mut at = if sign { from + 1 } else { from };
    let mut digits = String::new();
    let mut point = false;
    while at < chars.len() {
        let next_is_digit = chars.get(at + 1).is_some_and(char::is_ascii_digit);
        match chars[at] {
            c if c.is_ascii_digit() => digits.push(c),
            '.' if next_is_digit && !point => {
                point = true;
                digits.push('.');
            }
            ',' if next_is_digit && !point => {}
            _ => break,
        }
        at += 1;
    }
    let value: f64 = digits.parse().unwrap_or(0.0);
    let year = !sign && !point && digits.len() == 4 && (1900.0..=2100.0).contains(&value);
    let value = if sign && chars[from] != '+' { -value } else { value };
    tokens.push(Token::Figure(Figure { value, written: value, percent: false, signed: sign, year }));
    at
}

/// Takes `mn`, `billion`, `percent` and their like into the figure before them.
fn scale(tokens: &[Token]) -> Vec<Token> {
    let mut scaled: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens {
        if let (Token::Word(word), Some(Token::Figure(figure))) = (token, scaled.last_mut()) {
            let factor = match word.as_str() {
                "k" | "thousand" => 1e3,
                "m" | "mn" | "mln" | "million" | "meur" | "mio" => 1e6,
                "b" | "bn" | "bln" | "billion" => 1e9,
                "t" | "tn" | "trn" | "trillion" => 1e12,
                "percent" | "pct" | "pc" => {
                    (figure.percent, figure.year) = (true, false);
                    continue;
                }
                _ => 0.0,
            };
            if factor > 0.0 {
                figure.value *= factor;
                figure.year = false;
                continue;
            }
        }
        scaled.push(token.clone());
    }
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(text: &str) -> Vec<f64> {
        let figure = |token: &Token| if let Token::Figure(figure) = token { Some(figure.value) } else { None };
        cut(text).iter().filter_map(figure).collect()
    }

    #[test]
    fn a_figure_takes_its_scale_and_its_sign() {
        assert_eq!(figures("EUR131m"), [131e6]);
        assert_eq!(figures("EUR 13.1 mn from $1,200.5 and -2.2 bn"), [13.1e6, 1200.5, -2.2e9]);
        assert_eq!(figures("2010-2012"), [2010.0, 2012.0]);
    }

    #[test]
    fn per_cent_is_told_from_an_amount() {
        for text in ["5.2%", "5.2 %", "5.2 percent", "5.2 pct"] {
            assert!(matches!(cut(text)[..], [Token::Figure(Figure { percent: true, .. })]), "{text}");
        }
    }

    #[test]
    fn marks_of_a_short_message_are_not_words() {
        assert_eq!(cut("$TSLA https://a.b #stock @desk"), vec![Token::Mark; 4]);
        assert_eq!(figures("$5 mn"), [5e6]);
    }

    #[test]
    fn an_apostrophe_ends_no_word_but_the_possessive() {
        let word = |word: &str| Token::Word(word.to_owned());
        assert_eq!(cut("company's don't"), [word("company"), word("dont")]);
    }
}
