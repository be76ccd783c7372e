//! The error budget of a strategy, as its file states it.

use super::calibration::check_budget;
use super::field::FieldError;
use serde::{Deserialize, Serialize};

/// Cosine below which a candidate is not even weighed, where a closed start leaves the choice to what was proven.
const WEIGHED_FROM: f32 = 0.6;

/// Whether near candidates are served before anything is known of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// What clears floors and gates is served until it is shown to be too often wrong.
    Open,
    /// Nothing near is served until decisions of an engine, held against the candidates, prove that the budget will be kept.
    Closed,
}

/// How much of what a strategy reuses may be wrong, and how that is watched.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BudgetRules {
    /// The share of wrong reuses that is tolerated, above 0 and below 0.5.
    pub error_budget: f64,
    /// How sure the bound on that share must be.
    pub confidence: f64,
    /// The share of hits that is decided again after it was served.
    pub shadow_rate: f64,
    /// How near reuse starts where there is no calibration to say it. Usually it is open where the fact gate reads the texts, for that
    /// gate refuses what floors let through, and closed where the floors are all there is.
    pub start: Start,
    /// Least cosine, of fresh and of composed vectors, from which a candidate is weighed after a closed start. It stands in place of the
    /// strategy's floors: there the proof decides what is near enough.
    pub weighed_from: f32,
    /// The calibration file, relative to the strategy's own; `start` says how it begins where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<String>,
}

/// The `[budget]` table of a strategy file.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BudgetTable {
    confidence: f64,
    shadow_rate: f64,
    start: Option<Start>,
    weighed_from: Option<f32>,
}

impl Default for BudgetTable {
    fn default() -> Self {
        Self { confidence: BudgetRules::CONFIDENCE, shadow_rate: 0.02, start: None, weighed_from: None }
    }
}

impl BudgetRules {
    /// How sure the bound is where the strategy's file doesn't say.
    pub const CONFIDENCE: f64 = 0.95;

    /// The chance that a proof may fail with.
    pub fn level(&self) -> f64 {
        1.0 - self.confidence
    }

    /// The usual rules for this share of wrong reuses, without a calibration. `facts` says whether the fact gate reads the texts.
    pub fn usual(error_budget: f64, facts: bool) -> Self {
        let BudgetTable { confidence, shadow_rate, .. } = BudgetTable::default();
        let start = if facts { Start::Open } else { Start::Closed };
        Self { error_budget, confidence, shadow_rate, start, weighed_from: WEIGHED_FROM, calibration: None }
    }

    /// Whether nothing near is served until it is proven, and nothing was proven ahead.
    pub fn starts_closed(&self) -> bool {
        self.start == Start::Closed && self.calibration.is_none()
    }

    /// What the settings of a strategy file come to. `facts` says whether the fact gate reads the texts.
    pub(super) fn gathered(
        error_budget: Option<f64>,
        table: Option<BudgetTable>,
        calibration: Option<String>,
        facts: bool,
    ) -> Result<Option<Self>, FieldError> {
        let Some(error_budget) = error_budget else {
            let needless = if calibration.is_some() { Some("/calibration") } else { table.map(|_| "/budget") };
            let detail = "it says how an error budget is kept, and there is no `error_budget`";
            return needless.map_or(Ok(None), |pointer| Err(FieldError::new(pointer, detail)));
        };
        let BudgetTable { confidence, shadow_rate, start, weighed_from } = table.unwrap_or_default();
        check_budget("/error_budget", "/budget/confidence", error_budget, confidence)?;
        if !(0.0..=1.0).contains(&shadow_rate) {
            return Err(FieldError::new("/budget/shadow_rate", format!("{shadow_rate} is not 0 to 1")));
        }
        if calibration.as_ref().is_some_and(String::is_empty) {
            return Err(FieldError::new("/calibration", "it names no file"));
        }
        if calibration.is_some() && start.is_some() {
            return Err(FieldError::new("/budget/start", "the calibration says how near reuse starts"));
        }
        let usual = Self::usual(error_budget, facts);
        let (start, weighed_from) = (start.unwrap_or(usual.start), weighed_from.unwrap_or(usual.weighed_from));
        if !(weighed_from > 0.0 && weighed_from <= 1.0) {
            let detail = format!("{weighed_from} is not above 0 and at most 1");
            return Err(FieldError::new("/budget/weighed_from", detail));
        }
        Ok(Some(Self { error_budget, confidence, shadow_rate, start, weighed_from, calibration }))
    }
}
