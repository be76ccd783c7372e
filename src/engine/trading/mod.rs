//! The trading engine: what a headline does to the price of an asset, by three agents that look at the same question in parallel.

pub mod aggregate;
pub mod market_context;
pub mod opinion;
pub mod risk;
pub mod sentiment;
