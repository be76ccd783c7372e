//! The optimisation engine: a question becomes a model, the model a plan that a person approves.

pub mod planner;
