use super::token::tokens;
use super::{Asked, Reading, Words};
use crate::engine::analytics::compile::compile;
use crate::engine::analytics::compile::sql::Dialect;
use crate::engine::analytics::intent::period::{Level, Window};
use crate::engine::analytics::intent::{Filter, Intent, Relation, View};
use crate::engine::analytics::layer::End;
use crate::engine::analytics::layer::sample::library;
use jiff::civil::{Date, date};
use proptest::prelude::*;

const TODAY: Date = date(2018, 10, 17);

fn read(question: &str) -> Reading {
    Words::new(library()).read(question, TODAY)
}

fn asked(question: &str) -> Asked {
    match read(question) {
        Reading::Data(asked) => *asked,
        other => panic!("`{question}` was not understood: {other:?}"),
    }
}

fn intent(question: &str) -> Intent {
    asked(question).intent
}

fn unplaced(question: &str) -> Vec<String> {
    match read(question) {
        Reading::Unclear { unplaced, .. } => unplaced.into_iter().map(|word| word.words).collect(),
        other => panic!("`{question}` should be asked about: {other:?}"),
    }
}

fn window(from: Date, until: Date) -> Option<Window> {
    Some(Window { from: Some(from), until: Some(until) })
}

#[test]
fn the_same_meaning_in_other_words_is_the_same_intent() {
    let pairs = [
        ("takings by town", "For each town, what were our takings?"),
        ("takings in Q3 2017", "What were the takings from July to September 2017?"),
        ("takings last quarter", "takings in the third quarter of 2018"),
        ("how many loans were there last year", "number of loans in 2017"),
        ("top 5 towns by takings", "the 5 towns with the highest takings"),
        ("takings 2017 vs 2018", "How did takings change from 2017 to 2018?"),
        ("monthly loans", "loans by month"),
        ("loans in Aldham and Borley", "loans in Borley or Aldham"),
        (
            "towns with at least 20 loans and the worst punctuality",
            "which towns with 20 or more loans have the lowest punctuality",
        ),
        ("loans since 2018-01-01", "loans since January 2018"),
        ("takngs by town", "takings by town"),
    ];
    for (one, other) in pairs {
        assert_eq!(intent(one).digest(), intent(other).digest(), "{one} | {other}");
    }
}

#[test]
fn another_number_period_direction_or_measure_is_another_intent() {
    let pairs = [
        ("takings in Q3 2017", "takings in Q2 2017"),
        ("takings in Q3 2017", "takings in Q3 2018"),
        ("takings last quarter", "takings this quarter"),
        ("top 5 towns by takings", "top 6 towns by takings"),
        ("top 5 towns by takings", "bottom 5 towns by takings"),
        ("towns with at least 20 loans and the worst punctuality", "towns with at least 30 loans and the worst punctuality"),
        ("towns with at least 20 loans and the worst punctuality", "towns with more than 20 loans and the worst punctuality"),
        ("loans by town", "fines by town"),
        ("loans since 2017", "loans before 2017"),
        ("loans since 2017", "loans after 2017"),
        ("loans in Aldham", "loans excluding Aldham"),
        ("loans lent in 2017", "loans returned in 2017"),
        ("did takings rise from 2017 to 2018", "did takings fall from 2017 to 2018"),
        ("share of loans by town", "loans by town"),
    ];
    for (one, other) in pairs {
        assert_ne!(intent(one).digest(), intent(other).digest(), "{one} | {other}");
    }
}

#[test]
fn a_word_without_a_place_is_named_rather_than_dropped() {
    assert_eq!(unplaced("takings of frumious towns"), ["frumious"]);
    assert_eq!(unplaced("median takings by town")[0], "median");
    assert!(unplaced("loans in July").contains(&"July".to_owned()));
    assert!(unplaced("average takings").contains(&"average".to_owned()));
    assert!(unplaced("how many loans came back on time").contains(&"how many".to_owned()));
    assert!(unplaced("loans with 3").contains(&"3".to_owned()));
}

#[test]
fn a_phrase_that_may_mean_a_count_or_a_share_is_asked_about() {
    assert_eq!(unplaced("returners by town"), ["returners"]);
    assert_eq!(intent("share of returners by town").measures, ["returning_rate"]);
    assert_eq!(intent("towns with the most returners").measures, ["returning_rate"]);
}

#[test]
fn a_distribution_of_a_mean_over_groups_and_a_way_between_two_values_are_asked_about() {
    assert!(matches!(read("distribution of average fine by town"), Reading::Unclear { .. }));
    assert!(unplaced("loans from Aldham to Borley").contains(&"Borley".to_owned()));
    assert!(unplaced("loans in the past year").contains(&"past".to_owned()));
}

#[test]
fn a_misspelt_word_is_told_and_one_near_to_two_is_not_guessed() {
    assert_eq!(asked("takngs by town").corrections, [("takngs".to_owned(), "taking".to_owned())]);
    assert_eq!(unplaced("xyzzyplugh by town")[1], "xyzzyplugh");
}

#[test]
fn what_the_tables_do_not_hold_is_refused_with_the_reason() {
    for question in ["What is the purchase cost of a novel?", "What will takings be?", "takings next year"] {
        assert!(matches!(read(question), Reading::Unanswerable { .. }), "{question}: {:?}", read(question));
    }
    assert!(matches!(read("takings in 2031"), Reading::Unanswerable { about, .. } if about == "forecast"));
}

#[test]
fn talk_and_questions_about_something_else_are_told_apart() {
    assert_eq!(read("Hello!"), Reading::Conversational);
    assert_eq!(read(""), Reading::Conversational);
    assert!(matches!(read("What is the weather in Paris?"), Reading::OutOfScope { .. }));
}

#[test]
fn ends_follow_what_is_better_of_the_measure() {
    let first = |question: &str| intent(question).ranking.map(|ranking| ranking.first);
    assert_eq!(first("which towns have the worst punctuality"), Some(End::Low));
    assert_eq!(first("which towns have the worst average fine"), Some(End::High));
    assert_eq!(first("which towns have the most loans"), Some(End::High));
    assert_eq!(first("which towns have the fewest loans"), Some(End::Low));
}

#[test]
fn periods_are_read_in_many_forms() {
    let of = |question: &str| intent(question).window;
    let quarter = window(date(2017, 7, 1), date(2017, 10, 1));
    for form in [
        "Q3 2017",
        "2017 Q3",
        "2017Q3",
        "the third quarter of 2017",
        "quarter 3 of 2017",
        "July 2017 through September 2017",
        "July to September 2017",
    ] {
        assert_eq!(of(&format!("takings in {form}")), quarter, "{form}");
    }
    assert_eq!(of("takings in the last 3 months"), window(date(2018, 7, 1), date(2018, 10, 1)));
    assert_eq!(of("takings in the first half of 2017"), window(date(2017, 1, 1), date(2017, 7, 1)));
    assert_eq!(of("takings on November 24, 2017"), window(date(2017, 11, 24), date(2017, 11, 25)));
    assert_eq!(of("takings until 2017"), Some(Window { from: None, until: Some(date(2018, 1, 1)) }));
    assert_eq!(of("takings before 2017"), Some(Window { from: None, until: Some(date(2017, 1, 1)) }));
    assert_eq!(of("takings after 2016"), Some(Window { from: Some(date(2017, 1, 1)), until: None }));
}

#[test]
fn a_year_behind_a_bound_is_a_count() {
    let intent = intent("towns with more than 2017 loans by takings and most takings");
    assert_eq!(intent.window, None);
    assert_eq!((intent.thresholds[0].relation, intent.thresholds[0].bound), (Relation::MoreThan, 2017.0));
}

#[test]
fn a_distribution_and_a_relationship_take_the_steps_of_a_number() {
    let spread = intent("distribution of fines by town");
    assert_eq!((spread.view, spread.measures[0].as_str()), (View::Distribution, "fine_count"));
    let related = intent("relationship between punctuality and average fine");
    assert_eq!(
        (related.view, related.dimensions[0].as_str(), related.measures[0].as_str()),
        (View::Relationship, "delay", "average_fine")
    );
}

#[test]
fn a_share_keeps_what_it_is_of_apart_from_what_it_is() {
    let intent = intent("what percentage of loans in Aldham were open");
    let share = intent.share.expect("a share");
    assert_eq!(intent.filters, [Filter::Term { term: "open_loan".to_owned(), negated: false }]);
    assert_eq!(share.of, [Filter::Values { dimension: "town".to_owned(), values: vec!["Aldham".to_owned()], negated: false }]);
}

#[test]
fn two_measures_joined_by_and_stay_two_and_steps_of_time_stand_beside_groups() {
    assert_eq!(intent("takings and loans by town").measures.len(), 2);
    let intent = intent("loans by town and month");
    assert_eq!((intent.dimensions.len(), intent.by_time), (1, Some(Level::Month)));
}

#[test]
fn numbers_signs_and_contractions_are_words_of_their_own() {
    let words: Vec<String> =
        tokens("What's 12,5% of São-Paulo's 100+ loans, don't?").into_iter().map(|token| token.word).collect();
    assert_eq!(words, ["what", "12,5", "percent", "of", "sao", "paulo", "100", "plus", "loans", "do", "not"]);
}

const VOCABULARY: &[&str] = &[
    "what",
    "which",
    "how",
    "many",
    "takings",
    "loans",
    "loan",
    "fines",
    "average",
    "fine",
    "punctuality",
    "town",
    "towns",
    "district",
    "shelf",
    "Aldham",
    "Borley",
    "maps",
    "by",
    "per",
    "each",
    "in",
    "of",
    "the",
    "top",
    "worst",
    "highest",
    "lowest",
    "5",
    "100",
    "2017",
    "2018",
    "Q3",
    "quarter",
    "month",
    "last",
    "July",
    "to",
    "from",
    "and",
    "or",
    "not",
    "excluding",
    "at",
    "least",
    "more",
    "than",
    "percentage",
    "share",
    "distribution",
    "relationship",
    "between",
    "change",
    "compare",
    "grew",
    "vs",
    "since",
    "before",
    "open",
    "returned",
    "were",
    "over",
    "time",
    "frumious",
    "first",
    "half",
    "year",
    "previous",
];

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,120}") {
        let _ = read(&text);
    }

    #[test]
    fn no_text_of_letters_that_grow_or_shrink_in_small_makes_the_reader_panic(text in "[ȺȾİẞKk's2Q3R$€%+., -]{0,40}") {
        let _ = read(&text);
    }

    #[test]
    fn whatever_is_understood_of_random_words_compiles_or_says_why(words in prop::collection::vec(prop::sample::select(VOCABULARY), 0..14)) {
        let question = words.join(" ");
        let reading = read(&question);
        if let Reading::Data(asked) = &reading {
            prop_assert!(!question.contains("frumious"), "an unknown word was dropped from `{}`", question);
            prop_assert!(!question.contains("excluding") || !asked.intent.filters.is_empty() || asked.intent.share.is_some(), "`{}` lost its exclusion", question);
            let _ = compile(&library(), &asked.intent, Dialect::Sqlite);
        }
        prop_assert_eq!(reading, read(&question), "the same words give the same reading");
    }
}
