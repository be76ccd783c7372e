//! What is said of rows that SQL of a language model brought. Its own words are said as far as they were checked, and every number comes from
//! the rows by rule and is held against them as in any other answer.

use super::super::compile::{ColumnRole, Compiled};
use super::super::intent::Intent;
use super::super::intent::period::Level;
use super::super::reconcile::{Cell, Derivation, Frame, Outcome};
use super::super::words::{Asked, Words};
use super::super::written::{Answered, Part, Review, numbers_of};
use super::citations::{Evidence, check};
use super::figures::shown;
use super::follow_ups::examples;
use super::model::{CitedQuery, DataAnswer, DataReport, LabelReason, QueryPurpose, ReportSource};
use super::phrases::{capital, key_forms, title};
use super::{ChartHint, Given, chart, table};
use crate::domain::answer::Confidence;
use jiff::civil::Date;
use std::cmp::Ordering;

/// Characters of the name of a row.
const NAME_CHARS_MAX: usize = 80;

/// The answer of a question whose SQL a language model wrote.
pub fn written(words: &Words, answered: &Answered, (question, as_of): (&str, Date), hint: Option<ChartHint>) -> DataAnswer {
    let parts = &answered.parts;
    let marked: Vec<String> = parts.iter().enumerate().map(|(at, part)| paragraph(words, at, part)).collect();
    let frames = parts.iter().map(|part| Some(&part.frame)).collect();
    let (text, claims) = check(&marked.join(" "), &Evidence { frames, said: numbers_of(question) }).sound();
    let text = if text.is_empty() { "The rows are in the table.".to_owned() } else { text };
    let drawn = |part: &Part| shaped(words, part, &answered.derivation, (as_of, hint));
    let mut tables = parts.iter().map(|part| drawn(part).0);
    let reasons = answered.derivation.reasons.iter();
    DataAnswer {
        label: answered.derivation.label,
        reasons: reasons.map(|(allows, because)| LabelReason { allows: *allows, because: because.clone() }).collect(),
        report: report(answered, &text),
        text,
        claims,
        table: tables.next(),
        further: tables.collect(),
        chart: parts.first().and_then(|part| drawn(part).1),
        queries: parts
            .iter()
            .enumerate()
            .map(|(at, part)| cited(at, part, if at == 0 { QueryPurpose::Primary } else { QueryPurpose::Part }))
            .collect(),
        assumptions: parts.iter().flat_map(|part| part.query.assumptions.iter().cloned()).collect(),
        corrections: Vec::new(),
        // What the compiler of intents can say of the question, for of this SQL it has no intent to go on from.
        follow_ups: examples(words, question, as_of),
        refusal: None,
    }
}

/// What a language model's SQL says of an answer that was in doubt: the highest label that it allows, and in words. Nothing where its own
/// result does not hold.
pub fn confirmed(answered: &Answered) -> Option<(Confidence, String)> {
    let ([part], Some(compared)) = (&answered.parts[..], &answered.reconciliation) else { return None };
    if !matches!(part.review, Review::Agreed { .. }) {
        return None;
    }
    let by = &part.query.definition;
    let apart = compared.delta.map_or_else(String::new, |delta| format!(", {:.2}% apart at most", delta * 100.0));
    match compared.outcome {
        Outcome::Agreed => Some((Confidence::High, format!("SQL of a {by} comes to the same{apart}"))),
        Outcome::Close => Some((Confidence::Medium, format!("SQL of a {by} comes to nearly the same{apart}"))),
        Outcome::Disagreed => Some((Confidence::Low, format!("SQL of a {by} comes to something else{apart}"))),
        Outcome::KeysDiffer => Some((Confidence::Low, format!("SQL of a {by} has other groups"))),
        Outcome::ShapesDiffer | Outcome::Skipped(_) => None,
    }
}

impl DataAnswer {
    /// With the query of a language model that it was held against.
    #[must_use]
    pub fn held_against(mut self, part: &Part) -> Self {
        let at = self.queries.len();
        self.queries.push(cited(at, part, QueryPurpose::Written));
        self.report.sources.push(source(at, part));
        self
    }

    /// With a further reason for its label.
    #[must_use]
    pub fn also_because(mut self, because: String) -> Self {
        self.report.caveats.push(format!("{}.", capital(because.trim_end_matches('.'))));
        self.reasons.push(LabelReason { allows: self.label, because });
        self
    }

    /// The same where somebody found it wrong: it is worth little.
    #[must_use]
    pub fn doubted(mut self, because: String) -> Self {
        // The order of the labels is from high to unable.
        self.label = self.label.max(Confidence::Low);
        self.also_because(because)
    }
}

/// What a part found: what its query computes, and the numbers that matter, each with its mark.
fn paragraph(words: &Words, at: usize, part: &Part) -> String {
    let query = at + 1;
    // Alone, a part is checked as the first query.
    let explained = part.explanation.replace("[Q1]", &format!("[Q{query}]"));
    let open = !explained.is_empty() && !explained.ends_with(['.', '!', '?', ']']);
    let explained = if open { explained + "." } else { explained };
    let frame = &part.frame;
    let values = frame.places(ColumnRole::Value);
    let told = match (frame.rows.as_slice(), values.first()) {
        ([], _) | (_, None) => "No row came back.".to_owned(),
        ([row], _) if frame.places(ColumnRole::Key).is_empty() => single(words, (frame, &values), row, query),
        (rows, Some(first)) => several(words, (frame, *first), rows, query),
    };
    [explained, told].join(" ").trim().to_owned()
}

fn single(words: &Words, (frame, values): (&Frame, &[usize]), row: &[Cell], query: usize) -> String {
    let currency = words.layer().currency.as_deref();
    let sentence = |place: &usize| {
        let column = &frame.columns[*place];
        let name = capital(&title(&column.name));
        match row.get(*place).and_then(Cell::number) {
            Some(number) => format!("{name}: {} [Q{query}].", shown(number, column.unit, currency)),
            None => format!("{name}: nothing."),
        }
    };
    values.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

/// Both ends of the first value.
fn several(words: &Words, (frame, place): (&Frame, usize), rows: &[Vec<Cell>], query: usize) -> String {
    let column = &frame.columns[place];
    let mut found: Vec<(f64, String)> =
        rows.iter().filter_map(|row| Some((row.get(place)?.number()?, named(frame, row)))).collect();
    found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let (Some((most, first)), Some((least, last))) = (found.first(), found.last()) else {
        return format!("There are {} rows [Q{query} rows], and none has a value.", rows.len());
    };
    let value = |number: f64| shown(number, column.unit, words.layer().currency.as_deref());
    let name = title(&column.name);
    let of = |named: &str| if named.is_empty() { String::new() } else { format!(" is that of {named}") };
    if rows.len() == 1 {
        return format!("The {name}{}: {} [Q{query}].", of(first), value(*most));
    }
    if most == least {
        return format!(
            "There are {} rows [Q{query} rows]. The {name} is the same in all that have one: {} [Q{query}].",
            rows.len(),
            value(*most)
        );
    }
    format!(
        "There are {} rows [Q{query} rows]. The highest {name}{}: {} [Q{query}]. The lowest{}: {} [Q{query}].",
        rows.len(),
        of(first),
        value(*most),
        of(last),
        value(*least)
    )
}

/// A row by its keys.
fn named(frame: &Frame, row: &[Cell]) -> String {
    let form = |place: &usize| {
        let form = key_forms(&frame.columns[*place], row.get(*place)).into_iter().next()?;
        Some(form.chars().take(NAME_CHARS_MAX).collect::<String>())
    };
    frame.places(ColumnRole::Key).iter().filter_map(form).collect::<Vec<_>>().join(", ")
}

/// The rows with what a program needs to show them, and their chart, as if they were asked for by the columns that they have.
fn shaped(
    words: &Words,
    part: &Part,
    derivation: &Derivation,
    (as_of, hint): (Date, Option<ChartHint>),
) -> (super::AnswerTable, Option<serde_json::Value>) {
    let names = |role| part.frame.places(role).into_iter().map(|place| part.frame.columns[place].name.clone());
    let time = part.frame.places(ColumnRole::Key).into_iter().find_map(|place| Some((place, level(&part.frame, place)?)));
    let mut intent = Intent::of(&words.layer().name, names(ColumnRole::Value).collect());
    intent.dimensions = names(ColumnRole::Key).collect();
    let mut frame = part.frame.clone();
    if let Some((place, level)) = time {
        intent.by_time = Some(level);
        let name = &frame.columns[place].name;
        intent.dimensions.retain(|dimension| dimension != name);
        // A line is drawn along time, whatever the query orders by.
        frame.rows.sort_by(|a, b| order(a.get(place), b.get(place)));
    }
    let asked = Asked { intent, percent: false, corrections: Vec::new(), assumptions: Vec::new() };
    let compiled = Compiled { primary: part.query.clone(), siblings: Vec::new(), relaxed: None };
    let given = Given {
        words,
        asked: &asked,
        compiled: &compiled,
        primary: &part.frame,
        siblings: &[],
        relaxed: None,
        derivation,
        hint,
        as_of,
    };
    (table::table(&given), chart::chart(&Given { primary: &frame, ..given }))
}

fn order(a: Option<&Cell>, b: Option<&Cell>) -> Ordering {
    match (a, b) {
        (Some(Cell::Text(a)), Some(Cell::Text(b))) => a.cmp(b),
        (a, b) => a.and_then(Cell::number).unwrap_or(f64::MIN).total_cmp(&b.and_then(Cell::number).unwrap_or(f64::MIN)),
    }
}

/// The step of time that a key is, where its every value is one.
fn level(frame: &Frame, place: usize) -> Option<Level> {
    let mut all = frame.rows.iter().filter_map(|row| row.get(place)).map(|cell| level_of(cell, &frame.columns[place].name));
    let first = all.next()??;
    all.all(|level| level == Some(first)).then_some(first)
}

fn level_of(cell: &Cell, name: &str) -> Option<Level> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match cell {
        Cell::Text(text) => match text.split('-').collect::<Vec<_>>()[..] {
            [year, quarter] if digits(year) && year.len() == 4 && matches!(quarter, "Q1" | "Q2" | "Q3" | "Q4") => {
                Some(Level::Quarter)
            }
            [year, month] if digits(year) && year.len() == 4 && digits(month) && month.len() == 2 => Some(Level::Month),
            [_, _, _] if text.get(..10).is_some_and(|day| day.parse::<Date>().is_ok()) => Some(Level::Day),
            _ => None,
        },
        Cell::Integer(1900..2200) if name.to_lowercase().contains("year") => Some(Level::Year),
        Cell::Null | Cell::Integer(_) | Cell::Number(_) => None,
    }
}

fn cited(at: usize, part: &Part, purpose: QueryPurpose) -> CitedQuery {
    CitedQuery {
        id: format!("Q{}", at + 1),
        purpose,
        definition: part.query.definition.clone(),
        sql: part.query.sql.clone(),
        bindings: Vec::new(),
        rows: Some(part.frame.rows.len() as u64),
    }
}

fn source(at: usize, part: &Part) -> ReportSource {
    ReportSource {
        query: format!("Q{}", at + 1),
        about: part.question.clone(),
        tables: part.query.names.clone(),
        rows: Some(part.frame.rows.len() as u64),
    }
}

fn report(answered: &Answered, text: &str) -> DataReport {
    let mut method = Vec::new();
    for (at, part) in answered.parts.iter().enumerate() {
        let query = at + 1;
        method.push(format!("Q{query} is SQL of a {}, passed by the gate for the caller.", part.query.definition));
        if part.attempts.len() > 1 {
            method.push(format!("Q{query} is the last of {} queries that were tried.", part.attempts.len()));
        }
        if matches!(part.review, Review::Agreed { .. }) {
            method.push(format!("The language model looked the result of Q{query} over and found that it answers the question."));
        }
    }
    let passed = answered.derivation.reasons.iter().filter(|(allows, _)| *allows == Confidence::High);
    method.extend(passed.map(|(_, because)| format!("Checked: {because}.")));
    let doubts = answered.derivation.reasons.iter().filter(|(allows, _)| *allows != Confidence::High);
    DataReport {
        answer: text.to_owned(),
        method,
        caveats: doubts.map(|(_, because)| format!("{}.", capital(because.trim_end_matches('.')))).collect(),
        sources: answered.parts.iter().enumerate().map(|(at, part)| source(at, part)).collect(),
    }
}

#[cfg(test)]
mod tests;
