//! CP-SAT of OR-Tools, through the C interface of its library: messages in, a message out.

use super::cp_messages::{Response, SatParameters, Status};
use super::cp_model;
use super::tidy::tidy;
use crate::solver::frame::Reply;
use crate::solver::program::Program;
use crate::solver::solution::{Limits, Solution, SolveStatus};
use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};
use prost::Message;
use std::ffi::{c_int, c_void};
use std::path::Path;
use std::ptr;
use std::time::Instant;

/// Which version it is; the library does not say.
const SOLVER: &str = "CP-SAT 9.15";

/// `SolveCpModelWithParameters` of `ortools/sat/c_api/cp_solver_c.h`: model, parameters, and where the response goes.
type Solve = unsafe extern "C" fn(*const c_void, c_int, *const c_void, c_int, *mut *mut c_void, *mut c_int);

/// CP-SAT, loaded.
#[derive(Debug)]
pub(super) struct CpSat {
    solve: Solve,
    /// Last, for it must outlive the function.
    _library: Library,
}

impl CpSat {
    /// Loads the library. The error is text for the operator.
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        // Lazily, for most of its functions are never called, and finding them all takes longer than a small solve.
        // SAFETY: the file is OR-Tools, for its SHA-256 was checked, and those of what it loads; initialisers only set up their own tables.
        let library = unsafe { Library::open(Some(path), RTLD_LAZY | RTLD_LOCAL) }.map_err(|error| error.to_string())?;
        // SAFETY: the function of this name has this type in the header of this version.
        let solve = unsafe { library.get::<Solve>(b"SolveCpModelWithParameters\0") }.map_err(|error| error.to_string())?;
        Ok(Self { solve: *solve, _library: library })
    }

    pub(super) fn solve(&self, program: &Program, limits: &Limits) -> Reply {
        let begin = Instant::now();
        let model = match cp_model::write(program) {
            Ok(model) => model.encode_to_vec(),
            Err(why) => return Reply::Refused(why),
        };
        match self.call(&model, &parameters(limits).encode_to_vec()) {
            Ok(response) => answer(program, &response, begin),
            Err(why) => Reply::Failed(why),
        }
    }

    fn call(&self, model: &[u8], parameters: &[u8]) -> Result<Response, String> {
        let length = |bytes: &[u8]| c_int::try_from(bytes.len()).map_err(|_| "the model is too long for CP-SAT".to_owned());
        let (model_length, parameters_length) = (length(model)?, length(parameters)?);
        let (mut response, mut response_length) = (ptr::null_mut(), 0);
        // SAFETY: both messages are as long as is said; the response is written to, and is ours to free.
        let bytes = unsafe {
            let (model, parameters) = (model.as_ptr().cast(), parameters.as_ptr().cast());
            (self.solve)(model, model_length, parameters, parameters_length, &raw mut response, &raw mut response_length);
            if response.is_null() {
                return Err("CP-SAT gave no response".to_owned());
            }
            let bytes = std::slice::from_raw_parts(response.cast::<u8>(), response_length.unsigned_abs() as usize).to_vec();
            libc::free(response);
            bytes
        };
        Response::decode(&*bytes).map_err(|error| format!("the response of CP-SAT does not read: {error}"))
    }
}

/// One thread and a fixed seed give the same answer each time; on that thread the strategies take turns.
fn parameters(limits: &Limits) -> SatParameters {
    SatParameters {
        random_seed: Some(0),
        max_time_in_seconds: Some(limits.time.as_secs_f64()),
        max_number_of_conflicts: limits.nodes.map(|nodes| i64::try_from(nodes).unwrap_or(i64::MAX)),
        max_memory_in_mb: Some(i64::try_from(limits.memory_bytes >> 20).unwrap_or(i64::MAX)),
        log_search_progress: Some(false),
        catch_sigint_signal: Some(false),
        interleave_search: Some(true),
        relative_gap_limit: Some(limits.gap),
        num_workers: Some(1),
    }
}

fn answer(program: &Program, response: &Response, begin: Instant) -> Reply {
    let status = match Status::try_from(response.status) {
        Ok(Status::Optimal) => SolveStatus::Optimal,
        Ok(Status::Feasible) => SolveStatus::Feasible,
        Ok(Status::Infeasible) => SolveStatus::Infeasible,
        Ok(Status::Unknown) => SolveStatus::Unknown,
        Ok(Status::ModelInvalid) => {
            return Reply::Refused(format!("CP-SAT does not take the program: {}", response.solution_info));
        }
        Err(_) => return Reply::Failed(format!("CP-SAT ended with the status {}", response.status)),
    };
    let has_values = matches!(status, SolveStatus::Optimal | SolveStatus::Feasible);
    let values = response.solution.iter().take(program.columns.len()).filter(|_| has_values);
    let values = tidy(program, values.map(|value| *value as f64).collect());
    let objective = has_values.then(|| program.objective_at(&values));
    let bound = if program.objective.is_empty() { objective } else { Some(response.best_objective_bound) };
    Reply::Solved(Box::new(Solution {
        status,
        objective,
        bound: bound.filter(|bound| has_values && bound.is_finite()),
        values,
        duals: None,
        reduced_costs: None,
        ray: None,
        solver: SOLVER.to_owned(),
        solve_ms: begin.elapsed().as_secs_f64() * 1e3,
        nodes: u64::try_from(response.num_branches).ok(),
    }))
}
