//! The model language: a decision problem stated as data, checked, and written out for a solver.
//!
//! Invariants:
//! - a model is data: nothing in it reaches code, a file or the network, and what it costs to read is bounded before it is read;
//! - the checker walks the caller's own expressions and never sees the program that a solver was given;
//! - an error names the place, what was found there and what would be right.

mod check;
mod cost;
mod error;
mod expand;
mod function;
mod json;
mod key;
mod members;
mod model;
pub mod mps;
mod names;
mod node;
mod parts;
mod read;
mod resolve;
mod scope;
mod syntax;
mod token;
mod units;
mod written;

#[cfg(test)]
mod tests;

pub use error::ModelError;
pub use expand::{Constrained, Expanded, Instance};
pub use model::{Declared, Leaf, Model, Stated};
pub use parts::VariableKind;

/// The JSON Schema of a model.
pub const SCHEMA: &str = include_str!("../../cache-schemas/model.schema.json");
