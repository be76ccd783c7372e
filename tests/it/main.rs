//! Black-box tests: each starts the real binary on a free port with a data folder of its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets what it does not expect must fail")]

mod aggregator;
mod architecture;
mod audit;
mod calibrations;
mod chat_server;
mod consistency;
mod console;
mod contract;
mod crash;
mod credentials;
mod datasets;
mod datasets_seam;
mod document;
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
mod generations;
mod in_step;
mod in_step_whatever;
mod issuer;
mod llm;
mod market;
mod moving;
mod numeric;
mod numeric_crash;
mod numeric_matching;
mod numeric_seam;
mod one_flight;
mod optimise;
mod plans;
mod plans_seam;
mod prompt_separation;
mod prototype;
mod query;
mod query_feedback;
mod query_servers;
mod query_whole;
mod query_written;
#[path = "../support/redis/mod.rs"]
#[expect(dead_code, reason = "the unit tests include the same servers and use the rest of them")]
mod redis;
mod redis_away;
mod redis_servers;
mod redis_store;
mod replicas;
mod restart;
mod scripted_chat;
mod server_search;
mod service;
mod slow_clients;
mod slow_path;
mod solvers;
mod store_away;
mod stores;
mod tenants;
mod traces;
mod triage;
mod trust;
mod tuning;
#[path = "../support/warehouses/mod.rs"]
#[expect(dead_code, reason = "the unit tests include the same servers and use the rest of them")]
mod warehouses;
mod working_set;
