//! The methods that the catalogue names, one file each.

mod anova;
mod depth_function;
mod estimates;
mod funding_elasticity;
mod linear_regression;
mod market_impact;
mod nonlinear_regression;
mod plot;
mod rebate_elasticity;
#[cfg(test)]
mod sampled;
mod setting;
mod settlement_ks;
mod summary;
mod tabular;
#[cfg(test)]
mod trial;
mod withdrawal_z_scores;

use super::method::Method;
use std::sync::Arc;

/// The method of this name.
pub fn named(name: &str) -> Option<Arc<dyn Method>> {
    Some(match name {
        "anova" => Arc::new(anova::Anova),
        "depth-function" => Arc::new(depth_function::DepthFunction),
        "funding-elasticity" => Arc::new(funding_elasticity::FundingElasticity),
        "linear-regression" => Arc::new(linear_regression::LinearRegression),
        "market-impact" => Arc::new(market_impact::MarketImpact),
        "nonlinear-regression" => Arc::new(nonlinear_regression::NonlinearRegression),
        "rebate-elasticity" => Arc::new(rebate_elasticity::RebateElasticity),
        "settlement-ks" => Arc::new(settlement_ks::SettlementKs),
        "summary" => Arc::new(summary::Summary),
        "withdrawal-z-scores" => Arc::new(withdrawal_z_scores::WithdrawalZScores),
        _ => return None,
    })
}
