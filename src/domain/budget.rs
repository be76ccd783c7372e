//! The error budget of a strategy, as its file states it.

use super::calibration::check_budget;
use super::field::FieldError;
use serde::{Deserialize, Serialize};

/// How much of what a strategy reuses may be wrong, and how that is watched.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BudgetRules {
    /// The share of wrong reuses that is tolerated, above 0 and below 0.5.
    pub error_budget: f64,
    /// How sure the bound on that share must be.
    pub confidence: f64,
    /// The share of hits that is decided again after it was served.
    pub shadow_rate: f64,
    /// The calibration file, relative to the strategy's own; floors and gates alone decide where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<String>,
}

/// The `[budget]` table of a strategy file.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BudgetTable {
    confidence: f64,
    shadow_rate: f64,
}

impl Default for BudgetTable {
    fn default() -> Self {
        Self { confidence: BudgetRules::CONFIDENCE, shadow_rate: 0.02 }
    }
}

impl BudgetRules {
    /// How sure the bound is where the strategy's file doesn't say.
    pub const CONFIDENCE: f64 = 0.95;

    /// The rules of a file that says no more than this.
    pub fn usual(error_budget: f64) -> Self {
        let BudgetTable { confidence, shadow_rate } = BudgetTable::default();
        Self { error_budget, confidence, shadow_rate, calibration: None }
    }

    /// The chance that a proof may fail with.
    pub fn level(&self) -> f64 {
        1.0 - self.confidence
    }

    /// What the three settings of a strategy file come to.
    pub(super) fn gathered(
        error_budget: Option<f64>,
        table: Option<BudgetTable>,
        calibration: Option<String>,
    ) -> Result<Option<Self>, FieldError> {
        let Some(error_budget) = error_budget else {
            let needless = if calibration.is_some() { Some("/calibration") } else { table.map(|_| "/budget") };
            let detail = "it says how an error budget is kept, and there is no `error_budget`";
            return needless.map_or(Ok(None), |pointer| Err(FieldError::new(pointer, detail)));
        };
        let BudgetTable { confidence, shadow_rate } = table.unwrap_or_default();
        check_budget("/error_budget", "/budget/confidence", error_budget, confidence)?;
        if !(0.0..=1.0).contains(&shadow_rate) {
            return Err(FieldError::new("/budget/shadow_rate", format!("{shadow_rate} is not 0 to 1")));
        }
        if calibration.as_ref().is_some_and(String::is_empty) {
            return Err(FieldError::new("/calibration", "it names no file"));
        }
        Ok(Some(Self { error_budget, confidence, shadow_rate, calibration }))
    }
}
