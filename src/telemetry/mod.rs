//! Signals: metrics with a function for each fact, structured logs, named background tasks.

pub mod logs;
pub mod metrics;
