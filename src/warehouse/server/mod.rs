//! What the warehouses that are servers share: passwords, encryption, how much of a server is used, how much of a result is taken.
//!
//! Invariant: no message, log line or debug print holds a password.

mod error;
#[cfg(test)]
pub(super) mod filling;
mod password;
mod pool;
#[cfg(test)]
#[path = "../../../tests/support/warehouses/mod.rs"]
pub mod processes;
mod tls;
mod worker;

pub use error::OpenError;
pub use pool::{PoolConfig, Writable};
pub use tls::TlsConfig;

pub(super) use password::Password;
pub(super) use pool::{judge, take};
pub(super) use worker::Worker;
