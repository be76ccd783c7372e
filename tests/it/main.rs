//! Black-box tests: each starts the real binary on a free port with a data folder of its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets what it does not expect must fail")]

mod aggregator;
mod architecture;
mod calibrations;
mod consistency;
mod contract;
mod crash;
mod engine_path;
mod engine_seam;
mod evaluation;
mod fact_suite;
mod fast_path;
mod feedback;
mod llm;
mod market;
mod prototype;
mod restart;
mod service;
mod trust;
mod tuning;
