//! Units of measure.

use super::error::Fault;
use super::node::Node;
use super::parts::Parts;

/// By what an amount is multiplied to be in another unit.
pub(super) fn conversion(_parts: &Parts, node: &Node, _unit: &str) -> Result<f64, Fault> {
    Err(Fault::new(&node.at, "units are not known here"))
}
