//! What the plan would be if a parameter were another: by solving again, never by a guess.
//!
//! Which parameters are worth it, and in which direction a limit is relaxed, is read off the program: each parameter is moved a little, and
//! what moves with it in the program is priced with the duals of the plan.

use super::found::{Found, Settled, settle};
use super::problem::Problem;
use super::runs::{Runs, Stop};
use crate::domain::plan::{PlanStatus, Sensitivity};
use crate::modelling::{Leaf, Model};
use crate::solver::SolveStatus;
use crate::solver::program::{Class, Program, Row};
use std::collections::{BTreeMap, BTreeSet};

/// A limit is relaxed by this share of its value.
const RELAXED_BY: f64 = 0.25;
/// Everything else is moved by this share, both ways.
const MOVED_BY: f64 = 0.1;
/// Parameters that are moved a little to see what moves with them.
const PROBED_MAX: usize = 64;
/// Nonzeros of all programs that are written out for it.
const PROBED_NONZEROS_MAX: usize = 2_000_000;

/// A change that the caller asks about.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterChange {
    /// The parameter with its index where it has one, such as `max_pct` or `cvar[sol]`.
    pub parameter: String,
    /// What it is changed to.
    pub to: f64,
}

/// What re-solving gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tried {
    pub(super) entries: Vec<Sensitivity>,
    /// Parameters that were left out because as many as may be were tried.
    pub(super) left_out: Vec<String>,
    /// Parameters that were left out because time was up or the solver failed.
    pub(super) late: Vec<String>,
}

/// A change that is to be tried.
#[derive(Debug, Clone)]
struct Trial {
    leaf: Leaf,
    to: f64,
    /// By how much the objective is expected to move.
    expected: f64,
}

/// The parameter of this name.
pub(super) fn named(model: &Model, name: &str) -> Option<Leaf> {
    let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let name = bare(name);
    model.parameters().into_iter().find(|leaf| bare(&leaf.name()) == name)
}

/// Tries the caller's changes, then those that a planner would ask about, those of the greatest effect first.
pub(super) fn find(found: &Found<'_>, asked: &[ParameterChange], (runs, most): (&Runs<'_>, usize)) -> Result<Tried, Stop> {
    let mut tried = Tried::default();
    for change in asked {
        let Some(leaf) = named(found.model, &change.parameter) else { continue };
        let trial = Trial { leaf, to: change.to, expected: 0.0 };
        match solve_again(found, &trial, runs) {
            Ok(Some(entry)) => tried.entries.push(entry),
            Ok(None) => tried.left_out.push(trial.leaf.name()),
            Err(stop) => {
                stop.soft()?;
                tried.late.push(trial.leaf.name());
            }
        }
    }
    if most == 0 {
        return Ok(tried);
    }
    let (trials, unseen) = worth_trying(found, runs);
    let mut entries = Vec::new();
    for (at, trial) in trials.iter().enumerate() {
        if asked.iter().any(|change| change.parameter == trial.leaf.name() && change.to == trial.to) {
            continue;
        }
        if at >= most || !tried.late.is_empty() {
            let names = if at >= most { &mut tried.left_out } else { &mut tried.late };
            names.push(trial.leaf.name());
            continue;
        }
        match solve_again(found, trial, runs) {
            Ok(entry) => entries.extend(entry),
            Err(stop) => {
                stop.soft()?;
                tried.late.push(trial.leaf.name());
            }
        }
    }
    tried.entries.extend(strongest_first(entries));
    let names = if runs.late() { &mut tried.late } else { &mut tried.left_out };
    names.extend(unseen);
    for names in [&mut tried.left_out, &mut tried.late] {
        names.retain(|name| !tried.entries.iter().any(|entry| entry.parameter == *name));
        names.dedup();
    }
    Ok(tried)
}

/// By the greatest effect that any change of the parameter has; what makes a plan impossible weighs more than any change of its objective.
fn strongest_first(entries: Vec<Sensitivity>) -> Vec<Sensitivity> {
    let mut effects: BTreeMap<String, f64> = BTreeMap::new();
    for entry in &entries {
        let effect = effects.entry(entry.parameter.clone()).or_default();
        *effect = effect.max(entry.change.map_or(f64::INFINITY, f64::abs));
    }
    let effect = |entry: &Sensitivity| effects.get(&entry.parameter).copied().unwrap_or(0.0);
    let mut entries = entries;
    entries.sort_by(|a, b| effect(b).total_cmp(&effect(a)).then_with(|| a.parameter.cmp(&b.parameter)));
    entries
}

/// The plan with the parameter changed; nothing where no model comes of it.
fn solve_again(found: &Found<'_>, trial: &Trial, runs: &Runs<'_>) -> Result<Option<Sensitivity>, Stop> {
    let Ok(model) = found.model.with_parameter(&trial.leaf.parameter, &trial.leaf.index, trial.to) else { return Ok(None) };
    let Ok((problem, expanded)) = Problem::of(&model) else { return Ok(None) };
    let solution = runs.extra(&problem.program)?;
    let mut entry = Sensitivity {
        parameter: trial.leaf.name(),
        from: trial.leaf.value,
        to: trial.to,
        status: match solution.status {
            SolveStatus::Infeasible => PlanStatus::Infeasible,
            SolveStatus::Unbounded => PlanStatus::Unbounded,
            _ => PlanStatus::Unknown,
        },
        objective: None,
        change: None,
        decision_changes: true,
    };
    if let Some(Settled { values, objective, status, .. }) = settle(&model, (&problem, &expanded), &solution, runs)?.passed() {
        entry.status = status;
        entry.objective = Some(objective);
        entry.change = super::found::change(objective, found.objective);
        entry.decision_changes = !found.agrees(&values) && !still_best(&model, found, objective);
    }
    Ok(Some(entry))
}

/// Whether the plan's own decision holds under the changed model and is as good as the best one there.
fn still_best(model: &Model, found: &Found<'_>, best: f64) -> bool {
    let Ok(check) = model.check(&found.values, super::TOLERANCE) else { return false };
    let near = |objective: f64| (objective - best).abs() <= super::TOLERANCE * best.abs().max(1e-9);
    check.passed && check.objective.is_some_and(near)
}

/// What a planner would ask about, the greatest expected effect first, and the parameters that were not looked at.
fn worth_trying(found: &Found<'_>, runs: &Runs<'_>) -> (Vec<Trial>, Vec<String>) {
    let leaves = found.model.parameters();
    let nonzeros: usize =
        found.problem.program.rows.iter().map(|row| row.terms.len()).sum::<usize>() + found.problem.program.columns.len();
    let most = PROBED_MAX.min(PROBED_NONZEROS_MAX / nonzeros.max(1));
    let (mut ranked, mut unseen) = (Vec::new(), Vec::new());
    let flags = flags(&leaves);
    let leaves = leaves.into_iter().filter(|leaf| !flags.contains(&leaf.parameter));
    // Single values first: a cap or a budget is one, and a table has too many entries to ask about each.
    let (single, many): (Vec<_>, Vec<_>) = leaves.partition(|leaf| leaf.index.is_empty());
    for (at, leaf) in single.into_iter().chain(many).enumerate() {
        if at >= most || runs.late() {
            unseen.push(leaf.name());
        } else if let Some(moves) = probe(found, &leaf) {
            ranked.push((leaf, moves));
        }
    }
    let mut trials: Vec<Vec<Trial>> = ranked
        .into_iter()
        .map(|(leaf, moves)| {
            let to = targets(&leaf, &moves, found.problem.program.class);
            let trial = |to: f64| Trial { leaf: leaf.clone(), to, expected: (moves.slope * (to - leaf.value)).abs() };
            to.into_iter().map(trial).collect()
        })
        .collect();
    let strongest = |of: &[Trial]| of.iter().map(|trial| trial.expected).fold(0.0, f64::max);
    let single = |of: &[Trial]| of.first().is_some_and(|trial| trial.leaf.index.is_empty());
    trials.sort_by(|a, b| single(b).cmp(&single(a)).then_with(|| strongest(b).total_cmp(&strongest(a))));
    (trials.into_iter().flatten().collect(), unseen)
}

/// Tables of nothing but 0 and 1 say what is so; a tenth more of that is nonsense.
fn flags(leaves: &[Leaf]) -> BTreeSet<String> {
    let mut flags: BTreeSet<String> =
        leaves.iter().filter(|leaf| !leaf.index.is_empty()).map(|leaf| leaf.parameter.clone()).collect();
    leaves.iter().filter(|leaf| leaf.value != 0.0 && leaf.value != 1.0).for_each(|leaf| {
        flags.remove(&leaf.parameter);
    });
    flags
}

/// What moves in the program with a parameter, for one unit upwards.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Moves {
    /// A coefficient of the objective or of a constraint.
    coefficients: bool,
    /// A limit lets more through.
    loosens: bool,
    /// A limit lets less through.
    tightens: bool,
    /// By how much the objective moves, as the duals price it.
    slope: f64,
}

fn probe(found: &Found<'_>, leaf: &Leaf) -> Option<Moves> {
    if leaf.value == 0.0 || !leaf.value.is_finite() {
        return None;
    }
    let by = if found.problem.program.class == Class::Cp { leaf.value.signum() } else { leaf.value * 1e-3 };
    let model = found.model.with_parameter(&leaf.parameter, &leaf.index, leaf.value + by).ok()?;
    let after = model.expand().ok()?;
    let moves = compare(found, &after.program, by)?;
    (moves.coefficients || moves.loosens || moves.tightens).then_some(moves)
}

/// Compares the plan's program with the one after the parameter rose by `by`. Nothing where they differ in shape.
fn compare(found: &Found<'_>, after: &Program, by: f64) -> Option<Moves> {
    let before = &found.problem.program;
    if before.rows.len() != after.rows.len() || before.columns.len() != after.columns.len() {
        return None;
    }
    let values = &found.solution.values;
    let mut moves = Moves { slope: after.objective_at(values) - before.objective_at(values), ..Moves::default() };
    moves.coefficients = before.objective != after.objective
        || before.quadratic != after.quadratic
        || before.offset != after.offset
        || before.cones != after.cones;
    // Where there are no duals, a limit that holds with equality is taken to cost in proportion to how far it moves.
    let guess = |bound: f64, moved: f64| found.objective.abs().max(1.0) * moved / bound.abs().max(1e-9);
    for (at, (one, other)) in before.rows.iter().zip(&after.rows).enumerate() {
        if one == other {
            continue;
        }
        moves.coefficients |= one.terms != other.terms;
        moves.note(((one.lower, one.upper), (other.lower, other.upper)), by);
        let Some((bound, moved)) = tight(one, other, values) else { continue };
        moves.slope += match &found.solution.duals {
            Some(duals) => duals.get(at).copied().unwrap_or(0.0) * moved,
            None => guess(bound, moved).abs(),
        };
    }
    for (at, (one, other)) in before.columns.iter().zip(&after.columns).enumerate() {
        moves.note(((one.lower, one.upper), (other.lower, other.upper)), by);
        let value = values.get(at).copied().unwrap_or(f64::NAN);
        let moved = if super::problem::side(value, one.lower, f64::INFINITY).is_some() {
            other.lower - one.lower
        } else {
            other.upper - one.upper
        };
        if moved.is_finite() && moved != 0.0 {
            moves.slope +=
                found.solution.reduced_costs.as_ref().map_or(0.0, |costs| costs.get(at).copied().unwrap_or(0.0) * moved);
        }
    }
    moves.slope /= by;
    Some(moves)
}

/// The bound at which a row stands, and by how much it moves, what its changed coefficients add taken off.
fn tight(before: &Row, after: &Row, values: &[f64]) -> Option<(f64, f64)> {
    let at = before.at(values);
    let moved = after.at(values) - at;
    match super::problem::side(at, before.lower, before.upper)? {
        super::problem::Side::Floor => Some((before.lower, after.lower - before.lower - moved)),
        super::problem::Side::Ceiling | super::problem::Side::Equal => Some((before.upper, after.upper - before.upper - moved)),
    }
}

impl Moves {
    /// Notes which way the ends of an interval moved as the parameter rose by `by`.
    fn note(&mut self, ((lower, upper), (lower_after, upper_after)): ((f64, f64), (f64, f64)), by: f64) {
        let rises = |to: f64, from: f64| to.is_finite() && from.is_finite() && (to - from) * by > 0.0;
        self.loosens |= rises(upper_after, upper) || rises(lower, lower_after);
        self.tightens |= rises(upper, upper_after) || rises(lower_after, lower);
    }
}

/// What a parameter is changed to: a limit is relaxed by a quarter, everything else moves by a tenth both ways. A whole
/// number that limits whole variables stays whole and moves by one at least.
fn targets(leaf: &Leaf, moves: &Moves, class: Class) -> Vec<f64> {
    let whole = leaf.value == leaf.value.round() && (class == Class::Cp || (class == Class::Mip && !moves.coefficients));
    let by = |share: f64| {
        let step = leaf.value.abs() * share;
        if whole { step.round().max(1.0) } else { step }
    };
    let is_share = super::figures::is_share(&leaf.name(), leaf.value, leaf.unit.as_deref());
    let kept = |to: f64| if is_share { to.clamp(-1.0, 1.0) } else { tidy(to) };
    let to = match (moves.coefficients, moves.loosens, moves.tightens) {
        (false, true, false) => vec![kept(leaf.value + by(RELAXED_BY))],
        (false, false, true) => vec![kept(leaf.value - by(RELAXED_BY))],
        _ => vec![kept(leaf.value - by(MOVED_BY)), kept(leaf.value + by(MOVED_BY))],
    };
    to.into_iter().filter(|to| *to != leaf.value).collect()
}

/// Without the last digits that a product leaves: 0.42 and a tenth is 0.462.
fn tidy(value: f64) -> f64 {
    format!("{value:.12e}").parse().unwrap_or(value)
}
