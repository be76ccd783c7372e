//! A fragment of a question: what it adds to a question before it, where every word of it has its place.

use super::super::intent::period::{Level, Window};
use super::super::intent::{Filter, Threshold};
use super::Words;
use super::calendar::What;
use super::elements::{Elements, Kind};
use super::grammar::Cue;
use super::lexicon::Meaning;
use super::periods::periods;
use super::roles::{Roles, is_extreme, roles};
use jiff::civil::Date;

/// The most groups that a fragment can ask for.
const RANKED_MAX: f64 = 1_000.0;

/// What a fragment says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fragment {
    /// Which rows count.
    pub filters: Vec<Filter>,
    /// What is grouped by, or named beside a number of groups.
    pub dimensions: Vec<String>,
    /// The step of time.
    pub by_time: Option<Level>,
    /// The window.
    pub window: Option<Window>,
    /// The moment that the window is about.
    pub time: Option<String>,
    /// What groups must have.
    pub thresholds: Vec<Threshold>,
    /// Which end.
    pub extreme: Option<Extreme>,
    /// How many groups.
    pub limit: Option<u32>,
}

/// One of two ends, as a fragment names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extreme {
    /// The high one.
    High,
    /// The low one.
    Low,
    /// The better one.
    Best,
    /// The worse one.
    Worst,
}

/// What makes a text more than a fragment: it asks, measures or compares by itself.
const fn is_whole(cue: Cue) -> bool {
    !matches!(cue, Cue::By | Cue::Across | Cue::And | Cue::Or | Cue::Not | Cue::Verb | Cue::Bound(_) | Cue::OrMore | Cue::OrLess)
        && !is_extreme(cue)
}

impl Words {
    /// Reads a text as a fragment; `year` is that of the question before, for a month or a quarter that names none. `None` where a word has
    /// no place, or the text says something that a question would.
    pub fn fragment(&self, text: &str, as_of: Date, year: Option<i16>) -> Option<Fragment> {
        let mut elements = Elements::of(&self.lexicon, text, as_of).ok()?;
        // A misspelt word is guessed at, which a fragment gives too little ground for.
        if !elements.corrections.is_empty() || !elements.cues(is_whole).is_empty() {
            return None;
        }
        dated(&mut elements, year)?;
        let periods = periods(&mut elements);
        if periods.trouble.is_some() || periods.comparison.is_some() {
            return None;
        }
        let found = roles(&self.layer, &mut elements);
        // What names a measure asks for it.
        if found.trouble.is_some() || !found.measures.is_empty() {
            return None;
        }
        let (extreme, limit) = ranked(&mut elements)?;
        grouped(&elements, &found, limit.is_some())?;
        elements.take(|cue| matches!(cue, Cue::By | Cue::Across | Cue::And | Cue::Verb));
        if elements.all.iter().any(|element| !element.used) {
            return None;
        }
        let dimensions = found.dimensions.into_iter().map(|(_, name)| name).collect();
        let fragment = Fragment {
            filters: found.filters.into_iter().map(|(_, filter)| filter).collect(),
            dimensions,
            by_time: periods.by,
            window: periods.window,
            time: periods.time,
            thresholds: found.thresholds,
            extreme,
            limit,
        };
        (fragment != Fragment::default()).then_some(fragment)
    }
}

/// Gives a month or a quarter its year; none where there is no year to give.
fn dated(elements: &mut Elements, year: Option<i16>) -> Option<()> {
    for element in &mut elements.all {
        if let Kind::Time(What::Yearless(yearless)) = element.kind {
            element.kind = Kind::Time(What::Window(yearless.of(year?)?));
        }
    }
    Some(())
}

/// Which end and how many; none where they are not told together, or a number stands for something else.
fn ranked(elements: &mut Elements) -> Option<(Option<Extreme>, Option<u32>)> {
    let extremes = elements.cues(is_extreme);
    let numbers: Vec<(usize, f64)> = (0..elements.all.len())
        .filter(|index| !elements.all[*index].used)
        .filter_map(|index| match elements.all[index].kind {
            Kind::Number(number) => Some((index, number)),
            _ => None,
        })
        .collect();
    let (at, number) = match (extremes.as_slice(), numbers.as_slice()) {
        ([], []) => return Some((None, None)),
        ([], [number]) => *number,
        ([extreme], [number]) if extreme.abs_diff(number.0) == 1 => *number,
        _ => return None,
    };
    if number.fract() != 0.0 || !(1.0..=RANKED_MAX).contains(&number) {
        return None;
    }
    let extreme = match extremes.first() {
        None => None,
        Some(index) => Some(elements.meanings(*index).iter().find_map(|meaning| match meaning {
            Meaning::Cue(Cue::Highest) => Some(Extreme::High),
            Meaning::Cue(Cue::Lowest) => Some(Extreme::Low),
            Meaning::Cue(Cue::Best) => Some(Extreme::Best),
            Meaning::Cue(Cue::Worst) => Some(Extreme::Worst),
            // `most` is said of what stands behind it.
            _ => None,
        })?),
    };
    for index in extremes.into_iter().chain([at]) {
        elements.all[index].used = true;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to 1 to 1,000 just before")]
    Some((extreme, Some(number as u32)))
}

/// Whether each dimension is one to group by: `by` stands before it, or another that it is joined to, or a number of groups.
fn grouped(elements: &Elements, found: &Roles, counted: bool) -> Option<()> {
    let leads = |index: usize| elements.is_cue(index, |cue| matches!(cue, Cue::By | Cue::Across));
    for (index, _) in &found.dimensions {
        let before = elements.before(*index);
        let joined = before.filter(|before| elements.is_cue(*before, |cue| cue == Cue::And)).is_some_and(|at| (0..at).any(leads));
        let number = counted && before.is_some_and(|before| matches!(elements.all[before].kind, Kind::Number(_)));
        if !(before.is_some_and(leads) || joined || number) {
            return None;
        }
    }
    Some(())
}
