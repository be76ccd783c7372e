//! From what went wrong with a plan to a problem.

use super::super::error::{Kind, Problem};
use crate::decide::plans::PlansError;
use crate::domain::field::FieldError;
use crate::engine::planning::PlanFault;
use crate::solver::SolverError;

/// The problem, where the model stands at `at` in the body.
pub(super) fn placed(error: PlansError, at: &str) -> Problem {
    let PlansError::Fault(PlanFault::Model(errors)) = error else { return error.into() };
    let placed = errors.into_iter().map(|error| FieldError::new(format!("{at}{}", error.pointer), error.detail));
    PlansError::Fault(PlanFault::Model(placed.collect())).into()
}

impl From<PlansError> for Problem {
    fn from(error: PlansError) -> Self {
        let detail = error.to_string();
        match error {
            PlansError::NoPlanner => Self::new(Kind::AWAY, detail),
            PlansError::Unknown { .. } => Self::new(Kind::NOT_FOUND, detail),
            PlansError::State { .. } => Self::new(Kind::CONFLICT, detail),
            PlansError::NotAllowed(field) => Self::field(Kind::NOT_ALLOWED, field),
            PlansError::Fault(fault) => of_fault(fault, detail),
            PlansError::Busy => Self::new(Kind::OVERLOADED, detail).retry_after(BUSY_RETRY_SEC),
            PlansError::DeadlinePassed { .. } => Self::new(Kind::TOO_LATE, detail),
            PlansError::Quota(_) => Self::new(Kind::QUOTA, detail),
            PlansError::Full(_) | PlansError::TooLarge { .. } => Self::new(Kind::NOT_ALLOWED, detail),
            PlansError::Numeric(error) => error.into(),
            PlansError::Store(error) => error.into(),
            PlansError::Audit(error) => error.into(),
            PlansError::Broken { .. } => Self::new(Kind::INTERNAL, detail),
        }
    }
}

/// Seconds after which a solver may be free: most plans are made in less.
const BUSY_RETRY_SEC: u32 = 2;

fn of_fault(fault: PlanFault, detail: String) -> Problem {
    match fault {
        PlanFault::Model(errors) | PlanFault::Asked(errors) => Problem::fields(Kind::NOT_ALLOWED, detail, errors),
        PlanFault::Unclear(errors) => Problem::fields(Kind::UNCLEAR, detail, errors),
        PlanFault::TooLate => Problem::new(Kind::TOO_LATE, detail),
        PlanFault::NotVerified(_) => Problem::new(Kind::SOLVER, detail),
        PlanFault::Solver(error) => match error {
            SolverError::Refused(_) | SolverError::OutOfMemory { .. } => Problem::new(Kind::NOT_ALLOWED, detail),
            SolverError::Missing { .. } => Problem::new(Kind::AWAY, detail),
            SolverError::TimedOut(_) | SolverError::Cancelled => Problem::new(Kind::TOO_LATE, detail),
            SolverError::Busy => Problem::new(Kind::OVERLOADED, detail).retry_after(BUSY_RETRY_SEC),
            SolverError::Failed(_) => Problem::new(Kind::SOLVER, detail),
        },
    }
}
