//! Offline evaluation: labelled data through the very pipeline that serves, with what it cost and what it got wrong.
//!
//! A stream is replayed in time order into an empty memory: each row is asked with `allow = fast`; what is answered is held against the
//! row's own decision, and what isn't is stored, as an engine's decision would be. A pair is one entry and one question. Where an error budget is in force, an
//! engine that knows the labels stands behind memory, so that the budget learns as it would in a service; its answers count as misses. The same
//! vectors are then replayed once for each pair of floors of a grid, which gives the hit–error curve, and through baselines that an
//! operator would otherwise use.
//!
//! Architecture Invariant: nothing here decides. A hit is what [`crate::decide::Decider`] served, under the strategy as its file has it.

pub mod aggregator;
pub mod baseline;
pub mod budget;
pub mod dataset;
pub mod decision;
pub mod engines;
pub mod generations;
pub mod observe;
mod oracle;
pub mod pairs;
pub mod report;
pub mod statistics;
pub mod stream;
pub mod tune;
mod workbench;

mod evaluate;

pub use evaluate::{Budgeting, Options, Progress, evaluate};
pub use workbench::{EvalError, Pipeline, Question, Workbench};
