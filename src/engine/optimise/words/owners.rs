//! To which name a number belongs.

use super::names::Mention;
use super::numbers::Unit;
use super::tokens::{Kind, Text};
use std::ops::Range;

/// Words between a number and the name behind it that it belongs to, as in `3 hours for a SAR draft`.
const TIES: &[&str] = &["for", "in", "to", "of", "per", "on", "from", "by", "at", "each"];

/// How far behind a number that name may begin.
const TIE_REACH: usize = 5;

/// How far from a number a phrase may stand that says what it is.
const CUE_REACH: usize = 8;

/// A number that belongs to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    /// The token of the number.
    pub token: usize,
    /// Which name.
    pub name: usize,
}

impl Text<'_> {
    fn is_number(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| matches!(token.kind, Kind::Number(_)))
    }

    fn sentence_of(&self, at: usize) -> usize {
        self.tokens.get(at).map_or(usize::MAX, |token| token.sentence)
    }

    /// The numbers of these tokens that belong to names, by where the names are mentioned. A mention within `list`, where the names are
    /// only told, owns no number outside of it.
    pub fn owned(&self, numbers: &[usize], mentions: &[Mention], list: &Range<usize>) -> Vec<Owned> {
        let owner = |&token: &usize| {
            let mine = |mention: &&Mention| {
                !list.contains(&mention.tokens.start) || list.contains(&token) || self.in_brackets_behind(token, mention)
            };
            let ahead = mentions.iter().filter(mine).find(|mention| mention.tokens.start > token);
            let tied = ahead.filter(|mention| self.ties(token, mention.tokens.start));
            let before = mentions.iter().filter(mine).rfind(|mention| mention.tokens.end <= token);
            // `10% in SOL and a 5% floor`: SOL has its number already.
            let served = |mention: &&Mention| {
                self.numbers
                    .iter()
                    .any(|other| other.token < mention.tokens.start && self.ties(other.token, mention.tokens.start))
            };
            let before =
                before.filter(|mention| self.sentence_of(mention.tokens.start) == self.sentence_of(token) && !served(mention));
            Some(Owned { token, name: tied.or(before)?.name })
        };
        numbers.iter().filter_map(owner).collect()
    }

    fn in_brackets_behind(&self, token: usize, mention: &Mention) -> bool {
        self.tokens.get(mention.tokens.end).is_some_and(|t| t.is_sign('('))
            && (mention.tokens.end..mention.tokens.end + 4).contains(&token)
    }

    /// Whether a number is tied to what begins at a later place: nothing but words between, one of which ties.
    fn ties(&self, number: usize, to: usize) -> bool {
        let between = number + 1..to;
        let plain = |at: usize| self.tokens.get(at).is_some_and(|t| t.is_word() && !t.separates());
        let tie = |at: usize| self.tokens.get(at).is_some_and(|t| TIES.contains(&&*t.lower));
        between.len() <= TIE_REACH
            && self.sentence_of(number) == self.sentence_of(to)
            && between.clone().all(plain)
            && between.clone().any(tie)
    }

    /// How far the nearest of some phrases is from the number at a token, no other number in between; before it or behind it up to the
    /// end of the clause.
    pub fn cue_near(&self, number: usize, cues: &[String]) -> Option<usize> {
        self.cue_about(number..number + 1, cues)
    }

    /// The same of a run of tokens.
    pub fn cue_about(&self, run: Range<usize>, cues: &[String]) -> Option<usize> {
        let sentence = self.sentence_of(run.start);
        let within = |at: usize| self.sentence_of(at) == sentence && !self.is_number(at);
        let at_place =
            |at: usize, end: usize| cues.iter().any(|cue| self.phrase_at(at, cue).is_some_and(|taken| at + taken <= end));
        let before = (1..=CUE_REACH)
            .map_while(|back| run.start.checked_sub(back).filter(|at| within(*at)).map(|at| (back, at)))
            .find(|(_, at)| at_place(*at, run.start))
            .map(|(back, _)| back);
        let open = |at: usize| within(at) && !self.tokens.get(at).is_some_and(|t| matches!(t.kind, Kind::Sign(',' | ';' | ')')));
        let behind = (0..CUE_REACH)
            .map(|ahead| (ahead, run.end + ahead))
            .take_while(|(_, at)| open(*at))
            .find(|(_, at)| at_place(*at, usize::MAX))
            .map(|(ahead, _)| ahead + 1);
        match (before, behind) {
            (Some(before), Some(behind)) => Some(before.min(behind)),
            (before, behind) => before.or(behind),
        }
    }

    /// Runs of so many numbers with nothing but signs and words of a list between.
    pub fn runs(&self, length: usize, free: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
        let (mut all, mut run): (Vec<Vec<usize>>, Vec<usize>) = (Vec::new(), Vec::new());
        for (at, token) in self.tokens.iter().enumerate() {
            match token.kind {
                Kind::Number(_) if free(at) => run.push(at),
                _ if token.separates() && !token.is_sign(';') && !run.is_empty() => {}
                _ => all.extend((!run.is_empty()).then(|| std::mem::take(&mut run))),
            }
        }
        all.extend((!run.is_empty()).then_some(run));
        // `8, 3 hours` are two things, `18, 31 and 42%` one.
        all.retain(|run| run.len() == length && self.adjoin(run));
        all
    }

    /// Whether two numbers of a run never stand side by side without a sign or word of a list.
    fn adjoin(&self, run: &[usize]) -> bool {
        run.windows(2).all(|pair| matches!(pair, [a, b] if b - a > 1))
    }

    /// The value of the number at a token as one of this unit, where it may be one: a bare number counts as any unit where it is
    /// marked as such.
    pub fn value_as(&self, token: usize, unit: Unit, marked: bool) -> Option<f64> {
        let Kind::Number(at) = self.tokens.get(token)?.kind else { return None };
        let number = self.numbers.get(at)?;
        match (unit, number.unit) {
            _ if number.to.is_some() => None,
            (wanted, is) if wanted == is => Some(number.value),
            (Unit::Money | Unit::Hours | Unit::Days | Unit::BasisPoints, Unit::Plain) if marked => Some(number.value),
            // 0.18 is as good a share as 18%; 18 is none.
            (Unit::Share, Unit::Plain) if marked && (0.0..=1.0).contains(&number.value) => Some(number.value),
            _ => None,
        }
    }

    /// The values of a run; the unit of its last number or its first is that of all, as in `18, 31 and 42%` and `$20, 30`.
    pub fn run_as(&self, run: &[usize], unit: Unit, marked: bool) -> Option<Vec<f64>> {
        if let Some(values) = run.iter().map(|token| self.value_as(*token, unit, marked)).collect::<Option<Vec<f64>>>() {
            return Some(values);
        }
        let numbers: Vec<_> = run
            .iter()
            .filter_map(|at| match self.tokens.get(*at)?.kind {
                Kind::Number(at) => self.numbers.get(at),
                _ => None,
            })
            .collect();
        let told = [numbers.first()?, numbers.last()?].into_iter().any(|number| number.unit == unit);
        let scale = if unit == Unit::Share { 0.01 } else { 1.0 };
        let value = |unit_of: Unit, value: f64| match unit_of {
            is if is == unit => Some(value),
            Unit::Plain => Some(value * scale),
            _ => None,
        };
        told.then(|| numbers.iter().map(|number| value(number.unit, number.value)).collect()).flatten()
    }
}
