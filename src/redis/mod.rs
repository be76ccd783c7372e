//! One way to Redis: where it is, how it is spoken to, and what its refusals mean.
//!
//! The connections and what drives them live on one thread of their own, so that a caller may wait for an answer from anywhere, also
//! from code that blocks. Every command has a timeout. A connection that is lost is made again with growing, scattered pauses, so that
//! many processes do not come back in the same instant; until then commands fail at once.
//!
//! Invariants:
//! - no message, log line or debug print holds a password;
//! - a command whose connection broke is never sent a second time from here: whoever asked decides;
//! - a command that timed out may still be done by the server.

mod address;
mod config;
mod error;
#[cfg(fuzzing)]
pub mod fuzz;
mod link;
mod probe;
mod runtime;
#[cfg(test)]
#[path = "../../tests/support/redis/mod.rs"]
pub mod server;
#[cfg(test)]
mod tests;

pub use address::{Address, BadAddress};
pub use config::Config;
pub use error::RedisError;
pub use fred::types::Value;
pub use fred::types::config::Server;
pub use link::{Command, Link};
pub use probe::Found;
pub use runtime::Redis;
#[cfg(test)]
pub use server::{free_port, spawn_bound};
