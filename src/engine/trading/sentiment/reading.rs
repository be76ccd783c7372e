//! What the lexicon makes of a text: evidence for a rise and for a fall, each with the words that gave it.
//!
//! A move takes its sign from what moves: its object where one stands right behind it ("cuts costs"), else its subject ("costs fell"),
//! else what the part before spoke of ("net sales were EUR 11.9 mn, down from 14.2 mn").

use super::lexicon::{Lexicon, Sense};
use super::words::{Figure, Token, cut};

/// What kind of words an evidence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A move of a measure that the lexicon knows.
    Move,
    /// A move of something else.
    BareMove,
    /// A word with a sign of its own.
    Polar,
    /// Above or below an expectation.
    Expectation,
    /// A figure against an earlier one.
    Comparison,
    /// A percentage with a plus or a minus.
    Percent,
}

/// One reason to expect a rise or a fall.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Evidence {
    /// Where it comes from.
    pub kind: Kind,
    /// Above zero for a rise, below for a fall.
    pub weight: f32,
    /// The part of the text that it stands in, from 0.
    pub part: usize,
    /// The words, for the reasoning.
    pub words: String,
}

/// What was read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// In the order of the text, figures last.
    pub evidence: Vec<Evidence>,
    /// Parts of the text, at least 1.
    pub parts: usize,
    /// How often each stands in the text.
    pub counts: Counts,
}

/// How often something stands in the text.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub tokens: u16,
    pub measures: u16,
    pub figures: u16,
    pub percents: u16,
    pub negators: u16,
    pub hedges: u16,
    pub futures: u16,
    pub questions: u16,
    pub records: u16,
    pub marks: u16,
}

/// A phrase or a token with its sense.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub sense: Option<Sense>,
    pub token: Token,
    pub words: String,
    pub part: usize,
    pub conceded: bool,
}

impl Unit {
    fn is_break(&self) -> bool {
        matches!(self.token, Token::Stop | Token::Question) || matches!(self.sense, Some(Sense::Turn))
    }

    /// 1 where more of it is good, −1 where more is bad.
    pub fn measure(&self) -> Option<f32> {
        match self.sense {
            Some(Sense::Measure(sign)) => Some(sign),
            Some(Sense::Forecast) => Some(1.0),
            Some(Sense::Loss) => Some(-1.0),
            _ => None,
        }
    }

    pub fn figure(&self) -> Option<Figure> {
        if let Token::Figure(figure) = self.token { Some(figure) } else { None }
    }
}

/// Reads a text.
pub(super) fn read(text: &str, lexicon: &Lexicon) -> Reading {
    let units = units(&cut(text), lexicon);
    let mut reading =
        Reading { parts: units.last().map_or(1, |unit| unit.part + 1), counts: count(&units), ..Reading::default() };
    let mut moved = vec![false; units.len()];
    for at in 0..units.len() {
        if let Some(Sense::Move(_)) = units[at].sense {
            reading.evidence.push(move_at(&units, at, &mut moved));
        }
    }
    for at in 0..units.len() {
        reading.evidence.extend(standing_at(&units, at, &moved));
    }
    reading.evidence.extend(super::figures::compare(&units));
    reading
}

fn units(tokens: &[Token], lexicon: &Lexicon) -> Vec<Unit> {
    let word = |i: usize| if let Some(Token::Word(word)) = tokens.get(i) { Some(word.as_str()) } else { None };
    let (mut units, mut at, mut part, mut conceded) = (Vec::with_capacity(tokens.len()), 0, 0, false);
    while at < tokens.len() {
        let (taken, sense) = lexicon.find(at, word).map_or((1, None), |(taken, sense)| (taken, Some(sense)));
        let words = (at..at + taken).filter_map(word).collect::<Vec<_>>().join(" ");
        let mut unit = Unit { sense, token: tokens[at].clone(), words, part, conceded };
        if sense == Some(Sense::Concession) {
            conceded = true;
        } else if conceded && unit.token == Token::Comma || unit.is_break() {
            conceded = false;
        }
        if unit.is_break() {
            part += 1;
            unit.part = part;
        }
        units.push(unit);
        at += taken;
    }
    units
}

fn count(units: &[Unit]) -> Counts {
    let of = |wanted: &dyn Fn(&Unit) -> bool| u16::try_from(units.iter().filter(|unit| wanted(unit)).count()).unwrap_or(u16::MAX);
    Counts {
        tokens: of(&|_| true),
        measures: of(&|unit| unit.measure().is_some()),
        figures: of(&|unit| unit.figure().is_some_and(|figure| !figure.year && !figure.percent)),
        percents: of(&|unit| unit.figure().is_some_and(|figure| figure.percent)),
        negators: of(&|unit| unit.sense == Some(Sense::Negator)),
        hedges: of(&|unit| unit.sense == Some(Sense::Hedge)),
        futures: of(&|unit| unit.sense == Some(Sense::Future)),
        questions: of(&|unit| unit.token == Token::Question),
        records: of(&|unit| unit.sense == Some(Sense::Record)),
        marks: of(&|unit| unit.token == Token::Mark),
    }
}

/// What the move at `at` says, by what moves.
fn move_at(units: &[Unit], at: usize, moved: &mut [bool]) -> Evidence {
    let Some(Sense::Move(direction)) = units[at].sense else {
        return Evidence { kind: Kind::BareMove, weight: 0.0, part: units[at].part, words: String::new() };
    };
    let of = object(units, at).or_else(|| subject(units, at));
    let (kind, sign, words) = match of {
        Some(of) => {
            moved[of] = true;
            let words = if of < at { [&units[of], &units[at]] } else { [&units[at], &units[of]] };
            (Kind::Move, units[of].measure().unwrap_or(1.0), words.map(|unit| unit.words.as_str()).join(" "))
        }
        None => (Kind::BareMove, 0.7, units[at].words.clone()),
    };
    Evidence { kind, weight: direction * sign * context(units, at), part: units[at].part, words }
}

/// What stands behind a move as its object: "cuts costs", "an increase of 5% in net sales".
fn object(units: &[Unit], at: usize) -> Option<usize> {
    let mut bridged = false;
    let mut plain = 0;
    for (i, unit) in units.iter().enumerate().skip(at + 1).take(9) {
        if unit.measure().is_some() {
            return Some(i);
        }
        match (&unit.token, unit.sense) {
            (Token::Figure(_), _) => bridged = true,
            (Token::Word(word), None | Some(Sense::Record | Sense::Scale(_) | Sense::Hedge)) => match word.as_str() {
                "in" | "of" => bridged = true,
                "the" | "its" | "a" | "an" | "their" | "our" | "full" | "year" | "and" | "eur" | "usd" | "by" | "about"
                    if bridged || word != "by" => {}
                "to" | "from" | "by" | "at" | "on" | "after" | "as" | "for" | "with" | "when" | "that" | "because" | "due"
                    if !bridged =>
                {
                    return None;
                }
                _ => {
                    plain += 1;
                    if plain > 2 {
                        return None;
                    }
                }
            },
            _ => return None,
        }
    }
    None
}

/// What stands before a move as its subject, in its own part or, where that has none, in the parts before.
fn subject(units: &[Unit], at: usize) -> Option<usize> {
    let part = units[at].part;
    let near = (0..at).rev().take(24).find(|i| units[*i].part == part && units[*i].measure().is_some());
    let opens =
        (0..at).rev().take_while(|i| units[*i].part == part).all(|i| units[i].sense.is_none_or(|sense| sense == Sense::Record));
    near.or_else(|| if opens { (0..at).rev().take(24).find(|i| units[*i].measure().is_some()) } else { None })
}

/// What a unit says by itself.
fn standing_at(units: &[Unit], at: usize, moved: &[bool]) -> Option<Evidence> {
    let unit = &units[at];
    let evidence = |kind, weight: f32, words: String| Some(Evidence { kind, weight, part: unit.part, words });
    match unit.sense {
        Some(Sense::Polar(weight)) => evidence(Kind::Polar, weight * context(units, at), unit.words.clone()),
        // "Against a loss of EUR 4 mn": the loss is that of then.
        Some(Sense::Loss) if follows_versus(units, at) => None,
        Some(Sense::Loss) if !moved[at] => evidence(Kind::Polar, -0.8 * context(units, at), unit.words.clone()),
        Some(Sense::Beside(side)) => {
            let near = units[at + 1..].iter().take(5).take_while(|unit| !unit.is_break() && unit.figure().is_none());
            let expected = near.into_iter().find(|unit| matches!(unit.sense, Some(Sense::Expectation | Sense::Forecast)))?;
            let sign = subject(units, at).and_then(|of| units[of].measure()).unwrap_or(1.0);
            evidence(Kind::Expectation, side * sign * context(units, at), format!("{} {}", unit.words, expected.words))
        }
        _ => {
            let figure = unit.figure().filter(|figure| figure.percent && figure.signed)?;
            let sign = if at > 0 { units[at - 1].measure() } else { None }.unwrap_or(1.0);
            evidence(Kind::Percent, if figure.value < 0.0 { -sign } else { sign }, format!("{:+}%", figure.value))
        }
    }
}

fn follows_versus(units: &[Unit], at: usize) -> bool {
    units[at.saturating_sub(3)..at].iter().any(|unit| unit.sense == Some(Sense::Versus))
}

/// By what the words around scale and turn what stands at `at`.
fn context(units: &[Unit], at: usize) -> f32 {
    let part = units[at].part;
    let before = units[..at].iter().rev().take(4).take_while(|unit| unit.part == part && unit.token != Token::Comma);
    let after = units[at + 1..].iter().take(1);
    let mut factor = if units[at].conceded { 0.4 } else { 1.0 };
    let mut turned = false;
    for (distance, unit) in before.enumerate() {
        match unit.sense {
            Some(Sense::Negator) => turned = !turned,
            Some(Sense::Undo) => turned = !turned,
            Some(Sense::Scale(by)) if distance < 2 => factor *= by,
            Some(Sense::Polar(_) | Sense::Move(_)) => break,
            _ => {}
        }
    }
    // "The strike ended", "charges were dropped": what is bad is over, told behind it.
    let bad =
        matches!(units[at].sense, Some(Sense::Loss)) || matches!(units[at].sense, Some(Sense::Polar(weight)) if weight < 0.0);
    let behind = units[at + 1..].iter().take(6).take_while(|unit| unit.part == part && unit.token != Token::Comma);
    if bad && !turned && behind.into_iter().any(|unit| unit.sense == Some(Sense::Undo)) {
        turned = true;
    }
    for unit in after {
        if let Some(Sense::Scale(by)) = unit.sense {
            factor *= by;
        }
    }
    if turned { -0.8 * factor } else { factor }
}
