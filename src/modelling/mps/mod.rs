//! MPS files, in and out: the format of linear and mixed-integer programs that every solver reads.
//!
//! Read as CPLEX, Gurobi and HiGHS read it: fixed columns or separated by blanks; `RANGES`; bounds `LO UP FX FR MI PL BV LI UI`; a negative
//! upper bound without a lower one takes the lower bound away; a whole number without bounds is 0 or 1; what stands in `RHS` for the objective
//! is taken from it; `OBJSENSE`; integer markers. Objective rows after the first are left out.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use read::read;
pub use write::write;

/// Why a file can't be read or a program can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {detail}")]
pub struct MpsError {
    /// On which line, from 1; 0 where it is of no line.
    pub line: usize,
    /// What was found and what would be right.
    pub detail: String,
}
