//! Instinct, a latency-first semantic-cache decision service. This file is its map: modules import only downwards, from one block to
//! the blocks below it, and never within a block. A test reads this file and keeps it so.

// # commands: what a person types
pub mod cli;

// # doors: HTTP in, one call to the pipeline, HTTP out; or labelled data in, a report out
pub mod api;
pub mod eval;

// # assembly: the only place that names implementations
pub mod app;

// # settings: each module's own Config, gathered
pub mod config;

// # pipeline: every branch of a decision
pub mod decide;

// # parts: one step each; they never import one another
pub mod admission;
pub mod audit;
pub mod budget;
pub mod cache;
pub mod compose;
pub mod engine;
pub mod gates;
pub mod tenant;
pub mod triage;
pub mod verify;

// # reading: what a short text, a mathematical model, the rows of a file or an SQL statement says, without a model
pub mod dataset;
pub mod facts;
pub mod modelling;
pub mod sql;

// # methods: estimators over plain numbers
pub mod stats;

// # seams: a trait for each outside resource
pub mod embed;
pub mod index;
pub mod llm;
pub mod solver;
pub mod store;
pub mod warehouse;

// # outside: one way to each server that several seams share
pub mod redis;

// # signals: metrics, logs
pub mod telemetry;

// # vocabulary: plain data, no I/O
pub mod domain;

// # caps: every hard limit, with its unit and reason
pub mod limits;
