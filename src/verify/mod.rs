//! What an answer is worth, from typed signals and never from a model's opinion of itself.

pub mod confidence;
pub mod sanity;
pub mod vote;
