use super::super::ChartHint;
use super::super::tests::{at, by, told_as};
use crate::domain::sql_value::Cell;
use crate::engine::analytics::intent::period::{Level, Window};
use crate::engine::analytics::intent::{Comparison, Intent, Share};
use serde_json::{Value, json};

fn chart(intent: &Intent, rows: Vec<Vec<Cell>>, hint: Option<ChartHint>) -> Option<Value> {
    told_as(intent, rows, hint).chart
}

fn kinds(chart: &Value) -> Vec<&str> {
    chart["data"].as_array().into_iter().flatten().filter_map(|trace| trace["type"].as_str()).collect()
}

fn money(key: &str, value: f64) -> Vec<Cell> {
    vec![at(key), Cell::Number(value)]
}

#[test]
fn one_number_is_an_indicator_with_its_currency() {
    let chart = chart(&by("takings", &[]), vec![vec![Cell::Number(12.5)]], None).expect("a chart");
    assert_eq!(kinds(&chart), ["indicator"]);
    assert_eq!(chart["data"][0]["number"]["prefix"], "EUR ");
}

#[test]
fn groups_are_bars_with_the_greatest_first_and_at_most_thirty_of_them() {
    let names: Vec<String> = (0..40).map(|at| format!("t{at}")).collect();
    let rows = names.iter().enumerate().map(|(at, name)| money(name, f64::from(u32::try_from(at).expect("few")))).collect();
    let chart = chart(&by("takings", &["town"]), rows, None).expect("a chart");
    assert_eq!(kinds(&chart), ["bar"]);
    assert_eq!(chart["data"][0]["x"].as_array().map(Vec::len), Some(30));
    assert_eq!(chart["data"][0]["x"][0], "t39");
    assert_eq!(chart["layout"]["title"]["text"], "Takings by town, the first 30 of 40");
    assert_eq!(chart["layout"]["yaxis"]["title"]["text"], "takings (EUR)");
}

#[test]
fn steps_keep_their_own_order_and_a_sign_in_a_name_is_no_tag() {
    let rows = vec![money("<=0", 1.0), money("a week", 9.0), money("more", 3.0)];
    let chart = chart(&by("loan_count", &["delay"]), rows, None).expect("a chart");
    assert_eq!(chart["data"][0]["x"], json!(["&lt;=0", "a week", "more"]));
}

#[test]
fn time_is_a_line_and_other_groups_are_lines_of_their_own() {
    let mut intent = by("takings", &[]);
    intent.by_time = Some(Level::Month);
    let line = chart(&intent, vec![money("2017-01", 1.0), vec![at("2017-02"), Cell::Null]], None).expect("a chart");
    assert_eq!((kinds(&line), line["data"][0]["mode"].as_str()), (vec!["scatter"], Some("lines+markers")));
    assert_eq!(line["data"][0]["y"], json!([1.0, null]), "what is missing is a gap and not nought");
    intent.dimensions = vec!["town".to_owned()];
    let row = |town: &str, month: &str| vec![at(town), at(month), Cell::Number(1.0)];
    let lines = chart(&intent, vec![row("Aldham", "2017-01"), row("Borley", "2017-01"), row("Aldham", "2017-02")], None)
        .expect("a chart");
    assert_eq!(lines["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(lines["data"][0]["x"], json!(["2017-01", "2017-02"]));
}

#[test]
fn few_parts_of_a_whole_are_a_pie_and_many_are_bars() {
    let mut intent = by("takings", &["town"]);
    intent.share = Some(Share { of: Vec::new() });
    let row = |name: usize, of: f64| vec![at(&format!("t{name}")), Cell::Number(1.0 / of), Cell::Number(1.0), Cell::Number(of)];
    let few = chart(&intent, (0..4).map(|name| row(name, 4.0)).collect(), None).expect("a chart");
    assert_eq!(kinds(&few), ["pie"]);
    let many = chart(&intent, (0..8).map(|name| row(name, 8.0)).collect(), None).expect("a chart");
    assert_eq!(kinds(&many), ["bar"]);
}

#[test]
fn two_dimensions_are_grouped_bars_or_a_heat_map() {
    let row = |town: &str, district: usize| vec![at(town), at(&format!("d{district}")), Cell::Number(1.0)];
    let intent = by("takings", &["town", "district"]);
    let towns = |count: usize| (0..count).map(|town| format!("t{town}")).collect::<Vec<_>>();
    let rows =
        |count: usize| towns(count).iter().flat_map(|town| (0..count).map(|at| row(town, at)).collect::<Vec<_>>()).collect();
    assert_eq!(kinds(&chart(&intent, rows(3), None).expect("a chart")), ["bar", "bar", "bar"]);
    assert_eq!(kinds(&chart(&intent, rows(20), None).expect("a chart")), ["heatmap"]);
}

#[test]
fn a_comparison_of_groups_has_a_bar_for_each_period() {
    let mut intent = by("takings", &["town"]);
    let (before, after) = (Window::year(2017).expect("a year"), Window::year(2018).expect("a year"));
    intent.comparison = Some(Comparison { before, after, direction: None });
    let rows = vec![vec![at("Aldham"), Cell::Number(1.0), Cell::Number(2.0), Cell::Number(1.0)]];
    let chart = chart(&intent, rows, None).expect("a chart");
    assert_eq!(kinds(&chart), ["bar", "bar"]);
    assert_eq!(chart["data"][1]["name"], "takings in 2018");
    assert_eq!(chart["layout"]["barmode"], "group");
}

#[test]
fn a_hint_is_followed_where_the_rows_can_be_drawn_so() {
    let intent = by("takings", &["town"]);
    let rows = || vec![money("Aldham", 1.0), money("Borley", 2.0)];
    for (hint, kind) in [
        (ChartHint::Bar, "bar"),
        (ChartHint::Line, "scatter"),
        (ChartHint::Pie, "pie"),
        (ChartHint::Scatter, "scatter"),
        (ChartHint::Heatmap, "bar"),
        (ChartHint::Table, "table"),
    ] {
        assert_eq!(kinds(&chart(&intent, rows(), Some(hint)).expect("a chart")), [kind], "{hint:?}");
    }
    assert_eq!(chart(&intent, rows(), Some(ChartHint::None)), None);
}
