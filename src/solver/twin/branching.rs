//! Branch and bound over the simplex method (Land and Doig, *An automatic method of solving discrete programming problems*, 1960).

use super::simplex::{self, Outcome};
use super::{Stop, Watch, nothing};
use crate::solver::program::{Column, Program, Sense};
use crate::solver::solution::{Solution, SolveStatus};

/// How far from a whole number a value may be that is one.
const WHOLE_WITHIN: f64 = 1e-6;

/// Whether a node has to be cut at this value. One that lies on a bound, or past it by what floats lose, would be cut into itself.
pub(super) fn is_fraction(column: &Column, value: f64) -> bool {
    let whole = (value - value.round()).abs() <= WHOLE_WITHIN * value.abs().max(1.0);
    column.integer && !whole && value.floor() < column.upper && value.ceil() > column.lower
}

pub(super) fn solve(program: &Program, watch: &mut Watch<'_>) -> Result<Solution, Stop> {
    let whole = |column: &Column| Column { lower: column.lower.ceil(), upper: column.upper.floor(), ..column.clone() };
    let columns =
        program.columns.iter().map(|column| if column.integer { whole(column) } else { column.clone() }).collect::<Vec<_>>();
    let mut search = Search { program, best: None, ray: None, nodes: 0 };
    match search.branch(&columns, watch) {
        Err(Stop::Cancelled) => return Err(Stop::Cancelled),
        Err(Stop::Limit) => return Ok(search.found(SolveStatus::Feasible, SolveStatus::Unknown)),
        Ok(()) => {}
    }
    if let Some(ray) = search.ray {
        return Ok(Solution { ray: Some(ray), ..nothing(SolveStatus::Unbounded) });
    }
    Ok(search.found(SolveStatus::Optimal, SolveStatus::Infeasible))
}

struct Search<'a> {
    program: &'a Program,
    best: Option<Solution>,
    ray: Option<Vec<f64>>,
    nodes: u64,
}

impl Search<'_> {
    /// Looks at every node below these bounds, depth first; those that wait stand in a list, so that a deep tree takes memory and no stack.
    fn branch(&mut self, columns: &[Column], watch: &mut Watch<'_>) -> Result<(), Stop> {
        let mut waiting = vec![columns.to_vec()];
        while let Some(node) = waiting.pop() {
            waiting.extend(self.node(&node, watch)?);
        }
        Ok(())
    }

    /// Solves the relaxation of a node, and gives the halves that it falls into, the one to be looked at first last.
    fn node(&mut self, columns: &[Column], watch: &mut Watch<'_>) -> Result<Vec<Vec<Column>>, Stop> {
        watch.node()?;
        self.nodes += 1;
        let (values, duals, reduced_costs) = match simplex::solve(self.program, columns) {
            Outcome::Infeasible => return Ok(Vec::new()),
            Outcome::Unbounded { ray } => return self.feasible(columns, ray, watch).map(|()| Vec::new()),
            Outcome::Optimal { values, duals, reduced_costs } => (values, duals, reduced_costs),
        };
        if !self.improves(self.program.objective_at(&values)) {
            return Ok(Vec::new());
        }
        let Some(at) = (0..columns.len()).find(|&at| is_fraction(&columns[at], values[at])) else {
            self.best = Some(self.leaf(columns, values, (duals, reduced_costs)));
            return Ok(Vec::new());
        };
        let (mut below, mut above) = (columns.to_vec(), columns.to_vec());
        below[at].upper = values[at].floor();
        above[at].lower = values[at].ceil();
        Ok(vec![above, below])
    }

    fn leaf(&self, columns: &[Column], values: Vec<f64>, (duals, reduced_costs): (Vec<f64>, Vec<f64>)) -> Solution {
        let continuous = columns.iter().all(|column| !column.integer);
        let whole = |(column, value): (&Column, f64)| if column.integer { value.round() + 0.0 } else { value };
        let values: Vec<f64> = columns.iter().zip(values).map(whole).collect();
        Solution {
            objective: Some(self.program.objective_at(&values)),
            values,
            duals: continuous.then_some(duals),
            reduced_costs: continuous.then_some(reduced_costs),
            ..nothing(SolveStatus::Feasible)
        }
    }

    /// The relaxation has no end: so has the program, where any values hold every constraint.
    fn feasible(&mut self, columns: &[Column], ray: Vec<f64>, watch: &mut Watch<'_>) -> Result<(), Stop> {
        let any = Program { objective: Vec::new(), ..self.program.clone() };
        let mut search = Search { program: &any, best: None, ray: None, nodes: 0 };
        search.branch(columns, watch)?;
        if search.best.is_some() {
            self.ray = Some(ray);
        }
        Ok(())
    }

    fn improves(&self, objective: f64) -> bool {
        let best = self.best.as_ref().and_then(|best| best.objective);
        best.is_none_or(|best| match self.program.sense {
            Sense::Minimize => objective < best - 1e-9 * best.abs().max(1.0),
            Sense::Maximize => objective > best + 1e-9 * best.abs().max(1.0),
        })
    }

    fn found(&self, with: SolveStatus, without: SolveStatus) -> Solution {
        let nodes = self.program.columns.iter().any(|column| column.integer).then_some(self.nodes);
        let Some(best) = self.best.clone() else { return Solution { nodes, ..nothing(without) } };
        let bound = best.objective.filter(|_| with == SolveStatus::Optimal);
        Solution { status: with, bound, nodes, ..best }
    }
}
