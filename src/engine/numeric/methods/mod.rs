//! The methods that the catalogue names, one file each.

mod bars;
mod plot;
mod setting;
mod tabular;
#[cfg(test)]
mod trial;
pub mod volatility_regimes;

use super::method::Method;
use std::sync::Arc;

/// The method of this name.
pub fn named(name: &str) -> Option<Arc<dyn Method>> {
    Some(match name {
        "volatility-regimes" => Arc::new(volatility_regimes::VolatilityRegimes),
        _ => return None,
    })
}
