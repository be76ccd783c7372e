//! Units of measure.

use super::{expand, model, small, wrong};

fn amounts(objective: &str, constraints: &[&str]) -> String {
    let json = small(
        "lp",
        &[r#""name": "x", "lb": 0, "unit": "USD""#, r#""name": "h", "lb": 0, "unit": "hours""#],
        objective,
        constraints,
    );
    let parameters = r#""parameters": {"budget": {"value": 100, "unit": "USD"}, "rate": {"value": 30, "unit": "USD/hour"},
        "fee": {"value": 25, "unit": "bps"}, "part": {"value": 40, "unit": "%"}, "shift": {"value": 480, "unit": "minutes"}, "bare": 3}"#;
    json.replacen('{', &format!("{{{parameters}, "), 1)
}

#[test]
fn amounts_of_one_unit_are_added_and_compared() {
    let model = model(&amounts(
        "minimize x + rate * h",
        &["x + rate * h <= budget", "x >= 5", "h <= to(shift, \"hours\")", "x <= to(part * budget, USD)"],
    ));
    assert_eq!(model.unit().as_deref(), Some("USD"));
    let expanded = expand(&model);
    assert_eq!((expanded.program.rows[2].upper, expanded.program.rows[3].upper), (8.0, 40.0));
}

#[test]
fn a_mismatch_names_both_sides() {
    for (constraint, says) in [
        ("x <= shift", "the left side is in `USD` and this side in `minute`"),
        ("x + h <= budget", "this is in `hour` and is added to or set beside what is in `USD`"),
        ("h <= shift", "1 minute is 0.016666666666666666 hour, write `to(…, \"hour\")`"),
        ("x <= part * budget", "this side in `%*USD`; 1 %*USD is 0.01 USD, write `to(…, \"USD\")`"),
        ("fee * x <= budget", "the left side is in `USD*bps` and this side in `USD`"),
        ("x <= bare", "this side in no unit; where a name has none, give it a \"unit\""),
        ("x * 2 <= to(h, \"USD\")", "this is in `hour`, which no factor makes `USD`"),
    ] {
        let errors = wrong(&amounts("minimize x", &[constraint]));
        assert!(errors.iter().any(|error| error.detail.contains(says) && error.at.is_some()), "{constraint}: {errors:#?}");
    }
}

#[test]
fn a_stated_unit_of_the_objective_is_held_to() {
    let json = amounts("minimize x", &["x >= 1"]).replace(r#""sense": "minimize""#, r#""sense": "minimize", "unit": "hours""#);
    assert!(wrong(&json)[0].detail.contains("this is in `USD`, and `hour` is stated"), "{:?}", wrong(&json));
}

#[test]
fn without_any_unit_nothing_is_checked() {
    model(&small("lp", &[r#""name": "x", "lb": 0"#, r#""name": "h", "lb": 0"#], "minimize x + h", &["x + h >= 1"]));
}
