//! Text into tokens: words in lower case, numbers with their suffix, symbols, breaks.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// A word, perhaps with `.`, `&` or `/` inside.
    Word,
    /// Digits, with the letters that follow them left in the text: `1.4bn`, `3rd`.
    Number { value: f64, digits: u8 },
    /// A currency sign, a per cent sign, an arrow.
    Symbol(char),
    /// The end of a clause.
    Break,
}

/// A token of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    /// In lower case; for a number only the suffix.
    pub(super) text: String,
    pub(super) shape: Shape,
    /// It begins with a capital.
    pub(super) capital: bool,
    /// It is written in capitals and has at least two letters.
    pub(super) shouted: bool,
    /// A hyphen ties it to the token before.
    pub(super) joined: bool,
}

/// No headline is longer; what comes after isn't read, and the caller counts it as such.
pub(super) const TOKENS_MAX: usize = 512;

/// Cuts a text into tokens, at most [`TOKENS_MAX`]. The flag says whether the text went on after that.
pub(super) fn cut(text: &str) -> (Vec<Token>, bool) {
    let mut tokens = Vec::with_capacity(text.len() / 5 + 4);
    let mut rest = text;
    let mut joined = false;
    let mut spaced = true;
    let mut version = false;
    while let Some(first) = rest.chars().next() {
        if tokens.len() >= TOKENS_MAX {
            return (tokens, true);
        }
        let taken;
        // The `v` of a version isn't part of its number.
        if matches!(first, 'v' | 'V')
            && rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
            && rest.as_bytes().get(2) != Some(&b'-')
        {
            version = true;
            rest = &rest[1..];
            continue;
        }
        if let Some(after) = rest.strip_prefix("24/7") {
            tokens.push(Token { text: "24/7".into(), shape: Shape::Word, capital: false, shouted: false, joined: false });
            rest = after;
            continue;
        }
        if first.is_ascii_digit() {
            let minus = joined && spaced_before(text, rest);
            version |= has_two_dots(rest);
            version |= tokens.last().is_some_and(|before| matches!(&*before.text, "version" | "release" | "tag" | "build"));
            taken = number(rest, minus, joined && !minus, &mut tokens);
            if std::mem::take(&mut version) {
                as_version(&rest[..taken], &mut tokens);
            }
            joined = false;
        } else if first.is_alphanumeric() {
            taken = word(rest, joined, &mut tokens);
            joined = false;
        } else {
            taken = first.len_utf8();
            if matches!(first, '-' | '‐' | '‑' | '–' | '−')
                && (!spaced || rest.as_bytes().get(taken).is_some_and(u8::is_ascii_digit))
            {
                joined = true;
            } else {
                joined = joined && !first.is_whitespace() && is_currency(first);
                symbol(first, rest, &mut tokens);
            }
        }
        spaced = first.is_whitespace();
        rest = &rest[taken..];
    }
    (tokens, false)
}

/// Whether the sign just before `rest` stands alone, so that it is a minus rather than a hyphen.
fn spaced_before(text: &str, rest: &str) -> bool {
    let before = &text[..text.len() - rest.len()];
    let mut back = before.chars().rev();
    back.next();
    back.next().is_none_or(|c| c.is_whitespace() || c == '(')
}

pub(super) fn is_currency(sign: char) -> bool {
    matches!(sign, '$' | '€' | '£' | '¥' | '₿' | '₹' | '₩')
}

fn symbol(first: char, rest: &str, tokens: &mut Vec<Token>) {
    let next_blank = rest[first.len_utf8()..].chars().next().is_none_or(char::is_whitespace);
    let shape = match first {
        '+' if rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => Shape::Symbol(first),
        '$' | '€' | '£' | '¥' | '₿' | '₹' | '₩' | '%' | '→' | '>' | '<' | '≥' | '≤' | '~' | '?' | '=' => {
            Shape::Symbol(first)
        }
        ',' | ';' | ':' | '.' | '!' if next_blank => Shape::Break,
        '—' | '(' | ')' | '|' => Shape::Break,
        '–' | '-' if next_blank => Shape::Break,
        _ => return,
    };
    tokens.push(Token { text: String::new(), shape, capital: false, shouted: false, joined: false });
}

fn number(rest: &str, minus: bool, joined: bool, tokens: &mut Vec<Token>) -> usize {
    let bytes = rest.as_bytes();
    let mut plain = String::with_capacity(16);
    let mut at = 0;
    let mut digits = 0_u8;
    let mut grouped = false;
    while let Some(&byte) = bytes.get(at) {
        let digit_after = |n: usize| bytes.get(at + n).is_some_and(u8::is_ascii_digit);
        match byte {
            b'0'..=b'9' => {
                plain.push(char::from(byte));
                digits = digits.saturating_add(1);
            }
            // A comma belongs to the number only before exactly three digits.
            // Nor is such a number a year.
            b',' if digit_after(1) && digit_after(2) && digit_after(3) && !digit_after(4) => grouped = true,
            b'.' if digit_after(1) && !plain.contains('.') => plain.push('.'),
            _ => break,
        }
        at += 1;
    }
    let digits = if grouped { digits.max(5) } else { digits };
    let value = plain.parse::<f64>().unwrap_or(f64::MAX);
    let value = if minus { -value } else { value };
    if let Some((minutes, taken)) = time_of_day(value, digits, &rest[at..]) {
        tokens.push(Token {
            text: ":".into(),
            shape: Shape::Number { value: minutes, digits },
            capital: false,
            shouted: false,
            joined,
        });
        return at + taken;
    }
    // The possessive of `client 402's` is no unit.
    if rest[at..].starts_with("'s") || rest[at..].starts_with("’s") {
        tokens.push(Token {
            text: String::new(),
            shape: Shape::Number { value, digits },
            capital: false,
            shouted: false,
            joined,
        });
        return at + rest[at..].chars().take(2).map(char::len_utf8).sum::<usize>();
    }
    // `41 °C`
    let scale = rest[at..].trim_start_matches([' ', '\u{a0}']).strip_prefix('°').map(|after| after.trim_start_matches(' '));
    if let Some((unit, after)) = scale.and_then(|after| temperature(after)) {
        let shape = Shape::Number { value, digits };
        tokens.push(Token { text: unit.into(), shape, capital: false, shouted: false, joined });
        return rest.len() - after.len();
    }
    let suffix_len = rest[at..].bytes().take_while(u8::is_ascii_alphabetic).count();
    let text = rest[at..at + suffix_len].to_ascii_lowercase();
    tokens.push(Token { text, shape: Shape::Number { value, digits }, capital: false, shouted: false, joined });
    at + suffix_len
}

/// The scale that a letter behind the sign of a degree names, and what comes after it.
fn temperature(after: &str) -> Option<(&'static str, &str)> {
    let (unit, rest) = match after.chars().next()? {
        'C' => ("celsius", &after[1..]),
        'F' => ("fahrenheit", &after[1..]),
        _ => return None,
    };
    (!rest.chars().next().is_some_and(char::is_alphanumeric)).then_some((unit, rest))
}

/// `2.8.1`: no number has two points.
fn has_two_dots(rest: &str) -> bool {
    let run = rest.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
    let mut parts = run.trim_end_matches('.').split('.');
    let first = parts.next().is_some_and(|part| !part.is_empty());
    first && parts.clone().count() >= 2 && parts.all(|part| !part.is_empty())
}

/// The 2.10 of a version comes after its 2.9, and isn't its 2.1.
fn as_version(text: &str, tokens: &mut [Token]) {
    let Some((major, minor)) = text.split_once('.') else { return };
    if let (Ok(major), Ok(minor), Some(Token { shape: Shape::Number { value, .. }, .. })) =
        (major.parse::<u32>(), minor.parse::<u16>(), tokens.last_mut())
    {
        *value = f64::from(major) + f64::from(minor) / 1e5;
    }
}

/// `14:00` in minutes, and how many bytes follow the hour.
fn time_of_day(hours: f64, digits: u8, after: &str) -> Option<(f64, usize)> {
    let [b':', tens @ b'0'..=b'5', ones @ b'0'..=b'9', rest @ ..] = after.as_bytes() else { return None };
    if digits > 2 || !(0.0..24.0).contains(&hours) || rest.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((hours * 60.0 + f64::from(tens - b'0') * 10.0 + f64::from(ones - b'0'), 3))
}

fn word(rest: &str, joined: bool, tokens: &mut Vec<Token>) -> usize {
    let mut text = String::with_capacity(12);
    let mut end = rest.len();
    let mut letters = 0;
    let mut shouted = true;
    let mut dotted = false;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        if c.is_alphanumeric() {
            letters += 1;
            // The `s` of a possessive says nothing of how the word is written.
            shouted &= !c.is_lowercase() || c == 's' && text.ends_with('\'');
            text.extend(c.to_lowercase());
        } else if matches!(c, '\'' | '’') && next.is_some_and(char::is_alphabetic) {
            text.push('\'');
        } else if c == '.' && next.is_some_and(char::is_alphabetic) && text.chars().count() <= 4 {
            // The dots of `U.S.` and of `Booking.com` alike.
            dotted = true;
        } else if matches!(c, '&' | '/')
            && letters <= 2
            && next.is_some_and(char::is_alphabetic)
            && one_letter(&rest[at + 1..], c)
        {
            text.push(c);
        } else {
            // The last dot of `U.S.` and of `Sept.` ends no clause.
            let short = || {
                matches!(
                    &*text,
                    "jan"
                        | "feb"
                        | "apr"
                        | "aug"
                        | "sep"
                        | "sept"
                        | "oct"
                        | "nov"
                        | "dec"
                        | "vs"
                        | "inc"
                        | "corp"
                        | "approx"
                        | "est"
                )
            };
            end = if c == '.' && (dotted || short()) { at + 1 } else { at };
            break;
        }
    }
    let capital = rest.chars().next().is_some_and(char::is_uppercase);
    push_word(text, capital, shouted && letters >= 2, joined, tokens);
    end
}

/// Whether what follows a `/` or `&` is one letter, as in `y/y` and `S&P`, rather than a word of its own.
fn one_letter(after: &str, sign: char) -> bool {
    sign == '&' || after.chars().nth(1).is_none_or(|c| !c.is_alphanumeric())
}

/// Takes the possessive off, and `n't` apart.
fn push_word(mut text: String, capital: bool, shouted: bool, joined: bool, tokens: &mut Vec<Token>) {
    let is = matches!(&*text, "who's" | "what's" | "where's" | "when's" | "how's" | "that's" | "it's" | "there's");
    if text == "let's" {
        text = "letus".into();
    } else if text.ends_with("'s") {
        text.truncate(text.len() - 2);
    }
    let negated = text.ends_with("n't");
    if negated {
        text.truncate(text.len() - 3);
        if text == "wo" || text == "ca" {
            text = if text == "wo" { "will".into() } else { "can".into() };
        }
    } else if let Some(at) = text.find('\'') {
        // `they'll`, `we're`, `o'brien`: the first part is enough, the rest is noise or is glued.
        if matches!(&text[at..], "'ll" | "'re" | "'ve" | "'d" | "'m") {
            text.truncate(at)
        } else {
            text.remove(at);
        }
    }
    if !text.is_empty() {
        tokens.push(Token { text, shape: Shape::Word, capital, shouted, joined });
    }
    if is {
        tokens.push(Token { text: "is".into(), shape: Shape::Word, capital: false, shouted: false, joined: false });
    }
    if negated {
        tokens.push(Token { text: "not".into(), shape: Shape::Word, capital: false, shouted: false, joined: false });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        cut(text).0.into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn dots_in_an_abbreviation_and_possessives_are_taken_off() {
        assert_eq!(words("U.S. Apple's won't S&P y/y"), ["us", "apple", "will", "not", "s&p", "y/y"]);
    }

    #[test]
    fn a_number_keeps_its_commas_its_point_and_its_suffix() {
        let (tokens, _) = cut("$1,400.5bn -3 5-4");
        assert_eq!(tokens[1].shape, Shape::Number { value: 1400.5, digits: 5 });
        assert_eq!(tokens[1].text, "bn");
        assert_eq!(tokens[2].shape, Shape::Number { value: -3.0, digits: 1 });
        assert!(tokens[4].joined);
    }
}
