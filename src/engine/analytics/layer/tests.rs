use super::Layer;
use super::expression::{Expression, Operator};
use super::sample::{LIBRARY, library};
use proptest::prelude::*;
use std::path::Path;

fn refused(from: &str, to: &str) -> crate::domain::field::FieldError {
    assert!(LIBRARY.contains(from), "the sample has no `{from}`");
    Layer::read(&LIBRARY.replacen(from, to, 1)).expect_err("the layer is wrong")
}

#[test]
fn an_unknown_key_is_refused_at_its_pointer() {
    let error = refused("  town: {comment:", "  town: {colour: red, comment:");
    assert_eq!(error.pointer, "/dimensions/town/colour");
    assert!(error.detail.contains("colour"), "{error}");
}

#[test]
fn a_column_that_no_table_has_is_refused_where_it_is_named() {
    assert_eq!(refused("value: sum(amount)", "value: sum(amounts)").pointer, "/measures/takings/value");
    assert_eq!(refused("one: members.member_id", "one: members.id").pointer, "/joins/0/one");
    assert_eq!(refused("column: loans.back_at", "column: loans.status").pointer, "/times/back/column");
}

#[test]
fn a_condition_that_only_a_multiplying_join_reaches_is_refused() {
    let error = refused("where: back_at is null", "where: fines.amount > 1");
    assert_eq!(error.pointer, "/glossary/open_loan/where");
    assert!(error.detail.contains("twice"), "{error}");
}

#[test]
fn a_measure_without_an_aggregate_and_a_filter_with_one_are_refused() {
    assert_eq!(refused("value: avg(amount)", "value: amount").pointer, "/measures/average_fine/value");
    assert_eq!(refused("where: loans.status <> 'void'", "where: count() > 1").pointer, "/measures/takings/where");
    assert_eq!(refused("value: avg(amount)", "value: avg(sum(amount))").pointer, "/measures/average_fine/value");
}

#[test]
fn a_measure_that_another_names_and_that_is_not_there_is_refused_where_it_is_named() {
    for field in ["complement", "counted", "worth", "lasts"] {
        let error = refused("    stepped: delay\n", &format!("    stepped: delay\n    {field}: lateness\n"));
        assert_eq!(error.pointer, format!("/measures/on_time_rate/{field}"));
    }
    let error = refused("    stepped: delay\n", "    stepped: delay\n    of_each: [loan_count, lateness]\n");
    assert_eq!(error.pointer, "/measures/on_time_rate/of_each");
    let error = refused("    stepped: delay\n", "    stepped: delay\n    complement: takings\n");
    assert!(error.detail.contains("shares"), "{error}");
}

#[test]
fn a_join_to_a_column_that_is_no_key_is_refused() {
    assert_eq!(refused("one: branches.branch_id", "one: branches.district").pointer, "/joins/1/one");
}

#[test]
fn a_name_that_a_quote_could_be_in_is_refused() {
    let error = refused("  takings_by_fees: {", "  'takings\"by': {");
    assert_eq!(error.pointer, "/measures/takings\"by");
}

#[test]
fn a_currency_is_a_code_and_not_a_sign() {
    assert_eq!(refused("version: 3", "version: 3\ncurrency: R$").pointer, "/currency");
    assert!(Layer::read(&LIBRARY.replacen("version: 3", "version: 3\ncurrency: BRL", 1)).is_ok());
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    assert!(Layer::read("name: a\nname: b\nversion: 1\ncomment: c\ntables: {}\nmeasures: {}\n").is_err());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Layer::load(Path::new("layers/nowhere.yaml")).expect_err("there is no such file");
    assert!(error.to_string().contains("nowhere.yaml"), "{error}");
}

#[test]
fn the_layer_of_the_marketplace_is_read() {
    let layer = Layer::load(Path::new("layers/olist.yaml")).expect("the layer is right");
    assert_eq!(layer.tables.len(), 9);
}

#[test]
fn a_way_multiplies_nothing_and_a_bridge_says_where_it_does() {
    let layer = library();
    assert_eq!(layer.way("fines", "members").map(|way| way.len()), Some(2));
    assert_eq!(layer.way("loans", "fines"), None);
    let bridge = layer.bridge("fines", "copies").expect("by way of the loans");
    assert_eq!((bridge.pivot.table.as_str(), bridge.entry.table.as_str()), ("loans", "copies"));
}

#[test]
fn operators_bind_as_in_arithmetic_and_logic() {
    let read = Expression::read("a = 1 or not b > 2 and c + 2 * d >= 3").expect("an expression");
    let Expression::Binary(Operator::Or, _, right) = read else { panic!("`or` binds loosest: {read:?}") };
    let Expression::Binary(Operator::And, left, _) = *right else { panic!("then `and`: {right:?}") };
    assert!(matches!(*left, Expression::Not(_)));
}

#[test]
fn an_expression_without_end_is_refused_rather_than_followed() {
    assert!(Expression::read(&"(".repeat(100_000)).is_err());
    assert!(Expression::read(&"- ".repeat(100_000)).is_err());
    assert!(Expression::read(&"not ".repeat(100_000)).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_of_expressions_panic(text in ".{0,80}") {
        let _ = Expression::read(&text);
    }

    #[test]
    fn no_words_of_its_own_make_the_reader_of_expressions_panic(words in prop::collection::vec(
        prop::sample::select(vec!["sum", "(", ")", "a", "t.c", "1", "'x'", "in", "not", "is", "null", "and", "or", "-", "*", ",", "<=", "if"]), 0..40)) {
        let _ = Expression::read(&words.join(" "));
    }

    #[test]
    fn no_damage_to_a_layer_makes_its_reader_panic(at in 0..LIBRARY.len(), length in 0_usize..40, put in "[ -~\n]{0,12}") {
        let bytes = LIBRARY.as_bytes();
        let end = (at + length).min(bytes.len());
        let damaged = [&bytes[..at], put.as_bytes(), &bytes[end..]].concat();
        let _ = Layer::read(&String::from_utf8_lossy(&damaged));
    }
}

#[test]
fn an_expression_reads_back_as_it_was_written() {
    let layer = library();
    let measures = layer.measures.values().flat_map(|measure| [Some(&measure.value), measure.filter.as_ref()]);
    let dimensions = layer.dimensions.values().map(|dimension| Some(&dimension.value));
    let more = [
        "not (a = 1 or b in (2, 'x')) and c is not null",
        "1 - (2 - 3) / -4",
        "count() + count_distinct(t.a)",
        "(a = 1) is null",
    ];
    let more: Vec<Expression> = more.iter().map(|text| Expression::read(text).expect("it reads")).collect();
    for expression in measures.chain(dimensions).flatten().chain(&more) {
        assert_eq!(Expression::read(&expression.to_string()).as_ref(), Ok(expression), "{expression}");
    }
}
