//! The methods that the catalogue names, one file each.

mod affiliate_payback;
mod alert_quality;
mod anova;
mod bars;
mod cap_hits;
mod correlation;
mod depth_function;
mod estimates;
mod funding_elasticity;
mod gini_concentration;
mod greeks;
mod hhi_concentration;
mod insurance_fund;
mod linear_regression;
mod ltv_survival;
mod market_impact;
#[cfg(test)]
mod market_samples;
mod nonlinear_regression;
mod plot;
mod rebate_elasticity;
mod retention_curves;
#[cfg(test)]
mod sampled;
mod setting;
mod settlement_ks;
mod summary;
mod tabular;
#[cfg(test)]
mod trial;
mod vip_transitions;
mod volatility_forecast;
mod volatility_regimes;
mod wash_trades;
mod withdrawal_z_scores;

use super::method::Method;
use std::sync::Arc;

/// The method of this name.
pub fn named(name: &str) -> Option<Arc<dyn Method>> {
    Some(match name {
        "affiliate-payback" => Arc::new(affiliate_payback::AffiliatePayback),
        "alert-quality" => Arc::new(alert_quality::AlertQuality),
        "anova" => Arc::new(anova::Anova),
        "cap-hits" => Arc::new(cap_hits::CapHits),
        "depth-function" => Arc::new(depth_function::DepthFunction),
        "funding-elasticity" => Arc::new(funding_elasticity::FundingElasticity),
        "gini-concentration" => Arc::new(gini_concentration::GiniConcentration),
        "greeks-aggregation" => Arc::new(greeks::GreeksAggregation),
        "hhi-concentration" => Arc::new(hhi_concentration::HhiConcentration),
        "insurance-fund-coverage" => Arc::new(insurance_fund::InsuranceFundCoverage),
        "linear-regression" => Arc::new(linear_regression::LinearRegression),
        "ltv-survival" => Arc::new(ltv_survival::LtvSurvival),
        "market-correlation" => Arc::new(correlation::MarketCorrelation),
        "market-impact" => Arc::new(market_impact::MarketImpact),
        "nonlinear-regression" => Arc::new(nonlinear_regression::NonlinearRegression),
        "rebate-elasticity" => Arc::new(rebate_elasticity::RebateElasticity),
        "retention-curves" => Arc::new(retention_curves::RetentionCurves),
        "settlement-ks" => Arc::new(settlement_ks::SettlementKs),
        "summary" => Arc::new(summary::Summary),
        "vip-transitions" => Arc::new(vip_transitions::VipTransitions),
        "volatility-forecast" => Arc::new(volatility_forecast::VolatilityForecast),
        "volatility-regimes" => Arc::new(volatility_regimes::VolatilityRegimes),
        "wash-trade-prevalence" => Arc::new(wash_trades::WashTrades),
        "withdrawal-z-scores" => Arc::new(withdrawal_z_scores::WithdrawalZScores),
        _ => return None,
    })
}
