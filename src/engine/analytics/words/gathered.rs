//! Periods that are told in pieces: `July until September 2017`, and a period that is told twice, `Q3 2017 (July to September)`.

use super::super::intent::period::{Level, Unit, Window};
use super::calendar::What;
use super::elements::{Elements, Kind};
use super::grammar::Cue;
use super::periods::{is_change, word_element};
use super::roles::is_extreme;

/// Puts one element in place of those that tell one period.
pub(super) fn gather(elements: &mut Elements) {
    while step(elements) {}
    while counted(elements) {}
    named(elements);
}

/// `over the three months of Q3 2017`: of how many units a period is, which is told of the period and takes nothing by them.
fn counted(elements: &mut Elements) -> bool {
    let leads = |cue: Cue| {
        is_extreme(cue)
            || matches!(
                cue,
                Cue::By | Cue::Across | Cue::Which | Cue::What | Cue::Count | Cue::Distribution | Cue::Breakdown | Cue::Compare
            )
    };
    let windows = windows(elements);
    let found = windows.iter().enumerate().find_map(|(at, (index, window))| {
        let between = word_element(elements, *index, &["between"]);
        let step = elements.before(between.unwrap_or(*index))?;
        let number = elements.before(step)?;
        let (Kind::Time(What::Level { level, certain: false }), Kind::Number(units)) =
            (&elements.all[step].kind, &elements.all[number].kind)
        else {
            return None;
        };
        let words = ["of", "the", "in", "from", "that", "make", "up", "within", "period"];
        let near = elements.between(step, step + 1).all(|word| words.contains(&word));
        let free = elements.before(number).is_none_or(|before| !elements.is_cue(before, leads));
        // `the three months from July to September 2017`.
        let whole = windows
            .get(at + 1)
            .filter(|(second, _)| is_range(elements, *index, *second))
            .and_then(|(_, other)| window.through(*other));
        (near && free && steps_of(whole.unwrap_or(*window), *level) == Some(*units)).then_some((number, step))
    });
    let Some((number, step)) = found else { return false };
    // What a range begins with stays right before it.
    if matches!(elements.all[step + 1].kind, Kind::Time(_)) {
        elements.all[step + 1].first = elements.all[number].first;
    }
    elements.all.drain(number..=step);
    true
}

/// How many months, quarters or years a window has.
fn steps_of(window: Window, level: Level) -> Option<f64> {
    let (from, until) = (window.from?, window.until?);
    let months = f64::from(until.year() - from.year()) * 12.0 + f64::from(until.month() - from.month());
    match level {
        Level::Month => Some(months),
        Level::Quarter => Some(months / 3.0),
        Level::Year => Some(months / 12.0),
        _ => None,
    }
}

/// `in the months of July and August 2017`: what unit a period is of.
fn named(elements: &mut Elements) {
    for (index, _) in windows(elements) {
        let Some(before) = elements.before(index) else { continue };
        let unit = matches!(elements.all[before].kind, Kind::Time(What::Level { certain: false, .. }));
        let asked = elements.before(before).is_some_and(|at| {
            matches!(elements.all[at].kind, Kind::Number(_))
                || elements
                    .is_cue(at, |cue| !matches!(cue, Cue::Bound(_) | Cue::Verb | Cue::Nothing | Cue::Compare | Cue::Change))
        });
        let joined = elements.between(before, index).all(|word| ["of", "the"].contains(&word));
        if unit && !asked && joined {
            elements.all[before].used = true;
        }
    }
}

fn windows(elements: &Elements) -> Vec<(usize, Window)> {
    let windows = elements.all.iter().enumerate().filter_map(|(index, element)| match element.kind {
        Kind::Time(What::Window(window)) => Some((index, window)),
        _ => None,
    });
    windows.collect()
}

fn step(elements: &mut Elements) -> bool {
    let found = windows(elements);
    let told_twice = found.windows(2).find(|pair| pair[0].1 == pair[1].1 && is_joined(elements, pair[0].0, pair[1].0));
    if let Some(&[(first, window), (second, _)]) = told_twice {
        put(elements, first, second, window);
        return true;
    }
    // Two are held against one another, or are the ends of one, which `two` tells apart.
    if found.len() < 3 {
        return false;
    }
    if quarter(elements, &found) {
        return true;
    }
    let compared = !elements.cues(is_change).is_empty();
    for pair in found.windows(2) {
        let [(first, one), (second, other)] = *pair else { continue };
        let Some(whole) = is_range(elements, first, second).then(|| one.through(other)).flatten() else { continue };
        if !compared || found.len() == 4 || found.iter().any(|(_, window)| *window == whole) {
            let between = word_element(elements, first, &["between"]);
            put(elements, between.unwrap_or(first), second, whole);
            return true;
        }
    }
    false
}

/// `July, August and September 2017` is a quarter.
fn quarter(elements: &mut Elements, found: &[(usize, Window)]) -> bool {
    for months in found.windows(3) {
        let [(first, one), (second, other), (third, last)] = *months else { continue };
        let follow = one.until == other.from && other.until == last.from;
        let joined = is_joined(elements, first, second) && is_joined(elements, second, third);
        let whole = one.through(last).filter(|whole| whole.unit() == Some(Unit::Quarter) && one.unit() == Some(Unit::Month));
        if let (true, true, Some(whole)) = (follow, joined, whole) {
            put(elements, first, third, whole);
            return true;
        }
    }
    false
}

/// Whether nothing but `and`, or a word of a range, stands between the two.
fn is_joined(elements: &Elements, first: usize, second: usize) -> bool {
    (first + 1..second).all(|index| elements.is_cue(index, |cue| matches!(cue, Cue::And | Cue::Or)) || is_until(elements, index))
}

fn is_until(elements: &Elements, index: usize) -> bool {
    ["until", "till", "through"].contains(&elements.written(index).to_lowercase().as_str())
}

fn is_range(elements: &Elements, first: usize, second: usize) -> bool {
    let words: Vec<&str> = elements.between(first, second).collect();
    let between = word_element(elements, first, &["between"]).is_some();
    let and = (first + 1..second).any(|index| elements.is_cue(index, |cue| cue == Cue::And));
    let to =
        words.iter().any(|word| ["to", "through"].contains(word)) || (first + 1..second).any(|index| is_until(elements, index));
    is_joined(elements, first, second) && (to || (between && and))
}

/// One element for all from the first to the last.
fn put(elements: &mut Elements, first: usize, last: usize, window: Window) {
    elements.all[first].last = elements.all[last].last;
    elements.all[first].kind = Kind::Time(What::Window(window));
    elements.all.drain(first + 1..=last);
}
