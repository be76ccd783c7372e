//! Calibration files: read beside the strategy's own, and refused where they were learnt for something else.

use super::service::project;
use instinct::app::{check_calibrations, read_strategies};
use instinct::config::{Config, Overrides};
use instinct::decide::Strategies;
use instinct::domain::calibration::{
    Acceptance, CALIBRATION_FORMAT, Calibration, Feature, Figures, LearntFor, Logistic, ScoreBin, Term,
};
use instinct::domain::component::ModelRef;
use instinct::domain::projection::Projection;
use instinct::domain::strategy::Strategy;
use instinct::domain::time::Timestamp;
use std::fs;
use tempfile::TempDir;

fn model() -> ModelRef {
    ModelRef::parse("hashing-64@1").unwrap()
}

fn strategy_file() -> String {
    let shipped = fs::read_to_string(project().join("strategies/news-impact.toml")).unwrap();
    assert!(shipped.contains("error_budget = 0.01"));
    format!("calibration = \"news.json\"\n{shipped}")
}

fn learnt() -> Calibration {
    let strategy = Strategy::from_toml(&strategy_file()).unwrap();
    let term = Term { feature: Feature::FreshSimilarity, mean: 0.8, scale: 0.1, coefficient: 2.0 };
    Calibration {
        format: CALIBRATION_FORMAT,
        learnt_for: LearntFor::new(&strategy, &model(), (0.01, 0.95)),
        model: Logistic { intercept: 3.0, terms: vec![term] },
        bins: vec![ScoreBin { from: 0.0, n: 900.0, wrong: 2.0 }],
        hint: None,
        acceptance: Acceptance::Proven { score_min: 0.0, error_upper: 0.007 },
        projection: None,
        data_hash: "00".repeat(32),
        made_at: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
        figures: Figures::default(),
        why: "a test".to_owned(),
    }
}

/// What a folder with this strategy and this calibration reads as.
fn read(strategy: &str, calibration: Option<&str>) -> Result<Strategies, String> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("s.toml"), strategy).unwrap();
    if let Some(text) = calibration {
        fs::write(folder.path().join("news.json"), text).unwrap();
    }
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = folder.path().to_owned();
    read_strategies(&config.strategies, &instinct::app::ENGINES).map_err(|error| error.to_string())
}

#[test]
fn a_calibration_that_fits_is_read_with_its_strategy() {
    let strategies = read(&strategy_file(), Some(&serde_json::to_string(&learnt()).unwrap())).unwrap();
    assert_eq!(**strategies.calibrations.values().next().unwrap(), learnt());
    check_calibrations(&strategies, (&model(), 64)).unwrap();
}

#[test]
fn a_calibration_that_is_missing_damaged_or_of_other_weights_is_refused_by_name() {
    let good = serde_json::to_string(&learnt()).unwrap();
    let error = read(&strategy_file(), None).unwrap_err();
    assert!(error.contains("news.json"), "{error}");
    let error = read(&strategy_file(), Some(&good[..good.len() - 1])).unwrap_err();
    assert!(error.contains("news.json") && error.contains("news-impact"), "{error}");
    let other = strategy_file().replace("weight = 0.60", "weight = 0.50").replace("weight = 0.20", "weight = 0.30");
    let error = read(&other, Some(&good)).unwrap_err();
    assert!(error.contains("/learnt_for/weights") && error.contains("tune again"), "{error}");
}

#[test]
fn a_calibration_of_another_model_is_refused_by_name() {
    let strategies = read(&strategy_file(), Some(&serde_json::to_string(&learnt()).unwrap())).unwrap();
    let error = check_calibrations(&strategies, (&ModelRef::parse("minilm@7").unwrap(), 64)).unwrap_err().to_string();
    assert!(error.contains("hashing-64@1") && error.contains("minilm@7"), "{error}");
}

/// The shipped strategy and its calibration with vectors side by side and a projection that takes so many dimensions.
fn side_by_side(from: usize) -> (String, Calibration) {
    let file = strategy_file().replace("composition = \"sum\"", "composition = \"concat\"");
    let strategy = Strategy::from_toml(&file).unwrap();
    let projection = Projection::new(from, vec![0.5; from * 2], 0.995).unwrap();
    let learnt_for = LearntFor::new(&strategy, &model(), (0.01, 0.95));
    (file, Calibration { learnt_for, projection: Some(projection.into()), ..learnt() })
}

#[test]
fn a_projection_that_does_not_fit_the_slots_and_the_embedder_is_refused_with_both_numbers() {
    let (file, fitting) = side_by_side(4 * 64);
    let strategies = read(&file, Some(&serde_json::to_string(&fitting).unwrap())).unwrap();
    assert_eq!(strategies.projections.len(), 1);
    check_calibrations(&strategies, (&model(), 64)).unwrap();
    let error = check_calibrations(&strategies, (&model(), 32)).unwrap_err().to_string();
    assert!(error.contains("/projection/from") && error.contains("256") && error.contains("128"), "{error}");
    let (file, other) = side_by_side(3 * 64);
    let strategies = read(&file, Some(&serde_json::to_string(&other).unwrap())).unwrap();
    let error = check_calibrations(&strategies, (&model(), 64)).unwrap_err().to_string();
    assert!(error.contains("/projection/from") && error.contains("192"), "{error}");
    let (_, mut summed) = side_by_side(4 * 64);
    summed.learnt_for = learnt().learnt_for;
    let error = read(&strategy_file(), Some(&serde_json::to_string(&summed).unwrap())).unwrap_err();
    assert!(error.contains("/projection") && error.contains("concat"), "{error}");
}

#[test]
fn a_calibration_from_before_there_were_projections_reads_as_one_without() {
    let written = serde_json::to_string(&learnt()).unwrap();
    assert!(!written.contains("projection"), "{written}");
    let strategies = read(&strategy_file(), Some(&written)).unwrap();
    assert!(strategies.projections.is_empty());
}
