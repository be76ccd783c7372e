//! Instinct, a latency-first semantic-cache decision service: this file is its map.

pub mod domain;
pub mod limits;
