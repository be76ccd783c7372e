//! What a plan rests on, what a person should look at before approving it, and what to ask next. All by rule.

use super::figures;
use super::others::{AS_GOOD, NEXT_BEST};
use crate::domain::plan::{Assumption, PlanReport, PlanStatus, Sensitivity};
use crate::modelling::Model;
use std::collections::BTreeMap;

/// Assumptions that are made from parameters.
const ASSUMED_MAX: usize = 40;
/// Values of a table that an assumption writes out.
const WRITTEN_MAX: usize = 6;
/// From here on a change of the objective is a lot.
const MUCH: f64 = 0.1;
/// A plan is sensitive where its objective moves by more than this many times what the parameter moves by.
const LEVER: f64 = 1.2;

/// What the model and its parameters assume, where each comes from. What has a source of its own comes before what the caller merely gave.
pub(super) fn assumptions(model: &Model, asked: &[Assumption]) -> Vec<Assumption> {
    let mut all = asked.to_vec();
    all.extend(model.assumptions().iter().filter(|one| !asked.contains(one)).cloned());
    let mut order: Vec<String> = Vec::new();
    let mut by_name: BTreeMap<String, (Vec<String>, Option<String>)> = BTreeMap::new();
    for leaf in model.parameters() {
        let entry = by_name.entry(leaf.parameter.clone()).or_insert_with(|| {
            order.push(leaf.parameter.clone());
            (Vec::new(), leaf.source.clone())
        });
        if entry.0.len() <= WRITTEN_MAX {
            entry.0.push(figures::parameter(&leaf.parameter, leaf.value, leaf.unit.as_deref()));
        }
    }
    order.sort_by_key(|name| by_name.get(name).is_none_or(|(_, source)| source.is_none()));
    for name in order.into_iter().take(ASSUMED_MAX) {
        let Some((values, source)) = by_name.remove(&name) else { continue };
        let text =
            if values.len() > WRITTEN_MAX { format!("{name}: as given") } else { format!("{name} = {}", values.join(", ")) };
        all.push(Assumption { text, source: source.unwrap_or_else(|| "caller".to_owned()) });
    }
    all
}

/// What the rules know besides the report.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Known {
    /// Constraints over an index set of which every instance is at its ceiling.
    pub(super) used_up: Vec<String>,
    /// Parameters that were not tried, as many as may be having been.
    pub(super) left_out: Vec<String>,
    /// Parameters that were not tried for want of time.
    pub(super) late: Vec<String>,
    /// Variables of a ray without a bound in its direction, and which bound is missing.
    pub(super) open: Vec<(String, &'static str)>,
    /// Whether each member of a conflict was proven to be needed.
    pub(super) irreducible: bool,
    /// Units of parameters that have one.
    pub(super) units: BTreeMap<String, String>,
}

/// What a person should look at.
pub(super) fn risks(report: &PlanReport, known: &Known) -> Vec<String> {
    let mut risks = Vec::new();
    match report.status {
        PlanStatus::Feasible => risks.push(match report.bound {
            Some(bound) => format!(
                "The search stopped at a limit: a better plan may exist, though none with an objective better than {}.",
                figures::amount(bound, report.unit.as_deref())
            ),
            None => "The search stopped at a limit: a better plan may exist.".to_owned(),
        }),
        PlanStatus::Unknown => {
            risks.push("The search stopped at a limit before it found any plan: whether there is one is not known.".to_owned())
        }
        PlanStatus::Infeasible if !report.conflict.is_empty() && !known.irreducible => {
            risks
                .push("The search for the conflict stopped at a limit: some of what is named may play no part in it.".to_owned());
        }
        _ => {}
    }
    for entry in &report.sensitivity {
        let moved = || moved(entry, known);
        match (entry.status, entry.change) {
            (PlanStatus::Infeasible, _) => risks.push(format!("With {} no decision holds every constraint.", moved())),
            (PlanStatus::Unbounded, _) => risks.push(format!("With {} the objective has no end.", moved())),
            (_, Some(change))
                if change.abs() >= MUCH && change.abs() >= LEVER * relative(entry).abs() && worsens(report, change) =>
            {
                risks.push(format!(
                    "The plan is sensitive to {}: with {} the objective moves by {}.",
                    entry.parameter,
                    moved(),
                    figures::change(change)
                ));
            }
            _ => {}
        }
    }
    if report.alternatives.iter().any(|other| other.name == AS_GOOD || (other.name == NEXT_BEST && other.change == Some(0.0))) {
        risks.push(
            "Another decision is exactly as good: which of them is shown is chance, and the model does not say which is meant."
                .to_owned(),
        );
    }
    if !known.used_up.is_empty() {
        risks.push(format!("All of {} is used: nothing is left if something changes.", list(&known.used_up, 5)));
    }
    if !known.late.is_empty() {
        risks.push(format!("Not tried for want of time: what a change of {} would do.", list(&known.late, 8)));
    }
    risks
}

fn relative(entry: &Sensitivity) -> f64 {
    (entry.to - entry.from) / entry.from.abs()
}

fn worsens(report: &PlanReport, change: f64) -> bool {
    (report.sense == "minimize") == (change > 0.0)
}

/// A change of a parameter in words, such as `max_pct at 50% in place of 40%`.
fn moved(entry: &Sensitivity, known: &Known) -> String {
    let (from, to) = values(entry, known);
    format!("{} at {to} in place of {from}", entry.parameter)
}

/// What a parameter was and became, as people read it.
pub(super) fn values(entry: &Sensitivity, known: &Known) -> (String, String) {
    let unit = known.units.get(&entry.parameter).map(String::as_str);
    let is_share = |value| figures::is_share(&entry.parameter, value, unit);
    // Both in the same way, though only one of them may look like a share.
    if is_share(entry.from) != is_share(entry.to) {
        return (figures::plain(entry.from), figures::plain(entry.to));
    }
    let shown = |value| figures::parameter(&entry.parameter, value, unit);
    (shown(entry.from), shown(entry.to))
}

/// What to ask next.
pub(super) fn next(report: &PlanReport, known: &Known) -> Vec<String> {
    let mut next = Vec::new();
    match report.status {
        PlanStatus::Infeasible if !report.conflict.is_empty() => {
            let names: Vec<String> = report.conflict.iter().map(|one| one.constraint.clone()).collect();
            next.push(format!("Which of {} may give way?", list(&names, 6)));
        }
        PlanStatus::Unbounded => {
            next.extend(known.open.iter().take(3).map(|(name, bound)| format!("What is the {bound} bound of {name}?")));
        }
        PlanStatus::Feasible | PlanStatus::Unknown => next.push("Search for longer?".to_owned()),
        _ => {}
    }
    if matches!(report.status, PlanStatus::Optimal | PlanStatus::Feasible) {
        let helps = |entry: &&Sensitivity| entry.change.is_some_and(|change| change != 0.0 && !worsens(report, change));
        let best = report.sensitivity.iter().filter(helps).max_by(|a, b| {
            let size = |entry: &Sensitivity| entry.change.map_or(0.0, f64::abs);
            size(a).total_cmp(&size(b))
        });
        next.extend(best.map(|entry| format!("Change {} to {}?", entry.parameter, values(entry, known).1)));
        let mut seen: Vec<&str> = best.iter().map(|entry| entry.parameter.as_str()).collect();
        let asked = seen.len();
        for binding in &report.binding {
            let family = binding.constraint.split('[').next().unwrap_or(&binding.constraint);
            if !seen.contains(&family) && !binding.states.contains("==") {
                seen.push(family);
            }
        }
        next.extend(seen.into_iter().skip(asked).take(3).map(|family| format!("Relax {family}?")));
        next.extend(known.late.first().or(known.left_out.first()).map(|name| format!("What if {name} were another?")));
        next.push("Add a constraint or a decision of your own to compare?".to_owned());
    }
    next
}

/// Names in a row, the first few of them.
pub(super) fn list(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > most { format!("{shown} and others") } else { shown }
}
