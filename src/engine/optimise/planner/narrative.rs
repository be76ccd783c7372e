//! The plan in words, as a person reads it before approving. Written by rule: every number in it is a field of the report, rounded.

use super::advice::{self, Known};
use super::draft::Stand;
use super::figures;
use super::others::EQUAL_WEIGHTS;
use super::problem::Problem;
use crate::domain::plan::{Alternative, DecisionRow, PlanReport, PlanStatus, Sensitivity};
use std::collections::BTreeMap;

/// Lines of one part; a plan over 100,000 variables is read in its table.
const LINES_MAX: usize = 40;
/// Changes of parameters that are told.
const CHANGES_MAX: usize = 8;
/// Names in one line.
const NAMES_MAX: usize = 12;

/// The whole in words.
pub(super) fn text(report: &PlanReport, stands: &[Stand], (problem, known): (&Problem, &Known)) -> String {
    let mut parts = vec![head(report)];
    parts.extend(outcome(report, known));
    if !report.decision.is_empty() {
        parts.push(decision(report, stands, problem));
        parts.extend(report.objective.map(|objective| {
            let side = if report.sense == "minimize" { "minimised" } else { "maximised" };
            format!("Objective ({side}): {}", figures::amount(objective, report.unit.as_deref()))
        }));
        let names: Vec<String> = report.binding.iter().map(|binding| binding.constraint.clone()).collect();
        if !names.is_empty() {
            let more = if names.len() > NAMES_MAX { " and others" } else { "" };
            parts.push(format!("Binding constraints: {}{more}", names[..names.len().min(NAMES_MAX)].join(", ")));
        }
    }
    let lines = |title: &str, lines: Vec<String>| (!lines.is_empty()).then(|| format!("{title}:\n{}", lines.join("\n")));
    parts.extend(lines("Sensitivity", sensitivity(report, known)));
    parts.extend(lines("Alternatives considered", report.alternatives.iter().map(|other| alternative(report, other)).collect()));
    let assumed = report.assumptions.iter().take(LINES_MAX).map(|one| format!("  - {} (from {})", one.text, one.source));
    parts.extend(lines("Assumptions", assumed.collect()));
    parts.extend(lines("Risks", report.risks.iter().map(|risk| format!("  - {risk}")).collect()));
    if !report.next.is_empty() {
        parts.push(format!("Want to: {}", report.next.join(" ")));
    }
    parts.join("\n\n")
}

fn head(report: &PlanReport) -> String {
    let status = match report.status {
        PlanStatus::Optimal => "optimal",
        PlanStatus::Feasible => "feasible, not proven optimal",
        PlanStatus::Infeasible => "infeasible",
        PlanStatus::Unbounded => "unbounded",
        PlanStatus::Unknown => "unknown",
    };
    let ran = figures::plain(report.solver.solve_ms);
    format!("Plan — {}\nStatus: {status} · Solver: {} · Solve time: {ran} ms", report.title, report.solver.name)
}

/// What there is to say where there is no decision.
fn outcome(report: &PlanReport, known: &Known) -> Option<String> {
    match report.status {
        PlanStatus::Infeasible if report.conflict.is_empty() => {
            Some("No decision holds every constraint. Which of them conflict was not found in time.".to_owned())
        }
        PlanStatus::Infeasible => {
            let lines = report.conflict.iter().take(LINES_MAX).map(|one| format!("  {}: {}", one.constraint, one.states));
            let needed = if known.irreducible { ", and without any one of them the others can" } else { "" };
            let lines: Vec<String> = lines.collect();
            Some(format!("No decision holds every constraint. These cannot all hold{needed}:\n{}", lines.join("\n")))
        }
        PlanStatus::Unbounded => {
            let lines = report.ray.iter().take(LINES_MAX).map(|(name, part)| {
                let way = if *part > 0.0 { "grows" } else { "falls" };
                let lacks =
                    known.open.iter().find(|(open, _)| open == name).map(|(_, bound)| format!(": it has no {bound} bound"));
                format!("  {name} {way} for ever{}", lacks.unwrap_or_default())
            });
            let lines: Vec<String> = lines.collect();
            Some(
                format!("The objective has no end: nothing in the model stops it from getting better.\n{}", lines.join("\n"))
                    .trim_end()
                    .to_owned(),
            )
        }
        PlanStatus::Unknown => Some("No decision was found before a limit came.".to_owned()),
        PlanStatus::Optimal | PlanStatus::Feasible => None,
    }
}

fn decision(report: &PlanReport, stands: &[Stand], problem: &Problem) -> String {
    if let Some(lines) = assigned(report, problem) {
        return format!("Decision:\n{}", lines.join("\n"));
    }
    let told: Vec<(&DecisionRow, Stand)> = report
        .decision
        .iter()
        .zip(stands)
        .filter(|(row, _)| report.decision.len() <= LINES_MAX || row.value != 0.0)
        .map(|(row, stand)| (row, *stand))
        .collect();
    let mut lines: Vec<String> = told.iter().take(LINES_MAX).map(|(row, stand)| line(row, *stand)).collect();
    if told.len() > LINES_MAX {
        lines.push("  and others, see the table".to_owned());
    } else if told.len() < report.decision.len() {
        lines.push("  all others: 0".to_owned());
    }
    format!("Decision:\n{}", lines.join("\n"))
}

fn line(row: &DecisionRow, stand: Stand) -> String {
    let stands = match stand {
        Stand::Ceiling => Some("at ceiling"),
        Stand::Floor => Some("at floor"),
        Stand::Free => None,
    };
    let share = row.share.map(figures::percent);
    let aside = match (share, stands) {
        (Some(share), Some(stands)) => format!(" ({share} — {stands})"),
        (Some(share), None) => format!(" ({share})"),
        (None, Some(stands)) => format!(" ({stands})"),
        (None, None) => String::new(),
    };
    format!("  {}: {}{aside}", row.variable, figures::amount(row.value, row.unit.as_deref()))
}

/// A family of yes or no over two indices in which each first index has one second index at most reads as who gets what.
fn assigned(report: &PlanReport, problem: &Problem) -> Option<Vec<String>> {
    let first = problem.variables.first()?;
    let pairs = problem
        .variables
        .iter()
        .all(|variable| variable.family == first.family && variable.index.len() == 2 && problem.is_binary(variable.column));
    if !pairs {
        return None;
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut to: Vec<(&str, Vec<&str>)> = Vec::new();
    for (variable, row) in problem.variables.iter().zip(&report.decision) {
        let [what, whom] = variable.index.as_slice() else { return None };
        if !to.iter().any(|(name, _)| name == whom) {
            to.push((whom, Vec::new()));
        }
        if row.value > 0.5 {
            *seen.entry(what).or_default() += 1;
            to.iter_mut().filter(|(name, _)| name == whom).for_each(|(_, of)| of.push(what));
        }
    }
    let once = seen.values().all(|&count| count == 1) && to.len() <= LINES_MAX && seen.len() > 1;
    once.then(|| {
        let lines = to.iter().map(|(whom, of)| {
            let what = if of.is_empty() { "nothing".to_owned() } else { of.join(", ") };
            format!("  {whom}: {what}")
        });
        lines.collect()
    })
}

fn sensitivity(report: &PlanReport, known: &Known) -> Vec<String> {
    let mut lines = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for entry in &report.sensitivity {
        if told.contains(&entry.parameter.as_str()) || told.len() >= CHANGES_MAX {
            continue;
        }
        told.push(&entry.parameter);
        let of_it = report.sensitivity.iter().filter(|other| other.parameter == entry.parameter);
        lines.extend(of_it.map(|entry| changed(report, entry, known)));
    }
    lines
}

fn changed(report: &PlanReport, entry: &Sensitivity, known: &Known) -> String {
    let (from, to) = advice::values(entry, known);
    let then = match (entry.status, entry.objective, entry.change) {
        (PlanStatus::Infeasible, ..) => "no decision holds every constraint".to_owned(),
        (PlanStatus::Unbounded, ..) => "the objective has no end".to_owned(),
        (_, Some(objective), change) => {
            let moves = match change {
                Some(by) if by > 0.0 => "objective rises to",
                Some(by) if by < 0.0 => "objective drops to",
                _ => "objective stays at",
            };
            let by = change.filter(|by| *by != 0.0).map(|by| format!(" ({})", figures::change(by))).unwrap_or_default();
            let decision = if entry.decision_changes { "" } else { ", decision unchanged" };
            format!("{moves} {}{by}{decision}", figures::amount(objective, report.unit.as_deref()))
        }
        (_, None, _) => "not found in time".to_owned(),
    };
    format!("  {} {from} → {to}: {then}", entry.parameter)
}

fn alternative(report: &PlanReport, other: &Alternative) -> String {
    let same = (other.name == EQUAL_WEIGHTS).then(|| equal_value(report, other)).flatten();
    let each = same.map(|each| format!(" ({each} each)")).unwrap_or_default();
    let objective =
        other.objective.map_or_else(|| "no objective".to_owned(), |objective| figures::amount(objective, report.unit.as_deref()));
    let change = other.change.map(|change| format!(" ({})", figures::change(change))).unwrap_or_default();
    let breaks = match other.breaks.len() {
        0 => String::new(),
        _ => format!(", breaks {}", advice::list(&other.breaks, 5)),
    };
    format!("  {}{each}: {objective}{change}{breaks}", other.name)
}

/// What each of those gets that do not keep what the plan gives them, where all get the same.
fn equal_value(report: &PlanReport, other: &Alternative) -> Option<String> {
    let differing: Vec<&DecisionRow> = report
        .decision
        .iter()
        .filter(|row| {
            other.values.get(&row.variable).is_some_and(|value| (value - row.value).abs() > 1e-9 * row.value.abs().max(1.0))
        })
        .collect();
    let first = differing.first()?;
    let each = *other.values.get(&first.variable)?;
    let all = differing.iter().all(|row| other.values.get(&row.variable) == Some(&each));
    all.then(|| figures::amount(each, first.unit.as_deref()))
}
