//! Numbers in words: `one hundred`, `two hundred and fifty`, `twenty seventeen`.

use super::token::Token;

/// What a word of a number does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    /// 0 to 9.
    Digit(f64),
    /// 10 to 19.
    Teen(f64),
    /// 20, 30 to 90.
    Ten(f64),
    /// Multiplies what stands before it.
    Times(f64),
}

fn part(word: &str) -> Option<Part> {
    const DIGITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    const TEENS: [&str; 10] =
        ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"];
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let place =
        |words: &[&str]| words.iter().position(|known| *known == word).and_then(|at| u32::try_from(at).ok()).map(f64::from);
    let times = match word {
        "hundred" => Some(100.0),
        "thousand" => Some(1_000.0),
        "million" => Some(1_000_000.0),
        _ => None,
    };
    place(&DIGITS)
        .map(Part::Digit)
        .or_else(|| place(&TEENS).map(|at| Part::Teen(at + 10.0)))
        .or_else(|| place(&TENS).map(|at| Part::Ten((at + 2.0) * 10.0)))
        .or(times.map(Part::Times))
}

/// Puts one token in place of those that spell one number. A small number in one word stays a word, for it may be of a phrase.
pub fn joined(tokens: Vec<Token>) -> Vec<Token> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        // `more than one time`.
        let times = tokens.get(at + 1).is_some_and(|next| ["time", "times"].contains(&next.word.as_str()));
        let once = match tokens[at].word.as_str() {
            "one" | "1" if times => Some("once"),
            "two" | "2" if times => Some("twice"),
            _ => None,
        };
        if let Some(once) = once {
            let raw = format!("{} {}", tokens[at].raw, tokens[at + 1].raw);
            out.push(Token { raw, stem: once.to_owned(), word: once.to_owned(), number: None, day: None });
            at += 2;
            continue;
        }
        match spelt(&tokens[at..]) {
            Some((length, number)) => {
                let raw: Vec<&str> = tokens[at..at + length].iter().map(|token| token.raw.as_str()).collect();
                let written = format!("{number}");
                // A year is known by its four digits.
                let raw = if (1_900.0..2_100.0).contains(&number) && length == 2 { written.clone() } else { raw.join(" ") };
                out.push(Token { raw, stem: written.clone(), word: written, number: Some(number), day: None });
                at += length;
            }
            None => {
                out.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    out
}

/// How many tokens from the first on spell a number, and which.
fn spelt(tokens: &[Token]) -> Option<(usize, f64)> {
    let parts = |at: usize| tokens.get(at).and_then(|token| part(&token.word));
    // `twenty seventeen`.
    if let (Some(Part::Ten(20.0)), Some(Part::Teen(year))) = (parts(0), parts(1)) {
        return Some((2, 2_000.0 + year));
    }
    let article = matches!(tokens.first()?.word.as_str(), "a" | "an") && matches!(parts(1), Some(Part::Times(_)));
    let (mut whole, mut group) = (0.0, 0.0);
    let mut at = 0;
    let mut last = None;
    if article {
        group = 1.0;
        at = 1;
        last = Some(Part::Digit(1.0));
    } else if let Some(number) = tokens[0].number {
        // `10 thousand`.
        matches!(parts(1), Some(Part::Times(_))).then_some(())?;
        group = number;
        at = 1;
        last = Some(Part::Digit(number));
    }
    let start = at;
    loop {
        let and = tokens.get(at).is_some_and(|token| token.word == "and")
            && matches!(last, Some(Part::Times(_)))
            && matches!(parts(at + 1), Some(Part::Digit(_) | Part::Teen(_) | Part::Ten(_)));
        let next = at + usize::from(and);
        let Some(part) = parts(next) else { break };
        let follows =
            matches!((part, last), (Part::Times(_), _) | (_, None | Some(Part::Times(_))) | (Part::Digit(_), Some(Part::Ten(_))));
        if !follows {
            break;
        }
        match part {
            Part::Digit(number) | Part::Teen(number) | Part::Ten(number) => group += number,
            Part::Times(100.0) => group = f64::max(group, 1.0) * 100.0,
            Part::Times(times) => {
                whole += f64::max(group, 1.0) * times;
                group = 0.0;
            }
        }
        last = Some(part);
        at = next + 1;
    }
    let single = at == 1 && matches!(last, Some(Part::Digit(_) | Part::Teen(10.0..=12.0)));
    (at > start && !single).then_some((at, whole + group))
}
