//! Signals: metrics with a function for each fact, structured logs, traces, named background tasks.

pub mod logs;
pub mod metrics;
pub mod traces;
