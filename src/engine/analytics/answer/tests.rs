use super::citations::check;
use super::{ChartHint, DataAnswer, Given, RefusalClass, answer, refused, text};
use crate::domain::answer::Confidence;
use crate::engine::analytics::compile::sql::Dialect;
use crate::engine::analytics::compile::{ColumnRole, Compiled, Query, compile};
use crate::engine::analytics::intent::period::{Level, Window};
use crate::engine::analytics::intent::{Comparison, Filter, Intent, Ranking, Relation, Share, Threshold, View};
use crate::engine::analytics::layer::sample::LIBRARY;
use crate::engine::analytics::layer::{End, Layer};
use crate::engine::analytics::reconcile::{Cell, Derivation, Frame};
use crate::engine::analytics::words::{Asked, Reading, Words};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

const TODAY: Date = date(2018, 10, 17);

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let yaml = LIBRARY.replacen("version: 3", "version: 3\ncurrency: EUR", 1);
    Words::new(Arc::new(Layer::read(&yaml).expect("a layer")))
});

fn asked(intent: Intent) -> Asked {
    Asked { intent, percent: false, corrections: Vec::new(), assumptions: Vec::new() }
}

pub(super) fn by(measure: &str, dimensions: &[&str]) -> Intent {
    let mut intent = Intent::of("library", vec![measure.to_owned()]);
    intent.dimensions = dimensions.iter().map(|name| (*name).to_owned()).collect();
    intent
}

fn sound() -> Derivation {
    Derivation { label: Confidence::High, reasons: vec![(Confidence::High, "there is one definition".to_owned())] }
}

fn frame(query: &Query, rows: Vec<Vec<Cell>>) -> Frame {
    Frame { columns: query.columns.clone(), rows }
}

fn town(name: &str, value: f64) -> Vec<Cell> {
    vec![Cell::Text(name.to_owned()), Cell::Number(value)]
}

/// The answer to an intent whose primary query brings these rows, and each of its siblings what is given.
fn told(intent: &Intent, rows: Vec<Vec<Cell>>, siblings: &[Vec<Vec<Cell>>], relaxed: Option<Vec<Vec<Cell>>>) -> DataAnswer {
    let compiled = compile(WORDS.layer(), intent, Dialect::Sqlite).expect("it compiles");
    let primary = frame(&compiled.primary, rows);
    let siblings: Vec<Option<Frame>> =
        compiled.siblings.iter().enumerate().map(|(at, query)| siblings.get(at).map(|rows| frame(query, rows.clone()))).collect();
    let relaxed = compiled.relaxed.as_ref().zip(relaxed).map(|(query, rows)| frame(query, rows));
    let (asked, derivation) = (asked(intent.clone()), sound());
    answer(&Given {
        words: &WORDS,
        asked: &asked,
        compiled: &compiled,
        primary: &primary,
        siblings: &siblings,
        relaxed: relaxed.as_ref(),
        derivation: &derivation,
        hint: None,
        as_of: TODAY,
    })
}

/// The answer to an intent whose primary query brings these rows, with a chart that was asked for.
pub(super) fn told_as(intent: &Intent, rows: Vec<Vec<Cell>>, hint: Option<ChartHint>) -> DataAnswer {
    let compiled = compile(WORDS.layer(), intent, Dialect::Sqlite).expect("it compiles");
    let (primary, asked, derivation) = (frame(&compiled.primary, rows), asked(intent.clone()), sound());
    let (words, asked, compiled, primary) = (&*WORDS, &asked, &compiled, &primary);
    answer(&Given { words, asked, compiled, primary, siblings: &[], relaxed: None, derivation: &derivation, hint, as_of: TODAY })
}

pub(super) fn at(cell: &str) -> Cell {
    Cell::Text(cell.to_owned())
}

#[test]
fn one_number_is_told_with_its_unit_and_with_what_another_definition_says() {
    let mut intent = by("takings", &[]);
    intent.window = Window::of(date(2017, 7, 1), crate::engine::analytics::intent::period::Unit::Quarter, 1);
    let answer = told(&intent, vec![vec![Cell::Number(1234.5)]], &[vec![vec![Cell::Number(1234.5)]]], None);
    assert_eq!(
        answer.text,
        "Takings in Q3 2017 were EUR 1,234.50 [Q1]. By another definition (fees of copies) it was EUR 1,234.50 [Q2], the same."
    );
    assert_eq!(answer.queries.iter().map(|query| query.id.as_str()).collect::<Vec<_>>(), ["Q1", "Q2"]);
    assert_eq!(answer.claims.len(), 2);
}

#[test]
fn groups_are_told_from_the_first_to_the_last_with_what_they_come_to() {
    let rows = vec![town("Aldham", 10.0), town("Borley", 60.0), town("Crake", 5.0), town("Dent", 25.0)];
    let answer = told(&by("takings", &["town"]), rows, &[], None);
    assert_eq!(
        answer.text,
        "Town Borley has the highest takings: EUR 60.00, 60.0% of the total [Q1]. Next come Dent (EUR 25.00) and Aldham (EUR 10.00); \
         together with Borley they make up 95.0% of the total [Q1]. Of the 4 towns, Crake has the lowest takings: EUR 5.00 [Q1]. \
         The total over the 4 towns is EUR 100.00 [Q1]."
    );
}

#[test]
fn the_first_of_a_ranking_of_one_is_not_the_only_one() {
    let mut intent = by("takings", &["town"]);
    intent.ranking = Some(Ranking { first: End::High, limit: 1, by_change: false });
    let answer = told(&intent, vec![town("Aldham", 10.0)], &[], None);
    assert_eq!(answer.text, "Town Aldham has the highest takings: EUR 10.00 [Q1].");
    intent.ranking = None;
    let answer = told(&intent, vec![town("Aldham", 10.0)], &[], None);
    assert_eq!(answer.text, "Only town Aldham has any takings: EUR 10.00 [Q1].");
}

#[test]
fn what_does_not_add_up_has_no_total_and_no_part_of_one() {
    let row = |name: &str, value: f64| vec![at(name), Cell::Number(value), Cell::Integer(7)];
    let answer = told(&by("average_fine", &["town"]), vec![row("Aldham", 1.0), row("Borley", 2.0)], &[], None);
    assert!(!answer.text.contains("total"), "{}", answer.text);
    assert!(
        answer.text.starts_with("Town Borley has the highest average fine: EUR 2.00, over 7 fine count [Q1]."),
        "{}",
        answer.text
    );
}

#[test]
fn two_periods_are_held_against_one_another_by_distance_and_by_percent() {
    let mut intent = by("takings", &[]);
    let (before, after) = (Window::year(2017).expect("a year"), Window::year(2018).expect("a year"));
    intent.comparison = Some(Comparison { before, after, direction: None });
    let answer = told(&intent, vec![town("2017", 200.0), town("2018", 150.0)], &[], None);
    assert_eq!(
        answer.text,
        "Takings fell from EUR 200.00 in 2017 to EUR 150.00 in 2018, by EUR 50.00 or 25.0% [Q1]. 2018 was not over on the day of asking."
    );
    let half = told(&intent, vec![town("2018", 150.0)], &[], None);
    assert_eq!(
        half.text,
        "Takings were EUR 150.00 in 2018 [Q1]; there is nothing in 2017 to compare it with. 2018 was not over on the day of asking."
    );
}

#[test]
fn a_share_is_told_with_its_part_and_its_whole() {
    let mut intent = by("loan_count", &[]);
    intent.filters = vec![Filter::Values { dimension: "town".to_owned(), values: vec!["Aldham".to_owned()], negated: false }];
    intent.share = Some(Share { of: Vec::new() });
    let answer = told(&intent, vec![vec![Cell::Number(0.25), Cell::Integer(5), Cell::Integer(20)]], &[], None);
    assert_eq!(answer.text, "Loan count for town Aldham made up 25.0% of all loan count (5 of 20) [Q1].");
}

#[test]
fn an_empty_result_names_the_limit_that_empties_it() {
    let mut intent = by("on_time_rate", &["town"]);
    intent.thresholds = vec![Threshold { measure: "loan_count".to_owned(), relation: Relation::AtLeast, bound: 100.0 }];
    let row = vec![at("Aldham"), Cell::Number(0.5), Cell::Integer(57)];
    let answer = told(&intent, Vec::new(), &[], Some(vec![row]));
    assert_eq!(
        answer.text,
        "None of the towns has at least 100 loan count, so nothing is left to show. Without that limit there is 1 row [Q2]. \
         The nearest to it is Aldham with 57 loan count [Q2]."
    );
    let mut intent = by("takings", &[]);
    intent.window = Window::year(2015);
    let answer = told(&intent, vec![vec![Cell::Null]], &[], None);
    assert_eq!(answer.text, "There is no takings in 2015: no row lies in that period.");
    assert!(answer.chart.is_none());
}

#[test]
fn groups_without_a_value_are_counted() {
    let rows = vec![town("Aldham", 10.0), vec![at("Borley"), Cell::Null], town("Crake", 5.0)];
    let answer = told(&by("takings", &["town"]), rows, &[], None);
    assert!(answer.text.ends_with("1 of the 3 groups have no takings [Q1]."), "{}", answer.text);
}

#[test]
fn what_is_offered_next_means_what_it_was_written_for() {
    let mut intent = by("takings", &[]);
    intent.window = Window::year(2017);
    let answer = told(&intent, vec![vec![Cell::Number(1.0)]], &[], None);
    assert!(answer.follow_ups.len() >= 3, "{:?}", answer.follow_ups);
    for question in &answer.follow_ups {
        let Reading::Data(asked) = WORDS.read(question, TODAY) else { panic!("`{question}` is not understood") };
        assert!(compile(WORDS.layer(), &asked.intent, Dialect::Postgres).is_ok(), "`{question}` has no SQL");
        assert_ne!(asked.intent.digest(), intent.digest(), "`{question}` is the same again");
    }
}

#[test]
fn a_refusal_says_why_and_offers_what_works() {
    let refusal = |question: &str| {
        refused(&WORDS, &WORDS.read(question, TODAY), (question, TODAY)).unwrap_or_else(|| panic!("`{question}` was understood"))
    };
    let cases = [
        ("What was the purchase cost?", RefusalClass::Unanswerable),
        ("takings by frobnication", RefusalClass::Unclear),
        ("hello", RefusalClass::Conversational),
        ("Who painted the Mona Lisa?", RefusalClass::OutOfScope),
    ];
    for (question, class) in cases {
        let answer = refusal(question);
        assert_eq!(answer.refusal.as_ref().map(|refusal| refusal.class), Some(class), "{question}");
        assert_eq!(answer.label, Confidence::Unable);
        assert!(!answer.follow_ups.is_empty(), "{question}");
        assert!(answer.follow_ups.iter().all(|next| matches!(WORDS.read(next, TODAY), Reading::Data(_))));
    }
    assert!(refusal("takings by frobnication").text.contains("“frobnication” had no place"));
}

fn intents() -> impl Strategy<Value = Intent> {
    let measures = prop::sample::subsequence(
        vec!["loan_count", "fine_count", "takings", "average_fine", "on_time_rate", "returning_rate"],
        1..3,
    );
    let dimensions = prop::sample::subsequence(vec!["town", "district", "delay"], 0..3);
    let level =
        prop::option::of(prop::sample::select(vec![Level::HourOfDay, Level::DayOfWeek, Level::Week, Level::Month, Level::Year]));
    let rest = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (measures, dimensions, level, rest).prop_map(
        |(measures, dimensions, by_time, (window, compared, ranked, shared, bounded, related))| {
            let mut intent = Intent::of("library", measures.into_iter().map(str::to_owned).collect());
            intent.dimensions = dimensions.into_iter().map(str::to_owned).collect();
            intent.by_time = by_time;
            intent.window = Window::year(2017).filter(|_| window);
            let periods = Window::year(2017).zip(Window::year(2018)).filter(|_| compared);
            intent.comparison = periods.map(|(before, after)| Comparison { before, after, direction: None });
            intent.ranking =
                ranked.then_some(Ranking { first: if window { End::Low } else { End::High }, limit: 4, by_change: compared });
            intent.share = shared.then_some(Share { of: Vec::new() });
            let bound = Threshold { measure: "loan_count".to_owned(), relation: Relation::AtLeast, bound: 12.0 };
            intent.thresholds = bounded.then_some(bound).into_iter().collect();
            intent.view = if related { View::Relationship } else { View::Table };
            intent
        },
    )
}

/// Names of groups that are hard to tell from words and numbers of a text.
const NAMES: [&str; 9] = ["Aldham", "Borley", "7", "1,5", "x-9. y", "the 12", "<=3", "take two", "8%"];

fn rows(query: &Query, seed: &[(u8, f64)], periods: bool) -> Vec<Vec<Cell>> {
    let mut seen = std::collections::BTreeSet::new();
    let mut rows = Vec::new();
    for (at, (pick, number)) in seed.iter().enumerate() {
        let cell = |place: usize| {
            let column = &query.columns[place];
            match (column.role, column.name.as_str()) {
                (ColumnRole::Key, "month") => Cell::Text(format!("2017-{:02}", pick % 12 + 1)),
                (ColumnRole::Key, "week") => Cell::Text(format!("2017-03-{:02}", pick % 28 + 1)),
                (ColumnRole::Key, "year") => Cell::Integer(2010 + i64::from(pick % 9)),
                (ColumnRole::Key, "hour_of_day") => Cell::Integer(i64::from(pick % 24)),
                (ColumnRole::Key, "day_of_week") => Cell::Integer(i64::from(pick % 7) + 1),
                (ColumnRole::Key, "period") => Cell::Text(if at % 2 == 0 { "2017" } else { "2018" }.to_owned()),
                (ColumnRole::Key, _) => Cell::Text(NAMES[(usize::from(*pick) + place) % NAMES.len()].to_owned()),
                _ if pick % 11 == 10 => Cell::Null,
                (ColumnRole::Support, _) => Cell::Integer(i64::from(*pick)),
                (_, _) if column.range == Some((0.0, 1.0)) => Cell::Number((number / 1e4).fract().abs()),
                (_, "loan_count" | "fine_count") => Cell::Integer(i64::from(*pick) * 31),
                _ => Cell::Number(*number),
            }
        };
        let row: Vec<Cell> = (0..query.columns.len()).map(cell).collect();
        let key: Vec<String> = row
            .iter()
            .zip(&query.columns)
            .filter(|(_, column)| column.role == ColumnRole::Key)
            .map(|(cell, _)| format!("{cell:?}"))
            .collect();
        if seen.insert(key) {
            rows.push(row);
        }
    }
    rows.truncate(if periods { 2 } else { usize::MAX });
    rows
}

fn scene(intent: &Intent) -> Option<(Compiled, Asked)> {
    Some((compile(WORDS.layer(), intent, Dialect::Sqlite).ok()?, asked(intent.clone())))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn every_number_that_we_write_follows_from_the_rows_and_every_answer_comes_back_from_its_json(
        intent in intents(), seed in prop::collection::vec((any::<u8>(), -1e3_f64..1e6), 0..14), more in prop::collection::vec((any::<u8>(), 0.0_f64..1e6), 0..6),
    ) {
        let Some((compiled, asked)) = scene(&intent) else { return Ok(()) };
        let keyed = compiled.primary.columns.iter().any(|column| column.role == ColumnRole::Key);
        let seed = if keyed { &seed[..] } else { &seed[..seed.len().min(1)] };
        let primary = frame(&compiled.primary, rows(&compiled.primary, seed, intent.comparison.is_some() && !intent.is_grouped()));
        let siblings: Vec<Option<Frame>> = compiled.siblings.iter().map(|query| Some(frame(query, rows(query, seed, false)))).collect();
        let relaxed = compiled.relaxed.as_ref().map(|query| frame(query, rows(query, &more, false)));
        let derivation = sound();
        let given = Given {
            words: &WORDS, asked: &asked, compiled: &compiled, primary: &primary, siblings: &siblings,
            relaxed: relaxed.as_ref(), derivation: &derivation, hint: None, as_of: TODAY,
        };
        let marked = text::marked(&given);
        let checked = check(&marked, &given.evidence());
        let unsupported: Vec<_> = checked.unsupported().cloned().collect();
        prop_assert_eq!(unsupported, vec![], "{} over {:?}", marked, primary.rows);
        prop_assert!(!marked.is_empty());
        let answer = answer(&given);
        let json = serde_json::to_string(&answer).expect("it is written");
        prop_assert!(json.len() < 400_000);
        let back: DataAnswer = serde_json::from_str(&json).expect("it is read");
        prop_assert_eq!(back, answer);
    }
}
