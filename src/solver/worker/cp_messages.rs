//! The part of OR-Tools' `cp_model.proto` and `sat_parameters.proto`, version 9.15, that is used here, with their field numbers.

use prost::{Enumeration, Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub(super) struct IntegerVariable {
    #[prost(int64, repeated, tag = "2")]
    pub domain: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct BoolArgument {
    /// A column, or minus one minus a column for its negation.
    #[prost(int32, repeated, tag = "1")]
    pub literals: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LinearExpression {
    #[prost(int32, repeated, tag = "1")]
    pub vars: Vec<i32>,
    #[prost(int64, repeated, tag = "2")]
    pub coeffs: Vec<i64>,
    #[prost(int64, tag = "3")]
    pub offset: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LinearArgument {
    #[prost(message, optional, tag = "1")]
    pub target: Option<LinearExpression>,
    #[prost(message, repeated, tag = "2")]
    pub exprs: Vec<LinearExpression>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AllDifferent {
    #[prost(message, repeated, tag = "1")]
    pub exprs: Vec<LinearExpression>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Linear {
    #[prost(int32, repeated, tag = "1")]
    pub vars: Vec<i32>,
    #[prost(int64, repeated, tag = "2")]
    pub coeffs: Vec<i64>,
    #[prost(int64, repeated, tag = "3")]
    pub domain: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Interval {
    #[prost(message, optional, tag = "4")]
    pub start: Option<LinearExpression>,
    #[prost(message, optional, tag = "5")]
    pub end: Option<LinearExpression>,
    #[prost(message, optional, tag = "6")]
    pub size: Option<LinearExpression>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NoOverlap {
    /// Positions of constraints that are intervals.
    #[prost(int32, repeated, tag = "1")]
    pub intervals: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Cumulative {
    #[prost(message, optional, tag = "1")]
    pub capacity: Option<LinearExpression>,
    #[prost(int32, repeated, tag = "2")]
    pub intervals: Vec<i32>,
    #[prost(message, repeated, tag = "3")]
    pub demands: Vec<LinearExpression>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Constraint {
    #[prost(int32, repeated, tag = "2")]
    pub enforcement_literal: Vec<i32>,
    #[prost(oneof = "Kind", tags = "3, 11, 12, 13, 19, 20, 22, 26, 27, 29")]
    pub kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Kind {
    #[prost(message, tag = "3")]
    BoolOr(BoolArgument),
    #[prost(message, tag = "11")]
    IntProd(LinearArgument),
    #[prost(message, tag = "12")]
    Linear(Linear),
    #[prost(message, tag = "13")]
    AllDiff(AllDifferent),
    #[prost(message, tag = "19")]
    Interval(Interval),
    #[prost(message, tag = "20")]
    NoOverlap(NoOverlap),
    #[prost(message, tag = "22")]
    Cumulative(Cumulative),
    #[prost(message, tag = "26")]
    AtMostOne(BoolArgument),
    #[prost(message, tag = "27")]
    LinMax(LinearArgument),
    #[prost(message, tag = "29")]
    ExactlyOne(BoolArgument),
}

/// `scaling_factor * (Σ coeffs * vars + offset)`; the sum is minimised.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Objective {
    #[prost(int32, repeated, tag = "1")]
    pub vars: Vec<i32>,
    #[prost(double, tag = "2")]
    pub offset: f64,
    #[prost(double, tag = "3")]
    pub scaling_factor: f64,
    #[prost(int64, repeated, tag = "4")]
    pub coeffs: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct FloatObjective {
    #[prost(int32, repeated, tag = "1")]
    pub vars: Vec<i32>,
    #[prost(double, repeated, tag = "2")]
    pub coeffs: Vec<f64>,
    #[prost(double, tag = "3")]
    pub offset: f64,
    #[prost(bool, tag = "4")]
    pub maximize: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct CpModel {
    #[prost(message, repeated, tag = "2")]
    pub variables: Vec<IntegerVariable>,
    #[prost(message, repeated, tag = "3")]
    pub constraints: Vec<Constraint>,
    #[prost(message, optional, tag = "4")]
    pub objective: Option<Objective>,
    #[prost(message, optional, tag = "9")]
    pub floating_point_objective: Option<FloatObjective>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SatParameters {
    #[prost(int32, optional, tag = "31")]
    pub random_seed: Option<i32>,
    #[prost(double, optional, tag = "36")]
    pub max_time_in_seconds: Option<f64>,
    #[prost(int64, optional, tag = "37")]
    pub max_number_of_conflicts: Option<i64>,
    #[prost(int64, optional, tag = "40")]
    pub max_memory_in_mb: Option<i64>,
    #[prost(bool, optional, tag = "41")]
    pub log_search_progress: Option<bool>,
    #[prost(bool, optional, tag = "135")]
    pub catch_sigint_signal: Option<bool>,
    #[prost(bool, optional, tag = "136")]
    pub interleave_search: Option<bool>,
    #[prost(double, optional, tag = "160")]
    pub relative_gap_limit: Option<f64>,
    #[prost(int32, optional, tag = "206")]
    pub num_workers: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(super) enum Status {
    Unknown = 0,
    ModelInvalid = 1,
    Feasible = 2,
    Infeasible = 3,
    Optimal = 4,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Response {
    #[prost(enumeration = "Status", tag = "1")]
    pub status: i32,
    #[prost(int64, repeated, tag = "2")]
    pub solution: Vec<i64>,
    #[prost(double, tag = "4")]
    pub best_objective_bound: f64,
    #[prost(int64, tag = "12")]
    pub num_branches: i64,
    #[prost(string, tag = "20")]
    pub solution_info: String,
}
