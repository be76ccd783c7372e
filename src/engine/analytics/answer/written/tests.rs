use super::*;
use crate::engine::analytics::compile::{Column, Query};
use crate::engine::analytics::layer::sample::LIBRARY;
use crate::engine::analytics::layer::{Layer, Unit};
use crate::engine::analytics::reconcile::{Reconciliation, Skip};
use crate::engine::analytics::written::{Attempt, Because};
use jiff::civil::date;
use std::sync::Arc;

fn words() -> Words {
    let yaml = LIBRARY.replacen("version: 3", "version: 3\ncurrency: EUR", 1);
    Words::new(Arc::new(Layer::read(&yaml).expect("a layer")))
}

fn column(name: &str, role: ColumnRole, unit: Option<Unit>) -> Column {
    Column { name: name.to_owned(), role, unit, range: None }
}

fn part(question: &str, columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> Part {
    let query = Query {
        definition: "language model tiny, prompts 1".to_owned(),
        sql: "SELECT 1".to_owned(),
        bindings: Vec::new(),
        inlined: "SELECT 1".to_owned(),
        columns: columns.clone(),
        overlapping: false,
        attributed: false,
        assumptions: vec!["assumed: every loan counts".to_owned()],
        names: vec!["loans".to_owned()],
    };
    let attempt = Attempt { sql: "SELECT 1".to_owned(), because: Because::Asked, rows: Some(rows.len()), wrong: None };
    Part {
        question: question.to_owned(),
        query,
        frame: Frame { columns, rows },
        explanation: "Counts the loans of each town".to_owned(),
        attempts: vec![attempt],
        review: Review::Agreed { round: 1 },
    }
}

fn towns(rows: &[(&str, i64)]) -> Part {
    let columns = vec![column("town", ColumnRole::Key, None), column("late_loans", ColumnRole::Value, Some(Unit::Count))];
    part(
        "late loans by town",
        columns,
        rows.iter().map(|(town, n)| vec![Cell::Text((*town).to_owned()), Cell::Integer(*n)]).collect(),
    )
}

fn answered(parts: Vec<Part>) -> Answered {
    let reasons = vec![(Confidence::Medium, "the query was written by a language model".to_owned())];
    Answered { parts, missing: Vec::new(), reconciliation: None, derivation: Derivation { label: Confidence::Medium, reasons } }
}

fn told(parts: Vec<Part>) -> DataAnswer {
    written(&words(), &answered(parts), ("late loans by town", date(2018, 10, 17)), None)
}

#[test]
fn groups_are_told_by_both_ends_with_what_the_query_computes_and_its_query() {
    let answer = told(vec![towns(&[("Aldham", 3), ("Borley", 5), ("Crake", 1)])]);
    assert_eq!(
        answer.text,
        "Counts the loans of each town. There are 3 rows [Q1]. The highest late loans is that of Borley: 5 [Q1]. \
         The lowest is that of Crake: 1 [Q1]."
    );
    assert_eq!((answer.label, answer.claims.len()), (Confidence::Medium, 3));
    let table = answer.table.expect("it has rows");
    assert_eq!((table.columns[1].title.as_str(), table.rows.len()), ("late loans", 3));
    assert_eq!(answer.chart.expect("bars")["data"][0]["type"], "bar");
    assert_eq!(answer.report.sources[0].tables, ["loans"]);
    assert!(answer.report.method[0].contains("language model tiny"), "{:?}", answer.report.method);
    assert_eq!(answer.assumptions, ["assumed: every loan counts"]);
}

#[test]
fn one_number_has_its_unit_and_a_number_that_the_rows_do_not_give_is_not_said() {
    let mut one = part("fines", vec![column("fines", ColumnRole::Value, Some(Unit::Money))], vec![vec![Cell::Number(12.5)]]);
    one.explanation = "Sums 4711 fines".to_owned();
    let answer = told(vec![one]);
    assert_eq!(answer.text, "Fines: EUR 12.50 [Q1].");
    assert_eq!(answer.chart.expect("a number")["data"][0]["type"], "indicator");
}

#[test]
fn each_part_cites_its_own_query_and_has_its_own_table() {
    let answer = told(vec![towns(&[("Aldham", 3), ("Borley", 5)]), towns(&[("Crake", 7)])]);
    assert!(answer.text.contains("Borley: 5 [Q1]") && answer.text.contains("Crake: 7 [Q2]"), "{}", answer.text);
    assert_eq!(answer.queries.iter().map(|query| query.purpose).collect::<Vec<_>>(), [QueryPurpose::Primary, QueryPurpose::Part]);
    assert_eq!(answer.further.len(), 1);
}

#[test]
fn nothing_that_came_back_is_told_as_that() {
    let answer = told(vec![towns(&[])]);
    assert!(answer.text.ends_with("No row came back."), "{}", answer.text);
    assert_eq!(answer.chart, None);
}

#[test]
fn a_key_of_months_is_drawn_as_a_line_along_time_and_the_table_keeps_the_order_of_the_query() {
    let columns = vec![column("month", ColumnRole::Key, None), column("loans", ColumnRole::Value, Some(Unit::Count))];
    let row = |month: &str, n| vec![Cell::Text(month.to_owned()), Cell::Integer(n)];
    let answer = told(vec![part("loans by month", columns, vec![row("2017-03", 9), row("2017-01", 4), row("2017-02", 6)])]);
    let chart = answer.chart.expect("a line");
    assert_eq!(
        (&chart["data"][0]["type"], &chart["data"][0]["x"]),
        (&serde_json::json!("scatter"), &serde_json::json!(["2017-01", "2017-02", "2017-03"]))
    );
    assert_eq!(answer.table.expect("it has rows").rows[0], row("2017-03", 9));
}

#[test]
fn a_second_way_lifts_or_lowers_only_where_it_was_compared_and_found_right() {
    let with = |outcome, review| {
        let mut one = towns(&[("Aldham", 3)]);
        one.review = review;
        let reconciliation =
            Some(Reconciliation { outcome, delta: Some(0.5), ..Reconciliation::skipped(Skip::SingleDefinition) });
        confirmed(&Answered { reconciliation, ..answered(vec![one]) }).map(|(allows, _)| allows)
    };
    assert_eq!(with(Outcome::Agreed, Review::Agreed { round: 1 }), Some(Confidence::High));
    assert_eq!(with(Outcome::Disagreed, Review::Agreed { round: 2 }), Some(Confidence::Low));
    assert_eq!(with(Outcome::ShapesDiffer, Review::Agreed { round: 1 }), None);
    assert_eq!(with(Outcome::Disagreed, Review::Disagreed { problem: String::new() }), None);
    assert_eq!(confirmed(&answered(vec![towns(&[("Aldham", 3)])])), None);
}
