//! What things are called in a text: groups, measures, and which rows a question is about.

use super::super::compile::Column;
use super::super::intent::period::{Unit as Calendar, Window};
use super::super::intent::{Filter, Intent, Relation, Threshold};
use super::super::layer::{Layer, Unit};
use super::super::reconcile::Cell;
use super::figures::fixed;

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A name of the layer as words.
pub(super) fn title(name: &str) -> String {
    name.replace('_', " ")
}

/// Several of what a name is one of: `customer cities`, `days of the week`.
pub(super) fn plural(name: &str) -> String {
    let title = match name {
        "hour_of_day" => return "hours of the day".to_owned(),
        "day_of_week" => return "days of the week".to_owned(),
        _ => title(name),
    };
    let consonant = title.chars().rev().nth(1).is_some_and(|letter| !"aeiou".contains(letter));
    match title.chars().last() {
        Some('s') if title.ends_with("us") => format!("{title}es"),
        Some('s') => title,
        Some('y') if consonant => format!("{}ies", &title[..title.len() - 1]),
        Some('x' | 'z') => format!("{title}es"),
        Some('h') if title.ends_with("ch") || title.ends_with("sh") => format!("{title}es"),
        _ => format!("{title}s"),
    }
}

/// How a step of time follows on what happens in it: `on 2017-11-24`, `at hour 11`, `in May 2018`.
pub(super) fn at_step(level: &str) -> &'static str {
    match level {
        "day" | "day_of_week" => "on",
        "hour_of_day" => "at",
        _ => "in",
    }
}

/// The ways in which a text may write a key, that of our own texts first; none for what has no name.
pub(super) fn key_forms(column: &Column, cell: Option<&Cell>) -> Vec<String> {
    match cell {
        None | Some(Cell::Null) => Vec::new(),
        Some(Cell::Text(text)) if text.trim().is_empty() => Vec::new(),
        Some(Cell::Text(text)) => {
            let mut forms = match column.name.as_str() {
                "month" | "quarter" | "period" | "week" | "day" | "year" => label_forms(&column.name, text),
                _ => Vec::new(),
            };
            forms.push(text.clone());
            forms.push(text.replace('_', " "));
            let mut seen = std::collections::BTreeSet::new();
            forms.retain(|form| seen.insert(form.clone()));
            forms
        }
        Some(Cell::Integer(number)) => number_forms(&column.name, *number),
        #[expect(clippy::cast_possible_truncation, reason = "whole and small is checked before")]
        Some(Cell::Number(number)) if number.fract() == 0.0 && number.abs() < 1e15 => number_forms(&column.name, *number as i64),
        Some(Cell::Number(number)) => vec![format!("{} {number}", title(&column.name))],
    }
}

fn number_forms(name: &str, number: i64) -> Vec<String> {
    let place = |from: i64| usize::try_from(number - from).ok();
    match name {
        "day_of_week" => place(1).and_then(|day| DAYS.get(day)).map(|day| (*day).to_owned()).into_iter().collect(),
        "hour_of_day" => vec![format!("hour {number}"), format!("{number}:00"), format!("{number:02}:00")],
        "year" | "period" => vec![number.to_string()],
        _ => vec![format!("{} {number}", title(name))],
    }
}

/// The ways in which the label of a period is written.
fn label_forms(name: &str, label: &str) -> Vec<String> {
    let parts: Vec<&str> = label.split('-').collect();
    match parts.as_slice() {
        [year, quarter] if quarter.starts_with('Q') => vec![format!("{quarter} {year}")],
        [year, month] => {
            let name = month.parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
            name.map(|name| vec![format!("{name} {year}"), format!("{} {year}", &name[..3])]).unwrap_or_default()
        }
        [_, _, _] if name == "week" => vec![format!("the week of {label}")],
        _ => Vec::new(),
    }
}

/// A period as a reader names it.
pub(super) fn period(window: &Window) -> String {
    let label = window.label();
    label_forms("period", &label).into_iter().next().unwrap_or(label)
}

/// `in Q3 2017`, `from 2017-02-01 to 2017-04-30`, `since 2018-01-01`.
pub(super) fn in_period(window: &Window) -> String {
    match (window.from, window.until, window.unit()) {
        (None, None, _) => String::new(),
        (Some(_), Some(_), Some(Calendar::Day)) => format!(" on {}", period(window)),
        (Some(_), Some(_), None | Some(Calendar::Week)) => format!(" from {}", period(window)),
        (Some(_), Some(_), Some(_)) => format!(" in {}", period(window)),
        _ => format!(" {}", period(window)),
    }
}

/// Which rows a question is about, as words behind what is measured, and what of it a text may repeat without a citation.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub words: String,
    pub said: Vec<String>,
}

/// Filters, limits and the window of an intent.
pub(super) fn scope(layer: &Layer, intent: &Intent) -> Scope {
    let mut scope = Scope::default();
    for filter in &intent.filters {
        filtered(filter, &mut scope);
    }
    if let Some(window) = &intent.window {
        scope.words.push_str(&in_period(window));
        scope.said.push(period(window));
    }
    for window in intent.comparison.iter().flat_map(|comparison| [&comparison.before, &comparison.after]) {
        scope.said.push(period(window));
    }
    if let Some(time) = intent.time.as_ref().and_then(|time| layer.times.get(time).map(|_| title(time))) {
        scope.words.push_str(&format!(" by {time} date"));
    }
    for threshold in &intent.thresholds {
        scope.said.push(limit(threshold));
    }
    scope
}

/// What a filter says, such as ` for customer state SP or RJ`.
fn filtered(filter: &Filter, scope: &mut Scope) {
    match filter {
        Filter::Values { dimension, values, negated } => {
            let listed = listed(values, "or");
            let lead = if *negated { "except" } else { "for" };
            scope.words.push_str(&format!(" {lead} {} {listed}", title(dimension)));
            scope.said.extend(values.iter().cloned());
        }
        Filter::Term { term, negated } => {
            let (title, lead) = (title(term), if *negated { "not " } else { "" });
            scope.words.push_str(&format!(" ({lead}{title})"));
            scope.said.push(title);
        }
    }
}

/// The filters of an intent as words, without the window.
pub(super) fn filters(filters: &[Filter]) -> String {
    let mut scope = Scope::default();
    for filter in filters {
        filtered(filter, &mut scope);
    }
    scope.words
}

/// So many of something: `25 reviews`, `1 review`.
pub(super) fn counted(number: &str, name: &str) -> String {
    let title = title(name);
    match number {
        "1" => format!("{number} {}", title.strip_suffix('s').unwrap_or(&title)),
        _ => format!("{number} {title}"),
    }
}

/// `at least 100 orders`.
pub(super) fn limit(threshold: &Threshold) -> String {
    let relation = match threshold.relation {
        Relation::AtLeast => "at least",
        Relation::MoreThan => "more than",
        Relation::AtMost => "at most",
        Relation::LessThan => "less than",
        Relation::Exactly => "exactly",
    };
    let decimals = if threshold.bound.fract() == 0.0 { 0 } else { 2 };
    let named = counted(&fixed(threshold.bound, decimals), &threshold.measure);
    format!("{relation} {named}")
}

/// `a, b and c`.
pub(super) fn listed<T: AsRef<str>>(items: &[T], join: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} {join} {}", first.join(", "), last.as_ref())
        }
    }
}

/// A sentence's first letter is a capital.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A comment of the layer within a sentence.
pub(super) fn within(comment: &str) -> String {
    let text = comment.trim().trim_end_matches('.');
    let mut letters = text.chars();
    let second_is_small = text.chars().nth(1).is_none_or(char::is_lowercase) || text.chars().nth(1) == Some(' ');
    match letters.next() {
        Some(first) if second_is_small => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

/// What a measure is called as the subject of a sentence: `the number of orders`, `the average order value`, `revenue`.
pub(super) fn subject(layer: &Layer, name: &str) -> String {
    let Some(measure) = layer.measures.get(name) else { return title(name) };
    match measure.unit {
        Unit::Count => format!("the number of {}", title(name)),
        _ if measure.aggregation.has_support() && !is_plural(name) => format!("the {}", title(name)),
        _ => title(name),
    }
}

/// Whether what is named is several: `items per order`.
fn is_plural(name: &str) -> bool {
    let first = name.split(['_', ' ']).next().unwrap_or_default();
    first.ends_with('s') && !first.ends_with("ss")
}

/// `were` behind what is named in the plural.
pub(super) fn verb(name: &str) -> &'static str {
    if is_plural(name) { "were" } else { "was" }
}
