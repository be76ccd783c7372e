//! A strategy and its calibration, for tests.

use super::*;

/// A strategy with an error budget of 0.05 at a confidence of 0.9.
pub fn strategy() -> Strategy {
    Strategy::from_toml(
        r#"
        name = "s"
        version = 2
        composition = "sum"
        deadline_ms = 500
        error_budget = 0.05
        calibration = "s.json"
        budget.confidence = 0.9
        thresholds = { tau = 0.9, tau_fresh = 0.8 }
        slots = [
            { role = "context", latest = 2, weight = 0.3 },
            { role = "fresh", weight = 0.7 },
        ]
        "#,
    )
    .unwrap()
}

/// The model that [`calibration`] was learnt with.
pub fn model() -> ModelRef {
    ModelRef::parse("minilm@1234").unwrap()
}

/// A calibration for [`strategy`] whose score is a curve of the fresh similarity alone: one half at 0.8, rising by `e` in the odds for
/// each 0.02. Candidates are served from a score of one half.
pub fn calibration() -> Calibration {
    let term = Term { feature: Feature::FreshSimilarity, mean: 0.8, scale: 0.02, coefficient: 1.0 };
    let bin = |i: u8| ScoreBin { from: f64::from(i) / 10.0, n: 40.0, wrong: if i < 5 { 20.0 } else { 0.0 } };
    Calibration {
        format: CALIBRATION_FORMAT,
        learnt_for: LearntFor::new(&strategy(), &model(), (0.05, 0.9)),
        model: Logistic { intercept: 0.0, terms: vec![term] },
        bins: (0..10).map(bin).collect(),
        hint: None,
        acceptance: Acceptance::Proven { score_min: 0.5, error_upper: 0.012 },
        projection: None,
        data_hash: "00".repeat(32),
        made_at: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
        figures: Figures::default(),
        why: "a fixture".to_owned(),
    }
}
