//! A Plotly figure of a plan, where looking beats reading: who works when, what is shared out, which steps were chosen.

use super::figures;
use super::problem::Problem;
use crate::domain::plan::DecisionRow;
use crate::solver::program::{Interval, RuleKind};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Bars that one figure shows; more are a smear.
const BARS_MAX: usize = 60;

/// The figure of a decision; none where a table says it better.
pub(super) fn figure(title: &str, decision: &[DecisionRow], (problem, columns): (&Problem, &[f64])) -> Option<Value> {
    timeline(title, problem, columns).or_else(|| bars(title, decision, problem))
}

/// One bar for each stretch of time, from its start for as long as it lasts.
fn timeline(title: &str, problem: &Problem, columns: &[f64]) -> Option<Value> {
    let owners = problem.owners();
    let mut bars: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    let intervals = problem.program.rules.iter().filter_map(|rule| match &rule.kind {
        RuleKind::NoOverlap(intervals) | RuleKind::Cumulative { intervals, .. } => Some(intervals),
        _ => None,
    });
    for interval in intervals.flatten() {
        if let Some((name, from, lasts)) = bar(interval, problem, (&owners, columns)) {
            bars.insert(name, (from, lasts));
        }
    }
    if !(2..=BARS_MAX).contains(&bars.len()) {
        return None;
    }
    let mut rows: Vec<(String, f64, f64)> = bars.into_iter().map(|(name, (from, lasts))| (name, from, lasts)).collect();
    rows.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    let names: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    let starts: Vec<f64> = rows.iter().map(|row| row.1).collect();
    let lengths: Vec<f64> = rows.iter().map(|row| row.2).collect();
    Some(json!({
        "data": [{"type": "bar", "orientation": "h", "y": names, "x": lengths, "base": starts}],
        "layout": {"title": {"text": title}, "xaxis": {"title": {"text": "time"}}, "yaxis": {"autorange": "reversed"}, "showlegend": false},
    }))
}

/// A stretch of time under the name of what its start stands for: `paint` for `start[paint]`.
fn bar(interval: &Interval, problem: &Problem, (owners, columns): (&[Option<usize>], &[f64])) -> Option<(String, f64, f64)> {
    let there = interval.present.is_none_or(|column| columns.get(column as usize).is_some_and(|value| *value > 0.5));
    let (column, _) = *interval.start.terms.first()?;
    let variable = &problem.variables[owners.get(column as usize).copied().flatten()?];
    let name = if variable.index.is_empty() { variable.name.clone() } else { variable.index.join(", ") };
    let (from, lasts) = (interval.start.at(columns), interval.length.at(columns));
    (there && from.is_finite() && lasts > 0.0).then_some((name, from, lasts))
}

/// One bar for each member of the largest family of amounts or of steps.
fn bars(title: &str, decision: &[DecisionRow], problem: &Problem) -> Option<Value> {
    let mut families: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, variable) in problem.variables.iter().enumerate().filter(|(_, variable)| !problem.is_binary(variable.column)) {
        families.entry(&variable.family).or_default().push(at);
    }
    // The one with the most members, of two alike the first in the alphabet.
    let (_, members) = families.into_iter().rev().max_by_key(|(_, members)| members.len())?;
    let rows: Vec<&DecisionRow> = members.iter().filter_map(|&at| decision.get(at)).collect();
    if !(2..=BARS_MAX).contains(&rows.len()) || rows.iter().all(|row| row.value == 0.0) {
        return None;
    }
    let names: Vec<&str> = rows.iter().map(|row| row.variable.as_str()).collect();
    let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
    let labels: Vec<String> = rows
        .iter()
        .map(|row| match row.share {
            Some(share) => format!("{} ({})", figures::amount(row.value, row.unit.as_deref()), figures::percent(share)),
            None => figures::amount(row.value, row.unit.as_deref()),
        })
        .collect();
    let unit = rows.first().and_then(|row| row.unit.clone()).unwrap_or_default();
    Some(json!({
        "data": [{"type": "bar", "x": names, "y": values, "text": labels, "textposition": "auto"}],
        "layout": {"title": {"text": title}, "yaxis": {"title": {"text": unit}}, "showlegend": false},
    }))
}
