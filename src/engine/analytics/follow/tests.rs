use super::super::intent::period::{Level, Window};
use super::super::intent::{Filter, Intent};
use super::super::layer::End;
use super::super::layer::sample::library;
use super::super::words::{Reading, Words};
use super::{Changed, ChartHint, FollowUp, Previous, follow};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use std::sync::LazyLock;

const TODAY: Date = date(2018, 10, 17);

fn words() -> &'static Words {
    static WORDS: LazyLock<Words> = LazyLock::new(|| Words::new(library()));
    &WORDS
}

fn intent(question: &str) -> Intent {
    match words().read(question, TODAY) {
        Reading::Data(asked) => asked.intent,
        other => panic!("`{question}` was not understood: {other:?}"),
    }
}

fn after(question: &str, prompt: &str) -> FollowUp {
    let intent = intent(question);
    follow(words(), Some(Previous { intent: Some(&intent), question }), prompt, TODAY)
}

fn changed(question: &str, prompt: &str) -> Changed {
    match after(question, prompt) {
        FollowUp::DataFilter(changed) => *changed,
        other => panic!("`{prompt}` after `{question}` is {other:?}"),
    }
}

#[test]
fn a_fragment_changes_the_question_to_the_one_that_would_say_it_whole() {
    let cases = [
        ("takings by town", "only for Aldham", "takings in Aldham by town"),
        ("takings by district", "for Aldham", "takings by district in Aldham"),
        ("takings in Aldham", "what about Borley?", "takings in Borley"),
        ("takings in Aldham", "Borley instead", "takings in Borley"),
        ("takings by town", "excluding Aldham", "takings excluding Aldham by town"),
        ("takings in 2017", "and by month?", "takings by month in 2017"),
        ("takings by town in 2017", "and by month?", "takings by town and month in 2017"),
        ("takings in 2017", "by town", "takings by town in 2017"),
        ("takings by town", "by district instead", "takings by district"),
        ("takings by month", "by quarter", "takings by quarter"),
        ("takings in 2017", "how about 2018?", "takings in 2018"),
        ("takings in 2017", "filter to Q1", "takings in Q1 2017"),
        ("takings in 2017", "just for July", "takings in July 2017"),
        ("takings by town", "now only in 2017", "takings by town in 2017"),
        ("top 10 towns by takings", "top 5 instead", "top 5 towns by takings"),
        ("top 10 towns by takings", "show only top 5", "top 5 towns by takings"),
        ("top 10 towns by takings", "just 5", "top 5 towns by takings"),
        ("top 10 towns by takings", "bottom 5 please", "bottom 5 towns by takings"),
        ("takings by town", "top 3", "top 3 towns by takings"),
        ("loans by town", "only open", "open loans by town"),
        ("loans lent in 2017", "returned in 2018", "loans returned in 2018"),
        ("takings", "Aldham or Borley", "takings in Aldham or Borley"),
        ("top 10 towns by takings", "by district instead", "top 10 districts by takings"),
        ("takings in 2017", "broken down by town", "takings by town in 2017"),
        ("takings by town", "only with at least 20 loans", "takings by towns with at least 20 loans"),
    ];
    for (question, prompt, whole) in cases {
        assert_eq!(changed(question, prompt).intent, intent(whole).canonical(), "`{prompt}` after `{question}`");
    }
}

#[test]
fn what_was_changed_is_told() {
    let changed = changed("takings by town in 2017", "by district instead");
    assert_eq!(changed.changes, ["by district in place of town"]);
    let limited = self::changed("takings by town", "only with at least 20 loans");
    assert_eq!(limited.changes, ["only with at least 20 loan count"]);
}

#[test]
fn changes_follow_on_changes() {
    let first = changed("takings", "by month").intent;
    let follow = |intent: &Intent, prompt: &str| match follow(
        words(),
        Some(Previous { intent: Some(intent), question: "by month" }),
        prompt,
        TODAY,
    ) {
        FollowUp::DataFilter(changed) => changed.intent,
        other => panic!("`{prompt}` is {other:?}"),
    };
    let second = follow(&first, "in 2017");
    let third = follow(&second, "only Aldham");
    assert_eq!(third, intent("takings by month in 2017 in Aldham"));
    assert_eq!((third.by_time, third.window, third.filters.len()), (Some(Level::Month), Window::year(2017), 1));
}

#[test]
fn what_could_mean_two_things_is_a_new_question() {
    for (question, prompt) in [
        ("takings in Aldham", "and for Borley"),
        ("takings in 2017", "and 2018"),
        ("takings 2017 vs 2018", "in 2016"),
        ("bottom 10 towns by takings", "top 5"),
        ("top 10 towns by takings", "and by month"),
        ("top 10 towns by takings", "by month instead"),
        ("top 10 towns by takings", "by district"),
        ("takings by town", "only open loans"),
        ("takings by town and district", "by month instead"),
        ("loans by town excluding Aldham", "excluding Borley"),
        ("takings", "top 5"),
        ("takings", "at least 20 loans"),
        ("takings", "Q1"),
        ("what percentage of loans in Aldham were open", "only Borley"),
        ("relationship between punctuality and average fine", "by town"),
        ("takings by town", "top 5 districts"),
        ("takings by town", "only for Aldam"),
        ("takings by town", "only for Cresswell"),
        ("takings by town", "most"),
        ("takings by town", "town"),
    ] {
        assert_eq!(after(question, prompt), FollowUp::NewQuery, "`{prompt}` after `{question}`");
    }
}

#[test]
fn another_measure_and_what_the_tables_do_not_hold_are_new_questions() {
    for prompt in [
        "now show me loans",
        "and fines?",
        "the average fine instead",
        "only forecast",
        "loans by town",
        "how many loans in 2017",
        "hello",
    ] {
        assert_eq!(after("takings by town", prompt), FollowUp::NewQuery, "{prompt}");
    }
}

#[test]
fn a_change_of_how_it_is_shown_is_told_apart() {
    for (prompt, look) in [
        ("as a line chart", Some(ChartHint::Line)),
        ("Bar graph please", Some(ChartHint::Bar)),
        ("make it a pie", Some(ChartHint::Pie)),
        ("pie chart instead", Some(ChartHint::Pie)),
        ("show it as a table", Some(ChartHint::Table)),
        ("switch to a heat map", Some(ChartHint::Heatmap)),
        ("no chart", Some(ChartHint::None)),
        ("plot it", None),
        ("another chart", None),
        ("đổi biểu đồ", None),
    ] {
        assert_eq!(after("takings by town", prompt), FollowUp::VisualUpdate { look }, "{prompt}");
    }
    for prompt in
        ["pie", "as a line or bar chart", "not as a pie chart", "a line chart of loans", "chart by month", "bar and line chart"]
    {
        assert!(!matches!(after("takings by town", prompt), FollowUp::VisualUpdate { .. }), "{prompt}");
    }
}

#[test]
fn a_fresh_start_needs_nothing_before_it_and_all_else_does() {
    let first = |prompt: &str| follow(words(), None, prompt, TODAY);
    for prompt in ["start over", "Start over, please!", "reset", "ok, let's start over", "Never mind.", "can we start again"] {
        assert_eq!((first(prompt), after("takings", prompt)), (FollowUp::Reset, FollowUp::Reset), "{prompt}");
    }
    for prompt in ["only for Aldham", "as a line chart", "and by month?", "", "please", "reset takings"] {
        assert_eq!(first(prompt), FollowUp::NewQuery, "{prompt}");
    }
}

#[test]
fn the_question_again_and_one_of_another_layer_are_new_questions() {
    let mut other = intent("takings by town");
    assert_eq!(after("takings by town", "Takings by town?"), FollowUp::NewQuery);
    other.layer = "other".to_owned();
    let of = |intent, prompt: &str| follow(words(), Some(Previous { intent, question: "takings by town" }), prompt, TODAY);
    assert_eq!(of(Some(&other), "only for Aldham"), FollowUp::NewQuery);
    assert_eq!(of(None, "only for Aldham"), FollowUp::NewQuery, "what a language model answered is not changed by rule");
    assert_eq!(of(None, "as a line chart"), FollowUp::VisualUpdate { look: Some(ChartHint::Line) });
}

#[test]
fn an_end_stays_where_only_the_number_changes() {
    let ranking = changed("bottom 10 towns by takings", "only 3").intent.ranking.expect("it is ranked");
    assert_eq!((ranking.first, ranking.limit), (End::Low, 3));
    assert!(matches!(&changed("takings by town", "without Borley").intent.filters[0], Filter::Values { negated: true, .. }));
}

const BEFORE: &[&str] = &[
    "takings",
    "takings by town in 2017",
    "top 10 towns by takings",
    "takings 2017 vs 2018",
    "loans in Aldham",
    "share of loans by town",
    "distribution of fines by town",
    "relationship between punctuality and average fine",
    "loans by town and month",
];

const WHOLE: &[&str] = &[
    "takings by town",
    "how many loans were there last year",
    "top 5 towns by takings",
    "takings 2017 vs 2018",
    "monthly loans",
    "loans in Aldham and Borley",
    "which towns with 20 or more loans have the lowest punctuality",
    "what percentage of loans in Aldham were open",
    "distribution of fines by town",
    "relationship between punctuality and average fine",
    "average fine by district",
    "takings since 2017",
    "loans excluding Aldham",
    "returning rate by town",
];

const VOCABULARY: &[&str] = &[
    "only",
    "just",
    "and",
    "instead",
    "what",
    "about",
    "for",
    "in",
    "by",
    "top",
    "bottom",
    "worst",
    "5",
    "10",
    "2017",
    "2018",
    "Q1",
    "July",
    "Aldham",
    "Borley",
    "town",
    "district",
    "month",
    "takings",
    "loans",
    "open",
    "excluding",
    "not",
    "as",
    "a",
    "line",
    "chart",
    "over",
    "at",
    "least",
    "frumious",
    "average",
    "fine",
    "too",
    "vs",
    "lowest",
    "last",
    "year",
    "how",
    "many",
    "show",
    "me",
    "reset",
    "start",
];

proptest! {
    #[test]
    fn no_text_panics(prompt in ".{0,80}", before in prop::sample::select(BEFORE)) {
        let _ = after(before, &prompt);
    }

    #[test]
    fn a_whole_question_is_never_taken_for_a_fragment(
        before in prop::sample::select(BEFORE), whole in prop::sample::select(WHOLE),
        opener in prop::sample::select(&["", "and ", "now ", "ok, ", "please ", "just "][..]), closer in prop::sample::select(&["", "?", " please", " instead"][..]),
    ) {
        let prompt = format!("{opener}{whole}{closer}");
        prop_assert_eq!(after(before, &prompt), FollowUp::NewQuery, "{}", prompt);
    }

    #[test]
    fn of_random_words_a_fragment_keeps_the_measures_drops_no_word_and_is_read_the_same_twice(
        before in prop::sample::select(BEFORE), said in prop::collection::vec(prop::sample::select(VOCABULARY), 0..7)
    ) {
        let prompt = said.join(" ");
        let read = after(before, &prompt);
        prop_assert_eq!(&read, &after(before, &prompt));
        if let FollowUp::DataFilter(changed) = read {
            prop_assert_eq!(&changed.intent.measures, &intent(before).canonical().measures);
            prop_assert!(!said.contains(&"frumious") && !changed.changes.is_empty(), "{}", prompt);
            for value in ["Aldham", "Borley"] {
                let kept = changed.intent.filters.iter().any(|filter| matches!(filter, Filter::Values { values, .. } if values.iter().any(|own| own == value)));
                prop_assert!(!said.contains(&value) || kept, "{}", prompt);
            }
        }
    }
}
