//! Black-box tests: each starts the real binary on a free port with a data folder of its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets what it does not expect must fail")]

mod aggregator;
mod architecture;
mod calibrations;
mod chat_server;
mod consistency;
mod console;
mod contract;
mod crash;
mod engine_crash;
mod engine_faults;
mod engine_limits;
mod engine_path;
mod engine_pending;
mod engine_seam;
mod engine_trading;
mod evaluation;
mod fact_suite;
mod fast_path;
mod feedback;
mod llm;
mod market;
mod prompt_separation;
mod prototype;
mod restart;
mod service;
mod slow_path;
mod triage;
mod trust;
mod tuning;
