//! The four sections of a report: what was found, how, what speaks against it, and where it comes from.

use super::super::compile::{Query, ROWS_MAX, level_name};
use super::super::intent::Intent;
use super::super::intent::period::{Level, Window};
use super::super::layer::End;
use super::super::reconcile::Frame;
use super::Given;
use super::model::{DataReport, QueryPurpose, ReportSource};
use super::phrases::{capital, filters, limit, listed, period, title, within};
use crate::domain::answer::Confidence;

pub(super) fn report(given: &Given<'_>, text: &str) -> DataReport {
    DataReport { answer: text.to_owned(), method: method(given), caveats: caveats(given), sources: sources(given) }
}

fn method(given: &Given<'_>) -> Vec<String> {
    let (layer, intent) = (given.layer(), &given.asked.intent);
    let mut lines = Vec::new();
    for (at, name) in intent.measures.iter().enumerate() {
        let definition = if at == 0 { &given.compiled.primary.definition } else { name };
        if let Some(measure) = layer.measures.get(definition) {
            lines.push(format!("{}: {}.", capital(&title(name)), within(&measure.comment)));
        }
    }
    let mut by: Vec<String> = intent.dimensions.iter().map(|name| title(name)).collect();
    by.extend(intent.by_time.map(|level| level_name(level).replace('_', " ")));
    if !by.is_empty() {
        lines.push(format!("Taken by {}.", listed(&by, "and")));
    }
    if let Some(share) = &intent.share {
        let of = filters(&share.of);
        lines.push(format!("A share is the part over the whole of the same rows{of}, as counted in the same query."));
    }
    lines.extend(rows_that_count(given, intent));
    let limits: Vec<String> = intent.thresholds.iter().map(limit).collect();
    if !limits.is_empty() {
        lines.push(format!("Only groups with {} are shown.", listed(&limits, "and")));
    }
    if let Some(ranking) = &intent.ranking {
        let end = if ranking.first == End::High { "highest" } else { "lowest" };
        let by = if ranking.by_change { "the change between the periods" } else { "the value" };
        lines.push(format!("Ordered by {by}, the {end} first, at most {} rows.", ranking.limit));
    }
    let passed = given.derivation.reasons.iter().filter(|(allows, _)| *allows == Confidence::High);
    lines.extend(passed.map(|(_, because)| format!("Checked: {because}.")));
    lines
}

/// Which rows count: filters, the period and the moment that it is about.
fn rows_that_count(given: &Given<'_>, intent: &Intent) -> Vec<String> {
    let mut lines = Vec::new();
    if !intent.filters.is_empty() {
        lines.push(format!("Only rows{} count.", filters(&intent.filters)));
    }
    let first = intent.measures.first().and_then(|name| given.layer().measures.get(name));
    let time = intent.time.as_ref().or_else(|| first.and_then(|measure| measure.time.as_ref()));
    let moment = time.and_then(|time| given.layer().times.get(time)).map(|time| within(&time.comment));
    let periods = match (&intent.comparison, &intent.window) {
        (Some(comparison), _) => Some(format!("{} and {}", period(&comparison.before), period(&comparison.after))),
        (None, Some(window)) => Some(period(window)),
        (None, None) => None,
    };
    match (periods, moment) {
        (Some(periods), Some(moment)) => lines.push(format!("The period is {periods}, by the moment {moment}.")),
        (Some(periods), None) => lines.push(format!("The period is {periods}.")),
        (None, Some(moment)) if intent.by_time.is_some() => lines.push(format!("Time is the moment {moment}.")),
        _ => {}
    }
    lines
}

fn caveats(given: &Given<'_>) -> Vec<String> {
    let intent = &given.asked.intent;
    let doubts = given.derivation.reasons.iter().filter(|(allows, _)| *allows != Confidence::High);
    let mut lines: Vec<String> = doubts.map(|(_, because)| format!("{}.", capital(because))).collect();
    let stepped = intent.by_time.filter(|level| !matches!(level, Level::HourOfDay | Level::DayOfWeek));
    if let Some(level) = stepped.filter(|_| given.primary.rows.len() > 1) {
        let step = level_name(level);
        lines.push(format!(
            "The first and the last {step} may not be whole, where the data or the window begin or end within them."
        ));
    }
    if let Some(comparison) = &intent.comparison {
        let ahead = |window: &Window| window.until.is_some_and(|until| until > given.as_of);
        let (before, after) = (days(&comparison.before), days(&comparison.after));
        // Years and quarters differ by a day or two, and that is not worth a word.
        if before.zip(after).is_some_and(|(before, after)| (before - after).abs() > 3) {
            lines.push("The two periods are not equally long.".to_owned());
        }
        if ahead(&comparison.after) {
            lines.push(format!("{} was not over on the day of asking.", capital(&period(&comparison.after))));
        }
    }
    if let Some(window) = intent.window.filter(|window| window.until.is_some_and(|until| until > given.as_of)) {
        lines.push(format!("{} was not over on the day of asking.", capital(&period(&window))));
    }
    if given.primary.rows.len() >= ROWS_MAX as usize {
        lines.push(format!("Only the first {ROWS_MAX} rows are shown."));
    }
    let assumptions = given.asked.assumptions.iter().chain(&given.compiled.primary.assumptions);
    lines.extend(assumptions.map(|assumption| format!("Taken for granted: {assumption}.")));
    let mut seen = std::collections::BTreeSet::new();
    lines.retain(|line| seen.insert(line.trim_start_matches("Taken for granted: ").to_lowercase()));
    if lines.is_empty() {
        lines.push("Nothing that was checked speaks against it.".to_owned());
    }
    lines
}

fn days(window: &Window) -> Option<i32> {
    (window.until? - window.from?).get_days().into()
}

fn sources(given: &Given<'_>) -> Vec<ReportSource> {
    let layer = given.layer();
    let source = |(at, (purpose, query, frame)): (usize, (QueryPurpose, &Query, Option<&Frame>))| {
        let about = layer.measures.get(&query.definition).map_or(query.definition.as_str(), |measure| measure.comment.as_str());
        let tables = query.names.iter().filter(|name| layer.tables.contains_key(*name)).cloned().collect();
        ReportSource {
            query: format!("Q{}", at + 1),
            about: match purpose {
                QueryPurpose::Relaxed => format!("{}, without the limits.", about.trim_end_matches('.')),
                QueryPurpose::Primary | QueryPurpose::Sibling | QueryPurpose::Part | QueryPurpose::Written => about.to_owned(),
            },
            tables,
            rows: frame.map(|frame| frame.rows.len() as u64),
        }
    };
    given.queries().into_iter().enumerate().map(source).collect()
}
