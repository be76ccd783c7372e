//! Tests of the catalogue: entries, sentences, schemas, conditions, and what questions say of parameters.

use super::*;
use crate::domain::answer::Confidence;
use crate::domain::frame::{Column, Frame};
use crate::domain::time::Timestamp;
use crate::engine::numeric::method::{FitFault, FitInput, FitRun, Fitted};
use crate::engine::numeric::{slots, source};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

#[derive(Debug)]
struct Any;

impl Method for Any {
    fn check(&self, settings: &Map<String, Value>) -> Result<(), FieldError> {
        if settings.contains_key("bad") { Err(FieldError::new("/bad", "it is bad")) } else { Ok(()) }
    }

    fn fit(&self, _: &FitInput<'_>, _: &FitRun<'_>) -> Result<Fitted, FitFault> {
        Ok(Fitted::default())
    }
}

fn named(name: &str) -> Option<Arc<dyn Method>> {
    (name == "any").then(|| Arc::new(Any) as Arc<dyn Method>)
}

pub(crate) const ENTRY: &str = r#"
id = "NR-99"
title = "Coverage"
description = "How often the fund covers a shock."
category = "Risk modeling"
method = "any"
reference = "Nobody (2000)"
questions = ["What's our coverage at a 15% shock?"]
used_by = ["Risk"]
cadence = "24h"
fresh_for = "36h"
fit_within = "10s"
sentence = "At {shock|percent:0}: {by_shock[shock].covered|percent:1} for {symbol}. {?top}Top: {#top}{market} ({share|percent:0}){/}. {/}{!top}None. {/}Last fit: {fitted_at|ago}."

[parameters.symbol]
type = "symbol"
description = "The market, such as BTC-PERP."
fit = true
required = true

[parameters.shock]
type = "percent"
description = "The shock."
default = "15%"
choices = ["5%", "10%", "15%"]

[parameters.horizon_days]
type = "integer"
description = "Days ahead."
default = 7
minimum = 1
maximum = 30

[inputs.bars]
dataset = "ohlcv"
columns = { time = "time", close = "close" }
where = { symbol = "symbol" }
order_by = "time"

[[doubts]]
when = "n < 100"
at_most = "LOW"
reason = "there are few observations"

[headline]
value = "by_shock[shock].covered"
unit = "share"
interval = "by_shock[shock].interval"

[output]
type = "object"
required = ["by_shock", "n"]
[output.properties.n]
type = "integer"
minimum = 1
[output.properties.top]
type = "array"
[output.properties.by_shock]
type = "object"
additionalProperties = { type = "object", required = ["covered"] }
"#;

fn case() -> Case {
    Case::read(ENTRY, &named).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn values() -> Map<String, Value> {
    object(json!({
        "n": 50, "top": [{"market": "BTC-PERP", "share": 0.38}, {"market": "ETH-PERP", "share": 0.24}],
        "by_shock": {"0.05": {"covered": 0.9976}, "0.10": {"covered": 0.9842}, "0.15": {"covered": 0.9208, "interval": [0.91, 0.93]}},
    }))
}

fn moment() -> Moment {
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    Moment { fitted_at: now.plus_millis(-4 * 3_600_000 - 60_000), now }
}

#[test]
fn a_question_becomes_parameters_and_a_fit_becomes_a_sentence() {
    let case = case();
    let parameters =
        slots::fill(&case, "What's our BTCUSDT coverage probability at a 10 percent shock over 14 days?", &[]).unwrap();
    assert_eq!(parameters, object(json!({"symbol": "BTC-PERP", "shock": 0.1, "horizon_days": 14})));
    let said = case.sentence.say(&parameters, &values(), moment()).unwrap();
    assert_eq!(said, "At 10%: 98.4% for BTC-PERP. Top: BTC-PERP (38%), ETH-PERP (24%). Last fit: 4h ago.");
    let none = object(json!({"n": 1, "top": [], "by_shock": {"0.1": {"covered": 1.0}}}));
    assert_eq!(case.sentence.say(&parameters, &none, moment()).unwrap(), "At 10%: 100.0% for BTC-PERP. None. Last fit: 4h ago.");
}

#[test]
fn what_a_question_leaves_open_has_its_default_or_is_asked_for_by_name() {
    let case = case();
    let lacks = slots::fill(&case, "what is our coverage?", &[]).unwrap_err();
    assert_eq!(lacks.len(), 1);
    assert!(lacks[0].parameter == "symbol" && lacks[0].ask.contains("such as BTC-PERP"), "{lacks:?}");
    let from_elsewhere = slots::fill(&case, "what is our coverage?", &["ETH".to_owned()]).unwrap();
    assert_eq!(from_elsewhere, object(json!({"symbol": "ETH-PERP", "shock": 0.15, "horizon_days": 7})));
    let wrong = slots::fill(&case, "BTC coverage at a 12% shock", &[]).unwrap_err();
    assert!(wrong[0].ask.contains("0.12 is not one of 0.05, 0.1, 0.15"), "{wrong:?}");
}

#[test]
fn a_name_that_only_the_fit_knows_is_taken_from_the_question() {
    let parameter = "[parameters.part]\ntype = \"text\"\ndescription = \"A part.\"\ndefault = \"all\"\n\n[parameters.symbol]";
    let entry = ENTRY.replace("for {symbol}.", "for {symbol} {parts[part].n}.").replace("[parameters.symbol]", parameter);
    let entry = entry.replace("[output.properties.top]", "[output.properties.parts]\n[output.properties.top]");
    let case = Case::read(&entry, &named).unwrap();
    let values = object(json!({"parts": {"all": {"n": 3}, "market_makers": {"n": 1}, "makers": {"n": 2}}}));
    let fill = |question: &str| {
        let mut parameters = slots::fill(&case, question, &[]).unwrap();
        slots::fill_from_values(&case, question, &mut parameters, &values);
        parameters["part"].clone()
    };
    assert_eq!(fill("BTC coverage of market makers?"), "market_makers");
    assert_eq!(fill("BTC coverage"), "all");
}

#[test]
fn a_question_may_name_two_markets() {
    let parameter = "[parameters.other]\ntype = \"symbol\"\ndescription = \"The other.\"\n\n[parameters.symbol]";
    let case = Case::read(&ENTRY.replace("[parameters.symbol]", parameter), &named).unwrap();
    let parameters = slots::fill(&case, "how do SOL and ETHUSDT move together, SOL most of all?", &[]).unwrap();
    assert_eq!((&parameters["symbol"], &parameters["other"]), (&json!("SOL-PERP"), &json!("ETH-PERP")));
}

#[test]
fn parameters_of_a_query_are_checked_by_name() {
    let case = case();
    let given = |pairs: &[(&str, &str)]| {
        case.given(&pairs.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect())
    };
    let right = given(&[("symbol", "btc"), ("shock", "0.05"), ("horizon_days", "3")]).unwrap();
    assert_eq!(right, object(json!({"symbol": "BTC-PERP", "shock": 0.05, "horizon_days": 3})));
    for (pairs, pointer) in [
        (vec![], "/symbol"),
        (vec![("symbol", "no symbol")], "/symbol"),
        (vec![("symbol", "BTC"), ("mood", "good")], "/mood"),
        (vec![("symbol", "BTC"), ("horizon_days", "31")], "/horizon_days"),
        (vec![("symbol", "BTC"), ("horizon_days", "1.5")], "/horizon_days"),
        (vec![("symbol", "BTC"), ("shock", "NaN")], "/shock"),
    ] {
        assert_eq!(given(&pairs).unwrap_err()[0].pointer, pointer, "{pairs:?}");
    }
    let key = |shock: &str, symbol: &str| Case::fit_key(&case.of_fit(&given(&[("symbol", symbol), ("shock", shock)]).unwrap()));
    assert_eq!(key("5%", "BTC"), key("10%", "btcusdt"), "only the symbol has fits of its own");
    assert_ne!(key("5%", "BTC"), key("5%", "ETH"));
}

#[test]
fn an_entry_that_is_wrong_is_refused_with_the_file_and_the_key() {
    let wrong = |from: &str, to: &str| {
        assert!(ENTRY.contains(from), "{from}");
        Catalogue::default().add("nr-99.toml", &ENTRY.replacen(from, to, 1), &named).unwrap_err()
    };
    for (from, to, pointer) in [
        ("method = \"any\"", "method = \"other\"", "/nr-99.toml/method"),
        ("cadence = \"24h\"", "cadence = \"often\"", "/nr-99.toml/cadence"),
        ("type = \"percent\"", "type = \"share\"", "/nr-99.toml/parameters/shock/type"),
        ("[parameters.shock]", "[parameters.version]", "/nr-99.toml/parameters/version"),
        ("default = 7", "default = 99", "/nr-99.toml/parameters/horizon_days/default"),
        ("where = { symbol = \"symbol\" }", "where = { symbol = \"shock\" }", "/nr-99.toml/inputs/bars/where/symbol"),
        ("when = \"n < 100\"", "when = \"n is small\"", "/nr-99.toml/doubts/0/when"),
        ("when = \"n < 100\"", "when = \"m < 100\"", "/nr-99.toml/doubts/0/when"),
        ("at_most = \"LOW\"", "at_most = \"low\"", "/nr-99.toml/doubts/0/at_most"),
        ("{fitted_at|ago}", "{fitted_at|then}", "/nr-99.toml/sentence"),
        ("{symbol}.", "{market}.", "/nr-99.toml/sentence"),
        ("unit = \"share\"", "units = \"share\"", "/nr-99.toml/headline"),
        (
            "[output.properties.top]\ntype = \"array\"",
            "[output.properties.top]\nkind = \"array\"",
            "/nr-99.toml/output/properties/top/kind",
        ),
        ("[headline]", "[settings]\nbad = 1\n[headline]", "/nr-99.toml/settings/bad"),
    ] {
        let error = wrong(from, to);
        assert!(error.pointer.starts_with(pointer), "{to}: {error}");
    }
    assert!(wrong("title = \"Coverage\"", "title = \"Coverage\"\ncolour = \"red\"").detail.contains("colour"));
}

#[test]
fn every_built_in_entry_reads_and_no_question_is_there_twice() {
    let catalogue = Catalogue::built_in().unwrap();
    assert_eq!(catalogue.len(), super::super::cases::BUILT_IN.len(), "two entries have one id");
    let mut questions: Vec<String> = catalogue.iter().flat_map(|case| case.questions.clone()).map(|q| q.to_lowercase()).collect();
    let count = questions.len();
    questions.sort();
    questions.dedup();
    assert_eq!(questions.len(), count);
}

#[test]
fn conditions_hold_what_is_there_against_a_number() {
    let (parameters, values) = (object(json!({"shock": 0.15})), values());
    for (text, holds) in [
        ("n < 100", true),
        ("n <= 50", true),
        ("n > 50", false),
        ("n >= 50", true),
        ("n == 50", true),
        ("by_shock[shock].covered < 0.95", true),
        ("by_shock[shock].interval[0] < 0.9", false),
        ("gone < 1", false),
        ("top < 1", false),
    ] {
        assert_eq!(Condition::read(text).unwrap().holds(&parameters, &values), holds, "{text}");
    }
    assert_eq!(case().doubts[0].at_most, Confidence::Low);
}

#[test]
fn values_that_break_the_schema_are_named() {
    let check = |value: Value| case().output.check(&object(value)).map_err(|error| error.pointer);
    assert_eq!(check(Value::Object(values())), Ok(()));
    assert_eq!(check(json!({"by_shock": {}})), Err("/n".into()));
    assert_eq!(check(json!({"by_shock": {}, "n": 0})), Err("/n".into()));
    assert_eq!(check(json!({"by_shock": {}, "n": null})), Err("/n".into()));
    assert_eq!(check(json!({"by_shock": {"0.1": {}}, "n": 1})), Err("/by_shock/0.1/covered".into()));
}

#[test]
fn numbers_are_said_as_the_format_has_them() {
    let say = |format: &str, value: Value| {
        let values = object(json!({ "x": value }));
        Sentence::read(&format!("{{x|{format}}}")).unwrap().say(&Map::new(), &values, moment()).unwrap()
    };
    assert_eq!(say("number:2", json!(1.235)), "1.24");
    assert_eq!(say("percent:1", json!(0.792)), "79.2%");
    assert_eq!(say("signed:1", json!(3.21)), "+3.2");
    assert_eq!(say("signed:0", json!(-0.1)), "0");
    assert_eq!(say("thousands", json!(50_000_000)), "50,000,000");
    assert_eq!(say("thousands", json!(-1234.5)), "-1,234");
    assert_eq!(say("days", json!(8.2)), "8 days");
    assert_eq!(say("days", json!(1)), "1 day");
    let plain = |value: Value| {
        let values = object(json!({ "x": value }));
        Sentence::read("{x}").unwrap().say(&Map::new(), &values, moment()).unwrap()
    };
    assert_eq!([plain(json!(0.5)), plain(json!(3)), plain(json!("a")), plain(json!(0.00012))], ["0.5", "3", "a", "0.00012"]);
}

#[test]
fn rows_are_chosen_by_symbol_sorted_and_cut_at_the_moment() {
    let text = |values: &[&str]| Column::Text(values.iter().map(|v| Some((*v).into())).collect());
    let at = |n: i64| Some(Timestamp::from_micros(n));
    let frame = Frame::new(vec![
        ("time".into(), Column::Time(vec![at(3), at(1), at(2), at(9), at(1)])),
        ("symbol".into(), text(&["BTCUSDT", "btcusdt", "BTCUSDT", "BTCUSDT", "ETHUSDT"])),
        ("close".into(), Column::Number(vec![30.0, 10.0, 20.0, 90.0, 5.0])),
    ])
    .unwrap();
    let case = case();
    let shape = |symbol: &str| {
        let given = object(json!({ "symbol": symbol }));
        source::shape(&frame, &case.inputs["bars"], (&case.parameters, &given), Timestamp::from_micros(5))
    };
    let shaped = shape("BTC-PERP").unwrap();
    assert_eq!(shaped.frame.numbers("close").unwrap(), [10.0, 20.0, 30.0]);
    assert_eq!(shaped.frame.columns().len(), 2);
    assert_ne!(shaped.hash, shape("ETH-PERP").unwrap().hash);
    assert!(matches!(shape("SOL-PERP"), Err(FitFault::NoData(_))));
}

proptest! {
    #[test]
    fn whatever_stands_in_an_entry_is_read_or_refused(text in "\\PC{0,200}", at in 0..ENTRY.len()) {
        let _ = Case::read(&text, &named);
        let at = (0..=at).rev().find(|at| ENTRY.is_char_boundary(*at)).unwrap();
        let _ = Case::read(&format!("{}{text}{}", &ENTRY[..at], &ENTRY[at..]), &named);
    }

    #[test]
    fn whatever_sentence_is_read_can_be_said_or_is_refused(parts in prop::collection::vec(
        prop::sample::select(vec!["{", "}", "a", "{n}", "{top}", "{#top}", "{market}", "{/}", "{?n}", "{!n}", "{.}", "{n|percent:1}", "{by_shock[shock]}", "{fitted_at|ago}", "|", " "]), 0..40,
    )) {
        if let Ok(sentence) = Sentence::read(&parts.concat()) {
            let _ = sentence.say(&object(json!({"shock": 0.15})), &values(), moment());
        }
    }

    #[test]
    fn whatever_is_asked_fills_parameters_of_their_types_or_is_asked_back(question in "\\PC{0,120}") {
        let case = case();
        if let Ok(parameters) = slots::fill(&case, &question, &[]) {
            for (name, value) in &parameters {
                prop_assert_eq!(&case.parameters[name].value(value), &Ok(value.clone()));
            }
        }
    }

    #[test]
    fn whatever_schema_is_read_checks_whatever_value(schema in "\\PC{0,80}") {
        if let Ok(value) = serde_json::from_str(&schema)
            && let Ok(schema) = Schema::read(&value)
        {
            let _ = schema.check(&values());
        }
        let _ = Condition::read(&schema);
        let _ = Path::read(&schema);
    }
}
