use super::super::super::compile::{Column, ColumnRole};
use super::super::super::reconcile::{Cell, Frame, Outcome};
use super::super::shape;
use super::stage::{BY_TOWN, House, Script, Stage, two_towns};
use crate::domain::answer::Confidence;

fn column(name: &str, role: ColumnRole) -> Column {
    Column { name: name.to_owned(), role, unit: None, range: None }
}

fn sibling(rows: &[(&str, i64)]) -> Frame {
    let row = |(town, n): &(&str, i64)| vec![Cell::Text((*town).to_owned()), Cell::Integer(*n)];
    Frame {
        columns: vec![column("member_town", ColumnRole::Key), column("loan_count", ColumnRole::Value)],
        rows: rows.iter().map(row).collect(),
    }
}

async fn worth(rows: &[(&str, i64)]) -> (Confidence, Outcome, String) {
    let stage = Stage { sibling: Some(sibling(rows)), ..Stage::new() };
    let model = Script::new().plans(&["loans"]).writes(BY_TOWN).finds(true, "");
    let answered = stage.answered(&model, &House::new(|_| Ok(two_towns()))).await;
    let reasons: Vec<String> = answered.derivation.reasons.iter().map(|(_, reason)| reason.clone()).collect();
    let outcome = answered.reconciliation.expect("both were compared").outcome;
    (answered.derivation.label, outcome, reasons.join("; "))
}

#[tokio::test]
async fn a_sibling_that_agrees_lifts_the_label_and_one_that_does_not_lowers_it_and_is_told() {
    let (label, outcome, _) = worth(&[("Borley", 5), ("Aldham", 3)]).await;
    assert_eq!((label, outcome), (Confidence::High, Outcome::Agreed));
    let (label, outcome, told) = worth(&[("Aldham", 3), ("Borley", 9)]).await;
    assert_eq!((label, outcome), (Confidence::Low, Outcome::Disagreed));
    assert!(told.contains("another definition disagrees"), "{told}");
    let (label, outcome, _) = worth(&[("Aldham", 3)]).await;
    assert_eq!((label, outcome), (Confidence::Low, Outcome::KeysDiffer));
}

#[tokio::test]
async fn of_several_parts_none_is_held_against_the_sibling() {
    let stage = Stage { sibling: Some(sibling(&[("Aldham", 3), ("Borley", 5)])), ..Stage::new() };
    let model = Script::new().plans(&["a", "b"]).writes(BY_TOWN).writes(BY_TOWN).finds(true, "").finds(true, "");
    let answered = stage.answered(&model, &House::new(|_| Ok(two_towns()))).await;
    assert_eq!((answered.reconciliation, answered.derivation.label), (None, Confidence::Medium));
}

#[test]
fn keys_are_laid_beside_those_with_the_same_values_whatever_they_are_called() {
    let text = |text: &str| Cell::Text(text.to_owned());
    let like = Frame {
        columns: vec![column("state", ColumnRole::Key), column("year", ColumnRole::Key), column("v", ColumnRole::Value)],
        rows: vec![vec![text("SP"), text("2017"), Cell::Integer(1)]],
    };
    let frame = Frame {
        columns: vec![column("n", ColumnRole::Value), column("y", ColumnRole::Key), column("s", ColumnRole::Key)],
        rows: vec![vec![Cell::Integer(1), text("2017"), text("SP")]],
    };
    let aligned = shape::aligned(&frame, &like);
    let names: Vec<&str> = aligned.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["state", "year", "n"]);
    assert_eq!(aligned.rows[0], [text("SP"), text("2017"), Cell::Integer(1)]);
}
