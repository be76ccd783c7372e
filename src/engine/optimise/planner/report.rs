//! The report of a plan, put together part by part.

use super::advice::{self, Known};
use super::draft::{self, Stand};
use super::found::{self, Found};
use super::problem::{Problem, Side};
use super::runs::Runs;
use super::{Asked, Config, PlanError, UNTITLED, binding, chart, conflict, narrative, others, ray, sensitivity, stopped};
use crate::domain::plan::{Conflict, PlanReport, PlanStatus, SolverRun};
use crate::modelling::Model;
use crate::solver::program::{Class, Sense};
use crate::solver::{Solution, SolveStatus};
use std::collections::BTreeMap;
use std::time::Duration;

/// A report with what is known before anything is explained.
pub(super) fn blank(model: &Model, asked: &Asked, solution: &Solution) -> PlanReport {
    PlanReport {
        title: asked.title.clone().or_else(|| model.title().map(ToOwned::to_owned)).unwrap_or_else(|| UNTITLED.to_owned()),
        model_type: match model.class() {
            Class::Lp => "lp",
            Class::Mip => "mip",
            Class::Convex => "convex",
            Class::Cp => "cp",
        }
        .to_owned(),
        status: match solution.status {
            SolveStatus::Optimal => PlanStatus::Optimal,
            SolveStatus::Feasible => PlanStatus::Feasible,
            SolveStatus::Infeasible => PlanStatus::Infeasible,
            SolveStatus::Unbounded => PlanStatus::Unbounded,
            SolveStatus::Unknown => PlanStatus::Unknown,
        },
        solver: SolverRun { name: solution.solver.clone(), solve_ms: solution.solve_ms, solves: 1 },
        sense: match model.sense() {
            Sense::Minimize => "minimize",
            Sense::Maximize => "maximize",
        }
        .to_owned(),
        objective: None,
        bound: solution.bound,
        unit: model.unit(),
        decision: Vec::new(),
        binding: Vec::new(),
        sensitivity: Vec::new(),
        alternatives: Vec::new(),
        conflict: Vec::new(),
        ray: BTreeMap::new(),
        assumptions: advice::assumptions(model, &asked.assumptions),
        risks: Vec::new(),
        next: Vec::new(),
        check: None,
        text: String::new(),
        chart: None,
    }
}

/// One plan in the making.
pub(super) struct Job<'a> {
    pub(super) config: Config,
    pub(super) model: &'a Model,
    pub(super) problem: &'a Problem,
    pub(super) asked: &'a Asked,
    pub(super) runs: &'a Runs<'a>,
}

impl Job<'_> {
    pub(super) fn solved(&self, mut report: PlanReport, found: &Found<'_>) -> Result<PlanReport, PlanError> {
        self.runs.explain_for(Duration::from_millis(self.config.explaining_ms));
        let differs = |bound: f64| found::change(bound, found.objective).is_none_or(|by| by != 0.0);
        report.bound = report.bound.filter(|bound| bound.is_finite() && differs(*bound));
        let (rows, stands): (Vec<_>, Vec<_>) = draft::decision(found).into_iter().unzip();
        report.decision = rows;
        let bounds = binding::find(self.problem, &found.solution, self.runs).map_err(stopped)?;
        report.binding = draft::binding(self.problem, &bounds);
        report
            .alternatives
            .extend(self.asked.alternatives.iter().map(|(name, values)| draft::judged(found, name, values.clone())));
        report.alternatives.extend(draft::equal(found));
        if self.asked.explained {
            for other in others::next_best(self.problem, &found.solution, self.runs).map_err(stopped)? {
                let solution = Solution {
                    status: SolveStatus::Optimal,
                    values: other.columns.clone(),
                    objective: None,
                    ..found.solution.clone()
                };
                let settled = found::settle(self.model, (self.problem, found.expanded), &solution, self.runs).map_err(stopped)?;
                report.alternatives.extend(draft::another(found, &other, settled.passed()));
            }
        }
        let most = if self.asked.explained { self.config.sensitivity_max } else { 0 };
        let tried = sensitivity::find(found, &self.asked.sensitivity, (self.runs, most)).map_err(stopped)?;
        report.sensitivity = tried.entries;
        let known =
            Known { used_up: self.used_up(&found.solution), left_out: tried.left_out, late: tried.late, ..Known::default() };
        report.chart = chart::figure(&report.title, &report.decision, (self.problem, &found.solution.values));
        Ok(self.told(report, &stands, known))
    }

    pub(super) fn infeasible(&self, mut report: PlanReport) -> Result<PlanReport, PlanError> {
        let mut known = Known::default();
        if self.asked.explained {
            let set = conflict::find(self.problem, self.runs).map_err(stopped)?;
            known.irreducible = set.irreducible;
            report.conflict = set
                .members
                .iter()
                .map(|&member| {
                    let (constraint, states) = conflict::told(self.problem, member);
                    Conflict { constraint, states }
                })
                .collect();
        }
        Ok(self.told(report, &[], known))
    }

    pub(super) fn unbounded(&self, mut report: PlanReport) -> Result<PlanReport, PlanError> {
        report.ray = if self.asked.explained { ray::find(self.problem, self.runs).map_err(stopped)? } else { BTreeMap::new() };
        let known = Known { open: ray::open(self.problem, &report.ray), ..Known::default() };
        Ok(self.told(report, &[], known))
    }

    /// The report with its words.
    pub(super) fn told(&self, mut report: PlanReport, stands: &[Stand], known: Known) -> PlanReport {
        let units = self.model.parameters().into_iter().filter_map(|leaf| Some((leaf.name(), leaf.unit?))).collect();
        let known = Known { units, ..known };
        report.bound = report.bound.filter(|bound| bound.is_finite());
        report.risks = advice::risks(&report, &known);
        report.next = advice::next(&report, &known);
        report.solver.solves = self.runs.made();
        report.text = narrative::text(&report, stands, (self.problem, &known));
        report
    }

    /// Constraints over an index set of which every instance stands at its ceiling.
    fn used_up(&self, solution: &Solution) -> Vec<String> {
        let mut families: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for statement in &self.problem.constraints {
            let entry = families.entry(&statement.family).or_default();
            entry.0 += 1;
            entry.1 += usize::from(self.problem.stands(statement, &solution.values) == Some(Side::Ceiling));
        }
        families.into_iter().filter(|(_, (all, full))| *all >= 2 && all == full).map(|(family, _)| family.to_owned()).collect()
    }
}
