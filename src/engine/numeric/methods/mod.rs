//! The methods that the catalogue names, one file each.

mod affiliate_payback;
mod alert_quality;
mod cap_hits;
mod gini_concentration;
mod hhi_concentration;
mod ltv_survival;
mod plot;
mod retention_curves;
mod setting;
mod tabular;
#[cfg(test)]
mod trial;
mod vip_transitions;
mod wash_trades;

use super::method::Method;
use std::sync::Arc;

/// The method of this name.
pub fn named(name: &str) -> Option<Arc<dyn Method>> {
    Some(match name {
        "affiliate-payback" => Arc::new(affiliate_payback::AffiliatePayback),
        "alert-quality" => Arc::new(alert_quality::AlertQuality),
        "cap-hits" => Arc::new(cap_hits::CapHits),
        "gini-concentration" => Arc::new(gini_concentration::GiniConcentration),
        "hhi-concentration" => Arc::new(hhi_concentration::HhiConcentration),
        "ltv-survival" => Arc::new(ltv_survival::LtvSurvival),
        "retention-curves" => Arc::new(retention_curves::RetentionCurves),
        "vip-transitions" => Arc::new(vip_transitions::VipTransitions),
        "wash-trade-prevalence" => Arc::new(wash_trades::WashTrades),
        _ => return None,
    })
}
