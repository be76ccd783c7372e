//! A solver for small programs in this process: the simplex method with Bland's rule, branch and bound over it, and for CP every
//! assignment that no row rules out. It is slow and plain, and what the real solvers are compared with.

mod assignments;
mod branching;
mod simplex;

use super::program::{Class, Program};
use super::solution::{Limits, Solution, SolveStatus, SolverError};
use super::{Cancel, Solver, check};
use std::time::Instant;

/// Columns and rows up to which a dense tableau is not too slow.
const PARTS_MAX: usize = 200;

/// The solver of small programs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Twin;

/// How far a solve may still go.
struct Watch<'a> {
    until: Instant,
    nodes_left: u64,
    cancel: &'a Cancel,
}

/// A limit came first.
#[derive(Debug)]
enum Stop {
    Cancelled,
    Limit,
}

impl Watch<'_> {
    fn node(&mut self) -> Result<(), Stop> {
        if self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if self.nodes_left == 0 || Instant::now() >= self.until {
            return Err(Stop::Limit);
        }
        self.nodes_left -= 1;
        Ok(())
    }
}

impl Solver for Twin {
    fn solve(&self, program: &Program, limits: &Limits, cancel: &Cancel) -> Result<Solution, SolverError> {
        check::check(program)?;
        if program.columns.len() > PARTS_MAX || program.rows.len() > PARTS_MAX {
            return Err(SolverError::Refused(format!("this solver takes {PARTS_MAX} columns and rows")));
        }
        if !(program.cones.is_empty() && program.quadratic.is_empty()) {
            return Err(SolverError::Refused("this solver takes linear programs alone".to_owned()));
        }
        let begin = Instant::now();
        let mut watch = Watch { until: begin + limits.time, nodes_left: limits.nodes.unwrap_or(u64::MAX), cancel };
        let found = match program.class {
            Class::Cp => assignments::solve(program, &mut watch),
            Class::Lp | Class::Mip | Class::Convex => branching::solve(program, &mut watch),
        };
        let solution = found.map_err(|_| SolverError::Cancelled)?;
        Ok(Solution { solve_ms: begin.elapsed().as_secs_f64() * 1e3, ..solution })
    }
}

/// A solution that says this and no more.
fn nothing(status: SolveStatus) -> Solution {
    Solution::without_values(status, "twin")
}

#[cfg(test)]
mod tests;
