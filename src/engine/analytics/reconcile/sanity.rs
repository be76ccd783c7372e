//! Rules that no true result breaks, and rules that few do.

use super::super::compile::{ColumnRole, ROWS_MAX};
use super::super::layer::Unit;
use super::Frame;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The share of missing values that is worth a word, and that which makes a result doubtful.
const NULL_SHARES: (f64, f64) = (0.05, 0.5);

/// How far the parts may be from the whole before a join is taken to have counted rows twice: what rounding leaves.
const PARTS_TOLERANCE: f64 = 1e-4;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// How bad.
    pub severity: Severity,
    /// In words.
    pub detail: String,
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// There are rows, and a value in one of them.
    Empty,
    /// Money is not negative.
    NegativeMoney,
    /// A value is within what can be true.
    OutOfRange,
    /// Most values are there.
    Missing,
    /// Not every value is nought.
    AllZero,
    /// One row for each group, and one row where there are no groups.
    WrongGrain,
    /// The parts add up to no more than the whole.
    FanOut,
    /// There are no more rows than were fetched.
    Cut,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a word.
    Minor,
    /// The result can't be trusted.
    Major,
}

/// What is known of a result before it is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expectation<'a> {
    /// Whether there is a row for each group.
    pub grouped: bool,
    /// The value of the whole, where the parts must add up to no more than it.
    pub whole: Option<f64>,
    /// The same without its thresholds: where that has rows, an empty result is an answer.
    pub relaxed: Option<&'a Frame>,
}

/// Holds a result against every rule.
pub fn sane(frame: &Frame, expected: Expectation<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |rule, severity, detail: String| findings.push(Finding { rule, severity, detail });
    let values = frame.places(ColumnRole::Value);
    let present = values.iter().flat_map(|place| frame.numbers(*place)).flatten().count();
    if frame.rows.is_empty() || present == 0 {
        match expected.relaxed.map(|relaxed| relaxed.rows.len()) {
            Some(rows) if rows > 0 => {
                found(Rule::Empty, Severity::Minor, format!("no group reaches the limit; without it there are {rows}"))
            }
            _ => found(Rule::Empty, Severity::Major, "nothing came back".to_owned()),
        }
        return findings;
    }
    for place in values {
        let column = &frame.columns[place];
        let numbers: Vec<f64> = frame.numbers(place).flatten().collect();
        let missing = 1.0 - ratio(numbers.len(), frame.rows.len());
        if missing > NULL_SHARES.0 {
            let severity = if missing > NULL_SHARES.1 { Severity::Major } else { Severity::Minor };
            found(Rule::Missing, severity, format!("{:.0}% of `{}` is missing", missing * 100.0, column.name));
        }
        // A column of money whose range reaches below nought is a difference.
        let may_be_negative = column.range.is_some_and(|(least, _)| least < 0.0);
        if column.unit == Some(Unit::Money) && !may_be_negative && numbers.iter().any(|number| *number < 0.0) {
            found(Rule::NegativeMoney, Severity::Major, format!("`{}` is negative", column.name));
        }
        // A share is a part of one, and there are no fewer things than none, whatever a layer says or does not say of them.
        let range = column.range.or(match column.unit {
            Some(Unit::Share) => Some((0.0, 1.0)),
            Some(Unit::Count) => Some((0.0, f64::INFINITY)),
            _ => None,
        });
        let outside =
            |number: &&f64| !number.is_finite() || range.is_some_and(|(least, most)| **number < least || **number > most);
        if let Some(number) = numbers.iter().find(outside) {
            found(Rule::OutOfRange, Severity::Major, format!("`{}` is {number}, which can't be", column.name));
        }
        if numbers.iter().all(|number| *number == 0.0) {
            found(Rule::AllZero, Severity::Minor, format!("every `{}` is 0", column.name));
        }
        if let Some(whole) = expected.whole {
            let parts: f64 = numbers.iter().sum();
            if parts > whole + PARTS_TOLERANCE * whole.abs().max(1.0) {
                found(
                    Rule::FanOut,
                    Severity::Major,
                    format!("the parts of `{}` add up to {parts}, the whole is {whole}", column.name),
                );
            }
        }
    }
    grain(frame, expected, &mut found);
    findings
}

fn grain(frame: &Frame, expected: Expectation<'_>, found: &mut impl FnMut(Rule, Severity, String)) {
    let keys = frame.keys();
    let different: BTreeSet<&Vec<String>> = keys.iter().collect();
    if !expected.grouped && frame.rows.len() != 1 {
        found(Rule::WrongGrain, Severity::Major, format!("one row was expected, not {}", frame.rows.len()));
    } else if expected.grouped && different.len() < keys.len() {
        found(Rule::WrongGrain, Severity::Major, format!("{} rows have {} keys", keys.len(), different.len()));
    }
    if frame.rows.len() >= ROWS_MAX as usize {
        found(Rule::Cut, Severity::Minor, format!("only the first {ROWS_MAX} rows were fetched"));
    }
}

#[expect(clippy::cast_precision_loss, reason = "rows are at most a thousand")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}
