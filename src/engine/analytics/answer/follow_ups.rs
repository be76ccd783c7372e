//! Questions that can be asked next. Each is read by the same reader as any other before it is offered, has to mean what it was written
//! for, and has to have SQL.

use super::super::compile::sql::Dialect;
use super::super::compile::{ColumnRole, compile};
use super::super::intent::period::{Level, Unit};
use super::super::intent::{Comparison, Filter, Intent, Ranking, View};
use super::super::layer::expression::Expression;
use super::super::layer::{Aggregation, Dimension, End, Layer, Measure, Unit as MeasureUnit};
use super::super::words::{Reading, Words};
use super::Given;
use super::phrases::{capital, in_period, period, plural, title};
use crate::domain::sql_value::Cell;
use jiff::civil::Date;

/// Questions that are offered.
const OFFERED_MAX: usize = 5;

/// Values that a dimension may have to be offered as a breakdown.
const VALUES_MAX: usize = 90;

/// Questions that are offered in place of one that has no answer.
const EXAMPLES_MAX: usize = 4;

/// Ways to write one question that are tried.
const WAYS_MAX: usize = 12;

/// Groups of a ranking that is offered.
const RANKED: u32 = 5;

pub(super) fn follow_ups(given: &Given<'_>) -> Vec<String> {
    let own = given.asked.intent.digest();
    let mut offered: Vec<String> = Vec::new();
    let mut known = vec![own];
    for wanted in wanted(given) {
        let wanted = wanted.canonical();
        if offered.len() == OFFERED_MAX || known.contains(&wanted.digest()) {
            continue;
        }
        known.push(wanted.digest());
        offered.extend(asked(given.words, &wanted, given.as_of));
    }
    offered
}

/// Questions near to one that has no answer: about measures that it names, then one about money, one about things and one about a share.
pub(super) fn examples(words: &Words, question: &str, as_of: Date) -> Vec<String> {
    let layer = words.layer();
    let plain = question.to_lowercase().replace(|letter: char| !letter.is_alphanumeric(), " ");
    let singular: Vec<&str> = plain.split(' ').map(|word| word.strip_suffix('s').unwrap_or(word)).collect();
    let spoken = format!(" {plain} {} ", singular.join(" "));
    let names = |measure: &Measure| measure.synonyms.iter().any(|synonym| spoken.contains(&format!(" {synonym} ")));
    // What most other things are taken over, or have other definitions of, is what the layer is about.
    let weight = |(name, measure): &(&String, &Measure)| {
        let over = layer.measures.values().filter(|other| other.population.contains(name)).count();
        std::cmp::Reverse((measure.siblings.len(), over))
    };
    let mut measures: Vec<(&String, &Measure)> =
        layer.measures.iter().filter(|(_, measure)| !measure.synonyms.is_empty()).collect();
    measures.sort_by_key(weight);
    let mut chosen: Vec<&String> = measures.iter().filter(|(_, measure)| names(measure)).take(2).map(|(name, _)| *name).collect();
    for sort in [Aggregation::Sum, Aggregation::Count, Aggregation::Share, Aggregation::Average] {
        chosen.extend(measures.iter().find(|(_, measure)| measure.aggregation == sort).map(|(name, _)| *name));
    }
    let mut seen = std::collections::BTreeSet::new();
    chosen.retain(|name| seen.insert(*name));
    let mut offered = Vec::new();
    for (at, name) in chosen.into_iter().enumerate() {
        let mut intent = Intent::of(&layer.name, vec![name.clone()]);
        match at % 3 {
            0 => {}
            1 => intent.dimensions.extend(breakdowns(layer, &intent).into_iter().next()),
            _ => intent.by_time = Some(Level::Month),
        }
        offered.extend(asked(words, &intent.canonical(), as_of));
    }
    offered.truncate(EXAMPLES_MAX);
    offered
}

/// What may be asked next, the nearest first.
fn wanted(given: &Given<'_>) -> Vec<Intent> {
    let intent = &given.asked.intent;
    let base = Intent { share: None, ranking: None, thresholds: Vec::new(), view: View::Table, ..intent.clone() };
    let mut all = Vec::new();
    if !has_values(given) {
        // Where nothing is, nothing is broken down: the same without its window and without its filters.
        let wider = Intent { window: None, comparison: None, ..base.clone() };
        return vec![
            wider.clone(),
            Intent { filters: Vec::new(), ..base },
            Intent { filters: Vec::new(), by_time: Some(Level::Year), dimensions: Vec::new(), ..wider },
        ];
    }
    if base.measures.len() != 1 {
        return intent.measures.iter().map(|name| Intent { measures: vec![name.clone()], ..base.clone() }).collect();
    }
    all.extend(drilled(given, &base));
    all.extend(earlier(&base));
    let plain = Intent { comparison: None, ..base.clone() };
    let fresh = breakdowns(given.layer(), &base).into_iter().filter(|name| !base.dimensions.contains(name));
    all.extend(fresh.take(2).map(|name| Intent { dimensions: vec![name], by_time: None, ..base.clone() }));
    let level = base.window.map_or(Level::Month, |window| match window.unit() {
        Some(Unit::Month | Unit::Week) => Level::Day,
        Some(Unit::Day) => Level::HourOfDay,
        _ => Level::Month,
    });
    all.push(Intent { dimensions: Vec::new(), by_time: Some(level), ..plain.clone() });
    let named = |name: &String| given.layer().dimensions.get(name).is_some_and(|found| !found.numeric && found.steps.is_empty());
    let many = given.primary.rows.len() > RANKED as usize;
    if let ([only], None) = (intent.dimensions.as_slice(), &intent.ranking)
        && many
        && named(only)
    {
        let ranking = Some(Ranking { first: End::High, limit: RANKED, by_change: false });
        all.push(Intent { ranking, by_time: None, ..plain.clone() });
    }
    if intent.is_grouped() || intent.share.is_some() {
        all.push(Intent { dimensions: Vec::new(), by_time: None, ..plain.clone() });
    }
    if !intent.filters.is_empty() {
        all.push(Intent { filters: Vec::new(), ..plain.clone() });
    }
    let next = breakdowns(given.layer(), &plain).into_iter().filter(|name| !base.dimensions.contains(name));
    all.extend(next.skip(2).map(|name| Intent { dimensions: vec![name], by_time: None, ..plain.clone() }));
    all
}

/// The first group taken apart: by the next finer level where there is one, else over time.
fn drilled(given: &Given<'_>, base: &Intent) -> Vec<Intent> {
    let ([coarse], Some(row), None) = (base.dimensions.as_slice(), leading(given), &base.comparison) else {
        return Vec::new();
    };
    let Some(Cell::Text(value)) = row.first() else { return Vec::new() };
    let known = given.layer().dimensions.get(coarse).is_some_and(|dimension| dimension.values.contains_key(value));
    if !known || base.filters.iter().any(|filter| matches!(filter, Filter::Values { dimension, .. } if dimension == coarse)) {
        return Vec::new();
    }
    let mut filters = base.filters.clone();
    filters.push(Filter::Values { dimension: coarse.clone(), values: vec![value.clone()], negated: false });
    let finer = given.layer().dimensions.iter().find(|(_, dimension)| dimension.rolls_up_to.as_ref() == Some(coarse));
    let by = |dimensions: Vec<String>, by_time| Intent { dimensions, by_time, filters: filters.clone(), ..base.clone() };
    let mut all: Vec<Intent> = finer.map(|(name, _)| by(vec![name.clone()], None)).into_iter().collect();
    all.push(by(Vec::new(), Some(Level::Month)));
    all
}

/// Whether anything but nothing came back.
fn has_values(given: &Given<'_>) -> bool {
    let values = given.primary.places(ColumnRole::Value);
    values.into_iter().any(|column| given.primary.numbers(column).flatten().any(|number| number != 0.0))
}

/// The group that the answer names first.
fn leading<'a>(given: &Given<'a>) -> Option<&'a Vec<Cell>> {
    let column = *given.primary.places(ColumnRole::Value).first()?;
    let low = given.asked.intent.ranking.as_ref().is_some_and(|ranking| ranking.first == End::Low);
    let rows = given.primary.rows.iter().filter_map(|row| Some((row, row.get(column)?.number()?)));
    let order = |a: f64, b: f64| if low { b.total_cmp(&a) } else { a.total_cmp(&b) };
    rows.max_by(|(_, a), (_, b)| order(*a, *b)).map(|(row, _)| row)
}

/// The same against the period before.
fn earlier(base: &Intent) -> Option<Intent> {
    let window = base.window?;
    let before = window.earlier(window.unit()?, 1)?;
    let comparison = Some(Comparison { before, after: window, direction: None });
    Some(Intent { window: None, comparison, ..base.clone() })
}

/// Dimensions with few groups that the measure reaches without a detour, those that most of the layer speaks of first.
fn breakdowns(layer: &Layer, intent: &Intent) -> Vec<String> {
    let Some(measure) = intent.measures.first().and_then(|name| layer.measures.get(name)) else { return Vec::new() };
    let few = |dimension: &Dimension| {
        let listed = !dimension.values.is_empty() || dimension.numeric;
        listed && dimension.values.len() <= VALUES_MAX && !dimension.synonyms.is_empty() && dimension.steps.is_empty()
    };
    let filtered = |name: &String| {
        intent.filters.iter().any(|filter| matches!(filter, Filter::Values { dimension, .. } if dimension == name))
    };
    // What a measure is limited by says nothing as a breakdown.
    let limited = |dimension: &Dimension| {
        let columns = |expression: &Expression| format!("{expression:?}");
        let own = columns(&dimension.value);
        measure.filter.as_ref().is_some_and(|filter| columns(filter).contains(&own)) || columns(&measure.value).contains(&own)
    };
    let mut found: Vec<(&String, &Dimension)> = layer
        .dimensions
        .iter()
        .filter(|(name, dimension)| few(dimension) && !filtered(name) && !limited(dimension))
        .filter(|(_, dimension)| layer.way(&measure.table, &dimension.table).is_some())
        .collect();
    // Names before numbers, the coarse before the fine, what belongs to the measure's own rows last.
    found.sort_by_key(|(name, dimension)| {
        (dimension.numeric, dimension.rolls_up_to.is_some(), dimension.table == measure.table, (*name).clone())
    });
    found.into_iter().map(|(name, _)| name.clone()).collect()
}

/// A question that means just this and has SQL.
fn asked(words: &Words, wanted: &Intent, as_of: Date) -> Option<String> {
    compile(words.layer(), wanted, Dialect::Clickhouse).ok()?;
    let digest = wanted.digest();
    let means = |question: &String| match words.read(question, as_of) {
        Reading::Data(asked) => asked.corrections.is_empty() && asked.intent.digest() == digest,
        _ => false,
    };
    written(words.layer(), wanted).into_iter().take(WAYS_MAX).find(means)
}

/// Ways to write an intent as a question.
fn written(layer: &Layer, intent: &Intent) -> Vec<String> {
    let Some(name) = intent.measures.first() else { return Vec::new() };
    let Some(measure) = layer.measures.get(name) else { return Vec::new() };
    let counts = measure.unit == MeasureUnit::Count;
    let names: Vec<String> = std::iter::once(title(name)).chain(measure.synonyms.iter().take(2).cloned()).collect();
    let mut ways = Vec::new();
    for (filters, by) in ways_of_rows(layer, intent) {
        let window = intent.window.as_ref().map(in_period).unwrap_or_default();
        for name in &names {
            ways.extend(match (&intent.comparison, &intent.ranking) {
                (Some(comparison), _) => {
                    let (before, after) = (period(&comparison.before), period(&comparison.after));
                    let what = if counts { format!("the number of {name}") } else { name.clone() };
                    vec![
                        format!("How did {what}{by}{filters} change from {before} to {after}?"),
                        format!("Compare {what}{by}{filters} in {before} and {after}"),
                    ]
                }
                (None, Some(ranking)) => ranked(layer, (intent, ranking), (name, &filters, &window)),
                (None, None) if counts => vec![
                    format!("How many {name} were there{by}{filters}{window}?"),
                    format!("Number of {name}{by}{filters}{window}"),
                ],
                (None, None) => {
                    vec![format!("What was the {name}{by}{filters}{window}?"), format!("{}{by}{filters}{window}", capital(name))]
                }
            });
        }
    }
    ways
}

fn ranked(layer: &Layer, (intent, ranking): (&Intent, &Ranking), (name, filters, window): (&str, &str, &str)) -> Vec<String> {
    let Some(dimension) = intent.dimensions.first() else { return Vec::new() };
    let counts = layer.measures.get(&intent.measures[0]).is_some_and(|measure| measure.unit == MeasureUnit::Count);
    let end = match (ranking.first, counts) {
        (End::High, true) => "most",
        (End::Low, true) => "fewest",
        (End::High, false) => "highest",
        (End::Low, false) => "lowest",
    };
    let spoken = layer.dimensions.get(dimension).and_then(|found| found.synonyms.first().cloned());
    let kinds = std::iter::once(plural(dimension)).chain(spoken.map(|spoken| plural(&spoken)));
    kinds.map(|kinds| format!("Which {} {kinds} had the {end} {name}{filters}{window}?", ranking.limit)).collect()
}

/// Ways to write filters and what an intent is taken by.
fn ways_of_rows(layer: &Layer, intent: &Intent) -> Vec<(String, String)> {
    let by = |at: usize| {
        let mut by: Vec<String> = intent.dimensions.iter().map(|name| dimension_name(layer, name, at)).collect();
        by.extend(intent.by_time.map(|level| super::super::compile::level_name(level).replace('_', " ")));
        by.into_iter().map(|name| format!(" by {name}")).collect::<Vec<_>>().join(" and").replace(" and by ", " and ")
    };
    let filters = |at: usize| intent.filters.iter().map(|filter| filter_words(layer, filter, at)).collect::<String>();
    (0..3).map(|at| (filters(at), by(at))).collect()
}

fn dimension_name(layer: &Layer, name: &str, at: usize) -> String {
    let synonyms = layer.dimensions.get(name).map(|dimension| dimension.synonyms.as_slice()).unwrap_or_default();
    match at {
        0 => title(name),
        at => synonyms.get(at - 1).cloned().unwrap_or_else(|| title(name)),
    }
}

fn filter_words(layer: &Layer, filter: &Filter, at: usize) -> String {
    match filter {
        Filter::Values { dimension, values, negated } => {
            let spoken = |value: &String| {
                let found =
                    layer.dimensions.get(dimension).and_then(|found| found.values.get(value)).and_then(|spoken| spoken.first());
                found.filter(|_| at > 0).cloned().unwrap_or_else(|| value.clone())
            };
            let values: Vec<String> = values.iter().map(spoken).collect();
            let lead = if *negated { "not " } else { "" };
            let joined = values.join(" or ");
            if at == 0 { format!(" for {lead}{} {joined}", title(dimension)) } else { format!(" in {lead}{joined}") }
        }
        Filter::Term { term, negated } => {
            let spoken = layer.glossary.get(term).and_then(|term| term.synonyms.first().cloned()).unwrap_or_else(|| title(term));
            format!(" {}{spoken}", if *negated { "not " } else { "" })
        }
    }
}
