//! What is remembered in memory: vectors that were embedded before, decisions by text and by meaning, and past prices.
//!
//! The store holds the same things for good; memory is loaded from it at the start and follows each write after it was committed.
//! Readers take no lock that a writer holds.

pub mod datasets;
pub mod embedding;
pub mod fits;
pub mod generations;
pub mod market;
pub mod partition;
pub mod plans;
mod prompts;
pub mod semantic;
pub mod usage;
mod working_set;
