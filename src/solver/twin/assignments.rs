//! Every assignment of a CP program that the rows without conditions do not rule out before its last column is set.

use super::{Stop, Watch, nothing};
use crate::solver::program::{Affine, Interval, Program, Row, RuleKind, Sense};
use crate::solver::solution::{Solution, SolveStatus};

/// How far a whole number may be from itself.
const WITHIN: f64 = 1e-6;

pub(super) fn solve(program: &Program, watch: &mut Watch<'_>) -> Result<Solution, Stop> {
    let mut search = Search { program, best: None, nodes: 0 };
    let mut values = Vec::new();
    let (with, without) = match search.assign(&mut values, watch) {
        Err(Stop::Cancelled) => return Err(Stop::Cancelled),
        Err(Stop::Limit) => (SolveStatus::Feasible, SolveStatus::Unknown),
        Ok(()) => (SolveStatus::Optimal, SolveStatus::Infeasible),
    };
    let nodes = Some(search.nodes);
    let Some((objective, values)) = search.best else { return Ok(Solution { nodes, ..nothing(without) }) };
    let bound = (with == SolveStatus::Optimal).then_some(objective);
    Ok(Solution { values, objective: Some(objective), bound, nodes, ..nothing(with) })
}

struct Search<'a> {
    program: &'a Program,
    best: Option<(f64, Vec<f64>)>,
    nodes: u64,
}

impl Search<'_> {
    fn assign(&mut self, values: &mut Vec<f64>, watch: &mut Watch<'_>) -> Result<(), Stop> {
        watch.node()?;
        self.nodes += 1;
        if !self.program.rows.iter().all(|row| self.may_hold(row, values)) {
            return Ok(());
        }
        let Some(column) = self.program.columns.get(values.len()) else {
            self.whole(values);
            return Ok(());
        };
        let mut value = column.lower.ceil();
        while value <= column.upper {
            values.push(value);
            let result = self.assign(values, watch);
            values.pop();
            result?;
            value += 1.0;
        }
        Ok(())
    }

    /// Whether the row can hold with the columns that are set, the others anywhere between their bounds.
    fn may_hold(&self, row: &Row, values: &[f64]) -> bool {
        if !row.only_if.iter().all(|&(column, wanted)| values.get(column as usize) == Some(&f64::from(u8::from(wanted)))) {
            return true;
        }
        let (mut least, mut most) = (0.0, 0.0);
        for &(column, coefficient) in &row.terms {
            let bounds = &self.program.columns[column as usize];
            let ends = values.get(column as usize).map_or([bounds.lower, bounds.upper], |value| [*value, *value]);
            let ends = ends.map(|end| end * coefficient);
            least += ends[0].min(ends[1]);
            most += ends[0].max(ends[1]);
        }
        least <= row.upper + WITHIN && most >= row.lower - WITHIN
    }

    fn whole(&mut self, values: &[f64]) {
        if !self.program.rules.iter().all(|rule| holds(&rule.kind, values)) {
            return;
        }
        let objective = self.program.objective_at(values);
        let improves = self.best.as_ref().is_none_or(|(best, _)| match self.program.sense {
            Sense::Minimize => objective < *best,
            Sense::Maximize => objective > *best,
        });
        if improves {
            self.best = Some((objective, values.to_vec()));
        }
    }
}

/// Whether a rule holds at these values.
fn holds(rule: &RuleKind, values: &[f64]) -> bool {
    let at = |affine: &Affine| affine.at(values);
    let same = |a: f64, b: f64| (a - b).abs() < WITHIN;
    let count = |of: &[(u32, bool)]| of.iter().filter(|&&(column, value)| (values[column as usize] > 0.5) == value).count();
    match rule {
        RuleKind::AllDifferent(of) => {
            let of: Vec<f64> = of.iter().map(at).collect();
            of.iter().enumerate().all(|(i, a)| of[..i].iter().all(|b| !same(*a, *b)))
        }
        RuleKind::AnyOf(of) => count(of) >= 1,
        RuleKind::AtMostOne(of) => count(of) <= 1,
        RuleKind::ExactlyOne(of) => count(of) == 1,
        RuleKind::MaxOf { target, of } => same(at(target), of.iter().map(at).fold(f64::NEG_INFINITY, f64::max)),
        RuleKind::Product { target, of } => same(at(target), of.iter().map(at).product()),
        RuleKind::NoOverlap(of) => {
            let of = present(of, values);
            // An interval without length overlaps what it lies strictly inside of.
            let apart = |i: usize, a: &(usize, f64, f64)| of[..i].iter().all(|b| a.2 <= b.1 || b.2 <= a.1);
            of.iter().enumerate().all(|(i, a)| a.2.is_finite() && apart(i, a))
        }
        RuleKind::Cumulative { intervals, demands, capacity } => {
            let of = present(intervals, values);
            let load = |time: f64| {
                let there = of.iter().filter(|(_, start, end)| *start <= time && time < *end);
                there.map(|(position, _, _)| at(&demands[*position])).sum::<f64>()
            };
            of.iter().all(|(_, _, end)| end.is_finite()) && of.iter().all(|(_, start, _)| load(*start) <= at(capacity) + WITHIN)
        }
    }
}

/// The intervals that are there: which each is, its start and its end. One of a negative length is nowhere, so its end is infinite.
fn present(of: &[Interval], values: &[f64]) -> Vec<(usize, f64, f64)> {
    let there = of.iter().enumerate().filter(|(_, interval)| interval.present.is_none_or(|column| values[column as usize] > 0.5));
    let ends = there.map(|(position, interval)| {
        let (start, length) = (interval.start.at(values), interval.length.at(values));
        (position, start, if length < 0.0 { f64::INFINITY } else { start + length })
    });
    ends.collect()
}
