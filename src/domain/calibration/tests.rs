use super::fixture::{calibration, model, strategy};
use super::*;

#[test]
fn a_file_reads_back_as_it_was_written() {
    let json = serde_json::to_string_pretty(&calibration()).unwrap();
    assert_eq!(Calibration::parse(&json).unwrap(), calibration());
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
