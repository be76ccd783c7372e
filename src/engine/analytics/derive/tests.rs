use super::derive;
use crate::engine::analytics::compile::sql::Dialect;
use crate::engine::analytics::compile::{ColumnRole, compile, level_name};
use crate::engine::analytics::intent::period::{Level, Unit, Window};
use crate::engine::analytics::intent::{Filter, Intent, Ranking, Relation, Share, Threshold};
use crate::engine::analytics::layer::sample::LIBRARY;
use crate::engine::analytics::layer::{End, Layer};
use crate::engine::analytics::reconcile::{Cell, Frame};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::LazyLock;

static LAYER: LazyLock<Layer> = LazyLock::new(|| {
    let yaml = LIBRARY.replacen("district: {comment:", "district: {complete: true, comment:", 1).replacen(
        "    better: high\n    range: [0, 1000000]",
        "    places: 2\n    range: [0, 1000000]",
        1,
    );
    Layer::read(&yaml).expect("a layer")
});

/// A loan with its fines in cents.
#[derive(Debug, Clone)]
struct Loan {
    town: Option<&'static str>,
    district: &'static str,
    lent: Option<Date>,
    is_void: bool,
    fines: Vec<i64>,
}

fn by(measure: &str, dimensions: &[&str]) -> Intent {
    let mut intent = Intent::of("library", vec![measure.to_owned()]);
    intent.dimensions = dimensions.iter().map(|name| (*name).to_owned()).collect();
    intent
}

fn is(dimension: &str, values: &[&str], negated: bool) -> Filter {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Filter::Values { dimension: dimension.to_owned(), values, negated }
}

fn passes(loan: &Loan, filter: &Filter) -> bool {
    let Filter::Values { dimension, values, negated } = filter else { panic!("no terms here") };
    let value = if dimension == "town" { loan.town } else { Some(loan.district) };
    // In SQL what is null is neither in a list nor out of it.
    value.is_some_and(|value| values.iter().any(|wanted| wanted == value) != *negated)
}

fn step(level: Level, day: Date) -> Cell {
    match level {
        Level::Year => Cell::Integer(i64::from(day.year())),
        Level::Quarter => Cell::Text(format!("{}-Q{}", day.year(), (day.month() + 2) / 3)),
        Level::Month => Cell::Text(day.strftime("%Y-%m").to_string()),
        Level::Week => Cell::Text(Unit::Week.start(day).expect("a Monday").to_string()),
        Level::DayOfWeek => Cell::Integer(i64::from(day.weekday().to_monday_one_offset())),
        _ => Cell::Text(day.to_string()),
    }
}

fn group(intent: &Intent, loan: &Loan) -> Option<Vec<Cell>> {
    let text = |value: &str| (!value.is_empty()).then(|| Cell::Text(value.to_owned()));
    let mut keys = Vec::new();
    for dimension in &intent.dimensions {
        keys.push(if dimension == "town" { text(loan.town?)? } else { text(loan.district)? });
    }
    if let Some(level) = intent.by_time {
        keys.push(step(level, loan.lent?));
    }
    Some(keys)
}

fn order(cell: &Cell) -> String {
    match cell {
        Cell::Integer(number) => format!("{number:010}"),
        other => format!("{other:?}"),
    }
}

/// What SQL gives, worked out row by row.
fn evaluate(intent: &Intent, loans: &[Loan]) -> Frame {
    let intent = intent.clone().canonical();
    let compiled = compile(&LAYER, &intent, Dialect::Sqlite).expect("it compiles");
    let takings = intent.measures[0] == "takings";
    let mut groups: BTreeMap<Vec<String>, (Vec<Cell>, i64, usize)> = BTreeMap::new();
    for loan in loans {
        let inside = intent.window.is_none_or(|window| {
            loan.lent
                .is_some_and(|day| window.from.is_none_or(|from| day >= from) && window.until.is_none_or(|until| day < until))
        });
        let passed = intent.filters.iter().all(|filter| passes(loan, filter));
        let Some(keys) = group(&intent, loan).filter(|_| inside && passed) else { continue };
        let parts: Vec<i64> = match (takings, loan.is_void) {
            (true, true) => Vec::new(),
            (true, false) => loan.fines.clone(),
            (false, _) => vec![1],
        };
        for part in parts {
            let entry = groups.entry(keys.iter().map(order).collect()).or_insert_with(|| (keys.clone(), 0, 0));
            entry.1 += part;
            entry.2 += 1;
        }
    }
    if groups.is_empty() && intent.dimensions.is_empty() && intent.by_time.is_none() {
        groups.insert(Vec::new(), (Vec::new(), 0, 0));
    }
    #[expect(clippy::cast_precision_loss, reason = "few cents")]
    let value = |sum: i64, count: usize| match (takings, count) {
        (true, 0) => Cell::Null,
        (true, _) => Cell::Number(sum as f64 / 100.0),
        (false, _) => Cell::Integer(sum),
    };
    let mut rows: Vec<(i64, Vec<Cell>)> = groups
        .into_values()
        .map(|(mut keys, sum, count)| {
            keys.push(value(sum, count));
            (sum, keys)
        })
        .collect();
    for limit in &intent.thresholds {
        assert_eq!(limit.measure, "loan_count");
        #[expect(clippy::cast_precision_loss, reason = "few loans")]
        rows.retain(|(sum, _)| *sum as f64 >= limit.bound);
    }
    if let Some(ranking) = &intent.ranking {
        rows.sort_by_key(|(sum, _)| if ranking.first == End::High { -*sum } else { *sum });
        rows.truncate(ranking.limit as usize);
    }
    Frame { columns: compiled.primary.columns, rows: rows.into_iter().map(|(_, row)| row).collect() }
}

fn sample() -> Vec<Loan> {
    let loan = |town, district, lent, fines: &[i64]| Loan { town, district, lent, is_void: false, fines: fines.to_vec() };
    vec![
        loan(Some("Aldham"), "north", Some(date(2017, 1, 5)), &[125, 50]),
        loan(Some("Aldham"), "south", Some(date(2017, 2, 5)), &[300]),
        loan(Some("Borley"), "north", Some(date(2017, 5, 5)), &[110]),
        loan(Some("Crake"), "south", Some(date(2018, 1, 5)), &[990]),
        loan(None, "south", Some(date(2018, 3, 5)), &[70]),
        loan(Some("Borley"), "south", None, &[15]),
    ]
}

fn by_time(mut intent: Intent, level: Level, window: Option<Window>) -> Intent {
    intent.by_time = Some(level);
    intent.window = window;
    intent
}

fn within(mut intent: Intent, window: Option<Window>) -> Intent {
    intent.window = window;
    intent
}

fn top(mut intent: Intent, limit: u32) -> Intent {
    intent.ranking = Some(Ranking { first: End::High, limit, by_change: false });
    intent
}

fn filtered(mut intent: Intent, filter: Filter) -> Intent {
    intent.filters.push(filter);
    intent
}

#[test]
fn what_follows_from_a_finer_result_is_what_the_query_gives() {
    let (year, quarter) = (Window::year(2017), Window::of(date(2017, 1, 1), Unit::Quarter, 1));
    let months = by_time(by("takings", &[]), Level::Month, None);
    let cases = [
        (months.clone(), by_time(by("takings", &[]), Level::Year, None)),
        (months.clone(), by_time(by("takings", &[]), Level::Quarter, year)),
        (months.clone(), within(by("takings", &[]), quarter)),
        (months, top(by_time(by("takings", &[]), Level::Quarter, None), 2)),
        (by("loan_count", &["town", "district"]), by("loan_count", &["town"])),
        (by("takings", &["town"]), filtered(by("takings", &["town"]), is("town", &["Aldham", "Crake"], false))),
        (by("takings", &["town"]), filtered(by("takings", &["town"]), is("town", &["Aldham"], true))),
        (by("takings", &["town"]), filtered(by("takings", &[]), is("town", &["Aldham", "Borley"], false))),
        (by("takings", &["town"]), top(by("takings", &["town"]), 1)),
        (top(by("takings", &["town"]), 3), top(by("takings", &["town"]), 2)),
        (by_time(by("takings", &["town"]), Level::Month, year), by_time(by("takings", &["town"]), Level::Month, quarter)),
    ];
    for (have, want) in cases {
        let found = derive(&LAYER, &have, &evaluate(&have, &sample()), &want);
        assert_eq!(found, Some(evaluate(&want, &sample())), "{want:?} from {have:?}");
    }
}

#[test]
fn what_does_not_follow_is_left_to_the_warehouse() {
    let year = Window::year(2017);
    let mut shared = by("loan_count", &["district"]);
    shared.share = Some(Share { of: Vec::new() });
    let limited = |mut intent: Intent| {
        intent.thresholds = vec![Threshold { measure: "loan_count".to_owned(), relation: Relation::AtLeast, bound: 1.0 }];
        intent
    };
    let months = |measure: &str| by_time(by(measure, &[]), Level::Month, None);
    let cases = [
        ("a loan of a member without a town is in no town", by("loan_count", &["town"]), by("loan_count", &[])),
        ("a loan without a day is in no month", months("loan_count"), by("loan_count", &[])),
        ("means do not add up", by("average_fine", &["district"]), by("average_fine", &[])),
        ("rates do not add up", months("on_time_rate"), by_time(by("on_time_rate", &[]), Level::Year, None)),
        ("a share is of its own whole", shared.clone(), filtered(shared, is("district", &["north"], false))),
        ("what a ranking cut off is not there", top(by("loan_count", &["district"]), 1), by("loan_count", &["district"])),
        ("nor what a limit cut off", limited(by("loan_count", &["district"])), by("loan_count", &[])),
        ("a week lies in two months", by_time(by("takings", &[]), Level::Week, None), months("takings")),
        (
            "a window may begin within a month",
            months("takings"),
            within(by("takings", &[]), Window::of(date(2017, 1, 3), Unit::Month, 1)),
        ),
        (
            "a wider window has more in it",
            by_time(by("takings", &[]), Level::Month, year),
            by_time(by("takings", &[]), Level::Year, None),
        ),
        (
            "a filter on something else looks at rows",
            by("takings", &["town"]),
            filtered(by("takings", &["town"]), is("district", &["north"], false)),
        ),
        (
            "a name that is not there may be written otherwise",
            by("takings", &["town"]),
            filtered(by("takings", &["town"]), is("town", &["aldham"], false)),
        ),
        ("another measure is another question", by("takings", &["town"]), by("loan_count", &["town"])),
        ("copies lie on several shelves", by("loan_count", &["shelf"]), by("loan_count", &[])),
    ];
    for (why, have, want) in cases {
        let compiled = compile(&LAYER, &have.clone().canonical(), Dialect::Sqlite).expect("it compiles");
        let cell = |role| if role == ColumnRole::Key { Cell::Text("2017-01".to_owned()) } else { Cell::Integer(1) };
        let row = compiled.primary.columns.iter().map(|column| cell(column.role)).collect();
        let frame = Frame { columns: compiled.primary.columns, rows: vec![row] };
        assert_eq!(derive(&LAYER, &have, &frame, &want), None, "{why}");
    }
}

#[test]
fn parts_that_were_rounded_are_not_added_up() {
    let layer = Layer::read(LIBRARY).expect("a layer that says nothing of places");
    let (have, want) = (by_time(by("takings", &[]), Level::Month, None), by_time(by("takings", &[]), Level::Year, None));
    assert_eq!(derive(&layer, &have, &evaluate(&have, &sample()), &want), None);
}

#[test]
fn two_that_are_alike_at_the_end_of_a_ranking_are_for_the_warehouse_to_part() {
    let loans: Vec<Loan> = sample().into_iter().map(|loan| Loan { fines: vec![100], ..loan }).collect();
    let have = by("takings", &["district", "town"]);
    assert_eq!(derive(&LAYER, &have, &evaluate(&have, &loans), &top(have.clone(), 2)), None);
}

fn loans() -> impl Strategy<Value = Vec<Loan>> {
    let day = (date(2017, 1, 1), 0_i64..800)
        .1
        .prop_map(|days| date(2017, 1, 1).checked_add(jiff::Span::new().days(days)).expect("a day"));
    let loan = (
        prop::sample::select(vec![None, Some(""), Some("Aldham"), Some("Borley"), Some("Crake")]),
        prop::sample::select(vec!["north", "south", "west"]),
        prop::option::weighted(0.9, day),
        prop::bool::weighted(0.1),
        prop::collection::vec(1_i64..100_000, 0..4),
    )
        .prop_map(|(town, district, lent, is_void, fines)| Loan { town, district, lent, is_void, fines });
    prop::collection::vec(loan, 0..60)
}

fn windows() -> impl Strategy<Value = Option<Window>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Window::year(2017)),
        1 => Just(Window::year(2018)),
        1 => Just(Window::of(date(2017, 4, 1), Unit::Quarter, 2)),
        1 => Just(Window::of(date(2017, 7, 1), Unit::Month, 1)),
        1 => Just(Window::of(date(2017, 7, 10), Unit::Week, 3)),
        1 => Just(Some(Window { from: Some(date(2018, 1, 1)), until: None })),
    ]
}

fn intents() -> impl Strategy<Value = (Intent, Intent)> {
    let dimensions = || prop::sample::subsequence(vec!["district", "town"], 0..3);
    let levels = || {
        prop::option::weighted(
            0.6,
            prop::sample::select(vec![Level::Day, Level::Week, Level::Month, Level::Quarter, Level::Year, Level::DayOfWeek]),
        )
    };
    let filters = || {
        prop::collection::vec(
            (
                prop::sample::select(vec!["town", "district"]),
                prop::sample::subsequence(vec!["Aldham", "Borley", "north", "south"], 1..4),
                any::<bool>(),
            ),
            0..2,
        )
    };
    let one = (dimensions(), levels(), filters(), windows());
    let ranking = prop::option::weighted(0.3, (any::<bool>(), 1_u32..5));
    let two = (dimensions(), levels(), filters(), windows(), ranking, prop::bool::weighted(0.2), any::<bool>());
    (prop::sample::select(vec!["takings", "loan_count"]), one, two).prop_map(|(measure, (mut had, fine, held, wide), two)| {
        let (wanted, coarse, more, narrow, ranking, limited, from_have) = two;
        // What has nothing to do with one another is seldom worth a try.
        had.extend(wanted.iter().copied().filter(|_| from_have));
        let filters = |list: Vec<(&str, Vec<&str>, bool)>| {
            list.into_iter().map(|(dimension, values, negated)| is(dimension, &values, negated)).collect::<Vec<Filter>>()
        };
        let mut have = within(by(measure, &had), if from_have { None } else { wide });
        have.by_time = fine;
        have.filters = filters(held);
        let mut want = within(by(measure, &wanted), narrow);
        want.by_time = coarse;
        want.filters = have.filters.iter().cloned().chain(filters(more)).collect();
        want.ranking =
            ranking.map(|(high, limit)| Ranking { first: if high { End::High } else { End::Low }, limit, by_change: false });
        if limited && (!want.dimensions.is_empty() || want.by_time.is_some()) && measure == "loan_count" {
            want.thresholds = vec![Threshold { measure: measure.to_owned(), relation: Relation::AtLeast, bound: 3.0 }];
        }
        (have.canonical(), want.canonical())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_derived_is_what_the_query_gives((have, want) in intents(), loans in loans()) {
        if let Some(found) = derive(&LAYER, &have, &evaluate(&have, &loans), &want) {
            prop_assert_eq!(found, evaluate(&want, &loans), "{:?} from {:?}", want, have);
        }
    }

    #[test]
    fn a_coarser_step_is_the_one_that_its_day_lies_in(days in 0_i64..2_000) {
        let day = date(2015, 6, 1).checked_add(jiff::Span::new().days(days)).expect("a day");
        for (fine, coarse) in [(Level::Day, Level::Week), (Level::Day, Level::DayOfWeek), (Level::Day, Level::Month), (Level::Month, Level::Quarter), (Level::Quarter, Level::Year)] {
            prop_assert!(super::steps::nests(fine, coarse));
            prop_assert_eq!(super::steps::coarser(fine, &step(fine, day), coarse), Some(step(coarse, day)), "{} in {}", level_name(fine), level_name(coarse));
        }
    }
}
