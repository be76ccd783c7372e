//! HiGHS for LP and MIP. Quadratic objectives are left to Clarabel: the method of HiGHS for them calls some without an end optimal.

use super::highs_library::{Functions, Instance, Model, OptionValue, Sparse};
use super::tidy::tidy;
use crate::solver::check::INFINITE;
use crate::solver::frame::Reply;
use crate::solver::program::{Program, Sense};
use crate::solver::solution::{Limits, Solution, SolveStatus};
use std::ffi::c_int;
use std::path::Path;
use std::time::{Duration, Instant};

/// `kHighsModelStatus…`, as its header numbers them.
mod status {
    pub(super) const MODEL_EMPTY: i32 = 6;
    pub(super) const OPTIMAL: i32 = 7;
    pub(super) const INFEASIBLE: i32 = 8;
    pub(super) const UNBOUNDED_OR_INFEASIBLE: i32 = 9;
    pub(super) const UNBOUNDED: i32 = 10;
    pub(super) const STOPPED_FIRST: i32 = 11;
    pub(super) const INTERRUPTED: i32 = 17;
    pub(super) const MEMORY_LIMIT: i32 = 18;
}

/// `kHighsSolutionStatusFeasible`.
const FEASIBLE: c_int = 2;

/// How much the objective must change along a direction, for each unit of its largest coefficient, to improve.
const IMPROVES: f64 = 1e-7;

/// HiGHS, loaded.
#[derive(Debug)]
pub(super) struct Highs {
    functions: Functions,
    version: String,
}

/// One solve: the model, how far it may go and since when.
struct Solve<'a> {
    program: &'a Program,
    limits: &'a Limits,
    begin: Instant,
    highs: Instance<'a>,
    solver: String,
}

impl Highs {
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        let functions = Functions::load(path)?;
        let version = functions.version();
        Ok(Self { functions, version })
    }

    pub(super) fn solve(&self, program: &Program, limits: &Limits) -> Reply {
        if !(program.cones.is_empty() && program.quadratic.is_empty()) {
            return Reply::Refused("HiGHS takes no cones and no quadratic objective; clarabel does".to_owned());
        }
        let solver = format!("HiGHS {}", self.version);
        let solve = Solve { program, limits, begin: Instant::now(), highs: self.functions.create(), solver };
        match solve.run() {
            Ok(solution) => Reply::Solved(Box::new(solution)),
            Err(reply) => reply,
        }
    }
}

impl Solve<'_> {
    fn run(&self) -> Result<Solution, Reply> {
        self.options().map_err(Reply::Failed)?;
        let mut model = model(self.program);
        self.pass(&model)?;
        match self.once()? {
            status::OPTIMAL | status::MODEL_EMPTY => Ok(self.optimal()),
            status::INFEASIBLE => Ok(self.without_values(SolveStatus::Infeasible)),
            status::UNBOUNDED | status::UNBOUNDED_OR_INFEASIBLE => self.unbounded_or_infeasible(&mut model),
            status::MEMORY_LIMIT => Err(Reply::OutOfMemory),
            status::STOPPED_FIRST..=status::INTERRUPTED => Ok(self.stopped()),
            other => Err(Reply::Failed(format!("HiGHS ended with the model status {other}"))),
        }
    }

    fn options(&self) -> Result<(), String> {
        let nodes = self.limits.nodes.map_or(c_int::MAX, |nodes| c_int::try_from(nodes).unwrap_or(c_int::MAX));
        let options = [
            (c"output_flag", OptionValue::Bool(false)),
            (c"threads", OptionValue::Int(1)),
            (c"parallel", OptionValue::Text(c"off")),
            (c"random_seed", OptionValue::Int(0)),
            (c"time_limit", OptionValue::Double(self.left())),
            (c"mip_rel_gap", OptionValue::Double(self.limits.gap)),
            (c"mip_max_nodes", OptionValue::Int(nodes)),
            // The least that it allows: a coefficient of 1e-9, its default, is no zero to who wrote it.
            (c"small_matrix_value", OptionValue::Double(1e-12)),
            (c"infinite_bound", OptionValue::Double(INFINITE)),
        ];
        options.into_iter().try_for_each(|(name, value)| self.highs.set(name, value))
    }

    /// Seconds that are left to it.
    fn left(&self) -> f64 {
        self.limits.time.saturating_sub(self.begin.elapsed()).max(Duration::from_millis(1)).as_secs_f64()
    }

    fn pass(&self, model: &Model) -> Result<(), Reply> {
        let taken = self.highs.pass(model);
        if taken {
            Ok(())
        } else {
            Err(Reply::Refused("HiGHS does not take the program: a number in it is too large".to_owned()))
        }
    }

    /// Runs it with the time that is left. Its clock goes on from run to run.
    fn once(&self) -> Result<c_int, Reply> {
        match self.highs.run() {
            (true, status) => Ok(status),
            (false, status::MEMORY_LIMIT) => Err(Reply::OutOfMemory),
            (false, status) => Err(Reply::Failed(format!("HiGHS failed with the model status {status}"))),
        }
    }

    fn optimal(&self) -> Solution {
        let (values, reduced_costs, duals) = self.highs.solution(self.program.columns.len(), self.program.rows.len());
        let continuous = self.program.columns.iter().all(|column| !column.integer);
        let values = tidy(self.program, values);
        let objective = self.program.objective_at(&values);
        Solution {
            objective: Some(objective),
            bound: if continuous { Some(objective) } else { self.mip_bound() },
            values,
            duals: continuous.then_some(duals),
            reduced_costs: continuous.then_some(reduced_costs),
            ..self.without_values(SolveStatus::Optimal)
        }
    }

    /// A limit came first.
    fn stopped(&self) -> Solution {
        if self.highs.int_info(c"primal_solution_status") != Some(FEASIBLE) {
            return Solution { bound: self.mip_bound(), ..self.without_values(SolveStatus::Unknown) };
        }
        let (values, _, _) = self.highs.solution(self.program.columns.len(), self.program.rows.len());
        let values = tidy(self.program, values);
        let objective = Some(self.program.objective_at(&values));
        Solution { values, objective, bound: self.mip_bound(), ..self.without_values(SolveStatus::Feasible) }
    }

    /// Presolve can say that there is no optimum without saying why. The program without its objective says whether it is infeasible;
    /// if it is not, the directions that leave every bound and row alone, integers relaxed, say whether the objective improves along one
    /// of them for ever. A rational program with a feasible integer point is unbounded where its relaxation is (Meyer, *On the existence
    /// of optimal solutions to integer and mixed-integer programming problems*, 1974).
    fn unbounded_or_infeasible(&self, model: &mut Model) -> Result<Solution, Reply> {
        let cost = std::mem::replace(&mut model.cost, vec![0.0; self.program.columns.len()]);
        self.pass(model)?;
        match self.once()? {
            status::OPTIMAL | status::MODEL_EMPTY => {}
            status::INFEASIBLE => return Ok(self.without_values(SolveStatus::Infeasible)),
            status::MEMORY_LIMIT => return Err(Reply::OutOfMemory),
            _ => return Ok(self.without_values(SolveStatus::Unknown)),
        }
        model.cost = cost;
        directions(model);
        self.pass(model)?;
        match self.once()? {
            status::OPTIMAL | status::MODEL_EMPTY => {}
            status::MEMORY_LIMIT => return Err(Reply::OutOfMemory),
            _ => return Ok(self.without_values(SolveStatus::Unknown)),
        }
        let (ray, _, _) = self.highs.solution(self.program.columns.len(), self.program.rows.len());
        let change: f64 = model.cost.iter().zip(&ray).map(|(cost, step)| cost * step).sum();
        let improves =
            change * f64::from(model.sense) < -IMPROVES * model.cost.iter().fold(0.0, |most: f64, cost| most.max(cost.abs()));
        let unbounded = Solution { ray: Some(ray), ..self.without_values(SolveStatus::Unbounded) };
        Ok(if improves { unbounded } else { self.without_values(SolveStatus::Unknown) })
    }

    fn mip_bound(&self) -> Option<f64> {
        self.highs.double_info(c"mip_dual_bound").filter(|bound| bound.abs() < INFINITE)
    }

    fn without_values(&self, status: SolveStatus) -> Solution {
        let tree = self.program.columns.iter().any(|column| column.integer);
        Solution {
            solve_ms: self.begin.elapsed().as_secs_f64() * 1e3,
            nodes: self.highs.int64_info(c"mip_node_count").filter(|_| tree).and_then(|nodes| u64::try_from(nodes).ok()),
            ..Solution::without_values(status, &self.solver)
        }
    }
}

/// The program as HiGHS takes it.
fn model(program: &Program) -> Model {
    let mut cost = vec![0.0; program.columns.len()];
    for &(column, coefficient) in &program.objective {
        cost[column as usize] = coefficient;
    }
    let integer = program.columns.iter().any(|column| column.integer);
    Model {
        sense: if program.sense == Sense::Minimize { 1 } else { -1 },
        offset: program.offset,
        cost,
        column_lower: program.columns.iter().map(|column| column.lower).collect(),
        column_upper: program.columns.iter().map(|column| column.upper).collect(),
        row_lower: program.rows.iter().map(|row| row.lower).collect(),
        row_upper: program.rows.iter().map(|row| row.upper).collect(),
        matrix: matrix(program),
        integrality: if integer {
            program.columns.iter().map(|column| c_int::from(column.integer)).collect()
        } else {
            Vec::new()
        },
    }
}

fn matrix(program: &Program) -> Sparse {
    let mut matrix = Sparse::default();
    for row in &program.rows {
        matrix.starts.push(at(matrix.index.len()));
        matrix.index.extend(row.terms.iter().map(|&(column, _)| at(column as usize)));
        matrix.value.extend(row.terms.iter().map(|&(_, coefficient)| coefficient));
    }
    matrix
}

/// Makes a model of the directions of this one: no step further than 1, and none past a bound.
fn directions(model: &mut Model) {
    model.integrality.clear();
    model.offset = 0.0;
    let bounds =
        model.column_lower.iter_mut().map(|bound| (bound, -1.0)).chain(model.column_upper.iter_mut().map(|bound| (bound, 1.0)));
    bounds.for_each(|(bound, step)| *bound = if bound.abs() < INFINITE { 0.0 } else { step });
    let bounds = model.row_lower.iter_mut().chain(&mut model.row_upper);
    bounds.filter(|bound| bound.abs() < INFINITE).for_each(|bound| *bound = 0.0);
}

/// HiGHS counts in 32 bits. A program with more coefficients is longer than a job may be.
fn at(position: usize) -> c_int {
    c_int::try_from(position).unwrap_or(c_int::MAX)
}
