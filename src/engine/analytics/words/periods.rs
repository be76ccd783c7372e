//! The time of a question: one window, two that are compared, or steps.

use super::super::intent::Comparison;
use super::super::intent::period::{Level, Unit, Window};
use super::super::layer::End;
use super::calendar::What;
use super::elements::{Elements, Kind};
use super::gathered;
use super::grammar::Cue;
use super::lexicon::Meaning;
use super::roles::is_extreme;

/// What a question says of time.
#[derive(Debug, Clone, Default)]
pub struct Periods {
    /// The window.
    pub window: Option<Window>,
    /// Two windows.
    pub comparison: Option<Comparison>,
    /// The step.
    pub by: Option<Level>,
    /// The moment that the window is about, where the question says so.
    pub time: Option<String>,
    /// Whether what a period is held against was not told.
    pub assumed: bool,
    /// Why it can't be understood.
    pub trouble: Option<String>,
}

pub(super) const fn is_change(cue: Cue) -> bool {
    matches!(cue, Cue::Change | Cue::Compare | Cue::Rise | Cue::Fall)
}

/// Takes up what a question says of time.
pub fn periods(elements: &mut Elements) -> Periods {
    let mut periods = Periods::default();
    gathered::gather(elements);
    steps(elements, &mut periods);
    let windows: Vec<(usize, Window)> = (0..elements.all.len())
        .filter_map(|index| match elements.all[index].kind {
            Kind::Time(What::Window(window)) => Some((index, window)),
            _ => None,
        })
        .collect();
    moments(elements, &windows, &mut periods);
    match windows.as_slice() {
        [] => nothing(elements, &mut periods),
        [(index, window)] => one(elements, &mut periods, *index, *window),
        [first, second] => two(elements, &mut periods, *first, *second),
        _ => {
            periods.trouble =
                Some("more than two periods can't be held side by side; ask for them by year, quarter or month".to_owned())
        }
    }
    periods
}

fn steps(elements: &mut Elements, periods: &mut Periods) {
    for index in 0..elements.all.len() {
        let Kind::Time(What::Level { level, certain }) = elements.all[index].kind else { continue };
        if elements.all[index].used {
            continue;
        }
        let asked = elements.before(index).is_some_and(|before| {
            let leads = |cue: Cue| {
                matches!(
                    cue,
                    Cue::By
                        | Cue::Across
                        | Cue::Which
                        | Cue::What
                        | Cue::Distribution
                        | Cue::Breakdown
                        | Cue::Highest
                        | Cue::Lowest
                        | Cue::Best
                        | Cue::Worst
                )
            };
            let end = elements.meanings(before).iter().any(|meaning| matches!(meaning, Meaning::End(..)));
            // `over 20 days` is a limit.
            let limit = elements.before(before).is_some_and(|bound| {
                elements.is_cue(bound, |cue| matches!(cue, Cue::Bound(_))) && !elements.is_cue(bound, is_extreme)
            });
            let number = matches!(elements.all[before].kind, Kind::Number(_)) && !limit;
            end || elements.is_cue(before, leads) || number
        });
        // `by category and month`.
        let also = elements.before(index).is_some_and(|before| {
            elements.is_cue(before, |cue| cue == Cue::And)
                && (0..before).any(|other| elements.is_cue(other, |cue| matches!(cue, Cue::By | Cue::Across)))
        });
        let over = elements.before(index).filter(|before| elements.written(*before).eq_ignore_ascii_case("over"));
        if !(certain || asked || also || over.is_some()) || periods.by.is_some() {
            continue;
        }
        periods.by = Some(level);
        elements.all[index].used = true;
        for before in elements.before(index).into_iter().chain(over) {
            if elements.is_cue(before, |cue| matches!(cue, Cue::By | Cue::Across | Cue::Which | Cue::What))
                || Some(before) == over
            {
                elements.all[before].used = true;
            }
        }
    }
}

/// `delivered in March` is about another moment than `placed in March`.
fn moments(elements: &mut Elements, windows: &[(usize, Window)], periods: &mut Periods) {
    let mut moments = Vec::new();
    for (index, _) in windows {
        let mut at = *index;
        // Back over the first of two windows and the words that join them.
        while let Some(before) = elements.before(at) {
            let joins = |cue: Cue| matches!(cue, Cue::And | Cue::Bound(_) | Cue::Verb) || is_change(cue);
            let window = matches!(elements.all[before].kind, Kind::Time(What::Window(_)));
            let boundary = matches!(
                elements.written(before).to_lowercase().as_str(),
                "since" | "before" | "after" | "until" | "between" | "through" | "till"
            );
            if !(window || boundary || elements.is_cue(before, joins)) {
                break;
            }
            at = before;
        }
        let Some(before) = elements.before(at) else {
            moments.push(None);
            continue;
        };
        let said = elements.meanings(before).iter().find_map(|meaning| match meaning {
            Meaning::Time(time) => Some(time.clone()),
            _ => None,
        });
        // `placed in 2017 and delivered in 2018`.
        if said.is_some() && moments.iter().any(|other| *other != said) {
            periods.trouble = Some("two periods that are about two moments can't be asked for at once".to_owned());
        }
        moments.push(said.clone());
        if let Some(time) = said {
            periods.time = Some(time);
            elements.all[before].used = true;
        }
    }
}

fn nothing(elements: &mut Elements, periods: &mut Periods) {
    let levels = [(Cue::YearBefore, Level::Year), (Cue::PeriodBefore, Level::Quarter)];
    for (cue, level) in levels {
        if cue == Cue::PeriodBefore {
            // Only the month or the quarter that is named can be meant.
            let named = elements.cues(|found| found == cue).first().map(|index| elements.written(*index).to_lowercase());
            let level = match named {
                Some(named) if named.contains("month") || named == "mom" => Level::Month,
                Some(named) if named.contains("week") => Level::Week,
                Some(named) if named.contains("quarter") || named == "qoq" => level,
                _ => continue,
            };
            elements.take(|found| found == cue);
            periods.by = periods.by.or(Some(level));
        } else if elements.take(|found| found == cue) {
            periods.by = periods.by.or(Some(level));
        }
    }
    trend(elements, periods);
    // Between steps a change shows by itself.
    if periods.by.is_some() {
        elements.take(is_change);
    }
}

fn trend(elements: &mut Elements, periods: &mut Periods) {
    if elements.take(|cue| cue == Cue::Trend) {
        periods.by = periods.by.or(Some(Level::Month));
    }
}

/// Whether a rise or a fall is asked about.
fn direction(elements: &Elements) -> Option<End> {
    let said = |wanted: Cue| !elements.cues(|cue| cue == wanted).is_empty();
    match (said(Cue::Rise), said(Cue::Fall)) {
        (true, false) => Some(End::High),
        (false, true) => Some(End::Low),
        _ => None,
    }
}

fn mark(elements: &mut Elements, indices: &[usize]) {
    indices.iter().for_each(|index| elements.all[*index].used = true);
}

/// The element of this one word right before another.
pub(super) fn word_element(elements: &Elements, index: usize, words: &[&str]) -> Option<usize> {
    let before = elements.before(index)?;
    words.contains(&elements.written(before).to_lowercase().as_str()).then_some(before)
}

fn one(elements: &mut Elements, periods: &mut Periods, index: usize, window: Window) {
    mark(elements, &[index]);
    trend(elements, periods);
    let boundary = word_element(elements, index, &["since", "before", "after", "until", "till", "starting"]);
    let word = boundary.map(|before| elements.written(before).to_lowercase()).unwrap_or_default();
    let mut window = match word.as_str() {
        "since" | "starting" => Window { from: window.from, until: None },
        "after" => Window { from: window.until, until: None },
        "before" => Window { from: None, until: window.from },
        "until" | "till" => Window { from: None, until: window.until },
        _ => window,
    };
    mark(elements, &boundary.into_iter().collect::<Vec<_>>());
    if let Some(over) = word_element(elements, index, &["over", "by"])
        && elements.written(over).eq_ignore_ascii_case("over")
    {
        mark(elements, &[over]);
    }
    if let Some(onwards) = elements
        .behind(index)
        .filter(|next| ["onward", "onwards", "on"].contains(&elements.written(*next).to_lowercase().as_str()))
    {
        mark(elements, &[onwards]);
        window = Window { from: window.from, until: None };
    }
    let year = elements.take(|cue| cue == Cue::YearBefore);
    let period = !year && elements.take(|cue| cue == Cue::PeriodBefore);
    // `did revenue grow in 2018`: as against the year before.
    let grown = !(year || period)
        && periods.by.is_none()
        && boundary.is_none()
        && window.unit().is_some()
        && elements.cues(is_change).len() == 1
        && elements.cues(|cue| matches!(cue, Cue::Change | Cue::Rise | Cue::Fall)).len() == 1;
    if !(year || period || grown) {
        if periods.by.is_some() {
            elements.take(is_change);
        }
        periods.window = Some(window);
        return;
    }
    let direction = direction(elements);
    elements.take(is_change);
    let unit = if year { Some(Unit::Year) } else { window.unit() };
    periods.assumed = grown;
    match unit.and_then(|unit| window.earlier(unit, 1)) {
        Some(before) if !before.overlaps(&window) => periods.comparison = Some(Comparison { before, after: window, direction }),
        _ => periods.trouble = Some("the period before this one could not be worked out".to_owned()),
    }
}

/// `faster in 2018 than in 2017`.
fn comparative(elements: &mut Elements, first: usize, second: usize) -> bool {
    let than = (first + 1..second).find(|index| elements.written(*index).eq_ignore_ascii_case("than"));
    let ends = |index: &usize| {
        elements
            .meanings(*index)
            .iter()
            .any(|meaning| matches!(meaning, Meaning::End(..) | Meaning::Cue(Cue::Comparative | Cue::Change | Cue::Bound(_))))
    };
    let word = (0..first).rev().find(ends).or_else(|| (first + 1..than.unwrap_or(first + 1)).rev().find(ends));
    // `did deliveries get faster from 2017 to 2018`: the two periods are what it is faster in.
    let grown = (0..elements.all.len())
        .find(|index| elements.meanings(*index).iter().any(|meaning| matches!(meaning, Meaning::End(..))) && than.is_none());
    let grouped = !elements.cues(|cue| matches!(cue, Cue::Which | Cue::By)).is_empty();
    match (than, word, grown) {
        (Some(than), Some(word), _) => mark(elements, &[than, word]),
        (None, _, Some(word)) if !grouped => mark(elements, &[word]),
        _ => return false,
    }
    true
}

/// `which states got faster from 2017 to 2018`.
fn is_grown(elements: &Elements, first: usize) -> bool {
    let became = |word: &str| ["get", "got", "gets", "getting", "become", "became", "becoming", "gotten", "grew"].contains(&word);
    (0..first).any(|index| {
        let end =
            elements.meanings(index).iter().any(|meaning| matches!(meaning, Meaning::End(..) | Meaning::Cue(Cue::Comparative)));
        end && became(elements.word_before(index))
    })
}

fn two(elements: &mut Elements, periods: &mut Periods, first: (usize, Window), second: (usize, Window)) {
    let neighbours = second.0 == first.0 + 1
        || (second.0 == first.0 + 2 && elements.is_cue(first.0 + 1, |cue| matches!(cue, Cue::And | Cue::Or)));
    let words: Vec<String> = elements.between(first.0, second.0).map(str::to_owned).collect();
    let between = word_element(elements, first.0, &["between"]);
    let until = (first.0 + 1..second.0)
        .find(|index| ["until", "till", "through"].contains(&elements.written(*index).to_lowercase().as_str()));
    let to = words.iter().any(|word| ["to", "through"].contains(&word.as_str())) || until.is_some();
    let joined: Vec<usize> =
        (first.0 + 1..second.0).filter(|index| elements.is_cue(*index, |cue| matches!(cue, Cue::And | Cue::Or))).collect();
    // `2017-2018`: a dash is all that stood between.
    let dashed = neighbours && words.is_empty() && joined.is_empty();
    let range = to || dashed || (between.is_some() && !joined.is_empty());
    let direction = direction(elements);
    let than = comparative(elements, first.0, second.0);
    // Something has to join the two: a word, or that they are compared.
    let yearly = elements.take(|cue| cue == Cue::YearBefore);
    let compared = elements.take(|cue| is_change(cue) || cue == Cue::Comparative) || than || yearly;
    mark(elements, &[first.0, second.0]);
    mark(elements, &joined);
    mark(elements, &between.into_iter().chain(until).collect::<Vec<_>>());
    trend(elements, periods);
    if first.1.overlaps(&second.1) {
        periods.trouble = Some("the two periods overlap".to_owned());
    } else if compared || (!range && !joined.is_empty()) {
        let backwards = first.1.from > second.1.from && !(to && elements.word_before(first.0) == "from");
        let (before, after) = if backwards { (second.1, first.1) } else { (first.1, second.1) };
        periods.comparison = Some(Comparison { before, after, direction });
    } else if range && is_grown(elements, first.0) {
        periods.trouble =
            Some("whether each became so from one period to the other, or was so in both, was not understood".to_owned());
    } else if range {
        match first.1.through(second.1) {
            Some(window) => periods.window = Some(window),
            None => periods.trouble = Some("the period ends before it begins".to_owned()),
        }
    } else {
        periods.trouble = Some("how the two periods belong together was not understood".to_owned());
    }
}
