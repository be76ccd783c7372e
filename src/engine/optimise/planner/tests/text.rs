//! The words of a plan, and its figure.

use super::models::{fees, fund, model, routing};
use super::{planner, soon};
use crate::domain::plan::PlanReport;
use crate::engine::optimise::planner::Asked;
use crate::solver::Cancel;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn plan(json: &Value) -> PlanReport {
    planner().plan(&model(json), &Asked::default(), soon(), &Cancel::default()).unwrap()
}

/// The numbers of a text as they are printed, each with the half of its last digit: `$12.5M` is 12.5 million to 50,000.
fn printed(text: &str) -> Vec<(f64, f64)> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let before = at.checked_sub(1).map(|before| chars[before]);
        // A digit within a name, as in `x_1` or `t1`, is no number.
        let named = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        if !chars[at].is_ascii_digit() || named {
            at += 1;
            continue;
        }
        let end = (at..chars.len()).find(|&end| {
            !(chars[end].is_ascii_digit() || (chars[end] == '.' && chars.get(end + 1).is_some_and(char::is_ascii_digit)))
        });
        let end = end.unwrap_or(chars.len());
        let digits: String = chars[at..end].iter().collect();
        let places = digits.split_once('.').map_or(0, |(_, after)| after.len());
        let scale = match chars.get(end) {
            Some('k') => 1e3,
            Some('M') => 1e6,
            Some('B') => 1e9,
            Some('T') => 1e12,
            Some('%') => 1e-2,
            _ => 1.0,
        };
        let step = 0.5 * 10f64.powi(-(places as i32)) * scale;
        found.push((digits.parse::<f64>().unwrap() * scale, step * 1.000_001));
        at = end;
    }
    found
}

/// All numbers in the fields of a report but its text: those that are numbers, and those that are printed in its strings.
fn fields(value: &Value, into: &mut Vec<f64>) {
    match value {
        Value::Number(number) => into.push(number.as_f64().unwrap().abs()),
        Value::String(text) => into.extend(printed(text).into_iter().map(|(number, _)| number)),
        Value::Array(items) => items.iter().for_each(|item| fields(item, into)),
        Value::Object(members) => {
            for (name, item) in members {
                into.extend(printed(name).into_iter().map(|(number, _)| number));
                fields(item, into);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn unbacked(report: &PlanReport, json: &Value) -> Vec<f64> {
    let mut value = serde_json::to_value(report).unwrap();
    // What is written must not vouch for itself: what stands in sentences has to be a number of another field, or a parameter's.
    value.as_object_mut().unwrap().retain(|name, _| !["text", "chart", "risks", "next", "assumptions"].contains(&name.as_str()));
    let mut known: Vec<f64> = model(json).parameters().iter().map(|leaf| leaf.value.abs()).collect();
    known.extend(report.assumptions.iter().flat_map(|one| printed(&one.source)).map(|(number, _)| number));
    fields(&value, &mut known);
    let backed = |number: f64, step: f64| known.iter().any(|known| (known - number).abs() <= step);
    let sentences = [&report.risks[..], &report.next[..]].concat();
    let all = std::iter::once(&report.text).chain(&sentences).flat_map(|text| printed(text));
    all.filter(|&(number, step)| !backed(number, step)).map(|(number, _)| number).collect()
}

#[test]
fn every_number_of_the_text_is_one_of_the_report() {
    let mut tight = fund();
    tight["parameters"]["max_pct"] = json!(0.3);
    let mut open = fund();
    open["objective"]["sense"] = json!("maximize");
    open["constraints"] = json!(["x_btc >= 3"]);
    for json in [fund(), tight, open, routing([11.0 / 3.0, 5.0 / 3.0, 5.0 / 3.0]), fees()] {
        let report = plan(&json);
        assert!(report.text.len() > 200, "{}", report.text);
        assert_eq!(unbacked(&report, &json), [0.0_f64; 0], "{}", report.text);
    }
}

#[test]
fn the_test_of_numbers_sees_one_that_is_made_up() {
    let mut report = plan(&fund());
    report.text.push_str("\nThis saves $1.7M, or 12.6%.");
    assert_eq!(unbacked(&report, &fund()), [1.7e6, 0.126]);
}

#[test]
fn an_unbounded_model_names_the_variable_and_the_bound_that_it_lacks() {
    let report = plan(&json!({
        "model_type": "lp",
        "decision_variables": [{"name": "make", "lb": 0}, {"name": "buy", "lb": 0, "ub": 4}],
        "objective": {"sense": "maximize", "expression": "3 * make + buy"},
        "constraints": [{"name": "least", "expression": "make + buy >= 2"}]
    }));
    assert_eq!(report.ray, BTreeMap::from([("make".to_owned(), 1.0)]));
    assert!(report.text.contains("make grows for ever: it has no upper bound"), "{}", report.text);
    assert_eq!(report.next, ["What is the upper bound of make?"]);
}

#[test]
fn an_allocation_is_drawn_as_bars_and_a_choice_of_yes_or_no_is_not_drawn() {
    let report = plan(&fund());
    let data = &report.chart.unwrap()["data"][0];
    assert_eq!(data["x"], json!(["x_btc", "x_eth", "x_sol"]));
    assert_eq!(data["text"], json!(["20.0M (40%)", "20.0M (40%)", "10.0M (20%)"]));
    assert_eq!(plan(&fees()).chart, None);
}

#[test]
fn a_sequence_is_drawn_as_stretches_of_time() {
    let report = plan(&json!({
        "model_type": "cp",
        "sets": {"job": ["paint", "dry"]},
        "decision_variables": [{"name": "start", "index": ["job"], "type": "integer", "lb": 0, "ub": 6}],
        "parameters": {"duration": {"paint": 2, "dry": 3}},
        "objective": {"sense": "minimize", "expression": "start[paint] + 2 * start[dry]"},
        "constraints": [{"name": "one_at_a_time", "expression": "no_overlap(start, duration)"}, {"name": "order", "expression": "start[dry] >= start[paint] + 1"}]
    }));
    let data = &report.chart.as_ref().unwrap()["data"][0];
    assert_eq!((&data["y"], &data["base"], &data["x"]), (&json!(["paint", "dry"]), &json!([0.0, 2.0]), &json!([2.0, 3.0])));
    assert_eq!(report.binding.iter().map(|one| one.constraint.as_str()).collect::<Vec<_>>(), ["one_at_a_time"]);
}

#[test]
fn an_assignment_reads_as_who_gets_what() {
    let report = plan(&json!({
        "model_type": "mip",
        "sets": {"task": ["call", "mail", "file"], "who": ["ann", "bob"]},
        "decision_variables": [{"name": "does", "index": ["task", "who"], "type": "binary"}],
        "parameters": {"cost": {"call": {"ann": 1, "bob": 4}, "mail": {"ann": 2, "bob": 2.5}, "file": {"ann": 1, "bob": 3}}, "most": 2},
        "objective": {"sense": "minimize", "expression": "sum(t in task, w in who: cost[t, w] * does[t, w])"},
        "constraints": [
            {"name": "once", "for": "t in task", "expression": "sum(w in who: does[t, w]) == 1"},
            {"name": "load", "for": "w in who", "expression": "sum(t in task: does[t, w]) <= most"}
        ]
    }));
    assert!(report.text.contains("Decision:\n  ann: call, file\n  bob: mail\n"), "{}", report.text);
    let binding: Vec<_> = report.binding.iter().map(|one| one.constraint.as_str()).collect();
    assert!(binding.contains(&"load[ann]") && !binding.contains(&"load[bob]"), "{binding:?}");
}
