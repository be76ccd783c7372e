//! What a replay says, with how sure it is.

mod interval;
mod latency;
mod tally;

pub use interval::{CONFIDENCE, Rate};
pub use latency::{Latencies, Stage};
pub use tally::{Cumulative, GateTally, Judged, Served, Tally, cumulative, gates};
