//! The solvers by their names.

use super::program::Class;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A solver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Name {
    /// HiGHS: LP and MIP (Huangfu and Hall, *Parallelizing the dual revised simplex method*, 2018).
    Highs,
    /// Clarabel: conic programs (Goulart and Chen, *Clarabel: An interior-point solver for conic programs with quadratic objectives*, 2024).
    Clarabel,
    /// CP-SAT of OR-Tools: integer programs with logical rules.
    CpSat,
}

impl Name {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Highs, Self::Clarabel, Self::CpSat];

    /// Whether it takes programs of this class.
    pub fn takes(self, class: Class) -> bool {
        match self {
            Self::Highs => matches!(class, Class::Lp | Class::Mip | Class::Convex),
            Self::Clarabel => matches!(class, Class::Lp | Class::Convex),
            Self::CpSat => class == Class::Cp,
        }
    }

    /// The class that it is mainly for.
    pub fn home(self) -> Class {
        match self {
            Self::Highs => Class::Lp,
            Self::Clarabel => Class::Convex,
            Self::CpSat => Class::Cp,
        }
    }

    /// How it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Highs => "highs",
            Self::Clarabel => "clarabel",
            Self::CpSat => "cp-sat",
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no solver of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no solver \"{0}\"; there are highs, clarabel and cp-sat")]
pub struct UnknownSolver(String);

impl FromStr for Name {
    type Err = UnknownSolver;

    fn from_str(text: &str) -> Result<Self, UnknownSolver> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| UnknownSolver(text.to_owned()))
    }
}
