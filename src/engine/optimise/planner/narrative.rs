//! The plan in words, as a person reads it before approving. Written by rule: every number in it is a field of the report, rounded.

use super::advice::{self, Known};
use super::draft::Stand;
use super::figures;
use super::others::EQUAL_WEIGHTS;
use super::problem::Problem;
use crate::domain::plan::{Alternative, DecisionRow, PlanReport, PlanStatus, Sensitivity};

/// Lines of one part; a plan over 100,000 variables is read in its table.
const LINES_MAX: usize = 40;
/// A decision as short as this is told with what is 0.
const SHORT: usize = 12;
/// Differences of an alternative that are told.
const DIFFERENCES_MAX: usize = 4;
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
    let ran = figures::milliseconds(report.solver.solve_ms);
    format!("Plan — {}\nStatus: {status} · Solver: {} · Solve time: {ran}", report.title, report.solver.name)
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
    let nothing = report.decision.iter().filter(|row| row.value == 0.0).count();
    let all = report.decision.len() <= SHORT || (report.decision.len() <= LINES_MAX && nothing * 2 <= report.decision.len());
    let rows = report.decision.iter().zip(stands).filter(|(row, _)| all || row.value != 0.0);
    let told: Vec<(&DecisionRow, Stand)> = rows.map(|(row, stand)| (row, *stand)).collect();
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

/// A family of yes or no over two indices in which each first index has one second index at most reads as who gets what: by the second
/// where it is the smaller set, else by the first.
fn assigned(report: &PlanReport, problem: &Problem) -> Option<Vec<String>> {
    let family = &problem.variables.first()?.family;
    let (mut firsts, mut seconds): (Grouped<'_>, Grouped<'_>) = (Vec::new(), Vec::new());
    for (variable, row) in problem.variables.iter().zip(&report.decision) {
        let [first, second] = variable.index.as_slice() else { return None };
        if variable.family != *family || !problem.is_binary(variable.column) || firsts.len().max(seconds.len()) > LINES_MAX {
            return None;
        }
        group(&mut firsts, first, (row.value > 0.5).then_some(second));
        group(&mut seconds, second, (row.value > 0.5).then_some(first));
    }
    if firsts.len() < 2 || firsts.iter().any(|(_, of)| of.len() > 1) {
        return None;
    }
    let shown = if firsts.len() > seconds.len() { seconds } else { firsts };
    let lines = shown.iter().map(|(name, of)| {
        let what = if of.is_empty() { "nothing".to_owned() } else { of.join(", ") };
        format!("  {name}: {what}")
    });
    Some(lines.collect())
}

/// Members of one index set, each with the members of the other that go with it.
type Grouped<'a> = Vec<(&'a str, Vec<&'a str>)>;

fn group<'a>(into: &mut Grouped<'a>, name: &'a str, with: Option<&'a String>) {
    let at = into.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
        into.push((name, Vec::new()));
        into.len() - 1
    });
    into[at].1.extend(with.map(String::as_str));
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
    let with = if each.is_empty() { differences(report, other) } else { String::new() };
    format!("  {}{each}: {objective}{change}{breaks}{with}", other.name)
}

/// Where an alternative differs most from the plan, such as ` — x_eth 10.0M, x_sol 20.0M`.
fn differences(report: &PlanReport, other: &Alternative) -> String {
    let differing = report.decision.iter().filter_map(|row| {
        let value = *other.values.get(&row.variable)?;
        let by = (value - row.value).abs();
        (by > 1e-6 * row.value.abs().max(1.0)).then_some((by, row, value))
    });
    let mut differing: Vec<_> = differing.collect();
    differing.sort_by(|a, b| b.0.total_cmp(&a.0));
    let shown = differing
        .iter()
        .take(DIFFERENCES_MAX)
        .map(|(_, row, value)| format!("{} {}", row.variable, figures::amount(*value, row.unit.as_deref())));
    let shown: Vec<String> = shown.collect();
    let more = if differing.len() > DIFFERENCES_MAX { " and others" } else { "" };
    if shown.is_empty() { String::new() } else { format!(" — {}{more}", shown.join(", ")) }
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
