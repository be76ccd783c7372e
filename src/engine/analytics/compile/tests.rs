use super::sql::{Binding, Dialect};
use super::{CompileError, Compiled, compile};
use crate::engine::analytics::intent::period::{Level, Window};
use crate::engine::analytics::intent::{Comparison, Filter, Intent, Ranking, Relation, Share, Threshold, View};
use crate::engine::analytics::layer::sample::library;
use crate::engine::analytics::layer::{End, Layer};
use jiff::civil::date;
use proptest::prelude::*;

const DIALECTS: [Dialect; 5] = [Dialect::Clickhouse, Dialect::Duckdb, Dialect::Mysql, Dialect::Postgres, Dialect::Sqlite];

fn by(measure: &str, dimensions: &[&str]) -> Intent {
    let mut intent = Intent::of("library", vec![measure.to_owned()]);
    intent.dimensions = dimensions.iter().map(|name| (*name).to_owned()).collect();
    intent
}

fn sqlite(intent: &Intent) -> Compiled {
    compile(&library(), intent, Dialect::Sqlite).expect("it compiles")
}

fn filter(dimension: &str, value: &str, negated: bool) -> Filter {
    Filter::Values { dimension: dimension.to_owned(), values: vec![value.to_owned()], negated }
}

#[test]
fn a_measure_is_grouped_at_its_own_grain_before_anything_is_joined_to_it() {
    let compiled = sqlite(&by("takings", &["town"]));
    assert_eq!(
        compiled.primary.inlined,
        "WITH \"measure_0\" AS (SELECT \"members\".\"town\" AS \"d0\", SUM(\"fines\".\"amount\") AS \"v\", COUNT(*) AS \"n\" FROM \"fines\" \
         JOIN \"loans\" ON \"fines\".\"loan_id\" = \"loans\".\"loan_id\" JOIN \"members\" ON \"loans\".\"member_id\" = \"members\".\"member_id\" \
         WHERE (\"loans\".\"status\" <> 'void') AND (\"members\".\"town\" IS NOT NULL AND \"members\".\"town\" <> '') GROUP BY 1) \
         SELECT \"measure_0\".\"d0\" AS \"town\", ROUND(\"measure_0\".\"v\", 2) AS \"takings\" FROM \"measure_0\" ORDER BY \"measure_0\".\"d0\" LIMIT 1000"
    );
}

#[test]
fn a_definition_that_reaches_the_dimension_straight_goes_before_one_with_a_detour() {
    let compiled = sqlite(&by("takings", &["shelf"]));
    assert_eq!(compiled.primary.definition, "takings_by_fees");
    assert!(!compiled.primary.overlapping);
    assert_eq!(compiled.siblings.len(), 1);
    assert!(compiled.siblings[0].overlapping, "the fines of a loan stand under each of its shelves");
    assert!(compiled.siblings[0].inlined.contains("SELECT DISTINCT"));
}

#[test]
fn a_filter_over_a_detour_is_a_test_of_membership_and_multiplies_nothing() {
    let mut intent = by("loan_count", &[]);
    intent.filters = vec![filter("shelf", "maps", true)];
    let compiled = sqlite(&intent);
    assert!(
        compiled.primary.inlined.contains("\"loans\".\"loan_id\" NOT IN (SELECT \"copies\".\"loan_id\" FROM \"copies\" WHERE")
    );
    assert!(compiled.primary.inlined.contains("IN ('maps')"), "the members are those that have it");
}

#[test]
fn values_of_a_question_are_bound_and_never_written() {
    let mut intent = by("loan_count", &[]);
    intent.filters = vec![filter("town", "x'); DROP TABLE loans; --", false)];
    intent.window = Window::year(2017);
    for dialect in DIALECTS {
        let compiled = compile(&library(), &intent, dialect).expect("it compiles");
        assert!(!compiled.primary.sql.contains("DROP"), "{}", compiled.primary.sql);
        let expected = [
            Binding::Text("x'); DROP TABLE loans; --".to_owned()),
            Binding::Moment(date(2017, 1, 1)),
            Binding::Moment(date(2018, 1, 1)),
        ];
        assert_eq!(compiled.primary.bindings, expected);
        assert!(compiled.primary.inlined.contains("'x''); DROP TABLE loans; --'"), "the quote is doubled");
    }
}

#[test]
fn a_backslash_ends_no_literal_where_it_is_an_escape() {
    let mut intent = by("loan_count", &[]);
    intent.filters = vec![filter("town", "x\\' OR 1=1 --", false)];
    for dialect in [Dialect::Mysql, Dialect::Clickhouse] {
        let compiled = compile(&library(), &intent, dialect).expect("it compiles");
        assert!(compiled.primary.inlined.contains("'x\\\\'' OR 1=1 --'"), "{}", compiled.primary.inlined);
    }
}

#[test]
fn a_ranking_puts_missing_values_last_and_breaks_ties_by_the_keys() {
    let mut intent = by("average_fine", &["town"]);
    intent.ranking = Some(Ranking { first: End::High, limit: 3, by_change: false });
    let compiled = sqlite(&intent);
    assert!(compiled.primary.inlined.ends_with(
        "WHERE \"measure_0\".\"n\" >= 5 ORDER BY CASE WHEN \"measure_0\".\"v\" IS NULL THEN 1 ELSE 0 END, \"measure_0\".\"v\" DESC, \"measure_0\".\"d0\" LIMIT 3"
    ));
    assert_eq!(compiled.primary.assumptions.len(), 1, "the support that was taken for granted is told");
}

#[test]
fn a_threshold_on_the_population_is_held_against_what_stands_behind_the_value() {
    let mut intent = by("on_time_rate", &["district"]);
    intent.thresholds = vec![Threshold { measure: "loan_count".to_owned(), relation: Relation::AtLeast, bound: 100.0 }];
    let compiled = sqlite(&intent);
    assert!(compiled.primary.inlined.contains("WHERE \"measure_0\".\"n\" >= 100 "));
    let relaxed = compiled.relaxed.expect("the same without the threshold");
    assert!(!relaxed.inlined.contains(">= 100"));
}

#[test]
fn a_threshold_on_something_else_is_aggregated_by_itself_first() {
    let mut intent = by("on_time_rate", &["town"]);
    intent.thresholds = vec![Threshold { measure: "takings".to_owned(), relation: Relation::MoreThan, bound: 2.5 }];
    let compiled = sqlite(&intent);
    assert!(compiled.primary.inlined.contains("\"measure_1\" AS (SELECT"));
    assert!(
        compiled
            .primary
            .inlined
            .contains("JOIN \"measure_1\" ON \"measure_0\".\"d0\" = \"measure_1\".\"d0\" WHERE \"measure_1\".\"v\" > 2.5")
    );
}

#[test]
fn an_inner_step_takes_a_person_once_in_one_group() {
    let compiled = sqlite(&by("returning_rate", &["town"]));
    assert!(compiled.primary.inlined.contains("MIN(\"members\".\"town\") AS \"d0\", COUNT(*) AS \"loans_of_member\""));
}

#[test]
fn periods_are_told_apart_within_one_pass_and_a_change_is_worked_out_by_group() {
    let (before, after) = (Window::year(2017).expect("a year"), Window::year(2018).expect("a year"));
    let mut intent = by("takings", &[]);
    intent.comparison = Some(Comparison { before, after, direction: None });
    assert!(
        sqlite(&intent).primary.inlined.contains("CASE \"measure_0\".\"p\" WHEN 0 THEN '2017' ELSE '2018' END AS \"period\"")
    );
    intent.dimensions = vec!["town".to_owned()];
    let names: Vec<String> = sqlite(&intent).primary.columns.into_iter().map(|column| column.name).collect();
    assert_eq!(names, ["town", "takings_before", "takings_after", "takings_change"]);
}

#[test]
fn a_share_is_over_the_same_rows_without_its_filter() {
    let mut intent = by("loan_count", &[]);
    intent.filters = vec![filter("town", "Aldham", false)];
    intent.share = Some(Share { of: Vec::new() });
    let sql = sqlite(&intent).primary.inlined;
    assert!(sql.contains("CROSS JOIN \"measure_whole\""), "{sql}");
    assert!(sql.contains("NULLIF(\"measure_whole\".\"v\", 0)"), "{sql}");
}

#[test]
fn what_no_join_reaches_is_an_error_with_both_names() {
    let yaml = crate::engine::analytics::layer::sample::LIBRARY.replacen(
        "  - {many: copies.loan_id, one: loans.loan_id, cardinality: many_to_one}\n",
        "",
        1,
    );
    let yaml = yaml.replacen(
        "where: loans.status <> 'void', aggregation: sum, unit: money, time: lent}",
        "aggregation: sum, unit: money}",
        1,
    );
    let layer = Layer::read(&yaml).expect("a layer");
    let error = compile(&layer, &by("loan_count", &["shelf"]), Dialect::Sqlite).expect_err("nothing leads there");
    assert_eq!(error, CompileError::Unreached { measure: "loan_count".to_owned(), wanted: "shelf".to_owned() });
}

fn intents() -> impl Strategy<Value = Intent> {
    let measures = prop::sample::subsequence(
        vec!["loan_count", "fine_count", "takings", "average_fine", "on_time_rate", "returning_rate", "nonsense"],
        1..3,
    );
    let dimensions = prop::sample::subsequence(vec!["town", "district", "shelf", "reason", "delay"], 0..4);
    let level = prop::option::of(prop::sample::select(vec![
        Level::HourOfDay,
        Level::DayOfWeek,
        Level::Day,
        Level::Week,
        Level::Month,
        Level::Quarter,
        Level::Year,
    ]));
    let filters = prop::collection::vec(
        (prop::sample::select(vec!["town", "shelf", "reason", "delay", "void"]), ".{0,8}", any::<bool>()),
        0..3,
    );
    let windows = (any::<bool>(), any::<bool>(), 1990_i16..2030);
    let rest = (any::<bool>(), any::<bool>(), any::<bool>(), 0.0_f64..1e6);
    (measures, dimensions, level, filters, windows, rest).prop_map(
        |(measures, dimensions, by_time, filters, (window, compared, year), (ranked, shared, bounded, bound))| {
            let mut intent = Intent::of("library", measures.into_iter().map(str::to_owned).collect());
            intent.dimensions = dimensions.into_iter().map(str::to_owned).collect();
            intent.by_time = by_time;
            intent.filters = filters.into_iter().map(|(dimension, value, negated)| filter(dimension, &value, negated)).collect();
            intent.window = Window::year(year).filter(|_| window);
            let periods = Window::year(year).zip(Window::year(year + 1)).filter(|_| compared);
            intent.comparison = periods.map(|(before, after)| Comparison { before, after, direction: None });
            intent.ranking = ranked.then_some(Ranking { first: End::Low, limit: 7, by_change: compared });
            intent.share = shared.then(|| Share { of: vec![filter("town", "Aldham", false)] });
            intent.thresholds = bounded
                .then(|| Threshold { measure: "loan_count".to_owned(), relation: Relation::AtLeast, bound })
                .into_iter()
                .collect();
            intent.view = View::Table;
            intent
        },
    )
}

/// The compiler's own names beside those of the layer.
fn is_own(name: &str) -> bool {
    let numbered = |start: &str| {
        name.strip_prefix(start).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let fixed =
        ["v", "n", "p", "t", "k", "e", "a", "b", "bn", "period", "support", "measure_whole", "measure_periods", "measure_inner"];
    let levels = ["hour_of_day", "day_of_week", "day", "week", "month", "quarter", "year"];
    fixed.contains(&name) || levels.contains(&name) || numbered("d") || numbered("measure_")
}

proptest! {
    #[test]
    fn whatever_is_asked_every_name_in_the_sql_is_the_layers_or_the_compilers(intent in intents()) {
        let layer = library();
        for dialect in DIALECTS {
            let Ok(compiled) = compile(&layer, &intent, dialect) else { continue };
            for query in std::iter::once(&compiled.primary).chain(&compiled.siblings).chain(&compiled.relaxed) {
                for name in &query.names {
                    let column = layer.tables.values().any(|table| table.columns.contains_key(name));
                    let value = layer.measures.values().any(|measure| measure.per.as_ref().is_some_and(|per| per.values.contains_key(name)));
                    let aside = ["share_of_", ""].iter().any(|start| ["_before", "_after", "_change", "_whole", ""].iter().any(|end| {
                        name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)).is_some_and(|rest| layer.measures.contains_key(rest))
                    }));
                    let bridge = name.strip_prefix("bridge_").is_some_and(|rest| layer.tables.contains_key(rest));
                    let known = layer.tables.contains_key(name) || layer.dimensions.contains_key(name) || column || value || aside || bridge || is_own(name);
                    prop_assert!(known, "`{}` in {}", name, query.inlined);
                }
                prop_assert!(query.inlined.contains(" LIMIT "), "every query ends");
                prop_assert_eq!(query.columns.is_empty(), false);
            }
        }
    }
}
