use super::fixture::{calibration, model, strategy};
use super::*;

#[test]
fn a_file_reads_back_as_it_was_written() {
    let json = serde_json::to_string_pretty(&calibration()).unwrap();
    assert_eq!(Calibration::parse(&json).unwrap(), calibration());
}

/// As a file was written before there were projections.
const BEFORE_PROJECTIONS: &str = r#"{
  "format": 1,
  "learnt_for": {
    "strategy": "s", "strategy_version": 2, "model": "minilm@1234", "composition": "sum", "weights": [0.3, 0.7],
    "thresholds": {"tau": 0.9, "tau_fresh": 0.8}, "error_budget": 0.05, "confidence": 0.9
  },
  "model": {"intercept": 0.0, "terms": [{"feature": "fresh_similarity", "mean": 0.8, "scale": 0.02, "coefficient": 1.0}]},
  "bins": [{"from": 0.0, "n": 40.0, "wrong": 20.0}, {"from": 0.5, "n": 40.0, "wrong": 0.0}],
  "acceptance": {"state": "proven", "score_min": 0.5, "error_upper": 0.012},
  "data_hash": "00", "made_at": "2026-01-01T00:00:00Z",
  "figures": {
    "fit": {"candidates": 0, "candidates_wrong": 0, "served": 0, "served_wrong": 0, "hit_rate": 0.0, "error": 0.0, "error_low": 0.0, "error_high": 0.0, "error_upper": 0.0},
    "calibrate": {"candidates": 0, "candidates_wrong": 0, "served": 0, "served_wrong": 0, "hit_rate": 0.0, "error": 0.0, "error_low": 0.0, "error_high": 0.0, "error_upper": 0.0},
    "test": {"candidates": 0, "candidates_wrong": 0, "served": 0, "served_wrong": 0, "hit_rate": 0.0, "error": 0.0, "error_low": 0.0, "error_high": 0.0, "error_upper": 0.0}
  },
  "why": "a fixture"
}"#;

#[test]
fn a_file_from_before_there_were_projections_still_reads_and_holds() {
    let read = Calibration::parse(BEFORE_PROJECTIONS).unwrap();
    assert_eq!(read.projection, None);
    assert_eq!(read.check_against(&strategy()), Ok(()));
    assert_eq!(read.check_dimensions(&strategy(), 384), Ok(()));
    assert!(!serde_json::to_string(&read).unwrap().contains("projection"));
}

#[test]
fn a_projection_is_part_of_the_file_and_its_damage_is_named_with_the_place() {
    let projection = Projection::new(4, vec![0.5; 8], 0.993).unwrap();
    let with = Calibration { projection: Some(Arc::new(projection)), ..calibration() };
    let written = serde_json::to_string(&with).unwrap();
    assert_eq!(Calibration::parse(&written).unwrap(), with);
    let pointer = |text: &str| Calibration::parse(text).unwrap_err().pointer;
    assert_eq!(pointer(&written.replace("\"to\":2", "\"to\":3")), "/projection/matrix");
    assert_eq!(pointer(&written.replace("AAAAPwAAAD8", "AAAAPwAAAD4")), "/projection/digest");
    assert_eq!(pointer(&serde_json::to_string(&with.in_short()).unwrap()), "/projection/matrix");
    assert_eq!(with.check_against(&strategy()).unwrap_err().pointer, "/projection", "a sum has no dimensions to spare");
}

#[test]
fn a_calibration_holds_for_what_it_was_learnt_for() {
    assert_eq!(calibration().check_against(&strategy()), Ok(()));
    assert_eq!(calibration().check_model(&model()), Ok(()));
}

#[test]
fn each_difference_is_named_with_its_field() {
    type Change = fn(&mut Strategy);
    let changes: [(&str, Change); 9] = [
        ("strategy", |s| s.name = StrategyName::new("t").unwrap()),
        ("strategy_version", |s| s.version = 3),
        ("composition", |s| s.composition = Composition::Concat),
        ("weights", |s| (s.slots[0].weight, s.slots[1].weight) = (0.31, 0.69)),
        ("weights", |s| drop(s.slots.pop())),
        ("thresholds/tau", |s| s.thresholds.tau = 0.91),
        ("thresholds/tau_fresh", |s| s.thresholds.tau_fresh = 0.81),
        ("error_budget", |s| s.budget.as_mut().unwrap().error_budget = 0.1),
        ("confidence", |s| s.budget.as_mut().unwrap().confidence = 0.95),
    ];
    for (field, change) in changes {
        let mut strategy = strategy();
        change(&mut strategy);
        let error = calibration().check_against(&strategy).unwrap_err();
        assert_eq!(error.pointer, format!("/learnt_for/{field}"), "{error}");
    }
    let error = calibration().check_model(&ModelRef::parse("minilm@9999").unwrap()).unwrap_err();
    assert!(error.detail.contains("minilm@1234") && error.detail.contains("minilm@9999"), "{error}");
}

#[test]
fn a_file_that_is_damaged_is_refused_with_the_place() {
    let written = serde_json::to_value(calibration()).unwrap();
    for (pointer, value) in [
        ("/format", serde_json::json!(2)),
        ("/learnt_for/error_budget", serde_json::json!(0.5)),
        ("/learnt_for/confidence", serde_json::json!(1.0)),
        ("/learnt_for/weights", serde_json::json!("x")),
        ("/model/terms/0/scale", serde_json::json!(0.0)),
        ("/model/terms/0/feature", serde_json::json!("mood")),
        ("/bins/3", serde_json::json!({"from": 0.0, "n": 1.0, "wrong": 0.0})),
        ("/bins/3", serde_json::json!({"from": 0.3, "n": 1.0, "wrong": 2.0})),
        ("/acceptance/score_min", serde_json::json!(1.5)),
    ] {
        let mut damaged = written.clone();
        *damaged.pointer_mut(pointer).unwrap() = value;
        assert_eq!(Calibration::parse(&damaged.to_string()).unwrap_err().pointer, pointer);
    }
    let mut more = written;
    more["mood"] = serde_json::json!(1);
    assert!(Calibration::parse(&more.to_string()).unwrap_err().detail.contains("mood"));
    assert!(Calibration::parse("{} {}").is_err());
}
