//! The methods that the catalogue names, one file each.

mod bars;
pub mod correlation;
pub mod greeks;
pub mod insurance_fund;
#[cfg(test)]
mod market_samples;
mod plot;
mod setting;
mod tabular;
#[cfg(test)]
mod trial;
pub mod volatility_forecast;
pub mod volatility_regimes;

use super::method::Method;
use std::sync::Arc;

/// The method of this name.
pub fn named(name: &str) -> Option<Arc<dyn Method>> {
    Some(match name {
        "greeks-aggregation" => Arc::new(greeks::GreeksAggregation),
        "insurance-fund-coverage" => Arc::new(insurance_fund::InsuranceFundCoverage),
        "market-correlation" => Arc::new(correlation::MarketCorrelation),
        "volatility-forecast" => Arc::new(volatility_forecast::VolatilityForecast),
        "volatility-regimes" => Arc::new(volatility_regimes::VolatilityRegimes),
        _ => return None,
    })
}
