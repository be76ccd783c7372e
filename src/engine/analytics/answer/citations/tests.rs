use super::super::super::compile::{Column, ColumnRole};
use super::super::super::layer::Unit;
use super::super::super::reconcile::{Cell, Frame};
use super::{Because, Derived, Evidence, check};
use proptest::prelude::*;

fn column(name: &str, role: ColumnRole, unit: Option<Unit>) -> Column {
    Column { name: name.to_owned(), role, unit, range: None }
}

fn by_town(rows: &[(&str, f64)]) -> Frame {
    let columns = vec![column("town", ColumnRole::Key, None), column("takings", ColumnRole::Value, Some(Unit::Money))];
    Frame {
        columns,
        rows: rows.iter().map(|(town, number)| vec![Cell::Text((*town).to_owned()), Cell::Number(*number)]).collect(),
    }
}

fn rate(value: f64) -> Frame {
    Frame { columns: vec![column("rate", ColumnRole::Value, Some(Unit::Share))], rows: vec![vec![Cell::Number(value)]] }
}

fn problems(text: &str, frames: &[&Frame]) -> Vec<(String, Because)> {
    let evidence = Evidence { frames: frames.iter().map(|frame| Some(*frame)).collect(), said: vec!["in 2017".to_owned()] };
    check(text, &evidence).unsupported().map(|found| (found.number.clone(), found.because)).collect()
}

fn refused(text: &str, frames: &[&Frame]) -> bool {
    !problems(text, frames).is_empty()
}

#[test]
fn a_number_of_the_rows_stands_at_the_rounding_that_is_shown() {
    let frame = by_town(&[("Aldham", 1234.567), ("Borley", 20.0)]);
    for right in
        ["Aldham took 1,234.57 [Q1].", "Aldham took 1,235 [Q1].", "Aldham took 1.2 thousand [Q1].", "Aldham took $1.23k [Q1]."]
    {
        assert_eq!(problems(right, &[&frame]), [], "{right}");
    }
    for wrong in
        ["Aldham took 1,234.56 [Q1].", "Aldham took 1,234 [Q1].", "Aldham took 1.3 thousand [Q1].", "Aldham took -1,235 [Q1]."]
    {
        assert!(refused(wrong, &[&frame]), "{wrong}");
    }
}

#[test]
fn a_group_has_its_own_numbers_and_not_those_of_another() {
    let frame = by_town(&[("Aldham", 10.0), ("Borley", 20.0)]);
    assert_eq!(problems("Aldham took 20 [Q1].", &[&frame]), [("20".to_owned(), Because::NotInRows)]);
    assert!(!refused("Borley took 20 [Q1], Aldham 10 [Q1].", &[&frame]));
}

#[test]
fn a_number_needs_a_citation_in_its_own_sentence() {
    let frame = by_town(&[("Aldham", 10.0)]);
    assert_eq!(problems("Aldham took 10. That is all [Q1].", &[&frame]), [("10".to_owned(), Because::Uncited)]);
    assert!(!refused("Aldham took 10. [Q1] That is all.", &[&frame]), "behind the point it belongs to the sentence before");
    assert_eq!(problems("Aldham took 10 [Q2].", &[&frame]), [("10".to_owned(), Because::UnknownQuery)]);
    assert_eq!(problems("Aldham took 10 [Q1 guess].", &[&frame])[0].1, Because::Unreadable);
}

#[test]
fn what_the_question_says_needs_none_and_only_as_it_says_it() {
    let frame = by_town(&[("Aldham", 10.0)]);
    assert!(!refused("Aldham took 10 in 2017 [Q1].", &[&frame]));
    assert!(refused("Aldham took 10 in 2018 [Q1].", &[&frame]));
}

#[test]
fn a_derivation_has_to_be_declared() {
    let frame = by_town(&[("Aldham", 10.0), ("Borley", 30.0), ("Crake", 60.0)]);
    let cases = [
        ("All took 100 [Q1 sum].", "All took 100 [Q1]."),
        ("Aldham and Borley took 40 [Q1 sum].", "Aldham and Borley took 40 [Q1]."),
        ("Borley has 30.0% [Q1 share].", "Borley has 30.0% [Q1]."),
        ("Aldham and Borley have 40.0% [Q1 share].", "Aldham and Borley have 50.0% [Q1 share]."),
        ("Borley is 20 above Aldham [Q1 difference].", "Borley is 20 above Aldham [Q1]."),
        ("Borley is 200% above Aldham [Q1 change].", "Borley is 100% above Aldham [Q1 change]."),
        ("Crake is 2 times Borley [Q1 ratio].", "Crake is 3 times Borley [Q1 ratio]."),
        ("There are three towns [Q1 rows].", "There are four towns [Q1 rows]."),
        ("Crake is 1st [Q1 rank].", "Borley is 1st [Q1 rank]."),
    ];
    for (right, wrong) in cases {
        assert_eq!(problems(right, &[&frame]), [], "{right}");
        assert!(refused(wrong, &[&frame]), "{wrong}");
    }
}

#[test]
fn percent_is_of_shares_alone() {
    assert!(!refused("The rate was 91.2% [Q1].", &[&rate(0.912)]));
    assert!(!refused("The rate was 0.912 [Q1].", &[&rate(0.912)]));
    assert!(refused("The takings were 10% [Q1].", &[&by_town(&[("Aldham", 0.1)])]));
}

#[test]
fn two_queries_are_apart_by_what_reconciliation_says() {
    let (one, other) = (rate(0.50), rate(0.51));
    assert!(!refused("They are 1.98% apart [Q1, Q2 delta].", &[&one, &other]));
    assert!(refused("They are 2.98% apart [Q1, Q2 delta].", &[&one, &other]));
}

#[test]
fn numbers_in_names_of_groups_are_no_claims_and_an_invented_name_is_one() {
    let frame = by_town(&[("4a3c9f", 10.0), ("2018-05 west", 20.0)]);
    assert!(!refused("Shop 4a3c9f took 10 [Q1]. Shop 2018-05 west took 20 [Q1].", &[&frame]));
    assert!(refused("Shop 4a3c9e took 10 [Q1].", &[&frame]));
}

#[test]
fn a_reader_sees_plain_citations_once_for_each_sentence() {
    let frame = by_town(&[("Aldham", 10.0), ("Borley", 30.0)]);
    let evidence = Evidence { frames: vec![Some(&frame)], said: Vec::new() };
    let (text, claims) = check("Borley took 30 [Q1], 75% of all [Q1 share]. Nothing follows. 99 [Q1].", &evidence).sound();
    assert_eq!(text, "Borley took 30, 75% of all [Q1]. Nothing follows.", "a sentence without ground is left out");
    assert_eq!(claims.iter().map(|claim| claim.by).collect::<Vec<_>>(), [Derived::Cell, Derived::Share]);
}

fn digits(text: &str) -> Vec<usize> {
    text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()).map(|(at, _)| at).collect()
}

proptest! {
    #[test]
    fn changing_any_digit_of_a_cited_number_is_caught(value in -1e9_f64..1e9, decimals in 0_usize..5, at in any::<prop::sample::Index>(), put in 0_u8..10) {
        let frame = Frame { columns: vec![column("takings", ColumnRole::Value, Some(Unit::Money))], rows: vec![vec![Cell::Number(value)]] };
        let number = super::super::figures::fixed(value, decimals);
        let text = format!("It was {number} [Q1].");
        prop_assert!(!refused(&text, &[&frame]), "{}", text);
        let places = digits(&number);
        let place = places[at.index(places.len())];
        let mut changed = number.clone().into_bytes();
        changed[place] = b'0' + put;
        let changed = String::from_utf8(changed).expect("digits");
        prop_assume!(changed != number && changed.trim_start_matches(['-', '0', ',']) != number.trim_start_matches(['-', '0', ',']));
        let text = format!("It was {changed} [Q1].");
        prop_assert!(refused(&text, &[&frame]), "{}", text);
    }

    #[test]
    fn changing_a_digit_of_a_sum_or_of_a_share_is_caught(rows in prop::collection::vec(1.0_f64..1e6, 2..12), at in any::<prop::sample::Index>(), put in 0_u8..10) {
        let names: Vec<String> = (0..rows.len()).map(|row| format!("town {}", char::from(b'a' + u8::try_from(row).expect("few")))).collect();
        let pairs: Vec<(&str, f64)> = names.iter().map(String::as_str).zip(rows.iter().copied()).collect();
        let frame = by_town(&pairs);
        let whole: f64 = rows.iter().sum();
        let sum = super::super::figures::fixed(whole, 2);
        let share = format!("{:.1}%", rows[0] / whole * 100.0);
        for (number, way) in [(sum, "sum"), (share, "share")] {
            let text = |number: &str| format!("It comes to {number} [Q1 {way}].");
            prop_assert!(!refused(&text(&number), &[&frame]));
            let places = digits(&number);
            let place = places[at.index(places.len())];
            let mut changed = number.clone().into_bytes();
            changed[place] = b'0' + put;
            let changed = String::from_utf8(changed).expect("digits");
            // What another row gives is no error that rounding could see.
            let value: f64 = changed.replace([',', '%'], "").parse().expect("a number");
            let others = rows.iter().any(|row| (row - value).abs() < 0.006 || (way == "share" && (row / whole * 100.0 - value).abs() < 0.051));
            prop_assume!(changed != number && !others);
            prop_assert!(refused(&text(&changed), &[&frame]), "{} for {}", changed, number);
        }
    }

    #[test]
    fn no_text_makes_the_check_panic(text in "[ -~\u{e9}\u{2212}]{0,60}", marks in "(\\[Q[0-9]{0,30}[ a-z,]{0,12}\\]?){0,3}") {
        let frame = by_town(&[("Aldham", 10.0), ("é", 30.0)]);
        let _ = problems(&format!("{text}{marks}"), &[&frame]);
        let _ = problems(&format!("{marks}{text}"), &[]);
    }
}
