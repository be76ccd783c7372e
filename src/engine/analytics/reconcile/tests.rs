use super::{
    Cell, Expectation, Frame, KeyCount, Outcome, Reconciliation, Record, Rule, Severity, Signals, Skip, delta, label, multiplied,
    probes, reconcile, sane, whole,
};
use crate::domain::answer::Confidence;
use crate::engine::analytics::compile::sql::Dialect;
use crate::engine::analytics::compile::{Column, ColumnRole, compile};
use crate::engine::analytics::intent::Intent;
use crate::engine::analytics::layer::Unit;
use crate::engine::analytics::layer::sample::library;
use proptest::prelude::*;

fn column(name: &str, role: ColumnRole, unit: Option<Unit>, range: Option<(f64, f64)>) -> Column {
    Column { name: name.to_owned(), role, unit, range }
}

fn by_town(rows: &[(&str, Option<f64>)]) -> Frame {
    let columns = vec![
        column("town", ColumnRole::Key, None, None),
        column("takings", ColumnRole::Value, Some(Unit::Money), Some((0.0, 1e6))),
    ];
    let cell = |number: &Option<f64>| number.map_or(Cell::Null, Cell::Number);
    Frame { columns, rows: rows.iter().map(|(town, number)| vec![Cell::Text((*town).to_owned()), cell(number)]).collect() }
}

fn scalar(number: f64) -> Frame {
    Frame { columns: vec![column("takings", ColumnRole::Value, Some(Unit::Money), None)], rows: vec![vec![Cell::Number(number)]] }
}

const GROUPED: Expectation<'_> = Expectation { grouped: true, whole: None, relaxed: None };

fn rules(frame: &Frame, expected: Expectation<'_>) -> Vec<(Rule, Severity)> {
    sane(frame, expected).into_iter().map(|finding| (finding.rule, finding.severity)).collect()
}

#[test]
fn a_sound_result_breaks_no_rule() {
    assert_eq!(rules(&by_town(&[("a", Some(1.0)), ("b", Some(2.0))]), Expectation { whole: Some(3.0), ..GROUPED }), []);
}

#[test]
fn each_rule_finds_what_it_is_for() {
    assert_eq!(rules(&by_town(&[]), GROUPED), [(Rule::Empty, Severity::Major)]);
    assert_eq!(rules(&by_town(&[("a", Some(0.0))]), GROUPED), [(Rule::AllZero, Severity::Minor)]);
    let negative = rules(&by_town(&[("a", Some(-1.0))]), GROUPED);
    assert_eq!(negative, [(Rule::NegativeMoney, Severity::Major), (Rule::OutOfRange, Severity::Major)]);
    assert_eq!(rules(&by_town(&[("a", Some(1.0)), ("a", Some(2.0))]), GROUPED), [(Rule::WrongGrain, Severity::Major)]);
    let missing = by_town(&[("a", Some(1.0)), ("b", None), ("c", None)]);
    assert_eq!(rules(&missing, GROUPED), [(Rule::Missing, Severity::Major)]);
    let twice = by_town(&[("a", Some(3.0)), ("b", Some(3.0))]);
    assert_eq!(rules(&twice, Expectation { whole: Some(3.0), ..GROUPED }), [(Rule::FanOut, Severity::Major)]);
    assert_eq!(
        rules(&by_town(&[("a", Some(1.0)), ("b", Some(1.0))]), Expectation::default()),
        [(Rule::WrongGrain, Severity::Major)]
    );
}

#[test]
fn an_empty_answer_that_its_threshold_explains_is_an_answer() {
    let relaxed = by_town(&[("a", Some(1.0))]);
    assert_eq!(rules(&by_town(&[]), Expectation { relaxed: Some(&relaxed), ..GROUPED }), [(Rule::Empty, Severity::Minor)]);
}

#[test]
fn the_two_bounds_part_agreement_nearness_and_disagreement() {
    let outcome = |other: f64| reconcile(&scalar(100.0), &scalar(other)).outcome;
    assert_eq!(outcome(101.9), Outcome::Agreed);
    assert_eq!(outcome(104.9), Outcome::Close);
    assert_eq!(outcome(106.0), Outcome::Disagreed);
    assert_eq!(outcome(-100.0), Outcome::Disagreed);
}

#[test]
fn groups_that_only_one_has_differ_however_near_the_others_are() {
    let result = reconcile(&by_town(&[("a", Some(1.0)), ("b", Some(2.0))]), &by_town(&[("a", Some(1.0)), ("c", Some(2.0))]));
    assert_eq!(result.outcome, Outcome::KeysDiffer);
    assert_eq!((result.only_first, result.only_second), (vec!["b".to_owned()], vec!["c".to_owned()]));
}

#[test]
fn rows_are_matched_by_key_and_the_worst_of_them_decides() {
    let first = by_town(&[("a", Some(100.0)), ("b", Some(50.0))]);
    let result = reconcile(&first, &by_town(&[("b", Some(80.0)), ("a", Some(100.0))]));
    assert_eq!(result.outcome, Outcome::Disagreed);
    assert_eq!(result.differences.len(), 1);
    assert_eq!(result.differences[0].key, "b");
}

#[test]
fn a_total_is_not_laid_beside_groups() {
    assert_eq!(reconcile(&by_town(&[("a", Some(1.0))]), &scalar(1.0)).outcome, Outcome::ShapesDiffer);
}

#[test]
fn the_label_is_the_lowest_that_any_signal_allows() {
    let labelled = |signals: Signals| label(&signals).label;
    let compared = |other: f64| vec![reconcile(&scalar(100.0), &scalar(other))];
    let skipped = |skip| vec![Reconciliation::skipped(skip)];
    assert_eq!(labelled(Signals { reconciliations: compared(100.0), ..Signals::default() }), Confidence::High);
    assert_eq!(labelled(Signals { reconciliations: compared(103.0), ..Signals::default() }), Confidence::Medium);
    assert_eq!(labelled(Signals { reconciliations: compared(150.0), ..Signals::default() }), Confidence::Low);
    assert_eq!(labelled(Signals { reconciliations: skipped(Skip::SingleDefinition), ..Signals::default() }), Confidence::High);
    assert_eq!(
        labelled(Signals { reconciliations: skipped(Skip::ComplementaryViews), ..Signals::default() }),
        Confidence::Medium
    );
    assert_eq!(labelled(Signals { reconciliations: skipped(Skip::InsufficientSiblings), ..Signals::default() }), Confidence::Low);
    assert_eq!(labelled(Signals { assumptions: vec!["one".to_owned()], ..Signals::default() }), Confidence::Medium);
    let failed = Signals { failed: Some("gone".to_owned()), reconciliations: compared(100.0), ..Signals::default() };
    assert_eq!(labelled(failed), Confidence::Unable);
}

#[test]
fn a_share_above_one_and_fewer_than_no_things_can_not_be_whatever_the_layer_says() {
    let one = |unit, number| Frame {
        columns: vec![column("it", ColumnRole::Value, Some(unit), None)],
        rows: vec![vec![Cell::Number(number)]],
    };
    assert_eq!(rules(&one(Unit::Share, 1.5), Expectation::default()), [(Rule::OutOfRange, Severity::Major)]);
    assert_eq!(rules(&one(Unit::Count, -1.0), Expectation::default()), [(Rule::OutOfRange, Severity::Major)]);
    assert_eq!(rules(&one(Unit::Number, -1.5), Expectation::default()), []);
}

#[test]
fn a_join_to_a_key_that_stands_twice_is_found_by_counting_it() {
    let count = |different| KeyCount { table: "members".to_owned(), column: "member_id".to_owned(), rows: 5, different };
    assert_eq!(multiplied(&[count(5)]), []);
    let found = multiplied(&[count(5), count(4)]);
    assert_eq!(
        found.iter().map(|finding| (finding.rule, finding.severity)).collect::<Vec<_>>(),
        [(Rule::FanOut, Severity::Major)]
    );
}

#[test]
fn the_keys_of_a_query_are_those_that_it_joins_to() {
    let mut intent = Intent::of("library", vec!["takings".to_owned()]);
    intent.dimensions = vec!["town".to_owned()];
    let compiled = compile(&library(), &intent, Dialect::Sqlite).expect("it compiles");
    let probes = probes(&library(), &compiled.primary, Dialect::Sqlite);
    let keys: Vec<(&str, &str)> = probes.iter().map(|probe| (probe.table.as_str(), probe.column.as_str())).collect();
    assert_eq!(keys, [("loans", "loan_id"), ("members", "member_id")]);
    assert_eq!(
        probes[1].sql,
        "SELECT COUNT(\"members\".\"member_id\"), COUNT(DISTINCT \"members\".\"member_id\") FROM \"members\" LIMIT 1"
    );
}

#[test]
fn only_parts_that_add_up_have_a_whole() {
    let of = |measure: &str, dimension: &str| {
        let mut intent = Intent::of("library", vec![measure.to_owned()]);
        intent.dimensions = vec![dimension.to_owned()];
        let compiled = compile(&library(), &intent, Dialect::Sqlite).expect("it compiles");
        whole(&library(), &intent, &compiled.primary)
    };
    assert_eq!(of("takings", "town"), Some(Intent::of("library", vec!["takings".to_owned()])));
    assert_eq!(of("average_fine", "town"), None);
    assert_eq!(of("loan_count", "shelf"), None, "a loan stands on each of its shelves");
}

#[test]
fn a_record_comes_back_from_its_json_and_tells_when_its_label_was_changed() {
    let signals = Signals {
        findings: sane(&by_town(&[("a", Some(-1.0))]), GROUPED),
        reconciliations: vec![reconcile(&scalar(100.0), &scalar(103.0)), Reconciliation::skipped(Skip::SingleDefinition)],
        assumptions: vec!["one".to_owned()],
        ..Signals::default()
    };
    let record = Record::of(signals);
    let mut read: Record = serde_json::from_str(&serde_json::to_string(&record).expect("written")).expect("read");
    assert_eq!(read, record);
    assert!(read.holds());
    read.derivation.label = Confidence::High;
    assert!(!read.holds());
}

proptest! {
    #[test]
    fn a_difference_is_symmetric_and_between_nought_and_two(a in any::<f64>(), b in any::<f64>()) {
        let (one, other) = (delta(a, b), delta(b, a));
        prop_assert_eq!(one.to_bits(), other.to_bits());
        prop_assert!((0.0..=2.0).contains(&one));
    }

    #[test]
    fn a_result_agrees_with_itself(rows in prop::collection::btree_map("[a-z]{1,4}", 0.0_f64..1e9, 1..20)) {
        let rows: Vec<(&str, Option<f64>)> = rows.iter().map(|(town, number)| (town.as_str(), Some(*number))).collect();
        prop_assert_eq!(reconcile(&by_town(&rows), &by_town(&rows)).outcome, Outcome::Agreed);
    }
}
