//! The vocabulary: plain data that every other module speaks, without I/O.
//!
//! Values are checked where they are built, so that a `FreshText` is never empty, a `UnitVector` has length
//! one and a `Timestamp` is a real moment; nothing below has to check again.

pub mod agreement;
pub mod answer;
pub mod audit;
pub mod audit_chain;
pub mod budget;
pub mod calibration;
pub mod component;
pub mod dataset;
pub mod deadline;
pub mod decision;
pub mod entry;
pub mod fact_rules;
pub mod facts;
pub mod field;
pub mod fit_record;
pub mod frame;
pub mod ids;
pub mod judgeable_record;
pub mod judgement;
pub mod knowledge_record;
pub mod market;
pub mod partition;
pub mod plan;
pub mod plan_record;
pub mod projection;
pub mod request;
pub mod risk;
pub mod role;
pub mod slow;
pub mod sql_value;
pub mod strategy;
pub mod tag_end;
pub mod text;
pub mod time;
pub mod trace;
pub mod triage;
pub mod trust;
pub mod vector;
pub mod vote;
