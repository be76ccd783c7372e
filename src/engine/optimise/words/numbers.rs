//! Numbers in a text: what each is worth, in what unit, and whether it is a least or a most.

use super::tokens::{Kind, Token};
use serde::Deserialize;

/// A number.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// Its value; a share is 0.05 for 5%.
    pub value: f64,
    /// The end of a range such as `1–5`.
    pub to: Option<f64>,
    /// What it counts.
    pub unit: Unit,
    /// The token that it is.
    pub token: usize,
    /// It is written in words, as in `twelve`.
    pub spelled: bool,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Nothing that is written with it.
    Plain,
    /// Money.
    Money,
    /// A part of a whole.
    Share,
    /// Hundredths of a per cent.
    BasisPoints,
    /// Hours.
    Hours,
    /// Days.
    Days,
    /// How many times as much.
    Times,
}

/// How many bytes a token takes that begins with a digit.
pub(super) fn digits(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    let mut point = false;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'0'..=b'9' => {}
            b',' if digit(at + 1) && digit(at + 2) && digit(at + 3) && !digit(at + 4) => {}
            b'.' if digit(at + 1) && !point => point = true,
            _ => break,
        }
        at += 1;
    }
    let letters = |from: usize| bytes.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let suffix = letters(at);
    // `30-day` is a number of days; `2-piece` is a name.
    if suffix == 0 && bytes.get(at) == Some(&b'-') {
        let word = letters(at + 1);
        let unit = rest.get(at + 1..at + 1 + word).map(str::to_lowercase).unwrap_or_default();
        if word > 0 && of_time(&unit).is_none() && !MULTIPLIERS.iter().any(|(name, _)| *name == unit) {
            return at + 1 + word;
        }
    }
    at + suffix
}

const MULTIPLIERS: &[(&str, f64)] = &[("hundred", 1e2), ("thousand", 1e3), ("million", 1e6), ("billion", 1e9)];

const SPELLED: &[(&str, f64)] = &[
    ("zero", 0.0),
    ("two", 2.0),
    ("three", 3.0),
    ("four", 4.0),
    ("five", 5.0),
    ("six", 6.0),
    ("seven", 7.0),
    ("eight", 8.0),
    ("nine", 9.0),
    ("ten", 10.0),
    ("eleven", 11.0),
    ("twelve", 12.0),
    ("thirteen", 13.0),
    ("fourteen", 14.0),
    ("fifteen", 15.0),
    ("sixteen", 16.0),
    ("seventeen", 17.0),
    ("eighteen", 18.0),
    ("nineteen", 19.0),
    ("twenty", 20.0),
    ("thirty", 30.0),
    ("forty", 40.0),
    ("fifty", 50.0),
    ("sixty", 60.0),
    ("seventy", 70.0),
    ("eighty", 80.0),
    ("ninety", 90.0),
    ("dozen", 12.0),
];

const FRACTIONS: &[(&str, f64)] =
    &[("half", 0.5), ("third", 1.0 / 3.0), ("quarter", 0.25), ("thirds", 1.0 / 3.0), ("quarters", 0.25)];

const TIMES: &[(&str, f64)] = &[("twice", 2.0), ("thrice", 3.0), ("double", 2.0), ("triple", 3.0)];

fn of_time(word: &str) -> Option<(Unit, f64)> {
    Some(match word {
        "h" | "hr" | "hrs" | "hour" | "hours" => (Unit::Hours, 1.0),
        "min" | "mins" | "minute" | "minutes" => (Unit::Hours, 1.0 / 60.0),
        "d" | "day" | "days" => (Unit::Days, 1.0),
        _ => return None,
    })
}

/// A unit, and the power of ten that a suffix such as `M` or `bps` stands for.
fn suffix(word: &str, money: bool) -> Option<(Unit, f64)> {
    let plain = if money { Unit::Money } else { Unit::Plain };
    Some(match word {
        "" => (plain, 1.0),
        "k" => (plain, 1e3),
        "m" | "mn" | "mm" | "mio" => (plain, 1e6),
        "b" | "bn" | "bio" => (plain, 1e9),
        "bp" | "bps" => (Unit::BasisPoints, 1.0),
        "x" => (Unit::Times, 1.0),
        "pct" => (Unit::Share, 0.01),
        time => return of_time(time).filter(|_| !money),
    })
}

/// Makes numbers of tokens: signs of currencies and per cent, multipliers and units become part of the number they stand with.
pub(super) fn read(raw: Vec<Token>) -> (Vec<Token>, Vec<Number>) {
    let mut reader = Reader { raw, at: 0, tokens: Vec::new(), numbers: Vec::new() };
    while reader.at < reader.raw.len() {
        reader.step();
    }
    (reader.tokens, reader.numbers)
}

struct Reader {
    raw: Vec<Token>,
    at: usize,
    tokens: Vec<Token>,
    numbers: Vec<Number>,
}

impl Reader {
    fn word(&self, ahead: usize) -> &str {
        self.raw.get(self.at + ahead).map_or("", |token| &token.lower)
    }

    fn touches(&self, ahead: usize) -> bool {
        let (before, here) = (self.raw.get((self.at + ahead).wrapping_sub(1)), self.raw.get(self.at + ahead));
        matches!((before, here), (Some(before), Some(here)) if before.at.end == here.at.start)
    }

    fn step(&mut self) {
        let start = self.at;
        let minus = matches!(self.word(0), "-" | "−" | "+") && self.touches(1) && !(start > 0 && self.touches(0));
        let negative = minus && self.word(0) != "+";
        let signs = usize::from(minus);
        let money = matches!(self.word(signs), "$" | "€" | "£" | "¥");
        let first = signs + usize::from(money);
        let spelled_before = self.at + first;
        let Some((value, unit, taken, spelled)) = self.value(first, money) else {
            if let Some(token) = self.raw.get(start) {
                self.tokens.push(token.clone());
            }
            self.at += 1;
            return;
        };
        debug_assert!(spelled_before < self.raw.len());
        let value = if negative { -value } else { value };
        let (to, unit, taken) =
            self.range(taken, unit, money).map_or((None, unit, taken), |(to, unit, taken)| (Some(to), unit, taken));
        self.push(start, taken, Number { value, to, unit, token: self.tokens.len(), spelled });
    }

    fn push(&mut self, start: usize, taken: usize, number: Number) {
        let (Some(first), Some(last)) = (self.raw.get(start), self.raw.get(start + taken - 1)) else { return };
        let (at, sentence) = (first.at.start..last.at.end, first.sentence);
        let kind = Kind::Number(self.numbers.len());
        self.tokens.push(Token { at, lower: String::new(), kind, capital: false, sentence });
        self.numbers.push(number);
        self.at = start + taken;
    }

    /// A number that begins so many tokens ahead: value, unit, tokens taken from here, and whether it is in words.
    fn value(&self, ahead: usize, money: bool) -> Option<(f64, Unit, usize, bool)> {
        let word = self.word(ahead);
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let split = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
            let (number, letters) = word.split_at_checked(split)?;
            let value: f64 = number.replace(',', "").parse().ok()?;
            let (unit, scale) = suffix(letters, money)?;
            let (value, unit, taken) = self.units(value * scale, unit, ahead + 1, letters.is_empty());
            return Some((value, unit, taken, false));
        }
        if let Some((_, times)) = TIMES.iter().find(|(name, _)| *name == word) {
            return Some((*times, Unit::Times, ahead + 1, true));
        }
        if let Some((_, part)) = FRACTIONS.iter().find(|(name, _)| *name == word) {
            return Some((*part, Unit::Share, ahead + 1, true));
        }
        self.spelled(ahead, money)
    }

    fn spelled(&self, ahead: usize, money: bool) -> Option<(f64, Unit, usize, bool)> {
        let small = |word: &str| SPELLED.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        let (mut value, mut taken) = match self.word(ahead) {
            "one" if MULTIPLIERS.iter().any(|(name, _)| *name == self.word(ahead + 1)) => (1.0, ahead + 1),
            word => match word.split_once('-') {
                // `twenty-five`
                Some((tens, ones)) => {
                    (small(tens).filter(|t| *t >= 20.0)? + if ones == "one" { 1.0 } else { small(ones)? }, ahead + 1)
                }
                None => (small(word)?, ahead + 1),
            },
        };
        let parts = self.word(taken);
        if let Some((_, part)) = FRACTIONS.iter().find(|(name, _)| *name == parts && name.ends_with('s')) {
            return Some((value * part, Unit::Share, taken + 1, true));
        }
        while let Some((_, times)) = MULTIPLIERS.iter().find(|(name, _)| *name == self.word(taken)) {
            value *= times;
            taken += 1;
        }
        let unit = if money { Unit::Money } else { Unit::Plain };
        let (value, unit, taken) = self.units(value, unit, taken, false);
        Some((value, unit, taken, true))
    }

    /// What stands behind a number and belongs to it.
    fn units(&self, mut value: f64, mut unit: Unit, mut taken: usize, bare: bool) -> (f64, Unit, usize) {
        if bare && let Some((_, times)) = MULTIPLIERS.iter().find(|(name, _)| *name == self.word(taken).trim_start_matches('-')) {
            value *= times;
            taken += 1;
        }
        let hyphen = usize::from(self.word(taken) == "-" && self.touches(taken));
        match self.word(taken + hyphen) {
            "%" | "percent" | "pct" if unit == Unit::Plain => (value / 100.0, Unit::Share, taken + hyphen + 1),
            "per" if unit == Unit::Plain && self.word(taken + 1) == "cent" => (value / 100.0, Unit::Share, taken + 2),
            "bp" | "bps" if unit == Unit::Plain => (value, Unit::BasisPoints, taken + hyphen + 1),
            "basis" if unit == Unit::Plain => (value, Unit::BasisPoints, taken + 2),
            "times" if unit == Unit::Plain => (value, Unit::Times, taken + 1),
            "dollars" | "usd" | "usdc" | "usdt" | "eur" | "euros" | "pounds" if matches!(unit, Unit::Plain | Unit::Money) => {
                (value, Unit::Money, taken + 1)
            }
            word => {
                if let Some((time, scale)) = of_time(word).filter(|_| unit == Unit::Plain && word.len() > 1) {
                    (value, unit, taken) = (value * scale, time, taken + hyphen + 1);
                }
                (value, unit, taken)
            }
        }
    }

    /// The second end of `1–5`, `10 to 20` is none: that reads as two numbers.
    fn range(&self, taken: usize, unit: Unit, money: bool) -> Option<(f64, Unit, usize)> {
        let dash = matches!(self.word(taken), "–" | "-" | "—") && self.touches(taken) && self.touches(taken + 1);
        let (to, other, end, _) = dash.then(|| self.value(taken + 1, money)).flatten()?;
        (unit == other || unit == Unit::Plain).then_some((to, other, end))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::Text;
    use super::*;

    fn one(text: &str) -> (f64, Unit) {
        let read = Text::read(text);
        assert_eq!(read.numbers.len(), 1, "{text}: {:?}", read.numbers);
        (read.numbers[0].value, read.numbers[0].unit)
    }

    #[test]
    fn amounts_shares_times_and_counts_are_read_with_their_units() {
        for (text, value, unit) in [
            ("$50M", 5e7, Unit::Money),
            ("50 million dollars", 5e7, Unit::Money),
            ("$1.2bn", 1.2e9, Unit::Money),
            ("€2,500", 2500.0, Unit::Money),
            ("5%", 0.05, Unit::Share),
            ("5 per cent", 0.05, Unit::Share),
            ("12 percent", 0.12, Unit::Share),
            ("0.5bp", 0.5, Unit::BasisPoints),
            ("20 basis points", 20.0, Unit::BasisPoints),
            ("3 hours", 3.0, Unit::Hours),
            ("8h", 8.0, Unit::Hours),
            ("30 minutes", 0.5, Unit::Hours),
            ("30-day", 30.0, Unit::Days),
            ("twelve", 12.0, Unit::Plain),
            ("twenty-five", 25.0, Unit::Plain),
            ("one hundred thousand", 1e5, Unit::Plain),
            ("a third of", 1.0 / 3.0, Unit::Share),
            ("two thirds", 2.0 / 3.0, Unit::Share),
            ("twice as many", 2.0, Unit::Times),
            ("3 times", 3.0, Unit::Times),
            ("at -3.5 now", -3.5, Unit::Plain),
        ] {
            let (read, of) = one(text);
            assert!((read - value).abs() < 1e-9 && of == unit, "{text}: {read} {of:?}");
        }
    }

    #[test]
    fn a_name_with_a_digit_is_no_number_and_a_range_is_one() {
        assert!(Text::read("2-piece NR-04 x1 S3").numbers.is_empty());
        let read = Text::read("tiers 1–5 and 40/40/20");
        assert_eq!((read.numbers[0].value, read.numbers[0].to), (1.0, Some(5.0)));
        assert_eq!(read.numbers.len(), 4);
    }
}
